"""All sessions of a workspace as a source: lists that are polled, and streams of those that matter.

Owns what is asked for, when, and how often. The sessions that run are listed every two seconds, the newest
and a page of the others take turns; the streams of those that run and of those that are looked at are open;
`tails` reads the end of a log where nothing else tells how a session stands. Invariants: every request is one
of `budget`; what cannot be had is told; each request is made once and nothing is changed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Collection, Iterable
from time import time
from typing import Any

import anthropic
import msgspec

from cma_tui.content import as_dict, as_list, as_text
from cma_tui.event import Event, decode
from cma_tui.session.roster import Roster
from cma_tui.source import SourceError
from cma_tui.source import frames as framing
from cma_tui.source.attachment import first_error
from cma_tui.source.budget import LATER, LISTS, URGENT, Budget
from cma_tui.source.client import CALL_ERRORS, TRANSIENT, Retry, refused, retry_after, said, transient
from cma_tui.source.endpoints import GoneError, SessionEndpoint
from cma_tui.source.history import jitter
from cma_tui.source.news import News, take_in
from cma_tui.source.tails import READERS, Tails

TICK = 1.0
"""Seconds between two pages of the list."""
HOT = 2.0
"""Seconds between two looks at which sessions run."""
PAGE = 100
MOST_STREAMS = 40
_LINGER = 20.0
"""Seconds for which a stream stays open after its session came to rest."""
_READ = 200
"""Sessions, the newest, of which a list that is printed tells what the end of the log says."""
_MOVING = ("running", "rescheduling")

_STATUS = {
    "session.status_running": "running",
    "session.status_idle": "idle",
    "session.status_rescheduled": "rescheduling",
    "session.status_terminated": "terminated",
}


class Known(msgspec.Struct):
    """What was last seen of a session."""

    status: str = ""
    updated: str = ""
    heard: str = ""
    """The status that its log told last."""
    doubts: int = 0
    """How often in a row the list said something else than the log."""
    round: int = 0
    """The round of the list in which it was last seen."""


class Workspace:
    """The sessions that a key can see."""

    def __init__(self, client: anthropic.AsyncAnthropic) -> None:
        self._client = client
        self.budget = Budget()
        self._queue: asyncio.Queue[News | None] = asyncio.Queue()
        self._known: dict[str, Known] = {}
        self._tails = Tails(client, self.budget, self._put, self._heard, self._gone)
        self._streams: dict[str, asyncio.Task[None]] = {}
        self._rested: dict[str, float] = {}
        """When a session whose stream is open came to rest."""
        self._tasks: asyncio.TaskGroup
        self._round = 1

    async def news(self) -> AsyncGenerator[News, None]:
        """What happens to the sessions, for as long as it is read. Closes the client at the end.

        Raises:
            SourceError: there is no access, or no server.
        """
        running = asyncio.get_running_loop().create_task(self._run())
        try:
            while (news := await self._queue.get()) is not None:
                yield news
            await running
        finally:
            running.cancel()
            await asyncio.wait((running,))
            await self._client.close()

    async def snapshot(self, most: int | None = None, *, archived: bool = False) -> Roster:
        """Sessions as they stand now. Closes the client.

        Args:
            most: how many, the newest; 10,000 at most if not said.
            archived: those that have been archived as well.

        Raises:
            SourceError: there is no access, or no server.
        """
        roster = Roster()
        try:
            cursor: str | None = None
            seen: set[str] = set()
            most = most or 10_000
            query: dict[str, Any] = {"limit": min(PAGE, most)} | (
                {"include_archived": True} if archived else {}
            )
            while True:
                cursor = await self._sessions(query | ({"page": cursor} if cursor else {}))
                if cursor is None or cursor in seen or len(self._known) >= most:
                    break
                seen.add(cursor)
            await self._tails.read_first(_READ)
        except* SourceError as group:
            raise first_error(group) from None
        finally:
            await self._client.close()
        while not self._queue.empty():
            news = self._queue.get_nowait()
            if news is not None:
                take_in(roster, news, time())
        return roster

    async def reach(self) -> int:
        """Ask for one session of the list; how many came.

        Raises:
            SourceError: there is no access, or no server.
        """
        try:
            return len((await self._page({"limit": 1}))[0])
        except CALL_ERRORS as error:
            raise refused(error, "the list of sessions") from error

    def look_at(self, sessions: Iterable[str]) -> None:
        """These sessions are on the screen now. Called on the source's loop."""
        self._tails.view = tuple(sessions)
        for session in self._tails.view:
            if session in self._tails:
                self._tails.read(session, URGENT)
        self._attach_those_that_matter()

    # -- what runs -----------------------------------------------------------------------------------

    async def _run(self) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                tasks.create_task(self._keep_listing())
                tasks.create_task(self._keep_looking_at_the_moving())
                tasks.create_task(self._keep_recovering())
                for left in READERS:
                    tasks.create_task(self._tails.keep_reading(left))
        except* SourceError as group:
            raise first_error(group) from None
        finally:
            self._queue.put_nowait(None)

    async def _keep_recovering(self) -> None:
        while True:
            await asyncio.sleep(60)
            self.budget.recover()

    # -- lists ---------------------------------------------------------------------------------------

    async def _keep_listing(self) -> None:
        """The newest page again and again, and the other pages in between, one at a time."""
        seen: set[str] = set()
        cursor: str | None = None
        newest = await self._sessions({"limit": PAGE})
        while True:
            cursor = newest
            while cursor is not None and cursor not in seen:
                seen.add(cursor)
                if self._round > 1:
                    await asyncio.sleep(TICK)
                    await self._sessions({"limit": PAGE})
                    await asyncio.sleep(TICK)
                cursor = await self._sessions({"limit": PAGE, "page": cursor}, left=URGENT)
            self._forget_the_missing()
            seen.clear()
            await asyncio.sleep(TICK if newest is not None else 2 * TICK)
            newest = await self._sessions({"limit": PAGE})

    async def _keep_looking_at_the_moving(self) -> None:
        moving: set[str] = set()
        while True:
            found: set[str] = set()
            cursor: str | None = None
            for _ in range(3):
                query: dict[str, Any] = {"limit": PAGE, "statuses": list(_MOVING)}
                cursor = await self._sessions(query | ({"page": cursor} if cursor else {}), found)
                if cursor is None:
                    break
            for session in (moving - found) & self._known.keys():
                self._known[session].status = "idle"  # the list will say more, in its turn
                if session not in self._streams:
                    self._tails.read(session, URGENT)
            moving = found
            self._attach_those_that_matter()
            await asyncio.sleep(HOT)

    async def _sessions(
        self, query: dict[str, Any], found: set[str] | None = None, *, left: int = LISTS
    ) -> str | None:
        """One page of the list, asked for until it comes, and taken in. Returns the cursor to the next."""
        failures = 0
        while True:
            await self.budget.take(left)
            try:
                resources, cursor = await self._page(query)
            except CALL_ERRORS as error:
                failures += 1
                if not self._known and isinstance(error, TRANSIENT):
                    raise refused(error, "the list of sessions") from error  # no server: said at once
                await self._failed(error, failures)
                continue
            for fields in resources:
                self._listed(fields, found)
            return cursor

    async def _page(self, query: dict[str, Any]) -> tuple[list[dict[str, Any]], str | None]:
        try:
            response = await self._client.beta.sessions.with_raw_response.list(**query)
        except CALL_ERRORS as error:
            if transient(error):
                raise
            raise refused(error, "the list of sessions") from error
        body = as_dict(decode(response.http_response.content))
        if not isinstance(body.get("data"), list):
            raise SourceError(f"{self._client.base_url} is no Managed Agents API: it lists no sessions")
        resources = [as_dict(item) for item in as_list(body["data"])]
        self._put(News("listed", resources=resources))
        return resources, as_text(body.get("next_page"))

    async def _failed(self, error: BaseException, failures: int) -> None:
        pause = max(retry_after(error), jitter(failures))
        if isinstance(error, anthropic.APIStatusError) and error.status_code == 429:
            pause = max(pause, 2.0 * failures)
            self.budget.slow_down(pause)
        self._put(News("trouble", text=said(error)))
        await asyncio.sleep(pause)

    def _listed(self, fields: dict[str, Any], found: set[str] | None) -> None:
        session = as_text(fields.get("id"))
        if session is None:
            return
        if found is not None:
            found.add(session)
        fresh = session not in self._known
        known = self._known.setdefault(session, Known())
        status, updated = as_text(fields.get("status")) or "", as_text(fields.get("updated_at")) or ""
        changed = (status, updated) != (known.status, known.updated)
        known.status, known.updated, known.round = status, updated, self._round
        if session in self._streams:
            known.doubts = known.doubts + 1 if known.heard and known.heard != status else 0
            if known.doubts >= 3:  # the stream may be dead
                known.doubts = 0
                self._tails.read(session, URGENT)
        elif status not in _MOVING and status != "terminated" and (fresh or changed):
            self._tails.read(session, LATER if fresh and session not in self._tails.view else URGENT)

    def _forget_the_missing(self) -> None:
        """A round of the list is over: who was missing in this one and the one before is gone."""
        for session, known in list(self._known.items()):
            if known.round < self._round - 1:
                self._gone(session)
        self._round += 1

    def _gone(self, session: str) -> None:
        self._known.pop(session, None)
        self._tails.forget(session)
        if (task := self._streams.pop(session, None)) is not None:
            task.cancel()
        self._put(News("gone", session))

    # -- streams -------------------------------------------------------------------------------------

    def _attach_those_that_matter(self) -> None:
        now = asyncio.get_running_loop().time()
        moving = [s for s, known in self._known.items() if known.status in _MOVING or s in self._rested]
        asked = [s for s in self._tails.view if s in self._known and self._known[s].heard == "waiting"]
        in_view = set(self._tails.view)
        wanted = [*asked, *sorted(moving, key=lambda s: s not in in_view)]
        lingering = {s for s, since in self._rested.items() if now - since < _LINGER}
        keep = {s for s in wanted if s not in self._rested or s in lingering or s in asked}
        chosen = [s for s in dict.fromkeys(wanted) if s in keep][:MOST_STREAMS]
        for session in [s for s in self._streams if s not in chosen]:
            self._streams.pop(session).cancel()
            self._put(News("detached", session))
            if self._rested.pop(session, None) is None:
                self._tails.read(session, URGENT)  # it came to rest before its stream could tell
        for session in chosen:
            if session not in self._streams:
                self._streams[session] = self._tasks.create_task(self._attach(session))

    async def _attach(self, session: str) -> None:
        """Stay attached to one session's stream."""
        failures = 0
        endpoint = SessionEndpoint(self._client, session, previews=False)
        while True:
            await self.budget.take(URGENT)
            try:
                await self._follow(session, endpoint)
                failures = 0
                wait = Retry(0.0)
            except GoneError:
                self._gone(session)
                return
            except SourceError as error:
                self._put(News("trouble", session, text=str(error)))
                self._put(News("detached", session))
                return
            except framing.StreamError:
                wait = Retry(0.0)
            except CALL_ERRORS as error:
                try:
                    wait = endpoint.classify(error)
                except (GoneError, SourceError):
                    self._put(News("detached", session))
                    return
                if isinstance(error, anthropic.APIStatusError) and error.status_code == 429:
                    self.budget.slow_down(max(2.0, wait.after))
            failures += 1
            self._put(News("detached", session))
            await asyncio.sleep(max(wait.after, jitter(failures)))

    async def _follow(self, session: str, endpoint: SessionEndpoint) -> None:
        """One connection: the stream is opened first, then the end of the log is read."""
        async with endpoint.stream() as response:
            if not framing.is_event_stream(response.headers.get("content-type", "")):
                raise SourceError(f"the stream of {session} is no event stream")
            self._tails.read(session, URGENT)
            self._put(News("attached", session))
            chunks = response.http_response.aiter_bytes()
            async for read in framing.events(chunks, lambda: None, lambda _: None):
                self._hear(session, read)
                types = {event.type for event in read}
                if "session.deleted" in types:
                    raise GoneError
                if "session.status_terminated" in types:
                    return

    def _hear(self, session: str, events: list[Event]) -> None:
        self._put(News("events", session, events=events))
        self._heard(session, events)

    def _heard(self, session: str, events: Collection[Event]) -> None:
        """Note what the log says of the status."""
        known = self._known.get(session)
        last = next((event for event in reversed([*events]) if event.type in _STATUS), None)
        if known is None or last is None:
            return
        known.heard = _STATUS[last.type]
        known.doubts = 0
        if known.heard == "idle" and last.reason == "requires_action":
            known.heard = "waiting"
        if session in self._streams:
            if known.heard in _MOVING:
                self._rested.pop(session, None)
            else:
                self._rested.setdefault(session, asyncio.get_running_loop().time())

    def _put(self, news: News) -> None:
        self._queue.put_nowait(news)
