"""The line below the header: the whole session, what went wrong or waited in it, and what of it is read.

Owns when it is there: where a session is much longer than the window; otherwise it is a rule, so that its
coming moves nothing. Invariant: it is drawn when it looks different.
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
_LEAST: Final = 12
"""Cells that the line needs at least."""
_LONGER: Final = 3
"""So many windows of items are worth the line."""


class MinimapLine(Static):
    """The line."""

    DEFAULT_CSS = """
    MinimapLine { height: 1; width: 1fr; background: $background; color: $cma-quiet; }
    """

    def __init__(self, feed: Feed, timeline: Timeline) -> None:
        super().__init__(markup=False)
        self._feed, self._timeline = feed, timeline
        self._map = Minimap()
        self._worth = False
        """Whether the session is longer than a few windows."""
        self._drawn: Content | None = None
        self._slices = Slices(self, lambda: self.update_session(None), _PAUSE)

    def update_session(self, change: Change | None) -> None:
        """Take in what changed, a slice at a time, and draw it."""
        session = self._feed.session
        if not self._map.update(session, change, _AT_ONCE):
            self._slices.plan()
        height = self._timeline.size.height
        if height:
            self._worth = len(session.items) > _LONGER * height
        self.show()

    def show(self) -> None:
        """Draw the line if it looks different."""
        width = self.size.width
        if not self.display or width < _LEAST:
            return
        line = self._session(width - 2) if self._worth else Content.styled("─" * width, "$panel")
        if self._drawn is None or not line.is_same(self._drawn):
            self._drawn = line
            self.update(line, layout=False)

    def _session(self, width: int) -> Content:
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
        return Content.assemble(" ", *parts, " ")

    def on_resize(self) -> None:
        """Draw it anew."""
        self.show()

    def on_click(self, event: events.Click) -> None:
        """Go there, as far as the moment that is looked at has come."""
        place, width = event.get_content_offset(self), self.size.width - 2
        count = len(self._timeline.session.items)
        if self._worth and place is not None and 1 <= place.x <= width and count:
            item = min(self._map.item(place.x - 1, width), count - 1)
            self._timeline.list_from(item)
            self._timeline.go_to(item)
