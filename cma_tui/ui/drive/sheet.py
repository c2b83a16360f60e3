"""A sheet over the screen: lines to read to their end.

Owns the page and how it is scrolled. Invariants: what is on it is plain text; any of the keys that leave
something closes it.
"""

from __future__ import annotations

import re
from typing import ClassVar, Final

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen, ScreenResultType
from textual.widgets import Static

from cma_tui.text import printable
from cma_tui.ui.cells import wrap
from cma_tui.ui.keys import bindings, keymap_of

_COLUMN: Final = re.compile(r"\S.*?\s{2,}(?=\S)")
"""All before the second column of a line."""
_FRAME: Final = 5
"""Cells of the frame, what is inside it on both sides, and of its scroll bar."""


class Sheet(ModalScreen[ScreenResultType]):
    """Lines in a frame that says what they are and which keys there are."""

    DEFAULT_CSS = """
    Sheet { align: center bottom; }
    Sheet > VerticalScroll { width: 100%; height: auto; max-height: 90%; background: $surface; padding: 0 1;
                             border: round $accent; border-title-color: $accent; scrollbar-size-vertical: 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = bindings(
        {"panel.leave": "dismiss", "move.down": "scroll(1)", "move.up": "scroll(-1)"}
    )

    def __init__(self, title: str) -> None:
        super().__init__()
        self.page = VerticalScroll()
        self.page.border_title = Content(title)

    def keys(self) -> str:
        """What the frame says of the keys."""
        return keymap_of(self).hint("closes", "panel.leave")

    def words(self) -> Content:
        """What is on it, as wide as the screen is."""
        raise NotImplementedError

    def compose(self) -> ComposeResult:
        """The page."""
        self.page.border_subtitle = Content(self.keys())
        with self.page:
            yield Static(self.words(), markup=False)

    def on_mount(self) -> None:
        """The keys are the page's."""
        self.page.focus()

    def action_scroll(self, by: int) -> None:
        """A line up or down."""
        self.page.scroll_relative(y=by, animate=False)


class TextSheet(Sheet[None]):
    """Lines that are only read: the commands, the files."""

    BINDINGS: ClassVar[list[BindingType]] = bindings({"panel.close": "dismiss"})

    def __init__(self, title: str, text: str) -> None:
        super().__init__(title)
        self._text = printable(text, lines=True, cap=200_000)

    def words(self) -> Content:
        """The lines; what does not fit goes on below the column that it is in."""
        width = max(20, self.app.size.width - _FRAME)
        return Content("\n".join(part for line in self._text.split("\n") for part in _hung(line, width)))


def _hung(line: str, width: int) -> list[str]:
    column = _COLUMN.match(line)
    indent = cell_len(column[0]) if column is not None and cell_len(column[0]) < width // 2 else 0
    if cell_len(line) <= width or column is None or not indent:
        return wrap(line, width)
    first, *rest = wrap(line[column.end() :], width - indent)
    return [column[0] + first, *(" " * indent + part for part in rest)]
