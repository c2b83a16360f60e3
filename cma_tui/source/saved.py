"""A saved log as a source: all its events, as fast as they can be read.

Owns nothing but the size of the batches. Invariant: every event of the log is given out once and in order,
previews too. How a log is played is the player's (`cma_tui.player`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from itertools import islice
from typing import Protocol

from cma_tui.event import Event
from cma_tui.source import Batch, Controls, Line

BATCH = 4096
"""Events given out at once."""


class Log(Protocol):
    """What is read."""

    @property
    def name(self) -> str:
        """Its name, for the header and messages."""
        ...

    def events(self, session: int = 0) -> Iterator[Event]:
        """The events of one of its sessions from the start, in order."""
        ...


class Saved:
    """Reads a log once, from its start to its end."""

    live = False
    line: Line | None = None
    controls: Controls | None = None

    def __init__(self, log: Log, session: int = 0) -> None:
        self.name = log.name
        self.shape: str = getattr(log, "shape", "")
        """What kind of file it is."""
        self._log, self._session = log, session

    async def batches(self) -> AsyncGenerator[Batch, None]:
        """The log's events, once each."""
        events = self._log.events(self._session)
        while batch := list(islice(events, BATCH)):
            yield Batch(batch)
            await asyncio.sleep(0)  # a long log must not shut out the loop
