"""The events of a live session: the newest in memory, older ones in a private file, read again by place.

Owns that file: without a name, for this user alone, gone with the process. Invariants: `WINDOW` events and
those that could not be read again as they are stay in memory, the others cost their place; the file is
begun when there are more, so a short session writes nothing; what the disk does not take stays in memory,
is said once, and is tried again when as much more has come. Reading is that of a saved log (`LogEvents`).
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from cma_tui.event import Event
from cma_tui.log.index import LogEvents, Source
from cma_tui.log.origin import LINE_CAP
from cma_tui.log.record import event_line
from cma_tui.log.shapes import unwrap
from cma_tui.private import PrivateError, private_folder

WINDOW: Final = 4096
"""Events that stay in memory."""
_STRETCH: Final = 1024
"""Events written at once."""


class Aside(LogEvents):
    """A list of events, most of which are in a file."""

    def __init__(self, folder: Path, sources: Sequence[Source] = ()) -> None:
        """Begin with none.

        Args:
            folder: where the file is made, when it is needed.
            sources: the file, where there is one already.
        """
        super().__init__(sources, LINE_CAP)
        self._folder = folder
        self._next = 0
        """The ordinal up to which events have been written, or have to stay."""
        self._due = WINDOW + _STRETCH
        """How many events there are when the next are to be written."""
        self._problem = ""
        self._said = False

    def first(self, count: int) -> Aside:
        """The same file with the first events taken in, for another order of those that follow."""
        made = Aside(self._folder, self._sources)
        made._begin_with(self, count)
        made._said = self._said
        made._next = min(self._next, count)
        made._due = made._next + WINDOW + _STRETCH
        return made

    def append(self, event: Event) -> None:
        """Take an event in; some older ones may leave the memory for it."""
        super().append(event)
        if len(self) >= self._due:
            self._write()

    def extend(self, values: Iterable[Event]) -> None:
        """Take events in; some older ones may leave the memory for them."""
        super().extend(values)
        if len(self) >= self._due:
            self._write()

    def take_problem(self) -> str:
        """Why events stay in memory, once; empty where there is nothing to say."""
        if self._said or not self._problem:
            return ""
        self._said = True
        return self._problem

    def _write(self) -> None:
        """Write the oldest that are in memory, and let go of them."""
        lines: list[bytes] = []
        lengths: dict[int, int] = {}
        stop = len(self) - WINDOW
        for ordinal in range(self._next, stop):
            event = self._whole.get(ordinal)
            line = None if event is None else _line(event)
            if line is not None:
                lines.append(line)
                lengths[ordinal] = len(line)
        try:
            place = self._append(b"".join(lines))
        except (OSError, PrivateError) as error:
            self._problem = f"older events stay in memory: {getattr(error, 'strerror', None) or error}"
            self._due = len(self) + WINDOW
            return
        for ordinal, length in lengths.items():
            self._places[ordinal] = place
            del self._whole[ordinal]
            place += length
        self._next, self._due = stop, len(self) + _STRETCH

    def _append(self, data: bytes) -> int:
        """Write behind what is in the file. Returns where that is."""
        if not self._sources:
            private_folder(self._folder)
            with tempfile.TemporaryFile(prefix="cma-top-", dir=self._folder) as file:
                self._hold(Source(file.fileno(), _parse))
        descriptor = self._sources[0].descriptor
        end = os.fstat(descriptor).st_size
        at = 0
        while at < len(data):
            try:
                at += os.pwrite(descriptor, data[at:], end + at)
            except OSError:
                os.ftruncate(descriptor, end)
                raise
        return end


def _line(event: Event) -> bytes | None:
    """The event as a line that gives the same event again; None where none would."""
    at = event.received_at
    if event.type.startswith("local."):
        if at is None or event.type == "local.bad_frame":
            return None
        return event_line(event, src="local", t=0.0, wall=at, key=event.key)
    if at is None:
        return event_line(event, src="list", t=0.0, wall=0.0)
    return event_line(event, src="stream", t=0.0, wall=at)


def _parse(line: bytes) -> Event | None:
    return unwrap(line, 0)
