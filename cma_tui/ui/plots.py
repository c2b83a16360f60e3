"""Plots made of characters: one cell wide in every font, read without colours.

Owns how numbers become columns. Invariants: a plot costs what it shows, whatever there is; a value that is
not known is a gap, never a zero.
"""

from __future__ import annotations

from collections.abc import Sequence

_EIGHTHS = " ▁▂▃▄▅▆▇█"
_THICK = 5
"""Cells of a column and its gap, at most."""

Values = Sequence[float | None]


def spark(values: Values, width: int) -> str:
    """The last values as one line of columns."""
    return columns(values, width, 1)[0]


def thickness(number: int, width: int) -> int:
    """How many cells each of so many columns may have, the gap beside it included."""
    return max(1, min(_THICK, width // number)) if number else 1


def columns(values: Values, width: int, height: int, *, thick: int = 1) -> list[str]:
    """The last values as columns so many lines high, from the top; each is scaled to the highest shown.

    Thick ones have a gap between them.
    """
    shown = list(values[-(width // thick) :]) if width >= thick else []
    top = max((value for value in shown if value is not None), default=0) or 1
    lines = [""] * height
    for value in shown:
        steps = 0 if value is None else max(1, round(value / top * height * 8))
        for line in range(height):
            inside = min(8, max(0, steps - (height - 1 - line) * 8))
            cell = _EIGHTHS[inside] if value is not None else ("·" if line == height - 1 else " ")
            lines[line] += cell * max(1, thick - 1) + " " * (thick > 2) + cell * (thick == 2)
    return [line.ljust(width) for line in lines]


def parts(shares: Sequence[tuple[str, float]], width: int) -> str:
    """A bar of several parts, each of its own character, together exactly as wide as asked."""
    whole = sum(share for _, share in shares)
    if whole <= 0 or width <= 0:
        return " " * max(0, width)
    bar, done, drawn = "", 0.0, 0
    for character, share in shares:
        done += share
        end = round(done / whole * width)
        bar += character * (end - drawn)
        drawn = end
    return bar


def meter(share: float, width: int) -> str:
    """How much of something is used up."""
    filled = min(width, max(0, round(share * width)))
    return "▰" * filled + "▱" * (width - filled)
