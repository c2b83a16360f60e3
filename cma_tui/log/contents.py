"""What a recording holds, and so what of a delivery has to be written.

Owns the choice. Invariants: an event is written once for each stream it came on, and again when it got
its stamp; whatever the deliveries, folding the recording in the order that it tells gives the session
that folding the deliveries gives. What the server lists twice costs nothing; where its list puts
events in another order than they came in, a line of the recording says so.

It keeps the order that the session has as well as it can be known without folding. Where it cannot be
known, the list's order is written down: that is always right.
"""

from __future__ import annotations

from collections.abc import Sequence

from cma_tui.event import PREVIEW_TYPES, Event
from cma_tui.session.fold import QUEUEABLE

Runs = list[tuple[str, int]]


class _Thread:
    """The events of one stream."""

    def __init__(self) -> None:
        self.stamps: dict[str, float | None] = {}
        """By key: the stamp of the latest version."""
        self.recorded: list[str] = []
        """Keys in the order recorded."""
        self.numbers: dict[str, int] = {}
        """Place in `recorded`."""
        self.order: list[str] = []
        """Keys in the order of the session."""
        self.ranks: dict[str, int] = {}
        """Place in `order`; none for what waits in the queue."""
        self.unsure: set[str] = set()
        """Keys whose place in `order` may be another one in the session."""


class Contents:
    """The events of a recording, by name."""

    def __init__(self) -> None:
        self.events = 0
        """Lines that hold an event, previews aside."""
        self._threads: dict[str | None, _Thread] = {None: _Thread()}
        self._queued: dict[str, bool] = {}
        """Keys of messages that wait for a stamp; whether a turn may have taken them up meanwhile."""
        self._stamped = False
        self._heard = False
        self._last: str | None = None
        """The stream of the last event that has a place."""
        self._mended = False
        """Whether the list ever told another order."""

    def is_news(self, event: Event) -> bool:
        """Whether it has to be written: it is new on its stream, or got a (later) stamp."""
        if event.type in PREVIEW_TYPES:
            return True
        stamps = self._thread(event.stream).stamps
        if event.key not in stamps:
            return True
        held = stamps[event.key]
        return event.at is not None and (held is None or event.at > held)

    def place(self, listed: Sequence[Event], after: str) -> bool:
        """Whether the order of a listed stretch has to be written behind its events. Ask before `add`."""
        news = [event for event in listed if self.is_news(event)]
        if any(event.type.startswith("local.") for event in news):
            return True
        stream = listed[0].stream if listed else None
        thread = self._thread(stream)
        last = thread.ranks.get(after, -1)
        if after and last < 0:
            return True
        begun = False
        for event in listed:
            rank = thread.ranks.get(event.key)
            if rank is not None:
                if begun or rank < last or event.key in thread.unsure:
                    return True
                last = rank
            elif not self._queues(event) and not self._is_elsewhere(event):
                begun = True
                if stream is not None or self._mended or self._last is not None:
                    return True
                if last != len(thread.order) - 1 or self._is_taken_up(event, listed):
                    return True
        return False

    def add(self, event: Event, *, fact: bool = False) -> None:
        """Note that an event is written.

        Args:
            event: what is written.
            fact: whether it is a fact of our own, and no event of a stream.
        """
        if event.type in PREVIEW_TYPES:
            return
        self.events += 1
        if fact:
            return
        thread = self._thread(event.stream)
        if event.key not in thread.numbers:
            thread.numbers[event.key] = len(thread.recorded)
            thread.recorded.append(event.key)
        thread.stamps[event.key] = event.at
        if event.key in thread.ranks:
            return
        if self._queues(event):
            self._queued[event.key] = False
            return
        self._stamped = self._stamped or event.at is not None
        if self._queued:
            self._take_up(event, thread)
        if not event.type.startswith("local."):
            self._heard = True
            self._last = event.stream
        if self._is_elsewhere(event):
            thread.unsure.add(event.key)
        _append(thread, event.key)

    def runs(self, listed: Sequence[Event]) -> Runs:
        """The order of a listed stretch, as runs of what is written."""
        numbers = self._thread(listed[0].stream).numbers
        runs: Runs = []
        expected = -1
        for event in listed:
            number = numbers[event.key]
            if number == expected:
                runs[-1] = (runs[-1][0], runs[-1][1] + 1)
            else:
                runs.append((event.key, 1))
            expected = number + 1
        return runs

    def mend(self, stream: str | None, runs: Runs, after: str) -> None:
        """Note that an order is written."""
        thread = self._thread(stream)
        stretch = self.keys(stream, runs)
        moved = set(stretch)
        start = thread.ranks[after] + 1 if after in thread.ranks else 0
        head = [key for key in thread.order[:start] if key not in moved]
        rest = [key for key in thread.order[start:] if key not in moved]
        placed = [key for key in stretch if key in thread.ranks]
        thread.order = [*head, *placed, *rest]
        thread.ranks = {key: rank for rank, key in enumerate(thread.order)}
        thread.unsure.difference_update(moved)
        thread.unsure.update(rest)
        self._mended = True

    def keys(self, stream: str | None, runs: Runs) -> list[str]:
        """The keys that runs name, in order; what is not there is left out."""
        thread = self._thread(stream)
        keys: list[str] = []
        for key, count in runs:
            first = thread.numbers.get(key)
            if first is not None:
                keys += thread.recorded[first : first + max(0, count)]
        return keys

    # -- what the fold does with what waits ------------------------------------------------------------

    def _thread(self, stream: str | None) -> _Thread:
        held = self._threads.get(stream)
        if held is None:
            held = self._threads[stream] = _Thread()
        return held

    def _queues(self, event: Event) -> bool:
        """Whether it waits in the queue of the session, as `fold.queues` decides it."""
        return event.at is None and event.type in QUEUEABLE and (self._stamped or not self._heard)

    def _is_elsewhere(self, event: Event) -> bool:
        return len(self._threads) > 1 and any(
            event.key in thread.ranks for name, thread in self._threads.items() if name != event.stream
        )

    def _is_taken_up(self, event: Event, listed: Sequence[Event]) -> bool:
        """Whether folding the stretch one by one might take up a message before its place."""
        return bool(self._queued) and any(
            event.key in self._queued or event.type == "span.model_request_start" for event in listed
        )

    def _take_up(self, event: Event, thread: _Thread) -> None:
        if self._queued.pop(event.key, False):
            thread.unsure.add(event.key)
        if not self._stamped and not event.type.startswith(("user.", "local.")):
            for key in self._queued:
                _append(self._thread(None), key)
            self._queued.clear()
        elif event.type == "span.model_request_start":
            self._queued = dict.fromkeys(self._queued, True)


def _append(thread: _Thread, key: str) -> None:
    thread.ranks[key] = len(thread.order)
    thread.order.append(key)
