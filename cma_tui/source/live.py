"""A live session: attached, followed, and attached again when the line breaks.

Owns the order of attaching: the stream is opened first, then the history is listed page by page while
what streams in is held back, then both flow. Invariants: every event of the server's list or stream
is yielded at least once, listed stretches say where they belong, and nothing is decided from a part
of a list. There is no resume token, so each connection begins with a list; a list may lag behind the
stream, so the newest page is listed once more a little later and after every idle.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from time import monotonic, time
from typing import Any

import anthropic
import msgspec

from cma_tui.event import Event, local, parse
from cma_tui.source import Batch, SourceError
from cma_tui.source import frames as framing
from cma_tui.source.client import STREAM_TIMEOUT, TRANSIENT, refused, retry_after, said, transient
from cma_tui.source.controls import LiveControls

PAGE = 1000
"""Events asked for in one list request."""
LAG = 3.0
"""Seconds after which a list shows what the stream showed before it."""
_LONGEST_PAUSE = 30.0
_PREVIEWED: list[Any] = ["agent.message", "agent.thinking"]


class _Page(msgspec.Struct):
    data: list[msgspec.Raw] = []
    next_page: str | None = None
    has_more: bool | None = None


class _GoneError(Exception):
    """The session has been deleted while we looked at it."""


class Live:
    """One session of the API as a source."""

    live = True

    def __init__(
        self,
        client: anthropic.AsyncAnthropic,
        session_id: str,
        *,
        previews: bool = True,
        follow: bool = True,
        pause: Callable[[float], Any] = asyncio.sleep,
    ) -> None:
        """Prepare to attach.

        Args:
            client: does each request once.
            session_id: whose events are wanted.
            previews: ask for text as it is written.
            follow: stay attached; without it the history is listed once and the source ends.
            pause: waits for that many seconds.
        """
        self.name = session_id
        self.last_byte_at: float | None = None
        """Monotonic time of the last byte of the stream, comments included."""
        self.retry_at: float | None = None
        """Monotonic time of the next attempt while the line is down."""
        self._client = client
        self._previews = previews
        self._follow = follow
        self._pause = pause
        self._queue: asyncio.Queue[Batch | None] = asyncio.Queue()
        self._known: set[str] = set()
        self._held: list[Event] | None = None
        self._connection = 0
        self._over = False
        self._tasks: asyncio.TaskGroup
        self._missed = False
        """Whether a connection was opened since the last list began."""
        self._listing: asyncio.Task[None] | None = None
        self._relisting: asyncio.Task[None] | None = None
        self.controls = LiveControls(client, session_id, self._queue.put_nowait)

    async def batches(self) -> AsyncGenerator[Batch, None]:
        """The session's events, for as long as it lives.

        Raises:
            SourceError: there is no such session, no access, or no server.
        """
        yield Batch([await self._resource()])
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                attached = tasks.create_task(self._stay_attached() if self._follow else self._list_once())
                while (batch := await self._queue.get()) is not None:
                    yield batch
                for task in (attached, self._listing, self._relisting):
                    if task is not None:
                        task.cancel()
        except* SourceError as group:
            raise first_error(group) from None

    # -- the session itself -----------------------------------------------------------------------

    async def _resource(self) -> Event:
        """The session's resource as a `local.session` event: it holds what no event tells, the model."""
        try:
            response = await self._client.beta.sessions.with_raw_response.retrieve(self.name)
        except (anthropic.AnthropicError, *TRANSIENT, TypeError) as error:
            raise refused(error, f"session {self.name}") from error
        body = response.http_response.content
        try:
            resource = msgspec.json.decode(body)
        except msgspec.MsgspecError as error:
            kind = response.http_response.headers.get("content-type", "no type")
            raise SourceError(
                f"{self._client.base_url} is no Managed Agents API: it answered {kind}"
            ) from error
        return local("local.session", {"session": resource}, received_at=time(), key=f"session:{self.name}")

    # -- the connection -----------------------------------------------------------------------------

    async def _list_once(self) -> None:
        await self._list_whole()
        self._queue.put_nowait(None)

    async def _stay_attached(self) -> None:
        """Connect again and again, until the session is over or the server says no for good."""
        failures = 0
        while not self._over:
            opened = monotonic()
            try:
                reason, wait = await self._connect()
            except _GoneError:
                self._over = True
                reason, wait = "the session is not there any more", 0.0
            failures = 0 if monotonic() - opened > _LONGEST_PAUSE else failures + 1
            self._put_local("local.disconnected", {"reason": reason})
            if not self._over:
                wait = max(wait, _jitter(failures))
                self.retry_at = monotonic() + wait
                await self._pause(wait)
                self.retry_at = None
        if self._relisting is None or self._relisting.done():
            self._finish()

    async def _connect(self) -> tuple[str, float]:
        """One connection. Returns why it ended, and for how long the server wants us to stay away."""
        try:
            async with self._client.beta.sessions.events.with_streaming_response.stream(
                self.name, timeout=STREAM_TIMEOUT, event_deltas=_PREVIEWED if self._previews else []
            ) as response:
                kind = response.headers.get("content-type", "")
                if not framing.is_event_stream(kind):
                    return f"the answer is no event stream but {kind or 'of no type'}", 0.0
                self._alive()
                self._connection += 1
                self._put_local("local.connected", {"connection": self._connection})
                self._catch_up()
                async for event in framing.events(response.http_response.aiter_bytes(), self._alive):
                    self._arrived(event)
        except framing.StreamError as error:
            return f"the server broke the stream off: {said(error)}", 0.0
        except (anthropic.AnthropicError, *TRANSIENT, TypeError) as error:
            if not transient(error):
                raise self._refused(error) from error
            return said(error), retry_after(error)
        return "the server ended the stream", 0.0

    def _refused(self, error: BaseException) -> Exception:
        """What an answer that no other try will mend means: a session seen before and not found is gone."""
        if self._connection and isinstance(error, anthropic.NotFoundError):
            return _GoneError()
        return refused(error, f"session {self.name}")

    async def _until_gone(self, listing: Callable[[], Awaitable[None]]) -> None:
        """List, unless the session is deleted meanwhile: what was read stays, and the source ends."""
        try:
            await listing()
        except _GoneError:
            self._over = True
            self._finish()

    def _arrived(self, event: Event) -> None:
        self._known.add(event.key)
        if event.type == "session.deleted":
            self._over = True  # there is nothing left to list
            for task in (self._listing, self._relisting):
                if task is not None:
                    task.cancel()
        elif event.type == "session.status_terminated":
            self._over = True
            self._list_newest_soon()
        elif event.type == "session.status_idle":
            self._list_newest_soon()
        if self._held is not None:
            self._held.append(event)
        else:
            self._queue.put_nowait(Batch([event]))

    def _alive(self) -> None:
        self.last_byte_at = monotonic()

    def _put_local(self, type_: str, fields: dict[str, Any]) -> None:
        now = time()
        self._queue.put_nowait(
            Batch(
                [
                    local(
                        type_, {**fields, "at": now}, received_at=now, key=f"{type_}:{self._connection}:{now}"
                    )
                ]
            )
        )

    def _finish(self) -> None:
        """Nothing more will come."""
        self._release()
        self._queue.put_nowait(None)

    def _release(self) -> None:
        """Let go what streamed in while the history was listed."""
        held, self._held = self._held, None
        if held:
            self._queue.put_nowait(Batch(held))

    # -- the history -----------------------------------------------------------------------------------

    def _catch_up(self) -> None:
        """List what a new connection may have missed; what streams in meanwhile is held back."""
        self._missed = True
        if self._held is None:
            self._held = []
        if self._listing is None or self._listing.done():
            self._listing = self._tasks.create_task(self._until_gone(self._list_then_flow))

    async def _list_then_flow(self) -> None:
        while self._missed and not self._over:  # a connection that broke meanwhile asks for another list
            self._missed = False
            self._over = await self._list_whole() == "session.status_terminated" or self._over
        self._release()
        self._list_newest_soon()

    def _list_newest_soon(self) -> None:
        """See to it that the newest page is listed once the list has caught up with the stream."""
        if self._relisting is not None:
            self._relisting.cancel()
        self._relisting = self._tasks.create_task(self._until_gone(self._list_newest_later))

    async def _list_whole(self) -> str | None:
        """Bring in the whole history. Returns the type of its last status event."""
        page: str | None = None
        last_status: str | None = None
        after = ""
        seen: set[str] = set()
        while True:
            listed = await self._list_page(order="asc", page=page)
            batch = [parse(bytes(raw)) for raw in listed.data]
            if batch:
                self._queue.put_nowait(Batch(batch, listed=True, after=after))
                self._known.update(event.key for event in batch)
                after = batch[-1].key
                statuses = (e.type for e in reversed(batch) if e.type.startswith("session.status_"))
                last_status = next(statuses, last_status)
            page = listed.next_page
            if page is None:
                return last_status
            if page in seen:
                raise SourceError(
                    f"the list of {self.name}'s events goes in a circle: the server repeats a page"
                )
            seen.add(page)

    async def _list_newest_later(self) -> None:
        """List the newest page after the time a list may lag, and bring in what it adds."""
        await self._pause(LAG)
        listed = await self._list_page(order="desc", page=None)
        newest = [parse(bytes(raw)) for raw in reversed(listed.data)]
        if listed.next_page is None:
            self._queue.put_nowait(Batch(newest, listed=True))
        else:
            first = next((i for i, event in enumerate(newest) if event.key in self._known), None)
            if first is None:
                await self._list_whole()  # a whole page of news: nothing tells where it belongs
                return
            self._queue.put_nowait(Batch(newest[first + 1 :], listed=True, after=newest[first].key))
        self._known.update(event.key for event in newest)
        if self._over:
            self._finish()

    async def _list_page(self, *, order: str, page: str | None) -> _Page:
        """One page of the history, asked for until it comes."""
        failures = 0
        while True:
            try:
                arguments: dict[str, Any] = {"limit": PAGE, "order": order}
                if page is not None:
                    arguments["page"] = page
                response = await self._client.beta.sessions.events.with_raw_response.list(
                    self.name, **arguments
                )
                return msgspec.json.decode(response.http_response.content, type=_Page)
            except msgspec.MsgspecError as error:
                raise SourceError(
                    f"the list of {self.name}'s events is not readable: {said(error)}"
                ) from error
            except (anthropic.AnthropicError, *TRANSIENT, TypeError) as error:
                if not transient(error):
                    raise self._refused(error) from error
                failures += 1
                await self._pause(max(retry_after(error), _jitter(failures)))


def _jitter(failures: int) -> float:
    """A random pause in seconds, twice as long at most with each failure: clients must not march in step."""
    return random.uniform(0.0, min(_LONGEST_PAUSE, 0.5 * 2.0 ** min(failures, 10)))  # noqa: S311


def first_error(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first plain error of a group."""
    error = group.exceptions[0]
    return first_error(error) if isinstance(error, BaseExceptionGroup) else error
