"""Places in a session: where nothing happened for long, and what a written place means.

Owns `GAP` and the language of places. Invariant: a place is an item that shows something, or an error
that says what can be written.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from datetime import datetime, timedelta

from cma_tui.report.filter import took
from cma_tui.report.rows import level
from cma_tui.report.words import Density
from cma_tui.session.model import Session
from cma_tui.text import first_line

GAP = 20.0
"""Seconds from which a pause, or the time a row took, is long."""


class PlaceError(ValueError):
    """There is no such place."""


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


def find_place(session: Session, text: str, near: int | None = None) -> int:
    """The item that a place means: `3` (a turn), `#120` (an event), `+5m`, `12:30:05` or an event's id.

    Args:
        session: where.
        text: the place.
        near: the item from whose day a time of day is taken.

    Raises:
        PlaceError: there is no such place.
    """
    wanted = text.strip()
    if re.fullmatch(r"\d{1,9}", wanted):
        number = int(wanted)
        if not 1 <= number <= len(session.turns):
            raise PlaceError(f"there is no turn {number}: the last is {len(session.turns)}")
        return session.turns[number - 1].first_item
    if match := re.fullmatch(r"#(\d{1,12})", wanted):
        return _of_event(session, int(match[1]) - 1)
    if (seconds := _seconds(wanted)) is not None:
        return _at(session, (session.first_at or 0.0) + seconds)
    if match := re.fullmatch(r"(\d{1,2}):(\d{2})(?::(\d{2}))?", wanted):
        hour, minute, second = (int(part or 0) for part in match.groups())
        return _at(session, _clock(session, near, hour, minute, second))
    ordinal = session.ordinals.get(wanted)
    if ordinal is None:
        shown = first_line(wanted, 40)
        raise PlaceError(f"{shown} is no place: 3 (a turn), #120 (an event), +5m, 12:30:05, or an event's id")
    return _of_event(session, ordinal)


def _of_event(session: Session, ordinal: int) -> int:
    """The item that shows an event, or the nearest before it."""
    if not 0 <= ordinal < len(session.events):
        raise PlaceError(f"there is no event {ordinal + 1}: the last is {len(session.events)}")
    while ordinal > 0 and session.owners[ordinal] < 0:
        ordinal -= 1
    return max(0, session.owners[ordinal])


_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


def _seconds(text: str) -> float | None:
    """`+90`, `+5m`, `+1h30m` in seconds after the beginning."""
    if re.fullmatch(r"[+@]\d{1,9}", text):
        return float(text[1:])
    if not re.fullmatch(r"[+@](\d{1,9}[smhd])+", text):
        return None
    return sum(float(n) * _UNITS[unit] for n, unit in re.findall(r"(\d+)([smhd])", text))


def _clock(session: Session, near: int | None, hour: int, minute: int, second: int) -> float:
    """A time of day, on the day of the item `near`."""
    base = session.items[near].at if near is not None else None
    day = datetime.fromtimestamp(base if base is not None else session.first_at or 0.0).astimezone()
    try:
        moment = day.replace(hour=hour, minute=minute, second=second, microsecond=0)
    except ValueError as error:
        raise PlaceError(f"there is no such time: {error}") from None
    if base is None and session.first_at is not None and moment.timestamp() < session.first_at - 43_200:
        moment += timedelta(days=1)
    return moment.timestamp()


def _at(session: Session, moment: float) -> int:
    """The first item at a time or after it; the last one for a time beyond the end."""
    items, turns = session.items, session.turns
    if not items:
        raise PlaceError("there is nothing yet")
    started = [turn.started_at if turn.started_at is not None else float("-inf") for turn in turns]
    turn = bisect_right(started, moment) - 1
    for index in range(turns[turn].first_item if turn >= 0 else 0, len(items)):
        at = items[index].at
        if at is not None and at >= moment and level(session, index) is not None:
            return index
    return len(items) - 1
