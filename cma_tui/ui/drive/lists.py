"""A page of lines over the screen: the commands, the files.

Owns nothing but the page. Invariant: any of the keys that leave something closes it.
"""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from cma_tui.text import printable


class Listing(ModalScreen[None]):
    """Lines to read."""

    DEFAULT_CSS = """
    Listing { align: center bottom; }
    Listing > VerticalScroll { width: 100%; height: auto; max-height: 90%; background: $surface; padding: 0 1;
                               border: round $accent; border-title-color: $accent;
                               scrollbar-size-vertical: 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter", "dismiss", "close", show=False),
        Binding("j", "scroll(1)", "down", show=False),
        Binding("k", "scroll(-1)", "up", show=False),
    ]

    def __init__(self, title: str, text: str) -> None:
        super().__init__()
        self._title = title
        self._text = printable(text, lines=True, cap=200_000)

    def compose(self) -> ComposeResult:
        """The page."""
        with VerticalScroll() as page:
            page.border_title = Content(f"{self._title}   Esc closes")
            yield Static(Content(self._text), markup=False)

    def action_scroll(self, by: int) -> None:
        """A line up or down."""
        self.query_one(VerticalScroll).scroll_relative(y=by, animate=False)
