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
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from math import inf, isnan, nan
from typing import Final

from msgspec.structs import replace

from cma_tui.content import as_dict, as_text
from cma_tui.event import PREVIEW_TYPES, Event
from cma_tui.session import fold
from cma_tui.session.beginning import Beginning, Until
from cma_tui.session.checkpoint import Checkpoint, first_of, noted, restored, weight
from cma_tui.session.model import Change, Elsewhere, Session, ToolUse
from cma_tui.session.own import Kept

SPACING: Final = 2048
"""Steps between two checkpoints; more where the small state is not small."""

PREVIEW_LIMIT: Final = 64 << 20
"""Bytes of previews that are kept, at most by what comes between two checkpoints more."""
_REACH: Final = 100_000
"""Steps before an event among which its previews are looked for."""
_EVENT: Final = 512
"""About what an event takes beside its text."""


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
        if session.kept is not None:
            session.kept.moments = None  # nothing more is written there
        session.kept = Kept(session, self)
        self._checkpoints.append(noted(session, step, len(self._beside), session.kept))
        self._next = step + max(self.spacing, weight(session))
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

    def previews_since(self, number: int) -> dict[str | None, list[Event]]:
        """The previews since a checkpoint, by the key of the event of their stream that came next.

        None is the key where none has come.
        """
        before: dict[str | None, list[Event]] = {}
        waiting: dict[str | None, list[Event]] = {}
        for ordinal in self._steps[self._checkpoints[number].step :]:
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
        session, checkpoint = self.session, self._checkpoints[at]
        made = restored(session, self._checkpoints[at:])
        count = checkpoint.kept.count_events
        copies = {o: session.events[o] for o in self.first_copies if o < count}
        for each in reversed(self._checkpoints[at:]):
            copies.update((o, event) for o, event in each.kept.events.items() if o < count)
        made.events = Beginning(session.events, count, copies, self.first_copies)
        made.ordinals = Until(session.ordinals, count, count)  # type: ignore[assignment]
        items = checkpoint.kept.count_items
        made.tools = Until(session.tools, items, checkpoint.tools)  # type: ignore[assignment]
        made.kept = Kept(made)
        self.forward(made, checkpoint.step, step, Change())
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

    # -- gone back to --------------------------------------------------------------------------------------

    def place(self, number: int) -> tuple[int, float]:
        """The ordinal of the first event after a checkpoint, and the latest stamp of those before it."""
        checkpoint = self._checkpoints[number]
        at = checkpoint.state.last_at
        return checkpoint.kept.count_events, -inf if at is None else at

    def last_before(self, ordinal: int, at: float, most: int | None = None) -> int:
        """The last checkpoint from which on the log can be folded in another order.

        Args:
            ordinal: the first event whose place may be another.
            at: the earliest stamp that what follows may be placed by; inf where stamps tell no place.
            most: no later checkpoint than that.
        """
        for number in range(len(self._checkpoints) - 1, 0, -1):
            checkpoint = self._checkpoints[number]
            kept, state = checkpoint.kept, checkpoint.state
            ordinal = min(ordinal, *kept.events) if kept.events else ordinal  # better copies are folded first
            if (
                (most is None or number <= most)
                and kept.count_events <= ordinal
                and (state.last_at is None or state.last_at < at)
                and state.primary == self.session.primary
            ):
                return number
        return 0

    def replaced_since(self, number: int) -> set[int]:
        """Indexes of the items before a checkpoint that have been changed since."""
        count = self._checkpoints[number].kept.count_items
        kept = (checkpoint.kept.items for checkpoint in self._checkpoints[number:])
        return {index for items in kept for index in items if index < count}

    def resumed(self, number: int) -> Session:
        """The session as it was at a checkpoint, for another order of what follows, its past with it.

        Of what came before the checkpoint no better copy may have come since. This session, and the views of
        it, stay as they are.
        """
        session, checkpoint = self.session, self._checkpoints[number]
        count, step = checkpoint.kept.count_events, checkpoint.step
        made = restored(session, self._checkpoints[number:])
        events = session.events
        made.events = events.first(count) if isinstance(events, Elsewhere) else events[:count]
        made.ordinals = first_of(session.ordinals, count)
        made.tools = first_of(session.tools, checkpoint.tools)

        moments = Moments(made, self.spacing, self.preview_limit)
        moments.first_copies = {o: event for o, event in self.first_copies.items() if o < count}
        moments.times, moments._steps = self.times[:step], self._steps[:step]
        moments._beside = self._beside[: checkpoint.beside]
        gone = (what for what in self._beside[checkpoint.beside :] if isinstance(what, Event))
        moments._preview_bytes = self._preview_bytes - sum(
            len(what.raw) + _EVENT for what in gone if what.type in PREVIEW_TYPES
        )
        made.kept = Kept(made, moments)
        moments._checkpoints = [*self._checkpoints[:number], checkpoint._replace(kept=made.kept)]
        moments._forgotten = min(self._forgotten, number)
        moments._next = step + self.spacing
        return made

    def _before(self, step: int) -> int:
        """The last checkpoint at or before a step."""
        return bisect_right(self._checkpoints, step, key=lambda checkpoint: checkpoint.step) - 1
