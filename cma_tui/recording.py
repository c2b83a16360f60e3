"""How a recording stands, and the switch of a screen that turns it on and off.

Owns the words for it. Invariant: whoever holds the switch needs to know neither the file nor the thread that
writes it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

import msgspec

from cma_tui.source import Sink
from cma_tui.text import count

_BEHIND: Final = 1000
"""Events from which on the status says that they wait."""


class Status(msgspec.Struct, frozen=True):
    """How a recording stands."""

    state: str
    """`waiting` for the session's id, `recording`, `stopped` or `ended`."""
    events: int = 0
    """Events in the file, previews aside."""
    waiting: int = 0
    """Events that are not in it yet."""
    left_out: int = 0
    """Previews that will never be in it."""
    problem: str = ""
    path: Path | None = None

    @property
    def words(self) -> str:
        """It in the words of the header."""
        held = f"{self.events:,} event{'' if self.events == 1 else 's'}"
        if self.state == "stopped":
            return f"recording stopped: {self.problem}, {self.waiting:,} of {self._all} waiting"
        if self.state == "waiting":
            return "recording begins"
        if self.state == "ended":
            return f"recorded {held}"
        behind = f", {count(self.waiting)} behind" if self.waiting >= _BEHIND else ""
        return f"● recording {held}{behind}"

    @property
    def _all(self) -> str:
        return f"{self.events + self.waiting:,}"

    @property
    def farewell(self) -> str:
        """What there is to say at the end, in one line."""
        if self.path is None:
            return f"nothing was recorded{': ' if self.problem else ''}{self.problem}"
        said = f"recorded {self.events:,} events to {self.path}"
        if self.waiting:
            said += f"; {self.waiting:,} are missing"
        if self.left_out:
            said += f"; {self.left_out:,} previews were left out"
        return said + (f": {self.problem}" if self.problem else "")


class Feeds(Protocol):
    """What a recorder can be put to: a feed."""

    def add_sink(self, sink: Sink) -> None:
        """Give a sink all that came, and all that comes."""
        ...

    def remove_sink(self, sink: Sink) -> None:
        """Give a sink nothing more."""
        ...


class Recording(Sink, Protocol):
    """What writes what it is given to a file: a recorder."""

    wake: Callable[[], None]
    """Called on its thread when the state changes."""

    @property
    def status(self) -> Status:
        """How it stands."""
        ...

    def close(self) -> Status:
        """Write what waits, and end. Returns how it ended."""
        ...


class Switch:
    """Whether what a feed brings is recorded."""

    def __init__(self, feed: Feeds, make: Callable[[], Recording]) -> None:
        self.wake: Callable[[], None] = lambda: None
        """Called on the recorder's thread when the state changes."""
        self._feed, self._make = feed, make
        self._recorder: Recording | None = None

    @property
    def status(self) -> Status | None:
        """How the recording stands; None while there is none."""
        return self._recorder.status if self._recorder is not None else None

    def on(self) -> None:
        """Begin, with all that the session holds. For whoever folds it."""
        self._recorder = self._make()
        self._recorder.wake = lambda: self.wake()
        self._feed.add_sink(self._recorder)

    def off(self) -> Status | None:
        """End, and wait for the disk, some seconds at most. Returns how it ended."""
        recorder, self._recorder = self._recorder, None
        if recorder is None:
            return None
        self._feed.remove_sink(recorder)
        return recorder.close()
