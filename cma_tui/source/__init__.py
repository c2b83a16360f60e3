"""Where events come from: live sessions, saved logs, one shape for all.

Owns the contract between a source and those who use it. Invariant: a source yields batches in the
order they are to be applied, loses nothing, and decides nothing about the session.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import msgspec

from cma_tui.event import Event

if TYPE_CHECKING:
    from cma_tui.source.delivery import Attempt


class Batch(msgspec.Struct, gc=False):
    """Events that belong together: as they came on a stream, or a stretch of the server's list."""

    events: Sequence[Event]
    listed: bool = False
    """True for consecutive events of the list: their order is the order."""
    after: str = ""
    """For a listed stretch: the key of the listed event before it, empty when it begins the list."""
    origin: str = "stream"
    """`stream`, `list` (with `listed` unset it is a page shown early, before the whole) or `send`."""
    checked_at: float | None = None
    """On a batch without events: all that the list had then has been handed over before it."""


class Sink(Protocol):
    """Who takes what a source delivers, as it arrives."""

    def put(self, batch: Batch) -> None:
        """Take a delivery, on the source's thread; must not block."""
        ...


class Line(msgspec.Struct):
    """How a connection is, for those who show it. Times are seconds of the monotonic clock."""

    state: str = "connecting"
    """`connecting`, `live`, `reconnecting` or `ended`."""
    last_byte_at: float | None = None
    """When the last byte came, keep-alive comments included."""
    checked_at: float | None = None
    """When the history was last read to where it is known. Set when what it had has been handed over: who
    sees it set, and nothing waiting, has folded all of that."""
    retry_at: float | None = None
    """When the next attempt is due, while the line is down."""
    list_retry_at: float | None = None
    """When the history is asked for again, after the server refused it."""
    listed: int = 0
    """Events of the history read so far."""
    gaps: int = 0
    """Events that the stream missed and the history brought."""


class SourceError(Exception):
    """The source cannot go on: one clear line for the user, and the exit code it means."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class Controls(Protocol):
    """What a user can do to a live session. Each call sends once and never again by itself."""

    async def send(
        self, events: Sequence[dict[str, Any]], note: Callable[[Attempt], None] = ...
    ) -> list[Event]:
        """Send user events in one request; the server's echoes come back, or what its log shows of them.

        `note` is told on the caller's behalf, on the source's loop: right before the request, and when
        its reply did not come and the log is read.

        Raises:
            UnclearError: the reply did not come, and the log does not show it.
            SourceError: the server refused: nothing was taken.
        """
        ...

    async def look(self, attempt: Attempt) -> bool:
        """Read the newest of the log for what an attempt sent.

        Raises:
            SourceError: the log cannot be read.
        """
        ...


class Source(Protocol):
    """Where a session's events come from."""

    @property
    def name(self) -> str:
        """What it is, for the header and messages: a session id or a file's name."""
        ...

    @property
    def live(self) -> bool:
        """Whether it follows a session that may still change."""
        ...

    @property
    def line(self) -> Line | None:
        """How the connection is; None where there is none."""
        ...

    @property
    def controls(self) -> Controls | None:
        """How to act on the session; None where nothing can be sent."""
        ...

    def batches(self) -> AsyncGenerator[Batch, None]:
        """The events. Ends when the source has no more; raises SourceError when it cannot go on."""
        ...


@runtime_checkable
class Attached(Protocol):
    """What a source that is attached to a server can be asked, on its own loop."""

    async def hurry(self) -> None:
        """Do at once what is due later: connect again, look at the history again."""
        ...

    async def watch_thread(self, thread: str) -> None:
        """Attach to a child thread's own stream as well."""
        ...
