"""Owns how threads and their session start and stop running, and what a session shows of its child threads.

Invariants: the session runs while any thread runs; at rest, an open question outranks a reached budget, which
outranks the primary thread's own reason. A copy of a child's event keeps its id and names the child in
`session_thread_id`.
"""

from __future__ import annotations

from cma_tui.simulator.store import Event, Session, Thread

Posts = list[tuple[Thread, Event]]


def about_thread(session: Session, thread: Thread, kind: str, **more: object) -> Posts:
    """A `session.thread_*` event on the thread's own log and, for a child, on the session's."""
    event: Event = {
        "id": session.ids.new("sevt"),
        "type": f"session.thread_{kind}",
        "session_thread_id": thread.id,
        "agent_name": thread.name,
        **more,
    }
    own: Posts = [(thread, event)]
    return own if thread is session.primary else [*own, (session.primary, dict(event))]


def wake(session: Session, thread: Thread) -> None:
    """The thread runs, and with it the session."""
    posts = about_thread(session, thread, "status_running")
    if session.status != "running":
        posts.insert(0, (session.primary, {"type": "session.status_running"}))
    session.emit(*posts)


def rest(
    session: Session,
    thread: Thread,
    reason: Event,
    details: Event | None = None,
    *,
    after: Posts | None = None,
) -> None:
    """The thread stops running; the events of `after` come before it in the same batch."""
    more: Event = {"stop_reason": reason} | ({"stop_details": details} if details else {})
    posts = [*(after or []), *about_thread(session, thread, "status_idle", **more)]
    if thread is not session.primary and reason["type"] == "requires_action":
        posts += [(session.primary, _copy(session, thread, i)) for i in reason["event_ids"]]
    others = [other for other in session.threads.values() if other is not thread]
    if not any(other.status in ("running", "rescheduling") for other in others):
        session.emit(*posts)  # apart from the rest, so that the usage below counts the time up to here
        idle: Event = {"type": "session.status_idle", "stop_reason": _aggregate(session)}
        if details:
            idle["stop_details"] = details
        posts = [(session.primary, session.usage_event()), (session.primary, idle)]
    session.emit(*posts)


def _copy(session: Session, thread: Thread, use_id: str) -> Event:
    """A child's blocking tool use, as the session's log shows it."""
    own = next(entry.event for entry in reversed(thread.log.stamped) if entry.event["id"] == use_id)
    copy = {key: value for key, value in own.items() if key != "processed_at"}
    return {**copy, "session_thread_id": thread.id}


def _aggregate(session: Session) -> Event:
    reasons = [
        thread.stop_reason
        for thread in session.threads.values()
        if thread.stop_reason and thread.status == "idle"
    ]
    if waiting := [
        i for reason in reasons if reason["type"] == "requires_action" for i in reason["event_ids"]
    ]:
        return {"type": "requires_action", "event_ids": waiting}
    if any(reason["type"] == "budget_reached" for reason in reasons):
        return {"type": "budget_reached"}
    return session.primary.stop_reason or {"type": "end_turn"}


def terminate(session: Session) -> None:
    """The session ends for good."""
    posts: Posts = []
    for thread in session.threads.values():
        if thread.status != "terminated":
            posts += about_thread(session, thread, "status_terminated")
    session.emit(*posts, (session.primary, {"type": "session.status_terminated"}))
    for thread in session.threads.values():
        thread.subscribers.end()
