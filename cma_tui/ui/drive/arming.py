"""When a key may decide something that cannot be taken back.

Owns the guard of every decision by key. Invariants: nothing decides in the moment after what is asked
has appeared or changed, and every key in that moment begins it anew, so that a held key or a fast
typist never gets through; a key that does not come alone is no decision.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from textual.timer import Timer
from textual.widget import Widget

ARMING = 0.7
"""Seconds without a key before one counts."""
ALONE = 0.12
"""Seconds that no other key may follow: a pasted text and a typist at 20 keys a second are faster."""


class Guard:
    """Keys of one widget, from pressed to meant."""

    def __init__(self, widget: Widget) -> None:
        self._widget = widget
        self._armed_at = 0.0
        self._timer: Timer | None = None
        self.clock: Callable[[], float] = monotonic

    def disarm(self) -> None:
        """What is asked is new: take back what was not meant yet, and let no key count for a moment."""
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        self._armed_at = self.clock() + ARMING

    def press(self, meant: Callable[[], None]) -> None:
        """A key that decides: `meant` is called when it counted and stayed alone."""
        if self._timer is not None or self.clock() < self._armed_at:
            self.disarm()
            return

        def decide() -> None:
            if self._timer is timer:
                self._timer = None
                meant()

        def alone() -> None:
            # Keys that were pressed before now and wait in a queue come first: the app's, then the widget's.
            self._widget.app.call_later(self._widget.call_later, decide)

        self._timer = timer = self._widget.set_timer(ALONE, alone)

    def other(self) -> None:
        """A key that decides nothing, or a paste: one that was to decide did not come alone."""
        if self._timer is not None or self.clock() < self._armed_at:
            self.disarm()
