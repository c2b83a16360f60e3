"""Order: where events that come late, twice, or by two ways belong.

Owns the rule of order. The server's list is the order; what the list does not hold (yet, or because
it is another stream's) keeps its own order and its place after what came before it, and goes by time
beside what is new. Invariant: whatever the interleaving of stream and list, once a whole list has
been merged the session equals the one folded from that list; lists of several streams do not disturb
one another. The fold only knows one direction, so an order that turns out wrong is mended
by folding anew; that is rare, and costs one pass.
"""

from __future__ import annotations

from collections.abc import Sequence

from cma_tui.event import Event
from cma_tui.session.fold import apply, queues, withdraw
from cma_tui.session.model import Change, Session, ToolUse
from cma_tui.session.moments import keep_past
from cma_tui.session.place import own_stream
from cma_tui.session.tools import cross_posted

START = ""
"""The place before the first event."""


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
    change.reset = True
    change.items.clear()
    change.leaning.clear()
    change.header = change.queued = change.previews = True
    return _fold_anew(session, _order(session, listed, after), listed)


def _out_of_order(session: Session, listed: Sequence[Event], after: str) -> bool:
    """Whether folding the stretch as it is would leave an event where the list does not have it."""
    ordinals = session.ordinals
    cursor = _place(session, after)
    end = len(session.events) - 1
    for event in listed:
        ordinal = ordinals.get(event.key)
        if ordinal is not None:
            if _elsewhere(session, event):
                continue
            if ordinal < cursor:
                return True
            cursor = ordinal
        elif queues(session, event):
            continue  # it gets its place when it gets its stamp
        elif cursor >= end or _is_local(session, cursor + 1, end):
            cursor = end = end + 1  # it will be appended
        else:
            return True
    return False


def _elsewhere(session: Session, event: Event) -> bool:
    """Whether a known event has its place on another stream: an ask of a child is listed on both."""
    held = session.events[session.ordinals[event.key]]
    return own_stream(session, held) != own_stream(session, event)


def _place(session: Session, after: str) -> int:
    """Ordinal of the event a stretch follows: -1 for the beginning, the last for one that is only queued."""
    return -1 if after == START else session.ordinals.get(after, len(session.events) - 1)


def _is_local(session: Session, first: int, last: int) -> bool:
    """Whether only facts of our own lie between: they have no place in the server's order."""
    return all(session.events[i].type.startswith("local.") for i in range(first, last + 1))


def _order(session: Session, listed: Sequence[Event], after: str) -> list[Event]:
    """All events, the stretch in the list's order and the others, in their own order, placed between."""
    ordinals, events = session.ordinals, session.events
    stretch = [event for event in listed if event.key not in ordinals or not _elsewhere(session, event)]
    moved = {event.key for event in stretch}
    start = _place(session, after) + 1
    order = [event for event in events[:start] if event.key not in moved]
    others = [event for event in events[start:] if event.key not in moved]
    stamps = _stamps_ahead(others)
    place = 0
    for event in stretch:
        ordinal = ordinals.get(event.key)
        while place < len(others):
            if ordinal is None:
                first = _earlier(stamps[place], event.at)
            else:  # it came after this one, and not only because it came too late
                first = ordinals[others[place].key] < ordinal and not _earlier(event.at, others[place].at)
            if not first:
                break
            order.append(others[place])
            place += 1
        order.append(event if ordinal is None else _better(events[ordinal], event))
    order.extend(others[place:])
    return order


def _stamps_ahead(events: Sequence[Event]) -> list[float | None]:
    """For each event the first stamp from there on: what has none stands before what follows it."""
    stamps: list[float | None] = []
    ahead: float | None = None
    for event in reversed(events):
        ahead = ahead if event.at is None else event.at
        stamps.append(ahead)
    stamps.reverse()
    return stamps


def _earlier(one: float | None, other: float | None) -> bool:
    return one is not None and other is not None and one < other


def _better(held: Event, event: Event) -> Event:
    return event if held.at is None and event.at is not None else held


def _fold_anew(session: Session, order: Sequence[Event], listed: Sequence[Event]) -> Session:
    fresh = Session(id=session.id)
    if session.kept is not None and session.kept.moments is not None:
        keep_past(fresh, spacing=session.kept.moments.spacing)
    dropped = Change()
    for event in order:
        apply(fresh, event, dropped)
    for event in (*listed, *session.queued.values()):
        apply(fresh, event, dropped)  # a known event's listed copy may be the better one
    # What the order does not tell: which uses both streams showed, and what depends on arrival.
    for key, index in session.tools.items():
        held = session.items[index]
        if isinstance(held, ToolUse) and held.on_session and key in fresh.tools:
            cross_posted(fresh, fresh.tools[key])
    fresh.previews = {key: p for key, p in session.previews.items() if key not in fresh.ordinals}
    for old, new in ((session.first_tokens, fresh.first_tokens), (session.queue_waits, fresh.queue_waits)):
        for item, seconds in old.items():
            key = session.events[session.items[item].event].key
            new[fresh.owners[fresh.ordinals[key]]] = seconds
    if fresh.kept is not None and fresh.kept.moments is not None:
        fresh.kept.moments.checkpoint()
    return fresh
