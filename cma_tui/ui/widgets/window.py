"""A window on pieces of text below a line of its own: moving in it, and looking for text.

Owns what is seen and where. Invariants: a piece is set when it is seen; a text is looked through in
slices, so that no key waits for a long one.
"""

from __future__ import annotations

from collections.abc import Iterator
from time import perf_counter
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.app import RenderResult
from textual.binding import BindingType
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from cma_tui.report.find import Pattern, TooSlowError
from cma_tui.ui.cells import highlight
from cma_tui.ui.keys import bindings
from cma_tui.ui.soon import PAUSE, SLICE, soon
from cma_tui.ui.viewport import Viewport
from cma_tui.ui.widgets.passages import Passage, Passages

_KEPT = 2_000
"""Pieces whose lines are kept."""


class Window(Widget, can_focus=True):
    """Pieces of text, scrolled by lines; or rows, with a cursor on one of them."""

    DEFAULT_CSS = """
    Window > .window--cursor { background: $cma-cursor; }
    Window:ansi > .window--cursor { text-style: reverse; }
    Window > .window--found { background: $warning; color: $cma-on-mark; text-style: bold; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"window--cursor", "window--found"}
    BINDINGS: ClassVar[list[BindingType]] = bindings(
        {
            "move.down": "move(1)",
            "move.up": "move(-1)",
            "move.page-down": "page(1)",
            "move.page-up": "page(-1)",
            "move.first": "top",
            "move.last": "bottom",
        }
    )

    class Exhausted(Message, namespace="detail"):
        """There is no further hit here, that way."""

        def __init__(self, by: int) -> None:
            self.by = by
            super().__init__()

    def __init__(self) -> None:
        super().__init__()
        self._pages: Passage = Passages([])
        self._by_rows = False
        """Whether there is a cursor, and keys move it rather than the text."""
        self._lines: dict[int, list[Strip]] = {}
        """The lines of pieces, those set last at the end."""
        self.view: Viewport[Strip] = Viewport(lambda: len(self._pages), self._lines_of)
        self.view.following = False
        self._window: list[tuple[int, Strip]] = []
        self._pattern: Pattern | None = None
        self._seeking: Iterator[int | None] | None = None

    def set_pages(self, pages: Passage, *, by_rows: bool) -> None:
        """Show other pieces, or the same ones set anew; what is read stays where it is."""
        self._seeking = None
        self._lines.clear()
        self._pages, self._by_rows = pages, by_rows
        self.view.top = min(self.view.top, max(0, len(pages) - 1))
        self._draw()

    def _lines_of(self, at: int) -> list[Strip]:
        lines = self._lines.get(at)
        if lines is None:
            lines = self._lines[at] = self._pages.lines(at)
            if len(self._lines) > _KEPT:
                del self._lines[next(iter(self._lines))]
        return lines

    # -- moving --------------------------------------------------------------------------------------------

    def action_move(self, by: int) -> None:
        """Scroll by a line; in the tree go to the next row."""
        if self._by_rows:
            self.view.go(self.view.cursor + by)
        else:
            self.view.scroll(by)
        self._moved()

    def action_page(self, by: int) -> None:
        """Scroll by a window, less two lines to keep one's place."""
        self.view.scroll(by * max(1, self.view.height - 2))
        self._moved()

    def action_top(self) -> None:
        """Go to the beginning."""
        self.view.show_at_top(0)
        self._moved()

    def action_bottom(self) -> None:
        """Go to the end."""
        if self._by_rows:
            self.view.go(len(self._pages) - 1)
        else:
            self.view.follow()
            self.view.layout()
            self.view.following = False
        self._moved()

    def _moved(self) -> None:
        self._seeking = None
        self._draw()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Scroll three lines."""
        event.stop()
        self.view.scroll(3)
        self._moved()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Scroll three lines."""
        event.stop()
        self.view.scroll(-3)
        self._moved()

    # -- looking for text ----------------------------------------------------------------------------------

    def look_for(self, pattern: Pattern | None) -> None:
        """Mark this wherever it is seen."""
        self._pattern = pattern
        self._seeking = None
        self.refresh()

    def next_hit(self, by: int, *, again: bool = False) -> None:
        """Scroll to the next or previous line that holds what is looked for; tell where there is none.

        A text may be long: it is looked through in slices, until one is found or the user moves. With `again`
        it is looked through from its beginning, or its end, and nothing is told.
        """
        if self._pattern is not None:
            here = -1 if again else self.view.cursor if self._by_rows else self.view.top
            places = range(len(self._pages))
            if not again:
                places = places[here:] if by > 0 else places[: here + 1]
            self._seeking = self._hits(places, here, by)
            self._seek(by, self._seeking, again)

    def _seek(self, by: int, seeking: Iterator[int | None], again: bool) -> None:
        if self._seeking is not seeking:
            return
        deadline = perf_counter() + SLICE
        for found in seeking:
            if found is not None:
                self._seeking = None
                self._show_hit(found, by, again)
                return
            if perf_counter() > deadline:
                soon(self, PAUSE, lambda: self._seek(by, seeking, again))
                return
        self._seeking = None
        if not again:
            self.post_message(self.Exhausted(by))

    def _hits(self, places: range, here: int, by: int) -> Iterator[int | None]:
        """Those of the pieces that hold what is looked for, beyond the one that is read; None for others.

        What is folded away below a piece comes after it, and is shown when it is found.
        """
        for at in places if by > 0 else reversed(places):
            if by < 0 and at != here:
                yield from self._hidden_hits(at, by)
            yield at if self._holds(self._pages.text(at)) and self._beyond(at, here, by) else None
            if by > 0:
                yield from self._hidden_hits(at, by)

    def _hidden_hits(self, at: int, by: int) -> Iterator[int | None]:
        for text, show in self._pages.hidden(at, by):
            if self._holds(text):
                shown = show()
                self._lines.clear()
                yield shown
                return  # the pieces are others now
            yield None

    def _holds(self, text: str) -> bool:
        try:
            return self._pattern is not None and self._pattern.holds(text)
        except TooSlowError:
            return False

    def _beyond(self, at: int, here: int, by: int) -> bool:
        """Whether a hit in a piece is not the one that is read now."""
        if at != here:
            return True
        if self._by_rows:
            return False
        return any((y - self.view.top_line) * by > 0 for y in self._hit_lines(at))

    def _hit_lines(self, at: int) -> list[int]:
        """Lines of a piece that hold what is looked for; its first where the hit is wrapped."""
        return [y for y, line in enumerate(self._lines_of(at)) if self._spans(line)] or [0]

    def _show_hit(self, at: int, by: int, again: bool) -> None:
        view = self.view
        if self._by_rows:
            view.go(at)
        else:
            lines = self._hit_lines(at)
            if at == view.top and not again:
                lines = [y for y in lines if (y - view.top_line) * by > 0]
            before = view.top, view.top_line
            view.show_at_top(at)
            view.top_line = lines[0 if by > 0 else -1]
            view.layout()
            if by > 0 and not again and (view.top, view.top_line) <= before:
                self.post_message(self.Exhausted(by))  # the end is seen already
        self._draw()

    def _spans(self, line: Strip) -> list[tuple[int, int]]:
        try:
            return list(self._pattern.spans(line.text)) if self._pattern is not None else []
        except TooSlowError:
            return []

    # -- drawing -------------------------------------------------------------------------------------------

    def _draw(self) -> None:
        self.view.height = max(1, self.size.height - 1)
        self._window = self.view.layout() if len(self._pages) else []
        self.refresh()

    def _heading(self, width: int) -> Strip:
        """The line above the text."""
        raise NotImplementedError

    @property
    def _share(self) -> str:
        """How far one has read, where not all of it is seen."""
        last = self._window[-1][0] + 1 if self._window else 0
        whole = not self.view.top and not self.view.top_line and last >= len(self._pages)
        return "" if whole else f"{last / max(1, len(self._pages)):.0%}"

    def render(self) -> RenderResult:
        """Not used: `render_line` draws."""
        return ""

    def render_line(self, y: int) -> Strip:
        """The title, or one line of the text."""
        width = self.size.width
        if not y:
            return self._heading(width).adjust_cell_length(width, self.rich_style)
        if not 0 < y <= len(self._window):
            return Strip.blank(width, self.rich_style)
        at, line = self._window[y - 1]
        found = self._spans(line)
        line = line.adjust_cell_length(width, self.rich_style)
        if self._by_rows and at == self.view.cursor:
            cursor = self.get_component_rich_style("window--cursor")
            over = Style(bgcolor=cursor.bgcolor, reverse=cursor.reverse)
            line = Strip([Segment(text, (style or Style()) + over) for text, style, _ in line], width)
        if found:
            line = highlight(line, found, self.get_component_rich_style("window--found"))
        return line
