"""A saved log as a source: its events given out by the log's own clock.

Owns the pace of a replay. Invariants: every event of the log is given out once and in order, previews
too, whatever the speed and however often it is paused; nothing is polled, a paused replay costs nothing;
the player's buttons may be pressed on any thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import suppress
from itertools import islice
from threading import Lock
from time import monotonic
from typing import Protocol

from cma_tui.event import Event
from cma_tui.source import Batch, Controls, Line

BATCH = 4096
"""Events given out at once when nothing holds them back."""
_TICK = 0.002
"""Seconds: waits below it are saved up, because a timer is no finer."""
_LATE = 0.1
"""Seconds a replay may catch up on; a consumer that is later than that has made a pause."""


class Log(Protocol):
    """What is replayed."""

    @property
    def name(self) -> str:
        """Its name, for the header and messages."""
        ...

    def events(self) -> Iterator[Event]:
        """Its events from the start, in order."""
        ...


async def wait_for(wake: asyncio.Event, seconds: float | None) -> None:
    """Wait until the event is set, for at most so many seconds."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await wake.wait()


class Replay:
    """Plays a log: by its clock, at a multiple of it, step by step, or as fast as it can be read."""

    live = False
    line: Line | None = None
    controls: Controls | None = None

    def __init__(
        self,
        log: Log,
        *,
        speed: float | None = 1.0,
        idle_limit: float = 2.0,
        paused: bool = False,
        clock: Callable[[], float] = monotonic,
        wait: Callable[[asyncio.Event, float | None], Awaitable[None]] = wait_for,
    ) -> None:
        """Prepare to play.

        Args:
            log: what to play.
            speed: how many seconds of the log pass in one of ours; None for no waiting at all.
            idle_limit: seconds of the log that a gap in it lasts at most.
            paused: wait for `play` or `step` before the first event.
            clock: our time, in seconds.
            wait: waits until the event is set, for at most so many seconds.
        """
        self.name = log.name
        self.position = 0
        """Events given out so far."""
        self.total: int | None = None
        """How many there are; None until the end has been read."""
        self._log = log
        self._idle_limit = max(0.0, idle_limit)
        self._clock = clock
        self._wait = wait
        self._lock = Lock()
        """Guards speed, pause, steps and loop, which any thread may set or use."""
        self._speed = _checked(speed)
        self._paused = paused
        self._steps = 0
        """Events to give out although it is paused."""
        self._before: float | None = None
        """When the event before the next one happened."""
        self._ahead = 0.0
        """Seconds of the log until the next event is due; below 0 when it is late."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake = asyncio.Event()

    # -- the buttons ----------------------------------------------------------------------------------

    @property
    def paused(self) -> bool:
        """Whether it stands still until `play` or `step`."""
        return self._paused

    @property
    def speed(self) -> float | None:
        """Seconds of the log in one of ours; None for no waiting."""
        return self._speed

    def pause(self) -> None:
        """Stand still after the event that is out."""
        with self._lock:
            self._paused = True
            self._notify()

    def play(self) -> None:
        """Go on; steps not taken yet are forgotten."""
        with self._lock:
            self._paused, self._steps = False, 0
            self._notify()

    def step(self) -> None:
        """Pause, and give out one more event."""
        with self._lock:
            self._paused = True
            self._steps += 1
            self._notify()

    def set_speed(self, speed: float | None) -> None:
        """Change the speed, from this moment on; None for no waiting."""
        with self._lock:
            self._speed = _checked(speed)
            self._notify()

    def _notify(self) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._wake.set)

    # -- the playing -----------------------------------------------------------------------------------

    async def batches(self) -> AsyncGenerator[Batch, None]:
        """The log's events, once each."""
        with self._lock:
            self._loop = asyncio.get_running_loop()
        try:
            events = self._log.events()
            event = self._approach(next(events, None))
            while event is not None:
                most = await self._until_due()
                batch = [event]
                if most > 1 and self._speed is None:
                    batch += islice(events, most - 1)
                    self._before, self._ahead = _time(batch[-1]), 0.0
                    event = self._approach(next(events, None))
                else:
                    event = self._approach(next(events, None))
                    while event is not None and len(batch) < most and self._due():
                        batch.append(event)
                        event = self._approach(next(events, None))
                self.position += len(batch)
                yield Batch(batch)
                await asyncio.sleep(0)  # a log played without waits must not shut out the loop
            self.total = self.position
        finally:
            with self._lock:
                self._loop = None  # it may be closed from here on

    def _approach(self, event: Event | None) -> Event | None:
        """Make this event the next one: add the gap before it to what has to pass until it is due."""
        at = _time(event) if event is not None else None
        if at is not None:
            if self._before is not None:
                self._ahead += min(max(0.0, at - self._before), self._idle_limit)
            self._before = at
        return event

    def _due(self) -> bool:
        """Whether the next event may go out with the one before it."""
        speed = self._speed
        return not self._paused and (speed is None or self._ahead <= _TICK * speed)

    async def _until_due(self) -> int:
        """Wait for the next event's turn. Returns how many may go out at most."""
        while True:
            self._wake.clear()
            with self._lock:
                speed, paused = self._speed, self._paused
                if paused and self._steps:
                    self._steps -= 1
                    self._ahead = 0.0
                    return 1
            if paused:
                await self._wait(self._wake, None)
            elif speed is None or self._ahead <= _TICK * speed:
                self._ahead = 0.0 if speed is None else max(self._ahead, -_LATE * speed)
                return BATCH
            else:
                started = self._clock()
                await self._wait(self._wake, self._ahead / speed)
                self._ahead -= (self._clock() - started) * speed


def _time(event: Event) -> float | None:
    """When it happened, by the clock that tells it best: ours at its arrival, else the server's."""
    return event.at if event.received_at is None else event.received_at


def _checked(speed: float | None) -> float | None:
    if speed is not None and not 0 < speed < float("inf"):
        raise ValueError("speed must be a number above 0")
    return speed
