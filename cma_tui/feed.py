"""The loop: source → fold → whoever draws.

Owns the session while a source feeds it. The source runs on a thread and an event loop of its own,
so that it reads on when the screen does not; what it yields waits in a queue, and the screen's side
folds it in `take`, within a time budget, on the screen's clock. Invariant: only the caller of `take`
touches the session; nothing is dropped; an error of the source is handed over, never swallowed.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from contextlib import aclosing
from time import perf_counter, time

import msgspec

from cma_tui.event import Event, local
from cma_tui.log.aside import Aside
from cma_tui.reading import Reading
from cma_tui.session.merge import arrive, merge
from cma_tui.session.model import Change, Session
from cma_tui.session.moments import Moments, keep_past
from cma_tui.source import Batch, Sink, Source

_SLICE = 256
"""Events folded between two looks at the clock."""
AHEAD = 2
"""Batches of a saved log that wait at most: it can be read later, so it need not fill the memory."""


class Feed(Reading):
    """A source on a thread of its own, and the session it feeds."""

    def __init__(self, open_source: Callable[[], Awaitable[Source]], session: Session | None = None) -> None:
        """Prepare a feed.

        Args:
            open_source: makes the source; called on the feed's thread, so it may import what is slow and
                ask a server first.
            session: what to fold into; an empty one of its own if not given.
        """
        super().__init__("feed")
        self.session = Session() if session is None else session
        if self.session.kept is None:
            keep_past(self.session)
        self.source: Source | None = None
        """Set when it is open."""
        self.finished = False
        """Whether the source has ended; there may still be something to take."""
        self.wake: Callable[[], None] = lambda: None
        """Called on the feed's thread when there is something to take; must not block."""
        self._open_source = open_source
        self._queue: deque[Batch] = deque()
        self._sinks: list[Sink] = []
        self._arriving = threading.Lock()
        """Held while a batch goes into the queue and to the sinks: one that is added misses none."""
        self._folded = 0
        """How many events of the first waiting batch have been folded."""
        self._change = Change()
        self._room: asyncio.Event | None = None
        """What the reading waits for while so much of a saved log waits."""

    @property
    def moments(self) -> Moments:
        """The moments of the session, to look at it as it was."""
        assert self.session.kept is not None
        assert self.session.kept.moments is not None
        return self.session.kept.moments

    @property
    def behind(self) -> bool:
        """Whether batches wait to be folded."""
        return bool(self._queue)

    def take(self, budget: float = 0.008) -> Change | None:
        """Fold what has arrived, for about `budget` seconds, and hand over what changed.

        Returns None when nothing did. Whatever did not fit the budget waits for the next call.
        """
        deadline = perf_counter() + budget
        changed = False
        while self.behind:
            changed = True
            self._fold_some()
            if perf_counter() >= deadline:
                break
        if not changed:
            return None
        self._look_aside()
        change, self._change = self._change, Change(known=len(self.session.items))
        return change

    def add_sink(self, sink: Sink) -> None:
        """Give a sink all that has come so far, and from now on all that comes. For the caller of `take`."""
        with self._arriving:
            sink.put(Batch([*self.moments.told(), *self.session.queued.values()]))
            for number, batch in enumerate(self._queue):
                begin = self._folded if not number else 0
                sink.put(msgspec.structs.replace(batch, events=batch.events[begin:]))
            self._sinks.append(sink)

    def remove_sink(self, sink: Sink) -> None:
        """Give a sink nothing more."""
        with self._arriving:
            self._sinks.remove(sink)

    def _fold_some(self) -> None:
        batch = self._queue[0]
        if batch.listed:
            self.session = merge(self.session, batch.events, self._change, after=batch.after)
            self._folded = len(batch.events)
        else:
            before, stop = self.session, self._folded + _SLICE
            self.session = arrive(before, batch.events[self._folded : stop], self._change)
            if self.session is not before:  # one stream is behind the others: do not mend slice by slice
                self.session = arrive(self.session, batch.events[stop:], self._change)
                stop = len(batch.events)
            self._folded = stop
        if self._folded >= len(batch.events):
            self._queue.popleft()
            self._folded = 0
            if (room := self._room) is not None:
                self.call(room.set)

    def _look_aside(self) -> None:
        """Say it, where the disk does not take the events of a long session."""
        events = self.session.events
        if isinstance(events, Aside) and (problem := events.take_problem()):
            now = time()
            notice = local("local.notice", {"text": problem, "at": now}, received_at=now)
            with self._arriving:
                self._queue.append(Batch([notice]))
            self.wake()

    def _ended(self) -> None:
        self.finished = True
        self.wake()

    async def _read(self) -> None:
        self.source = await self._open_source()
        self.wake()
        async with aclosing(self.source.batches()) as batches:
            async for batch in batches:
                with self._arriving:
                    self._queue.append(batch)
                    for sink in self._sinks:
                        sink.put(batch)
                self.wake()
                if not self.source.live:
                    await self._until_room()

    async def _until_room(self) -> None:
        """Wait until some of what was read has been folded."""
        self._room = asyncio.Event()
        while len(self._queue) > AHEAD:  # looked at after the event is there: none is missed
            await self._room.wait()
            self._room.clear()
        self._room = None


def fold_batch(session: Session, batch: Batch, change: Change) -> Session:
    """Fold one batch, whichever way it came. Returns the session to go on with."""
    if batch.listed:
        return merge(session, batch.events, change, after=batch.after)
    return arrive(session, batch.events, change)


def fold_all(events: Iterable[Event]) -> Session:
    """Fold a whole log at once."""
    return arrive(Session(), list(events), Change())
