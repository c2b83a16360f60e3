"""Several streams, kept abreast: what they bring is let go in the order of the server's stamps.

Owns the moment that an event waits for those of other streams, which took another way through the network.
Invariants: nothing waits longer than `HOLD`; a stream's own order is kept; nothing is held that is no event
of a stream, or while there is one stream only. What comes later than that is put right by the session's
order (`session.sorting`), which folds anew what came since: this is what makes it rare.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from math import inf
from typing import Final, NamedTuple

from cma_tui.event import PREVIEW_TYPES, Event
from cma_tui.source import Batch

HOLD: Final = 0.15
"""Seconds that an event waits for earlier ones of other streams."""


class _Held(NamedTuple):
    reached: float
    """The latest stamp that its stream had reached."""
    rank: tuple[bool, str]
    due: float
    event: Event


class Abreast:
    """What the streams of a session and its threads bring, on its way."""

    def __init__(self, put: Callable[[Batch], None], several: Callable[[], bool]) -> None:
        """Prepare to hold.

        Args:
            put: takes what is let go.
            several: whether more than one stream is attached to.
        """
        self._put = put
        self._several = several
        self._rows: dict[str | None, deque[_Held]] = {}
        self._reached: dict[str | None, float] = {}
        self._timer: asyncio.TimerHandle | None = None

    def put(self, batch: Batch) -> None:
        """Take a delivery of one stream."""
        if not self._several() or not self._streamed(batch):
            self.flush()
            self._put(batch)
            return
        stream = batch.events[0].stream
        row = self._rows.setdefault(stream, deque())
        if not row and all(event.type in PREVIEW_TYPES for event in batch.events):
            self._put(batch)
            return
        loop = asyncio.get_running_loop()
        due = loop.time() + HOLD
        for event in batch.events:
            reached = max(self._reached.get(stream, -inf), -inf if event.at is None else event.at)
            self._reached[stream] = reached
            row.append(_Held(reached, (stream is None, stream or ""), due, event))
        if self._timer is None:
            self._timer = loop.call_at(due, self._let_go)

    def flush(self) -> None:
        """Let everything go at once."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._release(inf)

    @staticmethod
    def _streamed(batch: Batch) -> bool:
        return (
            not batch.listed
            and batch.origin == "stream"
            and bool(batch.events)
            and not any(event.type.startswith("local.") for event in batch.events)
        )

    def _let_go(self) -> None:
        loop = asyncio.get_running_loop()
        self._release(loop.time())
        waits = [row[0].due for row in self._rows.values() if row]
        self._timer = loop.call_at(min(waits), self._let_go) if waits else None

    def _release(self, now: float) -> None:
        """Let go what is due, and what comes before it by its stamp."""
        latest = max(
            ((held.reached, held.rank) for row in self._rows.values() for held in row if held.due <= now),
            default=None,
        )
        if latest is None:
            return
        free: list[_Held] = []
        for row in self._rows.values():
            while row and (row[0].reached, row[0].rank) <= latest:
                free.append(row.popleft())
        free.sort(key=lambda held: (held.reached, held.rank))
        self._put(Batch([held.event for held in free]))
