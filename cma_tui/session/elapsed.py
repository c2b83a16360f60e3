"""Where the time went: what was going on, moment by moment.

Owns the order in which what overlaps is counted. Every moment counts once, for the first that holds: a
model (or grader) at work, a tool at work, waiting for a program's answer, waiting for a person, running
with nothing to show for it, idle. Invariant: the parts of any stretch of time add up to it exactly; times
are whole microseconds, so that neither the order of arrival nor rounding changes a sum.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
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
        if start >= starts[-1]:  # the last one goes on
            if end > ends[-1]:
                ends[-1] = end
                del self._sums[len(ends) - 1 :]
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
        if end <= start:
            return 0
        starts, ends, sums = self._starts, self._ends, self._sums
        if len(sums) < len(starts):
            whole = sums[-1] if sums else 0
            for behind in range(len(sums), len(starts)):
                whole += ends[behind] - starts[behind]
                sums.append(whole)
        last = bisect_right(starts, end) - 1
        if last < 0:
            return 0
        over = ends[last] - end
        covered = sums[last] - over if over > 0 else sums[last]
        first = bisect_right(starts, start, 0, last + 1) - 1
        if first >= 0:
            over = ends[first] - start
            covered -= sums[first] - over if over > 0 else sums[first]
        return covered


class Clock:
    """Everything that has gone on, as one union for each kind and all that count before it."""

    def __init__(self) -> None:
        self._unions = [Union() for _ in range(KINDS)]
        self._from = [self._unions[kind:] for kind in range(KINDS)]

    def add(self, kind: int, start: int, end: int) -> None:
        """Something of that kind went on."""
        if end > start:
            for union in self._from[kind]:
                union.add(start, end)

    def split(self, start: int, stop: int, end: int, since: tuple[int | None, ...] = ()) -> Split:
        """The time from `start` to `end`, of which the session ran until `stop`.

        Args:
            start: where the stretch begins.
            stop: when the turn in it ended.
            end: where the stretch ends.
            since: by kind, since when something of it has been going on to the end.
        """
        from_ = end
        whole: list[int] = []
        for kind, union in enumerate(self._unions):
            begun = since[kind] if since else None
            if begun is not None:
                from_ = min(max(start, begun), from_)
            whole.append(union.covered(start, from_) + end - from_)
        model, tools, answer, you = whole
        running = you
        if stop < end:
            running = self._unions[-1].covered(start, min(stop, from_)) + max(0, stop - from_)
        return Split(
            model,
            tools - model,
            answer - tools,
            you - answer,
            stop - start - running,
            end - stop - (you - running),
        )
