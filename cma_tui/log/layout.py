"""How a file is laid out: lines, one JSON document or several, or the frames of an event stream.

Owns telling them apart, and the words for what is no log. Invariant: a file is told by its content, never by
its name.
"""

from __future__ import annotations

import re
from typing import Final, Literal, NamedTuple

from cma_tui.content import as_dict, as_text
from cma_tui.event import Event, decode
from cma_tui.log.origin import LogError, Origin
from cma_tui.log.scan import fields
from cma_tui.log.shapes import JSON_LINES, Found
from cma_tui.text import first_line

_HEAD: Final = 1 << 20
"""How much of the beginning tells the shape."""
TRIED: Final = 32
"""This many lines without an event, and it is no log."""
_WRAPPINGS: Final = frozenset({"data", "events", "session", "threads"})
_BOM: Final = b"\xef\xbb\xbf"
_WIDE: Final = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff", b"{\x00", b"[\x00", b"\x00{", b"\x00[")
_sse_line = re.compile(rb"^(?:data|event)(?::|\r?$)", re.MULTILINE).search
_sse_start = re.compile(rb"(?:data|event|id|retry)?:").match
_space = re.compile(rb"\s*+").match
_head_end = re.compile(rb"\r?\n\r?\n").search


class Plan(NamedTuple):
    """How a file is to be read."""

    layout: Literal["lines", "document", "frames"]
    start: int
    """Where the content begins: behind a byte order mark, white space and HTTP headers."""
    head: bytes
    """The beginning of the content."""


def plan_of(origin: Origin) -> Plan:
    """How to read a file, told by its beginning.

    Raises:
        LogError: there is nothing in it, or no text of ours.
    """
    head = b""
    notes: list[str] = []
    for chunk in origin.chunks(notes):
        head += chunk
        if len(head) >= _HEAD:
            break
    if not head.strip():
        raise LogError(origin.name, notes[0] if notes else "empty")
    if head.startswith(_WIDE):
        raise LogError(origin.name, "UTF-16 or UTF-32 text: save it as UTF-8")
    start = len(_BOM) if head.startswith(_BOM) else 0
    while True:
        space = _space(head, start)
        start = space.end() if space is not None else start
        if not head.startswith(b"HTTP/", start):
            break
        end = _head_end(head, start)
        start = end.end() if end is not None else len(head)
    return Plan(_layout(head[start:]), start, head[start : start + 4096])


def _layout(head: bytes) -> Literal["lines", "document", "frames"]:
    if head[:1] not in (b"{", b"["):
        return "frames" if _sse_start(head) or _sse_line(head) else "lines"
    line, _, rest = head.partition(b"\n")
    if len(line) < _HEAD and decode(line) is not None:
        return "lines"
    if not rest:  # one long line
        if head[:1] == b"[":
            return "lines" if head[1:64].lstrip()[:1] == b'"' else "document"
        names = fields(head)
        return "lines" if "type" in names or names.keys().isdisjoint(_WRAPPINGS) else "document"
    if len(line.strip()) > 1:
        # A damaged first line before whole ones, or the first line of a document that spans many?
        for later in rest.split(b"\n")[:TRIED]:
            if later[:1] in (b"{", b"[") and decode(later) is not None:
                return "lines"
    return "document"


def refusal(first: list[Event], plan: Plan, found: Found) -> str:
    """Why it is no log."""
    head = plan.head
    if plan.layout != "frames" and b"\x00" in head:
        return "not an event log: binary data"
    for event in first:
        if event.type == "error":
            error = as_dict(event.data.get("error"))
            said = as_text(error.get("message")) or as_text(error.get("type")) or "an error"
            return f"not an event log: the API's error answer: {first_line(said, 200)}"
    if plan.layout == "frames":
        return "not an event log: an SSE capture without events"
    if head[:1] == b"<":
        return "not an event log: an HTML or XML page"
    if head[:1] == b"[":
        return "not an event log: a JSON array without events"
    if head[:1] == b"{":
        several = found.shape == JSON_LINES and len(first) > 1
        return f"not an event log: {'JSON lines' if several else 'a JSON object'} without events"
    return "not an event log: no events in its first lines"
