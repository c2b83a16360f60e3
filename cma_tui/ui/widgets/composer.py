"""Where the user writes.

Owns the text that is being written, and what it is for. Invariants: text leaves the composer only to an
outbox that keeps it on disk; what was written for another purpose comes back; a paste of any size, with
or without a terminal's brackets, is text and never a key.
"""

from __future__ import annotations

from typing import ClassVar, Literal, NamedTuple

from textual import events
from textual.binding import BindingType
from textual.message import Message
from textual.timer import Timer
from textual.widgets import TextArea

from cma_tui.text import printable
from cma_tui.ui.drive.asked import Asked
from cma_tui.ui.drive.slash import completed
from cma_tui.ui.keys import bindings, keymap_of, pressed

How = Literal["now", "idle", "redirect"]
"""When to send: now, when the agent rests, or now with an interrupt before it in the same request."""

_WRITE = "Write to the agent"
_PASTED = 0.03
"""Seconds after Enter in which another key means that it was pasted."""


class Aim(NamedTuple):
    """What is being written, when it is not a message."""

    kind: Literal["reason", "result"]
    asked: list[Asked]
    words: str
    """For the line above."""


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
    BINDINGS: ClassVar[list[BindingType]] = bindings(
        {
            "composer.new-line": "newline",
            "composer.send-later": "send('idle')",
            "composer.redirect": "send('redirect')",
            "composer.editor": "editor",
            "composer.complete": "complete",
            "composer.leave": "leave",
        },
        priority=("composer.complete",),
    )

    KEYS = ("composer.send", "composer.earlier", "composer.later")
    """What is looked at here: Enter may be the end of a paste, and the arrows move the cursor first."""

    class Sent(Message):
        """The user wants this text sent."""

        def __init__(self, text: str, how: How, aim: Aim | None) -> None:
            self.text = text
            self.how = how
            self.aim = aim
            super().__init__()

    class Left(Message):
        """The user goes back to the timeline."""

    class Back(Message):
        """The user goes back from something else to the message."""

    class TakeBack(Message):
        """The user wants to change what waits in the outbox last, or to recall what was sent before."""

    class Editor(Message):
        """The user wants to write in an editor."""

    def __init__(self) -> None:
        super().__init__(
            "",
            soft_wrap=True,
            show_line_numbers=False,
            compact=True,
            tab_behavior="focus",
            highlight_cursor_line=False,
        )
        self.placeholder = _WRITE
        self.aim: Aim | None = None
        self.waiting = 0
        """Entries of the outbox that can be taken back."""
        self._draft = ""
        """The message that waits while something else is written."""
        self._history: list[str] = []
        self._recalled = 0
        self._enter: Timer | None = None
        self._entered_at = 0.0
        self._pasting = False

    # -- keys ------------------------------------------------------------------------------------------

    async def _on_key(self, event: events.Key) -> None:
        if self._enter is not None:
            self._enter.stop()
            if event.time - self._entered_at < _PASTED:  # right behind it: no hand is that fast
                self._enter = None
                self._pasting = True
                self.insert("\n")
            else:
                self._entered()
        meant = pressed(self, event, self.KEYS)
        if meant == "composer.send":
            event.stop()
            event.prevent_default()
            self._entered_at = event.time
            self._enter = self.set_timer(_PASTED, self._entered)
        elif meant == "composer.earlier" and self.cursor_at_first_line and not self.text and self.waiting:
            event.stop()
            event.prevent_default()
            self.post_message(self.TakeBack())
        elif meant == "composer.earlier" and self.cursor_at_first_line and self._history:
            self._recall(event, -1)
        elif meant == "composer.later" and self.cursor_at_last_line and self._recalled < len(self._history):
            self._recall(event, 1)
        else:
            await super()._on_key(event)

    def on_resize(self) -> None:
        """Say as much as fits."""
        self._say_how()

    def on_mount(self) -> None:
        """Without motion the cursor does not blink."""
        if self.app.animation_level == "none":
            self.cursor_blink = False

    def _entered(self) -> None:
        """Enter, and nothing right behind it: the end of a paste, or the user's word."""
        self._enter = None
        if self._pasting:
            self._pasting = False
            self.insert("\n")
        else:
            self.action_send("now")

    def action_send(self, how: How) -> None:
        """Hand the text over, if anything of it can be sent."""
        if cleaned(self.text)[0].strip():
            self.post_message(self.Sent(self.text, how, self.aim))

    def action_newline(self) -> None:
        """Begin a new line."""
        self.insert("\n")

    def action_leave(self) -> None:
        """Back to the message, or to the timeline; the draft stays."""
        if self.aim is not None:
            self.aim_at(None)
            self.post_message(self.Back())
        else:
            self.post_message(self.Left())

    def action_editor(self) -> None:
        """Write in an editor."""
        self.post_message(self.Editor())

    def action_complete(self) -> None:
        """Complete the command or the file's name that is being written."""
        row, column = self.cursor_location
        line = self.document.get_line(row)
        made = completed(line[:column], first=row == 0)
        if made is not None:
            self.replace(made, (row, 0), (row, column))
        else:
            self.screen.focus_next()

    # -- what is written -------------------------------------------------------------------------------

    def aim_at(self, aim: Aim | None) -> None:
        """Write something else for a while; the message comes back afterwards."""
        if (self.aim is None) == (aim is None):
            self.aim = aim
            return
        if aim is not None:
            self._draft, text = self.text, ""
        else:
            self.remember(self.text)
            self._draft, text = "", self._draft
        self.aim = aim
        self._say_how()
        self.write(text)

    def _say_how(self) -> None:
        """What an empty line says, as far as it fits."""
        keymap, width = keymap_of(self), self.size.width
        if self.aim is not None:
            sends, back = keymap.hint("sends it", "composer.send"), keymap.hint("goes back", "composer.leave")
            self.placeholder = f"{sends}, {back}"
            return
        sends = keymap.hint("sends", "composer.send")
        long = f"{_WRITE}, {sends}, / for commands, @file attaches"
        said = (long, f"{_WRITE}, {sends}", _WRITE)
        self.placeholder = next((text for text in said if len(text) < width), _WRITE)

    @property
    def message(self) -> str:
        """The message that is not sent yet, whatever is written just now."""
        return self.text if self.aim is None else self._draft

    def write(self, text: str) -> None:
        """Put a text in place of what is there."""
        self.text = text
        self.move_cursor(self.document.end)

    def remember(self, text: str) -> None:
        """Let a text be recalled with ↑."""
        if text.strip() and (not self._history or self._history[-1] != text):
            self._history.append(text)
        self._recalled = len(self._history)

    def taken(self, text: str) -> None:
        """The text is in good hands: it is no draft any more."""
        self.remember(text)
        if self.text.startswith(text):  # what was typed since stays
            self.write(self.text[len(text) :])

    def _recall(self, event: events.Key, by: int) -> None:
        """Bring back a message sent before; a draft that was never sent is not overwritten."""
        if self.text and (self._recalled >= len(self._history) or self.text != self._history[self._recalled]):
            return
        event.stop()
        event.prevent_default()
        self._recalled = max(0, min(self._recalled + by, len(self._history)))
        self.write(self._history[self._recalled] if self._recalled < len(self._history) else "")


def cleaned(text: str) -> tuple[str, int]:
    """A text as it is sent: without control characters but line ends and tabs, and how many were there."""
    kept = "".join(
        c for c in text.replace("\r\n", "\n").replace("\r", "\n") if c in "\n\t" or not _control(c)
    )
    return kept, len(text.replace("\r\n", "\n")) - len(kept)


def _control(character: str) -> bool:
    """Whether it controls terminals, or is half a character, which cannot be sent."""
    return ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0 or 0xD800 <= ord(character) < 0xE000


def shown(text: str) -> str:
    """A text of the user's on one line."""
    return printable(" ".join(text.split()), cap=400)
