"""What of a session is exported: turns, a stretch of time, a thread.

Owns the choice, and the chapters that transcripts have: the turns, then the threads below them. Invariant:
an item is in at most one chapter, and an event is exported exactly when the item that shows it is.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from cma_tui.event import PREVIEW_TYPES, Event
from cma_tui.mirror.cut import index_of
from cma_tui.report.rows import level
from cma_tui.report.words import Density
from cma_tui.session.model import Session, ToolUse, Turn


class Chapter(msgspec.Struct):
    """A run of items under one heading."""

    turn: Turn | None
    thread: str | None
    items: list[int]
    """Indexes of items that show something, in order."""


class Part(msgspec.Struct):
    """What is wanted; nothing said is everything."""

    first: int | None = None
    """The first turn wanted, counted from 1."""
    last: int | None = None
    since: float | None = None
    until: float | None = None
    thread: str | None = None

    @property
    def whole(self) -> bool:
        """Whether all of the session is wanted."""
        return self == Part()

    def turn(self, index: int) -> bool:
        """Whether the turn of that index is wanted, as far as its number tells."""
        number = index + 1
        return (self.first is None or number >= self.first) and (self.last is None or number <= self.last)

    def at(self, at: float | None) -> bool:
        """Whether what happened then is wanted; what has no time is."""
        if at is None:
            return True
        return (self.since is None or at >= self.since) and (self.until is None or at <= self.until)

    def figures(self, turns: list[Turn]) -> list[bool]:
        """For each turn whether its figures belong to what is wanted."""
        return [
            self.turn(turn.index)
            and (self.until is None or turn.started_at is None or turn.started_at <= self.until)
            and (self.since is None or turn.last_at is None or turn.last_at >= self.since)
            for turn in turns
        ]


def items_of(session: Session, part: Part) -> set[int]:
    """Indexes of the items that are wanted."""
    places = _turns_of_children(session)
    return {
        index
        for index, item in enumerate(session.items)
        if part.at(item.at)
        and part.turn(places.get(index, item.turn))
        and (part.thread is None or item.thread == part.thread)
    }


def chapters(session: Session, part: Part) -> Iterator[Chapter]:
    """The wanted items that show at the normal density, by turns and then by threads."""
    wanted = items_of(session, part)
    turns: dict[int, list[int]] = {}
    threads: dict[str, list[int]] = {}
    for index in sorted(wanted):
        item = session.items[index]
        least = level(session, index)
        if least is None or least > Density.NORMAL:
            continue
        asks = isinstance(item, ToolUse) and item.on_session and part.thread is None
        if item.thread is None or asks:
            turns.setdefault(item.turn, []).append(index)
        else:
            threads.setdefault(item.thread, []).append(index)
    for turn, items in sorted(turns.items()):
        yield Chapter(session.turns[turn] if turn >= 0 else None, None, items)
    for thread, items in threads.items():
        yield Chapter(None, thread, items)


def events_of(session: Session, part: Part) -> Iterator[Event]:
    """The server's events that are wanted, in the log's order; what waits in its queue comes last."""
    wanted = None if part.whole else items_of(session, part)
    for ordinal, event in enumerate(session.events):
        if event.type.startswith("local.") or event.type in PREVIEW_TYPES:
            continue
        owner = session.owners[ordinal]
        if wanted is None or owner in wanted or (owner < 0 and _by_time(part, event)):
            yield event
    if part.last is None and part.until is None and part.thread is None:
        yield from session.queued.values()


def _by_time(part: Part, event: Event) -> bool:
    """Whether an event that no item shows is wanted: only its time can tell."""
    untold = part.first is None and part.last is None and part.thread is None
    return untold and part.at(event.at)


def _turns_of_children(session: Session) -> dict[int, int]:
    """The turns of what happened on child threads, by time: their events may stand anywhere in a log."""
    if not session.threads:
        return {}
    return {index: turn for turn, items in index_of(session).children.items() for index in items}
