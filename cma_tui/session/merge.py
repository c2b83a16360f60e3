"""Order: where events that come late, twice, or by two ways belong.

Owns the rule of order. Within a stream the server's list is the order; what the list does not hold yet
keeps its place after what came before it. Among streams (the session's own and those of its threads) the
server's stamps are the order: each event stands at the latest stamp that its stream has reached, and at
equal ones a thread comes before the session that tells of it. What has no stamp, a fact of our own above
all, keeps its place among what came before and after it. Invariants: whatever the interleaving of streams
and lists, once a whole list has been merged the session equals the one folded from that list, and two
sessions with the same streams are equal. What comes in order, nearly all, is folded on as it comes; the
rest is for `sorting`.
"""

from __future__ import annotations

from collections.abc import Sequence

from cma_tui.event import PREVIEW_TYPES, Event
from cma_tui.session import stretch
from cma_tui.session.fold import apply, queues, withdraw
from cma_tui.session.model import Change, Session
from cma_tui.session.place import own_stream
from cma_tui.session.sorting import START, first_of, is_elsewhere, place_after, put_right, rank
from cma_tui.session.stretch import FEW

_SINGLY = 256
"""Events that are taken in one by one before looking again whether the next can be taken in together."""


def arrive(session: Session, events: Sequence[Event], change: Change) -> Session:
    """Bring in events as they came, each stream in its own order.

    Returns:
        The session to go on with: the same object, or a new one where another stream was ahead of them.
    """
    number, size, singly = 0, len(events), FEW
    while number < len(events):
        if size >= FEW and (taken := stretch.take(session, events[number : number + size], change)):
            number, size, singly = number + taken, 2 * size, FEW
            continue
        if size > FEW:  # some of them are not plainly new: find out which
            size = max(FEW, size // 2)
            continue
        for place in range(number, min(number + singly, len(events))):
            event = events[place]
            if (event.stream is not None or session.several) and (
                _learn_primary(session, event) or _is_late(session, event)
            ):
                return put_right(session, events[place:], None, change)
            apply(session, event, change)
        number, size = number + singly, 2 * FEW
        singly = min(2 * singly, _SINGLY)  # where previews come in between, looking is not worth it each time
    return session


def merge(session: Session, listed: Sequence[Event], change: Change, *, after: str = START) -> Session:
    """Bring a stretch of the server's list into the session.

    Args:
        session: the session so far; it is folded further in place when the order allows it.
        listed: consecutive events of the list, oldest first.
        change: what changed is noted here; `reset` when the session had to be folded anew.
        after: key of the listed event right before the stretch, or `START` when it begins the list.

    Returns:
        The session to go on with: the same object, or a new one.
    """
    if not _out_of_order(session, listed, after):
        if session.queued:  # what the list tells the place of must not be taken up before it
            keys = frozenset(event.key for event in listed if event.at is not None)
            withdraw(session, keys & session.queued.keys(), change)
        for event in listed:
            apply(session, event, change)
        return session
    return put_right(session, listed, after, change)


# -- within a stream -------------------------------------------------------------------------------------


def _out_of_order(session: Session, listed: Sequence[Event], after: str) -> bool:
    """Whether folding the stretch as it is would leave an event where the list does not have it."""
    ordinals = session.ordinals
    cursor = place_after(session, after)
    end = len(session.events) - 1
    checked = False
    for event in listed:
        if (event.stream is not None or session.several) and _learn_primary(session, event):
            return True
        ordinal = ordinals.get(event.key)
        if ordinal is not None:
            if is_elsewhere(session, event):
                if event.stream is not None:
                    return True  # its thread's own list tells its place
                continue
            if ordinal < cursor or (session.several and _is_late(session, event)):
                return True
            cursor = ordinal
        elif queues(session, event):
            continue  # it gets its place when it gets its stamp
        elif cursor >= end or _is_others(session, event, cursor + 1, end):
            if not checked and (event.stream is not None or session.several):
                if _is_late(session, event):
                    return True
                checked = event.at is not None
            cursor = end = end + 1  # it will be appended
        else:
            return True
    return False


def _learn_primary(session: Session, event: Event) -> bool:
    """Note which thread is the primary, where an event on a thread's stream and on the session's shows it.

    What a child shows on both names the child. Returns whether its events stand in the log as a child's.
    """
    ordinal = session.ordinals.get(event.key)
    if session.primary is not None or ordinal is None or event.session_thread_id is not None:
        return False
    held = session.events[ordinal].stream
    if (held is None) == (event.stream is None):
        return False
    session.primary = held or event.stream
    return session.primary in session.threads


def _is_others(session: Session, event: Event, first: int, last: int) -> bool:
    """Whether only other streams and facts of our own lie between: they have no place in this order."""
    stream = own_stream(session, event)
    first = max(first, first_of(session, stream))
    for ordinal in range(last, first - 1, -1):  # from the end, where one of its own most likely is
        held = session.events[ordinal]
        if not held.type.startswith("local.") and own_stream(session, held) == stream:
            return False
    return True


def _is_late(session: Session, event: Event) -> bool:
    """Whether the event, appended, might stand behind what another stream told of a later time."""
    if event.type in PREVIEW_TYPES:
        return False
    ordinal = session.ordinals.get(event.key)
    if ordinal is not None:
        held = session.events[ordinal]
        if own_stream(session, held) != own_stream(session, event):
            return own_stream(session, event) is not None  # its place is on its own stream
        return held.at is None and event.at is not None  # the stamp may tell of another place
    last_at = session.last_at
    if event.at is None or last_at is None or event.at > last_at:
        return False
    stream = own_stream(session, event)
    for ordinal in range(len(session.events) - 1, -1, -1):
        last = session.events[ordinal]
        if last.at is not None and not last.type.startswith("local."):
            before = own_stream(session, last)
            return before != stream and (event.at < last_at or rank(stream) < rank(before))
    return False
