"""Owns what the server remembers of a session: threads, their event logs, open tool uses, status.

Invariants: every event enters through `Session.emit`, which gives it its id and its stamp, writes the log
before anyone hears of it, and publishes it once. Stamps within a session strictly rise, and events of one
batch are exactly 1 µs apart. An event without a stamp is queued: it is listed after all others and not yet
streamed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from cma_tui.simulator import meter
from cma_tui.simulator.clock import Clock, Ids, Signal, stamp
from cma_tui.simulator.stream import Subscribers

if TYPE_CHECKING:
    from cma_tui.simulator.faults import Faults

Event = dict[str, Any]

_USE_KINDS: dict[str, Literal["tool", "mcp", "custom"]] = {
    "agent.tool_use": "tool",
    "agent.mcp_tool_use": "mcp",
    "agent.custom_tool_use": "custom",
}
_STATUS = {
    "status_running": "running",
    "status_idle": "idle",
    "status_rescheduled": "rescheduling",
    "status_terminated": "terminated",
}
# What ends a call: the event's type, and the key in it that names the call.
RESULT_KEYS = {
    "agent.tool_result": "tool_use_id",
    "agent.mcp_tool_result": "mcp_tool_use_id",
    "user.tool_result": "tool_use_id",
    "user.custom_tool_result": "custom_tool_use_id",
}


def encode(value: object) -> bytes:
    """JSON as the API writes it: one line, keys sorted, UTF-8 not escaped."""
    return msgspec.json.encode(value, order="sorted")


@dataclass(slots=True)
class Entry:
    """An event and its JSON text, encoded once for every list and stream that shows it."""

    event: Event
    json: bytes
    number: int  # its place in the order of arrival


class EventLog:
    """One thread's history in list order: the stamped events, then the queued ones."""

    def __init__(self) -> None:
        self.stamped: list[Entry] = []
        self.queued: list[Entry] = []
        self.next_number = 1
        self._by_id: dict[str, Entry] = {}

    def put(self, event: Event) -> Entry:
        """Add an event, or update the one with its id; a queued one moves when it gets its stamp."""
        new = Entry(event, encode(event), self.next_number)
        known = self._by_id.get(event["id"])
        if known is None or ("processed_at" in event) != ("processed_at" in known.event):
            if known is not None:
                self._list_of(known.event).remove(known)
            self.next_number += 1
            self._list_of(event).append(new)
            self._by_id[event["id"]] = new
            return new
        known.event, known.json = new.event, new.json
        return known

    def _list_of(self, event: Event) -> list[Entry]:
        return self.stamped if "processed_at" in event else self.queued

    def entries(self) -> list[Entry]:
        """All of it, in list order."""
        return self.stamped + self.queued


@dataclass(slots=True)
class Call:
    """A tool use and what it still needs from a client."""

    id: str
    kind: Literal["tool", "mcp", "custom"]
    name: str
    input: Event
    thread: Thread
    asks: bool
    server: str | None = None
    needs: Literal["confirmation", "result"] | None = None
    confirmation: Event | None = None
    result: Event | None = None

    @property
    def full_name(self) -> str:
        """The name the model knows the tool by."""
        return f"mcp__{self.server}__{self.name}" if self.server else self.name


@dataclass(eq=False)
class Thread:
    """One agent thread: its own log, its own listeners, its own usage."""

    id: str
    agent: Event
    parent_id: str | None
    created_at: int
    subscribers: Subscribers
    workflow_run_id: str | None = None
    status: str = "idle"
    stop_reason: Event | None = None
    updated_at: int = 0
    archived_at: int | None = None
    ran: bool = False
    log: EventLog = field(default_factory=EventLog)
    usage: meter.Usage = field(default_factory=meter.Usage)
    context: meter.Context = field(default_factory=meter.Context)

    @property
    def name(self) -> str:
        """The agent's name, as thread events carry it."""
        return str(self.agent["name"])


class Session:
    """One session. The primary thread's log is the session's log."""

    def __init__(
        self, *, clock: Clock, ids: Ids, changed: Signal, faults: Faults, agent: Event, environment: Event
    ) -> None:
        self.clock, self.ids, self.changed, self.faults = clock, ids, changed, faults
        self.id = ids.new("sesn")
        self.agent, self.environment = agent, environment
        self.created_at = self.updated_at = clock.now()
        self.title: str | None = None
        self.metadata: dict[str, str] = {}
        self.budget: Event | None = None
        self.vault_ids: list[str] = []
        self.resources: list[Event] = []
        self.status = "idle"
        self.stop_reason: Event | None = None
        self.archived_at: int | None = None
        self.deleted = False
        self.threads: dict[str, Thread] = {}
        self.primary = self.add_thread(agent)
        self.calls: dict[str, Call] = {}
        self.outcomes: list[Event] = []
        self.open_workflow_runs: set[str] = set()
        self.grading = meter.Usage()
        self._active = 0
        self._running_since: int | None = None
        self._last_stamp = 0

    def add_thread(
        self, agent: Event, parent: Thread | None = None, workflow_run_id: str | None = None
    ) -> Thread:
        """A new thread, not yet announced to anyone."""
        thread = Thread(
            self.ids.new("sthr"),
            agent,
            parent.id if parent else None,
            self.clock.now(),
            Subscribers(self.changed),
            workflow_run_id,
        )
        self.threads[thread.id] = thread
        return thread

    # --- events ---------------------------------------------------------------------------------------------

    def emit(self, *posts: tuple[Thread, Event]) -> None:
        """Write events to their threads' logs as one batch, then publish them."""
        at = max(self.clock.now(), self._last_stamp + 1)
        entries: list[tuple[Thread, Entry]] = []
        for thread, event in posts:
            event.setdefault("id", self.ids.new("sevt"))
            event.setdefault("processed_at", stamp(at))
            self._last_stamp, at = at, at + 1
            entry = thread.log.put(event)
            self.faults.note(self.id, event)
            self._follow(thread, event)
            entries.append((thread, entry))
        for thread, entry in entries:
            thread.subscribers.publish(self.faults.deliver(self.id, thread.id, entry.event, entry.json))
        self.changed.fire()

    def post(self, *events: Event, thread: Thread | None = None) -> None:
        """`emit` for one thread, by default the primary one."""
        self.emit(*((thread or self.primary, event) for event in events))

    def queue(self, event: Event) -> None:
        """Accept an event that waits for the agent: listed without a stamp, not streamed."""
        event.setdefault("id", self.ids.new("sevt"))
        self.primary.log.put(event)
        self.changed.fire()

    def preview(self, thread: Thread, about: str, message_id: str, frame: Event) -> None:
        """Send a preview to the connections that asked for those of `about` events; it is not logged."""
        if thread.subscribers:
            text = encode(frame)
            sent = self.faults.deliver(self.id, thread.id, frame, text)
            thread.subscribers.publish_preview(about, message_id, frame["type"] == "event_start", sent)

    def update(self, changes: Event) -> None:
        """Apply what `sessions.update` changes, and say so."""
        if changes:
            for name, value in changes.items():
                setattr(self, name, value)
            self.updated_at = self.clock.now()
            self.post({"type": "session.updated", **changes})

    def announce_deletion(self) -> None:
        """Tell the open streams that the session is gone, and end them; the log does not have it."""
        event = {
            "type": "session.deleted",
            "id": self.ids.new("sevt"),
            "processed_at": stamp(self.clock.now()),
        }
        for thread in self.threads.values():
            thread.subscribers.publish([encode(event)])
            thread.subscribers.end()
        self.changed.fire()

    def _follow(self, thread: Thread, event: Event) -> None:
        """Keep status and open calls in step with the log, whoever wrote the event."""
        kind = event["type"]
        if kind in _USE_KINDS and "session_thread_id" not in event:
            self._open_call(thread, event)
        elif key := RESULT_KEYS.get(kind):
            if (call := self.calls.get(event[key])) is not None and call.result is None:
                call.result, call.needs = event, None
        elif kind == "user.tool_confirmation":
            if (call := self.calls.get(event["tool_use_id"])) is not None and call.confirmation is None:
                call.confirmation, call.needs = event, None
                if event["result"] == "allow" and call.kind == "tool" and self.self_hosted:
                    call.needs = "result"
        elif status := _STATUS.get(kind.removeprefix("session.")):
            self._turn_status(status)
            self.stop_reason = event.get("stop_reason")
        elif status := _STATUS.get(kind.removeprefix("session.thread_")):
            self._turn_thread(event, status)

    def _open_call(self, thread: Thread, event: Event) -> None:
        kind = _USE_KINDS[event["type"]]
        asks = event.get("evaluated_permission") == "ask"
        call = Call(
            event["id"], kind, event["name"], event["input"], thread, asks, event.get("mcp_server_name")
        )
        if asks:
            call.needs = "confirmation"
        elif kind == "custom" or (kind == "tool" and self.self_hosted):
            call.needs = "result"
        self.calls.setdefault(call.id, call)

    def _turn_thread(self, event: Event, status: str) -> None:
        if (about := self.threads.get(event["session_thread_id"])) is not None:
            about.status, about.stop_reason = status, event.get("stop_reason")
            about.updated_at = self.clock.now()
            about.ran = about.ran or status == "idle"

    def _turn_status(self, status: str) -> None:
        now = self.clock.now()
        if self._running_since is not None:
            self._active += now - self._running_since
        self._running_since = now if status == "running" else None
        self.status, self.updated_at = status, now

    # --- what follows from them -----------------------------------------------------------------------------

    @property
    def self_hosted(self) -> bool:
        """Whether a client runs the built-in tools."""
        return bool(self.environment["config"]["type"] == "self_hosted")

    @property
    def alive(self) -> bool:
        """Whether anything can still happen in it."""
        return self.archived_at is None and not self.deleted and self.status != "terminated"

    @property
    def active_seconds(self) -> float:
        """How long the session has been running."""
        since = self._running_since
        return (self._active + (self.clock.now() - since if since is not None else 0)) / 1e6

    @property
    def usage(self) -> meter.Usage:
        """All threads and graders together."""
        total = meter.Usage()
        for thread in self.threads.values():
            total.add(thread.usage)
        total.add(self.grading)
        return total

    @property
    def cents_left(self) -> float | None:
        """What the budget still allows; None without a budget."""
        if self.budget is None:
            return None
        return int(self.budget["max_list_cost"]["amount"]) - meter.cents(self.usage, self.active_seconds)

    def over_budget(self) -> bool:
        """Nothing is left of the budget."""
        return self.cents_left is not None and self.cents_left <= 0

    @property
    def blocking_ids(self) -> list[str]:
        """The tool uses the session waits for at rest; empty while it runs or waits for none."""
        reason = self.stop_reason
        if self.status != "idle" or reason is None or reason["type"] != "requires_action":
            return []
        return [i for i in reason["event_ids"] if i not in self.calls or self.calls[i].needs is not None]

    @property
    def queued(self) -> list[Event]:
        """Accepted inputs that no turn has taken yet."""
        return [entry.event for entry in self.primary.log.queued]

    def usage_event(self) -> Event:
        """The `session.usage` that precedes every idle."""
        event: Event = {
            "type": "session.usage",
            "usage": meter.snapshot(self.usage, self.active_seconds),
        }
        return event if self.budget is None else {**event, "budget": self.budget}
