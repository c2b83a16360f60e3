"""What the fold may change: what a moment of the past still shows is replaced by a copy first.

Owns the one way to an object that is to be changed. Invariant: whatever was in a session when `Kept` began
is never changed in place; the object goes into `Kept`, and a copy of it takes its place in the session. A
session that keeps no past (`Session.kept` is None) is changed in place.

Whoever changes an item, a turn, a thread, an outcome or a run that exists gets it from here. Growing at the
end needs no asking: lists of ascending item indexes (a thread's items, an outcome's evaluations) are shared
by all copies, and whoever looks at the past cuts them.
"""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, TypeVar

from cma_tui.event import Event
from cma_tui.session.members import Outcome, SessionThread, WorkflowRun
from cma_tui.session.model import Item, Session, Turn

if TYPE_CHECKING:
    from cma_tui.session.moments import Moments

Noun = TypeVar("Noun", SessionThread, Outcome, WorkflowRun)


class Kept:
    """What was there at one moment and has been replaced since, by its place in the session."""

    __slots__ = (
        "aliases", "count_events", "count_items", "count_turns", "events", "first_copies", "items", "moments",
        "outcomes", "owners", "runs", "threads", "turns",
    )  # fmt: skip

    def __init__(self, session: Session, moments: Moments | None = None) -> None:
        """Keep what is in the session now.

        Args:
            session: what is going to change.
            moments: who writes down what is folded; None for a look at the past, which nobody looks back on.
        """
        self.moments = moments
        self.first_copies: dict[int, Event] = {} if moments is None else moments.first_copies
        """By ordinal: the event as its own step took it in, where a better copy has come since."""
        self.count_events = len(session.events)
        self.count_items = len(session.items)
        self.count_turns = len(session.turns)
        self.events: dict[int, Event] = {}
        self.owners: dict[int, int] = {}
        self.items: dict[int, Item] = {}
        self.turns: dict[int, Turn] = {}
        self.threads: dict[str, SessionThread] = {}
        self.outcomes: dict[str, Outcome] = {}
        self.runs: dict[str, WorkflowRun] = {}
        self.aliases: dict[str, str] = {}


def item(session: Session, index: int) -> Item:
    """An item, to be changed."""
    held = session.items[index]
    kept = session.kept
    if kept is None or index >= kept.count_items or index in kept.items:
        return held
    kept.items[index] = held
    held = session.items[index] = copy(held)
    return held


def turn(session: Session, index: int) -> Turn:
    """A turn, to be changed."""
    held = session.turns[index]
    kept = session.kept
    if kept is None or index >= kept.count_turns or index in kept.turns:
        return held
    kept.turns[index] = held
    held = session.turns[index] = copy_turn(held)
    return held


def open_turn(session: Session) -> Turn | None:
    """The turn that is open, to be changed; None when none is."""
    turns = session.turns
    if not turns:
        return None
    held = turns[-1]
    if held.ended:
        return None
    kept = session.kept
    if kept is None or len(turns) > kept.count_turns:
        return held
    return turn(session, len(turns) - 1)


def copy_turn(held: Turn) -> Turn:
    """A turn that can be changed without the other: its legs are its own, and while it is open its lists."""
    made, of = copy(held), tuple if held.ended else list
    made.legs = of(map(copy, held.legs))
    made.inputs, made.failures = of(held.inputs), of(held.failures)
    return made


def thread(session: Session, key: str) -> SessionThread:
    """The child thread of that id, known or not yet, to be changed."""
    threads, kept = session.threads, session.kept
    if key not in threads:
        threads[key] = SessionThread(key)
    if kept is not None:
        _replaced(threads, kept.threads, key)
    return threads[key]


def outcome(session: Session, key: str, event: int) -> Outcome:
    """The outcome of that id, which this event defines where it is not known yet, to be changed."""
    outcomes, kept = session.outcomes, session.kept
    if key not in outcomes:
        outcomes[key] = Outcome(key, event)
    if kept is not None:
        _replaced(outcomes, kept.outcomes, key)
    return outcomes[key]


def run(session: Session, key: str) -> WorkflowRun:
    """The workflow run of that id, known or not yet, to be changed."""
    runs, kept = session.runs, session.kept
    if key not in runs:
        runs[key] = WorkflowRun(key)
    if kept is not None and _replaced(runs, kept.runs, key):
        held = runs[key]
        held.phases, held.open_phases = dict(held.phases), list(held.open_phases)
    return runs[key]


def _replaced(now: dict[str, Noun], before: dict[str, Noun], key: str) -> bool:
    """Keep what is there, and put a copy in its place. False where that was done already."""
    if key in before:
        return False
    before[key] = now[key]
    now[key] = copy(now[key])
    return True


def set_event(session: Session, ordinal: int, event: Event) -> None:
    """Put a better copy in the place of an event."""
    kept = session.kept
    if kept is not None:
        held = session.events[ordinal]
        kept.first_copies.setdefault(ordinal, held)
        if ordinal < kept.count_events:
            kept.events.setdefault(ordinal, held)
    session.events[ordinal] = event


def set_owner(session: Session, ordinal: int, index: int) -> None:
    """An item takes over an event that another one showed."""
    kept = session.kept
    if kept is not None and ordinal < kept.count_events:
        kept.owners.setdefault(ordinal, session.owners[ordinal])
    session.owners[ordinal] = index


def set_alias(session: Session, alias: str, key: str) -> None:
    """Another name of a tool use; the latest use that has it is meant."""
    kept = session.kept
    if kept is not None and alias in session.tool_aliases:
        kept.aliases.setdefault(alias, session.tool_aliases[alias])
    session.tool_aliases[alias] = key
