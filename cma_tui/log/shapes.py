"""What one line or one document of a saved log holds: an event, or a wrapping of events.

Owns the shapes that people and tools save sessions in, told apart by content alone. Invariants: an
event's JSON text stays as it came; what is no event and no known wrapping becomes a `local.bad_frame`;
wrappings are followed a few levels deep, never further.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Final

import msgspec

from cma_tui.content import as_text
from cma_tui.event import EVENT_TYPES, Event, bad_frame, decode, local, parse, parse_stamp
from cma_tui.log.origin import LINE_CAP
from cma_tui.log.record import LOG_VERSION, Line, event_of, read_line
from cma_tui.log.scan import elements, fields

JSON_LINES: Final = "JSON lines"
JSON_OBJECTS: Final = "JSON objects"
JSON_ARRAY: Final = "JSON array"
LIST_RESPONSE: Final = "list response"
METHOD_LINES: Final = "method lines"
RECORDING: Final = "recording"
SESSION_FILE: Final = "session file"
SSE_CAPTURE: Final = "SSE capture"

SENT: Final = "~sent:"
"""The key of an event that was sent begins with this: the stream may hold the same event with its id."""

TOO_LONG: Final = f"more than {LINE_CAP >> 20} MiB"

_DEPTH: Final = 3
_SHORT: Final = 4096
_LARGE: Final = 1 << 20
"""A text this long is probably a wrapping, which is cut before anything reads it as an event."""


class Found:
    """What one pass over a log has met."""

    def __init__(self) -> None:
        self.shape = ""
        self.recognised = False
        """Whether anything was there that only an event log holds."""
        self.notes: list[str] = []
        self.calls = False
        """Whether recorded calls were met: what they sent may be in the log twice."""
        self.sessions: list[str] = [""]
        """Ids of the sessions in order of appearance, empty for one whose id nothing tells."""
        self.unfinished = False
        """Whether the last list response said that there is a further page."""
        self.passed_over = 0
        """Recorded calls that are no events."""

    def see(self, shape: str) -> None:
        """Name the shape, unless its wrapping has done so."""
        if not self.shape:
            self.shape = shape

    def note(self, text: str) -> None:
        """Say once what was passed over."""
        if text not in self.notes:
            self.notes.append(text)


def is_event(event: Event) -> bool:
    """Whether it can only come from an event log: types of the API have a dot, or are previews."""
    return event.type in EVENT_TYPES or ("." in event.type and event.type != "local.bad_frame")


def unwrap(line: bytes, position: int) -> Event | None:
    """The event of a recording's line, the quick way; None for a line that needs a closer look."""
    try:
        held = read_line(line)
    except (ValueError, RecursionError):
        return None
    if (held.raw is None and held.raw64 is None) or held.src == "rest":
        return None
    event = event_of(held, position, held.text)
    return None if held.src == "send" and event.id is None else event


def expand(text: bytes, position: int, found: Found, depth: int = 0) -> Iterator[Event]:
    """The events of one JSON value, whatever it is."""
    kind = text[:1]
    if kind == b"[" and depth < _DEPTH:
        yield from _array(text, position, found, depth)
        return
    if kind == b"{" and depth < _DEPTH:
        if len(text) < _LARGE:
            event = parse(text, position=position)
            if event.type in EVENT_TYPES:
                found.see(JSON_LINES)
                yield event
                return
        yield from _object(text, position, found, depth)
        return
    yield _event(text, position)


def _event(text: bytes, position: int, stream: str | None = None) -> Event:
    """A value that is taken for an event."""
    if len(text) > LINE_CAP:
        return bad_frame(text[:1024], TOO_LONG, stream=stream, position=position)
    return parse(text, stream=stream, position=position)


def _word(names: dict[str, bytes], name: str) -> str | None:
    """A member that is a short string, as ids and types are."""
    value = names.get(name, b"")
    return as_text(decode(value)) if value[:1] == b'"' and len(value) < _SHORT else None


def session_event(text: bytes, received_at: float | None = None) -> Event | None:
    """A session's resource as `local.session`; None for an object that is none."""
    session_id = _word(fields(text), "id") if text[:1] == b"{" else None
    if session_id is None or len(text) > LINE_CAP:
        return None
    resource = {"session": msgspec.Raw(text)}
    return local("local.session", resource, received_at=received_at, key=f"session:{session_id}")


def _object(text: bytes, position: int, found: Found, depth: int) -> Iterator[Event]:
    names = fields(text)
    kind = _word(names, "type")
    wrapping = kind is None or "." not in kind
    events, data = names.get("events", b""), names.get("data", b"")
    if "cma_top_log" in names:
        yield from _header(names, found)
    elif kind is None and "raw" in names:
        yield from _recorded(names, position, found)
    elif kind is None and "runs" in names:
        found.see(RECORDING)  # tells an order, which `log/order.py` reads
    elif wrapping and (events[:1] in (b"[", b"{") or (not depth and _is_session_file(names))):
        yield from _session_file(names, position, found)
    elif wrapping and data[:1] == b"[":
        found.see(LIST_RESPONSE)
        found.unfinished = _word(names, "next_page") is not None or names.get("has_more") == b"true"
        for number, element in enumerate(elements(data), position):
            yield from expand(element, number, found, depth + 1)
    else:
        session = session_event(text) if kind == "session" and not depth else None
        event = session if session is not None else _event(text, position)
        if is_event(event):
            found.see(JSON_LINES)
        yield event


def _array(text: bytes, position: int, found: Found, depth: int) -> Iterator[Event]:
    parts = elements(text)
    first = next(parts, b"")
    if first[:1] == b'"':
        method, payload = decode(first), next(parts, b"")
        if isinstance(method, str) and payload and next(parts, None) is None:
            found.see(METHOD_LINES)
            found.calls = True
            yield from _call(method, payload, position, found, depth)
            return
    if not any(map(_holds, chain((first,), parts))):
        yield _event(text, position)
        return
    found.see(JSON_ARRAY)
    for number, part in enumerate(elements(text), position):
        yield from expand(part, number, found, depth + 1)


def _holds(text: bytes) -> bool:
    """Whether there may be events in a value."""
    return text[:1] == b"{" or text[:1] == b"["


# -- our own recordings ------------------------------------------------------------------------------------


def _header(names: dict[str, bytes], found: Found) -> Iterator[Event]:
    found.see(RECORDING)
    found.recognised = True
    version = decode(names["cma_top_log"])
    if version != LOG_VERSION:
        found.note("written by another version of cma-top: parts may be missing")
    session = session_event(names.get("session", b""), parse_stamp(_word(names, "wall")))
    if session is not None:
        yield session


def _recorded(names: dict[str, bytes], position: int, found: Found) -> Iterator[Event]:
    """A recording's line with anything unusual in it; requests and resources are no events."""
    found.see(RECORDING)
    text = decode(names["raw"])
    raw = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else names["raw"]
    line = Line(wall=_word(names, "wall"), src=_word(names, "src"), thread=_word(names, "thread"))
    event = event_of(line, position, raw)
    if event.type == "session":
        session = session_event(raw, event.received_at)
        if session is not None:
            yield session
    elif not ((line.src == "send" and event.id is None) or (line.src == "rest" and not is_event(event))):
        yield event


# -- sessions saved whole ------------------------------------------------------------------------------------


def _is_session_file(names: dict[str, bytes]) -> bool:
    """Whether an object without a list of events holds a session all the same."""
    return names.get("session", b"")[:1] == b"{" or names.get("threads", b"")[:1] == b"["


def _session_file(names: dict[str, bytes], position: int, found: Found) -> Iterator[Event]:
    """The session, its events, then the events of each of its threads."""
    found.see(SESSION_FILE)
    session = session_event(names.get("session", b""))
    if session is not None:
        yield session
    for text in _listed(names.get("events", b"")):
        yield _event(text, position)
        position += 1
    for entry in _listed(names.get("threads", b"")):
        thread = fields(entry)
        primary = thread.get("parent_thread_id") == b"null"
        stream = None if primary else _word(thread, "id")
        for text in _listed(thread.get("events", b"")):
            yield _event(text, position, stream)
            position += 1


def _listed(text: bytes) -> Iterator[bytes]:
    """The elements of an array, or of a list response in its place."""
    if text[:1] == b"{":
        text = fields(text).get("data", b"")
    return elements(text) if text[:1] == b"[" else iter(())


# -- recorded calls: [method, payload] -----------------------------------------------------------------------


def _call(method: str, payload: bytes, position: int, found: Found, depth: int) -> Iterator[Event]:
    if method.endswith(".send"):
        yield from _sent(payload, position)
        return
    if payload[:1] != b"{":
        found.passed_over += 1
        return
    event = parse(payload, position=position)
    if is_event(event):
        yield event
        return
    session = session_event(payload) if event.type == "session" else None
    if session is not None:
        yield session
    elif fields(payload).get("data", b"")[:1] == b"[":
        yield from expand(payload, position, found, depth + 1)
    else:
        found.passed_over += 1


def _sent(payload: bytes, position: int) -> Iterator[Event]:
    """What a call sent, under keys of our own: the ids come back on the stream."""
    if payload[:1] == b"[":
        payload = next((part for part in elements(payload) if part[:1] == b"{"), b"")
    if payload[:1] != b"{":
        return
    for number, text in enumerate(_listed(fields(payload).get("events", b""))):
        event = parse(text, position=position)
        if is_event(event):
            event.key = f"{SENT}{position}:{number}"
        yield event
