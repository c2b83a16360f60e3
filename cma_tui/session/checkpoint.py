"""Where a session stood at one moment, and how it is brought back.

Owns what is noted at a checkpoint: how long the lists were, and a copy of what is small. Invariant: what is
restored shares nothing that changes with the session it comes from, and a checkpoint holds nothing of the
session's lists.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Mapping, MutableSequence, Sequence
from copy import copy
from itertools import islice
from typing import Any, NamedTuple, TypeVar

from cma_tui.session.model import Session
from cma_tui.session.own import Kept

Value = TypeVar("Value")


class Checkpoint(NamedTuple):
    """Where the session stood at a step."""

    step: int
    state: Session
    """What is small, copied; its lists are empty."""
    threads: int
    outcomes: int
    runs: int
    usages: int
    tools: int
    aliases: int
    first_tokens: int
    queue_waits: int
    beside: int
    """How many things came beside the log before it."""
    kept: Kept
    """What has been replaced between this checkpoint and the next."""


def noted(session: Session, step: int, beside: int, kept: Kept) -> Checkpoint:
    """Where the session stands."""
    return Checkpoint(
        step,
        _without_lists(_small(session)),
        len(session.threads),
        len(session.outcomes),
        len(session.runs),
        len(session.usages),
        len(session.tools),
        len(session.tool_aliases),
        len(session.first_tokens),
        len(session.queue_waits),
        beside,
        kept,
    )


def restored(session: Session, checkpoints: Sequence[Checkpoint]) -> Session:
    """The session as it was at the first of its last checkpoints, but for its events and tables by keys."""
    checkpoint = checkpoints[0]
    then = checkpoint.kept
    later = [each.kept for each in reversed(checkpoints)]  # the earliest has the last word
    view = _small(checkpoint.state)
    view.owners = session.owners[: then.count_events]
    view.items = session.items[: then.count_items]
    view.turns = session.turns[: then.count_turns]
    view.usages = session.usages[: checkpoint.usages]
    view.threads = dict(islice(session.threads.items(), checkpoint.threads))
    view.outcomes = dict(islice(session.outcomes.items(), checkpoint.outcomes))
    view.runs = dict(islice(session.runs.items(), checkpoint.runs))
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
    return view


def first_of(table: dict[str, int], count: int) -> dict[str, int]:
    """The first entries of a table: of what is copied whole, the few others are taken away."""
    made = table.copy()
    for _ in range(len(made) - count):
        made.popitem()
    return made


def weight(state: Session) -> int:
    """About how many things a checkpoint has copied: that many steps may pass until the next."""
    copied: tuple[Any, ...] = (
        state.unknown_types, state.queued, state.pending, state.awaited_unseen, state.open_requests,
        state.running_uses, state.waiting_results,
        *(part for preview in state.previews.values() for part in preview.parts),
    )  # fmt: skip
    turn = state.turns[-1] if state.turns else None
    of_turn = () if turn is None else (turn.legs, turn.inputs, turn.failures)
    return sum(map(len, (*copied, *of_turn)))


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


def _without_lists(state: Session) -> Session:
    """A state that holds nothing of the lists and tables that a session shares with it."""
    state.events, state.ordinals, state.owners = [], {}, array("i")
    state.items, state.turns, state.usages = [], [], []
    state.threads, state.outcomes, state.runs = {}, {}, {}
    state.tools, state.tool_aliases, state.leaning = {}, {}, {}
    state.first_tokens, state.queue_waits = {}, {}
    return state


def _put_back(row: MutableSequence[Value], replaced: Mapping[int, Value]) -> None:
    for index, value in replaced.items():
        if index < len(row):
            row[index] = value


def _put_known(table: dict[str, Value], replaced: Mapping[str, Value]) -> None:
    for key, value in replaced.items():
        if key in table:
            table[key] = value
