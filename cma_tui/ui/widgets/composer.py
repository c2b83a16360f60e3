"""Where the user writes.

Owns the draft. Invariant: text leaves the composer only when the server has accepted it; a paste of
any size is text, never a key.
"""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import TextArea


class Composer(TextArea):
    """A message to the agent. Enter sends, Ctrl+J or Alt+Enter begins a new line."""

    DEFAULT_CSS = """
    Composer {
        height: auto; max-height: 8; min-height: 1; width: 1fr; border: none; padding: 0 1;
        background: $surface; color: $foreground; scrollbar-size-vertical: 1;
    }
    Composer:focus { border: none; background: $panel; }
    Composer .text-area--cursor-line { background: transparent; }
    Composer .text-area--placeholder { color: $cma-quiet; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+j,alt+enter,shift+enter", "newline", "new line", show=False),
        Binding("escape", "leave", "to the timeline", show=False),
    ]

    class Sent(Message):
        """The user wants this text sent."""

        def __init__(self, text: str) -> None:
            self.text = text
            super().__init__()

    class Left(Message):
        """The user goes back to the timeline."""

    def __init__(self) -> None:
        super().__init__(
            "",
            soft_wrap=True,
            show_line_numbers=False,
            compact=True,
            tab_behavior="focus",
            highlight_cursor_line=False,
        )
        self.placeholder = "Write to the agent, Enter sends"
        self._history: list[str] = []
        self._recalled = 0

    async def _on_key(self, event: events.Key) -> None:
        if event.key == "enter":
            event.stop()
            event.prevent_default()
            if self.text.strip():
                self.post_message(self.Sent(self.text))
        elif event.key == "up" and self.cursor_at_first_line and self._history:
            self._recall(event, -1)
        elif event.key == "down" and self.cursor_at_last_line and self._recalled < len(self._history):
            self._recall(event, 1)
        else:
            await super()._on_key(event)

    def _recall(self, event: events.Key, by: int) -> None:
        """Bring back a message sent before; a draft that was never sent is not overwritten."""
        if self.text and (self._recalled >= len(self._history) or self.text != self._history[self._recalled]):
            return
        event.stop()
        event.prevent_default()
        self._recalled = max(0, min(self._recalled + by, len(self._history)))
        self.text = self._history[self._recalled] if self._recalled < len(self._history) else ""
        self.move_cursor(self.document.end)

    def accepted(self, text: str) -> None:
        """The server has the text: it is no draft any more, unless it has been changed meanwhile."""
        self._history.append(text)
        self._recalled = len(self._history)
        if self.text == text:
            self.text = ""

    def action_newline(self) -> None:
        """Begin a new line."""
        self.insert("\n")

    def action_leave(self) -> None:
        """Back to the timeline, the draft stays."""
        self.post_message(self.Left())
