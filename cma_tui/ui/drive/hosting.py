"""Running custom tools for the session: each use once, each result posted once.

Owns which uses have been started. Invariants: nothing runs before the whole history is known, so that a
use that was answered is not run again; a result is on disk before it is posted and until the server has
it; uses of unknown tools are left to others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from cma_tui.session.model import ToolUse
from cma_tui.source import SourceError
from cma_tui.source.tools import Tools
from cma_tui.text import first_line
from cma_tui.ui.drive.asked import Asked, asked_of, still_asked, waiting_uses
from cma_tui.ui.drive.sender import Sender

PAUSES = (0.0, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Seconds before each try to post a result; after the last one a person is asked for it."""


async def _nothing() -> None:
    return


class Host:
    """The tools of one file, at work for one session."""

    def __init__(self, panel: Sender, path: Path, kept: Callable[[], dict[str, dict[str, Any]]]) -> None:
        """Prepare; nothing runs before `open`.

        Args:
            panel: sends, and says what goes wrong.
            path: the file with the tools.
            kept: the results that are on disk, by tool use; what is put there is saved by `save`.
        """
        self._panel = panel
        self._path = path
        self._kept = kept
        self._tools: Tools | None = None
        self._started: set[str] = set()
        self._failed: set[str] = set()
        self.save: Callable[[], Awaitable[None]] = _nothing
        self.names: frozenset[str] = frozenset()

    async def open(self) -> None:
        """Load the tools."""
        try:
            self.names = await self._panel.on_source(self._load())
        except SourceError as error:
            self._panel.say(f"no tools run here: {error}", "$error")

    def close(self) -> None:
        """End what runs."""
        if self._tools is not None:
            self._tools.kill()

    def runs(self, use: ToolUse) -> bool:
        """Whether the result of a use is to come from here."""
        return use.name in self.names and use.key not in self._failed

    async def _load(self) -> frozenset[str]:
        self._tools = Tools(self._path)
        return await self._tools.start()

    def due(self) -> list[Asked]:
        """The uses to run now; each is named once."""
        line = self._panel.feed.source.line if self._panel.feed.source is not None else None
        if not self.names or self._panel.feed.behind or (line is not None and line.checked_at is None):
            return []
        session = self._panel.feed.session
        found = [
            asked_of(session, use)
            for use in waiting_uses(session)[1]
            if use.name in self.names and use.key not in self._started
        ]
        self._started.update(asked.key for asked in found)
        return found

    async def answer(self, asked: Asked) -> None:
        """Run one use and post its result."""
        panel, tools = self._panel, self._tools
        session = panel.feed.session
        if tools is None or not still_asked(session, asked):
            return
        event = self._kept().get(asked.key)
        if event is None:
            data = session.events[session.items[session.tools[asked.key]].event].data
            name = str(data.get("name"))
            result = await panel.on_source(tools.call(name, data.get("input")))
            if result.printed.strip():
                panel.say(f"{name} printed: {first_line(result.printed.strip(), 200)}")
            event = {
                "type": "user.custom_tool_result",
                "custom_tool_use_id": asked.key,
                "content": result.content,
                "is_error": result.is_error,
            }
            self._kept()[asked.key] = event
            await self.save()
        for pause in PAUSES:  # each try looks first for what the last one may have posted
            await asyncio.sleep(pause)
            if not still_asked(panel.feed.session, asked) or await panel.send([event]):
                self._kept().pop(asked.key, None)
                await self.save()
                return
        self._failed.add(asked.key)
