"""Figures of turns, tools and the whole session, derived from the folded state.

Owns every figure that is not a plain counter. Invariants: a figure that cannot be known is None,
never zero; the turns' figures add up to the session's; the same log gives the same figures live, in
replay and in `stats`. Seconds and US dollars.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from math import ceil

import msgspec

from cma_tui.session.model import ModelRequest, Session, SessionThread, Tally, ToolUse, Turn


class ToolFigures(msgspec.Struct):
    """One tool's uses in the whole session."""

    name: str
    server: str | None
    kind: str
    uses: int = 0
    errors: int = 0
    durations: list[float] = msgspec.field(default_factory=list)

    def percentile(self, share: float) -> float | None:
        """Nearest-rank percentile of the durations that are known; `share` is 0 to 1."""
        if not self.durations:
            return None
        ranked = sorted(self.durations)
        return ranked[max(0, ceil(share * len(ranked)) - 1)]


def turn_tallies(session: Session) -> list[Tally]:
    """Every turn's counters: the primary thread's share and what its child threads did in its time."""
    tallies = [msgspec.structs.replace(turn.tally) for turn in session.turns]
    if tallies:
        starts = _starts(session.turns)
        for thread in session.threads.values():
            for item in _counted(session, thread):
                index = 0 if item.at is None else max(0, bisect_right(starts, item.at) - 1)
                _count(tallies[index], item)
    return tallies


def turn_tally(session: Session, turn: Turn) -> Tally:
    """One turn's counters, child threads included."""
    if not session.threads:
        return turn.tally
    return turn_tallies(session)[turn.index]


def wall_seconds(turn: Turn) -> float | None:
    """How long the turn ran, without the time it stood still for an answer."""
    if not turn.legs:
        return _span(turn.started_at, turn.ended_at or turn.last_at)
    spans = [_span(leg.started_at, leg.ended_at or turn.last_at) for leg in turn.legs]
    known = [span for span in spans if span is not None]
    return sum(known) if known else None


def waiting_seconds(turn: Turn) -> float:
    """How long the turn stood still for an answer."""
    pauses = (
        _span(before.ended_at, after.started_at)
        for before, after in zip(turn.legs, turn.legs[1:], strict=False)
    )
    return sum(pause for pause in pauses if pause is not None)


def first_token_seconds(session: Session, turn: Turn) -> float | None:
    """Time to the turn's first token, by our clock; None unless its text was previewed to us."""
    following = session.turns[turn.index + 1].first_item if turn.index + 1 < len(session.turns) else None
    measured = (
        index
        for index in session.first_tokens
        if index >= turn.first_item and (following is None or index < following)
    )
    first = min(measured, default=None)
    return None if first is None else session.first_tokens[first]


def turn_cost(session: Session, turn: Turn) -> float | None:
    """What the turn cost by the server's list prices: the difference of two snapshots."""
    last = turn.snapshot
    if last < 0 or last <= turn.snapshot_before:
        return None
    now = session.usages[last].cost_usd
    before = session.usages[turn.snapshot_before].cost_usd if turn.snapshot_before >= 0 else 0.0
    return None if now is None or before is None else round(now - before, 6)


def session_cost(session: Session) -> float | None:
    """What the session has cost by the server's list prices, as of its last snapshot."""
    return next((u.cost_usd for u in reversed(session.usages) if u.cost_usd is not None), None)


def cached_share(tally: Tally) -> float | None:
    """How much of what the model read came from the cache, 0 to 1; None when it read nothing."""
    return tally.cache_read_tokens / tally.prompt_tokens if tally.prompt_tokens else None


def tool_figures(session: Session) -> list[ToolFigures]:
    """Each tool's figures, most used first."""
    table: dict[tuple[str, str | None, str], ToolFigures] = {}
    for index in session.tools.values():
        use = session.items[index]
        assert isinstance(use, ToolUse)
        key = (use.name, use.server, use.kind)
        figures = table.setdefault(key, ToolFigures(*key))
        figures.uses += 1
        figures.errors += use.is_error
        if use.duration is not None:
            figures.durations.append(use.duration)
    return sorted(table.values(), key=lambda f: (-f.uses, f.name, f.server or ""))


def _starts(turns: Sequence[Turn]) -> list[float]:
    """The turns' starts, each at least the one before it, so that a moment can be looked up."""
    starts: list[float] = []
    for turn in turns:
        before = starts[-1] if starts else float("-inf")
        starts.append(before if turn.started_at is None else max(before, turn.started_at))
    return starts


def _counted(session: Session, thread: SessionThread) -> Iterable[ModelRequest | ToolUse]:
    for index in thread.items:
        item = session.items[index]
        if isinstance(item, ModelRequest | ToolUse):
            yield item


def _count(tally: Tally, item: ModelRequest | ToolUse) -> None:
    if isinstance(item, ToolUse):
        tally.tool_uses += 1
        tally.tool_errors += item.is_error
        tally.confirmations += item.confirmation is not None
        tally.tool_s += item.duration or 0.0
    elif item.end >= 0:
        tally.model_requests += 1
        tally.model_errors += item.is_error
        tally.model_s += _span(item.at, item.ended_at) or 0.0
        if item.usage is not None:
            tally.add_usage(item.usage)


def _span(start: float | None, end: float | None) -> float | None:
    return None if start is None or end is None else max(0.0, end - start)
