"""The decoding of a stream: what the standard says, however the bytes are cut, and what must not stop it.

The cases of the standard's own test suite are here in our own words; a frame whose data is empty is no event
of this API and is left out.
"""

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cma_tui.source import frames

CASES = {
    "a mark at the start is dropped, one later is part of a name": (
        "\ufeffdata:1\n\n\ufeffdata:2\n\ndata:3\n\n",
        ["1", "3"],
    ),
    "only one mark is dropped": ("\ufeff\ufeffdata:1\n\ndata:2\n\n", ["2"]),
    "comments": (
        "data:1\r:\0\n:\r\ndata:2\n:" + "x" * 300 + "\rdata:3\n:data:no\r:\ndata:4\n\n",
        ["1\n2\n3\n4"],
    ),
    "what has no empty line behind it is not there yet": ("data:1\n\nid:x\ndata:2", ["1"]),
    "data without value": ("data:\n\ndata\ndata\n\ndata:test\n\n", ["\n", "test"]),
    "a name": ("event:test\ndata:x\n\ndata:y\n\n", ["x", "y"]),
    "an empty name": ("event: \ndata:x\n\n", ["x"]),
    "fields": (
        "data:\0\ndata:  2\rData:1\ndata\0:2\ndata:1\r\0data:4\nda-ta:3\rdata_5\ndata:3\rdata:\r\n"
        " data:32\ndata:4\n\n",
        ["\0\n 2\n1\n3\n\n4"],
    ),
    "retry that is none": (
        "retry:3000\nretry:1000x\ndata:x\n\nretry\ndata:y\n\nretry:+5\ndata:z\n\n",
        ["x", "y", "z"],
    ),
    "unknown fields": (
        "data:test\n data\ndata\nfoobar:xxx\njustsometext\n:comment\ndata:test\n\n",
        ["test\n\ntest"],
    ),
    "one leading space": ("data:\ttest\rdata: \ndata:test\n\n", ["\ttest\n\ntest"]),
    "all ends of lines": ("data:test\r\ndata\ndata:test\r\n\r\n", ["test\n\ntest"]),
    "carriage returns only": ("data:1\r\rdata:2\r\rdata:3\r\r:\r", ["1", "2", "3"]),
    "mixed empty lines": ("data:1\n\r\ndata:2\r\n\ndata:3\n\n", ["1", "2", "3"]),
    "a null": ("data:\0\n\n\n\n", ["\0"]),
    "an id with a null, an empty id, only an id": (
        "id:a\0b\ndata:1\n\nid\ndata:2\n\nid:7\n\n\n\ndata:3\n\n",
        ["1", "2", "3"],
    ),
    "only a name, only a pause": ("event:x\n\nretry:10\n\ndata:1\n\n", ["1"]),
    "separators of other standards": (
        "data:a\u2028b\u2029c\x85d\x0be\x0cf\x1cg\x1dh\x1ei\n\n",
        ["a\u2028b\u2029c\x85d\x0be\x0cf\x1cg\x1dh\x1ei"],
    ),
    "two, three and four byte characters": ("data:ö€😀\n\n", ["ö€😀"]),
    "pings and end marks": ("event: ping\ndata: {}\n\ndata: [DONE]\n\n: ok\n\ndata:1\n\n", ["1"]),
}


async def read(pieces, told=lambda seconds: None):
    """The data of every frame."""

    async def chunks():
        for piece in pieces:
            yield piece

    return [
        event.raw.decode("utf-8", "replace")
        async for read in frames.events(chunks(), lambda: None, told)
        for event in read
    ]


@pytest.mark.parametrize("name", CASES)
async def test_the_standard(name):
    text, expected = CASES[name]
    data = text.encode()
    assert await read([data]) == expected
    assert await read([data[n : n + 1] for n in range(len(data))]) == expected
    for cut in range(1, len(data)):
        assert await read([data[:cut], data[cut:]]) == expected
    rng = random.Random(name)
    for _ in range(10):
        cuts = [0, *sorted(rng.sample(range(1, len(data)), min(5, len(data) - 1))), len(data)]
        assert await read([data[a:b] for a, b in pairwise(cuts)]) == expected


LINES = ["data", "data: a", "data:  b", "datax", ":x", "event: e", "event", "id: 1", "retry: 5", "", ""]


@given(
    st.lists(st.tuples(st.sampled_from(LINES), st.sampled_from(["\n", "\r", "\r\n"]))),
    st.lists(st.integers(0, 200)),
)
def test_however_the_bytes_are_cut_the_frames_are_the_same(lines, cuts):
    data = "".join(line + end for line, end in lines).encode()
    whole = list(frames.Frames().take(data))
    pieces, cut = frames.Frames(), [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    got = [frame for a, b in pairwise(cut) for frame in pieces.take(data[a:b])]
    assert [(f.data, f.event) for f in got if f.data] == [(f.data, f.event) for f in whole if f.data]
    ended = [
        n for n in range(1, len(lines)) if not lines[n][0] and lines[n - 1][0] in ("data: a", "data:  b")
    ]
    assert len([frame for frame in whole if frame.data]) >= len(ended)


@pytest.mark.parametrize("bad", [b"\xed\xa0\x80", b"\xff\xfe", b"\xc0\xaf", b"\xf4\x90\x80\x80", b"\xe2\x82"])
async def test_bytes_that_are_no_text_become_marks_and_the_stream_goes_on(bad):
    first, second = await read([b"data:a" + bad + b"b\n\ndata:after\n\n"])
    assert "\ufffd" in first
    assert second == "after"


async def test_a_large_event_in_small_reads(monkeypatch):
    data = b"data:" + b"x" * (8 << 20) + b"\n\n"
    (got,) = await read([data[n : n + 1400] for n in range(0, len(data), 1400)])
    assert len(got) == 8 << 20


async def test_a_frame_without_end_ends_the_connection_with_a_reason(monkeypatch):
    monkeypatch.setattr(frames, "MOST", 1 << 20)
    with pytest.raises(frames.StreamError, match="more than 1 MiB"):
        await read([b"data:" + b"x" * 1000] * 2000)
    assert len(await read([b"data:" + b"x" * 1000 + b"\n\n"] * 2000)) == 2000


async def test_the_pause_that_a_stream_asks_for():
    told = []
    await read([b"retry: 1500\n\nretry: x\n\nretry: 20\ndata: 1\n\n"], told.append)
    assert told == [1.5, 0.02]


@pytest.mark.parametrize(
    ("kind", "is_stream"),
    [
        ("text/event-stream", True),
        ("Text/Event-Stream; charset=windows-1252", True),
        ("text/html", False),
        ("", False),
        ("text/event-stream-not", False),
    ],
)
def test_what_is_a_stream(kind, is_stream):
    assert frames.is_event_stream(kind) is is_stream
