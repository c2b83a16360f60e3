"""Messages set as Markdown.

Owns which texts are, and in which colours. Invariants: setting one cannot freeze the screen; what parses is
imported with the first message that needs it.
"""

from __future__ import annotations

from collections.abc import Mapping
from io import StringIO

from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from rich.theme import Theme

MARKDOWN_CAP = 16_000
_FENCES, _COLUMNS, _ROWS = 50, 20, 300
"""Blocks of code, and columns and rows of tables, up to which Markdown is set: more takes long."""
Weight = tuple[int, int, int]
"""What setting Markdown costs: its characters, its fences, the rows of its tables."""
_LIMITS: Weight = (MARKDOWN_CAP, 2 * _FENCES, _ROWS)
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


def set_markdown(text: str, width: int, style: Style, console: Console) -> list[list[Segment]]:
    """Markdown as lines of at most so many cells, without empty lines around it and without links.

    What Markdown would hide (tags, comments, where an image is) is shown as it was written.
    """
    from cma_tui.ui.widgets.document import Document

    options = console.options.update(width=width, height=None)
    lines: list[list[Segment]] = []
    for line in console.render_lines(Document(text, console), options, style=style, pad=False):
        empty = not any(segment.text.strip() for segment in line)
        if not empty:
            lines.append(line)
        elif lines and lines[-1]:
            lines.append([])  # one empty line parts two blocks, however many Markdown would set
    return lines[:-1] if lines and not lines[-1] else lines


def markdown_console(base: Style, quiet: Style, tones: Mapping[str, Style]) -> Console:
    """What sets Markdown in the colours of the rows: by `Row.tone`, or else the first ones."""
    code, strong = tones.get("tool", base), Style(bold=True)
    styles: dict[str, Style | str] = {
        f"markdown.h{level}": strong + Style(color=tones.get("you", base).color) for level in range(1, 7)
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
    styles |= {f"code.{hue}": Style(color=tones.get(tone, base).color) for hue, tone in _CODE.items()}
    return Console(
        theme=Theme(styles), color_system="truecolor", force_terminal=True, file=StringIO(), highlight=False
    )
