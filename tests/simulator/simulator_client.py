"""What the simulator's tests share: a client over the SDK and over raw bytes, and questions to a log."""

import json
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
from anthropic import AsyncAnthropic

from cma_tui.simulator import serving


class Stream:
    """An open event stream, read as bytes."""

    def __init__(self, response):
        self.response = response
        self.data = b""
        self._chunks = response.aiter_bytes()

    async def until(self, mark):
        """Read until the bytes contain `mark`; returns all bytes so far."""
        while mark not in self.data:
            self.data += await anext(self._chunks)
        return self.data

    async def to_end(self):
        async for chunk in self._chunks:
            self.data += chunk
        return self.data

    @property
    def events(self):
        lines = self.data.decode().split("\n")
        return [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]


class Api:
    """What tests do over HTTP."""

    def __init__(self, sim, base_url, sdk, http):
        self.sim, self.base_url, self.sdk, self.http = sim, base_url, sdk, http

    async def send(self, session_id, *events):
        return (await self.sdk.beta.sessions.events.send(session_id, events=list(events))).data

    async def say(self, session_id, text):
        """Send a message and wait for the session to rest; returns the stop reason."""
        await self.send(session_id, message(text))
        return await self.sim.until_idle(session_id)

    async def listed(self, session_id, **query):
        return [event.to_dict() async for event in self.sdk.beta.sessions.events.list(session_id, **query)]

    async def get(self, path, **params):
        return await self.http.get(path, params=params)

    @asynccontextmanager
    async def stream(self, session_id, *previews, thread_id=None):
        path = f"threads/{thread_id}/stream" if thread_id else "events/stream"
        params = [("event_deltas[]", preview) for preview in previews]
        async with self.http.stream("GET", f"/v1/sessions/{session_id}/{path}", params=params) as response:
            yield Stream(response)


def message(text):
    return {"type": "user.message", "content": [{"type": "text", "text": text}]}


@asynccontextmanager
async def connect(sim):
    async with (
        serving(sim) as base_url,
        httpx2.AsyncClient(base_url=base_url, headers={"x-api-key": sim.api_key}, verify=False) as http,
        httpx2.AsyncClient(verify=False) as plain,  # no certificates to load: many clients are made here
        AsyncAnthropic(api_key=sim.api_key, base_url=base_url, max_retries=0, http_client=plain) as sdk,
    ):
        yield Api(sim, base_url, sdk, http)


EXAMPLES = [
    json.loads(line)
    for line in (Path(__file__).parent / "data/event_examples.jsonl").read_text().splitlines()
]
# Fields that the service leaves out when they do not apply.
OPTIONAL = {
    "stop_details",
    "budget",
    "deny_message",
    "workflow_run_id",
    "to_agent_name",
    "from_agent_name",
    "title",
    "processed_at",
}
# Fields that only some events of a type have, so that their example lacks them.
ADDED = {"session_thread_id", "metadata", "agent"}
TURN = ["session.status_running", "session.thread_status_running", "user.message"]
REST = ["session.thread_status_idle", "session.usage", "session.status_idle"]
ASKED = ["span.model_request_end", *REST]
SPAN = ["span.model_request_start", "span.model_request_end"]


def types(events):
    return [event["type"] for event in events]


def since(log, event_type):
    """The log from the last event of a type on."""
    return log[max(n for n, event in enumerate(log) if event["type"] == event_type) :]


def in_order(found, *expected):
    """Whether `expected` occur in `found` in this order, perhaps with others between."""
    rest = iter(found)
    return all(kind in rest for kind in expected)


def check_fields(event):
    """An event carries what the protocol's examples of its type carry."""
    examples = [example for example in EXAMPLES if example["type"] == event["type"]]
    assert examples, f"{event['type']} is none of the protocol's types"
    assert any(set(example) - OPTIONAL <= set(event) <= set(example) | ADDED for example in examples), event
    for example in examples[:1]:
        for key in ("error", "model_usage", "usage", "evaluation", "result", "delta", "event"):
            if (
                isinstance(example.get(key), dict)
                and isinstance(event.get(key), dict)
                and key != "evaluation"
            ):
                assert set(example[key]) - {"error"} <= set(event[key]) | {"error"}, event


async def drive(api, session_id, text, *, allow=True):
    """Say something and answer what is asked until the turn is over."""
    reason = await api.say(session_id, text)
    while reason == "requires_action":
        for use_id in api.sim.log(session_id)[-1]["stop_reason"]["event_ids"]:
            reply = {"result": "allow"} if allow else {"result": "deny", "deny_message": "Not before 18:00"}
            await api.send(session_id, {"type": "user.tool_confirmation", "tool_use_id": use_id, **reply})
        reason = await api.sim.until_idle(session_id)
    return reason


async def texts(api, session_id):
    return "\n".join(e["content"][0]["text"] for e in api.sim.log(session_id) if e["type"] == "agent.message")


async def drive_to_rest(api, session_id):
    reason = await api.sim.until_idle(session_id)
    assert all("processed_at" in event for event in api.sim.log(session_id))
    return reason


def check_closed(sim, session_id):
    """Nothing is open: no model request, and no tool call that the service runs."""
    for thread_id in sim.sessions[session_id].threads:
        log = sim.log(session_id, thread_id)
        starts = {event["id"] for event in log if event["type"] == "span.model_request_start"}
        assert starts == {e["model_request_start_id"] for e in log if e["type"] == "span.model_request_end"}
        uses = {e["id"] for e in log if e["type"] == "agent.tool_use" and "session_thread_id" not in e}
        assert uses == {event["tool_use_id"] for event in log if event["type"] == "agent.tool_result"}
