"""A whole session on one line: what happened where, by the number of things that happened.

Owns the marks of every stretch of a session. Invariants: idle time takes no room; the marks are those of the
session as it is, in however many pieces it came; keeping up costs what is new and the stretches that changed,
a drawing the columns and a fixed number of stretches, whatever the length of the log.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final

from cma_tui.report.filter import waited
from cma_tui.session.model import Change, Failure, ModelRequest, Session, ToolUse

ERROR, WAITED, COMPACTED, TURN = 1, 2, 4, 8
"""What a stretch may hold."""
MOST: Final = 2048
"""Stretches at most: with one more, each two become one."""


class Minimap:
    """The marks of one session, kept up while it grows."""

    def __init__(self) -> None:
        self.session: Session | None = None
        self._stretches = bytearray()
        self._size = 1
        """Items of a stretch."""
        self._seen = 0

    def update(self, session: Session, change: Change | None, limit: int) -> bool:
        """Take in what changed, and at most so many new items. Returns whether all of them are in."""
        if session is not self.session or (change is not None and change.reset):
            self.session, self._stretches, self._size, self._seen = session, bytearray(), 1, 0
        elif change is not None:
            changed = {index // self._size for index in change.items if index < self._seen}
            for stretch in changed:
                self._stretches[stretch] = self._of(session, stretch)
        stop = min(len(session.items), self._seen + limit)
        for index in range(self._seen, stop):
            if index // self._size == len(self._stretches):
                if len(self._stretches) == MOST:
                    self._halve()
                if index // self._size == len(self._stretches):
                    self._stretches.append(0)
            self._stretches[index // self._size] |= _marks(session, index)
        self._seen = stop
        return stop == len(session.items)

    def _of(self, session: Session, stretch: int) -> int:
        """What a stretch holds, looked at anew: what waited may have been answered."""
        marks, first = 0, stretch * self._size
        for index in range(first, min(first + self._size, self._seen)):
            marks |= _marks(session, index)
        return marks

    def _halve(self) -> None:
        pairs = zip(self._stretches[::2], self._stretches[1::2], strict=True)
        self._stretches = bytearray(first | second for first, second in pairs)
        self._size *= 2

    def columns(self, width: int) -> list[int]:
        """What each of so many columns holds."""
        ends = [-(-number * len(self._stretches) // width) for number in range(width + 1)]
        found = []
        for first, last in pairwise(ends):
            marks = 0
            for stretch in self._stretches[first:last]:
                marks |= stretch
            found.append(marks)
        return found

    def column(self, item: int, width: int) -> int:
        """The column that an item is in."""
        count = max(1, len(self._stretches))
        return min(width - 1, item // self._size * width // count)

    def item(self, column: int, width: int) -> int:
        """The first item of a column."""
        return min(max(0, self._seen - 1), -(-column * len(self._stretches) // width) * self._size)


def _marks(session: Session, index: int) -> int:
    item = session.items[index]
    before = session.items[index - 1].turn if index else -1
    marks = TURN if item.turn > before else 0
    match item:
        case ToolUse():
            marks |= ERROR if item.is_error and item.confirmation != "deny" else 0
            marks |= WAITED if waited(session, index) else 0
        case ModelRequest():
            marks |= ERROR if item.is_error else 0
        case Failure():
            marks |= ERROR
        case _ if item.type == "agent.thread_context_compacted":
            marks |= COMPACTED
    return marks
