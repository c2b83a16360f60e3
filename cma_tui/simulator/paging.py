"""Owns lists: cursors, order and filters.

Invariant: a cursor is a position in an event log, not a time and not a count of what was shown, so events
that arrive, or get their stamp, while a client pages make it miss nothing. The key `next_page` is absent on
the last page.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from cma_tui.simulator.checks import LISTABLE, refuse
from cma_tui.simulator.clock import EPOCH, micros
from cma_tui.simulator.store import Entry, EventLog

Order = Literal["asc", "desc"]
MAX_LIMIT = 1000
_COMPARE: dict[str, Callable[[int, int], bool]] = {
    "gt": lambda at, bound: at > bound,
    "gte": lambda at, bound: at >= bound,
    "lt": lambda at, bound: at < bound,
    "lte": lambda at, bound: at <= bound,
}


@dataclass(frozen=True, slots=True)
class Query:
    """What a list request asks for."""

    limit: int = MAX_LIMIT
    order: Order = "asc"
    page: str | None = None
    types: frozenset[str] = frozenset()
    bounds: Mapping[str, int] = field(default_factory=dict)

    def matches(self, event: Mapping[str, Any]) -> bool:
        """Whether the filters let an event through; without a stamp it fits no time filter."""
        if self.types and event["type"] not in self.types:
            return False
        if not self.bounds:
            return True
        if "processed_at" not in event:
            return False
        at = micros(parse_time(event["processed_at"]))
        return all(_COMPARE[name](at, bound) for name, bound in self.bounds.items())


def parse_time(value: str) -> datetime:
    """A time of the API; one without a zone is UTC."""
    moment = datetime.fromisoformat(value)
    return moment if moment.tzinfo else moment.replace(tzinfo=EPOCH.tzinfo)


def query(params: Sequence[tuple[str, str]], *, order: Order, filters: bool = True) -> Query:
    """Read the query string of a list request."""
    given = dict(params)
    raw_limit = given.get("limit", str(MAX_LIMIT))
    limit = int(raw_limit) if raw_limit.isdecimal() else 0
    if not 1 <= limit <= MAX_LIMIT:
        raise refuse(f"limit: must be between 1 and {MAX_LIMIT}")
    match given.get("order", order):
        case "asc":
            order = "asc"
        case "desc":
            order = "desc"
        case _:
            raise refuse("order: must be asc or desc")
    types = frozenset(value for key, value in params if key == "types[]")
    if unknown := types - LISTABLE:
        raise refuse(f"types: unknown event type {min(unknown)}")
    bounds: dict[str, int] = {}
    for name in _COMPARE:
        if (value := given.get(f"created_at[{name}]")) is not None:
            try:
                bounds[name] = micros(parse_time(value))
            except ValueError:
                raise refuse(f"created_at[{name}]: not a time") from None
    if not filters and (types or bounds):
        raise refuse("This list has no filters")
    for name in ("after_id", "before_id"):
        if name in given:
            raise refuse(f"{name}: Extra inputs are not permitted")
    return Query(limit, order, given.get("page"), types, bounds)


def cursor(*parts: object) -> str:
    """An opaque text for a position."""
    return "page_" + base64.urlsafe_b64encode(":".join(map(str, parts)).encode()).decode().rstrip("=")


def another(page: str) -> str:
    """Another cursor to the same place."""
    made_in, stamped, queued = _parts(page)
    return cursor(made_in, stamped, f"0{queued}")


def _parts(page: str) -> list[str]:
    text = page.removeprefix("page_")
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode().split(":")


def _position(page: str, order: Order) -> tuple[int, int]:
    try:
        made_in, stamped, queued = _parts(page)
        position = int(stamped), int(queued)
    except (binascii.Error, ValueError):
        raise refuse("page: not a cursor") from None
    if made_in != order:
        raise refuse("page: the cursor was made for the other order")
    return position


def events(log: EventLog, wanted: Query, hidden: set[str]) -> tuple[list[Entry], str | None]:
    """One page of a log, and the cursor to the next."""
    page: list[Entry] = []
    last: tuple[int, int] | None = None
    for position, entry in _walk(log, wanted):
        if entry.event["id"] in hidden or not wanted.matches(entry.event):
            continue
        if len(page) == wanted.limit:
            assert last is not None
            return page, cursor(wanted.order, *last)
        page.append(entry)
        last = position
    return page, None


def first_page(log: EventLog, wanted: Query) -> str:
    """A cursor to where a list begins."""
    return cursor("asc", 0, 0) if wanted.order == "asc" else cursor("desc", len(log.stamped), log.next_number)


def _walk(log: EventLog, wanted: Query) -> Iterator[tuple[tuple[int, int], Entry]]:
    """Entries from the cursor on; a position says how many stamped and which queued entries are behind it.

    Queued entries are told apart by `number`, which they keep when others leave the queue.
    """
    if wanted.order == "asc":
        stamped, number = _position(wanted.page, "asc") if wanted.page else (0, 0)
        for n in range(stamped, len(log.stamped)):
            yield (n + 1, number), log.stamped[n]
        for entry in log.queued:
            if entry.number > number:
                yield (len(log.stamped), entry.number), entry
        return
    stamped, number = _position(wanted.page, "desc") if wanted.page else (len(log.stamped), log.next_number)
    for entry in reversed(log.queued):
        if entry.number < number:
            yield (stamped, entry.number), entry
    for n in range(stamped - 1, -1, -1):
        yield (n, 0), log.stamped[n]


def resources(items: Sequence[Any], wanted: Query) -> dict[str, Any]:
    """One page of resources given oldest first, with cursors to both sides."""
    ordered = list(items) if wanted.order == "asc" else list(reversed(items))
    start = _position(wanted.page, wanted.order)[0] if wanted.page else 0
    end = start + wanted.limit
    answer: dict[str, Any] = {"data": ordered[start:end]}
    if end < len(ordered):
        answer["next_page"] = cursor(wanted.order, end, 0)
    if start > 0:
        answer["prev_page"] = cursor(wanted.order, max(0, start - wanted.limit), 0)
    return answer
