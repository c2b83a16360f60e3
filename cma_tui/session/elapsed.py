"""Where the time went: what was going on, moment by moment.

Owns the order in which what overlaps is counted. Every moment counts once, for the first that holds: a
model (or grader) at work, a tool at work, waiting for a program's answer, waiting for a person, running
with nothing to show for it, idle. Invariant: the parts of any stretch of time add up to it exactly; times
are whole microseconds, so that neither the order of arrival nor rounding changes a sum.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from itertools import pairwise
from typing import Final, NamedTuple

MODEL, TOOLS, ANSWER, YOU = range(4)
"""What goes on, the one that counts first where several do."""
KINDS: Final = 4


def micros(at: float) -> int:
    """Unix seconds as whole microseconds: what a stamp is precise to."""
    return round(at * 1_000_000)


def seconds(us: int) -> float:
    """Whole microseconds as seconds."""
    return us / 1_000_000


class Split(NamedTuple):
    """A stretch of time by what went on in it, in microseconds."""

    model: int = 0
    tools: int = 0
    answer: int = 0
    you: int = 0
    other: int = 0
    """The session ran: it queued, started, retried, or did what no event tells."""
    idle: int = 0

    @property
    def total(self) -> int:
        """The whole stretch."""
        return sum(self)

    def plus(self, other: Split) -> Split:
        """Both stretches together."""
        return Split(*map(int.__add__, self, other))


class Union:
    """Intervals, merged: sorted, apart from one another, with the running sum of their lengths."""

    def __init__(self) -> None:
        self._starts = array("q")
        self._ends = array("q")
        self._sums = array("q")
        """By interval: the length of all up to and with it, as far as it has been summed."""

    def add(self, start: int, end: int) -> None:
        """Take in an interval: at the end at no cost that grows, elsewhere by moving what follows."""
        starts, ends = self._starts, self._ends
        if not ends or start > ends[-1]:
            starts.append(start)
            ends.append(end)
            return
        first = bisect_left(ends, start)
        last = bisect_right(starts, end)
        if first < last:
            start, end = min(start, starts[first]), max(end, ends[last - 1])
        starts[first:last] = array("q", (start,))
        ends[first:last] = array("q", (end,))
        del self._sums[first:]

    def covered(self, start: int, end: int) -> int:
        """How much of that stretch the intervals cover."""
        return 0 if end <= start else self._up_to(end) - self._up_to(start)

    def _up_to(self, moment: int) -> int:
        place = bisect_right(self._starts, moment) - 1
        if place < 0:
            return 0
        sums = self._sums
        for behind in range(len(sums), len(self._starts)):
            sums.append((sums[-1] if sums else 0) + self._ends[behind] - self._starts[behind])
        return sums[place] - max(0, self._ends[place] - moment)


class Clock:
    """Everything that has gone on, as one union for each kind and all that count before it."""

    def __init__(self) -> None:
        self._unions = [Union() for _ in range(KINDS)]

    def add(self, kind: int, start: int, end: int) -> None:
        """Something of that kind went on."""
        if end > start:
            for union in self._unions[kind:]:
                union.add(start, end)

    def split(self, start: int, stop: int, end: int, since: tuple[int | None, ...] = ()) -> Split:
        """The time from `start` to `end`, of which the session ran until `stop`.

        Args:
            start: where the stretch begins.
            stop: when the turn in it ended.
            end: where the stretch ends.
            since: by kind, since when something of it has been going on to the end.
        """
        running: list[int] = []
        whole: list[int] = []
        open_from: int | None = None
        for kind, union in enumerate(self._unions):
            begun = since[kind] if since else None
            if begun is not None:
                open_from = begun if open_from is None else min(open_from, begun)
            from_ = end if open_from is None else min(max(start, open_from), end)
            whole.append(union.covered(start, from_) + end - from_)
            if kind == KINDS - 1:
                running.append(union.covered(start, min(stop, from_)) + max(0, stop - from_))
        model, tools, answer, you = (after - before for before, after in pairwise((0, *whole)))
        covered = running[0]
        return Split(model, tools, answer, you, stop - start - covered, end - stop - (whole[-1] - covered))
