"""Status: of the session and of its threads.

Owns `Session.status`, `Session.stop_reason` and the status of child threads. Invariants: only the
session's own idle ends a turn; an idle that asks only for what was answered changes nothing; a thread
that stands still has no open model request.
"""

from __future__ import annotations

from sys import intern

from msgspec.structs import replace

from cma_tui.content import as_text
from cma_tui.event import Event, StopReason
from cma_tui.session import own, tools, turns
from cma_tui.session.model import Change, Session, StatusChange
from cma_tui.session.place import own_stream, place, renamed, speaks_of

_THREAD = {
    "session.thread_created": "created",
    "session.thread_status_idle": "idle",
    "session.thread_status_rescheduled": "rescheduling",
    "session.thread_status_running": "running",
    "session.thread_status_terminated": "terminated",
}


def running(session: Session, event: Event, ordinal: int, change: Change) -> None:
    """The session runs (again); what a former idle asked for without our having seen it is over."""
    session.status, session.stop_reason, session.has_status = "running", None, True
    session.awaited_unseen.clear()
    turn = turns.opened(session, event, change)
    turns.begin_leg(turn, event)
    item = StatusChange(ordinal, event.type, event.at, turn.index, None, status="running")
    place(session, item, change)
    change.header = True


def idle(session: Session, event: Event, ordinal: int, change: Change) -> None:
    """The session stands still: for an answer, or for good."""
    reason = _reason(event)
    session.has_status = True
    turn = turns.current(session)
    place(session, StatusChange(ordinal, event.type, event.at, turn, None, "idle", reason), change)
    change.header = True
    if reason == "requires_action":
        said = event.stop_reason
        listed = said.event_ids if isinstance(said, StopReason) else []
        if tools.asked(session, listed, change) or not listed:
            session.status, session.stop_reason = "idle", reason
            turns.end_leg(session, event, reason)
        return  # every listed use has its answer: a stale idle, the server goes on
    session.status, session.stop_reason = "idle", reason
    session.stop_details = event.stop_details or {}
    _rest(session, event, reason or "unknown", change)


def rescheduled(session: Session, event: Event, ordinal: int, change: Change) -> None:
    """The server tries again by itself: the turn and its leg go on, the model request does not."""
    session.status, session.has_status = "rescheduling", True
    item = StatusChange(ordinal, event.type, event.at, turns.current(session), None, status="rescheduling")
    place(session, item, change)
    turns.close_request(session, None, change)
    change.header = True


def ended(session: Session, event: Event, ordinal: int, change: Change) -> None:
    """Terminated or deleted."""
    word = event.type.removeprefix("session.").removeprefix("status_")
    session.status, session.stop_reason, session.has_status = word, word, True
    item = StatusChange(ordinal, event.type, event.at, turns.current(session), None, status=word)
    place(session, item, change)
    _rest(session, event, word, change)


def _rest(session: Session, event: Event, reason: str, change: Change) -> None:
    """The whole session stands still and asks for nothing."""
    if session.pending or session.awaited_unseen:
        tools.forget_pending(session, change)
    if session.open_requests:
        for stream in list(session.open_requests):
            turns.close_request(session, stream, change)
    if session.previews:
        session.previews.clear()
        change.previews = True
    turns.end(session, event, reason, change)
    change.header = True


def thread(session: Session, event: Event, ordinal: int, change: Change) -> None:
    """A thread was created or its status changed. The first one named without being created is primary."""
    subject = event.session_thread_id
    created = event.type == "session.thread_created"
    if created and subject is not None and subject == session.primary:
        session.primary = None  # its status came first, and it was taken for the primary
        renamed(session, subject, change)
    elif not created and session.primary is None and subject not in session.threads:
        session.primary = subject
    if subject is not None and subject == session.primary and session.agent.name is None:
        session.agent = replace(session.agent, name=event.agent_name or None)
    reason = _reason(event) if event.type == "session.thread_status_idle" else None
    status = _THREAD[event.type]
    if subject == session.primary:
        subject = session.primary  # one string for all of them
    stream = None if event.stream is None else own_stream(session, event)
    turn = turns.current(session)
    item = StatusChange(ordinal, event.type, event.at, turn, stream, status, reason, subject)
    index = place(session, item, change)
    change.header = True
    if subject is None:
        return
    speaks_of(session, index, subject)
    if status in ("idle", "terminated", "rescheduling") and reason != "requires_action":
        # Others may run on for long: do not show a model at work that nobody will hear of again.
        turns.close_request(session, None if subject == session.primary else subject, change)
    if subject == session.primary:
        return
    held = own.thread(session, subject)
    name = event.agent_name or held.agent_name
    if name != held.agent_name:
        held.agent_name = name
        renamed(session, subject, change)
    if created:
        held.created.append(index)
        held.created_at, held.parent = event.at, stream
        held.workflow_run = as_text(event.data.get("workflow_run_id"))
    else:
        held.status, held.stop_reason = status, reason
        change.lean(held.created)
        if status == "terminated":
            tools.forget_pending(session, change, thread=subject)


def _reason(event: Event) -> str | None:
    reason = event.reason
    return None if reason is None else intern(reason)  # many events, few reasons
