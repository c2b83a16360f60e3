"""All sessions of a workspace, as far as they are known, in the order in which they need attention.

Owns how what is told of sessions gets into their rows, the end of a log folded as anywhere else, and their
order. Invariants: no clock and no I/O; order, filter and totals cost little more than the rows that change.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar

from cma_tui.content import as_dict, as_text, compact_json, model_name
from cma_tui.event import Event, count, parse_stamp
from cma_tui.session.cost import usd
from cma_tui.session.entry import ENDED, IDLE, NEEDS_HOST, RETRYING, RUNNING, SAVED, Entry
from cma_tui.session.fold import apply
from cma_tui.session.model import Change, Session
from cma_tui.session.tally import Tally, Totals

LOG_LIMIT = 1500
"""Events of one session's log that are kept; beyond that only the newest are folded anew."""
_LOG_KEPT = 300
_ROUNDING = 2.0
"""Seconds by which a resource may be newer than the last event that it tells of."""
_BURN_WINDOW = 300.0
"""Seconds of spending that the rate is of."""
_Key = tuple[Any, ...]


class Roster:
    """Every session that is known, by id, and in order."""

    SORTS: ClassVar[dict[str, Callable[[Entry], _Key]]] = {
        "attention": lambda e: _attention(e),
        "activity": lambda e: (-(e.last_at or 0.0),),
        "created": lambda e: (-(e.created_at or 0.0),),
        "cost": lambda e: (-(e.cost or 0.0),),
        "rate": lambda e: (-(e.burn or 0.0), e.standing),
        "tokens": lambda e: (-(e.tokens or 0),),
        "title": lambda e: (e.title.casefold() or "\uffff",),
        "agent": lambda e: (e.agent.casefold() or "\uffff", e.standing),
    }
    """By name, what rows are sorted by."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        self.sort = "attention"
        self.reverse = False
        self.filter = ""
        self._order: list[tuple[_Key, str]] = []
        self._keys: dict[str, _Key] = {}
        """The key that each listed entry has in the order."""
        self._ids: list[str] | None = None
        self._tally = Tally()

    # -- what is known ---------------------------------------------------------------------------------

    def listed(self, fields: Mapping[str, Any], at: float) -> str | None:
        """Take in a session's resource as the API gave it. Returns its id."""
        key = as_text(fields.get("id"))
        if key is None:
            return None
        entry = self.entries.setdefault(key, Entry(key))
        first = entry.created_at is None
        agent = as_dict(fields.get("agent"))
        entry.title = as_text(fields.get("title")) or ""
        entry.agent = as_text(agent.get("name")) or as_text(agent.get("id")) or ""
        entry.model = model_name(agent.get("model")) or ""
        entry.metadata = as_dict(fields.get("metadata"))
        status = as_text(fields.get("status")) or "unknown"
        updated = parse_stamp(fields.get("updated_at"))
        if (
            entry.log is not None
            and not entry.streamed
            and (status, updated) != (entry.status, entry.updated_at)
        ):
            behind = updated is not None and updated > (entry.log.last_at or 0.0) + _ROUNDING
            entry.current = entry.current and status == entry.log.status and not behind
        entry.status, entry.updated_at = status, updated
        entry.created_at = parse_stamp(fields.get("created_at")) or entry.created_at
        usage = as_dict(fields.get("usage"))
        self._spent(entry, usd(usage.get("list_cost")), at, first=first)
        names = ("input_tokens", "output_tokens", "cache_read_input_tokens")
        parts = [count(usage.get(name)) for name in names]
        parts += [count(value) for value in as_dict(usage.get("cache_creation")).values()]
        if any(part is not None for part in parts):
            entry.tokens = sum(part or 0 for part in parts)
        self._place(entry)
        return key

    def tail(self, key: str, events: Iterable[Event]) -> None:
        """Take in the end of a session's log, as it was just listed."""
        entry = self.entries.setdefault(key, Entry(key))
        events = list(events)
        if entry.log is not None and entry.streamed:
            # The list may lag behind the stream: what was heard already stays heard.
            listed = {event.key for event in events}
            newest = max((event.at for event in events if event.at is not None), default=0.0)
            events += [e for e in entry.log.events if e.key not in listed and (e.at or 0.0) > newest]
        entry.log = _folded(events)
        entry.current = True
        self._place(entry)

    def arrived(self, key: str, events: Iterable[Event], at: float) -> None:
        """Take in events of a session's stream."""
        entry = self.entries.setdefault(key, Entry(key))
        log = entry.log if entry.log is not None else Session()
        change = Change()
        for event in events:
            apply(log, event, change)
        if len(log.events) > LOG_LIMIT:
            log = _folded(list(log.events)[-_LOG_KEPT:])
        entry.log, entry.current = log, True
        if change.header and log.usages:
            self._spent(entry, log.usages[-1].cost_usd, at)
        self._place(entry)

    def attached(self, key: str, streamed: bool) -> None:
        """Note whether a session's stream is open."""
        if (entry := self.entries.get(key)) is not None:
            entry.streamed = streamed
            self._place(entry)

    def gone(self, key: str) -> None:
        """Forget a session that is not there any more."""
        if self.entries.pop(key, None) is not None:
            self._tally.drop(key)
            self._unplace(key)

    def saved(self, path: str, title: str, at: float, kind: str = "recording") -> None:
        """Add a recording, or a file of another `kind`."""
        key = f"file:{path}"
        entry = Entry(key, path=path, title=title, status=kind, created_at=at, updated_at=at)
        self.entries[key] = entry
        self._place(entry)

    def _spent(self, entry: Entry, cost: float | None, at: float, *, first: bool = False) -> None:
        if cost is None:
            return
        if first:
            entry.cost_at_first = cost
        entry.cost = max(cost, entry.cost or 0.0)
        entry.spending.append((at, entry.cost))
        while entry.spending[0][0] < at - _BURN_WINDOW:
            entry.spending.popleft()
        if len(entry.spending) > 2 and entry.spending[-2][1] == entry.spending[-3][1] == cost:
            del entry.spending[-2]  # only the ends of a stretch without spending count

    def totals(self, day_began: float) -> Totals:
        """What all sessions come to, whatever the filter shows."""
        return self._tally.totals(day_began, self.entries.values())

    # -- in which order ----------------------------------------------------------------------------------

    @property
    def order(self) -> Sequence[str]:
        """Ids of the rows that pass the filter, in order. The same object until that changes."""
        if self._ids is None:
            self._ids = [key for _, key in (reversed(self._order) if self.reverse else self._order)]
        return self._ids

    def position(self, name: str) -> int | None:
        """Where a row is in the order; None when it is not shown."""
        key = self._keys.get(name)
        if key is None:
            return None
        at = bisect_left(self._order, (key, name))
        return len(self._order) - 1 - at if self.reverse else at

    def arrange(
        self, *, sort: str | None = None, filter_: str | None = None, reverse: bool | None = None
    ) -> None:
        """Order all rows anew, by another key or through another filter."""
        self._ids = None
        self.reverse = self.reverse if reverse is None else reverse
        self.sort = sort or self.sort
        self.filter = self.filter if filter_ is None else filter_
        words = self.filter.casefold().split()
        by = self.SORTS[self.sort]
        shown = (entry for entry in self.entries.values() if _passes(entry, words))
        self._keys = {entry.id: by(entry) for entry in shown}
        self._order = sorted((key, name) for name, key in self._keys.items())

    def _place(self, entry: Entry) -> None:
        """Put a row where it belongs now."""
        entry.haystack = _haystack(entry)
        self._tally.count(entry)
        shown = _passes(entry, self.filter.casefold().split())
        key = self.SORTS[self.sort](entry)
        if shown and self._keys.get(entry.id) == key:
            return
        self._unplace(entry.id)
        if shown:
            self._ids = None
            insort(self._order, (key, entry.id))
            self._keys[entry.id] = key

    def _unplace(self, name: str) -> None:
        old = self._keys.pop(name, None)
        if old is not None:
            self._ids = None
            del self._order[bisect_left(self._order, (old, name))]


def _attention(entry: Entry) -> _Key:
    """Who waits longest comes first; what runs keeps its place; what rests goes by its end."""
    standing = entry.standing
    if standing <= NEEDS_HOST:
        asks = entry.asks
        return standing, (asks[0].at if asks else None) or entry.last_at or 0.0
    if standing in (RUNNING, RETRYING):
        return RUNNING, -(entry.created_at or 0.0)
    return SAVED if standing in (ENDED, SAVED) else IDLE, -(entry.last_at or 0.0)


def _folded(events: Iterable[Event]) -> Session:
    session, change = Session(), Change()
    for event in events:
        apply(session, event, change)
    return session


def _haystack(entry: Entry) -> str:
    pairs = (f"{k}={v if isinstance(v, str) else compact_json(v)}" for k, v in entry.metadata.items())
    parts = (entry.title, entry.agent, entry.model, entry.id, entry.word, *pairs)
    return "\n".join(parts).casefold()


def _passes(entry: Entry, words: Sequence[str]) -> bool:
    return all(word in entry.haystack for word in words)
