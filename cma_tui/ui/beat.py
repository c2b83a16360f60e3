"""The beat of a screen: what arrives on another thread is drawn on the screen's clock.

Owns when a screen draws. Invariants: at once when nothing was drawn for a tick, and gathered until the next
tick otherwise, however much arrives; what is expensive to draw has half of the thread's time at most; one
drawing is planned at most; nothing is drawn for a screen that is gone, and nothing while nothing happens.
"""

from __future__ import annotations

from asyncio import TimerHandle
from collections.abc import Callable
from time import monotonic, thread_time
from typing import Final

from textual.widget import Widget

from cma_tui.ui.soon import soon

SLOWEST: Final = 0.1
"""Seconds from one drawing to the next at most, however much each costs."""
_APART: Final = 0.25
"""Seconds between two drawings from which on what the thread did in them tells nothing of their cost."""


class Beat:
    """Calls `draw` in time."""

    def __init__(self, widget: Widget, draw: Callable[[], None], tick: Callable[[], float]) -> None:
        """Prepare.

        Args:
            widget: the screen, or a part of it with a beat of its own.
            draw: takes in what has arrived and shows it; says by `drawn` that it did.
            tick: seconds from one drawing to the next at least, as they are at the moment.
        """
        self._widget = widget
        self._draw = draw
        self._tick = tick
        self._planned: TimerHandle | None = None
        self.planned = False
        """Whether a drawing is due that nothing brings forward: what arrives until then is in it."""
        self._drawn_at = float("-inf")
        self._worked = 0.0
        """What the thread had worked, in seconds, when it drew last."""
        self._cost = 0.0
        """What it worked from one drawing to the next: all of a frame, and what else there was to do."""
        self._woken = False
        """Whether a call of `arrived` is on its way: the news after the first need none of their own."""

    @property
    def age(self) -> float:
        """Seconds since the last drawing."""
        return monotonic() - self._drawn_at

    def wake(self) -> None:
        """Something has arrived. Called on any thread."""
        if self._woken or self.planned:
            return
        self._woken = True
        try:
            if not self._widget.app.call_later(self.arrived):
                self._woken = False
        except RuntimeError:  # the app has ended: nobody is there to draw
            return

    def arrived(self) -> None:
        """Something has arrived: draw it, now or at the next tick."""
        self._woken = False  # what arrives from here on may come too late for this drawing
        if not self.planned and self._widget.is_attached:
            tick = self._tick()
            self.plan((tick and max(tick, min(SLOWEST, 2 * self._cost))) - self.age)

    def plan(self, seconds: float, *, loose: bool = False) -> None:
        """Draw after so many seconds, instead of when it was planned.

        Args:
            seconds: none or less is now.
            loose: whether what arrives meanwhile is drawn before.
        """
        if seconds <= 0:
            self.draw()
            return
        self._stop()
        self._planned = soon(self._widget, seconds, self.draw)
        self.planned = not loose

    def draw(self) -> None:
        """Draw now, whatever is planned."""
        self._stop()
        self._draw()

    def drawn(self) -> None:
        """All that had arrived is on the screen: the next tick begins."""
        worked = thread_time()
        if self.age < _APART:
            self._cost = worked - self._worked
        self._drawn_at, self._worked = monotonic(), worked

    def _stop(self) -> None:
        self.planned = False  # before anything is taken: what arrives from here on wakes
        if self._planned is not None:
            self._planned.cancel()
            self._planned = None
