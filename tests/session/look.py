"""Looking at a folded session: after every event, and as plain values that name everything by key."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

import msgspec

from cma_tui.event import Event
from cma_tui.session.book import figures_of
from cma_tui.session.cost import NANO, list_cost, session_list_cost
from cma_tui.session.figures import waiting_us, wall_us
from cma_tui.session.fold import apply
from cma_tui.session.members import SessionThread
from cma_tui.session.model import Change, Failure, Item, ModelRequest, Session, ToolUse, Turn


@dataclass
class Seen:
    """What a user sees after one event."""

    state: str
    pending: list[str]
    turns: int
    open: bool
    stop_reason: str | None


@dataclass
class Watched:
    """A session folded one event at a time, and what was to be seen after each."""

    session: Session = field(default_factory=Session)
    after: dict[str, Seen] = field(default_factory=dict)
    """By event key: what was to be seen once it was folded."""
    states: list[str] = field(default_factory=list)
    """The states in order, each run of equal ones once."""


def watch(events: Iterable[Event]) -> Watched:
    """Fold a story and look at it after every event."""
    watched = Watched()
    session = watched.session
    for event in events:
        apply(session, event, Change())
        check(session)
        watched.after[event.key] = Seen(
            session.state,
            list(session.pending),
            len(session.turns),
            session.turn is not None,
            session.stop_reason,
        )
        if not watched.states or watched.states[-1] != session.state:
            watched.states.append(session.state)
    return watched


def fold(events: Iterable[Event]) -> Session:
    """Fold a whole log."""
    session, change = Session(), Change()
    for event in events:
        apply(session, event, change)
    return session


def check(session: Session) -> None:
    """What holds of every session, whatever came in; cheap enough to be asked after every event."""
    assert len(session.owners) == len(session.events) == len(session.ordinals)
    assert session.local_events == sum(event.type.startswith("local.") for event in session.events)
    assert session.turn is None or session.turn is session.turns[-1]
    assert all(turn.ended for turn in session.turns[:-1]), "at most one turn is open, and it is the last"
    for key, index in session.pending.items():
        use = session.items[index]
        assert isinstance(use, ToolUse)
        assert use.key == key
        assert not use.done, "only what has no answer waits"
        assert use.confirmation is None
        assert use.awaited is not None
    for index in session.open_requests.values():
        request = session.items[index]
        assert isinstance(request, ModelRequest)
        assert not request.closed


def shown(session: Session, *, local: bool = True) -> list[Item]:
    """The rows of the timeline: items that own their event."""
    return [
        item
        for index, item in enumerate(session.items)
        if session.owners[item.event] == index and (local or not item.type.startswith("local."))
    ]


def rows(session: Session) -> list[str]:
    """The types of the rows in order."""
    return [item.type for item in shown(session)]


def requests(session: Session) -> list[ModelRequest]:
    return [item for item in session.items if isinstance(item, ModelRequest)]


def use(session: Session, key: str) -> ToolUse:
    item = session.items[session.tools[key]]
    assert isinstance(item, ToolUse)
    return item


def inputs(session: Session, turn: int) -> list[str]:
    """Keys of the turn's inputs."""
    return [session.events[session.items[i].event].key for i in session.turns[turn].inputs]


# -- a whole session as plain values ----------------------------------------------------------------

ARRIVAL = frozenset(
    {
        "events",
        "local_events",
        "ordinals",
        "owners",
        "items",
        "previews",
        "first_tokens",
        "queue_waits",
        "connected",
        "described",
        "kept",
    }
)
"""Fields of a session that tell how it reached us, that name others by number, or that keep its past."""


def view(session: Session, *, numbers: bool = False) -> dict[str, Any]:
    """A session as plain values for comparison: everything but arrival, each thing named by event key.

    Facts of our own (`local.*`) are left out: they belong to one observer. With `numbers` the positions
    of events and items are kept as well.
    """

    def key(ordinal: int) -> str | None:
        return session.events[ordinal].key if ordinal >= 0 else None

    def name(index: int) -> str | None:
        return key(session.items[index].event) if index >= 0 else None

    def item_view(item: Item) -> dict[str, Any]:
        fields = msgspec.to_builtins(item)
        for field_ in ("event", "end", "result", "confirmed"):
            if isinstance(fields.get(field_), int):
                fields[field_] = key(fields[field_])
        if "request" in fields:
            fields["request"] = name(fields["request"])
        fields["turn"] = session.turns[item.turn].key if item.turn >= 0 else None
        return {"class": type(item).__name__, **fields}

    def turn_view(turn: Any) -> dict[str, Any]:
        fields = msgspec.to_builtins(turn)
        fields["first_item"] = name(turn.first_item) if turn.first_item < len(session.items) else None
        fields["inputs"] = [name(i) for i in turn.inputs]
        fields["failures"] = [name(i) for i in turn.failures]
        fields["legs"] = list(fields["legs"])
        fields["tally"] = tally_view(tally(session, turn))
        return fields

    def local(ordinal: int) -> bool:
        return session.events[ordinal].type.startswith("local.")

    plain = {
        name_: value
        for name_, value in msgspec.structs.asdict(session).items()
        if name_ not in ARRIVAL and isinstance(value, str | int | float | bool | None | set)
    }
    seen = {
        **plain,
        "log": [(e.key, e.at, e.stream, e.raw) for e in session.events if not e.type.startswith("local.")],
        "owners": {key(o): name(i) for o, i in enumerate(session.owners) if not local(o)},
        "items": [item_view(item) for item in shown(session, local=False)],
        "turns": [turn_view(turn) for turn in session.turns],
        "threads": {
            k: {
                **msgspec.to_builtins(msgspec.structs.replace(t, items=[], created=[])),
                "first": key(t.first),
                "items": [name(i) for i in t.items],
                "created": [name(i) for i in t.created],
                "tally": tally_view(tally(session, t)),
            }
            for k, t in session.threads.items()
        },
        "outcomes": {
            k: (key(o.event), [name(i) for i in o.evaluations], o.result) for k, o in session.outcomes.items()
        },
        "runs": {k: msgspec.to_builtins(r) for k, r in session.runs.items()},
        "usages": [{**msgspec.to_builtins(u), "event": key(u.event)} for u in session.usages],
        "tally": tally_view(tally(session)),
        "agent": msgspec.to_builtins(session.agent),
        "agents": [(key(o), msgspec.to_builtins(agent)) for o, agent in session.agents],
        "metadata": session.metadata,
        "stop_details": session.stop_details,
        "unknown_types": session.unknown_types,
        "queued": sorted(session.queued),
        "pending": [(k, name(i)) for k, i in session.pending.items()],
        "open_requests": {str(k): name(i) for k, i in session.open_requests.items()},
        "running_uses": sorted(str(name(i)) for i in session.running_uses),
        "leaning": {k: [name(i) for i in v] for k, v in session.leaning.items()},
        "tools": {k: name(i) for k, i in session.tools.items()},
        "tool_aliases": session.tool_aliases,
        "waiting_results": {k: [key(o) for o in v] for k, v in session.waiting_results.items()},
    }
    if numbers:
        seen["numbers"] = (session.ordinals, list(session.owners), msgspec.to_builtins(session.items))
    return seen


@dataclass
class Tally:
    """What the items of a session, of a turn's own thread or of a child thread come to, plainly added up."""

    model_requests: int = 0
    model_errors: int = 0
    tool_uses: int = 0
    tool_errors: int = 0
    confirmations: int = 0
    errors: int = 0
    compactions: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    model_s: float = 0.0
    tool_s: float = 0.0

    @property
    def prompt_tokens(self) -> int:
        return self.input_tokens + self.cache_read_tokens + self.cache_write_tokens


def tally(session: Session, of: Turn | SessionThread | None = None) -> Tally:
    """By the items that are shown, and by nothing that is counted elsewhere."""
    total = Tally()
    for index, item in enumerate(session.items):
        if isinstance(of, Turn) and (item.thread is not None or item.turn != of.index):
            continue
        if isinstance(of, SessionThread) and item.thread != of.id:
            continue
        if session.owners[item.event] != index:
            continue
        if isinstance(item, ModelRequest) and item.end >= 0:
            total.model_requests += 1
            total.model_errors += item.is_error
            if item.ended_at is not None and item.at is not None:
                total.model_s += max(0.0, item.ended_at - item.at)
            if item.usage is not None:
                total.input_tokens += item.usage.input_tokens
                total.output_tokens += item.usage.output_tokens
                total.cache_read_tokens += item.usage.cache_read_input_tokens
                total.cache_write_tokens += item.usage.cache_creation_input_tokens
        elif isinstance(item, ToolUse):
            total.tool_uses += 1
            total.tool_errors += item.is_error
            total.confirmations += item.confirmation is not None
            total.tool_s += item.duration or 0.0
        elif isinstance(item, Failure):
            total.errors += 1
        elif item.type == "agent.thread_context_compacted":
            total.compactions += 1
    return total


def tally_view(tally: Tally) -> dict[str, Any]:
    """A tally, its seconds rounded: they are sums, and the order of the terms may differ."""
    return {
        name: round(value, 5) if isinstance(value, float) else value for name, value in asdict(tally).items()
    }


FIELDS_COMPARED = set(Session.__struct_fields__) - ARRIVAL
"""Every other field of a session must be in a view; a new one that is not shows in a test."""


# -- single figures ---------------------------------------------------------------------------------------


def session_cost(session):
    """What the server says the session cost, in dollars."""
    told = session_list_cost(session)
    return None if told is None else told / NANO


def turn_cost(session, turn):
    told = list_cost(session, turn.index)
    return None if told is None else told / NANO


def wall_seconds(turn):
    us = wall_us(turn)
    return None if us is None else us / 1_000_000


def waiting_seconds(turn):
    return waiting_us(turn) / 1_000_000


def turn_sums(session):
    """Every turn's figures, child threads included."""
    return figures_of(session).turns
