"""One row of the overview: what is known of a session, or of a recording, and how it stands.

Owns how a session stands, from its resource and the end of its log. Invariants: no clock and no I/O; a figure
that is not known is None; what was told of a session that has moved on since counts as not known.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

import msgspec

from cma_tui.event import Event
from cma_tui.session.model import Session, ToolUse

NEEDS_YOU, NEEDS_HOST, RUNNING, RETRYING, FAILED, UNREAD, IDLE, ENDED, SAVED = range(9)
"""How a session stands, most urgent first."""


class Entry(msgspec.Struct):
    """One session, or one recording."""

    id: str
    path: str | None = None
    """The file of a recording; None for a session."""
    title: str = ""
    agent: str = ""
    model: str = ""
    metadata: dict[str, Any] = {}
    status: str = "unknown"
    """What the list said last; of a file, what it is."""
    created_at: float | None = None
    updated_at: float | None = None
    tokens: int | None = None
    """All that the model read and wrote."""
    cost: float | None = None
    cost_at_first: float = 0.0
    """What it had cost when it was first seen."""
    spending: deque[tuple[float, float]] = msgspec.field(default_factory=deque)
    """Moments, and what it had cost by then."""
    log: Session | None = None
    """The end of its log, folded; None while nothing of it was read."""
    current: bool = False
    """Whether nothing is known to have happened since the log was read."""
    streamed: bool = False
    haystack: str = ""
    """What a filter looks in."""

    @property
    def standing(self) -> int:
        """How it stands, as one of the words above."""
        if self.path is not None:
            return SAVED
        log = self.log if self.log is not None and (self.current or self.streamed) else None
        status = log.status if log is not None and log.has_status else self.status
        if status in ("terminated", "deleted"):
            return ENDED
        if status == "rescheduling":
            return RETRYING
        if log is not None and log.state == "waiting":
            uses = self.asks
            yours = not uses or any(use.awaited == "confirmation" for use in uses)
            return NEEDS_YOU if yours else NEEDS_HOST
        if status == "running":
            return RUNNING
        if log is None:
            return UNREAD
        return FAILED if log.stop_reason not in (None, "end_turn") else IDLE

    @property
    def word(self) -> str:
        """How it stands, in a word."""
        return self.status if self.path is not None else standing_word(self.standing)

    @property
    def asks(self) -> list[ToolUse]:
        """The tool uses that wait for an answer, as far as the end of the log shows them."""
        return [] if self.log is None else self.log.asks

    @property
    def tool(self) -> ToolUse | None:
        """The tool that waits, or that runs."""
        if self.log is None:
            return None
        if asks := self.asks:
            return asks[0]
        if self.standing != RUNNING:
            return None
        for index in reversed(self.log.tools.values()):
            use = self.log.items[index]
            if isinstance(use, ToolUse):
                return None if use.done else use
        return None

    @property
    def thinks(self) -> bool:
        """Whether the model is at work."""
        return self.log is not None and self.standing == RUNNING and bool(self.log.open_requests)

    @property
    def threads(self) -> int:
        """Child threads that run, as far as the end of the log shows them."""
        return 0 if self.log is None else sum(t.status == "running" for t in self.log.threads.values())

    @property
    def burn(self) -> float | None:
        """US dollars a minute, over the last minutes; None where nothing shows it."""
        if len(self.spending) < 2 or self.standing not in (RUNNING, RETRYING):
            return None
        (start, before), (end, now) = self.spending[0], self.spending[-1]
        return (now - before) / (end - start) * 60 if end - start >= 10 else None

    @property
    def last_at(self) -> float | None:
        """When something last happened."""
        stamps = (self.updated_at, self.log.last_at if self.log is not None else None)
        return max((at for at in stamps if at is not None), default=self.created_at)

    def active(self, since: float, step: float, buckets: int) -> list[int]:
        """Events of the log in each of so many stretches of time from a moment on."""
        counts = [0] * buckets
        events: Sequence[Event] = self.log.events if self.log is not None else ()
        for event in reversed(events):
            if event.at is not None:
                if event.at < since:
                    break
                counts[min(buckets - 1, int((event.at - since) / step))] += 1
        return counts


_WORDS = (
    "needs you", "needs host", "running", "retrying", "failed", "idle?", "idle", "terminated", "recording",
)  # fmt: skip


def standing_word(standing: int) -> str:
    """How it stands, in a word."""
    return _WORDS[standing]
