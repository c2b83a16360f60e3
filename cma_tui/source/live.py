"""A live session as a source: its own stream, its threads' streams, and the session's resource.

Owns which streams are attached to. Invariants: the session's own stream decides when the source ends; a
thread whose stream cannot be had is said and does not end the session; the resource is read anew when
an event says that it changed, and not otherwise.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from time import time
from typing import Any

import anthropic
import msgspec

from cma_tui.event import Event, local
from cma_tui.source import Batch, Line, SourceError
from cma_tui.source.abreast import Abreast
from cma_tui.source.attachment import Attachment, first_error
from cma_tui.source.client import CALL_ERRORS, refused, said, transient
from cma_tui.source.controls import LiveControls
from cma_tui.source.endpoints import GoneError, SessionEndpoint
from cma_tui.source.history import Page
from cma_tui.source.resources import Resources

MOST_THREADS = 25
"""Thread streams open at once: as many as the API lets live side by side."""
TICK = 2.0
"""Seconds between two looks at the clocks."""
SLEPT = 5.0
"""Seconds that the wall clock may run ahead of the loop's before the machine is taken to have slept."""
POLL = 20.0
"""Seconds between two looks at what no event tells."""


class Live:
    """One session of the API."""

    live = True

    def __init__(
        self,
        client: anthropic.AsyncAnthropic,
        session_id: str,
        *,
        previews: bool = True,
        follow: bool = True,
        newest_first: bool = False,
        all_threads: bool = False,
        first: Sequence[dict[str, Any]] = (),
    ) -> None:
        """Prepare to attach.

        Args:
            client: does each request once.
            session_id: whose events are wanted.
            previews: ask for text as it is written.
            follow: stay attached; without it the history is listed once and the source ends.
            newest_first: of a long history, hand over the newest page at once and the whole when it is there.
            all_threads: attach to every child thread as it appears, not only to those asked for.
            first: user events to send once the stream is open, so that no preview of the answer is missed.
        """
        self.name = session_id
        self.line = Line()
        self._client = client
        self._previews = previews
        self._follow = follow
        self._newest_first = newest_first
        self._all_threads = all_threads
        self._first = list(first)
        self._queue: asyncio.Queue[Batch | None] = asyncio.Queue()
        self._tasks: asyncio.TaskGroup
        self._threads: dict[str, asyncio.Task[None]] = {}
        self._abreast = Abreast(self._queue.put_nowait, self._has_several)
        self._attachments: list[Attachment] = []
        self._described = b""
        """The session's resource as it was last read."""
        self._threads_described = b"[]"
        self._resources = 0
        self._tells_status = False
        """Whether the server sends the session's status as events."""
        self._has_threads = False
        """Whether the session has child threads."""
        self.resources = Resources(client)
        self.controls = LiveControls(client, session_id, self._put, lambda: self.line.checked_at is not None)

    async def batches(self) -> AsyncGenerator[Batch, None]:
        """The session's events, for as long as it lives. Closes the client at the end.

        Raises:
            SourceError: there is no such session, no access, or no server.
        """
        running = asyncio.get_running_loop().create_task(self._run())
        try:
            while (batch := await self._queue.get()) is not None:
                if batch.checked_at is not None:  # all before it has been taken
                    self.line.checked_at = batch.checked_at
                yield batch
            await running
        finally:
            running.cancel()
            await asyncio.wait((running,))
            await self._client.close()

    async def _run(self) -> None:
        try:
            await self._describe()
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                beside = [tasks.create_task(work) for work in (self._watch_clocks(), self._poll())]
                await self._attach()
                for task in beside:
                    task.cancel()
                if self._follow:  # else each thread's list is read to its end
                    for task in self._threads.values():
                        task.cancel()
        except* SourceError as group:
            raise first_error(group) from None
        finally:
            self._abreast.flush()
            self._queue.put_nowait(None)

    async def _describe(self) -> None:
        """Read what the session is; a server that is only busy is asked again once the stream is open."""
        try:
            self._put(Batch([await self._resource()]))
        except SourceError as error:
            cause = error.__cause__
            if not isinstance(cause, anthropic.APIStatusError) or not transient(cause):
                raise
            self._tell(str(error))

    async def hurry(self) -> None:
        """Do at once what is due later: connect again, look at the history again."""
        for attachment in self._attachments:
            attachment.hurry()

    async def watch_thread(self, thread: str) -> None:
        """Attach to a child thread's own stream as well."""
        self._watch_thread(thread)

    def _watch_thread(self, thread: str) -> None:
        if thread not in self._threads and len(self._threads) < MOST_THREADS:
            self._threads[thread] = self._tasks.create_task(self._attach_thread(thread))

    def _has_several(self) -> bool:
        return any(not task.done() for task in self._threads.values())

    # -- what is attached to -----------------------------------------------------------------------------

    async def _attach(self) -> None:
        attachment = self._attachment(None, self.line, self._put)
        if self._follow:
            await attachment.run()
        else:
            await attachment.list_once()
            if self._has_threads:
                await self._read_threads()

    async def _attach_thread(self, thread: str) -> None:
        attachment = self._attachment(thread, Line(), self._put_of_thread)
        try:
            await (attachment.run() if self._follow else attachment.list_once())
        except (SourceError, GoneError) as error:
            fields = {"reason": said(error), "thread": thread, "at": time()}
            self._put(
                Batch(
                    [local("local.disconnected", fields, received_at=time(), key=f"lost:{thread}:{time()}")]
                )
            )

    def _attachment(self, thread: str | None, line: Line, put: Callable[[Batch], None]) -> Attachment:
        endpoint = SessionEndpoint(self._client, self.name, thread=thread, previews=self._previews)
        attachment = Attachment(endpoint, put, line, newest_first=self._newest_first)
        self._attachments.append(attachment)
        return attachment

    async def _watch_clocks(self) -> None:
        """After the machine has slept, a connection that looks open leads nowhere: connect anew."""
        loop = asyncio.get_running_loop()
        ahead = time() - loop.time()
        while True:
            await asyncio.sleep(TICK)
            before, ahead = ahead, time() - loop.time()
            if ahead - before > SLEPT:
                for attachment in self._attachments:
                    attachment.give_up("the machine slept")

    def _put_of_thread(self, batch: Batch) -> None:
        if batch.checked_at is None:  # the line tells of the session's own list
            self._put(batch)

    def _put(self, batch: Batch) -> None:
        self._abreast.put(batch)
        for event in batch.events:
            self.controls.notice(event, listed=batch.listed)
            self._noticed(event)

    def _noticed(self, event: Event) -> None:
        """Some events ask for more than to be shown."""
        match event.type:
            case "session.thread_created" if event.session_thread_id is not None:
                self._has_threads = True
                if self._all_threads:
                    self._watch_thread(event.session_thread_id)
            case "session.status_running" | "session.status_idle":
                self._tells_status = True
            case "session.updated" if event.stream is None and event.received_at is not None:
                self._tasks.create_task(self._read_resource_again())
            case "local.connected" if self._first:
                first, self._first = self._first, []
                self._tasks.create_task(self._say(first))

    async def _say(self, events: Sequence[dict[str, Any]]) -> None:
        try:
            await self.controls.send(events)
        except SourceError as error:  # the session is there all the same
            self._tell(str(error))

    # -- the resources --------------------------------------------------------------------------------

    async def _poll(self) -> None:
        """What no event tells: the usage of threads, and the status on servers that send none.

        Without following, once and after the list; else now and then while the session is attached to.
        """
        while True:
            await asyncio.sleep(POLL)
            if self.line.state != "live" or self.line.checked_at is None:
                continue
            if not self._tells_status or not self._described:
                await self._read_resource_again()
            if self._has_threads:
                await self._read_threads()

    async def _read_resource_again(self) -> None:
        try:
            before = self._described
            event = await self._resource()
        except SourceError as error:  # what was read before stays true enough, and the log says why
            self._tell(str(error))
        else:
            if self._described != before:
                self._put(Batch([event]))

    async def _read_threads(self) -> None:
        """The child threads as the API describes them, if that has changed."""
        endpoint = SessionEndpoint(self._client, self.name)
        threads: list[msgspec.Raw] = []
        page: str | None = None
        seen: set[str | None] = set()
        try:
            while page not in seen:
                seen.add(page)
                listed = msgspec.json.decode(await endpoint.threads(page), type=Page)
                threads += listed.data
                page = listed.next_page
        except (msgspec.MsgspecError, *CALL_ERRORS):
            return  # some servers have no such route; what the streams tell is there in any case
        body = b"[" + b",".join(bytes(thread) for thread in threads) + b"]"
        if body != self._threads_described:
            self._threads_described = body
            self._resources += 1
            fields = {"threads": msgspec.json.decode(body)}
            key = f"threads:{self.name}:{self._resources}:{time()}"
            self._put(Batch([local("local.threads", fields, received_at=time(), key=key)]))

    def _tell(self, text: str) -> None:
        self._put(Batch([local("local.notice", {"text": text}, received_at=time())]))

    async def _resource(self) -> Event:
        """The session's resource as a `local.session` event: it holds what no event tells, the model."""
        try:
            response = await self._client.beta.sessions.with_raw_response.retrieve(self.name)
        except CALL_ERRORS as error:
            raise refused(error, f"session {self.name}") from error
        body = response.http_response.content
        try:
            resource = msgspec.json.decode(body)
        except msgspec.MsgspecError as error:
            kind = response.http_response.headers.get("content-type", "no type")
            raise SourceError(
                f"{self._client.base_url} is no Managed Agents API: it answered {kind}"
            ) from error
        self._described = body
        self._resources += 1
        key = f"session:{self.name}:{self._resources}"
        return local("local.session", {"session": resource}, received_at=time(), key=key)
