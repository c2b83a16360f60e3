"""Turns that end early: interrupts at any moment, archiving and deleting, dead turns."""

import pytest
from simulator_client import REST, check_closed, drive_to_rest, message, texts, types


@pytest.mark.parametrize(
    "text", ["debug my incident", "workflow", "delegate", "postmortem", "overload", "compact"]
)
async def test_an_interrupt_is_honoured_at_any_moment(api, sim, text):
    whole = sim.create_session()
    await api.say(whole, text)
    length = len(sim.log(whole))
    for moment in range(2, length - 3, 3):
        session_id = sim.create_session()
        sim.accept(sim.sessions[session_id], [message(text)])
        log = sim.sessions[session_id].primary.log
        await sim.until(lambda log=log, moment=moment: len(log.stamped) >= moment)
        sim.accept(sim.sessions[session_id], [{"type": "user.interrupt"}])
        reason = await drive_to_rest(api, session_id)
        assert reason == "end_turn", moment
        events = sim.log(session_id)
        stop = types(events).index("user.interrupt")
        assert types(events)[-3:] == REST or stop > len(events) - 6
        assert (
            "span.model_request_start" not in types(events)[stop:] or "user.message" in types(events)[stop:]
        )
        check_closed(sim, session_id)


async def test_an_interrupted_tool_gets_its_error_before_the_interrupt(api, sim):
    session_id = sim.create_session()
    await api.say(session_id, "roll it back")
    (echo,) = await api.send(session_id, {"type": "user.interrupt"})
    assert echo.processed_at is None
    assert await sim.until_idle(session_id) == "end_turn"
    result, interrupt = sim.log(session_id)[-5:-3]
    assert result["content"][0]["text"] == ("Tool execution was interrupted before completion. Please retry.")
    assert (result["is_error"], interrupt["type"]) == (True, "user.interrupt")
    assert types(sim.log(session_id)[-3:]) == REST


async def test_an_interrupt_of_a_child_leaves_the_rest_alone(api, sim):
    session_id = sim.create_session()
    await api.say(session_id, "delegate it")
    child = next(i for i in sim.sessions[session_id].threads if i != sim.primary_thread_id(session_id))
    await api.send(session_id, {"type": "user.interrupt", "session_thread_id": child})
    assert await sim.until_idle(session_id) == "end_turn"
    assert "log-analyst was interrupted" in await texts(api, session_id)
    assert "user.interrupt" in types(sim.log(session_id, child))
    check_closed(sim, session_id)


async def test_an_interrupt_of_an_idle_session_is_recorded_and_changes_nothing(api, sim):
    session_id = sim.create_session()
    await api.say(session_id, "hello")
    await api.send(session_id, {"type": "user.interrupt"})
    assert types(sim.log(session_id))[-2:] == ["session.status_idle", "user.interrupt"]
    assert await api.say(session_id, "hello") == "end_turn"


@pytest.mark.parametrize("moment", [4, 8, 10, 12])
async def test_an_interrupted_outcome_is_over(api, sim, moment):
    session_id = sim.create_session()
    outcome = {
        "type": "user.define_outcome",
        "description": "Write summary.md",
        "rubric": {"type": "text", "content": "- complete"},
    }
    await api.send(session_id, outcome)
    await sim.until(lambda: len(sim.log(session_id)) >= moment)
    await api.send(session_id, {"type": "user.interrupt"})
    assert await sim.until_idle(session_id) == "end_turn"
    log = sim.log(session_id)
    (end,) = [event for event in log if event["type"] == "span.outcome_evaluation_end"]
    starts = [event["id"] for event in log if event["type"] == "span.outcome_evaluation_start"]
    assert (end["result"], end["outcome_evaluation_start_id"]) == ("interrupted", starts[0] if starts else "")
    await api.send(session_id, outcome)
    assert await sim.until_idle(session_id) == "end_turn"


@pytest.mark.parametrize("end", ["archive", "delete"])
async def test_a_session_that_waits_can_be_ended(api, sim, end):
    session_id = sim.create_session()
    await api.say(session_id, "delegate it")
    before = sim.log(session_id)
    await getattr(api.sdk.beta.sessions, end)(session_id)
    other = sim.create_session()
    await api.say(other, "debug")
    after = types(sim.log(session_id)[len(before) :])
    terminated = ["session.thread_status_terminated"] * 2 + ["session.status_terminated"]
    assert after == (terminated if end == "archive" else [])


async def test_what_waits_behind_a_dead_turn_is_recorded_without_a_turn(api, sim):
    session_id = sim.create_session()
    sim.accept(sim.sessions[session_id], [message("overload"), message("hello")])
    assert await sim.until_idle(session_id) == "retries_exhausted"
    assert types(sim.log(session_id))[-4:] == ["user.message", *REST]
