"""A live session as a source: its own stream, its threads' streams, and the session's resource.

Owns which streams are attached to. Invariants: the session's own stream decides when the source ends; a
thread whose stream cannot be had is said and does not end the session; the resource is read anew when
an event says that it changed, and not otherwise.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from time import time
from typing import Any

import anthropic
import msgspec

from cma_tui.content import as_dict, as_text
from cma_tui.event import Event, decode, local
from cma_tui.source import Batch, Line, SourceError
from cma_tui.source.attachment import Attachment, first_error
from cma_tui.source.client import CALL_ERRORS, TRANSIENT, refused, said
from cma_tui.source.controls import LiveControls
from cma_tui.source.endpoints import GoneError, SessionEndpoint

MOST_THREADS = 25
"""Thread streams open at once: as many as the API lets live side by side."""


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
        self._resources = 0
        self.controls = LiveControls(client, session_id, self._put)

    async def batches(self) -> AsyncGenerator[Batch, None]:
        """The session's events, for as long as it lives. Closes the client at the end.

        Raises:
            SourceError: there is no such session, no access, or no server.
        """
        running = asyncio.get_running_loop().create_task(self._run())
        try:
            while (batch := await self._queue.get()) is not None:
                yield batch
            await running
        finally:
            running.cancel()
            await asyncio.wait((running,))
            await self._client.close()

    async def _run(self) -> None:
        try:
            self._put(Batch([await self._resource()]))
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                await self._attach()
                if self._follow:  # else each thread's list is read to its end
                    for task in self._threads.values():
                        task.cancel()
        except* SourceError as group:
            raise first_error(group) from None
        finally:
            self._queue.put_nowait(None)

    def watch_thread(self, thread: str) -> None:
        """Attach to a child thread's own stream as well. Called on the source's loop."""
        if thread not in self._threads and len(self._threads) < MOST_THREADS:
            self._threads[thread] = self._tasks.create_task(self._attach_thread(thread))

    # -- what is attached to -----------------------------------------------------------------------------

    async def _attach(self) -> None:
        attachment = self._attachment(None, self.line)
        await (attachment.run() if self._follow else attachment.list_once())

    async def _attach_thread(self, thread: str) -> None:
        attachment = self._attachment(thread, Line())
        try:
            await (attachment.run() if self._follow else attachment.list_once())
        except (SourceError, GoneError) as error:
            fields = {"reason": said(error), "thread": thread, "at": time()}
            self._put(
                Batch(
                    [local("local.disconnected", fields, received_at=time(), key=f"lost:{thread}:{time()}")]
                )
            )

    def _attachment(self, thread: str | None, line: Line) -> Attachment:
        endpoint = SessionEndpoint(self._client, self.name, thread=thread, previews=self._previews)
        return Attachment(endpoint, self._put, line, newest_first=self._newest_first)

    def _put(self, batch: Batch) -> None:
        self._queue.put_nowait(batch)
        for event in batch.events:
            self._noticed(event)

    def _noticed(self, event: Event) -> None:
        """Some events ask for more than to be shown."""
        match event.type:
            case "session.thread_created" if self._all_threads and event.session_thread_id is not None:
                self.watch_thread(event.session_thread_id)
            case "session.updated" if event.stream is None and event.received_at is not None:
                self._tasks.create_task(self._read_resource_again())
            case "local.connected" if self._first:
                first, self._first = self._first, []
                self._tasks.create_task(self._say(first))

    async def _say(self, events: Sequence[dict[str, Any]]) -> None:
        await self.controls.send(events)

    # -- the resource ---------------------------------------------------------------------------------

    async def _read_resource_again(self) -> None:
        try:
            self._put(Batch([await self._resource()]))
        except SourceError as error:  # what was read before stays true enough, and the log says why
            self._put(Batch([local("local.notice", {"text": str(error)}, received_at=time())]))

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
        self._resources += 1
        key = f"session:{self.name}:{self._resources}"
        return local("local.session", {"session": resource}, received_at=time(), key=key)


async def create_session(client: anthropic.AsyncAnthropic, agent: str, environment: str) -> str:
    """Create a session. Returns its id.

    Raises:
        SourceError: it was refused, or the answer did not come: then a session may exist.
    """
    try:
        response = await client.beta.sessions.with_raw_response.create(
            agent=agent, environment_id=environment
        )
    except TRANSIENT as error:
        raise SourceError(f"unclear whether a session was created: {said(error)}") from error
    except CALL_ERRORS as error:
        raise refused(error, f"a session of {agent} in {environment}") from error
    session = as_text(as_dict(decode(response.http_response.content)).get("id"))
    if session is None:
        raise SourceError(f"{client.base_url} is no Managed Agents API: its new session has no id")
    return session
