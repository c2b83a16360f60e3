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
from cma_tui.ui.widgets.rowview import wrap

_WIDTH, _KEYS = 72, 28
"""Cells of a line, and of the keys before what they do."""


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
            first, *others = wrap(does, _WIDTH - _KEYS)
            lines.append(Content.assemble(Content.styled(f"  {key}".ljust(_KEYS), "bold"), first))
            lines.extend(Content(" " * _KEYS + other) for other in others)
    return Content("\n").join(lines)
