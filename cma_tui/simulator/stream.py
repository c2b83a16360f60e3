"""Owns the event stream: who listens to a thread, and the bytes each listener gets.

Invariant: a frame is `event: message`, one `data:` line and a blank line, and nothing is ever replayed: a
connection gets what is published while it is open, and the previews only of messages whose `event_start` it
has seen.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

from cma_tui.simulator.clock import Signal

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from cma_tui.simulator.faults import StreamFault

PREVIEWABLE = frozenset({"agent.message", "agent.thinking"})
CONNECTED = b": connected\n\n"
KEEPALIVE = b":keepalive\n\n"
HEADERS = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-cache, no-transform")]


def frame(json: bytes) -> bytes:
    """One event as the wire carries it."""
    return b"event: message\ndata: " + json + b"\n\n"


class Subscriber:
    """One open stream: the frames not yet sent, and how it is to end."""

    def __init__(self, previews: frozenset[str]) -> None:
        self.previews = previews
        self.previewed: set[str] = set()
        self.frames: deque[bytes] = deque()
        self.over = asyncio.Event()
        self.broken = False
        self._woken = asyncio.Event()

    def push(self, frames: Iterable[bytes]) -> None:
        """Hand frames to the connection."""
        if not self.over.is_set():
            self.frames.extend(frames)
            self._woken.set()

    def end(self, *, broken: bool = False) -> None:
        """Let the connection end after what it already has: cleanly, or as if the network had failed."""
        self.broken = self.broken or broken
        self.over.set()
        self._woken.set()

    async def ready(self, seconds: float) -> bool:
        """Wait for frames or the end; False when nothing came in time."""
        if not self.frames and not self.over.is_set():
            self._woken.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._woken.wait()
        return bool(self.frames) or self.over.is_set()


class Subscribers:
    """The open streams of one thread."""

    def __init__(self, changed: Signal) -> None:
        self._open: list[Subscriber] = []
        self._changed = changed

    def __len__(self) -> int:
        return len(self._open)

    def add(self, subscriber: Subscriber) -> None:
        """From now on it hears what is published."""
        self._open.append(subscriber)
        self._changed.fire()

    def remove(self, subscriber: Subscriber) -> None:
        """It hears no more."""
        self._open.remove(subscriber)
        self._changed.fire()

    def publish(self, events: list[bytes]) -> None:
        """Send these events, given as JSON text, to everyone."""
        frames = [frame(json) for json in events]
        for subscriber in self._open:
            subscriber.push(frames)

    def publish_preview(self, about: str, message_id: str, starts: bool, previews: list[bytes]) -> None:
        """Send previews of one message to those who asked for its type and saw it start."""
        frames = [frame(json) for json in previews]
        for subscriber in self._open:
            if starts and about in subscriber.previews:
                subscriber.previewed.add(message_id)
            if message_id in subscriber.previewed:
                subscriber.push(frames)

    def end(self, *, broken: bool = False) -> None:
        """End every stream."""
        for subscriber in self._open:
            subscriber.end(broken=broken)


class _BrokenError(Exception):
    """The connection is to break off here."""


class EventStream:
    """The ASGI response of a stream endpoint."""

    def __init__(
        self,
        subscribers: Subscribers,
        subscriber: Subscriber,
        *,
        keepalive: float,
        quiet_end: float,
        faults: list[StreamFault],
        drop_connection: Callable[[tuple[str, int]], None],
    ) -> None:
        self.headers: list[tuple[bytes, bytes]] = []
        self._subscribers, self._subscriber = subscribers, subscriber
        self._keepalive, self._quiet_end = keepalive, quiet_end
        self._faults, self._drop_connection = faults, drop_connection
        self._sent_events = self._sent_bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the client leaves, the stream has been quiet for long, or a fault ends it."""
        self._subscribers.add(self._subscriber)
        try:
            async with asyncio.TaskGroup() as group:
                watcher = group.create_task(self._watch(receive))
                try:
                    await send(
                        {"type": "http.response.start", "status": 200, "headers": HEADERS + self.headers}
                    )
                    await self._pump(send)
                    await send({"type": "http.response.body", "body": b"", "more_body": False})
                except _BrokenError:
                    self._drop_connection(scope["client"])
                    await watcher
                finally:
                    watcher.cancel()
        finally:
            self._subscribers.remove(self._subscriber)

    async def _watch(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._subscriber.end()

    async def _pump(self, send: Send) -> None:
        """Send frames and keep-alives until the stream is to end."""
        loop = asyncio.get_running_loop()
        subscriber = self._subscriber
        going = await self._write(send, CONNECTED)
        last_event = loop.time()
        while going and (subscriber.frames or not subscriber.over.is_set()):
            quiet_left = last_event + self._quiet_end - loop.time()
            if not await subscriber.ready(min(self._keepalive, quiet_left)):
                going = loop.time() < last_event + self._quiet_end and await self._write(send, KEEPALIVE)
            elif subscriber.frames:
                going = await self._write_next(send)
                last_event = loop.time()
        if subscriber.broken:
            raise _BrokenError

    async def _write_next(self, send: Send) -> bool:
        frames = self._subscriber.frames
        if self._faults:
            return await self._write(send, frames.popleft(), events=1)
        waiting = b"".join(frames)
        frames.clear()
        return await self._write(send, waiting)

    async def _write(self, send: Send, data: bytes, events: int = 0) -> bool:
        """Send what the faults of this connection allow; False when it ends here."""
        for fault in self._faults:
            allowed = fault.bytes_allowed(self._sent_bytes)
            if allowed is not None and allowed < len(data):
                await self._send(send, data[:allowed])
                return await self._strike(fault, send)
        await self._send(send, data)
        self._sent_events += events
        due = [fault for fault in self._faults if fault.due(self._sent_events)]
        self._faults = [fault for fault in self._faults if fault not in due]
        for fault in due:
            if not await self._strike(fault, send):
                return False
        return True

    async def _strike(self, fault: StreamFault, send: Send) -> bool:
        match fault.then:
            case "inject":
                await self._send(send, fault.data)
                return True
            case "cut":
                raise _BrokenError
            case "silence":
                await self._subscriber.over.wait()
        return False

    async def _send(self, send: Send, data: bytes) -> None:
        self._sent_bytes += len(data)
        await send({"type": "http.response.body", "body": data, "more_body": True})
