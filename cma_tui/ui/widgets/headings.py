"""The heading of a turn as a strip: its number, what was asked, and its figures.

Owns the words of a heading, and which of its figures give way to what was asked. Invariant: the figures are
the book's, each with its mark; what it has not counted yet, and of what there was none, is not told.
"""

from __future__ import annotations

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from cma_tui.report.rows import row as words
from cma_tui.report.words import stop_words
from cma_tui.session.book import Book
from cma_tui.session.elapsed import seconds
from cma_tui.session.model import Session, Turn
from cma_tui.text import duration, first_line
from cma_tui.ui.cells import fit, strip, weightiest
from cma_tui.ui.counting import amount

_BETWEEN = " · "
_TITLE = 0.4
"""The share of a heading that what was asked may take before figures do."""


def draw(
    session: Session, turn: Turn, width: int, book: Book, *, folded: bool, style: Style, quiet: Style
) -> Strip:
    """The heading, exactly as wide as asked."""
    left = f" {'▸' if folded else '▾'} {turn.index + 1:<3} "
    room = max(0, width - len(left) - 1)
    asked = title(session, turn)
    right = fit(figures(session, turn, book, room - 2 - min(cell_len(asked), round(room * _TITLE))), room)
    said = Segment(fit(asked, room - cell_len(right) - 2), style)
    gap = max(0, room - said.cell_length - cell_len(right))
    parts = [Segment(left, style), said, Segment(" " * gap, style), Segment(right + " ", quiet)]
    return strip(parts, width, style, len(left), len(left) + said.cell_length)


def title(session: Session, turn: Turn) -> str:
    """The first line of what began the turn."""
    for index in turn.inputs:
        said = words(session, index)
        if said is not None and said.text.strip():
            return first_line(said.text, 200)
    return "(no message)" if turn.ended else ""


def figures(session: Session, turn: Turn, book: Book, room: int) -> str:
    """How long, how many, how much, and how it ended unless it ended well; what does not fit is left out."""
    parts: list[tuple[int, str, str]] = []
    if book.grows_with is session and turn.index < len(book.turns):
        sums, cost = book.turns[turn.index], book.cost(turn.index)
        if sums.wall_us >= 0:
            parts.append((2, duration(seconds(sums.wall_us)), ""))
        least = "≥" if book.at_least(sums) else ""
        counts = (4, sums.model_requests, "request"), (3, sums.tool_uses, "tool")
        parts += [(weight, least + plural(number, noun), "") for weight, number, noun in counts if number]
        if cost.nano or cost.mark == "exact":
            parts.append((1, amount(cost), ""))
    if turn.interrupted:
        parts.append((0, "interrupted", ""))
    elif turn.ended and turn.stop_reason not in ("end_turn", None):
        parts.append((0, stop_words(turn.stop_reason), ""))
    return _BETWEEN.join(text for _, text, _ in weightiest(parts, _BETWEEN, room))


def outcome(turn: Turn) -> tuple[str, str]:
    """How a turn ended, or stands, and the tone of that."""
    if turn.interrupted:
        return "interrupted", "wait"
    if not turn.ended:
        return ("needs an answer", "wait") if turn.waiting else ("running", "note")
    if turn.stop_reason in ("end_turn", None):
        return "ok", "ok"
    return stop_words(turn.stop_reason), "bad"


def plural(number: int, noun: str) -> str:
    """`1 tool`, `2 tools`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
