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
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from concurrent.futures import Future
from contextlib import aclosing
from time import perf_counter
from typing import Any

from cma_tui.event import Event
from cma_tui.session.fold import apply
from cma_tui.session.merge import merge
from cma_tui.session.model import Change, Session
from cma_tui.source import Batch, Source, SourceError

_SLICE = 256
"""Events folded between two looks at the clock."""


class Feed:
    """A source on a thread of its own, and the session it feeds."""

    def __init__(
        self, open_source: Callable[[], Awaitable[Source]], wake: Callable[[], None] = lambda: None
    ) -> None:
        """Prepare a feed.

        Args:
            open_source: makes the source; called on the feed's thread, so it may import what is slow and
                ask a server first.
            wake: called on the feed's thread when there is something to take; must not block.
        """
        self.session = Session()
        self.source: Source | None = None
        """Set when it is open."""
        self.error: BaseException | None = None
        """Why the source stopped before its end."""
        self.finished = False
        """Whether the source has ended; there may still be something to take."""
        self.wake = wake
        self._open_source = open_source
        self._queue: deque[Batch] = deque()
        self._folded = 0
        """How many events of the first waiting batch have been folded."""
        self._change = Change()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._reading: asyncio.Task[None] | None = None
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)

    def start(self) -> None:
        """Start reading."""
        self._thread.start()
        self._started.wait()

    def close(self, timeout: float = 2.0) -> None:
        """Stop reading and wait for the thread to end, for at most `timeout` seconds."""
        loop, reading = self._loop, self._reading
        if loop is not None and reading is not None and not loop.is_closed():
            try:
                loop.call_soon_threadsafe(reading.cancel)
            except RuntimeError:
                return  # the loop closed between the look and the call: it has ended
            self._thread.join(timeout)

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
        change, self._change = self._change, Change()
        return change

    def submit(self, work: Coroutine[Any, Any, Any]) -> Future[Any]:
        """Run a coroutine on the source's loop: the only way to reach its controls.

        Raises:
            SourceError: the source has ended.
        """
        assert self._loop is not None
        try:
            return asyncio.run_coroutine_threadsafe(work, self._loop)
        except RuntimeError as error:  # the loop is closed
            work.close()
            raise SourceError("nothing can be sent any more: the source has ended") from error

    def _fold_some(self) -> None:
        batch = self._queue[0]
        if batch.listed:
            self.session = merge(self.session, batch.events, self._change, after=batch.after)
            self._folded = len(batch.events)
        else:
            for event in batch.events[self._folded : self._folded + _SLICE]:
                apply(self.session, event, self._change)
            self._folded += _SLICE
        if self._folded >= len(batch.events):
            self._queue.popleft()
            self._folded = 0

    def _run(self) -> None:
        try:
            asyncio.run(self._read())
        except BaseException as error:  # noqa: BLE001 - handed to the screen, which shows it
            self.error = error
        finally:
            self.finished = True
            self._started.set()
            self.wake()

    async def _read(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._reading = asyncio.current_task()
        self._started.set()
        try:
            self.source = await self._open_source()
            self.wake()
            async with aclosing(self.source.batches()) as batches:
                async for batch in batches:
                    self._queue.append(batch)
                    self.wake()
        except asyncio.CancelledError:
            return
        except SourceError as error:
            self.error = error


def fold_batch(session: Session, batch: Batch, change: Change) -> Session:
    """Fold one batch, whichever way it came. Returns the session to go on with."""
    if batch.listed:
        return merge(session, batch.events, change, after=batch.after)
    for event in batch.events:
        apply(session, event, change)
    return session


def fold_all(events: Iterable[Event]) -> Session:
    """Fold a whole log at once."""
    session, change = Session(), Change()
    for event in events:
        apply(session, event, change)
    return session
