"""A sheet over the screen: lines to read to their end.

Owns the page and how it is scrolled. Invariants: what is on it is plain text; any of the keys that leave
something closes it.
"""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen, ScreenResultType
from textual.widgets import Static

from cma_tui.text import printable
from cma_tui.ui.keys import bindings, keymap_of


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
        """The lines."""
        return Content(self._text)
