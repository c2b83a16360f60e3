"""The marks of a log, to choose one to go to.

Owns the list. Invariant: what notes and events say is printable before it is shown, and is never markup.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from cma_tui.marks import Mark
from cma_tui.player import Player
from cma_tui.report.rows import row
from cma_tui.text import first_line, offset
from cma_tui.ui.keys import bindings, keymap_of

_MOST = 400
"""Marks that are listed: the nearest ones."""


class MarkList(ModalScreen[int | None]):
    """Gives back the moment that was chosen."""

    DEFAULT_CSS = """
    MarkList { align: center middle; background: transparent; }
    MarkList > Static { width: 90%; max-width: 100; height: 1; padding: 0 1; background: $surface;
                        color: $accent; }
    MarkList > OptionList { width: 90%; max-width: 100; height: auto; max-height: 80%; background: $surface;
                            border: none; text-wrap: nowrap; text-overflow: ellipsis; }
    MarkList > OptionList:focus { border: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = bindings(
        {"panel.leave": "leave", "player.marks": "leave", "move.down": "down", "move.up": "up"}
    )

    def __init__(self, player: Player) -> None:
        super().__init__()
        marks = player.marks.list
        here = bisect_left(marks, player.step, key=lambda mark: mark.step)
        start = max(0, min(here - _MOST // 2, len(marks) - _MOST))
        self._marks = marks[start : start + _MOST]
        self._player = player
        self._options = OptionList(*(Option(self._line(mark)) for mark in self._marks), markup=False)
        self._near = max(0, min(here - start, len(self._marks) - 1))

    def _line(self, mark: Mark) -> Content:
        player = self._player
        session = player.feed.session
        at = player.moments.times[mark.step - 1]
        began = player.began
        said = mark.note
        owner = session.owners[mark.ordinal]
        if mark.kind == "turn" and (inputs := session.turns[session.items[owner].turn].inputs):
            owner = inputs[0]
        shown = row(session, owner) if owner >= 0 and not said else None
        if shown is not None:
            said = "  ".join(filter(None, (shown.name, shown.text or f"{shown.word} {shown.outcome}")))
        return Content.assemble(
            Content.styled(f"{offset(max(0.0, at - began)) if began is not None else '':>9}  ", "$cma-quiet"),
            f"{mark.kind:<10}  ",
            first_line(said, 200),
        )

    def compose(self) -> ComposeResult:
        """The list, under its title."""
        hint = keymap_of(self).hint
        leaves = hint("leaves", "panel.leave")
        words = (
            f"marks: Enter goes there, {leaves}"
            if self._marks
            else f"no marks here: {hint('sets one', 'player.mark')}, {leaves}"
        )
        yield Static(words, markup=False)
        yield self._options

    def on_mount(self) -> None:
        """Begin at the nearest."""
        self._options.focus()
        if self._marks:
            self._options.highlighted = self._near

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Go there."""
        event.stop()
        self.dismiss(self._marks[event.option_index].step)

    def action_down(self) -> None:
        """The next one."""
        self._options.action_cursor_down()

    def action_up(self) -> None:
        """The one before."""
        self._options.action_cursor_up()

    def action_leave(self) -> None:
        """Stay."""
        self.dismiss(None)
