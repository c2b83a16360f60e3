"""Which turns are to be sent: those that ended, and those whose rows would differ from what was picked.

Owns what was picked of a session, and what it said. Invariants: taking in a change costs what changed,
however long the session is; a turn is due when it has ended, and again whenever what its rows say may have
changed: what happened in it, and what it cost.
"""

from __future__ import annotations

from collections.abc import Iterable

from cma_tui.mirror.cut import Cut, Index, anchor
from cma_tui.session.book import Bill, Book
from cma_tui.session.cost import Prices, last_told
from cma_tui.session.model import Evaluation, ModelRequest, Session, ToolUse, Turn


class Due:
    """The turns of one session that are to be sent, by index, in order."""

    def __init__(self) -> None:
        self.turns: dict[int, None] = {}
        self.session: Session | None = None
        self.index = Index()
        self._ended = 0
        """Turns that have ended, from the first on."""
        self._prints: dict[str, int] = {}
        """By what names a turn: of which events it was made when it was picked."""
        self._unfinished: dict[int, int] = {}
        """Calls without an end in turns that were picked, and the turns."""
        self._bills: dict[int, Bill] = {}
        """What the picked turns cost whose cost may still become another, by their index."""
        self._billed: tuple[Prices | None, bool, int, int] = (None, False, 0, 0)
        """What costs depend on, as it was at the last look: prices, any estimate, snapshots, turns."""
        self._told: tuple[object, ...] = ()
        """What the session's own row said."""

    def look_anew(self, session: Session, *, forget: bool = False) -> None:
        """The session was folded anew: find the turns that differ. `forget`: all are wanted once more."""
        self.session, self.index, self._ended, self.turns = session, Index(), 0, {}
        if forget:
            self._prints.clear()
        self._unfinished.clear()
        self._bills.clear()

    def notice(self, session: Session, touched: Iterable[int] | None) -> None:
        """Note which ended turns are due.

        Without a word on what was touched, every call that has no end is looked at.
        """
        late = [p for p in (self._unfinished if touched is None else touched) if p in self._unfinished]
        changed = self.index.update(session, touched or ())
        self.turns |= dict.fromkeys(turn for turn in changed if turn < self._ended)
        for position in late:
            if finished(session, position):
                self.turns[self._unfinished.pop(position)] = None
        while self._ended < len(session.turns) and session.turns[self._ended].ended:
            ended = session.turns[self._ended]
            if self._prints.get(anchor(session, ended)) != self._print(session, ended):
                self.turns[self._ended] = None
            self._ended += 1
        if session.turn is None and self._ended and not self.turns and self._told != facts(session):
            self.turns[self._ended - 1] = None  # the session's own row goes with its last turn

    def notice_costs(self, session: Session, book: Book) -> None:
        """Note the turns whose cost has become another; the figures must be up to date."""
        state = (book.prices, book.estimates, len(session.usages), len(session.turns))
        if state == self._billed:
            return
        told, same = last_told(session), self._billed[:2] == state[:2]
        self._billed = state
        # As long as the server tells nothing, what a turn cost is settled once the next one has begun.
        recent = range(len(session.turns) - 3, len(session.turns))
        for number in recent if told < 0 and same else list(self._bills):
            if number in self._bills and self._bills[number] != book.bill(number):
                self.turns[number] = None
        if told < len(session.turns) - 1 and (book.prices is not None or session.agent.model is None):
            for number in [number for number in self._bills if number <= told]:
                del self._bills[number]

    def add_all(self, session: Session) -> None:
        """Every turn, the ones without an end too."""
        self.turns |= dict.fromkeys(range(len(session.turns)))

    def picked(self, session: Session, turn: Turn, cut: Cut) -> None:
        """A turn was handed over."""
        self.turns.pop(turn.index, None)
        self._told = facts(session)
        self._prints[cut.key] = self._print(session, turn)
        self._bills[turn.index] = cut.bill
        for position in cut.items:
            if not finished(session, position):
                self._prints.pop(cut.key, None)
                self._unfinished[position] = turn.index

    def _print(self, session: Session, turn: Turn) -> int:
        """Tells whether a turn is made of the same events as when it was last picked."""
        items, following = session.items, turn.index + 1
        end = len(session.events)
        if following < len(session.turns) and session.turns[following].first_item < len(items):
            end = items[session.turns[following].first_item].event
        first = items[turn.first_item].event
        own = tuple((event.key, event.at) for event in session.events[first:end])
        children = self.index.children.get(turn.index, {})
        place = (turn.index, turn.snapshot_before)
        return hash((place, own, tuple(session.events[items[position].event].key for position in children)))


def facts(session: Session) -> tuple[object, ...]:
    """What the session's own row says beside its turns."""
    return (session.id, session.status, session.title, session.environment, session.agent.id, session.last_at)


def finished(session: Session, position: int) -> bool:
    """Whether nothing more is to come of an item."""
    item = session.items[position]
    if isinstance(item, ToolUse):
        return item.result >= 0
    return item.end >= 0 if isinstance(item, ModelRequest | Evaluation) else True
