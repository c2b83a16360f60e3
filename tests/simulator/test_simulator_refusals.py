"""What the API refuses: malformed requests, and requests that do not fit the session."""

import anthropic
import pytest
from simulator_client import message

from cma_tui.simulator import Simulator


def confirm(tool_use_id, result="allow", **more):
    return {"type": "user.tool_confirmation", "tool_use_id": tool_use_id, "result": result, **more}


def answer(tool_use_id, text="42"):
    content = [{"type": "text", "text": text}]
    return {"type": "user.custom_tool_result", "custom_tool_use_id": tool_use_id, "content": content}


async def refused(api, session_id, *events):
    """The message of the 400 these events get; nothing of them is in the log."""
    before = api.sim.log(session_id)
    reply = await api.http.post(f"/v1/sessions/{session_id}/events", json={"events": list(events)})
    assert reply.status_code == 400, reply.text
    assert reply.json()["error"]["type"] == "invalid_request_error"
    assert api.sim.log(session_id) == before
    return reply.json()["error"]["message"]


async def asking(api):
    """A session that waits for an approval, and the tool use it waits for."""
    session_id = api.sim.create_session()
    assert await api.say(session_id, "roll it back") == "requires_action"
    return session_id, api.sim.log(session_id)[-1]["stop_reason"]["event_ids"][0]


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"type": "agent.message", "content": [{"type": "text", "text": "hi"}]},
        {"type": "user.message"},
        {"type": "user.message", "content": []},
        {"type": "user.message", "content": "hi"},
        {"type": "user.message", "content": [{"type": "text", "text": ""}]},
        {"type": "user.message", "content": [{"type": "text", "text": " \n"}]},
        {"type": "user.message", "content": [{"type": "text", "text": 1}]},
        {"type": "user.message", "content": [{"type": "redacted"}]},
        {"type": "user.message", "content": [{"type": "text", "text": "hi", "x": 1}]},
        {**message("hi"), "client_id": "1"},
        {"type": "user.interrupt", "reason": "x"},
        {"type": "user.interrupt", "session_thread_id": "sthr_none"},
        confirm("sevt_none"),
        confirm(""),
        confirm("x" * 129),
        confirm("sevt_none", "maybe"),
        confirm("sevt_none", deny_message="x"),
        confirm("sevt_none", "deny", deny_message="x" * 10_001),
        confirm("sevt_none", session_thread_id="sthr_x"),
        answer("sevt_none"),
        {"type": "user.tool_result", "tool_use_id": "sevt_none"},
        {"type": "user.define_outcome", "description": "x"},
        {"type": "user.define_outcome", "description": "x", "rubric": {"type": "url"}},
        {
            "type": "user.define_outcome",
            "description": "x",
            "rubric": {"type": "text", "content": "y"},
            "max_iterations": 21,
        },
    ],
)
async def test_a_malformed_event_is_refused(api, sim, event):
    await refused(api, sim.create_session(), event)


@pytest.mark.parametrize("body", [{}, {"events": []}, {"events": {}}, {"events": [message("hi")], "x": 1}])
async def test_a_malformed_request_is_refused(api, sim, body):
    reply = await api.http.post(f"/v1/sessions/{sim.create_session()}/events", json=body)
    assert reply.status_code == 400


async def test_system_text_comes_last_and_once(api, sim):
    session_id = sim.create_session()
    system = {"type": "system.message", "content": [{"type": "text", "text": "Be brief."}]}
    await refused(api, session_id, system, message("hi"))
    await refused(api, session_id, message("hi"), system, system)
    await api.send(session_id, message("hi"), system)
    await sim.until_idle(session_id)
    types = [event["type"] for event in sim.log(session_id)]
    assert types[2:4] == ["user.message", "system.message"]


async def test_one_bad_event_refuses_all(api, sim):
    await refused(api, sim.create_session(), message("hi"), {"type": "user.message", "content": []})


async def test_no_message_while_an_action_is_required(api):
    session_id, use_id = await asking(api)
    assert use_id in await refused(api, session_id, message("hurry up"))
    await api.send(session_id, confirm(use_id))
    assert await api.sim.until_idle(session_id) == "end_turn"


async def test_an_answer_frees_the_message_behind_it(api):
    session_id, use_id = await asking(api)
    await api.send(session_id, confirm(use_id), message("and then?"))
    assert await api.sim.until_idle(session_id) == "end_turn"


async def test_an_interrupt_frees_the_message_behind_it(api):
    session_id, _ = await asking(api)
    await api.send(session_id, {"type": "user.interrupt"}, message("help"))
    assert await api.sim.until_idle(session_id) == "end_turn"
    assert sum(event["type"] == "user.message" for event in api.sim.log(session_id)) == 2


async def test_nobody_answers_twice(api):
    session_id, use_id = await asking(api)
    await refused(api, session_id, confirm(use_id), confirm(use_id, "deny"))
    await api.send(session_id, confirm(use_id))
    with pytest.raises(anthropic.BadRequestError, match="already been answered"):
        await api.send(session_id, confirm(use_id))
    await api.sim.until_idle(session_id)
    await refused(api, session_id, confirm(use_id))


async def test_a_call_that_does_not_ask_takes_no_confirmation(api, sim):
    session_id = sim.create_session()
    await api.say(session_id, "hello")
    await api.say(session_id, "who is on call?")
    (use,) = [event for event in sim.log(session_id) if event["type"] == "agent.tool_use"]
    assert "does not ask" in await refused(api, session_id, confirm(use["id"]))
    assert "not run by the client" in await refused(
        api, session_id, {"type": "user.tool_result", "tool_use_id": use["id"]}
    )
    assert "not of this kind" in await refused(api, session_id, answer(use["id"]))


async def test_a_custom_tool_is_answered_once_and_not_late(connected):
    async with connected(Simulator(host_answers=False)) as api:
        session_id = api.sim.create_session()
        assert await api.say(session_id, "debug my incident") == "requires_action"
        deploys, metrics = api.sim.log(session_id)[-1]["stop_reason"]["event_ids"]
        await api.send(session_id, answer(deploys))
        await refused(api, session_id, answer(deploys))
        await api.send(session_id, {"type": "user.interrupt"})
        await api.sim.until_idle(session_id)
        await refused(api, session_id, answer(metrics))


async def test_a_late_confirmation_has_no_effect(api):
    session_id, use_id = await asking(api)
    await api.send(session_id, {"type": "user.interrupt"})
    await api.sim.until_idle(session_id)
    before = api.sim.log(session_id)
    await api.send(session_id, confirm(use_id))
    assert api.sim.log(session_id) == before


async def test_no_message_at_the_budget_cap(api, sim):
    session_id = sim.create_session(budget_cents=20)
    assert await api.say(session_id, "spend the budget") == "budget_reached"
    await refused(api, session_id, message("more"))
    before = sim.log(session_id)
    await api.send(session_id, {"type": "user.interrupt"})
    assert sim.log(session_id) == before, "an interrupt at the cap is accepted and not recorded"


async def test_a_budget_is_only_raised_or_removed(api, sim):
    def budget(cents):
        return {"budget": {"type": "limit", "max_list_cost": {"amount": str(cents), "currency": "USD"}}}

    without = sim.create_session(budget_cents=None)
    reply = await api.http.post(f"/v1/sessions/{without}", json=budget(5))
    assert reply.json()["error"]["details"] == {"error_code": "budget_create_only"}
    session_id = sim.create_session(budget_cents=20)
    await api.say(session_id, "spend the budget")
    reply = await api.http.post(f"/v1/sessions/{session_id}", json=budget(20))
    assert reply.json()["error"]["details"] == {"error_code": "budget_not_raised"}
    assert (await api.http.post(f"/v1/sessions/{session_id}", json=budget(500))).status_code == 200
    assert await sim.until_idle(session_id) == "end_turn"


async def test_nothing_is_sent_to_an_archived_session(api, sim):
    session_id = sim.create_session()
    await api.sdk.beta.sessions.archive(session_id)
    await refused(api, session_id, message("hi"))
    await refused(api, session_id, {"type": "user.interrupt"})


async def test_a_running_session_is_neither_archived_nor_deleted(connected):
    async with connected(Simulator(pace=60)) as api:
        session_id = api.sim.create_session()
        await api.send(session_id, message("workflow"))
        for call in (api.sdk.beta.sessions.archive, api.sdk.beta.sessions.delete):
            with pytest.raises(anthropic.BadRequestError, match="interrupt it first"):
                await call(session_id)


async def test_an_open_workflow_run_keeps_a_session_from_being_archived(api, sim):
    session_id = sim.create_session()
    await api.send(session_id, message("workflow"))
    await sim.until_event(session_id, "workflow_run.created")
    with pytest.raises(anthropic.BadRequestError) as refusal:
        await api.sdk.beta.sessions.archive(session_id)
    await sim.until_idle(session_id)
    assert refusal.value.body["error"]["details"]["error_code"] == "workflow_run_open"
    await api.sdk.beta.sessions.archive(session_id)


async def test_one_outcome_at_a_time(api, sim):
    session_id = sim.create_session()
    outcome = {
        "type": "user.define_outcome",
        "description": "Write summary.md",
        "rubric": {"type": "text", "content": "- complete"},
    }
    await api.send(session_id, outcome)
    reply = await api.http.post(f"/v1/sessions/{session_id}/events", json={"events": [outcome]})
    assert reply.status_code == 400
    await sim.until_idle(session_id)
    await api.send(session_id, outcome)
    assert await sim.until_idle(session_id) == "end_turn"


async def test_unknown_agents_and_environments_are_404(api, sim):
    create = api.sdk.beta.sessions.create
    with pytest.raises(anthropic.NotFoundError):
        await create(agent="agent_none", environment_id=sim.environment_id)
    with pytest.raises(anthropic.NotFoundError):
        await create(agent=sim.agent_id, environment_id="env_none")
    with pytest.raises(anthropic.BadRequestError):
        await create(agent=sim.agent_id, environment_id=sim.environment_id, extra_body={"name": "x"})
    with pytest.raises(anthropic.BadRequestError):
        await create(
            agent=sim.agent_id, environment_id=sim.environment_id, initial_events=[{"type": "user.interrupt"}]
        )
