"""A lane of the waterfall as one line: its bars, their words, and the axis behind them.

Owns where words find room: in their bar, after it, or before the last one. Invariant: a line is as wide as
the axis, and costs its columns, however many spans the lane has.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cma_tui.report import waterfall
from cma_tui.report.axis import Axis
from cma_tui.report.lanes import Span
from cma_tui.report.waterfall import Bar
from cma_tui.session.model import Session
from cma_tui.ui.widgets.page import Line

CURSOR: Final = "▸"
"""Stands before the bar under the cursor."""
_WORDED: Final = ("model", "grader", "tool")
"""Kinds of spans that have their words in the bar, where there is room."""


def backdrop(axis: Axis) -> str:
    """What stands behind the bars of every lane: the ticks, and where time is left out."""
    back = [" "] * axis.width
    for column, _ in axis.ticks():
        back[column] = "·"
    for first, last, _ in axis.gaps():
        back[first:last] = " " * (last - first)
        for column in (first, last - 1):
            if 0 < column < axis.width - 1:
                back[column] = "/"
    return "".join(back)


def lane_line(session: Session, bars: Sequence[Bar], here: Span | None, back: str, now: float) -> Line:
    """One lane's columns; `here` is the span under the cursor, where it is in this lane."""
    line: Line = []
    at = 0
    for number, bar in enumerate(bars):
        under = bar.holds(here)
        free = back[at : bar.first]
        after = (bars[number + 1].first - 1 if number + 1 < len(bars) else len(back)) - bar.last
        tone, bold = "bad" if bar.bad else waterfall.TONE[bar.span.kind], " title" if under else ""
        beside = f"{'bad' if bar.bad else '' if under else 'quiet'}{bold}"
        wide, said = bar.last - bar.first, waterfall.label(session, bar, now)
        inside = bar.span.kind in _WORDED and len(said) + 2 <= wide
        before = number + 1 == len(bars) and not inside and after <= len(said) < len(free) - 3
        if before and said:
            free, early = free[: -len(said) - 2], f"{said} "
            line += [(free, "quiet"), (CURSOR if under else " ", ""), (early, beside)]
        elif free:
            line += [(free[:-1], "quiet"), (CURSOR, "")] if under else [(free, "quiet")]
        at = bar.last
        if inside and said:
            line.append((f"{'! ' if bar.bad else '  '}{said}"[:wide].ljust(wide), f"in {tone}{bold}"))
            continue
        character = waterfall.fill(session, bar)
        line.append(((character * wide)[:-1] + ("!" if bar.bad else character), f"{tone}{bold}"))
        if said and not before and len(said) < after:
            line.append((f" {said}", beside))
            at = bar.last + len(said) + 1
    if at < len(back):
        line.append((back[at:], "quiet"))
    return line
