"""The steps of a replay: when what is shown began, and when its end became known.

Owns their numbers and the figures that stood at each. Invariants: steps are in the order of the log; times
never run backwards; everything here is numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from cma_tui.report.rows import is_wrong
from cma_tui.session.model import Evaluation, Item, ModelRequest, Session, ToolUse

TURN: Final = 0
ERROR: Final = 1
APPROVAL: Final = 2
COMPACTION: Final = 3


class Figures(msgspec.Struct):
    """By step, what stands when it has happened; and the marks, by how many steps have happened then."""

    times: list[float]
    """Seconds since the session's first event."""
    turns: list[int]
    """The number of the turn; 0 before the first."""
    tools: list[int]
    failed: list[int]
    """Tool uses that failed."""
    read: list[int]
    written: list[int]
    """Tokens."""
    marks: list[tuple[int, int]]
    """How many steps, and the kind."""


class Steps:
    """The steps in which some items appear and end."""

    def __init__(self, session: Session, items: Sequence[int]) -> None:
        self._session = session
        made: list[tuple[int, int, float | None, bool]] = []
        for index in items:
            item = session.items[index]
            made.append((item.event, index, item.at, False))
            ended, at = _end(item)
            if ended >= 0:
                made.append((ended, index, at, True))
        self._made = sorted(made, key=lambda step: step[0])
        self._begins = {step[1]: number for number, step in enumerate(self._made) if not step[3]}
        self._ends = {step[1]: number for number, step in enumerate(self._made) if step[3]}

    def begin(self, index: int) -> int:
        """The step in which an item appears."""
        return self._begins[index]

    def end(self, index: int) -> int | None:
        """The step in which its end becomes known; None when it has none."""
        return self._ends.get(index)

    def last(self, items: Sequence[int]) -> int:
        """The last step of these items."""
        return max((self._ends.get(index, self._begins[index]) for index in items), default=0)

    def told(self) -> Iterator[tuple[int, bool]]:
        """By step: the item, and whether all that there is to say of it is known then."""
        for _, index, _, ended in self._made:
            yield index, ended or index not in self._ends

    def figures(self) -> Figures:
        """The figures at each step."""
        session = self._session
        times: list[float] = []
        turns, tools, failed, read, written = ([0] * len(self._made) for _ in range(5))
        marks: list[tuple[int, int]] = []
        first = session.first_at
        so_far = [0, 0, 0, 0, 0]
        for number, (_, index, at, ended) in enumerate(self._made):
            item = session.items[index]
            since = 0.0 if at is None or first is None else round(at - first, 3)
            times.append(max(since, times[-1] if times else 0.0))
            if item.turn >= 0 and item.turn + 1 > so_far[0]:
                so_far[0] = item.turn + 1
                marks.append((number + 1, TURN))
            _count(item, so_far, ended=ended)
            kind = _mark(session, index, ended=ended)
            if kind is not None:
                marks.append((number + 1, kind))
            for held, now in zip((turns, tools, failed, read, written), so_far, strict=True):
                held[number] = now
        return Figures(times, turns, tools, failed, read, written, marks)


def _end(item: Item) -> tuple[int, float | None]:
    """The ordinal of the event that told an item's end, and when; -1 for one that has none."""
    match item:
        case ToolUse():
            return item.result, item.result_at
        case ModelRequest() | Evaluation():
            return item.end, item.ended_at
    return -1, None


def _count(item: Item, so_far: list[int], *, ended: bool) -> None:
    """Add what a step brought: turn, tools, failed ones, tokens read and written."""
    if isinstance(item, ToolUse):
        so_far[1] += not ended
        so_far[2] += ended and item.is_error
    elif isinstance(item, ModelRequest) and ended and item.usage is not None:
        usage = item.usage
        so_far[3] += usage.input_tokens + usage.cache_read_input_tokens + usage.cache_creation_input_tokens
        so_far[4] += usage.output_tokens


def _mark(session: Session, index: int, *, ended: bool) -> int | None:
    """What kind of mark a step is, if any."""
    item = session.items[index]
    if isinstance(item, ToolUse) and not ended:
        asks = item.kind != "custom" and item.permission not in (None, "allow", "deny")
        return APPROVAL if asks else None
    if item.type == "agent.thread_context_compacted":
        return COMPACTION
    whole = ended or _end(item)[0] < 0
    return ERROR if whole and is_wrong(session, index) else None
