"""The help: every key on one page."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from cma_tui.ui.keys import GROUPS


class Help(ModalScreen[None]):
    """Closes with any of the keys that opened it."""

    DEFAULT_CSS = """
    Help { align: center middle; }
    Help > VerticalScroll { width: 78; max-width: 100%; height: auto; max-height: 100%; background: $surface;
                            border: round $accent; border-title-color: $accent; padding: 1 2;
                            scrollbar-size-vertical: 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,f1", "dismiss", "close", show=False),
    ]

    def compose(self) -> ComposeResult:
        """The page."""
        with VerticalScroll() as page:
            page.border_title = Content("keys")
            yield Static(_page(), markup=False)


def _page() -> Content:
    lines: list[Content] = []
    for name, keys in GROUPS:
        if lines:
            lines.append(Content(""))
        lines.append(Content.styled(name, "$accent bold"))
        for key, does in keys:
            lines.append(Content.assemble(Content.styled(f"  {key:<26}", "bold"), does))
    return Content("\n").join(lines)
