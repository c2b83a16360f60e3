"""Texts that break programs, by others and by hand: in logs, in streams, in lines and on the screen."""

import json
from pathlib import Path

import pytest

from cma_tui.event import parse
from cma_tui.feed import fold_all
from cma_tui.log.formats import open_log
from cma_tui.report.lines import PlainLines
from cma_tui.text import DANGEROUS, printable
from tests.log.shapes import EVENTS, LINES, lines, sse, wrapped
from tests.stories.write import Log
from tests.ui.play import playing
from tests.ui.rows import hostile_log
from tests.utf8 import BAD, GOOD

CORPORA = Path(__file__).parent / "data" / "corpora"
NAUGHTY = json.loads((CORPORA / "naughty_strings.json").read_text(encoding="utf-8"))
DOCUMENTS = json.loads((CORPORA / "json_parsing.json").read_text(encoding="utf-8")) | {
    "n_structure_100000_opening_arrays": "[" * 100_000,
    "n_structure_open_array_object": '[{"":' * 50_000,
}
IDS = [event["id"] for event in EVENTS]
TYPES = ("agent.message", "agent.tool_use", "session.error", "span.model_request_end", "agent.dreams")


def read(path, content):
    """Keys of a log's events, and how much of it is told to be none."""
    path.write_bytes(content)
    with open_log(path) as log:
        events = [event for event in log.events() if event.type != "local.session"]
        bad = len(log.notes) + sum(event.type == "local.bad_frame" for event in events)
    return [event.key for event in events if event.type != "local.bad_frame"], bad


def test_no_naughty_string_gets_through():
    for text in NAUGHTY:
        for strict in (False, True):
            assert not DANGEROUS.search(printable(text, strict=strict))


@pytest.mark.parametrize("start", range(0, len(NAUGHTY), 97))
def test_no_plain_line_of_a_naughty_log_is_dangerous(start):
    log = Log()
    for text in NAUGHTY[start : start + 97]:
        hostile_log(text, log)
    for line in map(bytes.decode, PlainLines().update(fold_all(log.events))):
        assert not DANGEROUS.search(line)


async def test_a_naughty_log_can_be_read_on_the_screen():
    log = Log()
    for number, text in enumerate(NAUGHTY):
        log.message(text)
        log.tool(name=text, id=f"use{number}", input={"command": text, text: text})
        log.result(f"use{number}", text)
    async with playing(*log.events, size=(140, 60), density="full") as play:
        await play.press("g")
        at = None
        while at != (at := (play.timeline.view.top, play.timeline.view.top_line)):
            assert not any(map(DANGEROUS.search, play.lines()))
            play.timeline.scroll_lines(play.timeline.size.height)
            await play.step(enough=1)
        assert play.timeline.view.top > len(NAUGHTY) * 1.8, "all of it was read"


@pytest.mark.parametrize("text", DOCUMENTS.values(), ids=DOCUMENTS)
def test_any_document_as_an_event_or_in_a_field_is_an_event(text):
    assert parse(text.encode()).raw == text.encode()
    for kind in TYPES:
        for field in ("content", "input", "error", "model_usage", "id", "processed_at"):
            raw = b'{"type":"%s","%s":%s}' % (kind.encode(), field.encode(), text.encode())
            event = parse(raw)
            assert event.raw == raw
            fold_all([event])


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_among_the_lines_of_a_log_costs_no_event(name, tmp_path):
    text = DOCUMENTS[name].encode().replace(b"\n", b" ").replace(b"\r", b" ")
    found, bad = read(tmp_path / "x", lines(*LINES[:3], text, *LINES[3:]))
    assert [key for key in found if key in IDS] == IDS
    if name.startswith("n_") and text.strip():
        try:
            json.loads(text)  # a line of its own can be right where the document was not
        except (ValueError, RecursionError):
            assert bad


def test_every_good_byte_sequence_is_read_as_it_is(tmp_path):
    for raw in GOOD.values():
        line = b'{"type":"agent.message","id":"a","content":[{"type":"text","text":"%s"}]}' % raw
        assert parse(line).data["content"][0]["text"] == raw.decode()
        assert read(tmp_path / "x", lines(*LINES, line)) == ([*IDS, "a"], 0)


@pytest.mark.parametrize("raw", BAD.values(), ids=BAD)
def test_bytes_that_are_no_text_cost_no_event(raw, tmp_path):
    line = b'{"type":"agent.message","id":"a","content":[{"type":"text","text":"x%sy"}]}' % raw
    assert parse(line).raw == line
    body = [*LINES[:3], line, *LINES[3:]]
    recorded = lines(*(wrapped(each) for each in LINES[:3]), raw, *(wrapped(each) for each in LINES[3:]))
    for content in (lines(*body), sse(body), b"[" + b",\n".join(body) + b"]", recorded):
        assert [key for key in read(tmp_path / "x", content)[0] if key in IDS] == IDS
    for shown in map(bytes.decode, PlainLines().update(fold_all([parse(each) for each in body]))):
        assert not DANGEROUS.search(shown)
