"""The stream's bytes, decoded: frames into events, with every byte counted as a sign of life.

Owns the reading of one connection. Invariants: bytes that are no UTF-8 become replacement marks and
never an error; a frame that is no event becomes a `local.bad_frame` and the stream goes on; comments
and pings are no events, but they are life.
"""

from __future__ import annotations

import codecs
from collections.abc import AsyncIterator, Callable
from time import time
from typing import Any, cast

import httpx
from httpx_sse import EventSource

from cma_tui.event import Event, bad_frame, parse

_IGNORED = frozenset({"ping"})
_END_MARKS = frozenset({"[DONE]"})


MOST = 64 << 20
"""Bytes without the end of a frame that are kept; what is longer has to come by the list."""


class StreamError(Exception):
    """The server said on the stream itself that it failed, or what it sends has no end."""


class _Text:
    """The shape of a response that httpx-sse reads: headers, and text from our own byte tap."""

    def __init__(self, chunks: AsyncIterator[bytes], alive: Callable[[], None]) -> None:
        self.headers = {"content-type": "text/event-stream"}
        self._chunks = chunks
        self._alive = alive

    async def aiter_text(self) -> AsyncIterator[str]:
        """Decode as it comes; one byte order mark at the very start is dropped."""
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        begun = False
        open_bytes = 0
        async for chunk in self._chunks:
            self._alive()
            open_bytes = 0 if _ends_a_frame(chunk) else open_bytes + len(chunk)
            if open_bytes > MOST:
                raise StreamError(f"a frame of more than {MOST >> 20} MiB")
            text = decoder.decode(chunk)
            if text and not begun:
                begun = True
                text = text.removeprefix("\ufeff")
            if text:
                yield text


def _ends_a_frame(chunk: bytes) -> bool:
    """Whether there is an empty line in it; one that chunks cut in two is missed, which does no harm."""
    return b"\n\n" in chunk or b"\r\n\r" in chunk or b"\r\r" in chunk


def is_event_stream(content_type: str) -> bool:
    """Whether a response's MIME type is that of an event stream."""
    return content_type.partition(";")[0].strip().lower() == "text/event-stream"


async def events(
    chunks: AsyncIterator[bytes],
    alive: Callable[[], None],
    told: Callable[[float], None],
    *,
    stream: str | None = None,
) -> AsyncIterator[Event]:
    """The events of one connection, in order of arrival.

    Args:
        chunks: the body's bytes.
        alive: called for every chunk, whatever is in it.
        told: called with the seconds that the server wants between two connections.
        stream: the child thread whose stream it is.

    Raises:
        StreamError: the server sent an error frame.
    """
    source = EventSource(cast("httpx.Response", cast("Any", _Text(chunks, alive))))
    position = 0
    async for frame in source.aiter_sse():
        if frame.retry is not None:
            told(frame.retry / 1000)
        if not frame.data or frame.event in _IGNORED or frame.data in _END_MARKS:
            continue
        position += 1
        raw = frame.data.encode("utf-8", "surrogatepass")
        if frame.event == "error":
            raise StreamError(frame.data)
        event = server_event(raw, received_at=time(), stream=stream, position=position)
        if event.type != "ping":
            yield event


def server_event(
    raw: bytes, *, received_at: float | None = None, stream: str | None = None, position: int = 0
) -> Event:
    """An event as a server sent or listed it. Local facts are ours to state: one of a server's is broken."""
    event = parse(raw, received_at=received_at, stream=stream, position=position)
    if not event.type.startswith("local."):
        return event
    reason = event.name or "not an event of the API"
    return bad_frame(raw, reason, received_at=received_at, stream=stream, position=position)
