"""A document of Markdown, as Rich sets it.

Owns what of Markdown is known, and the looks of headings and code. Invariant: with what it imports it is
imported late: only where there is a document to set.
"""

from __future__ import annotations

from typing import ClassVar

from markdown_it import MarkdownIt
from rich.console import Console, ConsoleOptions, RenderResult
from rich.markdown import Heading, Markdown
from rich.style import Style
from rich.syntax import ANSI_DARK, ANSISyntaxTheme, SyntaxTheme

_PARSER = (
    MarkdownIt("commonmark", {"html": False})
    .enable(["strikethrough", "table"])
    .disable(["image", "reference"])
)


class _Heading(Heading):
    """A heading at the left, of whatever level."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The line."""
        self.text.justify = "left"
        yield self.text


class Document(Markdown):
    """What Markdown would hide (tags, comments, where an image is) is shown; links are not."""

    elements: ClassVar = Markdown.elements | {"heading_open": _Heading}

    def __init__(self, text: str, console: Console) -> None:
        super().__init__("", hyperlinks=False)
        self.code_theme = _code_theme(console)  # type: ignore[assignment]  # what sets it takes both
        self.parsed = _PARSER.parse(text)


def _code_theme(console: Console) -> SyntaxTheme:
    """The parts of code as Rich tells them apart, in the console's colours, on its background."""
    styles = {}
    for token, style in ANSI_DARK.items():
        hue = (
            style.color.name.removeprefix("bright_")
            if style.color is not None
            else "black"
            if style.dim
            else ""
        )
        ours = console.get_style(f"code.{hue}", default=Style())
        styles[token] = ours + Style(bold=style.bold, italic=style.italic)
    return ANSISyntaxTheme(styles)
