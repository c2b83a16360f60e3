"""Reading a saved log beside the keys: short stretches of folding, few frames, no long stops.

Owns how the time is shared while a log is read, and what the interpreter does meanwhile. Invariants: a key
that was used goes before the next stretch, and however many are used, reading goes on; what a log leaves in
memory stays, so the collector of garbage does not look through it again and again; all is as it was once the
log has been read.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from time import monotonic
from typing import Final

STRETCH: Final = 0.008
"""Seconds spent on folding between two looks at the keys."""
COUNTING: Final = 0.002
"""Seconds spent on counting with it."""
PAUSE: Final = 0.003
"""Seconds between two stretches: whatever keys came go all their way, and the log is read on."""
LOOK: Final = 0.5
"""Seconds between two frames."""
_FIRST: Final = 0.05
"""For so long after a key was used its answer has the time."""
_LONGEST: Final = 0.15
"""Seconds between two stretches at most, whatever keys are used."""
_SWITCH: Final = 0.0005
"""Seconds that a thread waits for another one's Python at least, while one of them reads without a pause."""


class Bulk:
    """The time while a saved log is read."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._folded_at = float("-inf")
        self._framed = False
        """Whether a frame was drawn since the last stretch."""
        self._interval: float | None = None
        """How threads took turns before; None while nothing is read, or not by a program of its own."""

    def begin(self, *, alone: bool) -> None:
        """A stretch is due. With `alone` the interpreter is all ours, and is set for it."""
        if alone and self._interval is None:
            self._interval = sys.getswitchinterval()
            sys.setswitchinterval(_SWITCH)
            gc.freeze()
        if alone:
            gc.disable()  # each time: the first frame, which may come meanwhile, begins to look for garbage

    def holds(self, touched_at: float) -> bool:
        """Whether a key goes first, the latest of which was used then."""
        now = self._clock()
        if now - touched_at < _FIRST and now - self._folded_at < _LONGEST:
            return True
        self._folded_at = now
        if self._framed and self._interval is not None:
            gc.collect(0)
            gc.freeze()
        self._framed = False
        return False

    def framed(self) -> None:
        """A frame was drawn: before the next stretch its garbage goes, and what stays is looked at no more.

        Not at once: keys that came meanwhile have waited for the frame already.
        """
        self._framed = True

    def end(self) -> None:
        """All has been read, or nobody looks any more."""
        if self._interval is not None:
            sys.setswitchinterval(self._interval)
            self._interval = None
            gc.freeze()
            gc.enable()
            _give_back()


def _give_back() -> None:
    """Give the system the memory that was needed for reading alone, where the C library can (glibc's can)."""
    import ctypes

    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
