"""A question whose answer is a word that has to be typed.

Owns the question. Invariant: only the whole word does it; Enter alone, or anything else, does not.
"""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from cma_tui.text import printable
from cma_tui.ui.keys import bindings, keymap_of


class Confirm(ModalScreen[bool]):
    """Dismisses with whether the word was typed."""

    DEFAULT_CSS = """
    Confirm { align: center bottom; }
    Confirm > Vertical { width: 100%; height: auto; background: $surface; padding: 0 1;
                         border: heavy $warning; }
    Confirm Input { border: none; height: 1; padding: 0; }
    """
    BINDINGS: ClassVar[list[BindingType]] = bindings({"prompt.leave": "leave"})

    def __init__(self, question: str, word: str) -> None:
        super().__init__()
        self._question = question
        self._word = word

    def compose(self) -> ComposeResult:
        """The question, and room for the word."""
        with Vertical():
            yield Static(Content(printable(self._question)), markup=False)
            back = keymap_of(self).hint("goes back", "prompt.leave")
            yield Static(Content(f"type {self._word} and Enter; {back}"), markup=False)
            yield Input(placeholder=self._word)

    def on_input_submitted(self, message: Input.Submitted) -> None:
        """The word, or not."""
        message.stop()
        if message.value.strip() == self._word:
            self.dismiss(True)

    def action_leave(self) -> None:
        """Do nothing."""
        self.dismiss(False)
