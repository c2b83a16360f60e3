"""A row of the timeline as strips: words into columns, for one width and one look.

Owns the columns. Invariants: every strip is exactly as wide as asked; nothing that decides anything
stands to the right of text from outside, except in columns of their own that are cut for it.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from cma_tui.report.find import Pattern, TooSlowError
from cma_tui.report.words import Row
from cma_tui.text import count
from cma_tui.ui.cells import Line, fit, highlight, strip, wrap
from cma_tui.ui.widgets.markdown import is_markdown, set_markdown

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
NAMES = 24
"""The most cells of the column of threads' names; a row of fewer than `WIDE` cells gives it a sixth."""
MEASURE = 100
"""The widest a message is set, however wide the screen: longer lines are hard to read."""


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


Known = list[tuple[list[Segment], Strip]]
"""Lines of a message that is being written, and the strips that were made of them."""


def left_width(width: int, show_time: bool, names: int | None = 0) -> int:
    """Cells before the text of a row of this width, with a column of so many cells for names."""
    return 1 + (_time_width(width) if show_time else 0) + WORD + 1 + (names + 2 if names else 0)


def names_width(width: int, names: Iterable[str]) -> int:
    """Cells of a column for these names, in a row of this width."""
    return min(max(map(cell_len, names), default=0), NAMES if width >= WIDE else max(WORD, width // 6))


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
    names: int | None = 0,
    known: Known | None = None,
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
        names: cells of the column with the name of its thread; 0 where that stands before the head, None
            where it is not told.
        known: the lines of `body` as it was before and their strips, brought up to date: what is the same is
            not made again.
    """
    left = _left(row, width, look, time, names)
    room = width - left_width(width, time is not None, names)
    head = row.name if names == 0 else row.head
    if row.prose:
        return _prose(row, head, left, room, width, look, limit, console, body, known)
    lines = [_line(row, head, left, room, width, look, duration)]
    if row.aside:
        indent = width - room
        aside = [
            Segment(" " * (indent + 2) + "└ ", look.quiet),
            Segment(fit(row.aside, max(0, width - indent - 5)), look.quiet),
        ]
        lines.append(strip(aside, width, look.base, indent, width))
    return lines


def _left(row: Row, width: int, look: Look, time: str | None, names: int | None) -> list[Segment]:
    segments = [Segment(" ", look.base)]
    if time is not None and (cells := _time_width(width)):
        gap = "  " if width >= NARROW else " "
        segments.append(Segment(_time_cell(time, cells - len(gap)) + gap, look.time))
    segments.append(Segment(set_cell_size(fit(row.word, WORD), WORD) + " ", look.tone(row.tone)))
    if names:
        name = set_cell_size(fit(row.thread, names), names)
        segments.append(Segment(name + "  ", look.tone("thread")))
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


def _line(
    row: Row, head: str, left: list[Segment], room: int, width: int, look: Look, duration: str
) -> Strip:
    right: list[Segment] = []
    text_end = width
    if row.outcome or duration or row.figure:
        right = [
            Segment(f"  {row.outcome}", look.tone(row.outcome_tone)),
            Segment("  " + duration.rjust(DURATION), look.quiet),
        ]
        if width >= WIDE:
            right.append(Segment("  " + fit(row.figure, FIGURE).rjust(FIGURE), look.quiet))
        text_end -= 1 + sum(segment.cell_length for segment in right[1:])
    right.append(Segment(" ", look.base))
    taken = sum(segment.cell_length for segment in right)
    space = max(0, room - taken)
    head = fit(head, space)
    body = [Segment(head, look.head)] if head else []
    rest = space - cell_len(head) - (2 if head else 0)
    if row.text and rest > 3:
        style = look.tone(row.tone) if row.tone == "error" else look.base
        body.append(Segment(("  " if head else "") + fit(row.text, rest), style))
    middle = Segment.adjust_line_length(body, space, look.base)
    return strip([*left, *middle, *right], width, look.base, width - room, text_end)


def _prose(
    row: Row,
    head: str,
    left: list[Segment],
    room: int,
    width: int,
    look: Look,
    limit: int | None,
    console: Console,
    body: list[list[Segment]] | None,
    known: Known | None,
) -> list[Strip]:
    measure = measure_in(room)
    style = look.tone(row.tone)
    text = f"{head}: {row.text}" if head else row.text
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
    made = known or []
    lines: list[Strip] = [
        made[n][1]
        if n < len(made) and made[n][0] is line
        else strip([*(indent if n else left), *line], width, look.base, width - room, width)
        for n, line in enumerate(body or [[]])
    ]
    if known is not None:
        known[:] = zip(body, lines, strict=False)
    more = f"… {hidden} more lines, {look.expand} shows them" if hidden else ""
    if row.beyond and not hidden:
        more = f"… {count(row.beyond)} more characters are in its detail"
    if note := "  ".join(filter(None, (more, row.outcome))):
        begin = width - room + cell_len(note) - cell_len(row.outcome)
        lines.append(
            strip([*indent, Segment(fit(note, measure), look.quiet)], width, look.base, begin, width)
        )
    return lines


def found(line: Strip, pattern: Pattern) -> list[tuple[int, int]]:
    """Where it is in the text of a line, in characters of that text."""
    if not isinstance(line, Line) or line.begin >= line.end:
        return []
    try:
        return list(pattern.spans(line.crop(line.begin, line.end).text))
    except TooSlowError:
        return []


def marked(line: Strip, pattern: Pattern, style: Style) -> Strip:
    """The line with what is looked for in a style of its own."""
    places = found(line, pattern)
    if not places or not isinstance(line, Line):
        return line
    begin, end, width = line.begin, line.end, line.cell_length
    text = highlight(line.crop(begin, end), places, style)
    return Line([*line.crop(0, begin), *text, *line.crop(end, width)], width, begin, end)
