"""What all sessions come to, kept up as they change.

Owns the counts of the overview's first line. Invariants: a session that changes costs as much as itself,
however many there are; amounts are whole billionths of a dollar, so what is added and taken away leaves
nothing behind.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from cma_tui.session.cost import NANO
from cma_tui.session.entry import FAILED, NEEDS_YOU, RETRYING, RUNNING, SAVED, UNREAD, Entry


class Totals(msgspec.Struct):
    """What all sessions come to."""

    sessions: int = 0
    running: int = 0
    waiting: int = 0
    failed: int = 0
    unread: int = 0
    today: float = 0.0
    """US dollars: all of the sessions created today, and what was seen to be spent on the others."""
    at_least: bool = False
    """Whether an older session was at work today before it was first seen."""


class _Share(NamedTuple):
    """What one session has in the totals."""

    standing: int
    spent: int
    """Billionths of a dollar."""
    older: bool
    """Whether it was at work before it was first seen, and again today."""


class Tally:
    """The counts."""

    def __init__(self) -> None:
        self._day = 0.0
        """When the day began whose spending is counted."""
        self._shares: dict[str, _Share] = {}
        self._standings = [0] * (SAVED + 1)
        self._spent = 0
        self._older = 0

    def totals(self, day_began: float, entries: Iterable[Entry]) -> Totals:
        """The totals of a day; all entries are counted anew when another day has begun."""
        if day_began != self._day:
            for name in list(self._shares):
                self.drop(name)
            self._day = day_began
            for entry in entries:
                self.count(entry)
        counts = self._standings
        return Totals(
            sessions=sum(counts[:SAVED]),
            running=counts[RUNNING] + counts[RETRYING],
            waiting=counts[NEEDS_YOU],
            failed=counts[FAILED],
            unread=counts[UNREAD],
            today=self._spent / NANO,
            at_least=self._older > 0,
        )

    def count(self, entry: Entry) -> None:
        """Take in what a session comes to now."""
        self.drop(entry.id)
        share = _Share(entry.standing, 0, False)
        if entry.path is None:
            cost, new = entry.cost or 0.0, (entry.created_at or 0.0) >= self._day
            older = not new and bool(entry.cost_at_first) and (entry.updated_at or 0.0) >= self._day
            spent = cost if new else cost - entry.cost_at_first
            share = share._replace(spent=round(spent * NANO), older=older)
        self._shares[entry.id] = share
        self._add(share, 1)

    def drop(self, name: str) -> None:
        """Leave a session out."""
        share = self._shares.pop(name, None)
        if share is not None:
            self._add(share, -1)

    def _add(self, share: _Share, times: int) -> None:
        self._standings[share.standing] += times
        self._spent += times * share.spent
        self._older += times * share.older
