"""A session as it was: any moment of a log, without folding it from the start.

Owns the steps that made a session and the checkpoints between them. A step is one thing the fold took in:
an event of the log, or something beside it (a preview, a second copy, a message that waits). A checkpoint
notes how long the lists were and copies what is small; what is replaced after it, `own` keeps. So a view of a
moment is the beginning of the session's lists, with what has been replaced put back, and at most `SPACING`
steps folded on from there. Invariants: a view equals the session folded from its steps alone; making one, and
folding it on, changes nothing of the session; a view does not change when the session goes on.

Previews are held here and nowhere else, so they are bounded: of a session that goes on for days the oldest
are let go of, whole checkpoints at a time. Moments before `previews_from` show no text as it was written.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, MutableSequence, Sequence
from copy import copy
from itertools import chain, islice
from math import isnan, nan
from typing import Any, Final, NamedTuple, TypeVar

from msgspec.structs import replace

from cma_tui.content import as_dict, as_text
from cma_tui.event import PREVIEW_TYPES, Event
from cma_tui.session import fold
from cma_tui.session.beginning import Beginning, Until
from cma_tui.session.model import Change, Session, ToolUse
from cma_tui.session.own import Kept

SPACING: Final = 2048
"""Steps between two checkpoints; more where the small state is not small."""

PREVIEW_LIMIT: Final = 64 << 20
"""Bytes of previews that are kept, at most by what comes between two checkpoints more."""
_REACH: Final = 100_000
"""Steps before an event among which its previews are looked for."""
_EVENT: Final = 512
"""About what an event takes beside its text."""

Value = TypeVar("Value")
Key = TypeVar("Key")


class Checkpoint(NamedTuple):
    """Where the session stood at a step."""

    step: int
    state: Session
    """What is small, copied; the lists are the session's own."""
    threads: int
    outcomes: int
    runs: int
    usages: int
    tools: int
    aliases: int
    first_tokens: int
    queue_waits: int
    kept: Kept
    """What has been replaced between this checkpoint and the next."""


def keep_past(session: Session, *, spacing: int = SPACING) -> Moments:
    """From its beginning on, keep every moment of a session."""
    moments = Moments(session, spacing)
    moments.checkpoint()
    return moments


class Moments:
    """The moments of one session, from 0 (nothing folded) to `len` (everything)."""

    def __init__(self, session: Session, spacing: int = SPACING, preview_limit: int = PREVIEW_LIMIT) -> None:
        self.session = session
        self.spacing = spacing
        self.preview_limit = preview_limit
        self.first_copies: dict[int, Event] = {}
        """By ordinal: events as they first came, where a better copy has come since."""
        self.times = array("d")
        """By step: when it reached us, else when the server says it happened, else the time before it."""
        self._steps = array("i")
        """By step: the ordinal of its event, or -1 - n for the n-th of what came beside the log."""
        self._beside: list[Event | frozenset[str] | None] = []
        """None for a preview that was let go of."""
        self._preview_bytes = 0
        self._forgotten = 0
        """Checkpoints behind which there are no previews any more, up to the next."""
        self._checkpoints: list[Checkpoint] = []
        self._next = 0
        """The step at which the next checkpoint is due."""

    def __len__(self) -> int:
        return len(self._steps)

    # -- written while the session is folded ---------------------------------------------------------------

    def accepted(self, event: Event) -> None:
        """The event has become the last of the log."""
        self._steps.append(len(self.session.events) - 1)
        self._timed(event)

    @property
    def room(self) -> int:
        """How many steps may be taken until the next checkpoint is due."""
        return self._next - len(self._steps)

    def accepted_all(self, events: Sequence[Event], first: int) -> None:
        """The events, all of which have a time, are the log's from that ordinal on: `room` at most."""
        self._steps.extend(range(first, first + len(events)))
        timed = array("d", (e.at or 0.0 if e.received_at is None else e.received_at for e in events))
        if self.times and isnan(self.times[-1]):  # nothing before it had a time: they share its
            self.times = timed[:1] * len(self.times)
        self.times.extend(timed)
        if len(self._steps) >= self._next:
            self.checkpoint()

    def beside(self, what: Event | frozenset[str]) -> None:
        """Something was taken in that is no new event: an event, or keys of messages that left the queue."""
        if isinstance(what, Event) and what.type in PREVIEW_TYPES:
            self._preview_bytes += len(what.raw) + _EVENT
        self._beside.append(what)
        self._steps.append(-len(self._beside))
        self._timed(what if isinstance(what, Event) else None)

    def _timed(self, event: Event | None) -> None:
        at = None if event is None else event.at if event.received_at is None else event.received_at
        if at is None:
            at = self.times[-1] if self.times else nan
        elif self.times and isnan(self.times[-1]):  # nothing before it had a time: they share its
            self.times = array("d", [at]) * len(self.times)
        self.times.append(at)
        if len(self._steps) >= self._next:
            self.checkpoint()

    def checkpoint(self) -> None:
        """Note where the session stands."""
        session = self.session
        step = len(self._steps)
        session.kept = Kept(session, self)
        state = _small(session)
        self._checkpoints.append(
            Checkpoint(
                step,
                state,
                len(session.threads),
                len(session.outcomes),
                len(session.runs),
                len(session.usages),
                len(session.tools),
                len(session.tool_aliases),
                len(session.first_tokens),
                len(session.queue_waits),
                session.kept,
            )
        )
        self._next = step + max(self.spacing, _weight(state))
        while self._preview_bytes > self.preview_limit and self._forgotten < len(self._checkpoints) - 1:
            self._forget()

    def _forget(self) -> None:
        """Let go of the oldest previews: those between two checkpoints."""
        start = self.previews_from
        self._forgotten += 1
        for step in range(start, self.previews_from):
            place = -1 - self._steps[step]
            what = self._beside[place] if place >= 0 else None
            if isinstance(what, Event) and what.type in PREVIEW_TYPES:
                self._beside[place] = None
                self._preview_bytes -= len(what.raw) + _EVENT

    # -- looked at -----------------------------------------------------------------------------------

    @property
    def previews_from(self) -> int:
        """The moment before which there are no previews any more; 0 when all are kept."""
        return self._checkpoints[self._forgotten].step

    def ordinal(self, step: int) -> int:
        """The ordinal of the event that the step took in; -1 when it is no new event of the log."""
        return max(-1, self._steps[step])

    def told(self) -> Iterator[Event]:
        """The log as it is now, with the previews where they came, and what two streams showed on both."""
        session = self.session
        for ordinal in self._steps:
            if ordinal >= 0:
                event = session.events[ordinal]
                yield event
                item = session.items[session.owners[ordinal]] if event.stream is not None else None
                if isinstance(item, ToolUse) and item.event == ordinal and item.on_session:
                    yield replace(event, stream=None)
            elif (preview := self._preview(ordinal)) is not None:
                yield preview

    def previews_before(self) -> dict[str | None, list[Event]]:
        """The previews, by the key of the event of their stream that came next; None where none has come."""
        before: dict[str | None, list[Event]] = {}
        waiting: dict[str | None, list[Event]] = {}
        for ordinal in self._steps:
            if ordinal < 0:
                if (preview := self._preview(ordinal)) is not None:
                    waiting.setdefault(preview.stream, []).append(preview)
            elif waiting:
                event = self.session.events[ordinal]
                if event.stream in waiting and not event.type.startswith("local."):
                    before[event.key] = waiting.pop(event.stream)
        before[None] = [preview for previews in waiting.values() for preview in previews]
        return before

    def _preview(self, step: int) -> Event | None:
        """The preview that was taken in at a step, where it was one and is still there."""
        what = self._beside[-1 - step]
        return what if isinstance(what, Event) and what.type in PREVIEW_TYPES else None

    def previews_of(self, key: str) -> list[Event]:
        """The previews of an event, as they arrived; none where none came or they were let go of."""
        ordinal = self.session.ordinals.get(key, -1)
        step = self.step_of(ordinal) - 1 if ordinal >= 0 else len(self._steps)
        found: list[Event] = []
        for at in range(step - 1, max(-1, step - 1 - _REACH), -1):
            what = self._preview(self._steps[at]) if self._steps[at] < 0 else None
            if what is None:
                continue
            begins = what.type == "event_start"
            name = as_text(as_dict(what.data.get("event")).get("id")) if begins else what.event_id
            if name == key:
                found.append(what)
                if begins:
                    break
        return found[::-1]

    def step_of(self, ordinal: int) -> int:
        """The first moment at which the event is in the log."""
        if ordinal < len(self._steps) and self._steps[ordinal] == ordinal:
            return ordinal + 1  # nothing came beside the log before it
        low, high = 0, len(self._steps)
        while low < high:  # what came beside the log has no place in the order: look past it
            middle = (low + high) // 2
            at = middle
            while at < high and self._steps[at] < 0:
                at += 1
            if at < high and self._steps[at] < ordinal:
                low = at + 1
            else:
                high = middle
        while low < len(self._steps) and self._steps[low] < 0:
            low += 1
        return min(low + 1, len(self._steps))

    def view(self, step: int) -> Session:
        """The session as it was when so many steps had been folded."""
        step = max(0, min(step, len(self._steps)))
        at = self._before(step)
        made = self._restored(at)
        self.forward(made, self._checkpoints[at].step, step, Change())
        return made

    def forward(self, view: Session, start: int, stop: int, change: Change) -> None:
        """Fold a view on, from the moment it shows to a later one."""
        events, steps = self.session.events, self._steps
        for step in range(start, stop):
            ordinal = steps[step]
            if ordinal >= 0:
                event = self.first_copies.get(ordinal)
                fold.apply(view, events[ordinal] if event is None else event, change)
                continue
            what = self._beside[-1 - ordinal]
            if isinstance(what, Event):
                fold.apply(view, what, change)
            elif what is not None:
                fold.withdraw(view, what, change)

    def between(self, one: int, other: int) -> Change:
        """What may look different at two moments: items by index, and all items from an index on."""
        first, last = self._before(min(one, other)), self._before(max(one, other))
        since = self._checkpoints[first].kept.count_items
        kept = [checkpoint.kept for checkpoint in self._checkpoints[first : last + 1]]
        change = Change(header=True, previews=True, queued=True, since=since)
        for index in {index for each in kept for index in each.items if index < since}:
            change.touch(index)
        leaning = chain.from_iterable(self._leaning(kept))
        change.lean(index for index in leaning if index < since)
        return change

    def _leaning(self, kept: list[Kept]) -> Iterator[Iterable[int]]:
        """What speaks of something that has been replaced, or of a thread, whose rows are counted."""
        session = self.session
        for thread in session.threads.values():
            yield thread.created
            then = (each.threads[thread.id] for each in kept if thread.id in each.threads)
            if any(held.agent_name != thread.agent_name for held in then):
                yield from (thread.items, session.leaning.get(thread.id, ()))
        for each in kept:
            for key in chain(each.outcomes, each.runs):
                yield session.leaning.get(key, ())
            for number, held in each.turns.items():
                if held.started_at != session.turns[number].started_at:
                    later = session.turns[number + 1 :]
                    yield range(held.first_item, later[0].first_item if later else len(session.items))

    def _before(self, step: int) -> int:
        """The last checkpoint at or before a step."""
        return bisect_right(self._checkpoints, step, key=lambda checkpoint: checkpoint.step) - 1

    def _restored(self, at: int) -> Session:
        """The session as it was at a checkpoint, to be folded on."""
        session, checkpoint = self.session, self._checkpoints[at]
        then = checkpoint.kept
        later = [each.kept for each in reversed(self._checkpoints[at:])]  # the earliest has the last word
        count = then.count_events
        view = _small(checkpoint.state)

        copies = {o: session.events[o] for o in self.first_copies if o < count}
        for kept in later:
            copies.update((o, event) for o, event in kept.events.items() if o < count)
        view.events = Beginning(session.events, count, copies, self.first_copies)
        view.ordinals = Until(session.ordinals, count, count)  # type: ignore[assignment]
        view.owners = session.owners[:count]
        view.items = session.items[: then.count_items]
        view.turns = session.turns[: then.count_turns]
        view.usages = session.usages[: checkpoint.usages]
        view.threads = dict(islice(session.threads.items(), checkpoint.threads))
        view.outcomes = dict(islice(session.outcomes.items(), checkpoint.outcomes))
        view.runs = dict(islice(session.runs.items(), checkpoint.runs))
        view.tools = Until(session.tools, then.count_items, checkpoint.tools)  # type: ignore[assignment]
        view.tool_aliases = dict(islice(session.tool_aliases.items(), checkpoint.aliases))
        view.first_tokens = dict(islice(session.first_tokens.items(), checkpoint.first_tokens))
        view.queue_waits = dict(islice(session.queue_waits.items(), checkpoint.queue_waits))
        for kept in later:
            _put_back(view.owners, kept.owners)
            _put_back(view.items, kept.items)
            _put_back(view.turns, kept.turns)
            _put_known(view.threads, kept.threads)
            _put_known(view.outcomes, kept.outcomes)
            _put_known(view.runs, kept.runs)
            _put_known(view.tool_aliases, kept.aliases)

        # The lists of item indexes go on growing in place: the view gets its own, as long as they were.
        items = then.count_items
        cut = ((key, held[: bisect_left(held, items)]) for key, held in session.leaning.items())
        view.leaning = {key: held for key, held in cut if held}
        for key, thread in view.threads.items():
            view.threads[key] = thread = copy(thread)
            thread.items = thread.items[: bisect_left(thread.items, items)]
            thread.created = thread.created[: bisect_left(thread.created, items)]
        for key, outcome in view.outcomes.items():
            view.outcomes[key] = outcome = copy(outcome)
            outcome.evaluations = outcome.evaluations[: bisect_left(outcome.evaluations, items)]
        view.kept = Kept(view)
        return view


def _small(session: Session) -> Session:
    """A copy of what is small in a session and changes in place; the rest is shared."""
    made = copy(session)
    made.kept = None
    made.agents = list(session.agents)
    made.unknown_types = dict(session.unknown_types)
    made.queued = dict(session.queued)
    made.pending = dict(session.pending)
    made.awaited_unseen = set(session.awaited_unseen)
    made.open_requests = dict(session.open_requests)
    made.running_uses = set(session.running_uses)
    made.waiting_results = {key: list(waiting) for key, waiting in session.waiting_results.items()}
    made.previews = {}
    for key, preview in session.previews.items():
        made.previews[key] = preview = copy(preview)
        preview.parts = [list(part) for part in preview.parts]
    return made


def _weight(state: Session) -> int:
    """About how many things a checkpoint has copied: that many steps may pass until the next."""
    copied: tuple[Any, ...] = (
        state.unknown_types, state.queued, state.pending, state.awaited_unseen, state.open_requests,
        state.running_uses, state.waiting_results,
        *(part for preview in state.previews.values() for part in preview.parts),
    )  # fmt: skip
    turn = state.turns[-1] if state.turns else None
    of_turn = () if turn is None else (turn.legs, turn.inputs, turn.failures)
    return sum(map(len, (*copied, *of_turn)))


def _put_back(row: MutableSequence[Value], replaced: Mapping[int, Value]) -> None:
    for index, value in replaced.items():
        if index < len(row):
            row[index] = value


def _put_known(table: dict[str, Value], replaced: Mapping[str, Value]) -> None:
    for key, value in replaced.items():
        if key in table:
            table[key] = value
