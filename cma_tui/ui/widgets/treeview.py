"""The rows of a JSON tree as lines: how deep, which key, what value.

Owns the columns. Invariant: a row costs what is seen of it; a text that is unfolded is shown below its row,
and what of a very long one is not shown is told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from cma_tui.report.tree import JsonTree, Node
from cma_tui.text import count, printable
from cma_tui.ui.cells import fit, wrap
from cma_tui.ui.widgets.passages import Passage

_DEEP = 16
"""Levels that are indented; deeper rows say how deep they are."""
_UNFOLDED = 50_000
"""Characters of a text that are shown below its row."""


class Rows(Passage):
    """The rows of a tree, each a piece."""

    def __init__(self, tree: JsonTree, width: int, base: Style, name: Style, quiet: Style, keys: str) -> None:
        """Prepare to set values, names and what is quiet in these styles; `keys` show all of a long text."""
        self._tree = tree
        self._width = width
        self._base, self._name, self._quiet = base, name, quiet
        self._keys = keys

    def __len__(self) -> int:
        return len(self._tree.rows)

    def text(self, at: int) -> str:
        """The name and the value, whole where it is a text."""
        return self._text(self._tree.rows[at])

    def hidden(self, at: int, by: int) -> Iterator[tuple[str, Callable[[], int]]]:
        """The same of what is folded away below a row."""
        for node in self._tree.hidden(at, by):
            yield "" if node.span is not None else self._text(node), partial(self._tree.reveal, at, node)

    def _text(self, node: Node) -> str:
        value = printable(node.value, lines=True, cap=1 << 40) if isinstance(node.value, str) else ""
        return f"{node.name}: {value or node.summary}"

    def lines(self, at: int) -> list[Strip]:
        """The row, and below it the text that it holds, where that is unfolded."""
        node = self._tree.rows[at]
        deep = node.depth - _DEEP
        indent = "  " * min(node.depth, _DEEP) + (f"+{deep} " if deep > 0 else "")
        mark = "  " if not node.foldable else "▾ " if node.open else "▸ "
        head = fit(f"{indent}{mark}", self._width)
        room = self._width - len(head)
        name = fit(node.name, max(0, room - 2 if node.depth else room))
        parts = [Segment(head, self._quiet), Segment(name, self._name if node.depth else self._base)]
        room -= Segment(name).cell_length
        if node.depth or not isinstance(node.value, dict):
            style = self._base if node.kind in ("text", "other") else self._quiet
            shown = "" if node.open and node.kind == "text" else fit(node.summary, max(0, room - 2))
            parts += [Segment(": " if node.span is None else "  ", self._quiet), Segment(shown, style)]
        made = [Strip(parts)]
        if node.open and isinstance(node.value, str):
            made += self._unfolded(node.value, len(head))
        return made

    def _unfolded(self, text: str, indent: int) -> list[Strip]:
        shown = printable(text[:_UNFOLDED], lines=True, cap=_UNFOLDED)
        margin = Segment(" " * indent, self._base)
        room = max(10, self._width - indent)
        lines = [Strip([margin, Segment(line, self._base)]) for line in wrap(shown, room)]
        left = len(text) - _UNFOLDED
        if left > 0:
            said = f"… {count(left)} more characters: {self._keys}"
            lines.append(Strip([margin, Segment(fit(said, room), self._quiet)]))
        return lines
