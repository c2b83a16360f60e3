"""Signs that something may be wrong: the same call again and again, silence, many errors at once.

Owns what counts as one. Invariant: a sign is told and never acted on; looking for one at the end of a
session costs the same however long it is.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from cma_tui.session.model import Session, ToolUse

SAME_CALLS: Final = 3
"""So many equal calls in a row are told."""
BURST: Final = 4
"""So many failures within `BURST_SECONDS` are told."""
BURST_SECONDS: Final = 60.0
STALL_SECONDS: Final = 120.0
"""So long a silence of a running session is told."""
_LOOK_BACK = 300
"""Items that are looked at for the calls before the last one."""


class Repeat(NamedTuple):
    """One call, made again and again by one thread."""

    name: str
    times: int
    item: int
    """The item of the last of them."""


def repeats(session: Session) -> Iterator[Repeat]:
    """Every run of equal calls in the whole session."""
    runs: dict[str | None, _Run] = {}
    for index, item in enumerate(session.items):
        if not isinstance(item, ToolUse):
            continue
        held = runs.get(item.thread)
        if held is not None and held.goes_on(session, item):
            held.times, held.item = held.times + 1, index
            continue
        if held is not None and held.times >= SAME_CALLS:
            yield Repeat(held.use.name, held.times, held.item)
        runs[item.thread] = _Run(item, index)
    for held in runs.values():
        if held.times >= SAME_CALLS:
            yield Repeat(held.use.name, held.times, held.item)


class _Run:
    """Calls of one tool, one after the other; what was asked is read where the next is of the same tool."""

    def __init__(self, use: ToolUse, item: int) -> None:
        self.use = use
        self.times = 1
        self.item = item
        self._call: object = None

    def goes_on(self, session: Session, use: ToolUse) -> bool:
        """Whether this is the same call again."""
        if (use.name, use.server) != (self.use.name, self.use.server):
            return False
        self._call = self._call or _call(session, self.use)
        return self._call == _call(session, use)


def repeating(session: Session) -> Repeat | None:
    """The run of equal calls that the session's last call belongs to, if it is one."""
    last: ToolUse | None = None
    call: object = None
    times, at = 0, -1
    for index in range(len(session.items) - 1, max(-1, len(session.items) - 1 - _LOOK_BACK), -1):
        item = session.items[index]
        if not isinstance(item, ToolUse) or (last is not None and item.thread != last.thread):
            continue
        if last is None:
            last, call, times, at = item, _call(session, item), 1, index
        elif _call(session, item) == call:
            times += 1
        else:
            break
    return Repeat(last.name, times, at) if last is not None and times >= SAME_CALLS else None


def burst(failed_at: Sequence[float]) -> int:
    """How many things went wrong within a minute before the last that did; 0 when they are not many."""
    if not failed_at:
        return 0
    times = sum(at >= max(failed_at) - BURST_SECONDS for at in failed_at)
    return times if times >= BURST else 0


def stalled(session: Session, now: float) -> float | None:
    """For how long nothing has come from a session that runs, when that is long."""
    if session.state != "running" or session.last_at is None:
        return None
    silence = now - session.last_at
    return silence if silence >= STALL_SECONDS else None


def longest_silence(session: Session) -> float | None:
    """The longest time between two events while the session ran; None when no stamps tell."""
    longest: float | None = None
    for turn in session.turns:
        stop = session.turns[turn.index + 1].first_item if turn.index + 1 < len(session.turns) else None
        moments = sorted(
            at
            for item in session.items[turn.first_item : stop]
            for at in (item.at, getattr(item, "ended_at", None), getattr(item, "result_at", None))
            if at is not None and (turn.ended_at is None or at <= turn.ended_at)
        )
        pauses = sorted(
            leg.ended_at
            for leg in turn.legs
            if leg.stop_reason == "requires_action" and leg.ended_at is not None
        )
        for before, after in pairwise(moments):
            if after - before <= (longest or 0.0):
                continue
            place = bisect_left(pauses, before)
            if place == len(pauses) or pauses[place] > after:
                longest = after - before
    return longest


def _call(session: Session, use: ToolUse) -> object:
    return (use.name, use.server, session.events[use.event].data.get("input"))
