"""What a user sees of sessions that do not keep to the reference. Numbers are those of the observations."""

from __future__ import annotations

import pytest

from cma_tui.content import plain_text
from cma_tui.session.fold import apply
from cma_tui.session.model import Change, Session
from tests.session.look import (
    fold,
    inputs,
    requests,
    rows,
    session_cost,
    tally,
    turn_cost,
    turn_sums,
    use,
    view,
    waiting_seconds,
    wall_seconds,
    watch,
)
from tests.stories import surprises

# -- 1, 2 ----------------------------------------------------------------------------------------------


def test_stamps_of_one_instant_make_short_requests_never_negative_ones():
    session = watch(surprises.one_instant()).session
    assert [request.end >= 0 for request in requests(session)] == [True, True]
    assert 0 <= tally(session).model_s < 0.001
    assert use(session, "use").duration == pytest.approx(3, abs=0.01)


def test_results_that_come_together_find_their_uses():
    session = watch(surprises.parallel_results()).session
    assert [use(session, name).is_error for name in "abc"] == [False, False, True]
    assert all(use(session, name).done for name in "abc")
    assert {use(session, name).request for name in "abc"} == {session.tools["a"] - 1}
    assert (tally(session).tool_uses, tally(session).tool_errors) == (3, 1)


def test_times_that_run_backwards_change_no_order_and_no_sign():
    events = surprises.backwards()
    session = watch(events).session
    assert [event.key for event in session.events] == [event.key for event in events], "the log's own order"
    (turn,) = session.turns
    assert turn.stop_reason == "retries_exhausted"
    assert turn.ended_at < turn.last_at
    assert session.last_at == max(event.at for event in events), "the latest stamp, not the last event's"
    assert session.first_at == min(event.at for event in events)
    assert wall_seconds(turn) >= 0
    assert tally(session).model_s >= 0


# -- 3 -------------------------------------------------------------------------------------------------


def test_a_childs_ask_on_the_sessions_stream_alone():
    here, _ = surprises.cross_posted()
    watched = watch(here)
    session = watched.session
    assert watched.states == ["running", "waiting", "running", "idle"]
    assert watched.after["child_idle"].state == "running", "a thread's idle names what is not there yet"
    assert watched.after["use"].pending == ["use"]
    held = use(session, "use")
    assert (held.thread, held.on_session, held.done) == ("sthr_c", True, True)
    assert len(session.turns) == 1
    assert tally(session).tool_uses == 1
    assert tally(session, session.turns[0]).tool_uses == 0, "the child's, not the primary's"
    assert tally(session, session.threads["sthr_c"]).tool_uses == 1
    first = requests(session)[0]
    assert first.first_block_at < held.at, "a child's use is no block of the primary's request"


@pytest.mark.parametrize("order", ["session first", "child first", "by time"])
def test_a_childs_ask_on_both_streams_counts_once(order):
    here, there = surprises.cross_posted()
    events = {
        "session first": here + there,
        "child first": there + here,
        "by time": sorted(here + there, key=lambda event: event.at),
    }[order]
    session = watch(events).session
    held = use(session, "use")
    assert tally(session).tool_uses == 1
    assert held.thread == "sthr_c"
    assert held.on_session, "the session's stream showed it too"
    assert session.events[held.event].stream == "sthr_c", "its own stream tells the child's time"
    assert held.at == session.events[held.event].at
    assert held.duration == pytest.approx(5.08, abs=0.05)
    assert tally(session).tool_s == pytest.approx(held.duration)
    assert not session.pending
    assert tally(session).model_requests == 4
    assert tally(session, session.turns[0]).model_requests == 2
    thread = session.threads["sthr_c"]
    assert thread.read
    assert (tally(session, thread).model_requests, tally(session, thread).output_tokens) == (2, 5)
    assert len(session.turns) == 1
    assert turn_sums(session)[0].model_requests == 4
    assert "user.custom_tool_result" not in rows(session), "neither copy of the result has a row of its own"


def test_the_primary_request_is_not_given_a_childs_first_block():
    log = surprises.Log()
    log.begin()
    log.start(id="request")
    log.wait(1)
    log.custom(id="use", session_thread_id="sthr_c")
    log.wait(1)
    log.message()
    session = fold(log.events)
    (request,) = requests(session)
    assert request.first_block_at == pytest.approx(request.at + 2, abs=0.001)


# -- 4 -------------------------------------------------------------------------------------------------


def test_a_stale_idle_asks_for_nothing():
    watched = watch(surprises.stale_idle())
    assert watched.states == ["running", "waiting", "running", "idle"]
    assert watched.after["stale"].state == "running", "answered is answered"
    assert watched.after["stale"].pending == []
    assert watched.after["stale"].open
    (turn,) = watched.session.turns
    assert [leg.stop_reason for leg in turn.legs] == ["requires_action", "end_turn"]


def test_a_repeated_idle_asks_once():
    watched = watch(surprises.repeated_idle())
    session = watched.session
    assert watched.states == ["running", "waiting", "running", "idle"], "it waits without a break"
    for key in ("blocked1", "between", "blocked2"):
        assert watched.after[key].pending == ["custom"]
    assert watched.after["answer"].state == "running"
    assert len(session.turns) == 1
    assert use(session, "builtin").duration > use(session, "custom").duration, "it spans the idles"
    assert use(session, "builtin").awaited is None
    assert tally(session).tool_uses == 2


def test_each_answer_takes_one_off_what_waits():
    watched = watch(surprises.partly_answered())
    assert watched.after["blocked1"].pending == ["a", "b"]
    assert watched.after["answer_a"].pending == ["b"]
    assert watched.after["between"].state == "waiting", "the server runs, and still waits for b"
    assert watched.after["blocked2"].pending == ["b"]
    assert watched.after["answer_b"].pending == []
    assert watched.states == ["running", "waiting", "running", "idle"]
    assert len(watched.session.turns) == 1


def test_a_result_after_the_idle_opens_no_turn():
    watched = watch(surprises.result_after_idle())
    session = watched.session
    assert watched.after["idle"].open is False
    assert watched.after["late"].open is False
    assert (len(session.turns), session.state) == (1, "idle")
    assert use(session, "use").is_error
    assert tally(session, session.turns[0]).tool_errors == 1, "the figures belong to the use's turn"


# -- 5 -------------------------------------------------------------------------------------------------


def test_idle_after_idle_is_one_end_and_the_usage_after_it_is_the_turns():
    watched = watch(surprises.idle_after_idle())
    session = watched.session
    assert watched.states == ["running", "waiting", "idle", "running", "idle"]
    assert watched.after["idle1"].pending == [], "the interrupt gave up what waited"
    first, second = session.turns
    assert (first.interrupted, second.interrupted) == (True, False)
    assert (first.stop_reason, second.key) == ("end_turn", "run2")
    assert not use(session, "use").done
    assert use(session, "use").awaited is None
    costs = [turn_cost(session, turn) for turn in session.turns]
    assert costs == [0.03, 0.04]
    assert [leg.stop_reason for leg in first.legs] == ["requires_action"], "a repeated idle is no leg"


def test_a_thread_that_runs_without_its_session_is_a_session_that_runs():
    watched = watch(surprises.thread_runs_alone())
    session = watched.session
    assert watched.states == ["running", "waiting", "running", "idle", "running", "idle"]
    first, second = session.turns
    assert (first.key, second.key) == ("run", "ask2")
    assert len(first.legs) == 2, "the model was asked again: a second leg"
    assert waiting_seconds(first) == pytest.approx(2.5, abs=0.01)
    assert first.waiting is False
    assert [leg.stop_reason for leg in second.legs] == ["end_turn"]
    assert wall_seconds(second) == pytest.approx(1.15, abs=0.01)


def test_a_turn_that_goes_on_unsaid_does_not_look_as_if_it_waited():
    events = surprises.thread_runs_alone()
    cut = next(i for i, event in enumerate(events) if event.key == "answer") + 3
    assert events[cut - 1].type == "span.model_request_start"
    session = fold(events[:cut])
    assert session.state == "running"
    assert session.turn.waiting is False


def test_a_message_in_mid_run_is_a_second_input_of_the_turn():
    session = watch(surprises.message_mid_run()).session
    assert len(session.turns) == 1
    assert inputs(session, 0) == ["first", "second"]
    assert tally(session, session.turns[0]).model_requests == 2


# -- 6 -------------------------------------------------------------------------------------------------


def test_twenty_silent_minutes_of_a_child_are_one_running_turn():
    watched = watch(surprises.silent_child())
    assert watched.states == ["running", "idle"]
    assert watched.after["primary_idle"].state == "running"
    assert len(watched.session.turns) == 1
    assert wall_seconds(watched.session.turns[0]) > 1188


def test_a_turn_nobody_asked_for_is_a_turn_of_its_own_without_inputs():
    watched = watch(surprises.unasked_turn())
    assert watched.states == ["running", "idle", "running", "idle"]
    first, second = watched.session.turns
    assert (second.key, second.inputs, second.stop_reason) == ("late", (), "end_turn")
    assert second.started_at - first.ended_at == pytest.approx(1188, abs=0.01)
    assert wall_seconds(second) < 5


# -- 7 -------------------------------------------------------------------------------------------------


def test_a_turn_without_agent_events_is_a_turn():
    session = watch(surprises.empty_turn()).session
    (turn,) = session.turns
    assert (tally(session, turn).model_requests, tally(session, turn).output_tokens, turn.stop_reason) == (
        1,
        0,
        "end_turn",
    )
    assert requests(session)[0].first_block_at is None


def test_delegation_is_a_request_without_a_tool_use():
    session = watch(surprises.delegation()).session
    assert (tally(session).model_requests, tally(session).model_errors, tally(session).tool_uses) == (2, 1, 0)
    assert list(session.threads) == ["sthr_c"]


# -- 8, 9 ----------------------------------------------------------------------------------------------


def test_a_session_may_begin_with_an_outcome():
    watched = watch(surprises.outcome_first())
    session = watched.session
    (turn,) = session.turns
    assert (turn.key, inputs(session, 0)) == ("run", ["define"])
    assert session.outcomes["outc_1"].result == "needs_revision"
    assert requests(session)[1].end >= 0, "a snapshot inside a request closes nothing"
    assert (tally(session, turn).model_requests, tally(session, turn).input_tokens) == (2, 20)
    assert turn_cost(session, turn) == 0.04


def test_usage_that_goes_down_is_kept_as_it_is_said():
    session = fold(surprises.outcome_first())
    assert [usage.active_seconds for usage in session.usages] == [193.601, 179.777]
    assert session_cost(session) == 0.04


def test_an_evaluation_without_a_start_is_still_one():
    session = watch(surprises.grade_without_start()).session
    (held,) = session.outcomes.values()
    (index,) = held.evaluations
    item = session.items[index]
    assert (item.iteration, item.result, item.at) == (2, "max_iterations_reached", None)
    assert item.ended_at is not None
    assert held.result == "max_iterations_reached"
    assert "span.outcome_evaluation_ongoing" in rows(session), "a heartbeat of nothing is shown, not lost"


def test_an_evaluation_named_by_outcome_and_iteration_ends_the_one_that_runs():
    session = watch(surprises.grade_named_by_outcome()).session
    (held,) = session.outcomes.values()
    (index,) = held.evaluations
    item = session.items[index]
    assert (session.events[item.event].key, session.events[item.end].key) == ("grade", "graded")
    assert (item.result, held.result) == ("failed", "failed")


def test_an_outcome_that_is_told_after_its_grading_keeps_it():
    events = surprises.grade_named_by_outcome()
    session = fold(events[1:] + events[:1])
    held = session.outcomes["outc_1"]
    assert len(held.evaluations) == 1
    assert (held.result, session.events[held.event].key) == ("failed", "define")


def test_cents_and_dollars_are_told_apart_by_the_point():
    session = fold(surprises.money_drift())
    assert [usage.cost_usd for usage in session.usages] == [0.02, 0.03, 7.16]
    assert [turn_cost(session, turn) for turn in session.turns] == [0.02, 0.01, 7.13]


# -- 10, 11, 12 ----------------------------------------------------------------------------------------


def test_a_result_before_the_interrupt_belongs_to_the_interrupted_turn():
    watched = watch(surprises.interrupted_tool())
    (turn,) = watched.session.turns
    assert (turn.interrupted, turn.stop_reason, tally(watched.session, turn).tool_errors) == (
        True,
        "end_turn",
        1,
    )
    assert watched.after["stop"].turns == 1
    assert watched.session.state == "idle"


def test_a_worker_of_ours_is_waited_for_but_no_person():
    watched = watch(surprises.self_hosted())
    session = watched.session
    assert watched.states == ["running", "waiting", "running", "idle"]
    assert watched.after["use"].state == "running", "allowed: nothing waits until the idle says so"
    assert watched.after["blocked"].pending == ["use"]
    until = surprises.self_hosted()
    cut = next(i for i, event in enumerate(until) if event.key == "blocked") + 1
    assert use(fold(until[:cut]), "use").awaited == "host_result"
    assert use(session, "use").duration == pytest.approx(150, abs=1)
    assert tally(session).confirmations == 0


# -- 13, 15 --------------------------------------------------------------------------------------------


def test_only_the_servers_word_makes_a_use_fail_and_its_text_is_kept_as_it_came():
    session = watch(surprises.failing_commands()).session
    assert [use(session, key).is_error for key in ("a", "b", "c")] == [True, False, False]
    assert tally(session).tool_errors == 1
    text = plain_text(session.events[use(session, "a").result].content)
    assert text == surprises.LONG_FAILURE
    assert "\t" in plain_text(session.events[use(session, "b").result].content)


def test_the_resources_status_counts_only_until_an_event_tells():
    watched = watch(surprises.resource_says_idle())
    assert watched.after["~first"].state == "idle", "before the first turn only the resource knows"
    assert watched.after["~second"].state == "running", (
        "the resource may be ahead of the list, and is not believed"
    )
    assert watched.states == ["idle", "running", "idle"]
    assert watched.session.id == "sesn_1"
    assert (watched.session.agent.name, watched.session.agent.model) == ("coder", "claude-opus-5")


# -- 14 and what the types allow -----------------------------------------------------------------------


def test_compaction_is_counted_and_its_spans_are_requests():
    session = watch(surprises.compaction()).session
    (turn,) = session.turns
    assert (tally(session, turn).compactions, tally(session, turn).model_requests) == (1, 4)
    assert tally(session, turn).cache_read_tokens == 828_000


def test_an_end_without_a_start_still_counts():
    watched = watch(surprises.end_without_start())
    session = watched.session
    assert watched.after["end"].open, "the agent works: that is a turn"
    assert (tally(session).model_requests, tally(session).output_tokens) == (2, 10)
    orphan = requests(session)[0]
    assert (orphan.at, orphan.closed) == (None, True)
    assert session.turns[0].stop_reason == "end_turn"
    assert [leg.stop_reason for leg in session.turns[0].legs] == ["end_turn"]


def test_a_start_without_an_end_is_closed_by_the_next():
    session = watch(surprises.start_without_end()).session
    orphan, request = requests(session)
    assert (orphan.closed, orphan.end) == (True, -1)
    assert request.end >= 0
    assert tally(session).model_requests == 1


def test_unknown_words_are_shown_and_counted():
    watched = watch(surprises.unknown_words())
    session = watched.session
    assert session.unknown_types == {"agent.dreams": 2}
    assert rows(session).count("agent.dreams") == 2
    assert watched.after["use"].pending == ["use"], "an unknown permission asks"
    assert watched.after["perhaps"].pending == ["use"], "an unknown verdict is no answer"
    assert watched.after["yes"].pending == []
    (turn,) = session.turns
    assert (turn.stop_reason, session.stop_reason, session.state) == (
        "out_of_patience",
        "out_of_patience",
        "idle",
    )


def test_a_refusal_keeps_its_details():
    session = fold(surprises.refusal())
    assert (session.stop_reason, session.stop_details["category"]) == ("refusal", "cyber")
    assert session.turns[0].stop_reason == "refusal"


def test_an_action_that_names_no_tool_is_waited_for():
    watched = watch(surprises.asks_without_naming())
    assert watched.after["blocked"].state == "waiting"
    assert watched.after["blocked"].pending == []
    assert watched.states == ["running", "waiting", "idle"]
    assert len(watched.session.turns) == 1


def test_an_idle_that_comes_before_its_use():
    watched = watch(surprises.idle_before_use())
    assert watched.states == ["running", "waiting", "running", "idle"]
    assert watched.after["blocked"].state == "waiting", "asked for what we have not seen"
    assert watched.after["use"].pending == ["use"]
    assert watched.after["use"].turns == 1
    assert not watched.session.awaited_unseen


def test_a_result_before_its_use_is_taken_over_by_it():
    events = surprises.result_before_use()
    cut = next(i for i, event in enumerate(events) if event.key == "use")
    session, change = Session(), Change()
    for event in events[:cut]:
        apply(session, event, change)
    early = session.owners[session.ordinals["result"]]
    assert session.items[early].type == "agent.tool_result", "shown as it is until its use comes"
    change = Change()
    apply(session, events[cut], change)
    assert early in change.items, "whoever drew its row must hear that it is gone"
    assert session.owners[session.ordinals["result"]] == session.tools["use"]
    for event in events[cut + 1 :]:
        apply(session, event, change)
    held = use(session, "use")
    assert (held.done, held.is_error, held.confirmation) == (True, True, "allow")
    assert held.duration == pytest.approx(2, abs=0.01)
    assert tally(session).tool_s == pytest.approx(held.duration)
    assert (tally(session).tool_errors, tally(session).confirmations) == (1, 1)
    assert not session.pending
    assert "agent.tool_result" not in rows(session)
    assert not session.waiting_results


def test_an_answer_to_an_unseen_ask_ends_the_waiting():
    watched = watch(surprises.answered_unseen())
    assert watched.after["blocked"].state == "waiting"
    assert watched.after["answer"].state == "running"
    assert watched.after["stale"].state == "running"


def test_a_message_without_a_stamp_waits_and_is_an_input_once():
    watched = watch(surprises.absent_stamps())
    session = watched.session
    first, second = session.turns
    assert (first.key, second.key) == ("run", "run2")
    assert (inputs(session, 0), inputs(session, 1)) == (["first"], ["second"])
    assert not session.queued
    events = surprises.absent_stamps()
    cut = next(i for i, event in enumerate(events) if event.key == "idle") + 1
    assert list(fold(events[:cut]).queued) == ["second"], "still queued when the first turn has ended"


def test_a_queued_message_is_no_turn_before_the_agent_takes_it_up():
    watched = watch(surprises.queued_before_anything())
    session = watched.session
    assert watched.after["ask"].turns == 1, "as seen when its stamped copy came"
    assert session.turns[0].key == "run", "the turn's key is the same with and without the early copy"
    whole = [event for event in surprises.queued_before_anything() if event.at is not None]
    assert view(fold(whole))["turns"] == view(session)["turns"]
    assert fold(surprises.queued_before_anything()[:3]).turns == []


def test_a_workflow_run_keeps_the_turn_open():
    watched = watch(surprises.workflow_turn())
    session = watched.session
    assert watched.after["primary_idle"].state == "running"
    assert len(session.turns) == 1
    (run,) = session.runs.values()
    assert (run.name, run.status, run.result, run.open_phases) == ("triage", "ended", "completed", [])
    assert run.phases == {"wrph_1": "collect"}
    cut = next(i for i, event in enumerate(surprises.workflow_turn()) if event.key == "p") + 1
    assert fold(surprises.workflow_turn()[:cut]).runs["wrun_1"].open_phases == ["wrph_1"]
    cut = next(i for i, event in enumerate(surprises.workflow_turn()) if event.key == "over")
    assert fold(surprises.workflow_turn()[:cut]).runs["wrun_1"].open_phases == []


def test_a_request_whose_thread_went_idle_is_not_open_for_the_time_a_child_works():
    log = surprises.Log()
    log.begin()
    log.start(id="orphan")
    log.thread_created("sthr_c")
    child = log.child("sthr_c")
    child.start(id="child_orphan")
    log.thread_idle()
    session = fold(log.events[:3] + child.events + log.events[3:])
    assert list(session.open_requests) == ["sthr_c"], "the primary's is over, the child's is not"
    apply(session, log.events[-1], Change())
    log.thread_idle(thread="sthr_c")
    apply(session, log.events[-1], Change())
    assert not session.open_requests
    assert all(request.closed for request in requests(session))


def test_a_session_that_rests_has_no_open_request_of_any_stream():
    log = surprises.Log()
    log.begin()
    log.start(id="orphan")
    child = log.child("sthr_c")
    child.start(id="child_orphan")
    log.idle()
    session = fold(log.events[:-1] + child.events + log.events[-1:])
    assert not session.open_requests
    assert all(request.closed for request in requests(session))


def test_a_reschedule_closes_the_open_request_even_when_no_thread_says_so():
    log = surprises.Log()
    log.begin()
    log.start()
    log.rescheduled()
    assert not fold(log.events).open_requests


def test_a_thread_that_was_created_is_never_the_primary():
    log = surprises.Log()
    log.running()
    log.thread_created("sthr_c")
    log.thread_status("running")
    session = fold(log.events)
    assert session.primary == surprises.PRIMARY
    assert list(session.threads) == ["sthr_c"]


def test_a_childs_own_stream_opens_and_ends_no_turn():
    log = surprises.Log()
    log.begin(run="run")
    child = log.child("sthr_c")
    child.running()
    child.user("for the child")
    child.outcome()
    child.usage("900")
    child.answer()
    child.interrupt()
    child.idle()
    watched = watch(log.events + child.events)
    session = watched.session
    assert [turn.key for turn in session.turns] == ["run"]
    assert (session.state, session.turn.interrupted) == ("running", False)
    assert len(session.turn.inputs) == 1
    assert not session.usages
    assert not session.outcomes
    assert len(session.threads["sthr_c"].items) == 8, "all of it is shown in the child's thread"
    log.idle()
    child.running()
    child.user()
    apply(session, log.events[-1], Change())
    for event in child.events[-2:]:
        apply(session, event, Change())
    assert (session.turn, session.state) == (None, "idle")


def test_an_open_turn_knows_the_latest_stamp_in_it():
    log = surprises.Log()
    log.begin()
    log.wait(40)
    log.thinking(id="thought")
    log.wait(2)
    log.usage("1")
    session = fold(log.events)
    assert session.turn.last_at == log.events[-1].at
    assert wall_seconds(session.turn) == pytest.approx(42.15, abs=0.01)


def test_the_first_block_of_a_request_is_the_first():
    log = surprises.Log()
    log.begin()
    log.start()
    log.wait(1)
    log.thinking()
    log.wait(1)
    log.message()
    (request,) = requests(fold(log.events))
    assert request.first_block_at == pytest.approx(request.at + 1, abs=0.001)


def test_a_second_end_of_a_request_counts_and_leaves_the_first_alone():
    log = surprises.Log()
    log.begin()
    log.start(id="request")
    log.wait(1)
    log.end("request", id="end1", out=1)
    log.end("request", id="end2", out=2)
    session = fold(log.events)
    first, second = requests(session)
    assert (first.usage.output_tokens, second.usage.output_tokens) == (1, 2)
    assert (tally(session).model_requests, tally(session).output_tokens) == (2, 3)


def test_what_was_never_seen_is_not_waited_for_once_the_session_runs():
    log = surprises.Log()
    log.idle("requires_action", "sevt_never_seen", id="blocked")
    log.running(id="run")
    log.custom(id="use")
    log.idle("requires_action", "use", id="blocked2")
    log.custom_result("use", id="answer")
    watched = watch(log.events)
    assert watched.states == ["waiting", "running", "waiting", "running"]
    assert not watched.session.awaited_unseen


def test_a_worker_is_waited_for_when_the_idle_comes_before_the_use():
    log = surprises.Log()
    log.begin()
    log.rest("requires_action", "use")
    log.tool(id="use", permission="allow")
    session = fold(log.events)
    assert list(session.pending) == ["use"]
    assert use(session, "use").awaited == "host_result"


def test_a_child_that_ends_takes_its_asks_with_it_and_no_others():
    log = surprises.Log()
    log.begin()
    log.thread_status("running", "sthr_c")
    log.thread_status("running", "sthr_d")
    log.custom(id="c", session_thread_id="sthr_c")
    log.custom(id="d", session_thread_id="sthr_d")
    log.rest("requires_action", "c", "d")
    log.thread_status("terminated", "sthr_c", id="c_ends")
    log.thread_status("terminated", "sthr_d", id="d_ends")
    watched = watch(log.events)
    assert watched.after["c_ends"].pending == ["d"]
    assert watched.after["d_ends"].pending == []
    assert watched.after["d_ends"].state == "running", "nothing is asked any more: the server goes on"
    assert use(watched.session, "c").awaited is None


def test_the_first_answer_counts_when_two_people_answer():
    log = surprises.Log()
    log.begin()
    log.tool(id="use", permission="ask")
    log.confirm("use", "allow", id="first")
    log.confirm("use", "deny", id="second")
    session = fold(log.events)
    assert (use(session, "use").confirmation, tally(session).confirmations) == ("allow", 1)
    assert "user.tool_confirmation" not in rows(session)


def test_a_confirmation_after_its_result_leaves_the_seconds_in_step():
    log = surprises.Log()
    log.begin()
    log.tool(id="use", permission="ask")
    log.wait(10)
    log.result("use")
    log.wait(-4)
    log.confirm("use")
    session = fold(log.events)
    assert use(session, "use").duration == pytest.approx(4, abs=0.001)
    assert tally(session).tool_s == pytest.approx(use(session, "use").duration)
    assert tally(session, session.turns[0]).tool_s == pytest.approx(tally(session).tool_s)


def test_an_ask_that_an_idle_gave_up_and_another_repeats_is_what_it_was():
    log = surprises.Log()
    log.begin()
    log.tool(id="ask", permission="ask")
    log.custom(id="custom")
    log.idle()
    log.runs()
    log.idle("requires_action", "ask", "custom")
    session = fold(log.events)
    assert [use(session, key).awaited for key in session.pending] == ["confirmation", "custom_result"]


def test_an_answer_without_a_stamp_gets_its_time_with_its_second_copy():
    for write, kind in (("custom_result", "custom"), ("host_result", "tool")):
        log = surprises.Log()
        log.begin()
        getattr(log, kind)(id="use")
        log.wait(2)
        getattr(log, write)("use", id="answer", at=None)
        getattr(log, write)("use", id="answer")
        whole = [event for event in log.events if event.at is not None]
        assert use(fold(log.events[:-1]), "use").duration is None
        assert view(fold(log.events)) == view(fold(whole))


def test_an_interrupt_that_waits_is_no_input_of_the_next_turn():
    log = surprises.Log()
    log.runs(id="run")
    log.interrupt(id="stop", at=None)
    log.user(id="ask", at=None)
    log.start()
    session = fold(log.events)
    assert inputs(session, 0) == ["ask"]
    assert list(session.queued) == ["stop"]
    assert not session.turns[0].interrupted
