"""What goes on in a session: which kind of thing each item is while it lasts.

Owns the kinds. Invariant: a thing is of one kind at a time, and what nobody can end any more goes on no
longer.
"""

from __future__ import annotations

from collections.abc import Iterable

from cma_tui.session import tools
from cma_tui.session.elapsed import ANSWER, KINDS, MODEL, TOOLS, YOU, micros
from cma_tui.session.model import Evaluation, Item, Leg, ModelRequest, Session, ToolUse


def going_on(session: Session, running: Iterable[int]) -> tuple[int | None, ...]:
    """By kind: since when something of it has been going on; `running` are the items that have not ended."""
    since: list[int | None] = [None] * KINDS
    turn = session.turns[-1]
    if turn.ended:
        return ()
    for index in running:
        item = session.items[index]
        kind, at = open_kind(session, item)
        over = item.thread is not None and session.threads[item.thread].status == "terminated"
        if kind is not None and at is not None and not over:
            begun = micros(at)
            held = since[kind]
            since[kind] = begun if held is None else min(held, begun)
    if turn.waiting and turn.legs[-1].ended_at is not None:
        begun = micros(turn.legs[-1].ended_at)
        kind = awaited_of(session, turn.legs[-1])[0]
        held = since[kind]
        since[kind] = begun if held is None else min(held, begun)
    return tuple(since)


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
    stood = turn is not None and any(leg.stop_reason == "requires_action" for leg in turn.legs)
    return stood and use.confirmed < 0 and use.by_host


def open_kind(session: Session, item: Item) -> tuple[int | None, float | None]:
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
