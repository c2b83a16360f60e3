"""The ends of logs: read where nothing else tells how a session stands.

Owns whose end is to be read next. Invariants: what is asked for is read, those on the screen first; what may
wait never holds up what is urgent; what cannot be read in passing is tried again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import anthropic
import msgspec

from cma_tui.event import Event, parse
from cma_tui.source import SourceError
from cma_tui.source.budget import LATER, URGENT, Budget
from cma_tui.source.client import CALL_ERRORS, said
from cma_tui.source.endpoints import GoneError, SessionEndpoint
from cma_tui.source.history import Page, jitter
from cma_tui.source.news import News

TAIL = 60
"""Events of a log's end that are read."""
READERS = (URGENT, URGENT, URGENT, LATER, LATER)
"""Who reads the ends of logs, and how much room each leaves."""


class Tails:
    """The ends of the logs of a workspace."""

    def __init__(
        self,
        client: anthropic.AsyncAnthropic,
        budget: Budget,
        put: Callable[[News], None],
        heard: Callable[[str, list[Event]], None],
        gone: Callable[[str], None],
    ) -> None:
        """Prepare.

        Args:
            client: does the requests.
            budget: how many they may be.
            put: takes what was read.
            heard: is told the events of a session's end as well.
            gone: is told that there is no such session.
        """
        self.view: tuple[str, ...] = ()
        """The sessions on the screen."""
        self._client = client
        self._budget = budget
        self._put = put
        self._heard = heard
        self._gone = gone
        self._due: dict[str, int] = {}
        """Whose log's end is to be read, and how much room that must leave for others."""
        self._wanted = asyncio.Event()
        self._reading = 0
        self._settled = asyncio.Event()

    def __contains__(self, session: str) -> bool:
        """Whether the end of a session's log is to be read."""
        return session in self._due

    def forget(self, session: str) -> None:
        """There is no such session any more."""
        self._due.pop(session, None)

    async def read_first(self, most: int) -> None:
        """Read those that were asked for first, and no others; returns when that is done."""
        self._due = dict.fromkeys([*self._due][:most], URGENT)
        async with asyncio.TaskGroup() as tasks:
            readers = [tasks.create_task(self.keep_reading(left)) for left in READERS]
            while self._due or self._reading:
                self._settled.clear()
                await self._settled.wait()
            for reader in readers:
                reader.cancel()

    def read(self, session: str, left: int) -> None:
        """The end of this log is to be read, and that must leave so many requests for others."""
        self._due[session] = min(left, self._due.get(session, left))
        self._wanted.set()

    async def keep_reading(self, left: int) -> None:
        """Read what is due: what is urgent, or what may wait, so that neither holds up the other."""
        while True:
            while self._next_due(left) is None:
                self._wanted.clear()
                await self._wanted.wait()
            await self._budget.take(left)
            session = self._next_due(left)
            if session is None:
                continue
            del self._due[session]
            self._reading += 1
            try:
                await self._tail(session)
            finally:
                self._reading -= 1
                self._settled.set()

    def _next_due(self, left: int) -> str | None:
        due = (session for session, needs in self._due.items() if needs == left)
        in_view = (session for session in self.view if self._due.get(session) == left)
        return next(in_view, None) or next(due, None)

    async def _tail(self, session: str) -> None:
        """Read the end of a log; what fails in passing is tried again later."""
        call = self._client.beta.sessions.events.with_raw_response.list
        try:
            response = await call(session, limit=TAIL, order="desc")
        except CALL_ERRORS as error:
            await self._not_read(session, error)
            return
        try:
            page = msgspec.json.decode(response.http_response.content, type=Page)
        except msgspec.MsgspecError as error:
            self._put(News("trouble", session, text=f"the log of {session} is not readable: {said(error)}"))
            return
        events = [parse(bytes(raw)) for raw in page.data]
        stamps = [event.at for event in events if event.at is not None]
        if len(stamps) < 2 or stamps[0] >= stamps[-1]:
            events.reverse()  # else a server that knows one order only
        self._put(News("tail", session, events=events))
        self._heard(session, events)

    async def _not_read(self, session: str, error: BaseException) -> None:
        try:
            wait = SessionEndpoint(self._client, session).classify(error)
        except GoneError:
            self._gone(session)
            return
        except SourceError as refusal:  # this one cannot be read, the others can
            self._put(News("trouble", session, text=str(refusal)))
            return
        if isinstance(error, anthropic.APIStatusError) and error.status_code == 429:
            self._budget.slow_down(max(2.0, wait.after))
        await asyncio.sleep(max(wait.after, jitter(2)))
        self.read(session, LATER)
