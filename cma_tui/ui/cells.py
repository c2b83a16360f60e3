"""Text in cells: cut, wrapped and put on lines.

Owns how much of a text finds room, and what shows that it was cut. Invariant: text is measured in cells,
never in characters.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from rich.cells import cell_len, chop_cells, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip


class Line(Strip):
    """A line of a row; from `begin` to before `end` is text that can be looked for, in cells."""

    __slots__ = ("begin", "end")

    def __init__(self, segments: Iterable[Segment], width: int, begin: int = 0, end: int = 0) -> None:
        super().__init__(segments, width)
        self.begin, self.end = begin, end


def strip(segments: list[Segment], width: int, base: Style, begin: int = 0, end: int = 0) -> Line:
    """One line, cut or filled to so many cells. The only `Strip` made of it: each is a dozen objects."""
    return Line(Segment.adjust_line_length(segments, width, base), width, begin, end)


def fit(text: str, width: int) -> str:
    """Text cut to so many cells; a cut shows as `…`."""
    if width <= 0:
        return ""
    if text.isascii():
        return text if len(text) <= width else text[: width - 1] + "…"
    return text if cell_len(text) <= width else set_cell_size(text, width - 1).rstrip() + "…"


def joined(parts: Sequence[str], between: str, width: int) -> str:
    """As many whole parts as fit on a line; what is left out shows as `…`."""
    line = between.join(parts)
    while len(parts) > 1 and cell_len(line) > width:
        parts = parts[:-1]
        line = f"{between.join(parts)} …"
    return fit(line, width)


def weightiest(parts: Sequence[tuple[int, str, str]], between: str, width: int) -> list[tuple[int, str, str]]:
    """The parts that fit on a line, in their order: the last of the highest number is left out first.

    Each part is how much it matters (0 the most), its text and its style.
    """
    kept = list(parts)
    while len(kept) > 1 and cell_len(between.join(text for _, text, _ in kept)) > width:
        least = max(weight for weight, _, _ in kept)
        del kept[max(at for at, part in enumerate(kept) if part[0] == least)]
    return kept


def wrap(text: str, width: int) -> list[str]:
    """Lines of at most so many cells, broken at spaces where there are some."""
    lines: list[str] = []
    for line in text.split("\n"):
        lines.extend(_wrap_line(line, max(1, width)))
    return lines


def _wrap_line(line: str, width: int) -> Sequence[str]:
    measure = len if line.isascii() and line.isprintable() else cell_len
    if measure(line) <= width:
        return (line,)
    lines: list[str] = []
    current, used = "", 0
    for n, word in enumerate(line.split(" ")):
        cells = measure(word)
        gap = 1 if n and (current or not lines) else 0  # no space begins a line but those of its indentation
        if current.strip() and used + gap + cells > width:
            lines.append(current)
            current, used, gap = "", 0, 0
        if used + gap + cells <= width:
            current, used = current + " " * gap + word, used + gap + cells
            continue
        indent = used + gap if used + gap + 2 <= width else 0  # two cells: room for any character
        first, *rest = chop_cells(word, width - indent) or [""]
        pieces = [" " * indent + first, *(chop_cells(word[len(first) :], width) if rest else ())]
        lines.extend(pieces[:-1])
        current, used = pieces[-1], cell_len(pieces[-1])
    lines.append(current)
    return lines


def highlight(line: Strip, spans: Iterable[tuple[int, int]], style: Style) -> Strip:
    """The line with these stretches of its text in a style of their own."""
    places = list(spans)
    if not places:
        return line
    segments: list[Segment] = []
    at = 0
    for text, own, _ in line:
        inside = sorted({0, len(text), *(min(max(n - at, 0), len(text)) for span in places for n in span)})
        for start, end in pairwise(inside):
            found = any(a <= at + start < b for a, b in places)
            segments.append(Segment(text[start:end], (own or Style()) + style if found else own))
        at += len(text)
    return Strip(segments, line.cell_length)
