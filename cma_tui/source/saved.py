"""A saved log as a source: all its events, as fast as they can be read, and those that are written later.

Owns nothing but the size of the batches, and the waiting for more. Invariant: every event of the log is given
out once and in order, previews too. How a log is played is the player's (`cma_tui.player`).
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from concurrent.futures import wait
from itertools import islice
from typing import Protocol

from cma_tui.event import Event
from cma_tui.source import Batch, Controls, Line

BATCH = 1024
"""Events given out at once."""
LOOK = 0.2
"""Seconds between two looks at a file that is being written."""


class Log(Protocol):
    """What is read."""

    @property
    def name(self) -> str:
        """Its name, for the header and messages."""
        ...

    @property
    def sessions(self) -> Sequence[str]:
        """The sessions that have been found in it so far."""
        ...

    def events(self, session: int = 0) -> Iterator[Event]:
        """The events of one of its sessions from the start, in order."""
        ...


class Growing(Log, Protocol):
    """What is being written."""

    def follow(self, wait: Callable[[], bool]) -> Iterator[Event]:
        """The events that are there and those that come; `wait` says whether to look again."""
        ...


class Saved:
    """Reads a log once, from its start to its end."""

    live = False
    line: Line | None = None
    controls: Controls | None = None

    def __init__(self, log: Log, session: int = 0) -> None:
        self.name = log.name
        self._log = log
        self.session = session
        """Which session of the log it is."""

    @property
    def shape(self) -> str:
        """What kind of file it is."""
        shape: str = getattr(self._log, "shape", "")
        return shape

    @property
    def sessions(self) -> int:
        """How many sessions are in the log, as far as is known."""
        return len(self._log.sessions)

    async def batches(self) -> AsyncGenerator[Batch, None]:
        """The log's events, once each."""
        events = self._log.events(self.session)
        while batch := list(islice(events, BATCH)):
            yield Batch(batch)
            await asyncio.sleep(0)  # a long log must not shut out the loop


class Followed:
    """Reads a log that is being written: what is there as fast as it can, then what comes."""

    line: Line | None = None
    controls: Controls | None = None

    def __init__(self, log: Growing) -> None:
        self.name = log.name
        shape = getattr(log, "shape", "")
        self.shape = f"{shape}, followed" if shape else "followed"
        self.live = False
        """Whether what was there has been read: from then on it is a session that goes on."""
        self._log = log
        self._over = threading.Event()

    async def batches(self) -> AsyncGenerator[Batch, None]:
        """The log's events, once each; the reading, which waits, has a thread of its own."""
        loop, batches = asyncio.get_running_loop(), asyncio.Queue[Batch | None](1)

        def give(batch: Batch | None) -> None:
            given = asyncio.run_coroutine_threadsafe(batches.put(batch), loop)
            while not given.done() and not self._over.is_set():
                wait([given], LOOK)
            given.cancel()  # unless it has been taken: nobody reads any more

        reading = asyncio.ensure_future(asyncio.to_thread(self._read, give))
        try:
            while (batch := await batches.get()) is not None:
                yield batch
            await reading
        finally:
            self._over.set()

    def _read(self, give: Callable[[Batch | None], None]) -> None:
        held: list[Event] = []

        def more() -> bool:
            if held:
                give(Batch(list(held)))
                held.clear()
            if not self.live:
                self.live = True
                give(Batch([]))  # nothing new, but the screen is to say so
            return not self._over.wait(LOOK)

        try:
            for event in self._log.follow(more):
                held.append(event)
                if len(held) == BATCH:
                    give(Batch(list(held)))
                    held.clear()
        finally:
            give(None)
