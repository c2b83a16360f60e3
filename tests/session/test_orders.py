"""What a user sees of the orders the reference names."""

from __future__ import annotations

import pytest

from cma_tui.session.model import Evaluation
from tests.session.look import (
    inputs,
    requests,
    rows,
    session_cost,
    tally,
    turn_cost,
    use,
    waiting_seconds,
    wall_seconds,
    watch,
)
from tests.stories import orders


def test_a_simple_turn_is_one_turn_with_its_figures():
    session = watch(orders.simple()).session
    (turn,) = session.turns
    assert (turn.key, turn.ended, turn.stop_reason, turn.interrupted) == ("run", True, "end_turn", False)
    assert inputs(session, 0) == ["ask"], "the message that follows the running belongs to its turn"
    assert (tally(session, turn).model_requests, tally(session, turn).model_errors) == (2, 0)
    assert (tally(session, turn).tool_uses, tally(session, turn).tool_errors) == (1, 0)
    assert (tally(session, turn).input_tokens, tally(session, turn).output_tokens) == (4525, 131)
    assert tally(session, turn) == tally(session)
    assert turn_cost(session, turn) == session_cost(session) == 0.01
    first, second = requests(session)
    assert first.first_block_at == pytest.approx(first.at + 1, abs=1e-3)
    assert second.ended_at - second.at == pytest.approx(0.5, abs=1e-3)
    held = use(session, "use")
    assert session.events[held.result].key == "result"
    assert session.items[held.request] is first, "the use knows which request asked for it"
    assert held.duration == pytest.approx(2.5, abs=1e-3)
    assert tally(session, turn).tool_s == pytest.approx(2.5, abs=1e-3)
    assert tally(session, turn).model_s == pytest.approx(1.5, abs=1e-3)


def test_a_simple_turn_is_running_until_its_idle():
    watched = watch(orders.simple())
    assert watched.states == ["running", "idle"]
    assert [seen.open for seen in watched.after.values()] == [True] * 13 + [False]
    assert {seen.turns for seen in watched.after.values()} == {1}


def test_a_simple_turn_has_a_row_for_each_thing_and_none_for_what_joined_another():
    assert rows(watch(orders.simple()).session) == [
        "session.status_running",
        "session.thread_status_running",
        "user.message",
        "span.model_request_start",
        "agent.thinking",
        "agent.tool_use",
        "span.model_request_start",
        "agent.message",
        "session.thread_status_idle",
        "session.usage",
        "session.status_idle",
    ]


def test_an_approval_is_awaited_from_the_use_to_the_answer():
    watched = watch(orders.approval())
    session = watched.session
    assert watched.states == ["running", "waiting", "running", "idle"]
    assert watched.after["use"].pending == ["use"], "shown at once, before the idle that lists it"
    assert watched.after["blocked"].stop_reason == "requires_action"
    assert watched.after["yes"].state == "running", "nothing waits once it is answered, whoever answered"
    assert watched.after["yes"].pending == []
    (turn,) = session.turns
    assert [leg.stop_reason for leg in turn.legs] == ["requires_action", "end_turn"]
    assert tally(session, turn).confirmations == 1
    assert use(session, "use").confirmation == "allow"
    assert use(session, "use").duration == pytest.approx(1.63, abs=0.01), "not the person's four seconds"
    assert waiting_seconds(turn) == pytest.approx(4.13, abs=0.01)
    assert wall_seconds(turn) == pytest.approx((2 + 0.15 + 0.15) + (1.5 + 0.1 + 1 + 0.15), abs=0.01)


def test_a_denial_is_an_answer_and_its_result_a_failed_use():
    watched = watch(orders.denial())
    session = watched.session
    assert watched.states == ["running", "waiting", "running", "idle"]
    held = use(session, "use")
    assert (held.kind, held.server, held.confirmation, held.is_error) == ("mcp", "exa", "deny", True)
    assert (tally(session).tool_uses, tally(session).tool_errors, tally(session).confirmations) == (1, 1, 1)
    assert len(session.turns) == 1


def test_a_custom_tool_waits_for_its_host_and_its_answer_is_its_result():
    watched = watch(orders.custom_tool())
    session = watched.session
    assert watched.states == ["running", "waiting", "running", "idle"]
    held = use(session, "use")
    assert (held.kind, held.done, held.is_error, held.awaited) == ("custom", True, False, None)
    assert watched.after["blocked"].turns == watched.after["idle"].turns == 1
    assert [leg.stop_reason for leg in session.turns[0].legs] == ["requires_action", "end_turn"]
    assert "user.custom_tool_result" not in rows(session), "the result is shown by its use"


def test_an_interrupt_marks_the_turn_that_its_stop_reason_hides():
    session = watch(orders.interrupt()).session
    (turn,) = session.turns
    assert (turn.stop_reason, turn.interrupted, turn.ended) == ("end_turn", True, True)
    assert (tally(session, turn).model_requests, tally(session, turn).model_errors) == (1, 1)
    assert tally(session, turn).prompt_tokens == tally(session, turn).output_tokens == 0


def test_an_error_that_is_retried_does_not_end_the_turn():
    watched = watch(orders.error_recovering())
    session = watched.session
    assert watched.states == ["running", "rescheduling", "running", "idle"]
    (turn,) = session.turns
    assert (turn.key, turn.stop_reason, len(turn.legs)) == ("run", "end_turn", 1)
    assert (
        tally(session, turn).errors,
        tally(session, turn).model_requests,
        tally(session, turn).model_errors,
    ) == (1, 2, 1)
    failure = session.items[turn.failures[0]]
    assert (failure.error_type, failure.retry, failure.message) == (
        "model_overloaded_error",
        "retrying",
        "Overloaded",
    )


def test_exhausted_retries_end_the_turn_and_a_new_message_begins_the_next():
    watched = watch(orders.error_exhausted())
    session = watched.session
    first, second = session.turns
    assert (first.key, first.stop_reason, tally(session, first).errors) == (
        "run",
        "retries_exhausted",
        2,
    )
    assert (second.key, second.stop_reason, tally(session, second).errors) == ("run2", "end_turn", 0)
    assert watched.after["error2"].open, "the error itself ends nothing"
    orphan = requests(watched.session)[0]
    assert orphan.closed
    assert orphan.end == -1
    assert tally(watched.session).model_requests == 1, "a request without an end has no figures to count"


def test_a_terminal_error_ends_turn_and_session():
    watched = watch(orders.error_terminal())
    session = watched.session
    assert watched.states == ["running", "terminated", "deleted"]
    (turn,) = session.turns
    assert (turn.stop_reason, turn.ended, turn.legs[0].stop_reason) == ("terminated", True, "terminated")
    assert not session.open_requests
    assert turn.ended_at < session.last_at, "the deletion is no part of the turn"


def test_a_budget_ends_a_turn_and_raising_it_begins_one_without_an_input():
    watched = watch(orders.budget())
    session = watched.session
    assert watched.states == ["running", "idle", "running", "idle"]
    first, second = session.turns
    assert (first.stop_reason, second.stop_reason) == ("budget_reached", "end_turn")
    assert (second.key, second.inputs) == ("resumed", ())
    assert turn_cost(session, first) == 5.02
    assert turn_cost(session, second) == pytest.approx(0.08)
    assert session.budget_usd is None, "null removes it"
    until = orders.budget()
    capped = [event.key for event in until].index("capped")
    assert watch(until[: capped + 1]).session.budget_usd == 5.0


def test_a_budget_is_not_undone_by_what_is_older_than_it():
    told = orders.budget_set_at_rest()
    budgets = [watch(told[: count + 1]).session.budget_usd for count in range(len(told))]
    assert budgets == [5.0] * (len(told) - 1) + [9.0]
    *history, raised = told[1:]
    assert watch([*history, told[0], raised]).session.budget_usd == 9.0, "wherever the resource comes in"
    assert watch([*history, told[0]]).session.budget_usd == 5.0


def test_a_subagent_is_a_thread_of_its_own_within_one_turn():
    watched = watch(orders.subagent())
    session = watched.session
    assert watched.states == ["running", "idle"], "the primary's idle is not the session's"
    assert len(session.turns) == 1
    assert session.primary == "sthr_primary"
    (thread,) = session.threads.values()
    assert (thread.id, thread.agent_name, thread.status, thread.stop_reason) == (
        "sthr_c",
        "coder",
        "idle",
        "end_turn",
    )
    assert thread.created_at is not None
    assert not thread.read, "its own stream was not read"
    assert tally(session, session.turns[0]).model_requests == 2


def test_an_outcome_is_one_turn_with_its_evaluations():
    watched = watch(orders.outcome())
    session = watched.session
    (turn,) = session.turns
    assert (turn.key, inputs(session, 0), turn.stop_reason) == ("define", ["define"], "end_turn")
    (held,) = session.outcomes.values()
    assert (held.id, held.result) == ("outc_1", "satisfied")
    evaluations = [session.items[index] for index in held.evaluations]
    assert all(isinstance(item, Evaluation) for item in evaluations)
    assert [(item.iteration, item.result) for item in evaluations] == [
        (0, "needs_revision"),
        (1, "satisfied"),
    ]
    assert rows(session).count("span.outcome_evaluation_ongoing") == 0, "a heartbeat has no row of its own"
    assert evaluations[0].ended_at - evaluations[0].at == pytest.approx(90, abs=0.01)
    assert tally(session, turn).model_requests == 2, "the grader's requests are not the agent's"
