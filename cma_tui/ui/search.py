"""Looking for something in the whole session: what was found so far, and what comes next.

Owns the hits, kept in order while the session grows. Invariants: looking costs a slice at a time and goes
from where it began both ways, so that what is near is found first; every item is looked at once, and again
when it changes.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from cma_tui.report.find import Pattern
from cma_tui.report.words import Density
from cma_tui.session.model import Change, Session
from cma_tui.ui.entries import Entries


class Search:
    """The items that hold a pattern."""

    def __init__(self, pattern: Pattern, session: Session, start: int) -> None:
        """Begin at the item `start`."""
        self.pattern = pattern
        self._hits = Entries(session, Density.FULL)
        self._hits.headings = False
        self._hits.filter = pattern
        self._hits.rebuild(session, start)

    @property
    def hits(self) -> int:
        """How many items hold it, as far as has been looked."""
        return len(self._hits.list)

    @property
    def done(self) -> bool:
        """Whether every item has been looked at."""
        return not self._hits.behind

    @property
    def failed(self) -> bool:
        """Whether the expression took too long on some text."""
        return self._hits.failed

    @property
    def share(self) -> float:
        """How much has been looked at, from 0 to 1."""
        return self._hits.looked_at / max(1, len(self._hits.session.items))

    def update(self, session: Session, change: Change) -> None:
        """Take in what changed."""
        self._hits.update(session, change)

    def scan(self, budget: float) -> None:
        """Look further, for about `budget` seconds."""
        self._hits.scan(budget)

    def rank(self, item: int) -> int | None:
        """The number of a hit, from 1; None for an item that is none."""
        at = bisect_left(self._hits.list, item)
        return at + 1 if at < self.hits and self._hits.list[at] == item else None

    def after(self, item: int, by: int) -> int | None:
        """The next hit after an item, or before it; around the end when everything has been looked at."""
        found = self._hits.list
        if not self._hits.covers(item):
            return None  # a nearer one may be found yet
        at = bisect_right(found, item) if by > 0 else bisect_left(found, item) - 1
        if 0 <= at < len(found):
            return found[at]
        return found[0 if by > 0 else -1] if found and self.done else None
