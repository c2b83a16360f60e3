"""A stretch of events taken in at once, where all are new ones of the session's own stream.

Owns the short way through the fold: most of what a saved log or a history holds goes it. Invariant: a session
that took a stretch in is the one that `fold.apply` makes of the same events one by one; what is not plainly
new goes that way.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Final

from cma_tui.event import PREVIEW_TYPES, Event
from cma_tui.session import fold, own, turns
from cma_tui.session.model import Change, Session

FEW: Final = 16
"""Fewer events are not worth looking at together."""
_NOBODY: Final = array("i", [-1])


def take(session: Session, events: Sequence[Event], change: Change) -> int:
    """Take in the first of the events, up to the next checkpoint; none where any of these is not plain.

    Returns how many it were.
    """
    if session.several or session.queued:
        return 0
    moments = None if session.kept is None else session.kept.moments
    if moments is not None:
        events = events[: moments.room]
    stamps = [event.at for event in events if event.at is not None]
    keys = _new_keys(session, events) if len(stamps) == len(events) else []
    if keys:
        _fold(session, events, keys, stamps, change)
    return len(keys)


def _new_keys(session: Session, events: Sequence[Event]) -> list[str]:
    """The events' keys, where all are events of the session's stream that are not in the log."""
    if {event.stream for event in events} != {None}:
        return []
    if not PREVIEW_TYPES.isdisjoint([event.type for event in events]):
        return []
    keys = [event.key for event in events]
    new = len(set(keys)) == len(keys) and session.ordinals.keys().isdisjoint(keys)
    return keys if new else []


def _fold(
    session: Session, events: Sequence[Event], keys: list[str], stamps: list[float], change: Change
) -> None:
    """Give the events their ordinals, and let each one's step act on it."""
    first = len(session.owners)
    session.stamped = True
    session.events.extend(events)
    ordinals = list(range(first, first + len(events)))  # one number for the table and the items
    session.ordinals.update(zip(keys, ordinals, strict=True))
    session.owners.extend(_NOBODY * len(events))
    step_of, all_turns, kept = fold.STEPS.get, session.turns, session.kept
    turn = None
    for ordinal, event in zip(ordinals, events, strict=True):
        (step_of(event.type) or fold.other_step(session, event.type))(session, event, ordinal, change)
        if all_turns and not (latest := all_turns[-1]).ended:
            if latest is not turn:
                turn = latest if kept is None else own.turn(session, latest.index)
            at, last = event.at, turn.last_at
            assert at is not None
            if last is not None and at > last:
                turn.last_at = at
            else:
                turns.touch(turn, at)
    for at in (min(stamps), max(stamps)):
        fold.stretch(session, at)
    if session.previews:
        for key in session.previews.keys() & set(keys):
            del session.previews[key]
            change.previews = True
    if kept is not None and kept.moments is not None:
        kept.moments.accepted_all(events, first)
