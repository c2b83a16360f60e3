"""What has ended and no snapshot tells of yet: what a turn cost beside what the server has said.

Owns which of two came first. Invariant: what a snapshot tells of is not estimated beside it.
"""

from __future__ import annotations

from typing import NamedTuple

from cma_tui.session.cost import snapshots
from cma_tui.session.figures import TurnFigures
from cma_tui.session.members import UsageSnapshot
from cma_tui.session.model import Session


class Late(NamedTuple):
    """Something that ended, and that the server's latest snapshot may not tell of."""

    ordinal: int
    at: float | None
    primary: bool
    estimate: int
    unpriced: bool

    def after(self, told: UsageSnapshot | None) -> bool:
        """Whether it ended after that snapshot: by its place in the log, on other streams by its time."""
        if told is None:
            return True
        if self.primary:
            return self.ordinal > told.event
        return self.at is not None and told.at is not None and self.at > told.at

    def count_in(self, turn: TurnFigures) -> None:
        """Count it."""
        turn.after_count += 1
        turn.after += self.estimate
        turn.after_unpriced += self.unpriced


def last_snapshot(session: Session, turn: int) -> UsageSnapshot | None:
    """The last snapshot that tells of a turn; None when there is none."""
    span = snapshots(session, turn)
    return session.usages[span.stop - 1] if span else None
