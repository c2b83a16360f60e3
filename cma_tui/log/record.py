"""The lines of our own recordings: each one of our envelopes around the untouched text of an event.

Owns the format, which docs/event-log.md tells. Invariants: an event that is written and read again is the
same event; a line that another wrote can make an event of any content, but no fact of our own out of
what a server said.
"""

from __future__ import annotations

import os
import re
from base64 import b64decode, b64encode
from functools import lru_cache
from hashlib import sha256
from typing import Final

import msgspec

from cma_tui import __version__
from cma_tui.event import PREVIEW_TYPES, Event, bad_frame, parse, parse_stamp, stamp_text

LOG_VERSION: Final = 1
HEAD: Final = b'{"cma_top_log":'
"""What every header begins with."""
NO_EVENT: Final = "not an event of the API"
SUFFIX: Final = ".jsonl"
_plain_name = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,79}").fullmatch
_device_name = re.compile(r"(?:aux|con|nul|prn|com\d|lpt\d)").fullmatch


class Line(msgspec.Struct, gc=False, omit_defaults=True):
    """One line behind the header: an event, or where the server's list has events that came before."""

    t: float = 0.0
    """Seconds since the header above it was written, by a clock that never goes back."""
    wall: str | None = None
    """When it reached us, by our clock."""
    src: str | None = None
    """`stream`, `list`, `send` or `local`."""
    conn: int = 0
    """Which connection of its stream it came on."""
    thread: str | None = None
    """The child thread whose stream or list it is from."""
    key: str | None = None
    """What names it, where its text does not: for facts of our own."""
    placed: bool = False
    """Whether a line further on tells its place among the others."""
    raw: str | None = None
    """The event's text, untouched."""
    raw64: str | None = None
    """The same in base64, when it is no UTF-8."""
    after: str | None = None
    """Of a stretch of the list: the key of the event before it, empty when it begins the list."""
    runs: list[tuple[str, int]] | None = None
    """Of a stretch of the list: a key, and how many events of that thread were recorded from it on."""

    @property
    def text(self) -> bytes:
        """The event's bytes."""
        if self.raw64 is not None:
            try:
                return b64decode(self.raw64)
            except ValueError:
                return self.raw64.encode()
        return (self.raw or "").encode("utf-8", "surrogatepass")


_wall_text = lru_cache(maxsize=64)(stamp_text)  # what one read brings has one time
encode_line = msgspec.json.Encoder().encode
read_line = msgspec.json.Decoder(Line).decode


def event_of(line: Line, position: int, text: bytes) -> Event:
    """The event of a line with that text. What the list told has no time of arrival, only one of asking."""
    received_at = parse_stamp(line.wall) if line.src != "list" else None
    event = parse(text, received_at=received_at, stream=line.thread, position=position)
    if event.type.startswith("local."):
        if line.src in ("stream", "list", "send") and event.type != "local.bad_frame":
            event = bad_frame(
                event.raw, NO_EVENT, received_at=received_at, stream=line.thread, position=position
            )
        if line.key is not None and line.key.startswith("~"):
            event.key = line.key
    return event


def event_line(
    event: Event,
    *,
    src: str,
    t: float,
    wall: float,
    conn: int = 0,
    key: str | None = None,
    placed: bool = False,
) -> bytes:
    """The line of an event, with its end."""
    raw: str | None = None
    raw64: str | None = None
    try:
        raw = event.raw.decode()
    except UnicodeDecodeError:
        raw64 = b64encode(event.raw).decode()
    line = Line(round(t, 6), _wall_text(wall), src, conn, event.stream, key, placed, raw, raw64)
    return encode_line(line) + b"\n"


def header_line(session_id: str, snapshot: object, wall: float) -> bytes:
    """The line that begins a sitting: who writes from here on, and what the session was then."""
    head = {
        "cma_top_log": LOG_VERSION,
        "tool": f"cma-top {__version__}",
        "session_id": session_id,
        "wall": stamp_text(wall),
        "pid": os.getpid(),
        "snapshot": snapshot,
    }
    return msgspec.json.encode(head) + b"\n"


def counts(event: Event) -> bool:
    """Whether it is one of the events that a recording is said to hold: previews are not."""
    return event.type not in PREVIEW_TYPES


def file_name(session_id: str) -> str:
    """The file name of a session's recording: safe for any id, and another one for any other id.

    A digest tells ids apart that a file system would not, and stands for those that can be no name.
    """
    digest = sha256(session_id.encode("utf-8", "surrogatepass")).hexdigest()
    if not _plain_name(session_id):
        return f"s-{digest[:32]}{SUFFIX}"
    if session_id != session_id.lower() or _device_name(session_id):
        return f"{session_id}-{digest[:8]}{SUFFIX}"
    return session_id + SUFFIX
