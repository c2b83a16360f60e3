"""What a user sees of sessions on other people's servers."""

from __future__ import annotations

from cma_tui.content import plain_text
from cma_tui.event import local
from cma_tui.session.fold import apply
from cma_tui.session.merge import merge
from cma_tui.session.model import Change, Failure
from tests.session.look import check, fold, inputs, requests, tally, use, view, watch
from tests.stories import others


def test_without_status_events_the_next_message_ends_a_turn():
    watched = watch(others.no_status_events())
    session = watched.session
    assert [turn.key for turn in session.turns] == ["ask1", "ask2", "ask3", "ask4"]
    assert inputs(session, 1) == ["ask2", "ask2b"], "a message before any answer is the same turn's"
    assert [turn.ended for turn in session.turns] == [True, True, True, False]
    assert session.turns[0].ended_at == session.turns[0].last_at
    assert session.turns[0].ended_at < session.turns[1].started_at - 59
    assert tally(session, session.turns[2]).errors == 1


def test_without_status_events_the_polled_status_counts():
    watched = watch(others.no_status_events())
    assert [watched.after[f"~poll{n}"].state for n in range(3)] == ["idle", "running", "idle"]


def test_a_reconnect_is_no_answer():
    events = others.no_status_events()
    cut = next(i for i, event in enumerate(events) if event.key == "ask2b")
    again = local("local.connected", {"connection": 2}, key="again")
    assert len(fold([*events[:cut], again, *events[cut:]]).turns) == 4


def test_without_ids_and_stamps_every_event_counts_once_however_often_it_comes():
    events = others.no_ids_no_stamps()
    watched = watch(events + events)
    session = watched.session
    assert len(session.events) == len(events)
    assert [turn.ended for turn in session.turns] == [True, False]
    assert (tally(session).model_requests, tally(session).input_tokens, tally(session).tool_uses) == (1, 5, 1)
    assert use(session, "toolu_1").done
    assert plain_text(session.events[use(session, "toolu_1").result].content) == "a.txt"
    (failure,) = [item for item in session.items if isinstance(item, Failure)]
    assert (failure.message, failure.error_type) == ("out of credit", "unknown_error")
    assert (session.first_at, session.turns[0].started_at, requests(session)[0].at) == (None, None, None)
    assert not session.queued, "what was answered does not wait"


def test_without_spans_a_turn_has_its_tools_and_no_requests():
    watched = watch(others.no_spans())
    session = watched.session
    assert watched.states == ["unknown", "running", "idle", "running", "terminated"]
    first, second = session.turns
    assert (first.key, tally(session, first).tool_uses, tally(session, first).model_requests) == ("ask", 1, 0)
    assert (second.stop_reason, tally(session, second).errors) == ("terminated", 1)


def test_results_may_name_a_use_by_the_models_id():
    watched = watch(others.aliased_results())
    session = watched.session
    assert [use(session, key).is_error for key in ("evt_1", "evt_2")] == [False, True]
    assert (tally(session).tool_uses, tally(session).tool_errors) == (2, 1)
    assert watched.after["stale"].state == "running"
    assert list(session.tools) == ["evt_1", "evt_2"], "each use is there once"


def test_a_result_by_the_models_id_may_come_before_its_use():
    events = others.aliased_results()
    first = next(i for i, event in enumerate(events) if event.key == "evt_1")
    late = [*events[:first], *events[first + 1 : -5], events[first], *events[-5:]]
    session = watch(late).session
    assert use(session, "evt_1").done
    assert not session.waiting_results


def test_results_of_another_kind_still_find_their_use():
    watched = watch(others.results_of_another_kind())
    session = watched.session
    assert (use(session, "custom").done, use(session, "mcp").is_error) == (True, True)
    assert watched.after["custom_result"].pending == []


def test_a_custom_tool_waits_without_any_idle():
    watched = watch(others.custom_without_idle())
    assert watched.states == ["running", "waiting", "running", "idle"]
    assert watched.after["use"].pending == ["use"]


def test_orphaned_spans_are_closed_and_the_turn_goes_on():
    watched = watch(others.killed_brain())
    session = watched.session
    assert watched.states == ["running", "rescheduling", "running", "idle"]
    (turn,) = session.turns
    assert (turn.key, len(turn.legs), tally(session, turn).model_requests) == ("run", 1, 1)
    assert [request.closed for request in requests(session)] == [True, True, True]
    events = others.killed_brain()
    cut = next(i for i, event in enumerate(events) if event.key == "again") + 1
    assert not fold(events[:cut]).open_requests


def test_a_message_without_a_stamp_is_taken_up_when_the_model_is_asked():
    stream, _ = others.stamped_by_history_alone()
    watched = watch(stream)
    assert not watched.session.queued
    assert inputs(watched.session, 0) == ["ask"]


def test_the_history_gives_a_message_its_time_wherever_it_counts():
    stream, history = others.stamped_by_history_alone()
    session, change = fold(stream), Change()
    merged = merge(session, history, change)
    assert merged is session, "the order was right: nothing to fold anew"
    assert view(merged) == view(fold(history))
    ask = merged.items[merged.turns[0].inputs[0]]
    assert ask.at is not None
    assert merged.owners[ask.event] in change.items
    check(merged)


def test_a_turn_that_a_stampless_message_opened_gets_its_beginning_from_the_history():
    stream, history = others.stamped_by_history_alone()
    session = fold(stream[2:])
    assert session.turns[0].key == "ask"
    merged = merge(session, history[2:], Change())
    assert view(merged) == view(fold(history[2:]))


def test_a_server_that_never_gives_a_time():
    watched = watch(others.never_stamped())
    session = watched.session
    assert [turn.key for turn in session.turns] == ["ask1", "ask2"]
    assert [inputs(session, n) for n in (0, 1)] == [["ask1"], ["ask2"]]
    assert not session.queued
    assert tally(session).model_s == 0
    again = fold(others.never_stamped())
    merged = merge(again, others.never_stamped(), Change())
    assert merged is again


def test_an_idle_while_another_turn_runs_loses_nothing():
    watched = watch(others.idle_during_a_parallel_turn())
    session = watched.session
    assert tally(session).model_requests == 2
    assert watched.after["late"].state == "running", "who works is not idle"
    assert watched.after["dead"].state == "terminated"
    assert watched.after["run3"].state == "running"
    assert session.turns[-1].key == "run3"
    assert session.turns[-1].stop_reason == "end_turn"
    assert session.turn is None


def test_the_whole_history_on_every_connect_changes_nothing():
    events = others.killed_brain()
    session = fold(events)
    before = view(session, numbers=True)
    for event in events:
        assert apply(session, event, change := Change()) is False
        assert change == Change(), "and nothing is drawn anew"
    assert view(session, numbers=True) == before
