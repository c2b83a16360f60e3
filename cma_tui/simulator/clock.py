"""Owns time, ids and background tasks: the three things that would make a run differ from the next one.

Invariant: with pace 0 nothing here reads the machine's clock or waits for it. Time then jumps from one
wake-up to the next, so a scripted run has the same stamps every time and overlapping waits overlap, as they
would in real time.
"""

from __future__ import annotations

import asyncio
import heapq
import random
import time
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SCRIPTED_START = datetime(2026, 10, 12, 9, 0, tzinfo=UTC)
_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_SETTLE_TURNS = 3  # loop turns a woken task gets to ask for its next wait before time moves on


def micros(moment: datetime) -> int:
    """Microseconds since 1970, the unit of every time in here."""
    return (moment - EPOCH) // timedelta(microseconds=1)


def stamp(at: int) -> str:
    """The API's time format: ISO, six digits, Z."""
    return (EPOCH + timedelta(microseconds=at)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Clock:
    """Time for the scripted agent; `pace` stretches every wait, and with 0 waits only move the clock."""

    def __init__(self, pace: float) -> None:
        if pace < 0:
            raise ValueError("pace is a factor of 0 or more")
        self._pace = pace
        self._scripted_now = micros(SCRIPTED_START)
        self._real_offset = micros(datetime.now(UTC)) - time.monotonic_ns() // 1000 if pace else 0
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []
        self._order = 0
        self._advancing = False

    def now(self) -> int:
        """Microseconds since 1970."""
        return self._real_offset + time.monotonic_ns() // 1000 if self._pace else self._scripted_now

    def timer(self, seconds: float) -> asyncio.Future[None]:
        """A future for so many scripted seconds from now; finishing it from outside cuts the wait short."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        if self._pace:
            loop.call_later(seconds * self._pace, _finish, future)
            return future
        self._order += 1
        heapq.heappush(self._sleepers, (self._scripted_now + int(seconds * 1e6), self._order, future))
        if not self._advancing:
            self._advancing = True
            loop.call_soon(self._advance, _SETTLE_TURNS)
        return future

    def stop(self) -> None:
        """Forget who sleeps: their loop is about to end."""
        self._sleepers.clear()
        self._advancing = False

    def _advance(self, turns_left: int) -> None:
        if turns_left:
            asyncio.get_running_loop().call_soon(self._advance, turns_left - 1)
            return
        while self._sleepers:
            at, _, future = heapq.heappop(self._sleepers)
            if not future.done():
                self._scripted_now = max(self._scripted_now, at)
                future.set_result(None)
                break
        self._advancing = bool(self._sleepers)
        if self._advancing:
            asyncio.get_running_loop().call_soon(self._advance, _SETTLE_TURNS)


def _finish(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


class Ids:
    """Ids of the API's look, the same ones for the same seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - names, not secrets

    def new(self, prefix: str) -> str:
        """For example `sevt_01` and 22 more characters."""
        return f"{prefix}_01{''.join(self._random.choices(_BASE58, k=22))}"


class Signal:
    """Wakes everyone who waits for "something changed"; the waiter looks again whether it was for him."""

    def __init__(self) -> None:
        self._waiting: list[asyncio.Future[None]] = []

    def wait(self) -> asyncio.Future[None]:
        """A future for the next change."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        return future

    def fire(self) -> None:
        """Wake the waiting."""
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            _finish(future)


class Tasks:
    """Holds the simulator's background tasks and the exceptions they ended with, so that none is lost."""

    def __init__(self, changed: Signal) -> None:
        self._live: set[asyncio.Task[None]] = set()
        self._failures: list[BaseException] = []
        self._changed = changed

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run `work` in the background and keep hold of it."""
        task = asyncio.get_running_loop().create_task(work)
        self._live.add(task)
        task.add_done_callback(self._ended)
        return task

    def fail(self, error: BaseException) -> None:
        """Remember an error that must reach whoever runs the simulator."""
        self._failures.append(error)
        self._changed.fire()

    def check(self) -> None:
        """Raise what has gone wrong in the background, once."""
        failures, self._failures = self._failures, []
        if failures:
            raise BaseExceptionGroup("the simulator failed", failures)

    async def stop(self) -> None:
        """Cancel what is still running and wait until it has gone."""
        live = list(self._live)
        for task in live:
            task.cancel()
        if live:
            await asyncio.wait(live)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._live.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.fail(error)
