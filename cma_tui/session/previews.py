"""Previews: text that streams in before its event exists.

Owns `Session.previews` and `Session.first_tokens`, which depend on arrival and are no part of the
server's log. Invariant: a preview never outlives its final event, its model request or its connection.
"""

from __future__ import annotations

import msgspec

from cma_tui.content import as_dict, as_number, as_text
from cma_tui.event import Event
from cma_tui.session.members import Preview
from cma_tui.session.model import Change, Session
from cma_tui.session.place import own_stream

_MOST_BLOCKS = 1000
"""Content blocks of one message that are previewed."""


def grow(session: Session, event: Event, change: Change) -> None:
    """Begin a preview or append a fragment to it; a late fragment of a finished event is ignored."""
    stream = own_stream(session, event)
    if event.type == "event_start":
        fields = as_dict(event.data.get("event"))
        key = as_text(fields.get("id"))
        if key is not None and key not in session.ordinals and key not in session.previews:
            type_ = as_text(fields.get("type")) or "agent.message"
            session.previews[key] = Preview(key, type_, stream, event.received_at)
            change.previews = True
        return
    key = event.event_id
    if not key or key in session.ordinals:
        return
    preview = session.previews.get(key)
    if preview is None:  # we came in the middle of it
        preview = Preview(key, "agent.message", stream, event.received_at, partial=True)
        session.previews[key] = preview
    index, text = fragment(event)
    if text and 0 <= index < _MOST_BLOCKS:
        while len(preview.parts) <= index:
            preview.parts.append([])
        preview.parts[index].append(text)
        if not preview.partial:
            _first_token(session, stream, event, change)
    change.previews = True


class _Text(msgspec.Struct, gc=False):
    text: str = ""


class _Delta(msgspec.Struct, gc=False):
    content: _Text | None = None
    index: int | None = None


class _Fragment(msgspec.Struct, gc=False):
    delta: _Delta | None = None


_read = msgspec.json.Decoder(_Fragment).decode


def fragment(event: Event) -> tuple[int, str]:
    """The content index and the text of a delta; most of what streams is this, so it is read typed."""
    try:
        delta = _read(event.raw).delta
    except (ValueError, RecursionError):  # some field is of another shape: take what has the right one
        fields = as_dict(event.data.get("delta"))
        text = as_text(as_dict(fields.get("content")).get("text"))
        return int(as_number(fields.get("index")) or 0), text or ""
    if delta is None or delta.content is None:
        return 0, ""
    return delta.index or 0, delta.content.text


def _first_token(session: Session, stream: str | None, event: Event, change: Change) -> None:
    index = session.open_requests.get(stream, -1)
    if index < 0 or index in session.first_tokens or event.received_at is None:
        return
    begun = session.events[session.items[index].event].received_at
    if begun is not None:
        session.first_tokens[index] = max(0.0, event.received_at - begun)
        change.touch(index)


def close(session: Session, stream: str | None, change: Change) -> None:
    """A request that ended leaves no preview open: what it did not finish never comes."""
    for key in [key for key, preview in session.previews.items() if preview.stream == stream]:
        del session.previews[key]
        change.previews = True
