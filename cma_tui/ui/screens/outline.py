"""The outline: the turns of a session, one line each, to find one and go there.

Owns the columns and the narrowing. Invariants: without a word a drawing costs what fits on the screen; with
one, the title of a turn is read once; what is written narrows and does nothing else.
"""

from __future__ import annotations

from typing import ClassVar

from rich.cells import set_cell_size
from textual import events
from textual.binding import BindingType

from cma_tui.session.cost import Amount
from cma_tui.session.figures import wall_us
from cma_tui.session.model import Session, Turn
from cma_tui.text import duration, first_line
from cma_tui.ui.cells import fit
from cma_tui.ui.counting import Counting, amount
from cma_tui.ui.keys import bindings, hint_of
from cma_tui.ui.screens.panel import PagePanel
from cma_tui.ui.widgets.headings import outcome, plural, title
from cma_tui.ui.widgets.page import Line, Page, spread

_WIDEST = 140
"""Cells of the table, however wide the screen: what belongs together is not far apart."""
_OUTCOME = 24
"""The most cells of how a turn ended; on a narrow page less."""
_NARROW = 70
_TIGHT = 50
"""Cells below which a page has no durations."""


class OutlineView(Page):
    """All of the panel, drawn line by line."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(
        {
            "outline.down": "move(1)",
            "outline.up": "move(-1)",
            "outline.page-down": "move(10)",
            "outline.page-up": "move(-10)",
            "outline.first": "move(-1000000000)",
            "outline.last": "move(1000000000)",
            "outline.open": "open",
            "outline.shorten": "shorten",
            "outline.leave": "close",
        }
    )

    def __init__(self, session: Session, at: int, counting: Counting) -> None:
        super().__init__(session, counting)
        self._cursor = max(0, at)
        self._top = 0
        self._wanted = ""
        self._titles: dict[str, str] = {}
        """By the key of a turn: what began it, in small letters."""

    def _turns(self) -> list[Turn]:
        """The turns that hold every word that is written."""
        words = self._wanted.lower().split()
        if not words:
            return self.session.turns
        return [turn for turn in self.session.turns if all(word in self._searched(turn) for word in words)]

    def _searched(self, turn: Turn) -> str:
        held = self._titles.get(turn.key)
        if held is None:
            held = f"{turn.index + 1} {title(self.session, turn)}".lower()
            if turn.ended:
                self._titles[turn.key] = held
        return held

    def lines(self, width: int, height: int) -> list[Line]:
        """The page."""
        turns = self._turns()
        self._cursor = max(0, min(self._cursor, len(turns) - 1))
        room = max(1, height - 3)
        self._top = max(0, min(max(self._top, self._cursor - room + 1), self._cursor))
        of = f"{len(turns):,} of " if self._wanted.strip() else ""
        head: Line = [(f"{of}{plural(len(self.session.turns), 'turn')}", "title")]
        if self._wanted:
            head.append((f"  with {first_line(self._wanted, 60)}", "wait"))
        lines = [spread(head, [("outline", "quiet")], width), [("", "")]]
        seen = turns[self._top : self._top + room]
        widest = max([len(outcome(turn)[0]) for turn in seen], default=0) + 2
        outcomes = min(_OUTCOME if width >= _NARROW else width // 4, widest)
        table = min(width, _WIDEST)
        for number, turn in enumerate(seen, self._top):
            line = self._line(turn, table, outcomes, number == self._cursor)
            lines.append([*line, (" " * (width - table), "cursor" if number == self._cursor else "")])
        lines += [[("", "")]] * (room - len(lines) + 2)
        keys = hint_of(
            self,
            width,
            ("go there", "outline.open"),
            ("choose", "outline.down", "outline.up"),
            ("back", "outline.leave"),
            before=("letters", "narrow"),
        )
        return [*lines, keys]

    def _line(self, turn: Turn, width: int, outcomes: int, here: bool) -> Line:
        under = "cursor " if here else ""
        ended, tone = outcome(turn)
        book, wall = self.counting.book, wall_us(turn)
        cost = book.cost(turn.index) if turn.index < len(book.turns) else Amount()
        ran = duration(None if wall is None else wall / 1_000_000)
        figures = f"{ran:>7}{amount(cost):>9}" if width >= _TIGHT else f"{amount(cost):>8}"
        numbers = len(str(len(self.session.turns))) + 2
        room = max(8, width - 2 - numbers - outcomes - len(figures))
        return [
            ("▸ " if here else "  ", under.strip()),
            (f"{turn.index + 1:<{numbers}}", f"{under}quiet"),
            (_cell(title(self.session, turn), room - 1) + " ", under.strip()),
            (_cell(ended, outcomes), f"{under}{tone}"),
            (figures, f"{under}quiet"),
        ]

    def on_key(self, event: events.Key) -> None:
        """What is written narrows."""
        if event.character is not None and event.is_printable:
            event.stop()
            self._wanted += event.character
            self._cursor = 0
            self.show()

    def action_shorten(self) -> None:
        """One letter less."""
        self._wanted = self._wanted[:-1]
        self.show()

    def action_move(self, by: int) -> None:
        """Move the cursor."""
        self._cursor += by
        self.show()

    def action_open(self) -> None:
        """Go to the turn."""
        turns = self._turns()
        if self._cursor < len(turns):
            turn = turns[self._cursor]
            self.screen.dismiss(turn.inputs[0] if turn.inputs else turn.first_item)

    def action_close(self) -> None:
        """What is written goes first, then the panel."""
        if self._wanted:
            self._wanted = ""
            self.show()
        else:
            super().action_close()


def _cell(text: str, width: int) -> str:
    return set_cell_size(fit(text, width - 1), width)


class Outline(PagePanel):
    """The panel."""

    def __init__(self, session: Session, at: int, counting: Counting) -> None:
        super().__init__(OutlineView(session, at, counting))
