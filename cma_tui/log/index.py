"""The events of a saved log where they are in its files: read again when somebody looks.

Owns `LogEvents`, which stands for the list of a session's events. It keeps the place of each event's line
and a hash of its key; an event is read from its file and parsed each time it is looked at, but for the few
that were looked at last. Events that are no line of their own in a file are kept as they are. Invariants:
it reads like the list it stands for; an event whose line is not there any more, or is another one's, becomes
a `local.bad_frame` that says so, never another event and never an error.

Files are read by `pread`, not mapped: a mapped file that is cut short ends the process that looks.
"""

from __future__ import annotations

import os
import weakref
from array import array
from collections import deque
from collections.abc import Callable, Iterable, Iterator, MutableSequence, Sequence
from typing import Final, NamedTuple, overload

from cma_tui.event import Event, bad_frame

GONE: Final = "the file was changed: this event is not in it any more"

_LATEST: Final = 64
"""How many of the newest events are kept whole: they are looked at right after they came."""
_LOOKED_AT: Final = 256
"""How many that were read again are kept."""
_PIECE: Final = 8192
"""How much is read at first to find the end of a line."""
_MARK: Final = (1 << 31) - 1
"""The bits of a key's hash that are kept."""
_RUN: Final = 1 << 18
"""How much is read at once when events are read one after the other."""

_FILE: Final = 48
"""Bits of a place that tell where in its file a line begins; those above tell which file."""
_WITHIN: Final = (1 << _FILE) - 1

Parse = Callable[[bytes], Event | None]


class Source(NamedTuple):
    """A file that events are read from again."""

    descriptor: int
    parse: Parse
    """Makes an event of a line, as it was made the first time."""


def place_in(number: int, where: int) -> int:
    """The place of an event's line in one of several files; -1 for one that is no line."""
    return number << _FILE | where if where >= 0 else -1


class LogEvents(MutableSequence[Event]):
    """Events in the order they were appended, of which only the places are kept."""

    def __init__(self, sources: Sequence[Source], line_cap: int) -> None:
        """Begin with none.

        Args:
            sources: the open files; duplicates of them are kept.
            line_cap: no line is longer.
        """
        self._sources: list[Source] = []
        self._ends: list[int] = []
        """By file, where the latest event taken in begins."""
        for source in sources:
            self._hold(source)
        self._several = len(sources) > 1
        self._line_cap = line_cap
        self._places = array("q")
        self._marks = array("i")
        self._whole: dict[int, Event] = {}
        """Events that are no line of the file, and those that were put in place of one."""
        self._latest: deque[Event] = deque(maxlen=_LATEST)
        self._looked_at: dict[int, Event] = {}
        self._add_place, self._add_mark = self._places.append, self._marks.append
        self._add_latest = self._latest.append
        self.reads = 0
        """How many events have been read again."""
        self.gone = 0
        """How many of them were not there any more."""

    def _hold(self, source: Source) -> None:
        """Read from one more file."""
        kept = os.dup(source.descriptor)
        weakref.finalize(self, os.close, kept)
        self._sources.append(Source(kept, source.parse))
        self._ends.append(0)

    def first(self, count: int) -> LogEvents:
        """The same files with the first events taken in, for another order of those that follow."""
        made = LogEvents(self._sources, self._line_cap)
        made._begin_with(self, count)
        return made

    def _begin_with(self, other: LogEvents, count: int) -> None:
        """Take the first events over, as another list of the same files has them."""
        self._ends = list(other._ends)
        self._places.extend(other._places[:count])
        self._marks.extend(other._marks[:count])
        self._whole = {ordinal: event for ordinal, event in other._whole.items() if ordinal < count}
        for ordinal in range(max(0, len(other) - len(other._latest)), count):
            self._latest.append(other[ordinal])

    def __len__(self) -> int:
        return len(self._places)

    @property
    def share(self) -> float:
        """How much of the files has been taken in, 0 to 1."""
        size = sum(os.fstat(source.descriptor).st_size for source in self._sources)
        if len(self._sources) == 1:
            self._ends[0] = max(self._places[-1], 0) if self._places else 0
        return min(1.0, sum(self._ends) / max(1, size))

    def append(self, event: Event) -> None:
        """Take an event in; its text is let go of where it can be read again."""
        where = event.where
        if where < 0:
            self._whole[len(self._places)] = event
        elif self._several:
            self._ends[where >> _FILE] = where & _WITHIN
        self._add_place(where)
        self._add_mark(hash(event.key) & _MARK)  # a string keeps its hash: it was looked up before
        self._add_latest(event)

    def extend(self, values: Iterable[Event]) -> None:
        """Take in events, one after the other."""
        events = values if isinstance(values, list) else list(values)
        count = len(self._places)
        places = [event.where for event in events]
        self._places.extend(places)
        self._marks.extend([hash(event.key) & _MARK for event in events])
        if self._several or min(places, default=0) < 0:
            for index, where in enumerate(places):
                if where < 0:
                    self._whole[count + index] = events[index]
                elif self._several:
                    self._ends[where >> _FILE] = where & _WITHIN
        self._latest.extend(events)

    @overload
    def __getitem__(self, index: int) -> Event: ...
    @overload
    def __getitem__(self, index: slice) -> list[Event]: ...
    def __getitem__(self, index: int | slice) -> Event | list[Event]:
        count = len(self._places)
        if isinstance(index, slice):
            chosen = range(*index.indices(count))
            return list(self._run(chosen) if chosen.step == 1 else map(self.__getitem__, chosen))
        if index < 0:
            index += count
        if not 0 <= index < count:
            raise IndexError(index)
        held = self._held(index)
        if held is not None:
            return held
        event = self._looked_at.pop(index, None)
        if event is None:
            event = self._read(index)
            if len(self._looked_at) >= _LOOKED_AT:
                del self._looked_at[next(iter(self._looked_at))]
        self._looked_at[index] = event
        return event

    def __iter__(self) -> Iterator[Event]:
        return self._run(range(len(self._places)))

    @overload
    def __setitem__(self, index: int, value: Event) -> None: ...
    @overload
    def __setitem__(self, index: slice, value: Iterable[Event]) -> None: ...
    def __setitem__(self, index: int | slice, value: Event | Iterable[Event]) -> None:
        if isinstance(index, slice) or not isinstance(value, Event):
            raise TypeError("events are replaced one by one")
        count = len(self._places)
        index += count if index < 0 else 0
        if not 0 <= index < count:
            raise IndexError(index)
        self._whole[index] = value
        self._places[index] = -1
        self._marks[index] = hash(value.key) & _MARK
        self._looked_at.pop(index, None)
        newest = index - count + len(self._latest)
        if newest >= 0:
            self._latest[newest] = value

    def __delitem__(self, index: int | slice) -> None:
        raise TypeError("a log only grows")

    def insert(self, index: int, value: Event) -> None:
        """Only at the end: a log only grows."""
        if index != len(self):
            raise TypeError("a log only grows")
        self.append(value)

    def _held(self, index: int) -> Event | None:
        newest = index - len(self._places) + len(self._latest)
        return self._latest[newest] if newest >= 0 else self._whole.get(index)

    def _run(self, chosen: range) -> Iterator[Event]:
        """Events one after the other: files are read in large pieces."""
        pieces: dict[int, tuple[bytes, int]] = {}
        for index in chosen:
            held = self._held(index)
            if held is not None:
                yield held
                continue
            number = self._places[index] >> _FILE
            piece, begin = pieces.get(number, (b"", 0))
            at = self._places[index] - begin
            end = piece.find(b"\n", at) if 0 <= at < len(piece) else -1
            if end < 0:
                begin = self._places[index]
                piece = self._pread(_RUN, begin)
                pieces[number] = piece, begin
                at, end = 0, piece.find(b"\n")
            yield self._made(index, piece[at:end]) if end >= 0 else self._read(index)

    def _read(self, index: int) -> Event:
        place, size = self._places[index], _PIECE
        while True:
            piece = self._pread(size, place)
            end = piece.find(b"\n")
            if end >= 0 or len(piece) < size or size > self._line_cap:
                return self._made(index, piece if end < 0 else piece[:end])
            size *= 4

    def _pread(self, size: int, at: int) -> bytes:
        try:
            return os.pread(self._sources[at >> _FILE].descriptor, size, at & _WITHIN)
        except OSError:
            return b""

    def _made(self, index: int, line: bytes) -> Event:
        self.reads += 1
        event = self._sources[self._places[index] >> _FILE].parse(line)
        if event is None or hash(event.key) & _MARK != self._marks[index]:
            self.gone += 1
            return bad_frame(line[:1024], GONE, position=index)
        event.where = self._places[index]
        return event
