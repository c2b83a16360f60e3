"""A line to write on, for what is looked for, a filter, a place or a note.

Owns the line while it is written and the lines written before, by kind. Invariants: what is written is the
user's own; what is said about it is plain text; nothing happens to the session here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

from cma_tui.text import first_line
from cma_tui.ui.keys import bindings


class Prompt(Horizontal):
    """A label, the line, and what is said about it."""

    DEFAULT_CSS = """
    Prompt { height: 1; width: 1fr; display: none; background: $surface; padding: 0 1; }
    Prompt.-open { display: block; }
    Prompt > #label { width: auto; color: $accent; text-style: bold; }
    Prompt > Input, Prompt > Input:focus { width: 1fr; min-width: 12; height: 1; border: none; padding: 0;
                                           background: $surface; }
    Prompt > #said { width: auto; max-width: 60%; padding-left: 2; color: $cma-quiet;
                      text-wrap: nowrap; text-overflow: ellipsis; }
    """
    BINDINGS: ClassVar[list[BindingType]] = bindings(
        {"prompt.earlier": "earlier(1)", "prompt.later": "earlier(-1)", "prompt.leave": "cancel"}
    )

    class Changed(Message):
        """The line has another text."""

        def __init__(self, kind: str, text: str) -> None:
            self.kind, self.text = kind, text
            super().__init__()

    class Accepted(Changed):
        """The user means what is written."""

    class Cancelled(Changed):
        """The user does not want it after all."""

    def __init__(self) -> None:
        super().__init__()
        self.kind = ""
        """What is asked for; empty when nothing is."""
        self._label = Static(id="label", markup=False)
        self._input = Input(select_on_focus=False)
        self._said = Static(id="said", markup=False)
        self._before: dict[str, list[str]] = {}
        self._at = 0

    def compose(self) -> ComposeResult:
        """One line."""
        yield self._label
        yield self._input
        yield self._said

    @property
    def is_open(self) -> bool:
        """Whether the line is there."""
        return bool(self.kind)

    @property
    def text(self) -> str:
        """What is written."""
        return self._input.value

    def offer(self, kind: str, texts: Sequence[str]) -> None:
        """Texts that ↑ brings, the last first."""
        self._before[kind] = list(texts)

    def ask(self, kind: str, label: str, text: str = "", said: str = "") -> None:
        """Open the line."""
        self.kind, self._at = kind, 0
        self.add_class("-open")
        self._label.update(Content(f"{label} "))
        with self._input.prevent(Input.Changed):
            self._input.value = text
        self._input.cursor_position = len(text)
        self.say(said)
        self._input.focus()

    def say(self, text: str, *, wrong: bool = False) -> None:
        """Say something about what is written."""
        self._said.update(Content.styled(first_line(text, 200), "$error" if wrong else ""))

    def close(self) -> None:
        """Take the line away."""
        self.kind = ""
        self.remove_class("-open")

    def action_cancel(self) -> None:
        """Take the line away; nothing is meant."""
        self.post_message(self.Cancelled(self.kind, self.text))

    def action_earlier(self, by: int) -> None:
        """Bring a text that was written before."""
        before = self._before.get(self.kind, [])
        self._at = max(0, min(len(before), self._at + by))
        self._input.value = before[-self._at] if self._at else ""
        self._input.cursor_position = len(self._input.value)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Tell what is written."""
        event.stop()
        if self.is_open:
            self.post_message(self.Changed(self.kind, event.value))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Tell what is meant, and keep it for later."""
        event.stop()
        before = self._before.setdefault(self.kind, [])
        if event.value and event.value not in before[-1:]:
            before.append(event.value)
        self.post_message(self.Accepted(self.kind, event.value))

    def on_click(self, event: events.Click) -> None:
        """The mouse does not leave the line."""
        event.stop()
