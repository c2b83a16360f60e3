"""The last line: which keys matter now, or what just went wrong.

Owns the choice of the keys. Invariant: one line, cut to the width, never over anything else.
"""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

from cma_tui.text import first_line

_READ = (
    "? help",
    "Enter detail",
    "/ find",
    "f filter",
    "] [ turns",
    "e errors",
    "Ctrl+O density",
    "Space expand",
    "q leave",
)
_DRIVE = (
    "? help",
    "i write",
    "Esc timeline",
    "Enter detail",
    "/ find",
    "f filter",
    "x x interrupt",
    "] [ turns",
    "e errors",
    "q leave",
)
_REPLAY = ("? help", "Space play", ". step", "+ - speed", "Enter detail", "] [ turns", "e errors", "q leave")
_DETAIL = ("? help", "Esc back", "r words or raw JSON", "j k scroll", "g G top, end")


class Hints(Static):
    """Keys, or a message until the next one."""

    DEFAULT_CSS = """
    Hints { height: 1; width: 1fr; padding: 0 1; color: $cma-quiet; background: $background; }
    """

    def __init__(self, *, replay: bool) -> None:
        super().__init__(markup=False)
        self._keys: tuple[str, ...] = _REPLAY if replay else _READ
        self._replay = replay
        self._said: tuple[str, str] | None = None

    def say(self, text: str, style: str) -> None:
        """Show a message in place of the keys; an empty one brings them back."""
        self._said = (first_line(text, 300), style) if text else None
        self._render_line()

    def show(self, *, can_send: bool, detail: bool, error: BaseException | None) -> None:
        """Draw the line for this moment: of a detail, of what can be driven, or of what can be read."""
        self._keys = _DETAIL if detail else _REPLAY if self._replay else _DRIVE if can_send else _READ
        if error is not None and self._said is None:
            self._said = (first_line(str(error), 300), "$error")
        self._render_line()

    def on_resize(self) -> None:
        """Cut it anew."""
        self._render_line()

    def _render_line(self) -> None:
        width = max(8, self.size.width)
        if self._said is not None:
            self.update(Content.styled(*self._said).truncate(width, ellipsis=True))
            return
        line = ""
        for key in self._keys:
            if len(line) + len(key) + 3 > width:
                break
            line = f"{line}   {key}" if line else key
        self.update(Content(line))
