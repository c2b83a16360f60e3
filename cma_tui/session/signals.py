"""Signs that something may be wrong: the same call again and again, silence, many errors at once.

Owns what counts as one. Invariant: a sign is told and never acted on; looking for one at the end of a
session costs the same however long it is.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, pairwise
from typing import Final, NamedTuple

from cma_tui.session.model import Evaluation, Item, ModelRequest, Session, ToolUse

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
    runs: dict[str | None, list[int]] = {}
    for index, item in enumerate(session.items):
        if not isinstance(item, ToolUse):
            continue
        run = runs.setdefault(item.thread, [])
        if run:
            last = session.items[run[-1]]
            assert isinstance(last, ToolUse)
            if (item.name, item.server) != (last.name, last.server):
                yield from _equal(session, run)
                run.clear()
        run.append(index)
    for run in runs.values():
        yield from _equal(session, run)


def _equal(session: Session, run: list[int]) -> Iterator[Repeat]:
    """The runs of equal calls among calls of one tool; what was asked is read where there are enough."""
    if len(run) < SAME_CALLS:
        return
    uses = ((index, item) for index in run if isinstance(item := session.items[index], ToolUse))
    for _, group in groupby(uses, key=lambda use: _call(session, use[1])):
        equal = list(group)
        if len(equal) >= SAME_CALLS:
            last, use = equal[-1]
            yield Repeat(use.name, len(equal), last)


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
        moments = sorted(_moments(session.items[turn.first_item : stop], turn.ended_at))
        if not moments or moments[-1] - moments[0] <= (longest or 0.0):
            continue
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


def _moments(items: Iterable[Item], end: float | None) -> list[float]:
    """When items began and ended, as far as that is known and not after the end."""
    found: list[float | None] = []
    for item in items:
        found.append(item.at)
        if isinstance(item, ToolUse):
            found.append(item.result_at)
        elif isinstance(item, ModelRequest | Evaluation):
            found.append(item.ended_at)
    return [at for at in found if at is not None and (end is None or at <= end)]


def _call(session: Session, use: ToolUse) -> object:
    return (use.name, use.server, session.events[use.event].data.get("input"))
