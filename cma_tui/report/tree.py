"""A JSON document as a tree that is folded and unfolded: the rows that are open, and no others.

Owns which rows there are. Invariants: a row is made when its parent is unfolded, so opening a document costs
what is seen of it, whatever its size and depth; at most `AT_ONCE` children come at once, the others wait in
rows of their own; nothing here recurses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from cma_tui.content import as_text, compact_json
from cma_tui.text import count, printable

AT_ONCE = 500
"""Children that an unfolded row shows; those beyond it are in rows that stand for as many."""
MOST = 5_000
"""Rows that unfolding all below a row makes at most."""
SUMMARY = 200
"""Characters of a value on its row."""
_LONG = 60
"""Characters from which on a text can be unfolded, to be read whole."""

Key = str | int
_NAMES = 8
"""Names of an object that its row shows."""
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*").fullmatch


class Node:
    """A row: a value under its key, or, with a `span`, some of the children of the row above it."""

    __slots__ = ("depth", "key", "open", "parent", "span", "value")

    def __init__(
        self,
        key: Key,
        value: object,
        parent: Node | None = None,
        span: tuple[int, int] | None = None,
    ) -> None:
        self.key = key
        self.value = value
        self.parent = parent
        self.span = span
        self.depth: int = 0 if parent is None else parent.depth + 1
        self.open = False

    @property
    def foldable(self) -> bool:
        """Whether there is something below it, or more of its text."""
        if isinstance(self.value, dict | list):
            return bool(self.value)
        return isinstance(self.value, str) and (len(self.value) > _LONG or "\n" in self.value)

    @property
    def name(self) -> str:
        """Its key, printable; which children it stands for."""
        if self.span is not None:
            return f"{self.span[0]:,} … {self.span[1] - 1:,}"
        return printable(str(self.key), cap=SUMMARY)

    @property
    def summary(self) -> str:
        """Its value on one line, printable; what it holds, where that is more."""
        value = self.value
        if self.span is not None:
            return f"{self.span[1] - self.span[0]:,} more"
        if isinstance(value, dict):
            names = printable(", ".join(str(name)[:SUMMARY] for name in islice(value, _NAMES)), cap=SUMMARY)
            return f"{{{names}, … {count(len(value))} names}}" if len(value) > _NAMES else f"{{{names}}}"
        if isinstance(value, list):
            return f"[{count(len(value))} {'value' if len(value) == 1 else 'values'}]" if value else "[]"
        if isinstance(value, str):
            shown = printable(value[:SUMMARY], cap=SUMMARY)
            return f'"{shown}"' if len(value) <= SUMMARY else f'"{shown}… {count(len(value))} characters'
        return printable(compact_json(value), cap=SUMMARY)

    @property
    def kind(self) -> str:
        """What its value is: `object`, `array`, `text`, `other`."""
        if isinstance(self.value, dict):
            return "object"
        if isinstance(self.value, list):
            return "array"
        return "text" if isinstance(self.value, str) else "other"

    def keys(self) -> Iterator[Key]:
        """The keys that lead here from the root, which is left out, in the opposite order."""
        node: Node = self
        while node.parent is not None:
            if node.span is None:
                yield node.key
            node = node.parent

    def path(self) -> str:
        """Where it is in its document, as `.content[0].text`; long ones without their middle."""
        parts = []
        for key in self.keys():
            if isinstance(key, int):
                parts.append(f"[{key}]")
            else:
                parts.append(f".{key}" if _PLAIN_NAME(key) else f"[{compact_json(key)}]")
        if len(parts) > 40:
            parts = [*parts[:30], "…", *parts[-10:]]
        return printable("".join(reversed(parts)) or ".", cap=1_000)

    def text(self) -> str:
        """Its value to take along: a text as it is, anything else as JSON, printable."""
        value: Any = self.value
        if self.span is not None and isinstance(value, list):
            value = value[slice(*self.span)]
        elif self.span is not None and isinstance(value, dict):
            value = dict(islice(value.items(), *self.span))
        return printable(as_text(value) or compact_json(value), lines=True, cap=1 << 40)

    def below(self) -> list[Node]:
        """The rows right below it."""
        value = self.value
        if not isinstance(value, dict | list):
            return []
        start, stop = self.span or (0, len(value))
        if stop - start > AT_ONCE:
            # As few rows of stretches as there may be children: any number of them is a few levels.
            size = AT_ONCE
            while (stop - start) / size > AT_ONCE:
                size *= AT_ONCE
            return [Node(-1, value, self, (at, min(at + size, stop))) for at in range(start, stop, size)]
        children: Iterator[tuple[Key, object]] = islice(
            iter(value.items()) if isinstance(value, dict) else enumerate(value), start, stop
        )
        return [Node(key, child, self) for key, child in children]


class JsonTree:
    """Several documents, one below the other, each with what is unfolded of it."""

    def __init__(self, documents: Sequence[tuple[str, object]]) -> None:
        """Show documents by name; the values that hold something are unfolded once."""
        self.rows: list[Node] = [Node(name, value) for name, value in documents]
        for at in range(len(self.rows) - 1, -1, -1):
            self.unfold(at)

    def unfold(self, at: int) -> None:
        """Show what is below a row."""
        node = self.rows[at]
        if node.foldable and not node.open:
            node.open = True
            self.rows[at + 1 : at + 1] = node.below()

    def unfold_all(self, at: int) -> bool:
        """Show everything below a row, up to `MOST` rows of it. Returns whether that was everything."""
        depth, first, made = self.rows[at].depth, at, len(self.rows)
        while at < len(self.rows) and (at == first or self.rows[at].depth > depth):
            if len(self.rows) - made > MOST:
                return False
            if not isinstance(self.rows[at].value, str):
                self.unfold(at)
            at += 1
        return True

    def hidden(self, at: int, by: int) -> Iterator[Node]:
        """What is folded away below a row, in the document's order; with a `by` below 0 from its end."""
        top = self.rows[at]
        if top.open:
            return
        trail = [(top, _children(top, by))]
        while trail:
            node, left = trail[-1]
            child = next(left, None)
            if child is not None:
                if by > 0:
                    yield child
                trail.append((child, _children(child, by)))
                continue
            trail.pop()
            if by < 0 and trail:
                yield node

    def reveal(self, at: int, node: Node) -> int:
        """Unfold what leads from a row to one that is hidden below it. Returns where that is then."""
        trail = []
        while node.parent is not None and node is not self.rows[at]:
            trail.append(node)
            node = node.parent
        for each in reversed(trail):
            self.unfold(at)
            at += 1
            while (self.rows[at].depth, self.rows[at].key, self.rows[at].span) != (
                each.depth,
                each.key,
                each.span,
            ):
                at += 1
        return at

    def fold(self, at: int) -> int:
        """Hide what is below a row, or its parent's where it is folded itself. Returns the row to be on."""
        if not self.rows[at].open and (parent := self.rows[at].parent) is not None:
            while self.rows[at] is not parent:
                at -= 1
        node = self.rows[at]
        node.open = False
        del self.rows[at + 1 : self._end(at)]
        return at

    def fold_all(self, at: int) -> int:
        """Show of the document that a row belongs to nothing but what is right below its root."""
        while self.rows[at].depth:
            at -= 1
        self.fold(at)
        self.unfold(at)
        return at

    def _end(self, at: int) -> int:
        """The row after everything below a row."""
        end = at + 1
        while end < len(self.rows) and self.rows[end].depth > self.rows[at].depth:
            end += 1
        return end

    def as_in(self, other: JsonTree, cursor: int) -> int:
        """Unfold what is unfolded in another tree of the same documents. Returns the row to be on."""
        roots: list[Node] = []
        opened: dict[tuple[Key, ...], Node] = {}
        for node in other.rows:
            if node.parent is None:
                roots.append(node)
            if node.open:
                opened[_place(node, len(roots))] = node
        at, root, found = 0, 0, 0
        wanted = None
        if 0 <= cursor < len(other.rows):
            before = sum(node.parent is None for node in other.rows[: cursor + 1])
            wanted = _place(other.rows[cursor], before)
        while at < len(self.rows):
            root += self.rows[at].parent is None
            place = _place(self.rows[at], root)
            if place in opened:
                self.unfold(at)
            elif self.rows[at].open and root <= len(roots):
                self.fold(at)
            if place == wanted:
                found = at
            at += 1
        return found


def _children(node: Node, by: int) -> Iterator[Node]:
    below = node.below()
    return iter(below) if by > 0 else reversed(below)


def _place(node: Node, root: int) -> tuple[Key, ...]:
    """What tells a row of one tree in another: its document, its keys, what it stands for."""
    return (root, *node.keys(), *(node.span or ()))
