"""A message while it is written, set as it will be when it is there.

Owns which part of it is settled. Invariants: a block that has ended is set once, as Markdown where it is
some, so that its lines stay when the message takes the place of its preview; one more piece of text costs
what the block that is being written costs.
"""

from __future__ import annotations

import re

from rich.console import Console
from rich.segment import Segment
from rich.style import Style

from cma_tui.ui.widgets.rowview import is_markdown, set_markdown, wrap

_AT_ONCE = 2_000
"""Characters of the block that is being written up to which it is set as Markdown."""
_BREAK = re.compile(r"\n[ ]*\n(?=[^\s])")
_JOINED = re.compile(r"(?:[-*+]|\d{1,9}[.)])\s|(?:[-*+]|\d{1,9}[.)]?)\Z")
"""What a line begins with that may belong to the list before it, or may yet do so."""

Lines = list[list[Segment]]


class Streaming:
    """The lines of one message, as far as it is written."""

    def __init__(self, width: int, style: Style, console: Console) -> None:
        self._width, self._style, self._console = width, style, console
        self._lines: Lines = []
        """Of the blocks that have ended, with an empty line after each."""
        self._settled = 0
        """How many characters those are."""

    def lines(self, text: str) -> Lines:
        """All lines of a text that begins as the one before did; it is printable."""
        if not self._settled and not is_markdown(text):
            return self._plain(text)  # blank lines stay as they are, as in a message that is no Markdown
        for found in _BREAK.finditer(text, self._settled):
            if _JOINED.match(text, found.end()) or self._fenced(text, found.start()):
                continue
            self._lines += [*self._set(text[self._settled : found.start()]), []]
            self._settled = found.end()
        rest = text[self._settled :]
        return [*self._lines, *(self._set(rest) if len(rest) <= _AT_ONCE else self._plain(rest))]

    def _fenced(self, text: str, stop: int) -> bool:
        """Whether a place is inside of a block of code."""
        lines = text[self._settled : stop].split("\n")
        return sum(line.lstrip().startswith("```") for line in lines) % 2 == 1

    def _set(self, text: str) -> Lines:
        if not is_markdown(text):
            return self._plain(text.strip("\n"))
        return set_markdown(text, self._width, self._style, self._console)

    def _plain(self, text: str) -> Lines:
        return [[Segment(line, self._style)] for line in wrap(text, self._width)]
