"""The panel of the waterfall: a turn on a time axis.

Owns what time it is there: while something goes on, the server's, so that it grows. Invariant: where no time
passes, as in a saved log or at a moment of the past, nothing grows.
"""

from __future__ import annotations

from time import time

from cma_tui.feed import Feed
from cma_tui.session.model import Session
from cma_tui.ui.counting import Counting
from cma_tui.ui.screens.panel import PagePanel
from cma_tui.ui.widgets.waterfall import WaterfallView


class Waterfall(PagePanel):
    """The panel."""

    def __init__(
        self, session: Session, turn: int, item: int | None, counting: Counting, feed: Feed | None = None
    ) -> None:
        self._feed = feed
        self._waterfall = WaterfallView(session, turn, item, counting, self._now)
        super().__init__(self._waterfall)

    def on_mount(self) -> None:
        """While something goes on, it grows."""
        self.set_interval(1.0, self._second)

    def _now(self) -> float | None:
        """The server's time: its last stamp, and what has passed since that reached us."""
        feed, session = self._feed, self._waterfall.session
        source = feed.source if feed is not None else None
        if feed is None or source is None or source.line is None or feed.finished or session.last_at is None:
            return None
        if session is not feed.session:
            return None  # it is a moment of the past
        came = session.events[-1].received_at
        return None if came is None else session.last_at + max(0.0, time() - came)

    def _second(self) -> None:
        if self._waterfall.made.going_on:
            self._waterfall.show()
