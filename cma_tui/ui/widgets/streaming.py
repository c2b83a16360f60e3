"""A message while it is written, set as it will be when it is there.

Owns which part of it is settled. Invariants: a block that has ended is set once, as Markdown where it is
some, so that its lines stay when the message takes the place of its preview; the lines are those of the text,
in whatever pieces it came; one more piece of text costs what the block that is being written costs.
"""

from __future__ import annotations

import re

from rich.console import Console
from rich.segment import Segment
from rich.style import Style

from cma_tui.ui.cells import wrap
from cma_tui.ui.widgets.markdown import Weight, has_marks, is_markdown, set_markdown, weight

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
        self._cost: Weight = (0, 0, 0)
        """What of them is set as Markdown."""
        self._wrapped: dict[str, Lines] = {}
        """Lines of text as they were wrapped the last time: a text without blocks grows only at its end."""

    def lines(self, text: str, *, whole: bool = False) -> Lines:
        """All lines of a printable text that begins as the one before did; `whole`: nothing follows."""
        if not self._settled and not has_marks(text):
            return self._plain(text)  # blank lines stay as they are, as in a message that is no Markdown
        at, fenced = self._settled, False
        for found in _BREAK.finditer(text, self._settled):
            fences = sum(line.lstrip().startswith("```") for line in text[at : found.start()].split("\n"))
            at, fenced = found.start(), fenced ^ (fences % 2 == 1)
            if fenced or _JOINED.match(text, found.end()):
                continue
            block = text[self._settled : at]
            self._lines += [*self._set(block), []]
            self._settled = at = found.end()
        rest = text[self._settled :]
        if whole or len(rest) <= _AT_ONCE:
            return [*self._lines, *self._set(rest, settled=False)]
        return [*self._lines, *self._plain(rest)]

    def _set(self, text: str, *, settled: bool = True) -> Lines:
        """A block, as Markdown as long as what of the message is set so stays within its limits."""
        if not is_markdown(text, self._cost):
            return self._plain(text.strip("\n"))
        if settled:
            first, second, third = weight(text)
            self._cost = (self._cost[0] + first, self._cost[1] + second, self._cost[2] + third)
        return set_markdown(text, self._width, self._style, self._console)

    def _plain(self, text: str) -> Lines:
        before, self._wrapped = self._wrapped, {}
        made: Lines = []
        for line in text.split("\n"):
            lines = before.get(line) or [[Segment(part, self._style)] for part in wrap(line, self._width)]
            self._wrapped[line] = lines
            made += lines
        return made
