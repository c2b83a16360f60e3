"""Where an item goes: the shared timeline and the timelines of child threads.

Owns `Session.items` growing. Invariants: an event that shows has exactly one owner; an item whose
event has another owner was taken over by it and is not shown; what a child's own stream showed is
listed in that child's thread.
"""

from __future__ import annotations

from array import array

from cma_tui.event import Event
from cma_tui.session.members import SessionThread
from cma_tui.session.model import Change, Item, Session


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


def place(session: Session, item: Item, change: Change) -> int:
    """Append an item, make it the owner of its event, and return its index."""
    items = session.items
    index = session.owners[item.event] = len(items)
    items.append(item)
    if item.thread is not None:
        thread = child(session, item.thread)
        thread.items.append(index)
        if thread.created:
            change.lean(thread.created)  # they count its rows
    return index


def speaks_of(session: Session, index: int, subject: str) -> None:
    """The item says a name, or how it went, of a thread, an outcome or a run: it leans on it."""
    held = session.leaning.get(subject)
    if held is None:
        held = session.leaning[subject] = array("q")
    held.append(index)


def renamed(session: Session, subject: str, change: Change) -> None:
    """A thread, an outcome or a run is called otherwise, or went otherwise: whatever speaks of it says so."""
    change.lean(session.leaning.get(subject, ()))
    thread = session.threads.get(subject)
    if thread is not None:
        change.lean(thread.items)
