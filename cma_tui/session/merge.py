"""Order: where events that come late, twice, or by two ways belong.

Owns the rule of order. Within a stream the server's list is the order; what the list does not hold yet
keeps its place after what came before it. Among streams (the session's own and those of its threads) the
server's stamps are the order: each event stands at the latest stamp that its stream has reached, and at
equal ones a thread comes before the session that tells of it. What has no stamp, a fact of our own above
all, keeps its place among what came before and after it. Invariants: whatever the interleaving of streams
and lists, once a whole list has been merged the session equals the one folded from that list, and two
sessions with the same streams are equal. The fold only knows one direction, so an order that turns out
wrong is mended by folding anew; that is rare, and costs one pass.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from heapq import merge as by_stamp
from itertools import accumulate
from math import inf
from operator import itemgetter

from cma_tui.event import PREVIEW_TYPES, Event
from cma_tui.session import stretch
from cma_tui.session.fold import apply, queues, withdraw
from cma_tui.session.model import Change, Elsewhere, Session, ToolUse
from cma_tui.session.moments import keep_past
from cma_tui.session.place import own_stream
from cma_tui.session.stretch import FEW
from cma_tui.session.tools import cross_posted

_SINGLY = 256
"""Events that are taken in one by one before looking again whether the next can be taken in together."""
START = ""
"""The place before the first event."""

Place = int | Event
"""An event of the log, by its ordinal, or one that is new or better than what is there."""


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
                sorting = _Sorting(session)
                beside = [late for late in events[place:] if not sorting.add(late)]
                return sorting.folded(beside, change)
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
    sorting = _Sorting(session)
    sorting.list_in(listed, after)
    return sorting.folded(listed, change)


# -- within a stream -------------------------------------------------------------------------------------


def _out_of_order(session: Session, listed: Sequence[Event], after: str) -> bool:
    """Whether folding the stretch as it is would leave an event where the list does not have it."""
    ordinals = session.ordinals
    cursor = _place(session, after)
    end = len(session.events) - 1
    checked = False
    for event in listed:
        if (event.stream is not None or session.several) and _learn_primary(session, event):
            return True
        ordinal = ordinals.get(event.key)
        if ordinal is not None:
            if _elsewhere(session, event):
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


def _elsewhere(session: Session, event: Event) -> bool:
    """Whether a known event has its place on another stream: an ask of a child is listed on both."""
    held = session.events[session.ordinals[event.key]]
    return own_stream(session, held) != own_stream(session, event)


def _place(session: Session, after: str) -> int:
    """Ordinal of the event a stretch follows: -1 for the beginning, the last for one that is only queued."""
    return -1 if after == START else session.ordinals.get(after, len(session.events) - 1)


def _is_others(session: Session, event: Event, first: int, last: int) -> bool:
    """Whether only other streams and facts of our own lie between: they have no place in this order."""
    stream = own_stream(session, event)
    for ordinal in range(last, first - 1, -1):  # from the end, where one of its own most likely is
        held = session.events[ordinal]
        if not held.type.startswith("local.") and own_stream(session, held) == stream:
            return False
    return True


def _rank(stream: str | None) -> tuple[bool, str]:
    """What comes first at equal stamps: the threads, by their ids, then the session that tells of them."""
    return stream is None, stream or ""


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
            return before != stream and (event.at < last_at or _rank(stream) < _rank(before))
    return False


# -- putting it right ----------------------------------------------------------------------------------------


class _Sorting:
    """The order of a session's streams, each by itself, with what comes in."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._keys = list(session.ordinals)
        """By ordinal."""
        self._stamps = array("d")
        """By ordinal; `-inf` for what has none."""
        self._rows: dict[str | None, list[Place]] = {None: []}
        """The order of each stream; facts of our own are with the session's."""
        self._placed: dict[str, str | None] = {}
        """By key: the streams of events that are new, or better than what is there."""
        self._moved: list[Event] = []
        """The session's copies of what a thread's own stream shows too: that is where it stands."""
        self._anew = session.primary in session.threads
        """Whether the fold has to begin anew even if the order stands."""
        self._primary: str | None = None
        """The primary thread, where events of its own stream are in the log."""
        for ordinal, event in enumerate(session.events):
            if event.stream is not None and event.stream == session.primary:
                self._primary = event.stream
            self._stamps.append(-inf if event.at is None else event.at)
            self._rows.setdefault(own_stream(session, event), []).append(ordinal)

    def add(self, event: Event) -> bool:
        """Take in what came on a stream, at its end. False for what has no place there."""
        session, key = self._session, event.key
        known = key in session.ordinals
        if event.type in PREVIEW_TYPES or (not known and queues(session, event)):
            return False
        stream = own_stream(session, event)
        row = self._rows.setdefault(stream, [])
        if not known and key not in self._placed:
            self._placed[key] = stream
            row.append(event)
            return True
        held, where = self._held(key)
        if where == stream and held.at is None and event.at is not None:
            row[self._index(row, key)] = event
            self._placed[key] = stream
        elif where is None and stream is not None:  # its thread's own stream tells its place
            del self._rows[None][self._index(self._rows[None], key)]
            self._moved.append(held)
            self._placed[key] = stream
            self._anew = self._anew or known
            row.append(event)
        return False

    def list_in(self, listed: Sequence[Event], after: str) -> None:
        """Take in a stretch of a stream's list: its order, and the others, in their own, between."""
        session, ordinals, stamps = self._session, self._session.ordinals, self._stamps
        stream = own_stream(session, listed[0])
        row = self._rows.get(stream, [])
        own = {self._keys[place]: place for place in row if isinstance(place, int)}
        stretch = [e for e in listed if e.key in own or e.key not in ordinals or stream is not None]
        moved = {event.key for event in stretch}
        if elsewhere := {ordinals[key] for key in moved if key in ordinals and key not in own}:
            self._anew = True
            self._moved += [session.events[ordinal] for ordinal in elsewhere]
            self._rows[None] = [place for place in self._rows[None] if place not in elsewhere]
        start = _place(session, after)
        order: list[Place] = [place for key, place in own.items() if place <= start and key not in moved]
        others = [place for key, place in own.items() if place > start and key not in moved]
        ahead = _ahead([stamps[place] for place in others])
        place = 0
        for event in stretch:
            ordinal = own.get(event.key)
            while place < len(others):
                other = others[place]
                if ordinal is None:
                    first = _earlier(ahead[place], event.at)
                else:  # it came after this one, and not only because it came too late
                    first = other < ordinal and not (event.at is not None and event.at < stamps[other])
                if not first:
                    break
                order.append(other)
                place += 1
            better = ordinal is None or (stamps[ordinal] == -inf and event.at is not None)
            order.append(event if ordinal is None or better else ordinal)
        self._rows[stream] = [*order, *others[place:]]

    def folded(self, beside: Sequence[Event], change: Change) -> Session:
        """The session in this order; in the end what came `beside` it is taken in."""
        session, order = self._session, self._abreast()
        count = len(session.events)
        if not self._anew and all(map(self._stands, order, range(count))):
            withdraw(session, frozenset(self._placed) & session.queued.keys(), change)
            for place in order:
                if isinstance(place, Event):
                    apply(session, place, change)
            for event in (*self._moved, *beside):
                apply(session, event, change)
            return session
        change.reset = True
        change.items.clear()
        change.leaning.clear()
        change.header = change.queued = change.previews = True
        return _fold_anew(session, order, [*self._moved, *beside], self._primary)

    def _stands(self, place: Place, ordinal: int) -> bool:
        held = place if isinstance(place, int) else self._session.ordinals.get(place.key, -1)
        return held == ordinal

    def _held(self, key: str) -> tuple[Event, str | None]:
        """The copy of an event that has a place, and the stream it has it on."""
        if key in self._placed:
            stream = self._placed[key]
            held = self._rows[stream][self._index(self._rows[stream], key)]
            assert isinstance(held, Event)
            return held, stream
        event = self._session.events[self._session.ordinals[key]]
        return event, own_stream(self._session, event)

    def _index(self, row: list[Place], key: str) -> int:
        for index in range(len(row) - 1, -1, -1):
            place = row[index]
            if key == (self._keys[place] if isinstance(place, int) else place.key):
                return index
        raise KeyError(key)

    def _abreast(self) -> list[Place]:
        """All streams in one order."""
        rows = sorted((_rank(stream), row) for stream, row in self._rows.items() if row)
        if len(rows) < 2:
            return rows[0][1] if rows else []
        reached = array("d", accumulate(self._stamps, max))
        keyed = (self._reaching(row, reached) for _, row in rows)
        return [place for _, place in by_stamp(*keyed, key=itemgetter(0))]

    def _reaching(self, row: list[Place], reached: array[float]) -> Iterator[tuple[float, Place]]:
        """Each event of a stream with the latest stamp that its stream has reached there.

        What has no stamp stands where it stood among the others, but before what follows it on its own.
        """
        stamps = [self._stamps[p] if isinstance(p, int) else -inf if p.at is None else p.at for p in row]
        latest = -inf
        for place, at, ahead in zip(row, stamps, _ahead(stamps), strict=True):
            latest = max(latest, at)
            where = latest
            if at == -inf and isinstance(place, int):
                where = max(latest, reached[place])
                if ahead is not None:
                    where = min(where, max(latest, ahead))
            yield where, place


def _ahead(stamps: Sequence[float]) -> list[float | None]:
    """For each place the first stamp from there on: what has none stands before what follows it."""
    found: list[float | None] = []
    ahead: float | None = None
    for at in reversed(stamps):
        ahead = ahead if at == -inf else at
        found.append(ahead)
    found.reverse()
    return found


def _earlier(one: float | None, other: float | None) -> bool:
    return one is not None and other is not None and one < other


def _fold_anew(
    session: Session, order: Sequence[Place], beside: Sequence[Event], primary: str | None
) -> Session:
    events, dropped = session.events, Change()
    emptied = events.emptied() if isinstance(events, Elsewhere) else []
    fresh = Session(id=session.id, primary=primary, events=emptied)
    previews: dict[str | None, list[Event]] = {}
    if session.kept is not None and session.kept.moments is not None:
        previews = session.kept.moments.previews_before()
        keep_past(fresh, spacing=session.kept.moments.spacing)
    for place in order:
        event = place if isinstance(place, Event) else events[place]
        for preview in previews.pop(event.key, ()) if previews else ():
            apply(fresh, preview, dropped)
        apply(fresh, event, dropped)
    for preview in previews.get(None, ()):
        apply(fresh, preview, dropped)
    # What the order does not tell: which uses both streams showed, and what depends on arrival.
    for key, index in session.tools.items():
        held = session.items[index]
        if isinstance(held, ToolUse) and held.on_session and key in fresh.tools:
            cross_posted(fresh, fresh.tools[key])
    fresh.previews = {key: p for key, p in session.previews.items() if key not in fresh.ordinals}
    for event in (*session.queued.values(), *beside):
        apply(fresh, event, dropped)  # a known event's copy may be the better one
    for old, new in ((session.first_tokens, fresh.first_tokens), (session.queue_waits, fresh.queue_waits)):
        for item, seconds in old.items():
            key = session.events[session.items[item].event].key
            new[fresh.owners[fresh.ordinals[key]]] = seconds
    if fresh.kept is not None and fresh.kept.moments is not None:
        fresh.kept.moments.checkpoint()
    return fresh
