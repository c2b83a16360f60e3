"""Owns the faults a test asks for: failing requests, breaking streams, stray live events, lists that lag.

Invariant: a fault never changes the server's log. It counts occurrences, never time, so the same test meets
the same fault.

Every method arms one fault and returns it; `skip` lets that many occurrences pass first, `times` is how often
it strikes (None: always), and `session_id` limits it to one session. `clear()` disarms all and releases what
is held.

Routes have the names of the SDK's methods: `sessions.create`, `sessions.retrieve`, `events.list`,
`events.send`, `events.stream`, `threads.list`, `threads.events.stream`, …; patterns such as `events.*` or `*`
match several.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Literal, TypedDict, TypeVar, Unpack

STREAM_ROUTES = "*.stream"
_PORTAL = b"<!doctype html><title>Sign in</title><p>Sign in to the guest network.</p>"


class When(TypedDict, total=False):
    """Which occurrences a fault acts on."""

    times: int | None
    skip: int
    session_id: str | None


@dataclass(eq=False)
class Fault:
    """One armed fault; `struck` counts how often it has struck."""

    match: str = "*"
    session_id: str | None = None
    skip: int = 0
    times: int | None = 1
    struck: int = 0

    def strikes(self, name: str, session_id: str | None) -> bool:
        """Count one occurrence of a route or event type; True when the fault is to act on it."""
        if self.times is not None and self.struck >= self.times:
            return False
        if not fnmatchcase(name, self.match) or self.session_id not in (None, session_id):
            return False
        if self.skip:
            self.skip -= 1
            return False
        self.struck += 1
        return True


@dataclass(eq=False)
class Refusal(Fault):
    """Answer instead of handling the request."""

    status: int = 500
    body: bytes | None = None
    error_type: str | None = None
    message: str = "Simulated failure"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(eq=False)
class Hold(Fault):
    """Keep requests waiting until `release()`; `reached` is set when the first one waits."""

    reached: asyncio.Event = field(default_factory=asyncio.Event)
    released: asyncio.Event = field(default_factory=asyncio.Event)

    def release(self) -> None:
        """Let them go on."""
        self.times = self.struck
        self.released.set()


@dataclass(eq=False)
class LostReply(Fault):
    """Handle the request, then break the connection; with a status, answer that instead of the truth."""

    status: int | None = None


@dataclass(eq=False)
class StreamFault(Fault):
    """What befalls one connection after so many events or body bytes; comments count as bytes."""

    then: Literal["cut", "end", "silence", "inject"] = "cut"
    after_events: int | None = None
    after_bytes: int | None = None
    data: bytes = b""

    def due(self, sent_events: int) -> bool:
        """Whether so many events were enough."""
        return self.after_events is not None and sent_events >= self.after_events

    def bytes_allowed(self, sent_bytes: int) -> int | None:
        """How many more bytes may go out; None for no limit."""
        return None if self.after_bytes is None else max(0, self.after_bytes - sent_bytes)


@dataclass(eq=False)
class Delivery(Fault):
    """What befalls live events of a type on their way to the open streams."""

    deed: Literal["drop", "duplicate", "swap"] = "drop"
    copies: int = 1
    held: tuple[str, bytes] | None = None
    """What waits for the next event of its stream: the thread whose stream that is, and the event."""


@dataclass(eq=False)
class Lag(Fault):
    """New events stay out of the lists for `calls` list calls, or until `release()`."""

    times: int | None = None
    calls: int | None = 1
    hidden: dict[str, int | None] = field(default_factory=dict)

    def release(self) -> None:
        """Show them."""
        self.times = self.struck
        self.hidden.clear()

    def hides(self, event_id: str) -> bool:
        """Whether this list call is not to show the event."""
        left = self.hidden.get(event_id, 0)
        if left == 0:
            return False
        if left is not None:
            self.hidden[event_id] = left - 1
        return True


@dataclass(eq=False)
class Page(Fault):
    """What befalls a page of a list."""

    deed: Literal["unstamped", "same_cursor", "empty"] = "unstamped"
    types: str = "user.*"

    def unstamped(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """The event as this page shows it: those of `types` without their stamp."""
        hidden = "processed_at" if fnmatchcase(event["type"], self.types) else None
        return {key: value for key, value in event.items() if key != hidden}


_F = TypeVar("_F", bound=Fault)


class Faults:
    """All faults of one server."""

    def __init__(self) -> None:
        self._armed: list[Fault] = []

    def _arm(self, fault: _F) -> _F:
        self._armed.append(fault)
        return fault

    def clear(self) -> None:
        """Disarm everything and let held requests go."""
        for fault in self._armed:
            if isinstance(fault, Hold):
                fault.release()
        self._armed.clear()

    # --- requests -------------------------------------------------------------------------------------------

    def fail(
        self,
        route: str,
        status: int = 500,
        *,
        error_type: str | None = None,
        message: str = "Simulated failure",
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        **when: Unpack[When],
    ) -> Refusal:
        """Refuse requests with the API's error envelope, or with this body as it is."""
        return self._arm(
            Refusal(
                route,
                status=status,
                error_type=error_type,
                message=message,
                headers=headers or {},
                body=body,
                **when,
            )
        )

    def portal(self, route: str = STREAM_ROUTES, **when: Unpack[When]) -> Refusal:
        """Answer 200 with an HTML page, as a captive portal does."""
        return self.fail(
            route, 200, body=_PORTAL, headers={"content-type": "text/html; charset=utf-8"}, **when
        )

    def hold(self, route: str, **when: Unpack[When]) -> Hold:
        """Let requests wait until the returned fault's `release()`."""
        return self._arm(Hold(route, **when))

    def lose_reply(
        self, route: str = "events.send", *, status: int | None = None, **when: Unpack[When]
    ) -> LostReply:
        """Do what was asked and break the connection without a word, or answer with an error status."""
        return self._arm(LostReply(route, status=status, **when))

    # --- streams --------------------------------------------------------------------------------------------

    def cut(
        self,
        *,
        after_events: int | None = None,
        after_bytes: int | None = None,
        clean: bool = False,
        route: str = STREAM_ROUTES,
        **when: Unpack[When],
    ) -> StreamFault:
        """End the next connections at a point: broken off, or cleanly as a quiet stream ends."""
        return self._arm(
            StreamFault(
                route,
                then="end" if clean else "cut",
                after_events=after_events,
                after_bytes=after_bytes,
                **when,
            )
        )

    def silence(
        self, *, after_events: int = 0, route: str = STREAM_ROUTES, **when: Unpack[When]
    ) -> StreamFault:
        """Keep the next connections open and send nothing more, not even keep-alives."""
        return self._arm(StreamFault(route, then="silence", after_events=after_events, **when))

    def inject(
        self, data: bytes, *, after_events: int = 0, route: str = STREAM_ROUTES, **when: Unpack[When]
    ) -> StreamFault:
        """Put raw bytes into the next connections."""
        return self._arm(StreamFault(route, then="inject", after_events=after_events, data=data, **when))

    # --- live events ----------------------------------------------------------------------------------------

    def drop(self, types: str = "*", **when: Unpack[When]) -> Delivery:
        """Do not stream these events; they are in the list. Previews are `event_start` and `event_delta`."""
        return self._arm(Delivery(types, deed="drop", **when))

    def duplicate(self, types: str = "*", *, copies: int = 1, **when: Unpack[When]) -> Delivery:
        """Stream these events several times."""
        return self._arm(Delivery(types, deed="duplicate", copies=copies, **when))

    def swap(self, types: str = "*", **when: Unpack[When]) -> Delivery:
        """Stream the event that follows before this one."""
        return self._arm(Delivery(types, deed="swap", **when))

    # --- lists ----------------------------------------------------------------------------------------------

    def lag(self, types: str = "*", *, calls: int | None = 1, **when: Unpack[When]) -> Lag:
        """Keep new events out of the lists for so many list calls; None: until `release()`."""
        return self._arm(Lag(types, calls=calls, **when))

    def page(
        self,
        deed: Literal["unstamped", "same_cursor", "empty"],
        *,
        types: str = "user.*",
        **when: Unpack[When],
    ) -> Page:
        """Spoil pages of the event lists.

        `unstamped` shows events of `types` as they were while queued; `same_cursor` names the page itself as
        the next one; `empty` gives no events and a cursor to the page that should have come.
        """
        return self._arm(Page("*events.list", deed=deed, types=types, **when))

    # --- what the server asks -------------------------------------------------------------------------------

    def _take(self, kind: type[_F], name: str, session_id: str | None) -> _F | None:
        for fault in self._armed:
            if isinstance(fault, kind) and fault.strikes(name, session_id):
                return fault
        return None

    def refusal(self, route: str, session_id: str | None) -> Refusal | None:
        """The answer this request gets instead of being handled."""
        return self._take(Refusal, route, session_id)

    async def wait(self, route: str, session_id: str | None) -> None:
        """Wait while this request is held."""
        if (hold := self._take(Hold, route, session_id)) is not None:
            hold.reached.set()
            await hold.released.wait()

    def lost_reply(self, route: str, session_id: str | None) -> LostReply | None:
        """Whether the answer to this request is lost."""
        return self._take(LostReply, route, session_id)

    def of_stream(self, route: str, session_id: str | None) -> list[StreamFault]:
        """All that is to befall a new connection."""
        return [f for f in self._armed if isinstance(f, StreamFault) and f.strikes(route, session_id)]

    def spoiled_page(self, route: str, session_id: str | None) -> Page | None:
        """What is wrong with this page."""
        return self._take(Page, route, session_id)

    def note(self, session_id: str, event: Mapping[str, Any]) -> None:
        """An event was logged: a lagging list may not know it yet."""
        for fault in self._armed:
            if isinstance(fault, Lag) and fault.strikes(event["type"], session_id):
                fault.hidden[event["id"]] = fault.calls

    def hidden(self, event_ids: Iterable[str]) -> set[str]:
        """Which of a log's events this list call does not show."""
        lags = [fault for fault in self._armed if isinstance(fault, Lag)]
        # Every lag counts the call, so no short-circuit between them.
        return {i for i in event_ids if sum(lag.hides(i) for lag in lags)} if lags else set()

    def deliver(self, session_id: str, thread: str, event: Mapping[str, Any], json: bytes) -> list[bytes]:
        """The events that go out in this one's place, on the stream of that thread."""
        out = [json]
        deliveries = [f for f in self._armed if isinstance(f, Delivery)]
        for fault in deliveries:
            if fault.held is not None:
                if fault.held[0] == thread:
                    out, fault.held = [*out, fault.held[1]], None
            elif fault.strikes(event["type"], session_id):
                match fault.deed:
                    case "drop":
                        out = []
                    case "duplicate":
                        out = out * (1 + fault.copies)
                    case "swap":
                        out, fault.held = [], (thread, json)
        return out
