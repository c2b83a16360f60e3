"""Owns a whole simulated service, from its agents to its faults, and the way tests steer it.

Invariant: all of it lives in one event loop. Over HTTP it behaves like the API; the methods here are for
whoever runs it in the same process and the same loop.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from cma_tui.simulator import checks, resources
from cma_tui.simulator.agent import Agent
from cma_tui.simulator.clock import Clock, Ids, Signal, Tasks
from cma_tui.simulator.connections import Connections
from cma_tui.simulator.faults import Faults
from cma_tui.simulator.rest import terminate
from cma_tui.simulator.store import Event, Session, Thread

_DEMO_BUDGET_CENTS = 500


@dataclass
class File:
    """A file of a session."""

    about: Event
    content: bytes = field(repr=False)


class Simulator:
    """A CMA-compatible service in memory, with a scripted incident-responder as its agent.

    `pace` stretches the script's waits: 1 is the speed of the demo, 0 waits for nothing and makes runs
    repeatable. With `host_answers` the custom tools are answered by a built-in client. `keepalive` and
    `quiet_end` are seconds of real time.
    """

    def __init__(
        self,
        *,
        pace: float = 0.0,
        seed: int = 1,
        host_answers: bool = True,
        api_key: str = "sk-sim",
        keepalive: float = 30.0,
        quiet_end: float = 600.0,
    ) -> None:
        self.clock, self.ids = Clock(pace), Ids(seed)
        self.changed = Signal()
        self.tasks = Tasks(self.changed)
        self.faults = Faults()
        self.connections = Connections()
        self.api_key, self.keepalive, self.quiet_end = api_key, keepalive, quiet_end
        self.agents: dict[str, Event] = {}
        self.environments: dict[str, Event] = {}
        self.files: dict[str, File] = {}
        self.sessions: dict[str, Session] = {}
        self._host_answers = host_answers
        self._minds: dict[str, Agent] = {}
        self.agent_id = self.add_agent(resources.DEMO_AGENT)["id"]
        self.environment_id = self.add_environment({"name": "demo"})["id"]

    # --- resources ------------------------------------------------------------------------------------------

    def add_agent(self, body: dict[str, Any]) -> Event:
        """Create an agent."""
        agent = resources.agent(self.ids.new("agent"), self.clock.now(), body)
        self.agents[agent["id"]] = agent
        return agent

    def add_environment(self, body: dict[str, Any]) -> Event:
        """Create an environment; a config of type `self_hosted` makes the client run the built-in tools."""
        environment = resources.environment(self.ids.new("env"), self.clock.now(), body)
        self.environments[environment["id"]] = environment
        return environment

    def create_session(
        self,
        *,
        title: str | None = None,
        metadata: Mapping[str, str] | None = None,
        agent: Literal["scripted", "none"] = "scripted",
        agent_id: str | None = None,
        environment_id: str | None = None,
        budget_cents: int | None = _DEMO_BUDGET_CENTS,
    ) -> str:
        """Create a session and return its id; with `agent="none"` the caller writes the log with `emit`."""
        session = self.new_session(
            self.agents[agent_id or self.agent_id],
            self.environments[environment_id or self.environment_id],
            scripted=agent == "scripted",
        )
        session.title, session.metadata = title, dict(metadata or {})
        if budget_cents is not None:
            cost = {"amount": str(budget_cents), "currency": "USD"}
            session.budget = {"type": "limit", "max_list_cost": cost}
        return session.id

    def new_session(
        self, agent: Event, environment: Event, *, scripted: bool, overrides: dict[str, Any] | None = None
    ) -> Session:
        """Create a session of these; everything else is for the caller to set."""
        session = Session(
            clock=self.clock,
            ids=self.ids,
            changed=self.changed,
            faults=self.faults,
            agent=resources.agent_snapshot(agent, overrides or {}),
            environment=environment,
        )
        self.sessions[session.id] = session
        self._minds[session.id] = Agent(
            session,
            self.tasks,
            scripted=scripted,
            host_answers=self._host_answers,
            write_file=lambda name, content: self.add_file(session.id, name, content.encode()),
        )
        return session

    def add_file(self, session_id: str, name: str, content: bytes) -> None:
        """Put a file into a session's outputs, in place of one of the same name."""
        self.files = {
            i: file
            for i, file in self.files.items()
            if ((file.about["scope"] or {}).get("id"), file.about["filename"]) != (session_id, name)
        }
        about = resources.file(self.ids.new("file"), session_id, name, content, self.clock.now())
        self.files[about["id"]] = File(about, content)

    def upload_file(self, name: str, content: bytes) -> Event:
        """Take a file that a client uploads."""
        about = resources.file(self.ids.new("file"), None, name, content, self.clock.now())
        self.files[about["id"]] = File(about, content)
        return about

    def mount(self, session: Session, body: Mapping[str, Any]) -> Event:
        """Put an uploaded file or a repository into a session's container."""
        resource = {key: value for key, value in body.items() if key != "authorization_token"}
        if resource.get("type") == "file":
            if resource.get("file_id") not in self.files:
                raise checks.ApiError(404, f"File not found: {resource.get('file_id')}")
            resource.setdefault("mount_path", f"/mnt/session/uploads/{resource['file_id']}")
        resource["id"] = self.ids.new("sesrsc")
        session.resources.append(resource)
        return resource

    # --- what happens to a session --------------------------------------------------------------------------

    def accept(self, session: Session, events: Sequence[Event]) -> list[Event]:
        """Take events a client sends, or refuse all of them; returns the echoes."""
        checks.fits(session, events)
        return self._minds[session.id].accept(events)

    def archive(self, session: Session) -> None:
        """End a session that rests; archiving twice changes nothing."""
        _at_rest(session, "archived")
        if session.archived_at is None:
            session.archived_at = self.clock.now()
            self._minds[session.id].stop()
            terminate(session)

    def delete(self, session: Session) -> None:
        """Delete a session that rests. Its streams learn of it; its log stays readable here, for tests."""
        _at_rest(session, "deleted")
        session.deleted = True
        self._minds[session.id].stop()
        session.announce_deletion()

    # --- for whoever runs it --------------------------------------------------------------------------------

    def log(self, session_id: str, thread_id: str | None = None) -> list[Event]:
        """All events of a session or thread, as the list endpoint gives them once nothing lags."""
        return [dict(entry.event) for entry in self._thread(session_id, thread_id).log.entries()]

    def emit(self, session_id: str, event: Event, thread_id: str | None = None) -> Event:
        """Write an event and stream it; returns it with its id and stamp.

        A given id or stamp is kept. `"processed_at": None` makes it queued: listed without a stamp, not
        streamed. Emitting a known id again updates that event in the log and streams it again.
        """
        session, event = self.sessions[session_id], dict(event)
        if event.get("processed_at", "") is None:
            del event["processed_at"]
            session.queue(event)
        else:
            session.post(event, thread=self._thread(session_id, thread_id))
        return dict(event)

    def emit_batch(
        self, session_id: str, events: Sequence[Event], thread_id: str | None = None
    ) -> list[Event]:
        """Write events as one batch, 1 µs apart."""
        batch = [dict(event) for event in events]
        self.sessions[session_id].post(*batch, thread=self._thread(session_id, thread_id))
        return [dict(event) for event in batch]

    def add_thread(self, session_id: str, agent_name: str) -> str:
        """Give a session a child thread that has no agent, and return its id; nothing is emitted."""
        session = self.sessions[session_id]
        thread = session.add_thread({**session.agent, "name": agent_name}, session.primary)
        return thread.id

    def primary_thread_id(self, session_id: str) -> str:
        """The id of a session's primary thread."""
        return self.sessions[session_id].primary.id

    def take_queued(self, session_id: str) -> Event:
        """Stamp and stream the oldest queued event, as an agent does that takes it up."""
        session = self.sessions[session_id]
        event = dict(session.queued[0])
        session.post(event)
        return dict(event)

    def preview(self, session_id: str, frame: Event, *, thread_id: str | None = None) -> None:
        """Send an `event_start` or an `event_delta` to those who asked for previews."""
        session = self.sessions[session_id]
        event = frame.get("event") or {"type": "agent.message", "id": frame["event_id"]}
        session.preview(self._thread(session_id, thread_id), event["type"], event["id"], frame)

    def end_streams(self, session_id: str | None = None, *, broken: bool = False) -> None:
        """End the open streams of one or all sessions: cleanly, or as if the network had failed."""
        for session in self.sessions.values():
            if session_id in (None, session.id):
                for thread in session.threads.values():
                    thread.subscribers.end(broken=broken)

    def open_streams(self, session_id: str, thread_id: str | None = None) -> int:
        """How many connections stream this session or thread."""
        return len(self._thread(session_id, thread_id).subscribers)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait, without polling, until something the simulator knows has become true."""
        self.tasks.check()
        while not condition():
            await self.changed.wait()
            self.tasks.check()

    async def until_idle(self, session_id: str) -> str | None:
        """Wait until a session goes no further without a client; returns the type of its stop reason."""
        session, mind = self.sessions[session_id], self._minds[session_id]
        moving = ("running", "rescheduling")
        await self.until(lambda: session.status not in moving and not mind.busy)
        return session.stop_reason["type"] if session.stop_reason else None

    async def until_event(
        self, session_id: str, event_type: str, *, count: int = 1, thread_id: str | None = None
    ) -> Event:
        """Wait until the log has `count` events of a type; returns the last of them."""
        log = self._thread(session_id, thread_id).log.stamped
        found: list[Event] = []
        looked_at = 0

        def enough() -> bool:
            nonlocal looked_at
            new, looked_at = log[looked_at:], len(log)
            found.extend(entry.event for entry in new if entry.event["type"] == event_type)
            return len(found) >= count

        await self.until(enough)
        return dict(found[count - 1])

    async def until_streams(self, session_id: str, count: int = 1, thread_id: str | None = None) -> None:
        """Wait until so many connections stream a session or thread."""
        await self.until(lambda: self.open_streams(session_id, thread_id) == count)

    def _thread(self, session_id: str, thread_id: str | None) -> Thread:
        session = self.sessions[session_id]
        return session.threads[thread_id] if thread_id else session.primary

    async def close(self) -> None:
        """End all streams and all work; raises what went wrong in the background."""
        self.faults.clear()
        self.end_streams()
        await self.tasks.stop()
        self.clock.stop()
        self.tasks.check()


def _at_rest(session: Session, what: str) -> None:
    if session.open_workflow_runs:
        raise checks.refuse(f"A session with an open workflow run cannot be {what}", code="workflow_run_open")
    if session.status in ("running", "rescheduling"):
        raise checks.refuse(f"A running session cannot be {what}; interrupt it first")
