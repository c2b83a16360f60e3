"""What is taken out of a session for the mirror: one turn, as it stands.

Owns the copy that leaves the caller's thread, and which turn everything belongs to. Invariants: a cut
shares nothing with the session that the fold could still change; taking one costs what its turn holds,
whatever the session holds; every item of a child thread is in exactly one turn.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from copy import copy

import msgspec

from cma_tui.content import as_text
from cma_tui.event import Event
from cma_tui.session.agents import first_agent
from cma_tui.session.book import Bill, Book
from cma_tui.session.cost import Prices
from cma_tui.session.members import Agent, SessionThread, WorkflowRun
from cma_tui.session.model import Evaluation, Failure, Item, ModelRequest, Session, ToolUse, Turn
from cma_tui.session.own import copy_turn

_SPOKEN = frozenset(
    {
        "agent.message",
        "agent.thread_message_received",
        "agent.thread_message_sent",
        "session.thread_created",
        "session.usage",
        "system.message",
        "user.define_outcome",
        "user.message",
    }
)
_WORK = ("agent.", "span.")


class Head(msgspec.Struct):
    """What a session's rows say of the session."""

    identity: str
    """What the ids of the rows are made of."""
    id: str | None
    title: str | None
    agent: Agent
    environment: str | None
    created_at: float | None
    first_at: float | None
    status: str
    stop_reason: str | None
    turns: int
    last_at: float | None
    asked: list[Event]
    """What the user said first."""
    answered: Event | None
    """What the agent said last."""
    open: bool
    """Whether a turn is running."""


class Cut(msgspec.Struct):
    """One turn of a session: everything its rows are made of."""

    head: Head
    turn: Turn
    key: str
    """The event id that names it."""
    items: dict[int, Item]
    """What belongs to it, by its index in the session."""
    events: dict[int, Event]
    """The events that its items name, by ordinal."""
    first_tokens: dict[int, float]
    threads: dict[str, SessionThread]
    runs: dict[str, tuple[WorkflowRun, str]]
    """The workflow runs that show in it, each with the key of the turn that began it."""
    outcomes: dict[str, Event]
    """How the outcomes graded in it were defined."""
    bill: Bill
    """What it cost."""
    prices: Prices | None
    """What its requests cost."""
    first: int
    """Ordinal of its first event."""
    agents: list[tuple[int, Agent]]
    """The agent from the log's beginning on, and from each ordinal on at which it was another."""

    def agent(self, ordinal: int) -> Agent:
        """The agent as it was when that event came."""
        place = bisect_right(self.agents, ordinal, key=lambda known: known[0])
        return self.agents[max(0, place - 1)][1]

    def model(self, item: Item) -> str | None:
        """The model that is taken to have been asked."""
        child = self.threads.get(item.thread or "")
        return (child.model if child is not None else None) or self.agent(item.event).model


class Index:
    """Which turn the items of child threads and the workflow runs belong to, kept up as a session grows."""

    def __init__(self) -> None:
        self.children: dict[int, dict[int, None]] = {}
        """Items of child threads by turn."""
        self.runs: dict[str, int] = {}
        """Workflow runs to the turn that began them."""
        self.shown: dict[int, dict[str, None]] = {}
        """Workflow runs by turn that they show in."""
        self._turns: dict[int, int] = {}
        self._starts: list[float] = []
        self._seen = 0

    def update(self, session: Session, touched: Iterable[int] = ()) -> set[int]:
        """Take in what is new, and what was touched. Returns the turns whose rows may differ now."""
        self._follow(session)
        changed: set[int] = set()
        for index in (*touched, *range(self._seen, len(session.items))):
            item = session.items[index]
            if item.thread is not None:
                changed.update(self._child(index, item))
            elif item.turn >= 0 and (item.type in _SPOKEN or type(item) in _JOINED):
                changed.add(item.turn)
            elif item.type.startswith("workflow_run."):
                changed.update(self._run(session, item))
        self._seen = len(session.items)
        return changed

    def _follow(self, session: Session) -> None:
        """Keep the turns' starts, each at least the one before it; the last one may still move."""
        del self._starts[-1:]
        for turn in session.turns[len(self._starts) :]:
            before = self._starts[-1] if self._starts else float("-inf")
            self._starts.append(before if turn.started_at is None else max(before, turn.started_at))

    def _child(self, index: int, item: Item) -> set[int]:
        turn = 0 if item.at is None else max(0, bisect_right(self._starts, item.at) - 1)
        before = self._turns.get(index, turn)
        self.children.get(before, {}).pop(index, None)
        self.children.setdefault(turn, {})[index] = None
        self._turns[index] = turn
        return {turn, before}

    def _run(self, session: Session, item: Item) -> set[int]:
        run = as_text(session.events[item.event].data.get("workflow_run_id"))
        turn = max(0, item.turn)
        if run is not None:
            self.runs.setdefault(run, turn)
            self.shown.setdefault(turn, {})[run] = None
        return {turn}


_JOINED = (ModelRequest, ToolUse, Evaluation, Failure)


def index_of(session: Session) -> Index:
    """The index of a whole session."""
    index = Index()
    index.update(session)
    return index


def extent(session: Session, turn: Turn) -> range:
    """The items of the session's own stream that lie in a turn."""
    following = turn.index + 1
    end = session.turns[following].first_item if following < len(session.turns) else len(session.items)
    return range(turn.first_item, end)


def anchor(session: Session, turn: Turn) -> str:
    """The event id that names a turn: its first input's, or its own where the agent began by itself.

    Streams and lists may disagree whether the message or the running it caused comes first.
    """
    if turn.inputs:
        first = turn.inputs[0]
        for index in range(turn.first_item, first):
            item = session.items[index]
            if item.thread is None and item.type.startswith(_WORK):
                return turn.key
        return session.events[session.items[first].event].key
    return turn.key


def named(session: Session, turn: Turn) -> bool:
    """Whether what names the turn is settled: it has an input, or the agent has begun without one."""
    return bool(turn.inputs) or turn.worked or turn.ended


def identity_of(session: Session) -> str | None:
    """What tells the session from all others: its id, or the id of its log's first event."""
    if session.id is not None:
        return session.id
    for event in session.events:
        if not event.type.startswith("local."):
            return event.key
    return None


def take_head(session: Session, identity: str) -> Head:
    """What the session's rows say of the session, as it stands."""
    asked: list[Event] = []
    for turn in session.turns[:3]:
        asked = [session.events[session.items[index].event] for index in turn.inputs]
        if asked:
            break
    return Head(
        identity,
        session.id,
        session.title,
        copy(session.agent),
        session.environment,
        session.created_at,
        session.first_at,
        session.status,
        session.stop_reason,
        len(session.turns),
        session.last_at,
        asked,
        _last_answer(session),
        session.turn is not None,
    )


def take(
    session: Session,
    turn: Turn,
    head: Head,
    index: Index,
    book: Book,
    *,
    only: Iterable[int] | None = None,
) -> Cut:
    """Copy one turn.

    Args:
        session: the session it is in.
        turn: which one.
        head: what the session's rows say of the session.
        index: the session's index, up to date.
        book: its figures, up to date.
        only: take these items instead of all.
    """
    cut = Cut(
        head,
        copy_turn(turn),
        anchor(session, turn),
        {},
        {},
        {},
        {},
        {},
        {},
        book.bill(turn.index),
        book.prices,
        session.items[turn.first_item].event if turn.first_item < len(session.items) else len(session.events),
        [(-1, copy(first_agent(session))), *session.agents],
    )
    children = index.children.get(turn.index, {})
    if only is None:
        for position in extent(session, turn):
            if session.items[position].thread is None:
                _take_item(session, cut, position)
        for position in children:
            _take_item(session, cut, position)
    else:
        for position in sorted({*only, *turn.inputs}):
            _take_item(session, cut, position)
    for thread in {item.thread for item in cut.items.values()} | _named_threads(cut):
        _take_thread(session, cut, thread)
    for run in index.shown.get(turn.index, {}):
        if run in session.runs and index.runs[run] < len(session.turns):
            began = anchor(session, session.turns[index.runs[run]])
            held = copy(session.runs[run])
            held.phases, held.open_phases = dict(held.phases), list(held.open_phases)
            cut.runs[run] = (held, began)
    return cut


def _take_item(session: Session, cut: Cut, position: int) -> None:
    item = session.items[position]
    if session.owners[item.event] != position:
        return  # another item has taken its event over
    cut.items[position] = copy(item)
    ordinals = [item.event]
    if isinstance(item, ToolUse):
        ordinals += [item.result, item.confirmed]
    elif isinstance(item, ModelRequest | Evaluation):
        ordinals.append(item.end)
    for ordinal in ordinals:
        if ordinal >= 0:
            cut.events[ordinal] = session.events[ordinal]
    if isinstance(item, ModelRequest) and position in session.first_tokens:
        cut.first_tokens[position] = session.first_tokens[position]
    if isinstance(item, Evaluation) and item.outcome in session.outcomes:
        cut.outcomes[item.outcome] = session.events[session.outcomes[item.outcome].event]


def _named_threads(cut: Cut) -> set[str | None]:
    """Child threads that the primary speaks to or hears from in the turn."""
    names: set[str | None] = set()
    for item in cut.items.values():
        if item.type == "session.thread_created":
            names.add(cut.events[item.event].session_thread_id)
        elif item.type.startswith("agent.thread_message_"):
            names.add(other_end(cut.events[item.event]))
    return names


def other_end(event: Event) -> str | None:
    """The thread that a message between threads went to or came from."""
    data = event.data
    return as_text(data.get("to_session_thread_id")) or as_text(data.get("from_session_thread_id"))


def _take_thread(session: Session, cut: Cut, thread: str | None) -> None:
    while thread is not None and thread not in cut.threads and thread in session.threads:
        held = session.threads[thread]
        cut.threads[thread] = SessionThread(
            held.id, held.agent_name, held.parent, held.model, held.workflow_run, held.created_at
        )
        thread = held.parent


def _last_answer(session: Session) -> Event | None:
    for turn in reversed(session.turns[-3:]):
        for position in reversed(extent(session, turn)):
            item = session.items[position]
            if item.type == "agent.message" and item.thread is None:
                return session.events[item.event]
    return None
