"""A thread of its own for what reads: an event loop on it, from start to close.

Owns beginning, ending and calling into it, for a feed and for the overview. Invariant: an error is kept for
whoever shows it, never swallowed; being closed is none; once it has ended, nothing can be submitted, and
whatever was submitted before has its answer.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from inspect import CORO_CREATED, getcoroutinestate
from typing import Any, TypeVar

from cma_tui.source import SourceError

Answer = TypeVar("Answer")
_OVER = "nothing can be sent any more: the source has ended"


class Reading:
    """One coroutine on a thread and an event loop of its own: what is below says which."""

    def __init__(self, name: str) -> None:
        """Prepare; `name` is the thread's."""
        self.error: BaseException | None = None
        """Why it stopped before it was done."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._started = threading.Event()
        self._given: dict[Future[Any], Coroutine[Any, Any, Any]] = {}
        """What was submitted and has not ended, with its answer."""
        self._giving = threading.Lock()
        """Held while something is submitted: nothing is given to a loop that is gone and never looked at."""
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    async def _read(self) -> None:
        """What is done on the thread."""
        raise NotImplementedError

    def _ended(self) -> None:
        """It is done, or was closed, or failed. Called on the thread."""
        raise NotImplementedError

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Start; returns when the loop runs."""
        self._thread.start()
        self._started.wait()

    def close(self, timeout: float = 2.0) -> None:
        """Stop it and wait for the thread to end, for at most so many seconds."""
        if self._task is not None:
            self.call(self._task.cancel)
        if self._thread.is_alive():  # also when it is about to end by itself
            self._thread.join(timeout)

    def join(self, timeout: float) -> None:
        """Wait for the thread to end by itself."""
        self._thread.join(timeout)

    def call(self, function: Callable[..., object], *arguments: object) -> bool:
        """Call a function on its loop, soon. Says whether there is one."""
        if self._loop is None or self._loop.is_closed():
            return False
        with suppress(RuntimeError):  # it closed between the look and the call
            self._loop.call_soon_threadsafe(function, *arguments)
            return True
        return False

    def submit(self, work: Coroutine[Any, Any, Answer]) -> Future[Answer]:
        """Run a coroutine on its loop.

        Raises:
            SourceError: it has ended.
        """
        with self._giving, suppress(RuntimeError):  # the loop is closed
            if self._loop is not None:
                answer = asyncio.run_coroutine_threadsafe(work, self._loop)
                self._given[answer] = work
                answer.add_done_callback(self._answered)
                return answer
        work.close()
        raise SourceError(_OVER)

    def _answered(self, answer: Future[Any]) -> None:
        """Forget it, unless it was called off before the loop came to it: then it may have to be closed."""
        if not answer.cancelled() or getcoroutinestate(self._given[answer]) != CORO_CREATED:
            self._given.pop(answer, None)

    def _run(self) -> None:
        try:
            asyncio.run(self._reading())
        except BaseException as error:  # noqa: BLE001 - handed to the screen, which shows it
            self.error = error
        finally:
            with self._giving:
                left = list(self._given.items())
            for answer, work in left:  # the loop ended before it came to them
                work.close()
                if not answer.done() and answer.set_running_or_notify_cancel():
                    answer.set_exception(SourceError(_OVER))
            self._ended()
            self._started.set()

    async def _reading(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        self._started.set()
        try:
            await self._read()
        except asyncio.CancelledError:
            return
        except SourceError as error:
            self.error = error
