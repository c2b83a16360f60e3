"""A time axis that is broken where nothing happened.

Owns the way from moments to columns and back. Invariants: it never runs backwards; a break is as wide as its
words, whatever its length; the cost is that of the breaks, not of the log. Times are Unix seconds.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from heapq import nlargest
from itertools import pairwise
from typing import Final

from cma_tui.text import duration

BREAK: Final = 9
"""Columns of a break."""
_APART: Final = 24
"""Columns for each break, at least: with more of them nothing else would be seen."""
_EVERY: Final = 11
"""Columns between two labels, at least."""
_STEPS: Final = (
    *(step * 10**power for power in (-3, -2, -1, 0) for step in (1, 2, 5)),
    *(10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21_600, 43_200, 86_400, 604_800, 2_592_000),
)


class Axis:
    """From the beginning of a turn to its end, in columns."""

    def __init__(self, busy: Sequence[tuple[float, float]], start: float, end: float, width: int) -> None:
        """Lay out the time.

        Args:
            busy: when something worked: stretches in order, apart.
            start: where the axis begins.
            end: where it ends.
            width: its columns.
        """
        self.start, self.end, self.width = start, max(end, start + 0.001), max(1, width)
        gaps = [(before, after) for (_, before), (after, _) in pairwise(busy) if after > before]
        if busy and busy[0][0] > start:
            gaps.insert(0, (start, busy[0][0]))
        if busy and self.end > busy[-1][1]:
            gaps.append((max(start, busy[-1][1]), self.end))
        self.breaks = self._worth(gaps)
        points = [(self.start, 0.0)]
        for before, after in self.breaks:
            points.append((before, points[-1][1] + (before - points[-1][0]) * self._scale))
            points.append((after, points[-1][1] + self._break))
        points.append((self.end, points[-1][1] + (self.end - points[-1][0]) * self._scale))
        self._moments = [moment for moment, _ in points]
        self._columns = [column for _, column in points]
        self.look(self.start, self.end)

    def _worth(self, gaps: list[tuple[float, float]]) -> list[tuple[float, float]]:
        """The longest gaps, of which each takes less room broken than drawn."""
        whole = self.end - self.start
        most = max(1, self.width // _APART)
        if len(gaps) > most:
            gaps = sorted(nlargest(most, gaps, key=lambda gap: gap[1] - gap[0]))
        while True:
            self._break = min(BREAK, self.width / 3 / max(1, len(gaps)))
            rest = max(0.001, whole - sum(after - before for before, after in gaps))
            self._scale = max(0.0, self.width - self._break * len(gaps)) / rest
            kept = [gap for gap in gaps if (gap[1] - gap[0]) * self._scale > self._break * 1.5]
            if len(kept) == len(gaps):
                return gaps
            gaps = kept

    def look(self, start: float, end: float) -> None:
        """See this part of it in all columns."""
        self.shown = (start, end)
        self._left = self._place(start)
        self._zoom = self.width / max(1e-9, self._place(end) - self._left)

    @property
    def whole(self) -> bool:
        """Whether all of it is seen."""
        return self.shown == (self.start, self.end)

    def column(self, moment: float) -> float:
        """Where a moment is, which may be outside."""
        return (self._place(min(moment, self.end)) - self._left) * self._zoom

    def moment(self, column: float) -> float:
        """What moment a column is."""
        place = column / self._zoom + self._left
        at = min(max(0, bisect_right(self._columns, place) - 1), len(self._columns) - 2)
        wide = self._columns[at + 1] - self._columns[at]
        long = self._moments[at + 1] - self._moments[at]
        return self._moments[at] + ((place - self._columns[at]) / wide * long if wide > 0 else 0.0)

    def _place(self, moment: float) -> float:
        at = min(max(0, bisect_right(self._moments, moment) - 1), len(self._moments) - 2)
        long = self._moments[at + 1] - self._moments[at]
        wide = self._columns[at + 1] - self._columns[at]
        return self._columns[at] + ((moment - self._moments[at]) / long * wide if long > 0 else 0.0)

    # -- what is written on it -------------------------------------------------------------------------

    def ticks(self) -> list[tuple[int, str]]:
        """Columns with their labels: times since the beginning."""
        per_column = 1 / max(1e-9, self._scale * self._zoom)
        step = next((step for step in _STEPS if step / per_column >= _EVERY), _STEPS[-1])
        found: list[tuple[int, str]] = []
        for begin, end in self._unbroken():
            first = -int(-(begin - self.start) // step) if begin > self.start else 0
            number = max(0, first)
            while (at := self.start + number * step) <= end:
                column = round(self.column(at))
                if 0 <= column < self.width:
                    found.append((column, _label(number * step, step)))
                number += 1
        return found

    def _unbroken(self) -> Iterator[tuple[float, float]]:
        left, right = self.shown
        begin = self.start
        for before, after in (*self.breaks, (self.end, self.end)):
            if before > left and begin < right:
                yield max(begin, left), min(before, right)
            begin = after

    def gaps(self) -> list[tuple[int, int, str]]:
        """The breaks that are seen: from column to column, and what they leave out."""
        found = []
        for before, after in self.breaks:
            first, last = round(self.column(before)), round(self.column(after))
            if last > 0 and first < self.width:
                found.append((max(0, first), min(self.width, last), duration(after - before)))
        return found

    def line(self) -> str:
        """The axis as one line."""
        line = [" "] * self.width
        free = 0
        gaps = self.gaps()
        for first, last, words in gaps:
            room = last - first
            said = f"/{words}/" if len(words) + 2 <= room else "/" * min(2, room)
            at = first + (room - len(said)) // 2
            line[at : at + len(said)] = said
        taken = {at for first, last, _ in gaps for at in range(first, last)}
        for column, label in self.ticks():
            end = column + len(label)
            if column >= free and end <= self.width and taken.isdisjoint(range(column, end + 1)):
                line[column:end] = label
                free = end + 2
        return "".join(line)[: self.width]


def _label(seconds: float, step: float) -> str:
    if not seconds:
        return "0"
    if step < 0.01:
        return f"{seconds:.3f}s"
    if seconds < 60 and step < 1:
        return f"{seconds:.{2 if step < 0.1 else 1}f}s"
    if seconds < 3600 and seconds % 60:
        return f"{int(seconds // 60)}m{seconds % 60:02.0f}s" if seconds >= 60 else f"{seconds:.0f}s"
    return duration(seconds) if seconds >= 3600 else f"{seconds / 60:.0f}m"
