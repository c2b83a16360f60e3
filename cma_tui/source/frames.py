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


class StreamError(Exception):
    """The server said on the stream itself that it failed."""


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
        async for chunk in self._chunks:
            self._alive()
            text = decoder.decode(chunk)
            if text and not begun:
                begun = True
                text = text.removeprefix("\ufeff")
            if text:
                yield text


def is_event_stream(content_type: str) -> bool:
    """Whether a response's MIME type is that of an event stream."""
    return content_type.partition(";")[0].strip().lower() == "text/event-stream"


async def events(
    chunks: AsyncIterator[bytes], alive: Callable[[], None], *, stream: str | None = None
) -> AsyncIterator[Event]:
    """The events of one connection, in order of arrival.

    Args:
        chunks: the body's bytes.
        alive: called for every chunk, whatever is in it.
        stream: the child thread whose stream it is.

    Raises:
        StreamError: the server sent an error frame.
    """
    source = EventSource(cast("httpx.Response", cast("Any", _Text(chunks, alive))))
    position = 0
    async for frame in source.aiter_sse():
        if not frame.data or frame.event in _IGNORED or frame.data in _END_MARKS:
            continue
        position += 1
        raw = frame.data.encode("utf-8", "surrogatepass")
        if frame.event == "error":
            raise StreamError(frame.data)
        event = parse(raw, received_at=time(), stream=stream, position=position)
        if event.type == "ping":
            continue
        if event.type.startswith("local."):
            # Local facts are ours to state: a server cannot.
            event = bad_frame(
                raw, event.name or "not an event of the API", received_at=time(), position=position
            )
        yield event
