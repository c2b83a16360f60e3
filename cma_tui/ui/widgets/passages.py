"""Long texts as lines for one width, set when they are looked at.

Owns how a text falls into pieces, and the lines of each. Invariants: a text of any length costs an index of
its line ends; a piece is made printable and wrapped when it is in the window, or when it is searched.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from cma_tui.text import printable
from cma_tui.ui.cells import wrap

_ROWS = 32
"""Rows that a piece of a line without end fills."""
_JSON_NAME = re.compile(r' *"(?:[^"\\]|\\.)*"(?=:)')


class Passage:
    """Pieces of text, each with its lines."""

    def __len__(self) -> int:
        raise NotImplementedError

    def text(self, at: int) -> str:
        """What can be found in a piece."""
        raise NotImplementedError

    def lines(self, at: int) -> list[Strip]:
        """The lines of a piece."""
        raise NotImplementedError

    def hidden(self, at: int, by: int) -> Iterator[tuple[str, Callable[[], int]]]:
        """What is folded away below a piece, forwards or backwards: its text, and what shows it.

        Showing it says where it is, and changes the pieces after it.
        """
        return iter(())


class Ready(Passage):
    """Lines that are set already, each a piece."""

    def __init__(self, strips: Sequence[Strip]) -> None:
        self._strips = strips

    def __len__(self) -> int:
        return len(self._strips)

    def text(self, at: int) -> str:
        """The line."""
        return self._strips[at].text

    def lines(self, at: int) -> list[Strip]:
        """The line."""
        return [self._strips[at]]


Set = Callable[[str], list[Strip]]
"""Sets a printable line of text, however long."""


class LongText(Passage):
    """A text as it came: each line a piece, and what is longer than that several."""

    def __init__(self, text: str, width: int, set_line: Set) -> None:
        self._text = text
        self._set = set_line
        self._starts = array("q", [0])
        self._index(max(1, width) * _ROWS)

    def _index(self, longest: int) -> None:
        text, starts = self._text, self._starts
        at, size = 0, len(text)
        while at < size:
            end = text.find("\n", at, at + longest)
            if end < 0:
                at = min(at + longest, size)
                if at < size and text[at] == "\n":
                    at += 1
                elif at == size:
                    break
            else:
                at = end + 1
            starts.append(at)

    def __len__(self) -> int:
        return len(self._starts)

    def text(self, at: int) -> str:
        """The piece, printable."""
        start = self._starts[at]
        stop = self._starts[at + 1] if at + 1 < len(self._starts) else len(self._text)
        return printable(self._text[start:stop].removesuffix("\n").removesuffix("\r"), cap=1 << 40)

    def lines(self, at: int) -> list[Strip]:
        """The piece, wrapped."""
        return self._set(self.text(at))


class Passages(Passage):
    """Several, one after the other."""

    def __init__(self, parts: Sequence[Passage]) -> None:
        self._parts = [part for part in parts if len(part)]
        self._starts = [0, *accumulate(map(len, self._parts))]

    def __len__(self) -> int:
        return self._starts[-1]

    def text(self, at: int) -> str:
        """What can be found in a piece of one of them."""
        part = bisect_right(self._starts, at) - 1
        return self._parts[part].text(at - self._starts[part])

    def lines(self, at: int) -> list[Strip]:
        """The lines of a piece of one of them."""
        part = bisect_right(self._starts, at) - 1
        return self._parts[part].lines(at - self._starts[part])


def plain(width: int, style: Style) -> Set:
    """Sets lines in one style."""
    return lambda line: [Strip([Segment(piece, style)]) for piece in wrap(line, width)]


def json_text(width: int, style: Style, names: Style) -> Set:
    """Sets lines of indented JSON; the name that begins one stands out."""

    def set_line(line: str) -> list[Strip]:
        first, *rest = wrap(line, width)
        named = _JSON_NAME.match(first)
        head = [Segment(first, style)]
        if named is not None:
            head = [Segment(named[0], names), Segment(first[named.end() :], style)]
        return [Strip(head), *(Strip([Segment(piece, style)]) for piece in rest)]

    return set_line


def diff(width: int, style: Style, came: Style, went: Style, quiet: Style) -> Set:
    """Sets lines that come and go; what is wrapped keeps the sign of its line."""
    styles = {"+": came, "-": went, "@": quiet}

    def set_line(line: str) -> list[Strip]:
        own = styles.get(line[:1], style)
        pieces = wrap(line[2:], max(1, width - 2))
        return [Strip([Segment(f"{line[:2]}{piece}", own)]) for piece in pieces]

    return set_line
