"""Places in a session: where nothing happened for long, and the row that a written place means.

Owns `GAP`. Invariant: a place is an item, or an error that says what can be written.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable

from cma_tui import places
from cma_tui.report.filter import took
from cma_tui.report.rows import level
from cma_tui.report.words import Density
from cma_tui.session.model import Session

GAP = 20.0
"""Seconds from which a pause, or the time a row took, is long."""


def gap_before(session: Session, index: int) -> float:
    """Seconds in which nothing happened before an item; 0 where a time is missing.

    What shows only at full density (statuses, figures) is taken to belong to what follows it.
    """
    ordinal = session.items[index].event
    at = session.events[ordinal].at
    for before in range(ordinal - 1, max(-1, ordinal - _NEAR), -1):
        owner = session.owners[before]
        least = (
            level(session, owner) if owner >= 0 and session.items[owner].event == before else Density.QUIET
        )
        earlier = session.events[before].at
        if least is not None and least < Density.FULL and earlier is not None:
            return 0.0 if at is None else max(0.0, at - earlier)
    return 0.0


_NEAR = 16
"""Events that are looked at before an item."""


def is_slow(session: Session, index: int) -> bool:
    """Whether the item took long, or nothing happened for long before it."""
    return (took(session.items[index]) or 0.0) >= GAP or gap_before(session, index) >= GAP


def find_place(
    session: Session,
    text: str,
    near: int | None = None,
    known: Callable[[places.Share | places.Named], int | None] = lambda place: None,
) -> int:
    """The item that a written place means, in the language of `places`.

    Args:
        session: where.
        text: the place.
        near: the item one looks at.
        known: gives the event of a share or a name that the session does not know.

    Raises:
        PlaceError: there is no such place.
    """
    place = places.read(text)
    if not len(session.items):
        raise places.PlaceError("there is nothing yet")
    if isinstance(place, places.Named | places.Share):
        found = session.ordinals.get(place.name) if isinstance(place, places.Named) else None
        if found is None:
            found = known(place)
        if found is None and isinstance(place, places.Share):
            found = round(place.share * (len(session.events) - 1))
        if found is not None:
            return _of_event(session, min(found, len(session.events) - 1))
    if isinstance(place, places.Nth | places.Named):
        return _of_event(session, places.ordinal_of(session, place))
    assert not isinstance(place, places.Share), "a share is always found"
    here = session.items[near].at if near is not None else None
    return _at(session, places.time_of(place, session.first_at or 0.0, here))


def _of_event(session: Session, ordinal: int) -> int:
    """The item that shows an event, or the nearest before it."""
    while ordinal > 0 and session.owners[ordinal] < 0:
        ordinal -= 1
    return max(0, session.owners[ordinal])


def _at(session: Session, moment: float) -> int:
    """The first item at a time or after it; the last one for a time beyond the end."""
    items, turns = session.items, session.turns
    started = [turn.started_at if turn.started_at is not None else float("-inf") for turn in turns]
    turn = bisect_right(started, moment) - 1
    for index in range(turns[turn].first_item if turn >= 0 else 0, len(items)):
        at = items[index].at
        if at is not None and at >= moment and level(session, index) is not None:
            return index
    return len(items) - 1
