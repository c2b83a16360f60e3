"""Where an item goes: the shared timeline and the timelines of child threads.

Owns `Session.items` growing. Invariants: an event that shows has exactly one owner; an item whose
event has another owner was taken over by it and is not shown; what a child's own stream showed is
listed in that child's thread.
"""

from __future__ import annotations

from cma_tui.event import Event
from cma_tui.session.model import Item, Session, SessionThread


def own_stream(session: Session, event: Event) -> str | None:
    """The child thread whose own stream the event came from; None for the session's stream.

    The primary thread's own stream is the session's.
    """
    stream = event.stream
    return None if stream is None or stream == session.primary else stream


def child(session: Session, thread: str) -> SessionThread:
    """The child thread of that id, known or not yet."""
    held = session.threads.get(thread)
    if held is None:
        held = session.threads[thread] = SessionThread(thread)
    return held


def place(session: Session, item: Item) -> int:
    """Append an item, make it the owner of its event, and return its index."""
    items = session.items
    index = len(items)
    items.append(item)
    session.owners[item.event] = index
    if item.thread is not None:
        child(session, item.thread).items.append(index)
    return index
