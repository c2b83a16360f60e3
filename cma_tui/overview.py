"""The loop of the overview: a workspace on a thread of its own, and the roster that it feeds.

Owns the roster while the workspace is followed. Invariant: only the caller of `take` touches the roster;
nothing is dropped; an error of the source is handed over, never swallowed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from contextlib import aclosing
from time import monotonic, perf_counter, time
from typing import TYPE_CHECKING

from cma_tui.reading import Reading
from cma_tui.session.roster import Roster
from cma_tui.source.news import News, take_in

if TYPE_CHECKING:
    from cma_tui.source.overview import Workspace


class Overview(Reading):
    """A workspace on a thread of its own, and the roster it feeds."""

    def __init__(self, open_workspace: Callable[[], Awaitable[Workspace]]) -> None:
        """Prepare; `open_workspace` is called on the overview's thread, so it may import what is slow."""
        super().__init__("overview")
        self.roster = Roster()
        self.wake: Callable[[], None] = lambda: None
        """Called on the overview's thread when there is something to take; must not block."""
        self.trouble = ""
        """What does not work at the moment; empty when all goes well."""
        self.listed_at: float | None = None
        """When the list was last heard of, on the monotonic clock; None before that."""
        self._open = open_workspace
        self._queue: deque[News] = deque()
        self._workspace: Workspace | None = None

    @property
    def behind(self) -> bool:
        """Whether something waits to be taken."""
        return bool(self._queue)

    def take(self, budget: float = 0.012) -> bool:
        """Take in what has arrived, for about so many seconds. Says whether there was anything."""
        deadline = perf_counter() + budget
        taken = False
        while self._queue and perf_counter() < deadline:
            self._take_in(self._queue.popleft())
            taken = True
        return taken

    def look_at(self, sessions: Iterable[str]) -> None:
        """Say which sessions are on the screen."""
        if self._workspace is not None:
            self.call(self._workspace.look_at, tuple(sessions))

    def _take_in(self, news: News) -> None:
        take_in(self.roster, news, time())
        if news.kind == "listed":
            self.listed_at, self.trouble = monotonic(), ""
        elif news.kind == "trouble":
            self.trouble = news.text

    def _ended(self) -> None:
        self.wake()

    async def _read(self) -> None:
        self._workspace = await self._open()
        async with aclosing(self._workspace.news()) as all_news:
            async for news in all_news:
                self._queue.append(news)
                self.wake()
