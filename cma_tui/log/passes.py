"""Steps that events pass on their way out of a log: sent ones settled, sessions told apart.

Owns the decision which events belong to which session. Invariants: each step keeps the order, holds back
a bounded number of events, and drops nothing but the echo's twin and the sessions not asked for.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Final

from cma_tui.content import as_dict, as_text, plain_text
from cma_tui.event import Event, parse_stamp
from cma_tui.log.shapes import SENT, Found

_HELD: Final = 1000
_PREFIXES: Final = ("user.", "system.")

_THREAD_STATUS: Final = frozenset(
    f"session.thread_status_{word}" for word in ("idle", "rescheduled", "running", "terminated")
)
_RESTS: Final = frozenset({"session.status_idle", "session.status_terminated", "session.deleted"})
_MARKS: Final = _THREAD_STATUS | _RESTS | {"session.thread_created", "local.session"}
_BEFORE_RUN: Final = frozenset({"session.status_running", "session.updated", "session.usage"})


def one_by_one(events: Iterable[Event]) -> Iterator[list[Event]]:
    """The events as lists of one: each is there as soon as it is read."""
    return ([event] for event in events)


def settled(events: Iterator[Event], found: Found) -> Iterator[Event]:
    """What was sent is dropped where the stream shows it too, and otherwise stays where it was sent."""
    held: list[Event] = []
    sent: list[Event] = []  # those of `held` whose echo has not come
    early: deque[Event] = deque(maxlen=64)  # echoes that may have come before what was sent
    shown = 0
    for event in events:
        if event.key.startswith(SENT):
            twin = _twin(event, early)
            if twin is not None:
                early.remove(twin)
            else:
                sent.append(event)
                held.append(event)
        else:
            if event.type.startswith(_PREFIXES):
                twin = _twin(event, sent)
                if twin is not None:
                    sent.remove(twin)
                    held.remove(twin)
                else:
                    early.append(event)
            held.append(event)
        if not sent or len(held) > _HELD:
            yield from held
            shown += len(sent)
            held, sent = [], []
    yield from held
    shown += len(sent)
    if shown:
        found.note(f"sent events that the stream never showed: {shown}")


def _twin(event: Event, others: list[Event] | deque[Event]) -> Event | None:
    return next((other for other in others if other.type == event.type and _same(event, other)), None)


def _same(one: Event, other: Event) -> bool:
    answered = one.tool_use_id or one.custom_tool_use_id
    if answered is not None:
        return answered == (other.tool_use_id or other.custom_tool_use_id)
    return plain_text(one.content) == plain_text(other.content)


def by_session(lists: Iterable[list[Event]], found: Found) -> Iterator[tuple[int, list[Event]]]:
    """The events in stretches of one session each, with its number in `found.sessions`.

    A session begins where its description stands. Without one it begins where, after a session came to
    rest, the next thing to run is a thread that this session neither created nor ever named.
    """
    teller = _Teller(found)
    held: list[Event] = []  # after a rest: what may already belong to the next session
    marks = _MARKS
    for events in lists:
        given: list[Event] = []
        for event in events:
            if not teller.resting and event.type not in marks:
                given.append(event)
                continue
            before = teller.current
            if not teller.resting:
                teller.mark(event)
                held.append(event)
            else:
                if event.type == "local.session":
                    given += held  # a description begins a session: what came before it is not part of it
                    held = []
                held.append(event)
                if teller.undecided(event) and len(held) < _HELD:
                    continue
            if teller.current != before and given:
                yield before, given
                given = []
            given += held
            held = []
        if given:
            yield teller.current, given
    if held:
        yield teller.current, held


def several(sessions: int, shown: int) -> list[str]:
    """What there is to say of a log with so many sessions, of which one is shown; nothing for one."""
    which = "the first is" if shown == 0 else f"number {shown + 1} is"
    return [f"{sessions} sessions in it, {which} shown"] if sessions > 1 else []


class _Teller:
    """Where in the log one session ends and another begins."""

    def __init__(self, found: Found) -> None:
        self.current = 0
        self.resting = False
        """A session that came to rest: the next one may follow."""
        self._ids = found.sessions
        self._numbers: dict[str, int] = {}
        """By the ids that a description has told."""
        self._threads: list[set[str]] = [set()]
        self._last_at: float | None = None

    def undecided(self, event: Event) -> bool:
        """Look at an event that follows a rest: whether it may still belong to the next session."""
        if event.stream is None and event.type in _THREAD_STATUS:
            self.resting = False
            known = self._threads[self.current]
            if known and event.session_thread_id is not None and event.session_thread_id not in known:
                self._begin("")
            self.mark(event)
            return False
        if event.type.startswith(_PREFIXES) or event.type in _BEFORE_RUN or event.type == "local.bad_frame":
            return True
        self.resting = False
        if event.type in _MARKS:
            self.mark(event)
        return False

    def mark(self, event: Event) -> None:
        """Note what an event says about its session."""
        if event.at is not None:
            self._last_at = event.at
        if event.type == "local.session":
            self._described(event)
        elif event.type in _RESTS:
            self.resting = b'"requires_action"' not in event.raw
        elif event.session_thread_id is not None and event.stream is None:
            self._threads[self.current].add(event.session_thread_id)

    def _described(self, event: Event) -> None:
        session = as_dict(event.data.get("session"))
        session_id = as_text(session.get("id"))
        if session_id is None:
            return
        if session_id in self._numbers:
            self.current = self._numbers[session_id]
            return
        if not self._ids[self.current] and not self._follows(parse_stamp(session.get("created_at"))):
            self._ids[self.current] = session_id
        else:
            self._begin(session_id)
        self._numbers[session_id] = self.current

    def _follows(self, created_at: float | None) -> bool:
        """Whether a session of that age is another one than the nameless one read so far."""
        return self._last_at is not None and created_at is not None and created_at > self._last_at

    def _begin(self, session_id: str) -> None:
        self._ids.append(session_id)
        self._threads.append(set())
        self.current = len(self._ids) - 1
        self._last_at = None
