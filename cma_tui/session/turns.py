"""Turns and legs: when one opens, and when it ends.

Owns `Session.turns` and the open model request of each stream. Invariant: at most one turn is open,
only the session's own stream opens or ends one, and its key is the key of the event that opened it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from cma_tui.event import Event, StopReason
from cma_tui.session import own
from cma_tui.session.model import Change, Leg, ModelRequest, Session, ToolUse, Turn
from cma_tui.session.place import own_stream

Thing = TypeVar("Thing")


def current(session: Session) -> int:
    """Index of the turn that is open or was last, -1 before the first."""
    return session.turns[-1].index if session.turns else -1


def opened(session: Session, event: Event, change: Change) -> Turn:
    """The open turn, to be changed; a new one that begins with this event when none is."""
    turn = own.open_turn(session)
    if turn is None:
        turn = Turn(
            len(session.turns),
            event.key,
            len(session.items),
            event.at,
            last_at=event.at,
            snapshot_before=len(session.usages) - 1,
        )
        session.turns.append(turn)
        if session.has_status and session.status == "idle":
            session.status, session.stop_reason = "running", None  # the server does not always say so
        change.header = True
    return turn


def active(session: Session, event: Event, change: Change) -> int:
    """Index of the turn for an event that shows the agent at work.

    On the session's stream it opens a turn when none is open: some servers send no status events, and
    a late listener may have missed them. A child's event belongs to whatever turn is there.
    """
    if event.stream is not None and own_stream(session, event) is not None:
        return current(session)
    turn = opened(session, event, change)
    if not turn.worked:
        turn.worked = True
    return turn.index


def touch(turn: Turn, at: float) -> None:
    """Stretch the turn that is open to an event's time."""
    last = turn.last_at
    if last is not None and at > last:
        turn.last_at = at
    else:
        _stretch(turn, at)


def _stretch(turn: Turn, at: float) -> None:
    if turn.started_at is None:
        turn.started_at = at
    if turn.last_at is None or at > turn.last_at:
        turn.last_at = at


def restamp(turn: Turn, event: Event) -> None:
    """One of the turn's events got another time: it may be the turn's beginning."""
    if turn.key == event.key:
        if turn.legs and turn.legs[0].started_at == turn.started_at:
            turn.legs[0].started_at = event.at
        turn.started_at = event.at
    for leg in turn.legs if event.type == "session.status_idle" else ():
        if leg.idle == event.key:
            leg.named = _named(event)
    if not turn.ended and event.at is not None:
        _stretch(turn, event.at)


def _named(event: Event) -> tuple[str, ...]:
    """The uses that an idle waits for."""
    said = event.stop_reason
    return tuple(said.event_ids) if isinstance(said, StopReason) else ()


def end(session: Session, event: Event, reason: str, change: Change) -> None:
    """End the open turn, if one is."""
    turn = own.open_turn(session)
    if turn is None:
        return
    if event.at is not None:
        _stretch(turn, event.at)
    _end_leg(turn, event, reason)
    turn.ended_at, turn.stop_reason = event.at, reason
    _close(turn)
    if session.running_uses:
        _leave_running(session, change)


def _close(turn: Turn) -> None:
    """It has ended: nothing is added any more, and what it holds is packed, as there may be many turns."""
    turn.ended = True
    turn.inputs, turn.failures, turn.legs = tuple(turn.inputs), tuple(turn.failures), tuple(turn.legs)


def grown(held: Sequence[Thing], more: Thing) -> Sequence[Thing]:
    """What an open turn holds with one more: the same list, however long it is, once it is one."""
    if isinstance(held, list):
        held.append(more)
        return held
    return [*held, more]


def _leave_running(session: Session, change: Change) -> None:
    """What has no result when its turn ends is unfinished."""
    for index in sorted(session.running_uses):
        use = own.item(session, index)
        assert isinstance(use, ToolUse)
        use.unfinished = True
        change.touch(index)
    session.running_uses.clear()


def end_silent(session: Session, change: Change) -> None:
    """End a turn that nothing else will end.

    On a server without status events the next input does it, once the model has answered and no
    request or answer is outstanding.
    """
    turn = session.turn
    if turn is None or session.has_status or session.pending or session.open_requests:
        return
    if turn.worked:
        turn = own.turn(session, turn.index)
        turn.ended_at = turn.last_at
        _close(turn)
        _leave_running(session, change)


def begin_leg(turn: Turn, event: Event) -> None:
    """The turn runs (again). Two runnings without an idle between are one leg."""
    if not turn.legs or turn.legs[-1].stop_reason is not None:
        turn.legs = grown(turn.legs, Leg(event.at))


def resume(session: Session, event: Event) -> None:
    """The primary's model is asked: a turn that stood still runs, whether or not the server said so."""
    turn = session.turns[-1] if session.turns else None
    if turn is not None and not turn.ended and turn.legs and turn.legs[-1].stop_reason is not None:
        turn = own.turn(session, turn.index)
        session.status, session.stop_reason = "running", None
        begin_leg(turn, event)


def end_leg(session: Session, event: Event, reason: str) -> None:
    """The turn stands still, for good or for an answer. A repeated idle changes nothing."""
    turn = own.open_turn(session)
    if turn is not None:
        _end_leg(turn, event, reason)


def _end_leg(turn: Turn, event: Event, reason: str) -> None:
    if not turn.legs:  # nobody said that it runs, yet it did
        turn.legs = grown(turn.legs, Leg(turn.started_at))
    if turn.legs[-1].stop_reason is None:
        leg = turn.legs[-1]
        leg.ended_at, leg.stop_reason, leg.idle = event.at, reason, event.key
        leg.named = _named(event)


def close_request(session: Session, stream: str | None, change: Change) -> None:
    """Close the stream's open model request: something shows that it must have ended."""
    index = session.open_requests.pop(stream, -1)
    if index >= 0:
        request = own.item(session, index)
        if isinstance(request, ModelRequest):
            request.closed = True
            change.touch(index)


def opening_seen(session: Session, turn: Turn) -> bool:
    """Whether the turn was seen from its beginning: a log may begin in the middle of one."""
    if turn.index > 0 or turn.inputs:
        return True
    ordinal = session.ordinals.get(turn.key, -1)
    return ordinal >= 0 and session.events[ordinal].type == "session.status_running"
