"""The nouns of a session, in the API's own words.

Owns the shape of the folded state; `fold` is the only writer. Invariants: items, turns and events
are appended and never removed; an item names its events by their ordinals in `Session.events`, so
texts are read when somebody looks at them and a session of a million events stays small; what
depends on arrival (previews, time to first token) is kept apart from what the server's log says.
Times are Unix seconds, money is US dollars, tokens are counts.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, MutableSequence, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, runtime_checkable

import msgspec

from cma_tui.event import Event, ModelUsage
from cma_tui.session.members import Agent, Outcome, Preview, SessionThread, UsageSnapshot, WorkflowRun

if TYPE_CHECKING:
    from cma_tui.session.own import Kept

ToolKind = Literal["builtin", "mcp", "custom"]
Awaited = Literal["confirmation", "custom_result", "host_result"]
"""What a tool use waits for: a person's yes, our host's result, or the result of a self-hosted worker."""


class Item(msgspec.Struct, gc=False):
    """One thing on the timeline. Plain items are one event; the subclasses join several."""

    event: int
    """Ordinal of the event that opened it, in `Session.events`."""
    type: str
    """That event's type."""
    at: float | None
    turn: int
    """Index of the turn it belongs to, -1 before the first."""
    thread: str | None
    """The child thread it belongs to; None for the primary."""


class ModelRequest(Item, gc=False):
    """One call of the model, from its span's start to its end."""

    end: int = -1
    """Ordinal of the end event; -1 while it is open or when its end never came."""
    ended_at: float | None = None
    is_error: bool = False
    usage: ModelUsage | None = None
    first_block_at: float | None = None
    """When the first whole block it produced was written: not the first token."""
    closed: bool = False
    """True when it ended, or when a later request, an idle or an error shows that it must have."""


class ToolUse(Item, gc=False):
    """A call of a tool, joined with its confirmation and its result."""

    key: str = ""
    """The id that a confirmation or a result must name."""
    name: str = ""
    server: str | None = None
    kind: ToolKind = "builtin"
    permission: str | None = None
    """`evaluated_permission`: allow, ask, deny, or a word we do not know, which counts as ask."""
    awaited: Awaited | None = None
    """What it waits for now; None when it is running or done."""
    request: int = -1
    """Item index of the model request that asked for it."""
    confirmation: str | None = None
    confirmed: int = -1
    confirmed_at: float | None = None
    result: int = -1
    """Ordinal of the event that holds its result; -1 while there is none."""
    result_at: float | None = None
    is_error: bool = False
    by_host: bool = False
    """Whether its result came from outside, as a self-hosted environment gives it."""
    on_session: bool = True
    """Whether the session's own stream showed it (a child's use does only when it asks for something)."""
    unfinished: bool = False
    """Whether its turn ended without its result, which may still come."""

    @property
    def done(self) -> bool:
        """Whether its result is there."""
        return self.result >= 0

    @property
    def duration(self) -> float | None:
        """Seconds from the use, or from its approval, to the result; None when a stamp is missing."""
        started = self.at if self.confirmed_at is None else self.confirmed_at
        if self.result_at is None or started is None:
            return None
        return max(0.0, self.result_at - started)


class StatusChange(Item, gc=False):
    """A status of the session or of a thread, with the reason for an idle one."""

    status: str = ""
    stop_reason: str | None = None
    subject: str | None = None
    """The thread whose status it is; None for the session's."""


class Failure(Item, gc=False):
    """A `session.error`."""

    error_type: str = "unknown_error"
    message: str = ""
    retry: str | None = None
    """`retrying`, `exhausted` or `terminal`."""


class Evaluation(Item, gc=False):
    """One iteration of an outcome's evaluation."""

    outcome: str = ""
    iteration: int = 0
    end: int = -1
    ended_at: float | None = None
    result: str | None = None
    usage: ModelUsage | None = None


class Leg(msgspec.Struct, gc=False):
    """An uninterrupted run within a turn: from `status_running` to the next idle."""

    started_at: float | None
    ended_at: float | None = None
    stop_reason: str | None = None
    idle: str = ""
    """Key of the event that ended it."""
    named: tuple[str, ...] = ()
    """The uses that this event waits for."""


class Turn(msgspec.Struct, gc=False):
    """From the first input after an ended turn to an idle that asks for nothing."""

    index: int
    key: str
    """The key of its first event: the same on every machine and in every replay."""
    first_item: int
    started_at: float | None
    ended: bool = False
    ended_at: float | None = None
    last_at: float | None = None
    """The latest stamp seen in it."""
    stop_reason: str | None = None
    inputs: Sequence[int] = ()
    """Item indexes of what the user or a trigger said in it; a list while it is open, then a tuple."""
    worked: bool = False
    """Whether the agent has done anything in it."""
    interrupted: bool = False
    legs: Sequence[Leg] = ()
    failures: Sequence[int] = ()
    snapshot: int = -1
    """Index of its last usage snapshot in `Session.usages`, -1 when it had none."""
    snapshot_before: int = -1

    @property
    def waiting(self) -> bool:
        """Whether it stands still for an answer."""
        return not self.ended and bool(self.legs) and self.legs[-1].stop_reason == "requires_action"


class Change(msgspec.Struct):
    """What a run of events changed, for those who draw: merged until somebody takes it."""

    LIMIT: ClassVar[int] = 4096

    items: set[int] = msgspec.field(default_factory=set)
    """Indexes of items that were there before and look different now."""
    leaning: set[int] = msgspec.field(default_factory=set)
    """Indexes of items that are as they were and look different, for they speak of something that changed."""
    previews: bool = False
    queued: bool = False
    header: bool = False
    """Status, totals, pending answers, threads or turns."""
    reset: bool = False
    """Everything may differ: the order of events changed, or too many items to name."""
    since: int | None = None
    """Another moment of the same log is looked at: every item from this index on may be there or not."""
    known: int = 1 << 62
    """How many items there were before: of one that came since, nobody need be told that it changed."""

    def touch(self, item: int) -> None:
        """Note that an item looks different now."""
        if item < self.known and not self.reset:
            self.items.add(item)
            if len(self.items) > self.LIMIT:
                self._name_none()

    def lean(self, items: Iterable[int]) -> None:
        """Note that items speak of something that is different now."""
        if not self.reset:
            self.leaning.update(item for item in items if item < self.known)
            if len(self.leaning) > self.LIMIT:
                self._name_none()

    def _name_none(self) -> None:
        self.reset = True
        self.items.clear()
        self.leaning.clear()

    @property
    def redrawn(self) -> set[int]:
        """Indexes of all items that look different, for whatever reason."""
        return self.items | self.leaning if self.leaning else self.items

    def join(self, later: Change) -> None:
        """Take in a change that came after this one."""
        self.items.update(item for item in later.items if item < self.known)
        self.leaning.update(item for item in later.leaning if item < self.known)
        self.previews |= later.previews
        self.queued |= later.queued
        self.header |= later.header
        self.reset |= later.reset
        if later.since is not None:
            self.since = later.since if self.since is None else min(self.since, later.since)


@runtime_checkable
class Elsewhere(Protocol):
    """A list of events whose texts are not in memory."""

    def first(self, count: int) -> MutableSequence[Event]:
        """Another one of its kind with the first events, for another order of those that follow."""
        ...


class Session(msgspec.Struct):
    """Everything a log of events says, and nothing else."""

    id: str | None = None
    title: str | None = None
    agent: Agent = msgspec.field(default_factory=Agent)
    """As it was told last."""
    agents: list[tuple[int, Agent]] = msgspec.field(default_factory=list)
    """The agent from each ordinal on at which an update made it another; `agents.agent_after` reads it."""
    described: tuple[float | None, Agent] | None = None
    """The agent as the head of the log describes it, and when that was read."""
    environment: str | None = None
    created_at: float | None = None
    metadata: dict[str, Any] = msgspec.field(default_factory=dict)
    budget_usd: float | None = None
    budget_at: float | None = None
    """When the session's resource, which told a budget, was updated: older events do not change it."""

    status: str = "unknown"
    """`running`, `idle`, `rescheduling`, `terminated`, `deleted`; `unknown` before anything tells."""
    stop_reason: str | None = None
    stop_details: dict[str, Any] = msgspec.field(default_factory=dict)
    primary: str | None = None
    """The primary thread's id."""

    events: MutableSequence[Event] = msgspec.field(default_factory=list)
    """The log: each event once, in the server's order as far as it is known."""
    ordinals: dict[str, int] = msgspec.field(default_factory=dict)
    """Event key to ordinal."""
    owners: array[int] = msgspec.field(default_factory=lambda: array("i"))
    """By event ordinal: the index of the item that shows it, or -1."""
    items: list[Item] = msgspec.field(default_factory=list)
    turns: list[Turn] = msgspec.field(default_factory=list)
    threads: dict[str, SessionThread] = msgspec.field(default_factory=dict)
    """Child threads by id, in order of appearance."""
    outcomes: dict[str, Outcome] = msgspec.field(default_factory=dict)
    runs: dict[str, WorkflowRun] = msgspec.field(default_factory=dict)
    usages: list[UsageSnapshot] = msgspec.field(default_factory=list)
    unknown_types: dict[str, int] = msgspec.field(default_factory=dict)
    bad_frames: int = 0
    first_at: float | None = None
    last_at: float | None = None
    several: bool = False
    """Whether events of child threads' own streams are in the log."""
    stamped: bool = False
    """Whether any event had a server's time: some servers never give one."""
    local_events: int = 0
    """How many events of the log are facts of our own."""
    has_status: bool = False
    """Whether any session status event was seen: some servers send none."""

    queued: dict[str, Event] = msgspec.field(default_factory=dict)
    """Sent and accepted, not yet picked up by the agent."""
    pending: dict[str, int] = msgspec.field(default_factory=dict)
    """Tool uses that wait for an answer: key to item index, oldest first."""
    awaited_unseen: set[str] = msgspec.field(default_factory=set)
    """Ids an idle asked for whose tool use has not been seen."""
    open_requests: dict[str | None, int] = msgspec.field(default_factory=dict)
    """Item index of the open model request of each stream."""
    tools: dict[str, int] = msgspec.field(default_factory=dict)
    """Tool use key to item index."""
    tool_aliases: dict[str, str] = msgspec.field(default_factory=dict)
    """Some servers' results name a tool use by the model's id: that id to the tool use's key."""
    running_uses: set[int] = msgspec.field(default_factory=set)
    """Item indexes of the primary thread's tool uses that have no result, in the turn that is open."""
    leaning: dict[str, array[int]] = msgspec.field(default_factory=dict)
    """By the id of a thread, an outcome or a workflow run: indexes of the items that speak of it by its name
    or by how it went, and are none of a thread's own."""
    waiting_results: dict[str, list[int]] = msgspec.field(default_factory=dict)
    """Ordinals of results and confirmations whose tool use has not been seen, by the use they name."""

    previews: dict[str, Preview] = msgspec.field(default_factory=dict)
    first_tokens: dict[int, float] = msgspec.field(default_factory=dict)
    """Time to first token by item index of the model request, in seconds of our clock."""
    queue_waits: dict[int, float] = msgspec.field(default_factory=dict)
    """How long an input waited in the server's queue, by its item index, in seconds of our clock."""
    connected: bool | None = None
    """Whether a stream is open; None when the log is not live."""
    kept: Kept | None = None
    """What must not be changed in place, and what has been replaced for that; None where no past is kept."""

    @property
    def heard(self) -> bool:
        """Whether the log holds anything but facts of our own."""
        return len(self.events) > self.local_events

    @property
    def turn(self) -> Turn | None:
        """The turn that is open, if one is."""
        turn = self.turns[-1] if self.turns else None
        return turn if turn is not None and not turn.ended else None

    @property
    def asks(self) -> list[ToolUse]:
        """The tool uses that wait for an answer, as far as they are in the log; the oldest first."""
        return [use for n in self.pending.values() if isinstance(use := self.items[n], ToolUse)]

    @property
    def state(self) -> str:
        """One word for what the session is doing.

        The first that holds: deleted, terminated, waiting (for an answer), then its status. An idle may
        ask for an action without naming a tool use.
        """
        if self.status in ("deleted", "terminated"):
            return self.status
        return "waiting" if self.pending or self.stop_reason == "requires_action" else self.status
