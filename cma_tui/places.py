"""What a written place in a session means: one language for every line that asks where to go.

Owns the forms and `PlaceError`. Invariant: reading a place needs no session; what it stands for in one is the
reader's to find: a row in a timeline, a moment in a replay. Times are Unix seconds.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Literal, NamedTuple, TypeAlias

from cma_tui.session.model import Session
from cma_tui.text import first_line

FORMS = "3 (turn) · #120 (event) · 5m · 1:30 · -30s (from here) · 12:30:05 · 50% · id · note"
"""What can be written, in a line."""


class PlaceError(ValueError):
    """There is no such place."""


class Share(NamedTuple):
    """A share of the playing time, 0 to 1: `50%`."""

    share: float


class Nth(NamedTuple):
    """The n-th turn (`3`, `turn 3`, `t3`) or the n-th event (`#120`), from 1."""

    what: Literal["turn", "event"]
    number: int


class Span(NamedTuple):
    """Seconds after the beginning (`90s`, `1h2m`, `1:30`, `@90`), or from here (`+30s`, `-5m`, `+90`)."""

    seconds: float
    from_here: bool


class Clock(NamedTuple):
    """A time of day: `12:30:05`."""

    hour: int
    minute: int
    second: int


class Date(NamedTuple):
    """A date, with its time: `2026-08-17T16:00`."""

    at: float


class Named(NamedTuple):
    """An event's id, or words of a mark's note."""

    name: str


Time: TypeAlias = Span | Clock | Date
Place: TypeAlias = Share | Nth | Named | Time


def read(text: str) -> Place:
    """What is meant. Whatever has no other form is a name."""
    wanted = text.strip()
    if match := _SHARE(wanted):
        return Share(min(1.0, float(match[1]) / 100))
    if match := _NTH(wanted):
        return Nth("event" if match[1] == "#" else "turn", int(match[2]))
    if match := _CLOCK(wanted):
        first, second = int(match[1]), int(match[2])
        return Span(first * 60 + second, False) if match[3] is None else Clock(first, second, int(match[3]))
    sign, rest = (wanted[0], wanted[1:]) if wanted[:1] in ("+", "-", "@") else ("", wanted)
    if (seconds := _span(rest, bare=bool(sign))) is not None:
        return Span(-seconds if sign == "-" else seconds, sign in ("+", "-"))
    if _DATE(wanted):
        try:
            return Date(datetime.fromisoformat(wanted).astimezone().timestamp())
        except (ValueError, OverflowError):
            raise PlaceError(f"there is no such date: {first_line(wanted, 40)}") from None
    return Named(wanted)


def time_of(place: Time, began: float, here: float | None) -> float:
    """The moment that a time means.

    Args:
        place: the time.
        began: when the session began.
        here: the time of what is looked at; None where that has none.

    Raises:
        PlaceError: there is no such time of day.
    """
    match place:
        case Date(at):
            return at
        case Span(seconds, from_here):
            return (here if from_here and here is not None else began) + seconds
        case Clock(hour, minute, second):
            day = datetime.fromtimestamp(began if here is None else here).astimezone()
            try:
                at = day.replace(hour=hour, minute=minute, second=second, microsecond=0).timestamp()
            except ValueError:
                raise PlaceError(f"there is no such time: {hour}:{minute:02}:{second:02}") from None
            return at if at >= began - 1 else at + 86_400


def ordinal_of(session: Session, place: Nth | Named) -> int:
    """The event that a number or an id names.

    Raises:
        PlaceError: there is none.
    """
    match place:
        case Nth("turn", number):
            turns = session.turns
            if not 1 <= number <= len(turns) or turns[number - 1].first_item >= len(session.items):
                raise PlaceError(f"there is no turn {number}: the last is {len(turns)}")
            return session.items[turns[number - 1].first_item].event
        case Nth(_, number):
            if not 1 <= number <= len(session.events):
                raise PlaceError(f"there is no event {number}: the last is {len(session.events)}")
            return number - 1
        case Named(name):
            ordinal = session.ordinals.get(name, -1)
            if ordinal < 0:
                raise PlaceError(f"{first_line(name, 40)} is no place: {FORMS}")
            return ordinal


_SHARE = re.compile(r"(\d{1,3}(?:\.\d+)?)\s*%").fullmatch
_NTH = re.compile(r"(#|turn\s*|t|)(\d{1,12})").fullmatch
_CLOCK = re.compile(r"(\d{1,3}):(\d{2})(?::(\d{2}))?").fullmatch
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}.*").fullmatch
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_PARTS = re.compile(r"(?:\d{1,9}(?:\.\d+)?[smhd])+").fullmatch
_PART = re.compile(r"(\d+(?:\.\d+)?)([smhd])").findall


def _span(text: str, *, bare: bool) -> float | None:
    """Seconds in `90s`, `5m`, `1h30m`, `2d`; with `bare` a number alone counts seconds."""
    if bare and re.fullmatch(r"\d{1,9}(?:\.\d+)?", text):
        return float(text)
    return sum(float(n) * _UNITS[unit] for n, unit in _PART(text)) if _PARTS(text) else None
