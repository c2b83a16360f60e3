"""A thread of its own for what reads: an event loop on it, from start to close.

Owns beginning, ending and calling into it, for a feed and for the overview. Invariant: an error is kept for
whoever shows it, never swallowed; being closed is none; once it has ended, nothing can be submitted.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, TypeVar

from cma_tui.source import SourceError

Answer = TypeVar("Answer")


class Reading:
    """One coroutine on a thread and an event loop of its own: what is below says which."""

    def __init__(self, name: str) -> None:
        """Prepare; `name` is the thread's."""
        self.error: BaseException | None = None
        """Why it stopped before it was done."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._started = threading.Event()
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
        try:
            if self._loop is not None:
                return asyncio.run_coroutine_threadsafe(work, self._loop)
        except RuntimeError:  # the loop is closed
            pass
        work.close()
        raise SourceError("nothing can be sent any more: the source has ended")

    def _run(self) -> None:
        try:
            asyncio.run(self._reading())
        except BaseException as error:  # noqa: BLE001 - handed to the screen, which shows it
            self.error = error
        finally:
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
