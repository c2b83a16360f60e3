"""What goes on in a session: which kind of thing each item is while it lasts.

Owns the kinds. Invariants: a thing is of one kind at a time, and what nobody can end any more goes on no
longer; asking costs the same however much goes on.
"""

from __future__ import annotations

from heapq import heappop, heappush

from cma_tui.session import tools
from cma_tui.session.elapsed import ANSWER, KINDS, MODEL, TOOLS, YOU, micros
from cma_tui.session.model import Evaluation, Item, Leg, ModelRequest, Session, ToolUse


class Going:
    """What has not ended in the last turn of a session, and since when."""

    def __init__(self) -> None:
        self._noted: dict[int, tuple[int, int] | None] = {}
        """By item: its kind and its beginning in microseconds; None for what is of no kind."""
        self._first: list[list[tuple[int, int]]] = [[] for _ in range(KINDS)]
        """By kind: a heap of beginnings and items, with some that are not so any more."""
        self._over: dict[str, list[tuple[int, int, int]]] = {}
        """By a child thread that is terminated: what it left open."""

    def note(self, session: Session, index: int) -> None:
        """An item has begun, or is of another kind now."""
        kind, at = open_kind(session.items[index])
        noted = None if kind is None or at is None else (kind, micros(at))
        if noted is not None and noted != self._noted.get(index):
            heappush(self._first[noted[0]], (noted[1], index))
        self._noted[index] = noted

    def drop(self, index: int) -> None:
        """An item has ended, if it went on."""
        self._noted.pop(index, None)

    def __contains__(self, index: int) -> bool:
        return index in self._noted

    def since(self, session: Session) -> tuple[int | None, ...]:
        """By kind: since when something of it has been going on, in microseconds; empty once all is over."""
        turn = session.turns[-1]
        if turn.ended:
            return ()
        for thread in [key for key in self._over if session.threads[key].status != "terminated"]:
            for kind, begun, index in self._over.pop(thread):
                heappush(self._first[kind], (begun, index))
        since = [self._earliest(session, kind) for kind in range(KINDS)]
        if turn.waiting and turn.legs[-1].ended_at is not None:
            begun = micros(turn.legs[-1].ended_at)
            kind = awaited_of(session, turn.legs[-1])[0]
            held = since[kind]
            since[kind] = begun if held is None else min(held, begun)
        return tuple(since)

    def _earliest(self, session: Session, kind: int) -> int | None:
        heap = self._first[kind]
        while heap:
            begun, index = heap[0]
            if self._noted.get(index) == (kind, begun):
                thread = session.items[index].thread
                if thread is None or session.threads[thread].status != "terminated":
                    return begun
                self._over.setdefault(thread, []).append((kind, begun, index))
            heappop(heap)
        return None


def awaited_of(session: Session, leg: Leg) -> tuple[int, set[str]]:
    """Whose answer a turn stood still for after a leg, and the uses it named that have not been seen.

    A program's, where everything that the idle named is for one to run; a person's in all other cases. The
    moments between the answer and the running after it are of the same wait.
    """
    uses = {name: tools.find(session, name) for name in leg.named}
    unseen = {name for name, index in uses.items() if index < 0}
    ours = bool(uses) and not unseen
    for index in uses.values():
        use = session.items[index] if index >= 0 else None
        ours = (
            ours and isinstance(use, ToolUse) and (use.kind == "custom" or use.permission in (None, "allow"))
        )
    return (ANSWER if ours else YOU), unseen


def answered_outside(session: Session, use: ToolUse) -> bool:
    """Whether a program of ours ran the tool: a custom one, or any in a self-hosted environment."""
    if use.kind != "builtin":
        return use.kind == "custom"
    turn = session.turns[use.turn] if 0 <= use.turn < len(session.turns) else None
    if turn is None or use.confirmed >= 0 or not use.by_host:
        return False
    return any(leg.stop_reason == "requires_action" for leg in turn.legs)


def open_kind(item: Item) -> tuple[int | None, float | None]:
    """What kind of thing an item is that has not ended, and since when."""
    if isinstance(item, ModelRequest):
        return (None if item.closed else MODEL), item.at
    if isinstance(item, Evaluation):
        return MODEL, item.at
    if not isinstance(item, ToolUse):
        return None, None
    match item.awaited:
        case "confirmation":
            return YOU, item.at
        case "custom_result" | "host_result":
            return ANSWER, item.at
    return TOOLS, item.at if item.confirmed_at is None else item.confirmed_at
