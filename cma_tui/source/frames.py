"""The stream's bytes, decoded: frames into events, with every byte counted as a sign of life.

Owns the reading of one connection. Invariants: bytes that are no UTF-8 become replacement marks and
never an error; a frame that is no event becomes a `local.bad_frame` and the stream goes on; comments
and pings are no events, but they are life.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from time import time
from typing import Any, Final, cast

import httpx
from httpx_sse import EventSource, ServerSentEvent

from cma_tui.event import Event, bad_frame, parse

_IGNORED = frozenset({"ping"})
_END_MARKS = frozenset({"[DONE]"})
_EMPTY_LINES = (b"\n\n", b"\n\r", b"\r\r")
"""How the end of a frame begins, whichever ends its lines have: an LF that is left over is an empty line."""

MOST = 64 << 20
"""Bytes without the end of a frame that are kept; what is longer has to come by the list."""


class StreamError(Exception):
    """The server said on the stream itself that it failed, or what it sends has no end."""


class _Whole:
    """Whole frames in the shape of a response, which is what httpx-sse reads."""

    headers: Final = {"content-type": "text/event-stream"}

    def __init__(self, text: str) -> None:
        self._text = text

    def iter_text(self) -> Iterator[str]:
        yield self._text


class Frames:
    """The frames of one stream, as far as its bytes have come.

    A frame is decoded when its end is there: nothing that httpx-sse keeps reaches beyond that, so it is
    handed whole frames only, those of one read together.
    """

    def __init__(self) -> None:
        self.waiting = 0
        """Bytes of a frame that has not ended."""
        self._open: list[bytes] = []
        self._begun = False

    def take(self, chunk: bytes) -> Iterator[ServerSentEvent]:
        """The frames that end in the next bytes; what in them is no UTF-8 becomes replacement marks."""
        seam = self._open[-1][-1:] + chunk if self._open else chunk
        ends = _EMPTY_LINES if b"\r" in seam else _EMPTY_LINES[:1]  # a CR is found at once, two bytes are not
        end = max(map(seam.rfind, ends)) + 2
        if end < 2:
            if chunk:
                self._open.append(chunk)
            self.waiting += len(chunk)
            return
        end -= len(seam) - len(chunk)
        text = b"".join((*self._open, chunk[:end])).decode("utf-8", "replace")
        self._open = [chunk[end:]] if end < len(chunk) else []
        self.waiting = len(chunk) - end
        if not self._begun:
            self._begun = True
            text = text.removeprefix("\ufeff")
        yield from EventSource(cast("httpx.Response", cast("Any", _Whole(text)))).iter_sse()


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
        alive: told of every chunk, whatever is in it.
        told: what the server says about reconnecting, in seconds.
        stream: the child thread whose stream it is.

    Raises:
        StreamError: the server sent an error frame, or one without end.
    """
    frames, position = Frames(), 0
    async for chunk in chunks:
        alive()
        now, read, why = time(), list[Event](), None
        for frame in frames.take(chunk):
            if frame.retry is not None:
                told(frame.retry / 1000)
            if not frame.data or frame.event in _IGNORED or frame.data in _END_MARKS:
                continue
            if frame.event == "error":
                why = frame.data
                break
            position += 1
            raw = frame.data.encode()
            event = server_event(raw, received_at=now, stream=stream, position=position)
            if event.type != "ping":
                read.append(event)
        if read:
            yield read
        if why is not None:
            raise StreamError(why)
        if frames.waiting > MOST:
            raise StreamError(f"a frame of more than {MOST >> 20} MiB")


def server_event(
    raw: bytes, *, received_at: float | None = None, stream: str | None = None, position: int = 0
) -> Event:
    """An event as a server sent or listed it. Local facts are ours to state: one of a server's is broken."""
    event = parse(raw, received_at=received_at, stream=stream, position=position)
    if not event.type.startswith("local."):
        return event
    reason = event.name or "not an event of the API"
    return bad_frame(raw, reason, received_at=received_at, stream=stream, position=position)
