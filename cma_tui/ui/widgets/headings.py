"""The heading of a turn as a strip: its number, what was asked, and its figures.

Owns the words of a heading. Invariant: the figures are the book's, each with its mark; what it has not
counted yet is not told.
"""

from __future__ import annotations

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from cma_tui.report.rows import row as words
from cma_tui.report.words import stop_words
from cma_tui.session.book import Book
from cma_tui.session.elapsed import seconds
from cma_tui.session.model import Session, Turn
from cma_tui.text import duration, first_line
from cma_tui.ui.counting import amount
from cma_tui.ui.widgets.rowview import fit


def draw(
    session: Session, turn: Turn, width: int, book: Book, *, folded: bool, style: Style, quiet: Style
) -> Strip:
    """The heading, exactly as wide as asked."""
    left = f" {'▸' if folded else '▾'} {turn.index + 1:<3} "
    right = figures(session, turn, width, book)
    said = Segment(fit(title(session, turn), max(0, width - len(left) - len(right) - 3)), style)
    gap = max(0, width - len(left) - said.cell_length - len(right) - 1)
    return Strip(
        [Segment(left, style), said, Segment(" " * gap, style), Segment(right + " ", quiet)]
    ).adjust_cell_length(width, style)


def title(session: Session, turn: Turn) -> str:
    """The first line of what began the turn."""
    for index in turn.inputs:
        said = words(session, index)
        if said is not None and said.text.strip():
            return first_line(said.text, 200)
    return "(no message)" if turn.ended else ""


def figures(session: Session, turn: Turn, width: int, book: Book) -> str:
    """How long, how many, how much, and how it ended unless it ended well."""
    parts = []
    if book.grows_with is session and turn.index < len(book.turns):
        sums, cost = book.turns[turn.index], book.cost(turn.index)
        if sums.wall_us >= 0:
            parts.append(duration(seconds(sums.wall_us)))
        if width >= 70:
            least = "≥" if book.at_least(sums) else ""
            parts.append(least + plural(sums.model_requests, "request"))
            parts.append(least + plural(sums.tool_uses, "tool"))
        if cost.nano or cost.mark == "exact":
            parts.append(amount(cost))
    if turn.interrupted:
        parts.append("interrupted")
    elif turn.ended and turn.stop_reason not in ("end_turn", None):
        parts.append(stop_words(turn.stop_reason))
    return " · ".join(parts)


def plural(number: int, noun: str) -> str:
    """`1 tool`, `2 tools`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
