"""Where the time of a session went: turn by turn, by what was going on.

Owns the turns' starts and what was busy when. Invariant: the parts of a turn add up to the time from its
start to the next turn's, and those of the session to the time between its first and its last stamp.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from typing import Final

from cma_tui.session.elapsed import Clock, Split, micros
from cma_tui.session.figures import TurnFigures
from cma_tui.session.going import Going, awaited_of
from cma_tui.session.model import Session, Turn

_NEVER: Final = -(1 << 62)
"""The start of a turn of which no stamp tells."""


class Went:
    """The time of one session's turns."""

    def __init__(self) -> None:
        self.unseen: set[str] = set()
        """Uses that a counted wait was for, and that have not been seen."""
        self._clock = Clock()
        self._starts: list[int] = []
        """The turns' starts in microseconds, each at least the one before it."""
        self._whole = Split()
        """The sum of the turns' splits."""
        self._pauses: list[int] = []
        """By turn: how many of its pauses are counted."""

    def begin(self, turn: Turn) -> None:
        """A turn has begun."""
        self._starts.append(self._start(turn))
        self._pauses.append(0)

    def move(self, turn: Turn) -> None:
        """The last turn began at another time."""
        self._starts.pop()
        self._starts.append(self._start(turn))

    def _start(self, turn: Turn) -> int:
        before = self._starts[-1] if self._starts else _NEVER
        return before if turn.started_at is None else max(before, micros(turn.started_at))

    def turn_at(self, at: float) -> int:
        """The turn in whose time that is."""
        return max(0, bisect_right(self._starts, micros(at)) - 1)

    def busy(self, kind: int, start: float | None, end: float | None) -> Iterable[int]:
        """Something went on. Returns the turns whose time it was."""
        if start is None or end is None or end <= start:
            return ()
        first, last = micros(start), micros(end)
        self._clock.add(kind, first, last)
        starts = self._starts
        following = bisect_right(starts, first)
        turn = following - 1 if following else 0
        if following == len(starts) or last <= starts[following]:
            return (turn,)
        return range(turn, max(turn + 1, bisect_left(starts, last)))

    def pause(self, session: Session, turn: Turn) -> set[int]:
        """Count the times at which the turn stood still for an answer. Returns the turns concerned."""
        touched: set[int] = set()
        for place in range(self._pauses[turn.index], len(turn.legs) - 1):
            kind, unseen = awaited_of(session, turn.legs[place])
            self.unseen |= unseen
            touched.update(self.busy(kind, turn.legs[place].ended_at, turn.legs[place + 1].started_at))
            self._pauses[turn.index] += 1
        return touched

    def resplit(self, session: Session, turn: Turn, figures: TurnFigures, going: Going) -> None:
        """Cut the turn's time anew."""
        if session.last_at is None or self._starts[turn.index] == _NEVER:
            return
        start = self._starts[turn.index]
        last = turn.index == len(self._starts) - 1
        end = max(start, micros(session.last_at)) if last else self._starts[turn.index + 1]
        stop = end
        if turn.ended and turn.ended_at is not None:
            stop = min(end, max(start, micros(turn.ended_at)))
        elif turn.ended and turn.last_at is not None:
            stop = min(end, max(start, micros(turn.last_at)))
        before = figures.split
        figures.split = self._clock.split(start, stop, end, going.since(session) if last else ())
        if before is not None:
            self._whole = Split(*(a - b for a, b in zip(self._whole, before, strict=True)))
        self._whole = self._whole.plus(figures.split)

    def whole(self, session: Session) -> Split | None:
        """The session's time by what went on."""
        if session.first_at is None or session.last_at is None:
            return None
        first, last = micros(session.first_at), micros(session.last_at)
        if not self._starts or self._starts[-1] == _NEVER:
            return Split(idle=last - first)
        begun = next(start for start in self._starts if start != _NEVER)
        return self._whole.plus(Split(idle=begun - first))
