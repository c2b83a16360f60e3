"""The figures of one turn, one tool: what is counted for each.

Owns their shape. Invariant: what adds up is in `Sums`; beside it stands only what does not.
"""

from __future__ import annotations

from array import array
from itertools import pairwise
from math import ceil

import msgspec

from cma_tui.session.elapsed import Split, micros
from cma_tui.session.model import Turn
from cma_tui.session.sums import Sums


class TurnFigures(Sums, gc=False, array_like=True):
    """One turn: its own thread, and what child threads did from its start to the next turn's."""

    index: int = 0
    prompt: int = 0
    """How many tokens the primary's latest request read: what fills the model's context."""
    peak: int = 0
    """The most that one of its requests read."""
    first_request: int = -1
    """Item index of the first request whose first token was measured."""
    first_block_us: int = -1
    """From the start of its first request to the first whole block, -1 when it is not known."""
    after: int = 0
    """Estimated cost of the priced requests that ended after its latest snapshot."""
    after_count: int = 0
    """How many requests ended after its latest snapshot."""
    after_unpriced: int = 0
    """How many of these have no price."""
    wall_us: int = -1
    """How long it ran, without the time it stood still for an answer; -1 when no stamps tell."""
    split: Split | None = None
    """Its time, from its start to the next turn's, by what went on."""


class ToolFigures(msgspec.Struct):
    """One tool's uses, or those of all tools of a server."""

    name: str
    server: str | None
    kind: str
    uses: int = 0
    errors: int = 0
    denied: int = 0
    estimate: int = 0
    """Its part of what the requests that called it cost, in billionths: each request's cost by its calls."""
    waits: array[int] = msgspec.field(default_factory=lambda: array("q"))
    """How long its approvals took, in microseconds, sorted."""
    durations: array[int] = msgspec.field(default_factory=lambda: array("q"))
    """How long its uses took, in microseconds, sorted."""

    def percentile(self, share: float) -> float | None:
        """Nearest-rank percentile in seconds of the durations that are known; `share` is 0 to 1."""
        ranked = self.durations
        return ranked[max(0, ceil(share * len(ranked)) - 1)] / 1_000_000 if ranked else None


class Ran:
    """How long one turn ran, as it goes on: a leg that is over is looked at once."""

    def __init__(self) -> None:
        self._began: float | None = None
        self._legs = 0
        """How many legs are in the sum: all but the last."""
        self._us = 0
        self._known = False
        self._endless: list[float] = []
        """The starts of legs whose end no stamp tells: taken for the latest stamp of the turn."""

    def us(self, turn: Turn) -> int | None:
        """Without the time it stood still for an answer, in microseconds; None when no stamps tell."""
        legs = turn.legs
        if not legs:
            return _between(turn.started_at, turn.ended_at or turn.last_at)
        if legs[0].started_at != self._began:  # its beginning has got another stamp
            self._began = legs[0].started_at
            self._legs, self._us, self._known, self._endless = 0, 0, False, []
        while self._legs < len(legs) - 1:
            leg = legs[self._legs]
            self._legs += 1
            length = _between(leg.started_at, leg.ended_at)
            if length is not None:
                self._us, self._known = self._us + length, True
            elif leg.started_at is not None:
                self._endless.append(leg.started_at)
        open_legs = [_between(start, turn.last_at) for start in self._endless]
        last = _between(legs[-1].started_at, legs[-1].ended_at or turn.last_at)
        known = [length for length in (*open_legs, last) if length is not None]
        return self._us + sum(known) if known or self._known else None


def wall_us(turn: Turn) -> int | None:
    """How long a turn ran, without the time it stood still for an answer, in microseconds."""
    return Ran().us(turn)


def waiting_us(turn: Turn) -> int:
    """How long a turn stood still for answers, in microseconds."""
    pauses = (_between(before.ended_at, after.started_at) for before, after in pairwise(turn.legs))
    return sum(pause or 0 for pause in pauses)


def _between(start: float | None, end: float | None) -> int | None:
    return None if start is None or end is None else max(0, micros(end) - micros(start))
