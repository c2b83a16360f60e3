"""The beginnings of growing lists and tables: what they held at one moment.

Owns the looks at a log and at a table that stop where these had come to. Invariant: what is added to the log
or the table later is not seen, unless the look itself grows; nothing here changes what it looks at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping, MutableSequence
from itertools import islice
from typing import Any, overload

from cma_tui.event import Event


class Beginning(MutableSequence[Event]):
    """The first events of a growing log, each as it was at a moment."""

    def __init__(
        self, log: MutableSequence[Event], count: int, copies: dict[int, Event], first: Mapping[int, Event]
    ) -> None:
        self._log = log
        self._count = count
        self._copies = copies
        """Where the log's copy is, or may become, another one: the copy of the moment."""
        self._first = first

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> Event: ...
    @overload
    def __getitem__(self, index: slice) -> MutableSequence[Event]: ...
    def __getitem__(self, index: int | slice) -> Event | MutableSequence[Event]:
        """The event of that ordinal."""
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(self._count))]
        at = index if index >= 0 else index + self._count
        if not 0 <= at < self._count:
            raise IndexError(index)
        event = self._copies.get(at) or self._first.get(at)
        return self._log[at] if event is None else event

    def append(self, value: Event) -> None:
        """The log's next event is seen from here on."""
        self._count += 1

    def __setitem__(self, index: Any, value: Any) -> None:  # noqa: ANN401 - as the base has it
        """A better copy of an event has come."""
        self._copies[index] = value

    def __delitem__(self, index: int | slice) -> None:
        raise TypeError("events stay")

    def insert(self, index: int, value: Event) -> None:
        """Not there: events are appended."""
        raise TypeError("events are appended")


class Until(MutableMapping[str, int]):
    """The first entries of a growing table of ascending numbers."""

    def __init__(self, table: Mapping[str, int], limit: int, count: int) -> None:
        self._table = table
        self._limit = limit
        """What is at least this is not there yet."""
        self._count = count

    def __getitem__(self, key: str) -> int:
        value = self._table[key]
        if value >= self._limit:
            raise KeyError(key)
        return value

    def __setitem__(self, key: str, value: int) -> None:
        """The table's next entry is seen from here on."""
        self._limit = value + 1
        self._count += 1

    def __delitem__(self, key: str) -> None:
        raise TypeError("entries stay")

    def __iter__(self) -> Iterator[str]:
        return islice(iter(self._table), self._count)

    def __len__(self) -> int:
        return self._count
