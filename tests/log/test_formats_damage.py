"""Damaged and hostile logs: what can be read is, the rest is told, and nothing raises but `LogError`."""

import gzip
import json
from itertools import pairwise
from pathlib import Path

import pytest
from httpx_sse._decoders import SSEDecoder
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cma_tui.log import origin
from cma_tui.log.formats import LogError, open_log
from cma_tui.log.origin import Lines, TooLong, dropped, unified
from cma_tui.log.scan import documents, elements, fields
from cma_tui.log.sse import frames
from tests.log.shapes import EVENTS, LINES, RECORDING, SHAPES, lines, sse, wrapped

IDS = [event["id"] for event in EVENTS]


def read(path: Path, content: bytes) -> tuple[list[str], list[str]]:
    """Keys of the server's events and of bad frames (as `!`), and the notes."""
    path.write_bytes(content)
    with open_log(path) as log:
        events = [event for event in log.events() if event.type != "local.session"]
        return ["!" if event.type == "local.bad_frame" else event.key for event in events], log.notes


# -- torn ends ---------------------------------------------------------------------------------------------


def test_last_line_torn_at_every_byte(tmp_path: Path) -> None:
    whole, last = lines(*LINES[:3]), LINES[3]
    for cut in range(len(last)):
        note = [f"torn last line, {cut:,} bytes"] if cut else []
        assert read(tmp_path / "x", whole + last[:cut]) == (IDS[:3], note)
    assert read(tmp_path / "x", whole + last) == (IDS[:4], [])


def test_last_record_torn_at_every_byte(tmp_path: Path) -> None:
    whole, last = lines(*map(wrapped, LINES[:3])), json.dumps(wrapped(LINES[3])).encode()
    for cut in range(1, len(last)):
        assert read(tmp_path / "x", whole + last[:cut]) == (IDS[:3], [f"torn last line, {cut:,} bytes"])
    assert read(tmp_path / "x", whole + last) == (IDS[:4], [])


def test_last_frame_torn_at_every_byte(tmp_path: Path) -> None:
    whole = sse(LINES[:3])
    last = sse(LINES[3:4]).removeprefix(b": connected\n\n")
    text = len(b"event: message\ndata: ")
    for cut in range(len(last)):
        torn = cut - text
        if torn >= len(LINES[3]):
            expected = (IDS[:4], [])
        else:
            expected = (IDS[:3], [f"torn last frame, {torn:,} bytes"] if torn > 0 else [])
        assert read(tmp_path / "x", whole + last[:cut]) == expected


@pytest.mark.parametrize("name", ["array", "array, pretty", "list", "session, pretty", "objects, pretty"])
def test_document_torn_anywhere(name: str, tmp_path: Path) -> None:
    content = SHAPES[name][1]
    for cut in range(len(content) // 2, len(content) - 1, 97):
        keys, notes = read(tmp_path / "x", content[:cut])
        assert keys == IDS[: len(keys)]
        assert len(keys) >= len(IDS) // 3
        assert len(notes) <= 1
        assert notes or name == "objects, pretty"


def test_compressed_file_torn(tmp_path: Path) -> None:
    content = gzip.compress(lines(*LINES))
    keys, notes = read(tmp_path / "x", content[:-40])
    assert keys == IDS[: len(keys)]
    assert notes[0].startswith("compressed data is cut or damaged after")
    keys, notes = read(tmp_path / "x", content + b"rubbish")
    assert keys == IDS
    assert notes[0].startswith("compressed data is cut or damaged after")


# -- damage in the middle ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "rubbish", [b"{", b"x", b"null", b"[1,2]", b'{"a":1}', b"\x00\x00", b"\xff\xfe", b'["a",1,2]']
)
def test_bad_line_in_the_middle(rubbish: bytes, tmp_path: Path) -> None:
    keys, notes = read(tmp_path / "x", lines(*LINES[:2], rubbish, rubbish, *LINES[2:]))
    assert keys == [*IDS[:2], "!", "!", *IDS[2:]]
    assert notes == []
    with open_log(tmp_path / "x") as log:
        bad = [event for event in log.events() if event.type == "local.bad_frame"]
    assert [event.raw for event in bad] == [rubbish, rubbish]
    assert bad[0].key != bad[1].key


@pytest.mark.parametrize("first", [b"hello", LINES[0][:-9], LINES[0][30:], b"[", b"\x00" * 100])
def test_damaged_first_line(first: bytes, tmp_path: Path) -> None:
    keys, _ = read(tmp_path / "x", lines(first, *LINES[1:]))
    assert keys == ["!", *IDS[1:]] or (first == b"[" and keys == IDS[1:])


def test_bad_frame_in_a_capture(tmp_path: Path) -> None:
    content = sse(LINES[:2]) + b"data: {\ndata: x\n\ndata\n\n" + sse(LINES[2:])
    assert read(tmp_path / "x", content) == ([*IDS[:2], "!", *IDS[2:]], [])


def test_bad_elements_of_an_array(tmp_path: Path) -> None:
    parts = [*LINES[:2], b"null", b"12", b'{"id":}', b'"text"', *LINES[2:]]
    keys, notes = read(tmp_path / "x", b"[\n" + b",\n".join(parts) + b"\n]")
    assert keys == [*IDS[:2], "!", "!", "!", "!", *IDS[2:]]
    assert notes == []


def test_extra_bracket_in_an_array(tmp_path: Path) -> None:
    keys, _ = read(tmp_path / "x", b"[\n" + b",\n".join([*LINES[:2], LINES[2] + b"}", *LINES[3:]]) + b"\n]")
    assert [key for key in keys if key != "!"] == IDS


def test_long_first_line(tmp_path: Path) -> None:
    """Longer than what tells the shape: an event stays a line, a wrapping is a document."""
    filler = {"data": ["x" * 3_000_000]}
    big = {"id": "big", "input": filler, "processed_at": None, "type": "agent.tool_use"}
    assert read(tmp_path / "x", lines(big, *LINES)) == (["big", *IDS], [])
    with open_log(tmp_path / "x") as log:
        assert log.shape == "JSON lines"
    for whole in (
        {"session": {"id": "s", **filler}, "events": EVENTS},
        {"data": [big, *EVENTS]},
        [big, *EVENTS],
    ):
        assert read(tmp_path / "x", json.dumps(whole).encode())[0][-len(IDS) :] == IDS


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_line_over_the_cap(end: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(origin, "LINE_CAP", 1 << 19)
    long = LINES[0][:-1] + b',"x":"' + b"y" * (1 << 21) + b'"}'
    keys, notes = read(tmp_path / "x", lines(LINES[0], long, LINES[1], long)[:-1] + end)
    assert keys == [IDS[0], "!", IDS[1], "!"]
    assert notes == []
    with open_log(tmp_path / "x") as log:
        bad = [event for event in log.events() if event.type == "local.bad_frame"]
    assert [event.name for event in bad] == ["more than 64 MiB"] * 2
    assert all(len(event.raw) == 1024 for event in bad)


def test_frame_over_the_cap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(origin, "LINE_CAP", 4000)
    monkeypatch.setattr("cma_tui.log.sse.LINE_CAP", 4000)
    for long in (b"data: " + b"x" * 300_000, b"data: x\n" * 40_000):
        content = sse(LINES[:1]) + long + b"\n\n" + sse(LINES[1:])
        assert read(tmp_path / "x", content) == ([IDS[0], "!", *IDS[1:]], [])


def test_document_over_the_cap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cma_tui.log.formats.DOCUMENT_CAP", 1000)
    with pytest.raises(LogError, match=r"of JSON that is not in lines: make it lines with jq"):
        read(tmp_path / "x", SHAPES["array, pretty"][1])


# -- hostile content -----------------------------------------------------------------------------------------


HOSTILE = [
    b'{"type":"a.b","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    b"[" * 100_000,
    b'{"data":' * 20_000,
    b'{"data":[' * 10_000 + b"]}" * 10_000,
    b'{"type":"a.b","id":"1","x":' + b"9" * 5_000 + b"}",
    b'{"type":"a.b","id":"1","processed_at":1e999,"x":NaN,"y":-Infinity}',
    b'{"type":"\\ud800.\\udfff","id":"\\ud800"}',
    b'{"type":"a.b","id":"\x00\\u0000"}',
    b'{"session":{"id":"\\ud800","x":NaN},"events":[{"type":"a.b"}],"threads":[{"id":5,"events":7},3,null]}',
    b'{"session":{"id":' + b"9" * 5000 + b'},"events":[' + b"," * 1000 + b"]}",
    b'["\\ud800.send",["s",{"events":[{"type":"user.message","content":'
    + b"[" * 2000
    + b"]" * 2000
    + b"}]}]]",
    b'{"cma_top_log":NaN,"session":[]}',
    b'{"cma_top_log":1,"session":{"id":"s","title":"\\ud800"},"wall":1e400}',
    b'{"v":1,"raw":"\\ud800","wall":[]}',
    b'{"v":1,"raw":{"type":"a.b"},"wall":"0001-01-01T00:00:00+23:59","thread":""}',
    b'"' + b"\\" * 100_001,
    b'[{"a":"' + b'\\"' * 20_000,
    b"data:" + b"[" * 100_000 + b"\n\n",
    b"data\n" * 10_000,
    b"HTTP/" * 1000,
    b"HTTP/1.1 200\r\n\r\n" * 20_000,
]


@pytest.mark.parametrize("tail", [b"", b"\n", b"\n" + LINES[0] + b"\n"], ids=["torn", "ended", "followed"])
@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_content(text: bytes, tail: bytes, tmp_path: Path) -> None:
    for content in (text + tail, lines(LINES[0]) + text + tail, b"[" + text + b"," + text + b"]" + tail):
        survives(tmp_path / "x", content)


def survives(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    try:
        with open_log(path) as log:
            for event in log.events():
                assert event.key
                assert isinstance(event.data, dict)
            assert all(note.isprintable() for note in log.notes)
    except LogError as error:
        message = str(error)
    else:
        message = ""
    assert message.isprintable()


_fuzz = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@_fuzz
@given(st.binary(max_size=400))
def test_random_bytes(tmp_path: Path, content: bytes) -> None:
    for start in (b"", b"{", b'[["', b"data:", b"\x1f\x8b\x08", b"BZh9", b"\xfd7zXZ\x00", b"HTTP/1.1\n\n"):
        survives(tmp_path / "x", start + content)


@_fuzz
@given(st.sampled_from(sorted(SHAPES)), st.data())
def test_random_damage(tmp_path: Path, name: str, data: st.DataObject) -> None:
    content = bytearray(SHAPES[name][1])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content)))
        length = data.draw(st.sampled_from([0, 1, 2, 50, 2000]))
        content[at : at + length] = data.draw(
            st.sampled_from([b"", b"\n", b'"', b"{", b"}]", b"\\", b"\x00", b"\xff", b",:"])
        )
    survives(tmp_path / "x", bytes(content))


# -- the parts -----------------------------------------------------------------------------------------------


def split_at(text: bytes, cuts: list[int]) -> list[bytes]:
    marks = [0, *sorted(cut % (len(text) + 1) for cut in cuts), len(text)]
    return [text[a:b] for a, b in pairwise(marks)]


@given(st.lists(st.sampled_from([b"a", b"bc", b"\n", b"\r", b"\r\n", b" "])), st.lists(st.integers(0, 99)))
def test_lines_do_not_depend_on_chunks(parts: list[bytes], cuts: list[int]) -> None:
    text = b"".join(parts)
    cut = Lines(iter(split_at(text, cuts)))
    assert [*(line for batch in cut.batches() for line in batch), cut.tail] == text.split(b"\n")
    plain = b"".join(unified(iter(split_at(text, cuts))))
    assert plain == text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    assert b"".join(dropped(iter(split_at(text, cuts)), 7)) == text[7:]


@given(st.lists(st.sampled_from([b"x" * 7, b"y", b"yy\n", b"\n"])))
def test_lines_over_the_cap_are_cut(chunks: list[bytes]) -> None:
    text = b"".join(chunks)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(origin, "LINE_CAP", 10)
        cut = Lines(iter(chunks))
        got = [line for batch in cut.batches() for line in batch]
    whole = text.split(b"\n")
    if len(whole[-1]) <= 10:
        got.append(cut.tail)
    assert len(got) == len(whole)
    for line, expected in zip(got, whole, strict=True):
        assert isinstance(line, TooLong) == (len(expected) > 10)
        assert expected.startswith(line) if isinstance(line, TooLong) else expected == line


FIELDS = ["data", "data: a", "data:b", "data:  c", ":x", "event: e", "id: 1", "retry: 5", "dat", ""]


@given(st.lists(st.sampled_from(FIELDS)))
def test_frames_agree_with_a_decoder_of_others(text: list[str]) -> None:
    decoder = SSEDecoder()
    decoded = [event.data for line in [*text, ""] if (event := decoder.decode(line)) is not None]
    got = [frame.data.decode() for frame in frames(Lines(iter(["\n".join([*text, "", ""]).encode()])))]
    assert [data for data in got if data] == [data for data in decoded if data]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(st.sampled_from('a"\\{}[],: \n'), max_size=6),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
)


@given(
    st.lists(json_values.filter(lambda v: isinstance(v, list | dict)), min_size=1), st.sampled_from([None, 1])
)
def test_documents_are_cut_where_they_end(values: list[object], indent: int | None) -> None:
    texts = [json.dumps(value, indent=indent).encode() for value in values]
    assert [piece.text for piece in documents(b" \n".join(texts))] == texts


@given(st.dictionaries(st.text(max_size=3), json_values, max_size=4), st.lists(json_values, max_size=4))
def test_members_by_marks_alone(members: dict[str, object], values: list[object]) -> None:
    refused = b'"\\ud800"'  # msgspec takes no lone surrogates
    inner = json.dumps(members)[1:-1]
    text = b"{" + inner.encode() + (b"," if members else b"") + b'"~~~~":' + refused + b"}"
    assert {name: json.loads(value) for name, value in fields(text).items()} == {**members, "~~~~": "\ud800"}
    array = b"[" + b"".join(json.dumps(value).encode() + b" , " for value in values) + refused + b"]"
    assert [json.loads(value) for value in elements(array)] == [*values, "\ud800"]


def test_recording_survives_any_cut(tmp_path: Path) -> None:
    for cut in range(1, len(RECORDING), 61):
        survives(tmp_path / "x", RECORDING[:cut])
        survives(tmp_path / "x", RECORDING[cut:])
