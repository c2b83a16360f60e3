"""Playing time: how long a log lasts when the gaps in it are cut.

Owns the reckoning from moments to seconds of playing and back. Invariants: playing time never runs
backwards, whatever the stamps of the events do; what has been read since is reckoned when it is asked for,
and nothing twice.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from math import inf

from cma_tui.session.moments import Moments


class Pace:
    """The playing time of the moments of one session."""

    def __init__(self, moments: Moments, idle_limit: float | None) -> None:
        """Reckon nothing yet.

        Args:
            moments: whose playing time it is.
            idle_limit: seconds of the log that a gap in it lasts at most; None for as long as it was.
        """
        self.idle_limit = idle_limit
        self._moments = moments
        self._offsets = array("d")
        """By step: seconds of playing before it happens."""

    @property
    def whole(self) -> float:
        """Seconds that all of it takes."""
        return self.until(len(self._moments))

    def until(self, step: int) -> float:
        """Seconds of playing until so many steps have happened."""
        offsets = self._reckoned()
        return offsets[min(step, len(offsets)) - 1] if step > 0 and offsets else 0.0

    def before(self, step: int) -> float:
        """Seconds of playing until the step that comes after so many is due."""
        return self._reckoned()[step]

    def step_after(self, seconds: float, start: int = 0) -> int:
        """How many steps have happened after so many seconds of playing; at least `start`."""
        return bisect_right(self._reckoned(), seconds, lo=start) if seconds >= 0 else start

    def step_by(self, at: float) -> int:
        """The moment at which everything until that time of the log has happened."""
        times = self._moments.times
        for step, time in enumerate(times):  # they need not ascend
            if time > at:
                return step
        return len(times)

    def step_at(self, share: float) -> int:
        """How many steps have happened when so much of the playing time is over, 0 to 1."""
        if share <= 0:
            return 0
        return len(self._moments) if share >= 1 else self.step_after(share * self.whole)

    def share(self, step: int) -> float:
        """How much of the playing time is over after so many steps, 0 to 1."""
        whole = self.whole
        return self.until(step) / whole if whole else 1.0 if step >= len(self._moments) else 0.0

    def _reckoned(self) -> array[float]:
        """The offsets of all that has been read."""
        offsets, times = self._offsets, self._moments.times
        known = len(offsets)
        if known == len(times):
            return offsets
        if not known:
            offsets.append(0.0)
            known = 1
        limit = inf if self.idle_limit is None else self.idle_limit
        offset, before = offsets[-1], times[known - 1]
        for at in times[known:]:
            gap = at - before
            if gap > 0:  # neither backwards nor unknown
                offset += min(gap, limit)
            before = at
            offsets.append(offset)
        return offsets
