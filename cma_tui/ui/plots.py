"""Plots made of characters: one cell wide in every font, read without colours.

Owns how numbers become columns. Invariants: a plot costs what it shows, whatever there is; a value that is
not known is a gap, never a zero.
"""

from __future__ import annotations

from collections.abc import Sequence

_EIGHTHS = " ▁▂▃▄▅▆▇█"

Values = Sequence[float | None]


def spark(values: Values, width: int) -> str:
    """The last values as one line of columns."""
    return columns(values, width, 1)[0]


def columns(values: Values, width: int, height: int) -> list[str]:
    """The last values as columns so many lines high, from the top; each is scaled to the highest shown."""
    shown = list(values[-width:]) if width > 0 else []
    top = max((value for value in shown if value is not None), default=0) or 1
    lines = [""] * height
    for value in shown:
        steps = 0 if value is None else max(1, round(value / top * height * 8))
        for line in range(height):
            inside = min(8, max(0, steps - (height - 1 - line) * 8))
            lines[line] += _EIGHTHS[inside] if value is not None else ("·" if line == height - 1 else " ")
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
