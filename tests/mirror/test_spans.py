"""A session's rows: which there are, what is in them, and that the figures add up."""

import json
import math

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings

from cma_tui.event import parse
from cma_tui.mirror.calls import call_key
from cma_tui.mirror.cut import Index, identity_of, index_of, take, take_head
from cma_tui.mirror.row import pack, payload, row_id
from cma_tui.mirror.spans import cut_rows, session_row, turn_rows
from cma_tui.session.errors import turn_errors
from cma_tui.session.fold import apply
from cma_tui.session.model import Change, Session
from tests.mirror.help import RESOURCE, SESSION, STORIES, by_key, counted, rows_of, told
from tests.session.look import fold, tally, turn_sums
from tests.stories import orders, others, surprises
from tests.stories.server import stories
from tests.stories.write import Log, preview_delta, preview_start


def all_rows(session: Session):
    index = index_of(session)
    rows = [row for turn in session.turns for row in rows_of(session, turn, index)]
    root = session_row(session)
    return rows if root is None else [root, *rows]


def check(session: Session):
    """What holds of every session's rows."""
    rows = all_rows(session)
    turns = by_key([row for row in rows if row.key.startswith("turn:")])
    others_ = {}
    for row in rows:  # a workflow run may show in several turns: it is the same row then
        if row.key in others_ and row.key.startswith("wf:"):
            assert payload(row, "s") == payload(others_[row.key], "s")
        else:
            assert row.key not in others_
        others_[row.key] = row
    assert len(turns) == len(session.turns)
    for row in rows:
        assert row.parent is None or row.parent in others_
        for value in row.metrics.values():
            assert not isinstance(value, bool)
            assert math.isfinite(value)
        if row.parent is not None:
            above = others_[row.parent]
            if "start" in row.metrics:
                assert above.metrics["start"] <= row.metrics["start"]
            if "end" in row.metrics and "end" in above.metrics:
                assert row.metrics["end"] <= above.metrics["end"]
        if "start" in row.metrics and "end" in row.metrics:
            assert row.metrics["start"] <= row.metrics["end"]
        json.dumps(payload(row, "s"), allow_nan=False)

    def total(prefix, name):
        return sum(row.metrics.get(name, 0) for row in others_.values() if row.key.startswith(prefix))

    for name in ("prompt_tokens", "completion_tokens", "tokens", "prompt_cached_tokens"):
        assert total("model:", name) == total("turn:", name)
    assert total("turn:", "tool_calls") == sum(row.type == "tool" for row in others_.values())
    if session.turns:
        assert total("turn:", "prompt_tokens") == tally(session).prompt_tokens
        assert total("turn:", "completion_tokens") == tally(session).output_tokens
        assert total("turn:", "tool_calls") == tally(session).tool_uses
        assert total("turn:", "tool_errors") == tally(session).tool_errors
    book = counted(session)
    whole = book.session_cost()
    if whole.nano is not None and session.turns:
        cost = sum(row.metrics.get("estimated_cost", 0) for row in others_.values())
        assert cost == pytest.approx(whole.usd, abs=1e-9)
        assert total("turn:", "turn_cost_usd") == pytest.approx(whole.usd, abs=1e-9)
    for turn in session.turns:
        own, *_ = rows_of(session, turn)
        assert own.metrics.get("turn_cost_usd") == book.cost(turn.index).usd
    told_ = {call_key(session.events, session.items[index]): book.request(index) for index in book.requests}
    for key, one in told_.items():
        if key in others_ and one.cost.nano is not None:
            assert others_[key].metrics["estimated_cost"] == one.cost.usd
    return others_


@pytest.mark.parametrize("name", STORIES)
def test_the_rows_of_every_story_add_up(name):
    session = fold(told(STORIES[name]))
    check(session)
    for turn in session.turns:
        told_ = [error["event_id"] for error in rows_of(session, turn)[0].metadata.get("errors", [])]
        assert told_ == [error.event_id for error in turn_errors(session, turn)][:20], (
            "the screen's are the span's"
        )
    for turn, sums in zip(session.turns, turn_sums(session), strict=True):
        own = rows_of(session, turn)[0]
        assert own.metrics.get("prompt_tokens", 0) == sums.prompt_tokens


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(stories())
def test_the_rows_of_any_session_add_up(story):
    check(fold(told(story.everything)))


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(stories())
def test_an_index_kept_up_is_the_index_made_at_once(story):
    session, kept = Session(), Index()
    for event in told(story.everything):
        change = Change()
        apply(session, event, change)
        kept.update(session, () if change.reset else change.items)
    fresh = index_of(session)
    assert {k: set(v) for k, v in kept.children.items() if v} == {
        k: set(v) for k, v in fresh.children.items() if v
    }
    assert (kept.runs, kept.shown) == (fresh.runs, fresh.shown)


def test_a_turn_has_what_braintrust_asks_for():
    session = fold(told(orders.approval()))
    rows = by_key(rows_of(session, session.turns[0]))
    turn = next(iter(rows.values()))
    assert turn.key == f"turn:{session.events[session.items[session.turns[0].inputs[0]].event].key}"
    assert (turn.name, turn.type, turn.parent) == ("anthropic.beta.sessions.turn", "task", "session")
    assert [message["role"] for message in turn.input] == ["user"]
    assert {message["role"] for message in turn.output} == {"assistant", "user"}
    assert turn.error is None
    for name, value in {
        "session_id": SESSION,
        "agent_id": "agent_1",
        "environment_id": "env_1",
        "model": "claude-opus-5",
        "provider": "anthropic",
        "endpoint": "/v1/sessions/{id}/events",
        "api_version": "beta",
        "tools": ["agent_toolset_20260401", "get_weather"],
        "stop_reason": "end_turn",
    }.items():
        assert turn.metadata[name] == value
    (tool,) = [row for row in rows.values() if row.type == "tool"]
    assert tool.metadata["tool_approval"] == "approved"
    assert tool.metrics["approval_wait"] > 0


def test_a_request_is_given_only_what_is_new():
    session = fold(told(STORIES["langsmith-sdk/mcp_tools_reject"]))
    requests = [row for row in rows_of(session, session.turns[0]) if row.type == "llm"]
    given_ = [
        [block["type"] for message in row.input or [] for block in message["content"]] for row in requests
    ]
    assert given_[0] == ["text"]
    assert given_[1:] == [["tool_result"], ["tool_result"]]
    assert all(row.output["role"] == "assistant" for row in requests)
    assert all(row.metadata["model"] == "claude-opus-5" for row in requests)


def test_a_denied_tool_is_no_error_and_a_failed_one_is():
    denied = fold(told(orders.denial()))
    (row,) = [row for row in rows_of(denied, denied.turns[0]) if row.type == "tool"]
    assert (row.error, row.metadata["tool_approval"]) == (None, "denied")
    failed = fold(told(surprises.failing_commands()))
    rows = [row for row in rows_of(failed, failed.turns[0]) if row.type == "tool" and row.error]
    assert rows
    assert all(row.metadata["error_category"] == "tool_error" for row in rows)
    own = rows_of(failed, failed.turns[0])[0]
    assert own.error is None
    assert own.metadata["errors"][0]["tool"] == rows[0].name
    assert own.metadata["errors"][0]["input"]


def test_an_error_the_turn_recovered_from_is_told_and_is_no_failure():
    session = fold(told(orders.error_recovering()))
    own, *rows = rows_of(session, session.turns[0])
    assert own.error is None
    assert own.metadata["errors"][0]["code"] == "model_overloaded_error"
    assert own.metadata["error_category"] == "api_error"
    first, second = [row for row in rows if row.type == "llm"]
    assert first.error == "api_error: model_overloaded_error: Overloaded"
    assert second.error is None


def test_a_turn_that_ended_badly_says_why():
    tired = fold(told(orders.error_exhausted()))
    own = rows_of(tired, tired.turns[0])[0]
    assert own.error == "api_error: model_overloaded_error: Overloaded"
    assert own.metadata["stop_reason"] == "retries_exhausted"
    assert rows_of(tired, tired.turns[1])[0].error is None
    capped = fold(told(orders.budget()))
    assert rows_of(capped, capped.turns[0])[0].error == "api_error: budget_reached"
    refused = fold(told(surprises.refusal()))
    own = rows_of(refused, refused.turns[0])[0]
    assert (own.error, own.tags) == (None, ["cma", "refusal"])
    ended = fold(told(orders.error_terminal()))
    assert rows_of(ended, ended.turns[0])[0].error == "api_error: model_overloaded_error: Overloaded"
    assert session_row(fold(told(orders.error_terminal()[:-1]))).error == "session terminated"


@pytest.mark.parametrize(
    ("code", "message", "category"),
    [
        ("model_overloaded_error", "Overloaded", "api_error"),
        ("model_request_failed_error", "request timed out", "timeout"),
        ("timeout_error", "", "timeout"),
        ("mcp_connection_failed_error", "refused", "tool_error"),
        ("repository_clone_error", "no access", "sandbox_error"),
        ("billing_error", "", "api_error"),
        ("unknown_error", "what", "unknown"),
        ("brand_new_error", "what", "unknown"),
    ],
)
def test_an_error_has_a_category(code, message, category):
    log = Log()
    log.begin()
    log.add("session.error", error={"type": code, "message": message})
    log.rest()
    session = fold(log.events)
    (error,) = turn_errors(session, session.turns[0])
    assert (error.category, error.code, error.message) == (category, code, message)
    assert error.at is not None
    assert code in error.line


def test_a_verdict_is_a_score_only_when_it_is_final():
    session = fold(told(orders.outcome()))
    first, second = [row for row in rows_of(session, session.turns[0]) if row.type == "score"]
    assert (first.name, first.scores, first.metadata["result"]) == ("outcome: 0", {}, "needs_revision")
    assert (second.name, second.scores) == ("outcome: 1", {"outcome": 1.0})
    assert second.input == "Write summary.md"
    assert second.output["explanation"] == "all sections covered"


def test_each_turn_has_the_agent_of_its_time():
    """A description from before the change tells all of the time before it; a later one only who it is."""
    log = Log()
    log.begin()
    log.answer()
    log.rest()
    changed = {"id": "agent_1", "name": "coder", "version": 4, "model": {"id": "claude-next"}, "tools": []}
    log.add("session.updated", agent=changed)
    log.begin()
    log.answer()
    log.rest()
    began = log.events[0].at
    for read_at, before in ((began - 1, 3), (began + 3600, None)):
        resource = msgspec.structs.replace(RESOURCE, received_at=read_at)
        session = fold([resource, *log.events])
        first, second = (by_key(rows_of(session, turn)) for turn in session.turns)
        versions = [next(iter(rows.values())).metadata.get("agent_version") for rows in (first, second)]
        assert versions == [before, 4]
        (request,) = [row for row in second.values() if row.type == "llm"]
        assert request.metadata["model"] == "claude-next"
        assert session_row(session).metadata["agent_version"] == 4
    assert "tools" not in next(iter(first.values())).metadata


def test_a_sub_agent_has_a_row_and_its_calls_hang_below_it():
    session = fold(told(orders.subagent()))
    (thread,) = [row for row in rows_of(session, session.turns[0]) if row.key.startswith("thread:")]
    assert (thread.name, thread.type) == ("subagent: coder", "task")
    assert thread.input[0]["content"][0]["text"] == "Review the diff."
    assert thread.output[0]["content"][0]["text"] == "LGTM"
    own, child = surprises.cross_posted()
    rows = check(fold(told([*own, *child])))
    (tool,) = [row for row in rows.values() if row.type == "tool" and row.metadata.get("session_thread_id")]
    assert tool.parent.startswith("thread:")
    assert rows[tool.parent].parent.startswith("turn:")


def test_a_workflow_run_hangs_below_the_turn_that_began_it():
    rows = check(fold(told(surprises.workflow_turn())))
    (run,) = [row for row in rows.values() if row.key.startswith("wf:")]
    assert run.name.startswith("workflow: ")
    assert run.parent.startswith("turn:")
    assert run.metadata["status"]


def test_the_ids_depend_on_nothing_but_the_log():
    """A change here writes every row a second time on every server there is."""
    assert row_id("sesn_1", "turn:sevt_1") == "b54e4281-2f83-5ab2-8cf5-c0808f13cf49"
    body = payload(session_row(fold(told(orders.simple()))), SESSION)
    assert (body["span_id"], body["root_span_id"]) == ("3f2fbb53e6fda34b", "564d05d73a10bd17ddffac0f35b7ef03")


def test_the_time_to_the_first_token_is_told_when_known_and_never_a_change():
    log = Log()
    log.begin()
    start = log.start()
    events = list(log.events)
    events[-1].received_at = 100.0
    live = [*events, preview_start("m1", received_at=100.5), preview_delta("m1", "He", received_at=100.9)]
    log.message("Hello.", id="m1")
    log.end(start)
    log.rest()
    after = log.events[len(events) :]
    watched, replayed = fold(told([*live, *after])), fold(told([*events, *after]))
    with_, without = (by_key(rows_of(s, s.turns[0])) for s in (watched, replayed))
    for key in (f"model:{start}", next(iter(with_))):
        assert with_[key].metrics["time_to_first_token"] == pytest.approx(0.9)
        assert "time_to_first_token" not in without[key].metrics
        assert pack(with_[key], "s").digest == pack(without[key], "s").digest
        assert (pack(with_[key], "s").live, pack(without[key], "s").live) == (True, False)


def test_provisional_rows_say_nothing_that_only_the_end_can_tell():
    events = told(orders.approval())
    for cut in range(2, len(events)):
        session = fold(events[:cut])
        if session.turn is None:
            continue
        head = take_head(session, identity_of(session))
        cut = take(session, session.turn, head, index_of(session), counted(session))
        rows = cut_rows(cut, provisional=True)
        own = payload(rows[0], "s")
        assert rows[0].rank == 0
        assert "output" not in own
        assert "error" not in own
        assert "end" not in own["metrics"]
        assert all(row.rank == 0 and "unfinished" not in row.metadata for row in rows)


def test_a_log_that_begins_in_the_middle_still_has_rows():
    check(fold(orders.simple()[3:]))
    check(fold(others.no_spans()))
    assert session_row(fold([])) is None


def test_one_turn_costs_the_same_however_long_the_session_is():
    """Counted, not timed: what is looked at does not grow with the session."""

    class Counting(list):
        looks = 0

        def __getitem__(self, index):
            Counting.looks += 1
            return super().__getitem__(index)

    counts = []
    for turns in (5, 200):
        log = Log()
        for _ in range(turns):
            log.begin()
            log.answer()
            log.rest(cents="1")
        session = fold(told(log.events))
        session.items, session.events = Counting(session.items), Counting(session.events)
        index, book = index_of(session), counted(session)
        Counting.looks = 0
        turn_rows(session, session.turns[2], book, index)
        counts.append(Counting.looks)
    assert counts[0] == counts[1]


def test_what_is_not_a_finite_number_is_no_metric():
    raw = {
        "type": "span.model_request_end",
        "id": "e1",
        "processed_at": "2026-08-17T16:00:00Z",
        "model_usage": {
            "input_tokens": float("nan"),
            "output_tokens": True,
            "cache_read_input_tokens": 1e400,
        },
    }
    log = Log()
    log.begin()
    session = fold([*log.events, parse(json.dumps(raw).encode())])
    check(session)
