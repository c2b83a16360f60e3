"""The stream's bytes, decoded: frames into events, with every byte counted as a sign of life.

Owns the reading of one connection. Invariants: bytes that are no UTF-8 become replacement marks and
never an error; a frame that is no event becomes a `local.bad_frame` and the stream goes on; comments
and pings are no events, but they are life.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from time import time

from cma_tui.event import Event, bad_frame, parse
from cma_tui.sse import Frames

_IGNORED = frozenset({b"ping"})
_END_MARKS = frozenset({b"[DONE]"})

MOST = 64 << 20
"""Bytes without the end of a frame that are kept; what is longer has to come by the list."""


class StreamError(Exception):
    """The server said on the stream itself that it failed, or what it sends has no end."""


def is_event_stream(content_type: str) -> bool:
    """Whether a response's MIME type is that of an event stream."""
    return content_type.partition(";")[0].strip().lower() == "text/event-stream"


async def events(
    chunks: AsyncIterator[bytes],
    alive: Callable[[], None],
    told: Callable[[float], None],
    *,
    stream: str | None = None,
) -> AsyncIterator[list[Event]]:
    """The events of one connection, in order of arrival: those that one read has brought together.

    Args:
        chunks: the body's bytes.
        alive: called for every chunk, whatever is in it.
        told: called with the seconds that the server wants between two connections.
        stream: the child thread whose stream it is.

    Raises:
        StreamError: the server sent an error frame, or one without end.
    """
    frames, position = Frames(), 0
    async for chunk in chunks:
        alive()
        now, read, why = time(), list[Event](), ""
        for data, name, retry in frames.take(chunk):
            if retry is not None:
                told(retry / 1000)
            if not data or name in _IGNORED or data in _END_MARKS:
                continue
            raw = _text(data)
            if name == b"error":
                why = raw.decode()
                break
            position += 1
            event = server_event(raw, received_at=now, stream=stream, position=position)
            if event.type != "ping":
                read.append(event)
        if read:
            yield read
        if why:
            raise StreamError(why)
        if frames.waiting > MOST:
            raise StreamError(f"a frame of more than {MOST >> 20} MiB")


def _text(data: bytes) -> bytes:
    """The same bytes; what in them is no UTF-8 becomes replacement marks."""
    if data.isascii():
        return data
    try:
        data.decode()
    except UnicodeDecodeError:
        return data.decode("utf-8", "replace").encode()
    return data


def server_event(
    raw: bytes, *, received_at: float | None = None, stream: str | None = None, position: int = 0
) -> Event:
    """An event as a server sent or listed it. Local facts are ours to state: one of a server's is broken."""
    event = parse(raw, received_at=received_at, stream=stream, position=position)
    if not event.type.startswith("local."):
        return event
    reason = event.name or "not an event of the API"
    return bad_frame(raw, reason, received_at=received_at, stream=stream, position=position)
