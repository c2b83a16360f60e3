"""Model requests: from their span's start to its end, and when their first block was there.

Owns `Session.open_requests` growing. Invariants: a request counts once, by its end; an end whose start was
not seen makes a request of its own; a stream has one open request at most.
"""

from __future__ import annotations

from cma_tui.event import Event
from cma_tui.session import own, previews, turns
from cma_tui.session.model import Change, ModelRequest, Session
from cma_tui.session.place import own_stream, place


def start(session: Session, event: Event, ordinal: int, change: Change) -> None:
    """The model is asked."""
    stream = None if event.stream is None else own_stream(session, event)
    index = turns.active(session, event, change)
    if stream is None:
        turns.resume(session, event)
    if stream in session.open_requests:
        turns.close_request(session, stream, change)
    request = ModelRequest(ordinal, event.type, event.at, index, stream)
    session.open_requests[stream] = place(session, request, change)


def end(session: Session, event: Event, ordinal: int, change: Change) -> None:
    """Its answer is whole, or it failed."""
    stream = None if event.stream is None else own_stream(session, event)
    if session.previews:
        previews.close(session, stream, change)
    began = session.ordinals.get(event.model_request_start_id or "", -1)
    index = session.owners[began] if began >= 0 else -1
    request = own.item(session, index) if index >= 0 else None
    if not isinstance(request, ModelRequest) or request.end >= 0:
        # Its start was not seen: the figures still count, on a request of their own.
        request = ModelRequest(ordinal, event.type, None, turns.active(session, event, change), stream)
        index = place(session, request, change)
    if session.open_requests.get(stream) == index:
        del session.open_requests[stream]
    session.owners[ordinal] = index
    request.end, request.ended_at, request.closed = ordinal, event.at, True
    request.is_error, request.usage = bool(event.is_error), event.model_usage
    change.touch(index)
    change.header = True


def first_block(session: Session, event: Event, stream: str | None) -> None:
    """The stream's open request has produced a whole block."""
    index = session.open_requests.get(stream, -1)
    if index < 0:
        return
    request = session.items[index]
    if not isinstance(request, ModelRequest) or request.first_block_at is not None:
        return
    subject = event.session_thread_id
    if subject is not None and stream is None and subject != session.primary:
        return  # a child's ask on the session's stream is no block of the primary's request
    request = own.item(session, index)
    assert isinstance(request, ModelRequest)
    request.first_block_at = event.at
