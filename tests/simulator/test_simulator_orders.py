"""The order of events in each situation."""

import json

import pytest
from simulator_client import (
    ASKED,
    REST,
    SPAN,
    TURN,
    check_fields,
    drive,
    in_order,
    message,
    since,
    texts,
    types,
)

from cma_tui.simulator import Simulator


async def test_a_simple_turn(api, sim):
    session_id = sim.create_session()
    async with api.stream(session_id) as stream:
        await stream.until(b"connected")
        await api.say(session_id, "hello")
        await stream.until(b"session.status_idle")
    start, end = SPAN
    assert types(sim.log(session_id)) == [*TURN, start, "agent.message", end, *REST]
    assert stream.events == sim.log(session_id)
    running, thread_running, said, span = sim.log(session_id)[:4]
    assert thread_running["session_thread_id"] == sim.primary_thread_id(session_id)
    assert int(thread_running["processed_at"][-7:-1]) - int(running["processed_at"][-7:-1]) == 1
    assert int(span["processed_at"][-7:-1]) - int(said["processed_at"][-7:-1]) == 1


async def test_the_investigation(api, sim):
    session_id = sim.create_session()
    assert await api.say(session_id, "p99 on orders is 10x baseline") == "end_turn"
    log = sim.log(session_id)
    assert in_order(
        types(log),
        *TURN,
        "agent.thinking",
        "agent.message",
        "agent.custom_tool_use",
        "agent.custom_tool_use",
        *ASKED,
        "user.custom_tool_result",
        "user.custom_tool_result",
        "session.status_running",
        "agent.tool_use",
        "agent.tool_result",
        "session.error",
        "session.status_rescheduled",
        "session.status_running",
        "session.thread_created",
        "agent.thread_message_sent",
        "agent.thread_message_received",
        *REST,
    )
    errors = [event for event in log if event["type"] == "agent.tool_result" and event["is_error"]]
    assert ["exit code 2" in event["content"][0]["text"] for event in errors] == [True]
    failed = [event for event in log if event["type"] == "span.model_request_end" and event["is_error"]]
    assert [sum(event["model_usage"].values()) for event in failed] == [0]
    (error,) = [event["error"] for event in log if event["type"] == "session.error"]
    assert (error["type"], error["retry_status"]) == ("model_overloaded_error", {"type": "retrying"})
    conclusion = [event for event in log if event["type"] == "agent.message"][-1]["content"][0]["text"]
    assert all(part in conclusion for part in ("|---|", "```python", "1. Roll back"))


async def test_a_childs_work_is_on_its_own_log(api, sim):
    session_id = sim.create_session()
    await api.say(session_id, "debug my incident")
    (created,) = [event for event in sim.log(session_id) if event["type"] == "session.thread_created"]
    child = created["session_thread_id"]
    own = types(sim.log(session_id, child))
    assert own == [
        "session.thread_status_running",
        "agent.thread_message_received",
        "span.model_request_start",
        "agent.thinking",
        "agent.tool_use",
        "agent.tool_use",
        "span.model_request_end",
        "agent.tool_result",
        "agent.tool_result",
        "span.model_request_start",
        "agent.message",
        "span.model_request_end",
        "agent.thread_message_sent",
        "session.thread_status_idle",
    ]
    shown = [
        event["type"]
        for event in sim.log(session_id)
        if child in (event.get(f"{way}session_thread_id") for way in ("", "to_", "from_"))
    ]
    assert shown == [
        "session.thread_created",
        "session.thread_status_running",
        "agent.thread_message_sent",
        "agent.thread_message_received",
        "session.thread_status_idle",
    ]


async def test_an_approval(api, sim):
    session_id = sim.create_session()
    assert await api.say(session_id, "roll it back") == "requires_action"
    use = next(event for event in sim.log(session_id) if event["type"] == "agent.tool_use")
    assert (use["evaluated_permission"], use["input"]) == (
        "ask",
        {"command": "kubectl rollout undo deploy/orders"},
    )
    assert types(since(sim.log(session_id), "agent.tool_use")) == ["agent.tool_use", *ASKED]
    reasons = [event["stop_reason"] for event in sim.log(session_id)[-3:] if "stop_reason" in event]
    assert reasons == [{"type": "requires_action", "event_ids": [use["id"]]}] * 2
    (echo,) = await api.send(
        session_id, {"type": "user.tool_confirmation", "tool_use_id": use["id"], "result": "allow"}
    )
    assert echo.processed_at is None
    assert await sim.until_idle(session_id) == "end_turn"
    after = types(since(sim.log(session_id), "user.tool_confirmation"))
    assert after[:5] == ["user.tool_confirmation", *TURN[:2], "agent.tool_result", "span.model_request_start"]
    assert "231 ms" in await texts(api, session_id)


async def test_a_denial_is_answered_with_an_error_and_the_agent_reacts_to_the_reason(api, sim):
    session_id = sim.create_session()
    await drive(api, session_id, "roll it back", allow=False)
    after = since(sim.log(session_id), "user.tool_confirmation")
    assert types(after)[:4] == ["user.tool_confirmation", *TURN[:2], "agent.tool_result"]
    assert after[3]["is_error"]
    assert after[3]["content"][0]["text"] == (
        "Permission to use bash has been rejected. Rejection message: Not before 18:00"
    )
    assert "“Not before 18:00”" in await texts(api, session_id)


async def test_custom_tools_are_left_to_the_client_when_asked(connected):
    async with connected(Simulator(host_answers=False)) as api:
        session_id = api.sim.create_session()
        assert await api.say(session_id, "debug") == "requires_action"
        first, second = api.sim.log(session_id)[-1]["stop_reason"]["event_ids"]
        result = {"type": "user.custom_tool_result", "content": [{"type": "text", "text": "mine"}]}
        (echo,) = await api.send(session_id, {**result, "custom_tool_use_id": first})
        assert echo.processed_at is not None
        await api.sim.until_event(session_id, "session.status_idle", count=2)
        assert api.sim.log(session_id)[-1]["stop_reason"]["event_ids"] == [second], (
            "what is left is asked again"
        )
        await api.send(session_id, {**result, "custom_tool_use_id": second})
        await api.sim.until_event(session_id, "agent.tool_use")
        after = since(api.sim.log(session_id), "user.custom_tool_result")
        assert types(after)[:4] == ["user.custom_tool_result", *TURN[:2], "span.model_request_start"]
        results = [e for e in api.sim.log(session_id) if e["type"] == "user.custom_tool_result"]
        assert [event["content"][0]["text"] for event in results] == ["mine", "mine"]


async def test_a_self_hosted_environment_leaves_the_built_in_tools_to_the_client(connected):
    async with connected(Simulator(host_answers=False)) as api:
        environment = api.sim.add_environment({"name": "ours", "config": {"type": "self_hosted"}})
        session_id = api.sim.create_session(environment_id=environment["id"])
        await api.say(session_id, "hello")
        assert await api.say(session_id, "who is on call?") == "requires_action"
        (use_id,) = api.sim.log(session_id)[-1]["stop_reason"]["event_ids"]
        await api.send(session_id, {"type": "user.tool_result", "tool_use_id": use_id})
        assert await api.sim.until_idle(session_id) == "end_turn"
        assert "agent.tool_result" not in types(api.sim.log(session_id))


async def test_a_childs_question_is_asked_in_the_session(api, sim):
    session_id = sim.create_session()
    assert await api.say(session_id, "delegate it") == "requires_action"
    log = sim.log(session_id)
    asked, use = log[-4:-2]
    assert types(log[-4:]) == [
        "session.thread_status_idle",
        "agent.tool_use",
        "session.usage",
        "session.status_idle",
    ]
    child = use["session_thread_id"]
    assert asked["session_thread_id"] == child
    own = next(e for e in sim.log(session_id, child) if e["type"] == "agent.tool_use")
    assert own["id"] == use["id"]
    assert own["processed_at"] != use["processed_at"]
    assert "session_thread_id" not in own
    await api.send(
        session_id, {"type": "user.tool_confirmation", "tool_use_id": use["id"], "result": "allow"}
    )
    assert await sim.until_idle(session_id) == "end_turn"
    there = next(e for e in sim.log(session_id) if e["type"] == "user.tool_confirmation")
    here = next(e for e in sim.log(session_id, child) if e["type"] == "user.tool_confirmation")
    assert there["session_thread_id"] == child
    assert there["id"] != here["id"]
    assert "agent.tool_result" not in types(sim.log(session_id))
    assert "agent.tool_result" in types(sim.log(session_id, child))
    assert "0.4 ms" in await texts(api, session_id)


async def test_a_refusal(api, sim):
    session_id = sim.create_session()
    assert await api.say(session_id, "write an exploit") == "refusal"
    thread_idle, _, idle = sim.log(session_id)[-3:]
    for event in (thread_idle, idle):
        assert event["stop_reason"] == {"type": "refusal"}
        assert event["stop_details"]["category"] == "cyber"


async def test_retries_run_out(api, sim):
    session_id = sim.create_session()
    assert await api.say(session_id, "overload") == "retries_exhausted"
    statuses = [
        e["error"]["retry_status"]["type"] for e in sim.log(session_id) if e["type"] == "session.error"
    ]
    assert statuses == ["retrying", "retrying", "exhausted"]
    assert await api.say(session_id, "hello") == "end_turn"


async def test_a_crash_terminates_the_session(api, sim):
    session_id = sim.create_session()
    async with api.stream(session_id) as stream:
        await stream.until(b"connected")
        await api.say(session_id, "crash")
        await stream.to_end()
    assert types(stream.events)[-3:] == [
        "session.error",
        "session.thread_status_terminated",
        "session.status_terminated",
    ]
    assert (await api.sdk.beta.sessions.retrieve(session_id)).status == "terminated"


async def test_a_budget_pauses_the_turn_until_it_is_removed(api, sim):
    session_id = sim.create_session(budget_cents=20)
    assert await api.say(session_id, "spend the budget") == "budget_reached"
    log = sim.log(session_id)
    assert types(log[-3:]) == REST
    assert log[-2]["budget"]["max_list_cost"] == {"amount": "20", "currency": "USD"}
    assert int(log[-2]["usage"]["list_cost"]["amount"]) >= 20
    await api.http.post(f"/v1/sessions/{session_id}", json={"budget": None})
    assert await sim.until_idle(session_id) == "end_turn"
    resumed = since(sim.log(session_id), "session.updated")
    assert types(resumed)[:4] == ["session.updated", *TURN[:2], "span.model_request_start"]
    unlimited = sim.create_session(budget_cents=None)
    assert await api.say(unlimited, "spend the budget") == "end_turn"


@pytest.mark.parametrize(
    ("iterations", "results"),
    [
        (None, ["needs_revision", "needs_revision", "satisfied"]),
        (2, ["needs_revision", "max_iterations_reached"]),
        (1, ["max_iterations_reached"]),
    ],
)
async def test_an_outcome(api, sim, iterations, results):
    session_id = sim.create_session()
    outcome = {
        "type": "user.define_outcome",
        "description": "Write summary.md",
        "rubric": {"type": "text", "content": "- complete"},
    }
    (echo,) = await api.send(session_id, outcome | ({"max_iterations": iterations} if iterations else {}))
    assert echo.processed_at is not None
    assert await sim.until_idle(session_id) == "end_turn"
    log = sim.log(session_id)
    assert types(log)[:3] == ["user.define_outcome", *TURN[:2]]
    ends = [event for event in log if event["type"] == "span.outcome_evaluation_end"]
    assert [event["result"] for event in ends] == results
    assert [event["iteration"] for event in ends] == list(range(len(results)))
    for event in log:
        check_fields(event)
    ids = {event["outcome_id"] for event in log if "outcome_id" in event}
    assert ids == {echo.outcome_id}
    (evaluation,) = (await api.get(f"/v1/sessions/{session_id}")).json()["outcome_evaluations"]
    assert evaluation["result"] == results[-1]
    assert types(log)[-4:] == ["span.model_request_end", *REST]


async def test_compaction(api, sim):
    session_id = sim.create_session()
    await api.say(session_id, "debug")
    await api.say(session_id, "compact")
    log = sim.log(session_id)
    mark = types(log).index("agent.thread_context_compacted")
    assert types(log[mark - 4 : mark]) == SPAN * 2
    assert sum(log[mark - 3]["model_usage"].values()) == 0
    usage = next(e["model_usage"] for e in log[mark:] if e["type"] == "span.model_request_end")
    assert usage["cache_read_input_tokens"] == 0


async def test_workflow_runs(api, sim):
    session_id = sim.create_session()
    assert await api.say(session_id, "workflow") == "end_turn"
    log = sim.log(session_id)
    first, second = [event for event in log if event["type"] == "workflow_run.created"]
    runs = {
        run["workflow_run_id"]: [e for e in log if e.get("workflow_run_id") == run["workflow_run_id"]]
        for run in (first, second)
    }
    phase = ["workflow_run.phase_started", "workflow_run.phase_ended"]
    mine = [t for t in types(runs[first["workflow_run_id"]]) if t.startswith("workflow_run.")]
    again = ["workflow_run.status_idle", "workflow_run.status_running"]
    start = ["workflow_run.created", "workflow_run.status_running"]
    assert mine == [*start, *phase, *again, *phase, "workflow_run.status_ended"]
    assert runs[first["workflow_run_id"]][-1]["result"] == {"type": "completed"}
    assert runs[second["workflow_run_id"]][-1]["result"]["error"]["type"] == "timeout_error"
    threads = (await api.get(f"/v1/sessions/{session_id}/threads")).json()["data"]
    assert [t["workflow_run_id"] for t in threads[1:]] == [first["workflow_run_id"]] * 4 + [
        second["workflow_run_id"]
    ]
    assert {t["agent"]["type"] for t in threads[1:]} == {"inline"}


async def test_hostile_output_reaches_the_client_unchanged(api, sim):
    session_id = sim.create_session()
    await api.say(session_id, "hostile")
    listed = json.dumps(await api.listed(session_id), default=str)
    for part in ("\\u001b]52;c;", "\\u001b]2;", "\\u001b[2J", "\\u202e", "[/]", "\\u009b", "@click"):
        assert part in listed


async def test_messages_sent_in_a_turn_get_turns_of_their_own(api, sim):
    session_id = sim.create_session()
    await api.send(session_id, message("hello"), message("help"))
    await api.send(session_id, message("thanks"))
    assert len(sim.log(session_id)) == len(await api.listed(session_id))
    await sim.until_idle(session_id)
    log = sim.log(session_id)
    assert [e["content"][0]["text"] for e in log if e["type"] == "user.message"] == [
        "hello",
        "help",
        "thanks",
    ]
    assert types(log).count("session.status_idle") == 3
