"""The line below the header: the whole session, what went wrong or waited in it, and what of it is read.

Owns when it is there: where a session is much longer than the window. Invariants: it stands where the rule
below the header would be, so that its coming moves nothing; it is drawn when it looks different.
"""

from __future__ import annotations

from typing import Final

from textual import events
from textual.content import Content
from textual.widgets import Static

from cma_tui.feed import Feed
from cma_tui.report.minimap import COMPACTED, ERROR, TURN, WAITED, Minimap
from cma_tui.session.model import Change
from cma_tui.ui.soon import Slices
from cma_tui.ui.widgets.timeline import Timeline

_AT_ONCE: Final = 2000
"""Items that are taken in at once."""
_PAUSE: Final = 0.02
_LONGER: Final = 3
"""So many windows of items are worth the line."""


class MinimapLine(Static):
    """The line."""

    DEFAULT_CSS = """
    MinimapLine { height: 1; width: 1fr; padding: 0 1; background: $background; color: $cma-quiet;
                  display: none; }
    MinimapLine.-worth { display: block; }
    """

    def __init__(self, feed: Feed, timeline: Timeline) -> None:
        super().__init__(markup=False)
        self._feed, self._timeline = feed, timeline
        self._map = Minimap()
        self._drawn: Content | None = None
        self._slices = Slices(self, lambda: self.update_session(None), _PAUSE)

    def update_session(self, change: Change | None) -> None:
        """Take in what changed, a slice at a time, and draw it."""
        session = self._feed.session
        if not self._map.update(session, change, _AT_ONCE):
            self._slices.plan()
        height = self._timeline.size.height
        worth = len(session.items) > _LONGER * height
        if height and worth != self.has_class("-worth"):
            self.set_class(worth, "-worth")
            self.screen.set_class(worth, "-map")
        self.show()

    def show(self) -> None:
        """Draw the line if it looks different."""
        width = self.content_size.width
        if not self.display or width < 10:
            return
        columns = self._map.columns(width)
        first, last = (self._map.column(item, width) for item in self._timeline.seen)
        if self._timeline.following and self._timeline.session is self._feed.session:
            last = width - 1  # what comes after the last row shows at other densities only
        crowded = sum(marks & TURN > 0 for marks in columns) > width // 3
        waits = {self._map.column(item, width) for item in self._feed.session.pending.values()}
        parts = []
        for column, marks in enumerate(columns):
            seen = first <= column <= last
            character, style = "━" if seen else "─", "$accent" if seen else "$cma-quiet"
            if marks & TURN and not crowded:
                character = "┿" if seen else "┼"
            if marks & COMPACTED:
                character = "c"
            if marks & WAITED:
                character, style = "?", "$warning"
            if marks & ERROR:
                character, style = "!", "$error"
            if column in waits:
                character, style = "?", "$warning bold reverse"
            parts.append((character, f"{style} on $cma-cursor" if seen and "reverse" not in style else style))
        line = Content.assemble(*parts)
        if self._drawn is None or not line.is_same(self._drawn):
            self._drawn = line
            self.update(line, layout=False)

    def on_resize(self) -> None:
        """Draw it anew."""
        self.show()

    def on_click(self, event: events.Click) -> None:
        """Go there, as far as the moment that is looked at has come."""
        place, width = event.get_content_offset(self), self.content_size.width
        count = len(self._timeline.session.items)
        if place is not None and width and count:
            item = min(self._map.item(place.x, width), count - 1)
            self._timeline.list_from(item)
            self._timeline.go_to(item)
