"""Being attached to one stream: a session's own, or that of one of its threads.

Owns connecting, following, and making sure. The stream is opened first; then the list is read back to
what is known, while what streams in is held back; then both flow. Because a list may lag and a
healthy stream may miss a message, the list is looked at again a little later, after every rest, every
minute while the session works, and after anything unreadable. Invariants: every event that the list
or the stream has is handed over, listed stretches say where they belong, nothing is decided from a
part of a list, and one task reads the list at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import suppress
from time import time

from cma_tui.event import PREVIEW_TYPES, Event, local
from cma_tui.source import Batch, Line, SourceError
from cma_tui.source import frames as framing
from cma_tui.source.beats import Beats
from cma_tui.source.client import CALL_ERRORS, lost, said
from cma_tui.source.endpoints import GoneError, SessionEndpoint
from cma_tui.source.history import History, Stretch, jitter

SOON = (3.0, 15.0)
"""Seconds after a connection or a rest at which the list is looked at again: it may lag behind."""
AUDIT = 60.0
"""Seconds between two looks at the list while the session works or the stream is quiet."""
QUIET = 60.0
"""Seconds without a byte after which the list is asked whether the stream is dead."""
SILENT = 30.0
"""Seconds without a byte after which a stream that missed something is dead."""
OLD = 10.0
"""Seconds after which an event that only the list has shows that the stream missed it."""
REACH_BACK = 120.0
"""Seconds that a look at the list reaches back before the last complete one."""
_SETTLED = 60.0
"""Seconds after its end from which a session's list is taken to be whole."""
MOST_APART = 60.0
"""Seconds that a stream's own `retry:` can ask for at most."""
GATHER = 0.005
"""Seconds between two reads of a stream that brings one thing right after another."""
_CLOSE = 0.008
"""Seconds of waiting from which on a stream is not fast."""
_MUCH = 16_384
"""Bytes of a read behind which there is more already: nothing need be gathered."""
_STEADY = 30.0
"""Seconds a connection must have lived for the next pause to be short again."""

_FIRST = asyncio.FIRST_COMPLETED
_STATUSES = frozenset(f"session.status_{word}" for word in ("idle", "rescheduled", "running", "terminated"))


class _OverError(Exception):
    """The session has ended, and its list has been read to the end."""


class Attachment:
    """One stream and its list, until it is over. Times are the event loop's."""

    def __init__(
        self,
        endpoint: SessionEndpoint,
        put: Callable[[Batch], None],
        line: Line,
        *,
        newest_first: bool = False,
    ) -> None:
        """Prepare to attach.

        Args:
            endpoint: the calls.
            put: takes what is to be applied, in order, and after each look at the list when that was; must
                not block.
            line: where the state of the connection is shown.
            newest_first: of a long list, hand over the newest page at once, for something to look at.
        """
        self.over = False
        """Whether nothing will follow: deleted or terminated."""
        self._endpoint = endpoint
        self._history = History(endpoint, line)
        self._put = put
        self._line = line
        self._newest_first = newest_first
        self._known: dict[str, float | None] = {}
        self._newest: float | None = None
        """The latest stamp of what is known."""
        self._held: list[Event] | None = None
        """What streamed in while the list is read."""
        self._read: list[Event] = []
        """What the last read of the stream has brought: it goes on together, before more is waited for."""
        self._connections = 0
        self._working = True
        self._beats = Beats()
        self._missed_at = float("-inf")
        """When a look at the list last found what the stream had not brought."""
        self._at_least = 0.0
        """Seconds that the server wants between two connections."""
        self._due: list[float] = []
        """When the list is to be looked at."""
        self._gave_up = ""
        """Why the connection was given up; empty while it is not."""
        self._asked = asyncio.Event()
        self._at_once = asyncio.Event()
        """Set to cut a pause short, and a connection that cannot be trusted."""
        self._looking = asyncio.Lock()
        self._checked_at: float | None = None
        """When the list was last looked at."""
        self._ending: float | None = None
        """When the last look is due, after the session has ended."""
        self._complete_at: float | None = None
        """Server's time up to which the list has been read."""

    # -- what runs ------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Attach and stay attached; returns when it is over.

        Raises:
            SourceError: another try will not help.
        """
        try:
            async with asyncio.TaskGroup() as tasks:
                looking = tasks.create_task(self._keep_looking())
                await self._stay_attached()
                looking.cancel()
        except* (GoneError, _OverError):
            self.over = True
        except* SourceError as group:
            raise first_error(group) from None
        finally:
            self._release()
        self._line.state = "ended"

    async def list_once(self) -> None:
        """Hand over the list as it is now, without attaching."""
        with suppress(_OverError):
            await self._look()

    def look(self, *, after: float = 0.0) -> None:
        """See to it that the list is looked at, now or after so many seconds."""
        self._due.append(self._now() + after)
        self._asked.set()

    def hurry(self) -> None:
        """Connect now if the line is down, and look at the list now if it is up."""
        self._history.at_once.set()
        if self._line.state == "live":
            self.look()
        else:
            self._at_once.set()

    def give_up(self, reason: str) -> None:
        """Leave a connection that cannot be trusted although it looks open, and connect anew at once."""
        self._gave_up = reason
        self._at_once.set()
        self._history.at_once.set()

    # -- the stream ---------------------------------------------------------------------------------------

    async def _stay_attached(self) -> None:
        failures = 0
        while True:
            opened = self._now()
            reason, wait = await self._connect()
            steady = self._now() - opened > _STEADY and self._complete_at is not None
            failures = 0 if steady else failures + 1
            self._tell("local.disconnected", reason=reason)
            if self.over:
                if self._ending is None:
                    return  # deleted: there is nothing left to list
                await asyncio.Event().wait()  # until the last look has been taken
            wait = 0.0 if self._gave_up else max(wait, self._at_least, jitter(failures))
            self._line.state, self._line.retry_at = "reconnecting", self._now() + wait
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._at_once.wait()
            self._at_once.clear()
            self._line.state, self._line.retry_at = "connecting", None

    async def _connect(self) -> tuple[str, float]:
        """One connection. Returns why it ended, and for how long the server wants us to stay away."""
        why, self._gave_up = "the server ended the stream", ""
        try:
            async with self._endpoint.stream() as response:
                kind = response.headers.get("content-type", "")
                if not framing.is_event_stream(kind):
                    return f"the answer is no event stream but {kind or 'of no type'}", 0.0
                self._opened()
                chunks = self._while_alive(response.http_response.aiter_bytes())
                decoded = framing.events(chunks, self._alive, self._told, stream=self._endpoint.thread)
                try:
                    async for read in decoded:
                        for event in read:
                            self._arrived(event)
                finally:
                    self._pass_on()
                why = self._gave_up or why
        except framing.StreamError as error:
            return f"the server broke the stream off: {said(error)}", 0.0
        except CALL_ERRORS as error:
            return lost(error), self._endpoint.classify(error, seen=bool(self._connections)).after
        return why, 0.0

    def _opened(self) -> None:
        self._connections += 1
        self._line.last_byte_at = self._now()
        self._line.state = "live"
        if self._held is None:
            self._held = []
        self._tell("local.connected", connection=self._connections)
        self.look()
        for seconds in SOON:
            self.look(after=seconds)

    async def _while_alive(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The chunks, until the connection ends or is given up.

        A silence that no keep-alive would allow is death; in any other the list is asked what it is. A fast
        stream is left to gather for a moment between two reads: each costs what many events do.
        """
        self._at_once.clear()
        self._gave_up = ""
        given_up = asyncio.ensure_future(self._at_once.wait())
        last, size = float("-inf"), 0  # when the network was last waited for, and the bytes read since
        try:
            while True:
                coming = asyncio.ensure_future(anext(chunks, None))
                both = (coming, given_up)
                try:
                    await asyncio.sleep(0)
                    waited = not coming.done()  # else it had been read with the one before
                    if waited:
                        self._pass_on()
                    while not (coming.done() or given_up.done()):
                        if not (await asyncio.wait(both, timeout=QUIET, return_when=_FIRST))[0]:
                            self._judge()
                    if given_up.done():
                        return
                    chunk = coming.result()
                finally:
                    if not coming.done():
                        coming.cancel()
                        await asyncio.wait((coming,))  # nobody may close the response while it is read
                if chunk is None:
                    return
                self._beats.add(chunk, self._silence())
                yield chunk
                if waited:
                    if self._now() - last < _CLOSE and size < _MUCH:
                        await asyncio.sleep(GATHER)
                    last, size = self._now(), 0
                size += len(chunk)
        finally:
            given_up.cancel()
            self._at_once.clear()

    def _judge(self) -> None:
        """After a long silence: the stream is dead, or the list is to say whether it is."""
        if self._silence() > self._beats.limit:
            self.give_up("no sign of life")
        elif self._silence() > SILENT and self._missed_at >= (self._line.last_byte_at or 0.0):
            self.give_up("the stream was silent while the list went on")
        else:
            self.look()

    def _silence(self) -> float:
        """Seconds since the last byte."""
        return self._now() - (self._line.last_byte_at or self._now())

    def _arrived(self, event: Event) -> None:
        match event.type:
            case "session.deleted":
                self.over = True
            case "session.status_terminated":
                self._end_after(SOON[0])
            case "session.status_idle" | "session.thread_status_idle":
                self._working = False
                self.look(after=SOON[0])
            case "session.status_running" | "session.status_rescheduled":
                self._working = True
            case "local.bad_frame":
                self.look()
        if self._held is not None:
            self._held.append(event)
        else:
            self._read.append(event)

    def _pass_on(self) -> None:
        """Let what was read go on, all at once."""
        read, self._read = self._read, []
        if read:
            self._flow(read)

    def _end_after(self, seconds: float) -> None:
        """The session has ended: the look at the list that begins then is the last."""
        self.over = True
        self._ending = self._now() + seconds
        self.look(after=seconds)

    def _flow(self, events: list[Event]) -> None:
        self._put(Batch(events))
        self._note(event for event in events if event.type not in PREVIEW_TYPES)

    def _note(self, events: Iterable[Event]) -> None:
        for event in events:
            self._known[event.key] = event.at
            if event.at is not None and (self._newest is None or event.at > self._newest):
                self._newest = event.at

    def _told(self, seconds: float) -> None:
        """The server says on the stream how long to stay away between two connections."""
        self._at_least = min(MOST_APART, seconds)

    def _alive(self) -> None:
        self._line.last_byte_at = self._now()

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def _release(self) -> None:
        """Let go what streamed in while the list was read."""
        held, self._held = self._held, None
        if held:
            self._flow(held)

    def _tell(self, type_: str, **fields: object) -> None:
        now = time()
        fields |= {"at": now, "thread": self._endpoint.thread}
        key = f"{type_}:{self._endpoint.thread}:{self._connections}:{now}"
        self._put(Batch([local(type_, fields, received_at=now, key=key)]))

    # -- the list ------------------------------------------------------------------------------------

    async def _keep_looking(self) -> None:
        """The one task that reads the list: when somebody asks, when time has come, and every minute."""
        while True:
            self._asked.clear()
            last = self._checked_at
            audit = [last + AUDIT] if self._working and last is not None else []
            due = min([*self._due, *audit], default=None)
            if due is None or due > self._now():
                with suppress(TimeoutError):
                    async with asyncio.timeout_at(due):
                        await self._asked.wait()
                continue
            self._due = [at for at in self._due if at > self._now()]
            await self._look()

    async def _look(self) -> None:
        """Read the list back to what is known, and hand over what it adds."""
        async with self._looking:
            last = self._ending is not None and self._now() >= self._ending
            stretch = await self._first_look() if self._checked_at is None else await self._next_look()
            self._pass_on()
            missed = self._overdue(stretch.events) if self._held is None else 0
            self._hand_over(stretch)
            self._checked_at = self._now()
            self._complete_at = self._newest
            if missed:
                self._missed_at = self._now()
                if self._silence() > SILENT:
                    self._judge()
                self._line.gaps += missed
                self._tell("local.gap", found=missed)
            self._release()
            self._put(Batch([], origin="list", listed=True, checked_at=self._checked_at))
            if last:
                raise _OverError

    async def _first_look(self) -> Stretch:
        """The whole list; of a long one the newest page is shown while the rest is on its way."""
        events, whole = await self._history.newest()
        if not whole:
            if self._newest_first:
                self._put(Batch(events, origin="list"))
            events = await self._history.whole()
        return Stretch(events, "")

    async def _next_look(self) -> Stretch:
        reach = None if self._complete_at is None else self._complete_at - REACH_BACK
        return await self._history.since(self._known, reach)

    def _hand_over(self, stretch: Stretch) -> None:
        if stretch.events:
            self._put(Batch(stretch.events, listed=True, after=stretch.after, origin="list"))
        status = next((e for e in reversed(stretch.events) if e.type in _STATUSES), None)
        if status is not None and status.type == "session.status_terminated" and self._ending is None:
            settled = status.at is not None and status.at < time() - _SETTLED
            self._end_after(0.0 if settled else SOON[0])
        self._note(stretch.events)

    def _overdue(self, events: list[Event]) -> int:
        """How many events the stream should have brought by now."""
        newest = self._newest
        if newest is None:
            return 0
        return sum(
            1
            for event in events
            if event.key not in self._known and event.at is not None and event.at < max(newest, time() - OLD)
        )


def first_error(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first plain error of a group."""
    error = group.exceptions[0]
    return first_error(error) if isinstance(error, BaseExceptionGroup) else error
