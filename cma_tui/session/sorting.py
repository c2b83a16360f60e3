"""Putting a session right: the order of its streams with what came late, folded from a checkpoint on.

Owns how a wrong order is mended. The fold only knows one direction, so what came in the wrong order is folded
anew, from the last checkpoint before the first place that is another (`moments`). Invariants: the session is
the one that folding the whole right order would give; what depends on arrival is carried over; the work is
in proportion to what came since that checkpoint, not to what the log holds, but for lists that are copied
whole. A session that keeps no past is folded from its beginning. The session it was made from shows what it
showed, and is folded on no more.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from heapq import merge as by_stamp
from itertools import accumulate, islice
from math import inf
from operator import itemgetter

from cma_tui.event import PREVIEW_TYPES, Event
from cma_tui.session.fold import apply, queues, withdraw
from cma_tui.session.model import Change, Elsewhere, Session, ToolUse
from cma_tui.session.moments import Moments, keep_past
from cma_tui.session.place import own_stream
from cma_tui.session.tools import cross_posted

START = ""
"""The place before the first event."""

Place = int | Event
"""An event of the log, by its ordinal, or one that is new or better than what is there."""


def put_right(session: Session, events: Sequence[Event], after: str | None, change: Change) -> Session:
    """The session in the right order: with what came on streams, or with a stretch of a list after a key."""
    start = _start(session, events, after)
    while True:
        sorting = _Sorting(session, start)
        if after is None:
            beside = [event for event in events if not sorting.add(event)]
        else:
            beside = list(events)
            sorting.list_in(events, after)
        if sorting.fits():
            return sorting.folded(beside, change)
        start = _start(session, events, after, most=start // 2)


def _start(session: Session, events: Sequence[Event], after: str | None, most: int | None = None) -> int:
    """The last checkpoint that nothing of what comes in can have its place before, as far as one can tell."""
    moments = _moments(session)
    if moments is None or most == 0 or session.primary in session.threads:
        return 0
    first, earliest = len(session.events), inf
    several = session.several
    for event in events:
        several = several or event.stream is not None
        ordinal = session.ordinals.get(event.key)
        if ordinal is None:
            earliest = earliest if event.at is None else min(earliest, event.at)
        elif after is not None or is_elsewhere(session, event) or session.events[ordinal].at is None:
            first = min(first, ordinal)
    if after == START:
        first = min(first, first_of(session, own_stream(session, events[0])))
    elif after is not None:
        first = min(first, place_after(session, after) + 1)
    return moments.last_before(first, earliest if several else inf, most)


def _moments(session: Session) -> Moments | None:
    return None if session.kept is None else session.kept.moments


def is_elsewhere(session: Session, event: Event) -> bool:
    """Whether a known event has its place on another stream: an ask of a child is listed on both."""
    held = session.events[session.ordinals[event.key]]
    return own_stream(session, held) != own_stream(session, event)


def place_after(session: Session, after: str) -> int:
    """Ordinal of the event a stretch follows: -1 for the beginning, the last for one that is only queued."""
    return -1 if after == START else session.ordinals.get(after, len(session.events) - 1)


def first_of(session: Session, stream: str | None) -> int:
    """The ordinal of a stream's first event, the log's length where it has none; 0 for the session's own."""
    if stream is None:
        return 0
    thread = session.threads.get(stream)
    return thread.first if thread is not None and thread.read else len(session.events)


def rank(stream: str | None) -> tuple[bool, str]:
    """What comes first at equal stamps: the threads, by their ids, then the session that tells of them."""
    return stream is None, stream or ""


class _Sorting:
    """The order of a session's streams, each by itself, with what comes in, from a checkpoint on."""

    def __init__(self, session: Session, start: int) -> None:
        self._session = session
        self._start = start
        """The checkpoint; 0 for the beginning of the log."""
        self._first, self._before = 0, -inf
        """The ordinal of the first event after it, and the latest stamp before that."""
        if start and (moments := _moments(session)) is not None:
            self._first, self._before = moments.place(start)
        events = session.events[self._first :] if self._first else session.events
        last = len(session.events) - self._first
        self._keys = list(session.ordinals) if not self._first else _last_keys(session, last)
        """By ordinal, counted from the first."""
        self._stamps = array("d")
        """By ordinal, counted from the first; `-inf` for what has none."""
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
        self._several = session.several
        self._order: list[Place] = []
        for ordinal, event in enumerate(events, self._first):
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
        self._several = self._several or stream is not None
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
        self._several = self._several or stream is not None
        row, begin = self._rows.get(stream, []), self._first
        own = {self._keys[place - begin]: place for place in row if isinstance(place, int)}
        stretch = [e for e in listed if e.key in own or e.key not in ordinals or stream is not None]
        moved = {event.key for event in stretch}
        if elsewhere := {ordinals[key] for key in moved if key in ordinals and key not in own}:
            self._anew = True
            self._moved += [session.events[ordinal] for ordinal in elsewhere]
            self._rows[None] = [place for place in self._rows[None] if place not in elsewhere]
        start = place_after(session, after)
        order: list[Place] = [place for key, place in own.items() if place <= start and key not in moved]
        others = [place for key, place in own.items() if place > start and key not in moved]
        ahead = _ahead([stamps[place - begin] for place in others])
        place = 0
        for event in stretch:
            ordinal = own.get(event.key)
            while place < len(others):
                other = others[place]
                if ordinal is None:
                    first = _earlier(ahead[place], event.at)
                else:  # it came after this one, and not only because it came too late
                    first = other < ordinal and not (
                        event.at is not None and event.at < stamps[other - begin]
                    )
                if not first:
                    break
                order.append(other)
                place += 1
            better = ordinal is None or (stamps[ordinal - begin] == -inf and event.at is not None)
            order.append(event if ordinal is None or better else ordinal)
        self._rows[stream] = [*order, *others[place:]]

    def folded(self, beside: Sequence[Event], change: Change) -> Session:
        """The session in this order; in the end what came `beside` it is taken in."""
        session, order = self._session, self._order
        count = len(session.events)
        if not self._anew and all(map(self._stands, order, range(self._first, count))):
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
        fresh = self._begun()
        _fold_on(session, fresh, self._start, order, [*self._moved, *beside])
        if (
            session.kept is not None
        ):  # nobody folds it on: without a circle it goes with the last who looks at it
            session.kept.moments = None
            session.kept = None
        if (self._start or self._primary is not None) and session.primary not in (None, fresh.primary):
            again = _Sorting(fresh, 0)  # a child had been taken for the primary
            again._anew = again.fits()
            return again.folded((), change)
        return fresh

    def _begun(self) -> Session:
        """The session up to where the order may be another one."""
        session, moments = self._session, _moments(self._session)
        if moments is not None and self._start:
            fresh = moments.resumed(self._start)
            fresh.id = session.id
            if fresh.queued:  # the order tells their place
                withdraw(fresh, frozenset(fresh.queued), Change())
            return fresh
        events = session.events
        emptied = events.first(0) if isinstance(events, Elsewhere) else []
        fresh = Session(id=session.id, primary=self._primary, events=emptied)
        if moments is not None:
            keep_past(fresh, spacing=moments.spacing)
        return fresh

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
            if key == (self._keys[place - self._first] if isinstance(place, int) else place.key):
                return index
        raise KeyError(key)

    def fits(self) -> bool:
        """Bring all streams into one order. False where that may begin before the checkpoint."""
        rows = sorted((rank(stream), row) for stream, row in self._rows.items() if row)
        if not self._several:
            self._order = rows[0][1] if rows else []
            return True
        reached = array("d", accumulate(self._stamps, max, initial=self._before))[1:]
        keyed = (self._reaching(row, reached) for _, row in rows)
        order = list(by_stamp(*keyed, key=itemgetter(0)))
        self._order = [place for _, place in order]
        return not self._start or all(at > self._before for at, place in order if isinstance(place, Event))

    def _reaching(self, row: list[Place], reached: array[float]) -> Iterator[tuple[float, Place]]:
        """Each event of a stream with the latest stamp that its stream has reached there.

        What has no stamp stands where it stood among the others, but before what follows it on its own.
        """
        first = self._first
        stamps = [
            self._stamps[p - first] if isinstance(p, int) else -inf if p.at is None else p.at for p in row
        ]
        latest = self._before
        for place, at, ahead in zip(row, stamps, _ahead(stamps), strict=True):
            latest = max(latest, at)
            where = latest
            if at == -inf and isinstance(place, int):
                where = max(latest, reached[place - first])
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


def _last_keys(session: Session, count: int) -> list[str]:
    """The keys of so many events, of the log's last."""
    keys = list(islice(reversed(session.ordinals), count))
    keys.reverse()
    return keys


def _fold_on(
    session: Session, fresh: Session, start: int, order: Sequence[Place], beside: Sequence[Event]
) -> None:
    """Fold what came after a checkpoint into a fresh session, in another order."""
    events, dropped = session.events, Change()
    moments = _moments(session)
    previews = moments.previews_since(start) if moments is not None else {}
    items, tokens, waits = len(fresh.items), len(fresh.first_tokens), len(fresh.queue_waits)
    for place in order:
        event = place if isinstance(place, Event) else events[place]
        for preview in previews.pop(event.key, ()) if previews else ():
            apply(fresh, preview, dropped)
        apply(fresh, event, dropped)
    for preview in previews.get(None, ()):
        apply(fresh, preview, dropped)
    # What the order does not tell: which uses both streams showed, and what depends on arrival.
    changed = moments.replaced_since(start) if moments is not None else set()
    for index in (*changed, *range(items, len(session.items))):
        held = session.items[index]
        if held.thread is None or not isinstance(held, ToolUse) or not held.on_session:
            continue
        if held.key in fresh.tools:
            cross_posted(fresh, fresh.tools[held.key])
    fresh.previews = {key: p for key, p in session.previews.items() if key not in fresh.ordinals}
    for event in (*session.queued.values(), *beside):
        apply(fresh, event, dropped)  # a known event's copy may be the better one
    arrival = (
        (session.first_tokens, fresh.first_tokens, tokens),
        (session.queue_waits, fresh.queue_waits, waits),
    )
    for old, new, known in arrival:
        for item, seconds in list(islice(reversed(old.items()), len(old) - known))[::-1]:
            key = session.events[session.items[item].event].key
            new[fresh.owners[fresh.ordinals[key]]] = seconds
    if (now := _moments(fresh)) is not None:
        now.checkpoint()
