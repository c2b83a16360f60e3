"""A turn as lanes: what went on, each thing from its beginning to its end.

Owns which lane a thing is drawn in. Invariants: spans of one lane do not overlap and are in order; taking in
a change costs what changed; what a child thread did belongs to the turn in whose time it began; what finds no
room in `MOST_LANES` is counted. Times are Unix seconds.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator
from math import inf
from sys import maxsize
from typing import Final, Literal, NamedTuple

import msgspec

from cma_tui.session.model import (
    Change,
    Evaluation,
    Failure,
    Item,
    ModelRequest,
    Session,
    StatusChange,
    ToolUse,
)

Kind = Literal["model", "grader", "tool", "you", "host", "run", "mark"]
GAP: Final = 4.0
"""Seconds from which on a stretch in which nothing works counts as one."""
MOST_LANES: Final = 40
"""Of one group: more going on at once is counted and not drawn."""
_MARKS: Final = frozenset({"agent.thread_context_compacted", "user.interrupt", "user.message"})
_ORDER: Final = ("mark", "model", "grader", "tool", "you", "host", "run", "work")


class Span(msgspec.Struct, gc=False):
    """Something that went on."""

    item: int
    kind: Kind
    start: float
    end: float
    """Infinite while it goes on."""
    bad: bool = False

    @property
    def open(self) -> bool:
        """Whether it goes on."""
        return self.end == inf


class Part(NamedTuple):
    """What of an item is drawn in one lane."""

    group: tuple[str, str]
    kind: Kind
    start: float
    end: float
    bad: bool


class Lane:
    """Spans that do not overlap, in order."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self._starts: list[float] = []
        self._ends: list[float] = []
        self._bad: list[float] = []
        """When those that went wrong began."""

    def put(self, span: Span) -> bool:
        """Take it in, if there is room for it."""
        at = bisect_right(self._starts, span.start)
        if at and self._ends[at - 1] > span.start:
            return False
        if at < len(self.spans) and self._starts[at] < span.end:
            return False
        self.spans.insert(at, span)
        self._starts.insert(at, span.start)
        self._ends.insert(at, span.end)
        if span.bad:
            insort(self._bad, span.start)
        return True

    def close(self, span: Span, end: float, bad: bool) -> None:
        """A span that was open has ended."""
        at = self.spans.index(span, bisect_left(self._starts, span.start))
        span.end = self._ends[at] = end
        if bad and not span.bad:
            span.bad = True
            insort(self._bad, span.start)

    def after(self, moment: float) -> int:
        """The first span that ends after that moment."""
        return bisect_right(self._ends, moment)

    def nearest(self, moment: float) -> int:
        """The span that goes on at that moment, or else the one that began last before it."""
        return max(0, bisect_right(self._starts, moment) - 1)

    def any_bad(self, first: int, last: int) -> bool:
        """Whether one of the spans from `first` to `last` went wrong."""
        at = bisect_left(self._bad, self._starts[first])
        return at < len(self._bad) and self._bad[at] <= self._starts[last]


class Group(msgspec.Struct):
    """Lanes of one kind, or of one thread."""

    kind: str
    thread: str
    lanes: list[Lane] = msgspec.field(default_factory=list)
    crowded_out: set[int] = msgspec.field(default_factory=set)
    """Items that found no room in the lanes."""


class Lanes:
    """The lanes of one turn, kept up while it grows."""

    def __init__(self, session: Session, turn: int, at_once: int = maxsize) -> None:
        """Look at a turn.

        Args:
            session: what is looked at.
            turn: the turn.
            at_once: items that are taken in at once; `read` takes in the others.
        """
        self.session, self.turn = session, turn
        self._at_once = at_once
        self.groups: dict[tuple[str, str], Group] = {}
        self.order: list[tuple[float, int, int]] = []
        """Every span by its start: that, its item, and which part of the item it is."""
        self.last_at = self._begin()[0]
        """The latest moment of which anything is known."""
        self._of: dict[int, list[tuple[Span, Lane]]] = {}
        self._open: set[int] = set()
        self._runs: dict[str, tuple[int, float]] = {}
        """By thread: the item with which it began to run, and when."""
        self._busy: list[tuple[float, float]] = []
        """When something worked, each stretch `GAP` longer than it was: apart, in order."""
        self._seen = 0
        self.whole = False
        """Whether all of the turn is taken in."""
        self.read()

    def update(self, session: Session, change: Change) -> Lanes:
        """Take in what changed. Returns the lanes to go on with: other ones where the past changed."""
        if session is not self.session or change.reset or self.turn >= len(session.turns):
            return Lanes(session, min(self.turn, len(session.turns) - 1), self._at_once)
        for index in [*(index for index in change.items if index in self._of), *self._open]:
            if not self._settle(index):
                return Lanes(session, self.turn, self._at_once)
        self.read()
        return self

    def span(self, item: int, part: int = -1) -> Span | None:
        """The span of an item; by default the last of several."""
        held = self._of.get(item)
        return held[part][0] if held else None

    def rows(self) -> list[tuple[Group, Lane]]:
        """All lanes from the top, each with its group."""
        threads = {thread: number for number, thread in enumerate(self.session.threads)}
        ranked = sorted(
            self.groups.values(),
            key=lambda group: (
                threads.get(group.thread, len(threads)) + 1 if group.thread else 0,
                _ORDER.index(group.kind),
            ),
        )
        return [(group, lane) for group in ranked for lane in group.lanes]

    def busy(self, now: float) -> list[tuple[float, float]]:
        """When something worked: stretches in order, apart from one another by `GAP` or more."""
        start = self._begin()[0]
        found = [(begin, end - GAP) for begin, end in self._busy]
        going = [
            span.start
            for index in self._open
            for span, _ in self._of[index]
            if span.open and span.kind in ("model", "grader", "tool", "run")
        ]
        if going:
            begin = min(going)
            while found and found[-1][1] + GAP >= begin:
                begin = min(begin, found.pop()[0])
            found.append((begin, max(begin, now)))
        return found or [(start, start)]

    @property
    def going_on(self) -> bool:
        """Whether anything has not ended."""
        return bool(self._open)

    def _begin(self) -> tuple[float, float]:
        """When the turn began, and when the next one did."""
        turns = self.session.turns
        if not turns:
            return (self.session.first_at or 0.0, inf)
        started = turns[self.turn].started_at
        after = turns[self.turn + 1].started_at if self.turn + 1 < len(turns) else inf
        return (started if started is not None else self.session.first_at or 0.0), (
            inf if after is None else after
        )

    # -- reading ---------------------------------------------------------------------------------------

    def read(self) -> None:
        """Take in items that have not been seen, `at_once` at most."""
        session, turns = self.session, self.session.turns
        if not turns:
            self.whole = True
            return
        begin, end = self._begin()
        first = turns[self.turn].first_item
        stop = turns[self.turn + 1].first_item if self.turn + 1 < len(turns) else len(session.items)
        if not self._seen:
            self._seen = first
            for thread in session.threads.values():  # what they did in this time may be listed elsewhere
                items = thread.items
                at = bisect_left(items, begin, key=lambda index: session.items[index].at or begin)
                for index in items[at:]:
                    if first <= index < stop:
                        continue
                    if (session.items[index].at or end) >= end:
                        break
                    self._take(index)
        until = min(stop, self._seen + self._at_once)
        for index in range(self._seen, until):
            item = session.items[index]
            if item.thread is None or begin <= (item.at or begin) < end:
                self._take(index)
        self._seen = max(self._seen, until)
        self.whole = self._seen >= stop

    def _take(self, index: int) -> None:
        item = self.session.items[index]
        if index in self._of or self.session.owners[item.event] != index:
            return
        if isinstance(item, StatusChange):
            self._status(index, item)
            return
        for part in self._parts(index, item):
            if not self._add(index, part):
                return

    def _status(self, index: int, item: StatusChange) -> None:
        """A thread that runs is a span too: of some nothing else is known."""
        thread = item.subject
        if thread is None or thread not in self.session.threads or item.at is None:
            return
        running = self._runs.get(thread)
        if item.status == "running" and running is None and item.type != "session.thread_created":
            self._runs[thread] = (index, item.at)
            self._add(index, Part(("run", thread), "run", item.at, inf, bad=False))
        elif item.status in ("idle", "terminated") and running is not None:
            del self._runs[thread]
            held = self._of.get(running[0])
            if held is not None:
                self._close(running[0], 0, item.at, bad=item.status == "terminated" and held[0][0].bad)

    def _add(self, index: int, part: Part) -> bool:
        """Draw a part of an item. Returns whether there was room for it."""
        span = Span(index, part.kind, part.start, part.end, part.bad)
        group = self.groups.setdefault(part.group, Group(*part.group))
        lane = next((lane for lane in group.lanes if lane.put(span)), None)
        if lane is None:
            if len(group.lanes) >= MOST_LANES:
                group.crowded_out.add(index)
                return False
            lane = Lane()
            lane.put(span)
            group.lanes.append(lane)
        held = self._of.setdefault(index, [])
        insort(self.order, (span.start, index, len(held)))
        held.append((span, lane))
        if span.open:
            self._open.add(index)
        self._spent(span)
        return True

    def _spent(self, span: Span) -> None:
        self.last_at = max(self.last_at, span.start if span.open else span.end)
        if span.open or span.kind in ("you", "host"):
            return
        start, end = span.start, span.end + GAP
        busy = self._busy
        first = bisect_left(busy, start, key=lambda stretch: stretch[1])
        last = bisect_right(busy, end, key=lambda stretch: stretch[0])
        if first < last:
            start, end = min(start, busy[first][0]), max(end, busy[last - 1][1])
        busy[first:last] = [(start, end)]

    def _settle(self, index: int) -> bool:
        """Look at an item again. Returns False where what was drawn of it is not so."""
        item = self.session.items[index]
        held = self._of[index]
        if isinstance(item, StatusChange):
            if index in self._open and self._over(item.subject):
                self._close(index, 0, self._end(), bad=False)
                self._runs.pop(item.subject or "", None)
            return True
        parts = list(self._parts(index, item))
        for number, (span, _) in enumerate(held):
            if number >= len(parts) or parts[number].start != span.start or parts[number].kind != span.kind:
                return False
            part = parts[number]
            if span.open and part.end != inf:
                self._close(index, number, part.end, part.bad)
            elif not span.open and (span.end != part.end or span.bad != part.bad):
                return False
        for part in parts[len(held) :]:
            if not self._add(index, part):
                break
        return True

    def _close(self, index: int, number: int, end: float, bad: bool) -> None:
        span, lane = self._of[index][number]
        lane.close(span, max(span.start, end), bad)
        if not any(held.open for held, _ in self._of[index]):
            self._open.discard(index)
        self._spent(span)

    # -- what is drawn of an item ----------------------------------------------------------------------

    def _parts(self, index: int, item: Item) -> Iterator[Part]:
        if item.at is None:
            return
        thread = item.thread or ""
        work = ("work", thread) if thread else None
        match item:
            case ModelRequest():
                end = item.ended_at
                if end is None and (item.closed or self._over(item.thread)):
                    end = item.first_block_at or item.at
                yield Part(work or ("model", ""), "model", item.at, _end(item.at, end), item.is_error)
            case Evaluation():
                end = item.ended_at if item.end >= 0 or not self._over(item.thread) else self._end()
                yield Part(("grader", ""), "grader", item.at, _end(item.at, end), bad=False)
            case ToolUse():
                yield from self._tool(item, work)
            case Failure():
                yield Part(("mark", ""), "mark", item.at, item.at, bad=True)
            case _ if item.type in _MARKS and not thread:
                yield Part(("mark", ""), "mark", item.at, item.at, bad=False)

    def _tool(self, use: ToolUse, work: tuple[str, str] | None) -> Iterator[Part]:
        assert use.at is not None
        start, over = use.at, self._over(use.thread)
        if use.confirmed_at is not None or use.awaited == "confirmation":
            end = use.confirmed_at if use.confirmed_at is not None else use.result_at
            end = self._end() if end is None and over else end
            yield Part(("you", ""), "you", start, _end(start, end), bad=use.confirmation == "deny")
            if use.confirmed_at is None or use.confirmation == "deny":
                return
            start = max(start, use.confirmed_at)
        outside = use.kind == "custom" or use.awaited == "host_result"
        end = use.result_at
        if end is None and (use.done or over):
            end = start if use.done else self._end()
        group = ("host", "") if outside else work or ("tool", "")
        kind: Kind = "host" if outside else "tool"
        yield Part(group, kind, start, _end(start, end), bad=use.is_error or (over and not use.done))

    def _over(self, thread: str | None) -> bool:
        """Whether nothing more is heard of what has not ended."""
        child = self.session.threads.get(thread or "")
        if child is not None and child.status in ("idle", "terminated") and not child.stop_reason:
            return True
        if child is not None and child.stop_reason == "end_turn":
            return True
        return child is None and self.session.turns[self.turn].ended

    def _end(self) -> float:
        turn = self.session.turns[self.turn]
        end = turn.ended_at if turn.ended else turn.last_at
        return end if end is not None else self.last_at


def _end(start: float, end: float | None) -> float:
    return inf if end is None else max(start, end)
