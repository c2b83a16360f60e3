"""Lines: which, when, how often, and that nothing in them can act on a terminal."""

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cma_tui.event import parse
from cma_tui.feed import fold_all, fold_batch
from cma_tui.report.lines import JsonLines, PlainLines, harmless, one_line
from cma_tui.session.fold import apply
from cma_tui.session.model import Change, Session
from cma_tui.source import Batch
from cma_tui.text import DANGEROUS
from tests.payloads import LONE_SURROGATE, PAYLOADS
from tests.stories.recordings import NAMES, recording
from tests.stories.write import Log


@pytest.fixture(autouse=True)
def utc(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


class Tail:
    """A session that grows, and the lines it has given."""

    def __init__(self, lines=None):
        self.lines, self.session = lines or PlainLines(), Session()

    def take(self, *events, listed=False, after=""):
        """What the events print."""
        change = Change()
        self.session = fold_batch(self.session, Batch(events, listed, after), change)
        return self.text(self.lines.update(self.session))

    def finish(self):
        return self.text(self.lines.finish(self.session))

    @staticmethod
    def text(lines):
        return [line.decode() for line in lines]


def words(lines):
    """Lines without their time, white space evened out."""
    return [" ".join(line[21:].split()) for line in lines]


def test_a_whole_log():
    tail = Tail()
    assert tail.take(*recording("braintrust-sdk-python/2026-08-17_sdk0.122")) == [
        "2026-08-17 16:21:33  you       Use bash once to print 2+2, then reply with only the number.",
        "2026-08-17 16:21:33  model     0% cached  1.2s  2.2k → 127",
        "2026-08-17 16:21:34  tool      bash  echo $((2+2))  ok  2.7s  2 B",
        "2026-08-17 16:21:37  model     0% cached  0.53s  2.3k → 4",
        "2026-08-17 16:21:37  agent     4",
    ]
    assert tail.finish() == []


def test_messages_are_whole_and_their_lines_indented():
    log = Log()
    log.user("one\n\n  two\n" + "three " * 5000)
    lines = Tail().take(*log.events)
    assert lines[0].endswith("you       one")
    assert lines[1] == ""
    assert lines[2] == " " * 31 + "  two"
    assert lines[3] == " " * 31 + ("three " * 5000).rstrip()


def test_a_tool_use_is_printed_with_its_result_and_a_request_at_its_end():
    log, tail = Log(), Tail()
    log.begin()
    tail.take(*log.events)
    start = log.start()
    use = log.tool(name="bash", input={"command": "make"})
    assert tail.take(*log.events[-2:]) == []
    log.end(start)
    assert words(tail.take(log.events[-1]))[0].startswith("model")
    log.result(use)
    assert words(tail.take(log.events[-1]))[0].startswith("tool bash make ok")
    assert tail.finish() == []


def test_a_tool_use_that_needs_an_answer_is_printed_then_and_again_with_its_result():
    log, tail = Log(), Tail()
    log.begin()
    use = log.tool(name="bash", permission="ask", input={"command": "rm x"})
    assert words(tail.take(*log.events))[-1] == "tool bash rm x needs your answer"
    log.confirm(use)
    assert tail.take(log.events[-1]) == []
    log.result(use)
    assert words(tail.take(log.events[-1]))[0].startswith("tool bash rm x ok")
    assert tail.take(*log.events) == []


def test_what_goes_on_when_the_log_ends_is_printed_at_its_end():
    log, tail = Log(), Tail()
    log.begin()
    log.start()
    log.tool(name="bash", input={"command": "sleep 9"})
    tail.take(*log.events)
    assert words(tail.finish()) == ["model working", "tool bash sleep 9 running"]


def test_a_tool_use_without_a_result_is_unfinished_when_its_turn_ends():
    log, tail = Log(), Tail()
    log.begin()
    log.tool(name="bash", input={"command": "sleep 9"})
    tail.take(*log.events)
    log.rest()
    assert words(tail.take(log.events[-1])) == ["tool bash sleep 9 unfinished"]
    assert tail.finish() == []


def test_queued_messages():
    log, tail = Log(), Tail()
    log.begin()
    tail.take(*log.events)
    queued = log.user("and then?", at=None)
    assert tail.take(log.events[-1]) == []
    assert words(tail.finish()) == ["you and then? queued"]
    log.user("and then?", id=queued)
    assert words(tail.take(log.events[-1])) == ["you and then?"]
    assert tail.finish() == []


@pytest.mark.parametrize("kind", [PlainLines, JsonLines])
def test_what_a_late_list_brings_is_printed_once(kind):
    """A stream that began late, then the list: the session is folded anew, and nothing is printed twice."""
    events = recording("langsmith-sdk/mcp_tools_reject")
    whole, tail = Tail(kind()), Tail(kind())
    wanted = whole.take(*events) + whole.finish()
    late = [n for n, event in enumerate(events) if event.type == "span.model_request_start"][1]
    printed = tail.take(*events[late : late + 3])
    printed += tail.take(*events[: late + 6], listed=True)
    printed += tail.take(*events[late + 3 :])
    printed += tail.take(*events, listed=True)
    assert sorted(printed + tail.finish()) == sorted(wanted)


@settings(max_examples=60, deadline=None)
@given(data=st.data(), name=st.sampled_from(NAMES))
def test_json_prints_each_event_once_however_it_comes(data, name):
    events = recording(name)
    tail = Tail(JsonLines())
    printed = []
    for _ in range(data.draw(st.integers(1, 6))):
        first = data.draw(st.integers(0, len(events)))
        last = data.draw(st.integers(first, len(events)))
        listed = data.draw(st.booleans())
        printed += tail.take(*events[first:last], listed=listed and first == 0)
    printed += tail.take(*events, listed=True) + tail.finish()
    assert sorted(printed) == sorted(event.raw.decode() for event in events)


def test_json_leaves_out_facts_of_ours_and_adds_previews_when_asked():
    lines = JsonLines()
    preview = parse(b'{"type":"event_start","event":{"id":"m","type":"agent.message"}}')
    session, change = Session(), Change()
    for raw in (b'{"type":"session.status_running","id":"a"}', b"rubbish", b'{"type":"local.connected"}'):
        apply(session, parse(raw), change)
    assert list(lines.update(session)) == [b'{"type":"session.status_running","id":"a"}']
    assert list(lines.update(session)) == []
    assert list(lines.preview(session, preview)) == [preview.raw]
    assert list(PlainLines().preview(session, preview)) == []
    apply(session, parse(b'{"type":"agent.message","id":"m"}'), change)
    late = parse(b'{"type":"event_delta","event_id":"m","delta":{"content":{"text":"x"}}}')
    assert list(lines.preview(session, preview)) == []
    assert list(lines.preview(session, late)) == []


@pytest.mark.parametrize(
    ("raw", "line"),
    [
        (b' {"a": 1.50} ', b'{"a": 1.50}'),
        (b'{\r\n "a": 1.50,\n\n "b": "x  y"\n}', b'{"a":1.50,"b":"x  y"}'),
        (b'{\n "a": NaN,\n "b": "\\ud800"}', b'{ "a": NaN, "b": "\\ud800"}'),
    ],
)
def test_one_line(raw, line):
    assert one_line(raw) == line


@pytest.mark.parametrize("payload", [*PAYLOADS], ids=lambda payload: payload.name)
def test_nothing_hostile_reaches_a_terminal(payload):
    log = Log()
    log.begin(payload.text)
    log.message(payload.text)
    use = log.tool(name=payload.text, input={"command": payload.text, payload.text: payload.text})
    log.result(use, payload.text, is_error=True)
    log.error(message=payload.text)
    log.add(payload.text, **{payload.text: payload.text})
    session = fold_all(log.events)
    for line in map(bytes.decode, PlainLines().update(session)):
        assert not DANGEROUS.search(line)
        assert payload.needle not in line or (payload.needle.isascii() and payload.needle.isprintable())
    shown = [line.decode() for line in JsonLines(terminal=True).update(session)]
    assert not any(map(DANGEROUS.search, shown))
    assert [json.loads(line) for line in shown] == [event.data for event in log.events]


def test_a_tab_between_the_parts_is_white_space_and_stays_json():
    assert json.loads(harmless('{\t"a":\t"\x9bé"}'.encode())) == {"a": "\x9bé"}


def test_text_that_the_output_cannot_spell():
    log = Log()
    log.user(f"é→ {LONE_SURROGATE}")
    (line,) = PlainLines(encoding="ascii").update(fold_all(log.events))
    assert line.endswith(b"you       ?? ab?cd")


@pytest.mark.parametrize("at", ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z"])
def test_times_at_the_ends_of_the_calendar(at):
    raw = f'{{"type":"agent.message","id":"a","processed_at":"{at}","content":"x"}}'.encode()
    (line,) = PlainLines().update(fold_all([parse(raw)]))
    assert line.endswith(b"agent     x")


def test_cost_does_not_grow_with_the_log():
    """An event's lines cost what is open, not what there was."""
    log, tail = Log(), Tail()
    for _ in range(300):
        log.begin()
        log.result(log.tool())
        log.answer()
        log.rest()
    tail.take(*log.events)
    assert len(tail.lines._open) == 0
