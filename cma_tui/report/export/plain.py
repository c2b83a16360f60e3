"""The plain lines of `tail`, of a part of a session.

Owns nothing but which items are written. Invariant: the same rows in the same words as on the screen.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cma_tui.report.export.part import Part, items_of
from cma_tui.report.lines import text_lines
from cma_tui.report.rows import level, row
from cma_tui.report.words import Density
from cma_tui.session.model import Session


def write(session: Session, part: Part, figures: dict[str, Any]) -> Iterator[str]:
    """One line a row, in the order of the log."""
    for index in sorted(items_of(session, part)):
        least = level(session, index)
        shown = row(session, index) if least is not None and least <= Density.NORMAL else None
        if shown is not None:
            yield "".join(f"{line}\n" for line in text_lines(shown))
