"""The server's list of a session's or a thread's events.

Owns paging. Invariants: a page that fails is asked for again and never taken for an empty one; a
cursor seen twice ends the listing with an error; what is handed over is a stretch of consecutive
events that says which known event it follows. Servers that know no order or no cursor are read from
the beginning, by the ways they do know.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from contextlib import suppress

import msgspec

from cma_tui.event import Event
from cma_tui.source import Line, SourceError
from cma_tui.source.client import CALL_ERRORS, said
from cma_tui.source.endpoints import SessionEndpoint
from cma_tui.source.frames import server_event

PAGE = 1000
"""Events asked for in one request."""
OVERLAP = 200
"""Known events in a row, at the older end, that show that nothing before them is missing."""
_LONGEST_PAUSE = 30.0
_MOST_PAGES = 100_000
_RANDOM = random.SystemRandom()


class Page(msgspec.Struct):
    """A page of the list, as this or another server spells it."""

    data: list[msgspec.Raw] = []
    next_page: str | None = None
    has_more: bool | None = None
    last_id: str | None = None


class Stretch(msgspec.Struct):
    """Consecutive events of the list, oldest first."""

    events: list[Event]
    after: str
    """Key of the listed event before them, empty when they begin the list."""


Known = Mapping[str, float | None]
"""Keys of events that were handed over, with their stamps: a queued event gets its stamp later."""


def is_known(event: Event, known: Known) -> bool:
    """Whether the event was handed over, in this version."""
    return event.key in known and known[event.key] == event.at


class History:
    """One list, read newest first as far as needed."""

    def __init__(self, endpoint: SessionEndpoint, line: Line) -> None:
        """Prepare to list.

        Args:
            endpoint: the calls. A thread's list has one order only.
            line: where the progress is shown.
        """
        self._endpoint = endpoint
        self._line = line
        self._forwards_only = endpoint.thread is not None
        self._cursor: str | None = None
        self._is_list = False
        """Whether the server has given a page of a list."""
        self.at_once = asyncio.Event()
        """Set to cut the pause before another try short."""

    async def newest(self) -> tuple[list[Event], bool]:
        """The newest page, oldest first, and whether it is the whole list."""
        if self._forwards_only:
            return await self.whole(), True
        page = await self._page({"limit": PAGE, "order": "desc"})
        events, whole = self._parsed(page), not _more(page)
        if _is_forwards(events):
            self._forwards_only = True  # the server knows no other order: this page is its oldest
            return (events, True) if whole else (await self.whole(), True)
        self._cursor = page.next_page
        events.reverse()
        return events, whole

    async def since(self, known: Known, oldest_needed: float | None) -> Stretch:
        """The end of the list, as far back as to what is known: what it adds, and in which order all stands.

        Pages backwards until `OVERLAP` events in a row are known and the page reaches back before
        `oldest_needed`, or to the beginning.
        """
        events, whole = await self.newest()
        cursor = self._cursor
        seen: set[str] = set()
        while not whole and not _overlaps(events, known, oldest_needed):
            if cursor is None or cursor in seen or len(seen) > _MOST_PAGES:
                raise self._circle()
            seen.add(cursor)
            page = await self._page({"limit": PAGE, "order": "desc", "page": cursor})
            events = [*reversed(self._parsed(page)), *events]
            whole, cursor = not _more(page), page.next_page
        return Stretch(events, "") if whole else Stretch(events[1:], events[0].key)

    async def whole(self) -> list[Event]:
        """The whole list, from the beginning."""
        events: list[Event] = []
        keys: set[str] = set()
        begin: dict[str, str | int] = {"limit": PAGE}
        if self._endpoint.thread is None:
            begin["order"] = "asc"
        query = begin
        seen: set[str] = set()
        while True:
            page = await self._page(query)
            fresh = [event for event in self._parsed(page) if event.key not in keys]
            keys.update(event.key for event in fresh)
            events += fresh
            self._line.listed = len(events)
            if not _more(page):
                return events
            further = _further(page, events)
            if further is None or str(further) in seen or len(seen) > _MOST_PAGES:
                raise self._circle()
            seen.add(str(further))
            query = {**begin, **further}

    async def _page(self, query: Mapping[str, str | int]) -> Page:
        """One page, asked for until it comes.

        A page that is no list, before there was any, says that this is no such server; later it comes from
        something that stands in between for a while.
        """
        failures = 0
        while True:
            wait = 0.0
            try:
                page = msgspec.json.decode(await self._endpoint.page(query), type=Page)
            except msgspec.MsgspecError as error:
                if not self._is_list:
                    raise SourceError(
                        f"the list of {self._endpoint.name} is not readable: {said(error)}"
                    ) from error
            except CALL_ERRORS as error:
                wait = self._endpoint.classify(error).after
            else:
                self._is_list = True
                return page
            failures += 1
            await self._pause(max(wait, jitter(failures)))

    async def _pause(self, seconds: float) -> None:
        self._line.list_retry_at = asyncio.get_running_loop().time() + seconds
        self.at_once.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.at_once.wait()
        self._line.list_retry_at = None

    def _parsed(self, page: Page) -> list[Event]:
        return [server_event(bytes(raw), stream=self._endpoint.thread) for raw in page.data]

    def _circle(self) -> SourceError:
        return SourceError(f"the list of {self._endpoint.name} goes in a circle: the server repeats a page")


def _is_forwards(events: list[Event]) -> bool:
    """Whether a page that was asked for newest first came oldest first.

    A server that gives no times is none that knows an order, unless its numbers say so.
    """
    stamps = [event.at for event in events if event.at is not None]
    if len(stamps) > 1:
        return stamps[0] < stamps[-1]
    numbers = [n for event in events if isinstance(n := event.data.get("seq"), int)] if not stamps else []
    return not stamps and len(events) > 1 and (len(numbers) < 2 or numbers[0] < numbers[-1])


def jitter(failures: int) -> float:
    """A random pause in seconds, twice as long at most with each failure: clients must not march in step."""
    return _RANDOM.uniform(0.0, min(_LONGEST_PAUSE, 0.5 * 2.0 ** min(failures, 10)))


def _more(page: Page) -> bool:
    return page.next_page is not None or bool(page.has_more)


def _further(page: Page, events: list[Event]) -> dict[str, str | int] | None:
    """The query for what comes after a page, by the way the server offers."""
    if page.next_page is not None:
        return {"page": page.next_page}
    last = page.last_id or (events[-1].id if events else None)
    if last is not None:
        return {"after_id": last}
    sequence = events[-1].data.get("seq") if events else None
    return {"after_seq": sequence} if isinstance(sequence, int) else None


def _overlaps(events: list[Event], known: Known, oldest_needed: float | None) -> bool:
    """Whether the older end of what was listed is known, for long enough a stretch."""
    oldest = next((event.at for event in events if event.at is not None), None)
    if oldest_needed is not None and (oldest is None or oldest > oldest_needed):
        return False
    return len(events) >= OVERLAP and all(is_known(e, known) for e in events[:OVERLAP])
