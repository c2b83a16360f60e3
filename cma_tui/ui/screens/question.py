"""A line to be written: asked for over the screen, given back when Enter is pressed.

Owns nothing but the asking. Invariant: Esc gives back None, and nothing else happens.
"""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from cma_tui.ui.keys import bindings


class Question(ModalScreen[str | None]):
    """One question, one line."""

    DEFAULT_CSS = """
    Question { align: left bottom; background: transparent; }
    Question > Static { height: auto; max-height: 3; width: 1fr; padding: 0 1; background: $surface;
                        color: $accent; }
    Question > Input { height: 1; width: 1fr; border: none; padding: 0 1; background: $surface; }
    Question > Input:focus { border: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = bindings({"prompt.leave": "leave"})

    def __init__(self, question: str) -> None:
        super().__init__()
        self._question = Static(question, markup=False)
        self._input = Input(select_on_focus=False)

    def compose(self) -> ComposeResult:
        """The question and the line."""
        yield self._question
        yield self._input

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Give the line back."""
        event.stop()
        self.dismiss(event.value)

    def action_leave(self) -> None:
        """Never mind."""
        self.dismiss(None)
