"""Resources, lists, authentication and errors over HTTP."""

from datetime import datetime, timedelta

import anthropic
import httpx2
import pytest
from anthropic import AsyncAnthropic
from simulator_client import message

from cma_tui.simulator import Simulator

# The keys of a recorded session of August 2026.
RECORDED_KEYS = set(
    """
    agent archived_at budget created_at environment_id id metadata outcome_evaluations resources stats status
    title type updated_at usage vault_ids
    """.split()  # noqa: SIM905 - reads better than a column
)


def written(sim, count):
    """A session without an agent that has this many messages, 1 ms apart."""
    session_id = sim.create_session(agent="none")
    start = datetime.fromisoformat("2026-10-12T10:00:00+00:00")
    for n in range(count):
        at = (start + timedelta(milliseconds=n)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        event = {"type": "agent.thinking" if n % 2 else "session.status_running", "processed_at": at}
        sim.emit(session_id, {**event, "id": f"sevt_{n}"})
    return session_id


# --- every answer -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("headers", [{}, {"x-api-key": "sk-other"}, {"authorization": "Bearer nope"}])
async def test_a_wrong_key_is_refused_with_the_envelope(api, headers):
    async with httpx2.AsyncClient(base_url=api.base_url, headers=headers) as http:
        reply = await http.get("/v1/sessions")
    assert reply.status_code == 401
    assert reply.json() == {
        "type": "error",
        "error": {"type": "authentication_error", "message": "invalid API key"},
        "request_id": reply.headers["request-id"],
    }


async def test_both_ways_to_give_the_key_work(api, sim):
    for headers in ({"x-api-key": sim.api_key}, {"authorization": f"Bearer {sim.api_key}"}):
        async with httpx2.AsyncClient(base_url=api.base_url, headers=headers) as http:
            assert (await http.get("/v1/sessions")).status_code == 200


async def test_the_sdk_sees_a_wrong_key_as_its_own_error(api):
    async with AsyncAnthropic(api_key="sk-wrong", base_url=api.base_url, max_retries=0) as sdk:
        with pytest.raises(anthropic.AuthenticationError):
            await sdk.beta.sessions.events.send("sesn_x", events=[message("hi")])


@pytest.mark.parametrize(
    "path",
    [
        "/v1/sessions/sesn_none",
        "/v1/sessions/sesn_none/events",
        "/v1/sessions/sesn_none/events/stream",
        "/v1/sessions/sesn_none/threads",
        "/v1/agents/agent_none",
        "/v1/files/file_none/content",
        "/v1/nothing",
        "/",
    ],
)
async def test_what_is_not_there_is_404(api, path):
    reply = await api.get(path)
    assert reply.status_code == 404
    assert reply.json()["error"]["type"] == "not_found_error"


async def test_a_wrong_method_is_404_too(api):
    assert (await api.http.patch("/v1/sessions")).json()["error"]["type"] == "not_found_error"


async def test_answers_carry_a_request_id_and_rate_limits(api):
    first, second = await api.get("/v1/sessions"), await api.get("/v1/sessions")
    assert first.headers["request-id"] != second.headers["request-id"]
    left = [int(reply.headers["anthropic-ratelimit-requests-remaining"]) for reply in (first, second)]
    assert left[0] - left[1] == 1
    assert first.headers["anthropic-ratelimit-requests-limit"] == "1200"
    assert "date" in first.headers


async def test_a_body_that_is_no_json_object_is_refused(api, sim):
    session_id = sim.create_session()
    for content in (b"{", b"[]", b'"x"', b'{"events": "\\ud800"}'):
        reply = await api.http.post(f"/v1/sessions/{session_id}/events", content=content)
        assert reply.status_code == 400, content


# --- sessions -----------------------------------------------------------------------------------------------


async def test_a_new_session_is_idle_and_has_the_shape_of_the_service(api, sim):
    session = await api.sdk.beta.sessions.create(
        agent=sim.agent_id, environment_id=sim.environment_id, title="p99", metadata={"team": "orders"}
    )
    assert session.id.startswith("sesn_")
    assert (session.status, session.title, session.metadata) == ("idle", "p99", {"team": "orders"})
    assert (session.agent.name, session.agent.model.id) == ("incident-responder", "claude-opus-5")
    raw = (await api.get(f"/v1/sessions/{session.id}")).json()
    assert raw["usage"]["cache_creation"] is None
    assert raw["usage"]["list_cost"] == {"amount": "0", "currency": "USD"}
    assert set(raw) == RECORDED_KEYS


async def test_initial_events_start_the_session(api, sim):
    session = await api.sdk.beta.sessions.create(
        agent=sim.agent_id, environment_id=sim.environment_id, initial_events=[message("hello")]
    )
    assert await sim.until_idle(session.id) == "end_turn"
    types = [event["type"] for event in sim.log(session.id)]
    assert types[:3] == ["session.status_running", "session.thread_status_running", "user.message"]


async def test_sessions_are_listed_newest_first_and_by_page(api, sim):
    ids = [sim.create_session(title=str(n)) for n in range(5)]
    listed = [session.id async for session in api.sdk.beta.sessions.list(limit=2)]
    assert listed == ids[::-1]
    first = (await api.get("/v1/sessions", limit=2)).json()
    second = (await api.get("/v1/sessions", limit=2, page=first["next_page"])).json()
    last = (await api.get("/v1/sessions", limit=2, page=second["next_page"])).json()
    assert set(first) == {"data", "next_page"}
    assert set(last) == {"data", "prev_page"}
    back = (await api.get("/v1/sessions", limit=2, page=last["prev_page"])).json()
    assert back["data"] == second["data"]


async def test_sessions_can_be_filtered(api, sim):
    kept, archived = sim.create_session(), sim.create_session()
    await api.sdk.beta.sessions.archive(archived)
    sessions = api.sdk.beta.sessions
    assert [s.id async for s in sessions.list()] == [kept]
    assert {s.id async for s in sessions.list(include_archived=True)} == {kept, archived}
    assert [s.id async for s in sessions.list(statuses=["terminated"], include_archived=True)] == [archived]
    assert [s.id async for s in sessions.list(agent_id="agent_other")] == []


async def test_an_update_says_what_has_changed_and_nothing_else(api, sim):
    session_id = sim.create_session(title="old", metadata={"a": "1", "b": "2"})
    updated = await api.sdk.beta.sessions.update(session_id, title="new", metadata={"a": None, "c": "3"})
    assert (updated.title, updated.metadata) == ("new", {"b": "2", "c": "3"})
    (event,) = sim.log(session_id)
    assert {key: event[key] for key in event if key not in ("id", "processed_at")} == {
        "type": "session.updated",
        "title": "new",
        "metadata": {"b": "2", "c": "3"},
    }
    await api.sdk.beta.sessions.update(session_id, title="new")
    assert len(sim.log(session_id)) == 1
    await api.http.post(f"/v1/sessions/{session_id}", json={"budget": None})
    assert sim.log(session_id)[-1]["budget"] is None


async def test_archiving_and_deleting(api, sim):
    session_id = sim.create_session()
    archived = await api.sdk.beta.sessions.archive(session_id)
    assert archived.status == "terminated"
    assert archived.archived_at is not None
    deleted = await api.sdk.beta.sessions.delete(session_id)
    assert deleted.type == "session_deleted"
    with pytest.raises(anthropic.NotFoundError):
        await api.sdk.beta.sessions.retrieve(session_id)


async def test_usage_and_cost_add_up(api, sim):
    session_id = sim.create_session()
    await api.say(session_id, "debug my incident")
    session = await api.sdk.beta.sessions.retrieve(session_id)
    threads = [thread async for thread in api.sdk.beta.sessions.threads.list(session_id)]
    logs = [sim.log(session_id, thread.id) for thread in threads]
    spans = [e["model_usage"] for log in logs for e in log if e["type"] == "span.model_request_end"]
    for name in ("input_tokens", "output_tokens", "cache_read_input_tokens"):
        total = sum(usage[name] for usage in spans)
        assert total == getattr(session.usage, name) == sum(getattr(t.usage, name) for t in threads)
    written_tokens = sum(usage["cache_creation_input_tokens"] for usage in spans)
    assert session.usage.cache_creation.ephemeral_5m_input_tokens == written_tokens
    dollars = (
        session.usage.input_tokens * 5
        + session.usage.output_tokens * 25
        + session.usage.cache_read_input_tokens * 0.5
        + written_tokens * 6.25
    ) / 1e6 + session.usage.active_seconds / 3600 * 0.08
    assert session.usage.list_cost.amount == str(round(dollars * 100))
    assert session.usage.active_seconds == sim.log(session_id)[-2]["usage"]["active_seconds"]


# --- events -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("limit", [1, 3, 10, 1000])
async def test_pages_make_up_the_log(api, sim, order, limit):
    session_id = written(sim, 10)
    expected = sim.log(session_id) if order == "asc" else sim.log(session_id)[::-1]
    page, found, pages = {}, [], 0
    while True:
        reply = await api.get(f"/v1/sessions/{session_id}/events", limit=limit, order=order, **page)
        found += reply.json()["data"]
        pages += 1
        if "next_page" not in reply.json():
            break
        page = {"page": reply.json()["next_page"]}
    assert found == expected
    assert pages == -(-10 // limit)


async def test_the_sdk_pages_through_the_log(api, sim):
    session_id = written(sim, 25)
    assert [event["id"] for event in await api.listed(session_id, limit=4)] == [
        f"sevt_{n}" for n in range(25)
    ]


async def test_types_and_times_filter(api, sim):
    session_id = written(sim, 10)
    thoughts = await api.listed(session_id, types=["agent.thinking", "agent.message"])
    assert [event["id"] for event in thoughts] == [f"sevt_{n}" for n in (1, 3, 5, 7, 9)]
    times = {
        "created_at_gt": ("2026-10-12T10:00:00.004Z", [5, 6, 7, 8, 9]),
        "created_at_gte": ("2026-10-12T10:00:00.004Z", [4, 5, 6, 7, 8, 9]),
        "created_at_lt": ("2026-10-12T10:00:00.002Z", [0, 1]),
        "created_at_lte": ("2026-10-12T10:00:00.002Z", [0, 1, 2]),
    }
    for name, (bound, expected) in times.items():
        found = await api.listed(session_id, limit=2, **{name: datetime.fromisoformat(bound)})
        assert [event["id"] for event in found] == [f"sevt_{n}" for n in expected], name


@pytest.mark.parametrize(
    "params",
    [
        {"limit": 0},
        {"limit": 1001},
        {"limit": "x"},
        {"order": "up"},
        {"page": "page_xx"},
        {"page": "nonsense"},
        {"types[]": "session.deleted"},
        {"types[]": "event_delta"},
        {"created_at[gt]": "yesterday"},
        {"after_id": "sevt_1"},
    ],
)
async def test_a_bad_query_is_refused(api, sim, params):
    reply = await api.get(f"/v1/sessions/{written(sim, 3)}/events", **params)
    assert reply.status_code == 400
    assert reply.json()["error"]["type"] == "invalid_request_error"


async def test_a_cursor_belongs_to_its_order(api, sim):
    path = f"/v1/sessions/{written(sim, 3)}/events"
    page = (await api.get(path, limit=1)).json()["next_page"]
    assert (await api.get(path, limit=1, order="desc", page=page)).status_code == 400


async def test_paging_misses_nothing_that_arrives_or_gets_its_stamp_meanwhile(api, sim):
    session_id = written(sim, 4)
    queued = sim.emit(session_id, {**message("later"), "processed_at": None})
    path = f"/v1/sessions/{session_id}/events"
    first = (await api.get(path, limit=5)).json()
    assert "next_page" not in first
    sim.emit(session_id, {**message("last"), "processed_at": None})
    first = (await api.get(path, limit=5)).json()
    assert first["data"][-1] == queued
    sim.emit(session_id, {"type": "agent.thinking", "id": "sevt_new"})
    stamped = sim.take_queued(session_id)
    rest = (await api.get(path, limit=5, page=first["next_page"])).json()
    assert [event["id"] for event in rest["data"]][:2] == ["sevt_new", stamped["id"]]
    assert rest["data"] == sim.log(session_id)[4:]


async def test_a_message_is_queued_until_the_agent_takes_it(api, sim):
    session_id = sim.create_session(agent="none")
    async with api.stream(session_id) as stream:
        await stream.until(b"connected")
        (echo,) = await api.send(session_id, message("one"))
        await api.send(session_id, message("two"))
        listed = (await api.get(f"/v1/sessions/{session_id}/events")).json()["data"]
        assert [set(event) for event in listed] == [{"id", "type", "content"}] * 2
        assert (
            await api.get(f"/v1/sessions/{session_id}/events", **{"created_at[gt]": "2020-01-01T00:00:00Z"})
        ).json()["data"] == []
        taken = sim.take_queued(session_id)
        await stream.until(b"one")
        assert stream.events == [taken]
        assert taken["id"] == echo.id
    assert [("processed_at" in event) for event in sim.log(session_id)] == [True, False]


async def test_the_echo_has_no_stamp_key(api, sim):
    session_id = sim.create_session(agent="none")
    reply = await api.http.post(f"/v1/sessions/{session_id}/events", json={"events": [message("hi")]})
    (echo,) = reply.json()["data"]
    assert set(echo) == {"id", "type", "content"}


# --- threads, agents, environments, files -------------------------------------------------------------------


async def test_threads_are_listed_with_their_agents(api, sim):
    session_id = sim.create_session()
    threads = api.sdk.beta.sessions.threads
    (primary,) = [thread async for thread in threads.list(session_id)]
    assert (primary.parent_thread_id, primary.usage) == (None, None)
    await api.say(session_id, "debug my incident")
    _, child = [thread async for thread in threads.list(session_id)]
    assert (child.parent_thread_id, child.agent.name, child.status) == (primary.id, "log-analyst", "idle")
    retrieved = await threads.retrieve(child.id, session_id=session_id)
    assert retrieved.usage.output_tokens > 0
    own = [event.id async for event in threads.events.list(child.id, session_id=session_id, limit=2)]
    assert own == [event["id"] for event in sim.log(session_id, child.id)]
    assert (await api.get(f"/v1/sessions/{session_id}/threads", **{"statuses[]": "running"})).json() == {
        "data": []
    }


async def test_agents_and_environments_can_be_made_and_found(api, sim):
    agent = await api.sdk.beta.agents.create(name="reviewer", model="claude-opus-5", system="Review.")
    environment = await api.sdk.beta.environments.create(name="box")
    assert (await api.sdk.beta.agents.retrieve(agent.id)).name == "reviewer"
    assert (await api.sdk.beta.environments.retrieve(environment.id)).config.type == "cloud"
    assert [a.id async for a in api.sdk.beta.agents.list()] == [agent.id, sim.agent_id]
    assert [e.id async for e in api.sdk.beta.environments.list()] == [environment.id, sim.environment_id]
    session = await api.sdk.beta.sessions.create(agent=agent.id, environment_id=environment.id)
    await api.say(session.id, "hello")
    names = {event["agent_name"] for event in sim.log(session.id) if "agent_name" in event}
    assert names == {"reviewer"}


async def test_what_the_agent_writes_is_a_file_of_the_session(api, sim):
    session_id, other = sim.create_session(), sim.create_session()
    await api.say(session_id, "write the postmortem")
    files = api.sdk.beta.files
    listed = [f async for f in files.list(scope_id=session_id, betas=["managed-agents-2026-04-01"])]
    assert [(f.filename, f.mime_type) for f in listed] == [("postmortem.md", "text/markdown")]
    content = await (await files.download(listed[0].id)).read()
    assert content.startswith(b"# Post-mortem")
    assert len(content) == listed[0].size_bytes
    assert [f async for f in files.list(scope_id=other)] == []


async def test_the_session_keeps_the_agent_it_was_made_with(api, sim):
    session = await api.sdk.beta.sessions.create(
        agent={"type": "agent_with_overrides", "id": sim.agent_id, "system": "Be brief."},
        environment_id=sim.environment_id,
    )
    assert (session.agent.id, session.agent.system) == (sim.agent_id, "Be brief.")


def test_importing_the_simulator_does_not_import_the_server():
    import subprocess
    import sys

    unwanted = {"uvicorn", "starlette", "textual", "anthropic"}
    code = f"import sys, cma_tui.simulator; print({unwanted} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "set()\n"
    assert Simulator().agent_id == Simulator().agent_id
