"""Outcomes and the grader's evaluations of them.

Owns `Session.outcomes`. Invariant: one item an iteration, whatever of its start, heartbeats and end
was seen.
"""

from __future__ import annotations

from cma_tui.content import as_number, as_text
from cma_tui.event import Event
from cma_tui.session import own, resources, turns
from cma_tui.session.model import Change, Evaluation, Item, Session
from cma_tui.session.place import own_stream, place, renamed


def start(session: Session, event: Event, ordinal: int, change: Change) -> None:
    """The grader begins an iteration."""
    data = event.data
    outcome = as_text(data.get("outcome_id")) or ""
    iteration = int(as_number(data.get("iteration")) or 0)
    index = turns.active(session, event, change)
    item = Evaluation(
        ordinal, event.type, event.at, index, own_stream(session, event), outcome=outcome, iteration=iteration
    )
    position = place(session, item, change)
    own.outcome(session, outcome, ordinal).evaluations.append(position)
    change.header = True


def ongoing(session: Session, event: Event, ordinal: int, change: Change) -> None:
    """A heartbeat: it belongs to its evaluation and has no row of its own."""
    data = event.data
    evaluation = _latest(session, as_text(data.get("outcome_id")), as_number(data.get("iteration")))
    if evaluation < 0:
        item = Item(ordinal, event.type, event.at, turns.current(session), own_stream(session, event))
        place(session, item, change)
    else:
        session.owners[ordinal] = evaluation
        change.touch(evaluation)


def end(session: Session, event: Event, ordinal: int, change: Change) -> None:
    """The grader's verdict; an end without a start makes an evaluation of its own."""
    data = event.data
    begun = session.ordinals.get(as_text(data.get("outcome_evaluation_start_id")) or "", -1)
    index = session.owners[begun] if begun >= 0 else -1
    outcome = as_text(data.get("outcome_id"))
    iteration = as_number(data.get("iteration"))
    if index < 0:
        index = _latest(session, outcome, iteration)
    if index < 0:
        start(session, event, ordinal, change)
        index = session.owners[ordinal]
        own.item(session, index).at = None
    item = session.items[index]
    if not isinstance(item, Evaluation) or item.end >= 0:
        item = Item(ordinal, event.type, event.at, turns.current(session), own_stream(session, event))
        place(session, item, change)
        return
    item = own.item(session, index)
    assert isinstance(item, Evaluation)
    session.owners[ordinal] = index
    item.end, item.ended_at = ordinal, event.at
    item.result = as_text(data.get("result"))
    item.usage = resources.model_usage(data.get("usage"))
    if item.outcome in session.outcomes:
        own.outcome(session, item.outcome, ordinal).result = item.result
        renamed(session, item.outcome, change)
    change.touch(index)
    change.header = True


def _latest(session: Session, outcome: str | None, iteration: float | None) -> int:
    """Item index of the latest evaluation of that outcome and iteration, -1 when there is none."""
    held = session.outcomes.get(outcome or "")
    for index in reversed(held.evaluations if held else []):
        item = session.items[index]
        if isinstance(item, Evaluation) and item.iteration == int(iteration or 0):
            return index
        break  # iterations count up: only the latest can be meant
    return -1
