"""Custom tools that run here, for the sessions that this program drives.

Owns the worker process. Invariants: a call takes no longer than its limit, after which its process is
ended; a process that ends is a failed call, and the next call gets a new one.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from cma_tui.source import SourceError

LIMIT = 60.0
"""Seconds that a call may take."""
_LINE = 64 * 1024 * 1024


class Result(NamedTuple):
    """What a call gave."""

    content: list[dict[str, Any]]
    is_error: bool
    printed: str = ""


class Tools:
    """The tools of one Python file. All on the source's loop."""

    def __init__(self, path: Path, limit: float = LIMIT) -> None:
        self.path = path
        self.names: frozenset[str] = frozenset()
        self._limit = limit
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()

    async def start(self) -> frozenset[str]:
        """Load the file. Returns the names of its tools.

        Raises:
            SourceError: it has none, or fails.
        """
        async with self._turn:
            await self._worker()
        return self.names

    async def call(self, name: str, arguments: object) -> Result:
        """Run a tool; whatever goes wrong is a result that says so."""
        async with self._turn:
            try:
                async with asyncio.timeout(self._limit):
                    process = await self._worker()
                    assert process.stdin is not None
                    process.stdin.write(json.dumps({"name": name, "input": arguments}).encode() + b"\n")
                    await process.stdin.drain()
                    answer = await self._answer(process)
            except TimeoutError:
                await self._end()
                return _failed(f"{name} took longer than {self._limit:g} s and was ended")
            except (SourceError, OSError, ValueError) as error:
                await self._end()
                return _failed(f"{name} could not be run: {error}")
            except asyncio.CancelledError:
                await self._end()
                raise
        return Result(_blocks(answer.get("content")), bool(answer.get("is_error")), answer.get("printed", ""))

    def kill(self) -> None:
        """End the process at once, from any thread."""
        if self._process is not None:
            _kill(self._process)

    async def _worker(self) -> asyncio.subprocess.Process:
        if self._process is not None and self._process.returncode is None:
            return self._process
        self._process = process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "cma_tui.source.worker",
            str(self.path),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
            limit=_LINE,
        )
        hello = await self._answer(process)
        if "error" in hello:
            await self._end()
            raise SourceError(f"{self.path}: {hello['error']}", 2)
        self.names = frozenset(hello["tools"])
        return process

    async def _answer(self, process: asyncio.subprocess.Process) -> dict[str, Any]:
        assert process.stdout is not None
        line = await process.stdout.readline()
        if not line:
            raise SourceError("its process ended")
        answer: dict[str, Any] = json.loads(line)
        return answer

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            _kill(process)
            await process.wait()


def _kill(process: asyncio.subprocess.Process) -> None:
    """End a process and what it has started."""
    if process.returncode is None:
        with suppress(ProcessLookupError):  # it has ended, and the loop does not know it yet
            os.killpg(process.pid, signal.SIGKILL)


def _failed(text: str) -> Result:
    return Result([{"type": "text", "text": text}], True)


def _blocks(content: object) -> list[dict[str, Any]]:
    """What a function returned, as content blocks."""
    if isinstance(content, list) and all(isinstance(block, dict) and "type" in block for block in content):
        return content
    text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
    return [{"type": "text", "text": text}] if text else []
