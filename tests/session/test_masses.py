"""Whatever comes in masses within one turn costs the same for each: in the fold, in the book, as a mark.

A tool that prints events can write any log it likes; what grows with what was there before would stand still.
"""

import json

import pytest

from cma_tui.event import parse, stamp_text
from cma_tui.marks import Marks
from cma_tui.report.minimap import Minimap
from cma_tui.session.book import Book
from cma_tui.session.merge import arrive
from cma_tui.session.model import Change, Session
from cma_tui.session.moments import keep_past
from tests.session.counting import work

ASKS = {"evaluated_permission": "ask"}
MASSES = {
    "errors": lambda n: [{"type": "session.error", "error": {"type": "x", "message": "m"}}],
    "messages": lambda n: [{"type": "user.message", "content": "x"}],
    "outcomes": lambda n: [{"type": "user.define_outcome", "outcome_id": f"o{n}"}],
    "legs": lambda n: [{"type": "session.status_running"}, idle(f"u{n}")],
    "uses without end": lambda n: [use(n)],
    "uses that wait": lambda n: [use(n) | ASKS],
    "approvals": lambda n: [
        use(n) | ASKS,
        idle(f"u{n}"),
        {"type": "user.tool_confirmation", "tool_use_id": f"u{n}", "result": "allow"},
        {"type": "session.status_running"},
        {"type": "agent.tool_result", "tool_use_id": f"u{n}"},
    ],
    "requests without end": lambda n: [{"type": "span.model_request_start"}],
    "requests": lambda n: request(n, {}),
    "requests of children": lambda n: request(n, {"stream": f"t{n % 9}"}),
    "children at work": lambda n: [
        {"type": "session.thread_created", "session_thread_id": f"t{n}"},
        use(n) | {"stream": f"t{n}"},
    ],
    "evaluations without end": lambda n: [
        {"type": "span.outcome_evaluation_start", "outcome_id": "o", "iteration": n}
    ],
    "runs": lambda n: [{"type": "workflow_run.created", "workflow_run_id": f"r{n}"}],
    "updates": lambda n: [{"type": "session.updated", "agent": {"name": f"a{n}"}}],
    "types nobody knows": lambda n: [{"type": f"x{n}"}],
}


def use(n):
    return {"type": "agent.tool_use", "id": f"u{n}", "name": "bash", "input": {}}


def idle(asks):
    return {"type": "session.status_idle", "stop_reason": {"type": "requires_action", "event_ids": [asks]}}


def request(n, more):
    usage = {"input_tokens": 5, "output_tokens": 7}
    end = {"type": "span.model_request_end", "model_request_start_id": f"q{n}", "model_usage": usage}
    return [{"type": "span.model_request_start", "id": f"q{n}"} | more, end | more]


def written(name, count):
    """The events: the same thing so many times, a second apart."""
    yield parse(b'{"type":"session.status_running","id":"run","processed_at":"2023-11-14T22:13:20Z"}')
    number = 0
    for n in range(count):
        for fields in MASSES[name](n):
            number += 1
            whole = {"id": f"e{number}", "processed_at": stamp_text(1.7e9 + number)} | fields
            stream = whole.pop("stream", None)
            yield parse(json.dumps(whole).encode(), stream=stream)


class Reader:
    """What takes in events for the screen."""

    def __init__(self):
        self.session = Session()
        self.moments = keep_past(self.session)
        self.book, self.marks, self.minimap = Book(), Marks(), Minimap()

    def take(self, events):
        change = Change()
        self.session = arrive(self.session, events, change)
        self.book.update(self.session, change)
        self.marks.update(self.moments, change)
        self.minimap.update(self.session, change, 1_000_000)


@pytest.mark.parametrize("name", MASSES)
def test_the_last_of_many_costs_what_the_first_did(name):
    events, reader = list(written(name, 2000)), Reader()
    each = len(events) // 2000
    early, late = 300 * each, 1900 * each  # no checkpoint falls between what is compared
    reader.take(events[:early])
    reader.take(events[early : early + 1])  # what was counted at once settles
    first = work(lambda: reader.take(events[early + 1 : early + 50 * each]))
    reader.take(events[early + 50 * each : late])
    reader.take(events[late : late + 1])
    last = work(lambda: reader.take(events[late + 1 : late + 50 * each]))
    assert last < 1.3 * first + 300


@pytest.mark.parametrize("name", ["errors", "messages", "legs"])
def test_what_a_turn_lists_grows_in_place(name):
    """A list that is copied to take in one more costs all in it, which no count of calls would show."""
    events, reader = list(written(name, 300)), Reader()
    reader.take(events[:-2])
    turn = reader.session.turns[-1]
    lists = turn.inputs, turn.failures, turn.legs
    reader.take(events[-2:])
    assert reader.session.turns[-1] is turn
    assert all(
        now is before for now, before in zip((turn.inputs, turn.failures, turn.legs), lists, strict=True)
    )
