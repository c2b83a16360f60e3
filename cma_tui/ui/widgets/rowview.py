"""A row of the timeline as strips: words into columns, for one width and one look.

Owns the columns. Invariants: every strip is exactly as wide as asked; nothing that decides anything
stands to the right of text from outside, except in columns of their own that are cut for it; text
is cut and wrapped by cells, never by characters.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from io import StringIO
from itertools import pairwise
from typing import ClassVar

import msgspec
from markdown_it import MarkdownIt
from rich.cells import cell_len, chop_cells, set_cell_size
from rich.console import Console, ConsoleOptions, RenderResult
from rich.markdown import Heading, Markdown
from rich.segment import Segment
from rich.style import Style
from rich.syntax import ANSI_DARK, ANSISyntaxTheme, SyntaxTheme
from rich.theme import Theme
from textual.strip import Strip

from cma_tui.report.words import Row

TIME, SHORT_TIME = 8, 5
"""Cells of the time column, and of that of a row narrower than `NARROW`."""
WORD = 8
"""Cells of the word column."""
NARROW = 70
"""Cells below which the columns leave the text all they can."""
TIMELESS = 36
"""Cells below which a row has no time."""
DURATION = 7
FIGURE = 14
"""Cells of the size or tokens, on screens of at least `WIDE` cells."""
WIDE = 100
MEASURE = 100
"""The widest a message is set, however wide the screen: longer lines are hard to read."""

MARKDOWN_CAP = 16_000
_FENCES, _COLUMNS, _ROWS = 50, 20, 300
"""Blocks of code, and columns and rows of tables, up to which Markdown is set: more takes long."""
_PARSER = (
    MarkdownIt("commonmark", {"html": False})
    .enable(["strikethrough", "table"])
    .disable(["image", "reference"])
)


class Look(msgspec.Struct, frozen=True):
    """The styles a row is drawn in, and the key that it names."""

    base: Style
    time: Style
    quiet: Style
    head: Style
    turn: Style
    cursor: Style
    found: Style
    tones: dict[str, Style]
    """By `Row.tone` and `Row.outcome_tone`."""
    expand: str = ""
    """The key that shows all lines of a message."""

    def tone(self, name: str) -> Style:
        """The style of a family of rows or outcomes."""
        return self.tones.get(name, self.base)


def left_width(width: int, show_time: bool) -> int:
    """Cells before the text of a row of this width."""
    return 1 + (_time_width(width) if show_time else 0) + WORD + 1


def _time_width(width: int) -> int:
    """Cells of the time column with the space after it."""
    return 0 if width < TIMELESS else SHORT_TIME + 1 if width < NARROW else TIME + 2


def measure_in(room: int) -> int:
    """Cells of a line of a message, where there is so much room right of the columns."""
    return max(10, min(room - 1, MEASURE))


def draw(
    row: Row,
    width: int,
    look: Look,
    *,
    time: str | None,
    duration: str,
    limit: int | None,
    console: Console,
    body: list[list[Segment]] | None = None,
) -> list[Strip]:
    """All lines of a row.

    Args:
        row: what it says.
        width: cells of every line.
        look: its styles.
        time: the time column's text; None leaves the column out.
        duration: the duration column's text.
        limit: the most lines of a message; None for all.
        console: sets Markdown.
        body: the lines of a message that are set already, in `measure` cells.
    """
    left = _left(row, width, look, time)
    room = width - left_width(width, time is not None)
    if row.prose:
        return _prose(row, left, room, width, look, limit, console, body)
    lines = [_line(row, left, room, width, look, duration)]
    if row.aside:
        indent = width - room
        aside = [
            Segment(" " * (indent + 2) + "└ ", look.quiet),
            Segment(fit(row.aside, max(0, width - indent - 5)), look.quiet),
        ]
        lines.append(strip(aside, width, look.base))
    return lines


def strip(segments: list[Segment], width: int, base: Style) -> Strip:
    """One line, cut or filled to so many cells. The only `Strip` made of it: each is a dozen objects."""
    return Strip(Segment.adjust_line_length(segments, width, base), width)


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


def fit(text: str, width: int) -> str:
    """Text cut to so many cells; a cut shows as `…`."""
    if width <= 0:
        return ""
    if text.isascii():
        return text if len(text) <= width else text[: width - 1] + "…"
    return text if cell_len(text) <= width else set_cell_size(text, width - 1).rstrip() + "…"


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


def _left(row: Row, width: int, look: Look, time: str | None) -> list[Segment]:
    segments = [Segment(" ", look.base)]
    if time is not None and (cells := _time_width(width)):
        gap = "  " if width >= NARROW else " "
        segments.append(Segment(_time_cell(time, cells - len(gap)) + gap, look.time))
    segments.append(Segment(set_cell_size(fit(row.word, WORD), WORD) + " ", look.tone(row.tone)))
    return segments


def _time_cell(time: str, width: int) -> str:
    """The time cut from its least important end: its tenths, then its seconds."""
    if len(time) > width:
        clock, dot, _ = time.partition(".")
        time = clock
        if len(clock) > width and clock.count(":") == 2:
            hours, minutes, _ = clock.split(":")
            time = f"{hours}{'h' if dot else ':'}{minutes}"
    return fit(time, width).rjust(width)


def _line(row: Row, left: list[Segment], room: int, width: int, look: Look, duration: str) -> Strip:
    right: list[Segment] = []
    if row.outcome or duration or row.figure:
        right = [
            Segment(f"  {row.outcome}", look.tone(row.outcome_tone)),
            Segment("  " + duration.rjust(DURATION), look.quiet),
        ]
        if width >= WIDE:
            right.append(Segment("  " + fit(row.figure, FIGURE).rjust(FIGURE), look.quiet))
    right.append(Segment(" ", look.base))
    taken = sum(segment.cell_length for segment in right)
    space = max(0, room - taken)
    head = fit(row.head, space)
    body = [Segment(head, look.head)] if head else []
    rest = space - cell_len(head) - (2 if head else 0)
    if row.text and rest > 3:
        style = look.tone(row.tone) if row.tone == "error" else look.base
        body.append(Segment(("  " if head else "") + fit(row.text, rest), style))
    middle = Segment.adjust_line_length(body, space, look.base)
    return strip([*left, *middle, *right], width, look.base)


def _prose(
    row: Row,
    left: list[Segment],
    room: int,
    width: int,
    look: Look,
    limit: int | None,
    console: Console,
    body: list[list[Segment]] | None,
) -> list[Strip]:
    measure = measure_in(room)
    style = look.tone(row.tone)
    text = f"{row.head}: {row.text}" if row.head else row.text
    if body is not None:
        pass
    elif row.tone == "agent" and is_markdown(text):
        body = set_markdown(text, measure, style, console)
    else:
        body = [[Segment(line, style)] for line in wrap(text, measure)]
    hidden = 0
    if limit is not None and len(body) > limit:
        hidden = len(body) - limit
        body = body[:limit]
    indent = [Segment(" " * (width - room), look.base)]
    lines = [
        strip([*(indent if n else left), *line], width, look.base) for n, line in enumerate(body or [[]])
    ]
    note = f"… {hidden} more lines, {look.expand} shows them" if hidden else ""
    if row.outcome:
        note = f"{note}  {row.outcome}".strip()
    if note:
        lines.append(strip([*indent, Segment(fit(note, measure), look.quiet)], width, look.base))
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


Weight = tuple[int, int, int]
"""What setting Markdown costs: its characters, its fences, the rows of its tables."""
_LIMITS: Weight = (MARKDOWN_CAP, 2 * _FENCES, _ROWS)


def weight(text: str) -> Weight:
    """What setting this as Markdown would cost."""
    return len(text), text.count("```"), sum("|" in line for line in text.split("\n"))


def has_marks(text: str) -> bool:
    """Whether the text may hold Markdown."""
    return any(mark in text for mark in ("*", "`", "#", "|", "\n-", "\n1.", "["))


def is_markdown(text: str, beside: Weight = (0, 0, 0)) -> bool:
    """Whether the text is worth setting as Markdown, and small enough that setting it cannot freeze.

    `beside` is what of the same message is set already.
    """
    if len(text) > MARKDOWN_CAP or not has_marks(text):
        return False
    if any(sum(both) > most for *both, most in zip(beside, weight(text), _LIMITS, strict=True)):
        return False
    return max((line.count("|") for line in text.split("\n")), default=0) <= _COLUMNS + 1


class _Heading(Heading):
    """A heading at the left, of whatever level."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The line."""
        self.text.justify = "left"
        yield self.text


class _Document(Markdown):
    elements: ClassVar = Markdown.elements | {"heading_open": _Heading}


def set_markdown(text: str, width: int, style: Style, console: Console) -> list[list[Segment]]:
    """Markdown as lines of at most so many cells, without empty lines around it and without links.

    What Markdown would hide (tags, comments, where an image is) is shown as it was written.
    """
    document = _Document("", hyperlinks=False)
    document.code_theme = _code_theme(console)  # type: ignore[assignment]  # what sets it takes both
    document.parsed = _PARSER.parse(text)
    options = console.options.update(width=width, height=None)
    lines: list[list[Segment]] = []
    for line in console.render_lines(document, options, style=style, pad=False):
        empty = not any(segment.text.strip() for segment in line)
        if not empty:
            lines.append(line)
        elif lines and lines[-1]:
            lines.append([])  # one empty line parts two blocks, however many Markdown would set
    return lines[:-1] if lines and not lines[-1] else lines


def _code_theme(console: Console) -> SyntaxTheme:
    """The parts of code as Rich tells them apart, in the look's colours, on its background."""
    styles = {}
    for token, style in ANSI_DARK.items():
        hue = (
            style.color.name.removeprefix("bright_")
            if style.color is not None
            else "black"
            if style.dim
            else ""
        )
        ours = console.get_style(f"code.{hue}") if hue in _CODE else Style()
        styles[token] = ours + Style(bold=style.bold, italic=style.italic)
    return ANSISyntaxTheme(styles)


_CODE = {
    "black": "note",
    "blue": "you",
    "cyan": "thread",
    "green": "tool",
    "magenta": "thread",
    "red": "bad",
    "yellow": "ok",
}
"""The tone that stands for each of Rich's hues of code."""


def markdown_console(look: Look) -> Console:
    """What sets Markdown in the colours of a look."""
    quiet, code, strong = look.quiet, look.tone("tool"), Style(bold=True)
    styles: dict[str, Style | str] = {
        f"markdown.h{level}": strong + Style(color=look.tone("you").color) for level in range(1, 7)
    }
    styles |= {
        "markdown.code": code,
        "markdown.code_block": code,
        "markdown.block_quote": quiet,
        "markdown.hr": quiet,
        "markdown.item.bullet": quiet,
        "markdown.item.number": quiet,
        "markdown.link": Style(underline=True),
        "markdown.link_url": quiet,
        "markdown.table.border": quiet,
        "markdown.table.header": strong,
    }
    styles |= {f"code.{hue}": Style(color=look.tone(tone).color) for hue, tone in _CODE.items()}
    return Console(
        theme=Theme(styles), color_system="truecolor", force_terminal=True, file=StringIO(), highlight=False
    )
