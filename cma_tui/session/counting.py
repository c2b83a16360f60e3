"""Counting a session: item by item, as it grows.

Owns which turn a thing is counted in, and when. Invariants: an item is counted once all that it adds is
there, and once; a child thread's item belongs to the turn in whose time it falls; what has been counted is
never taken back: where it turns out wrong, `wrong` or `touch` says so, and the caller counts anew.
"""

from __future__ import annotations

from array import array
from itertools import islice
from typing import Final

from cma_tui.session import sums as add
from cma_tui.session.agents import Asked
from cma_tui.session.cost import Prices, running_cost
from cma_tui.session.elapsed import ANSWER, MODEL, TOOLS, YOU, Split, micros
from cma_tui.session.figures import Ran, TurnFigures, wall_us
from cma_tui.session.going import Going, answered_outside
from cma_tui.session.late import Late, last_snapshot
from cma_tui.session.members import UsageSnapshot
from cma_tui.session.model import (
    Change,
    Evaluation,
    Failure,
    Item,
    ModelRequest,
    Session,
    StatusChange,
    ToolUse,
)
from cma_tui.session.packed import TurnRows
from cma_tui.session.sums import Parts, Sums
from cma_tui.session.toolbook import ToolBook
from cma_tui.session.went import Went

_PLAIN = frozenset(
    {
        "agent.thread_context_compacted",
        "local.connected",
        "local.disconnected",
        "system.message",
        "user.define_outcome",
        "user.interrupt",
        "user.message",
    }
)
"""The items of one event that are counted."""
_ONE = {"agent.thread_context_compacted": "compactions", "user.interrupt": "interrupts"}
"""Of these, those that are one of something."""
_PROMPT = ("input_tokens", "cache_read_tokens", "cache_write_tokens")
_FAILURES = 16
_TURN: Final = 5
"""What a turn takes to be refreshed, in items counted."""
_PORTION: Final = 4096
"""Items that are counted before their turns are refreshed and packed."""


class Pages:
    """The figures as far as they are counted."""

    def __init__(self, prices: Prices | None) -> None:
        self.prices = prices
        self.session: Session | None = None
        self.turns = TurnRows()
        self.priced = False
        """Whether anything counted has a price."""
        self._before = Sums()
        """What lies before the first turn."""
        self._threads: dict[str, Sums] = {}
        """By child thread; what is in it is in a turn, or before the first, too."""
        self._of_children = Sums()
        """What these add up to."""
        self.tools = ToolBook()
        self.error_types: dict[str, int] = {}
        self.disconnects = 0
        self.gap_us = 0
        self.failed_at: list[float] = []
        self.wrong = False
        """Whether something counted here was not so: count anew."""
        self._seen = 0
        self._reached = 0
        """How many turns have had an item counted, or lie before one that has."""
        self._unsettled: dict[int, int] = {}
        """Items that are not complete, and the turns they are counted in."""
        self._went = Went()
        self._begun: list[float | None] = []
        """The turns' starts as they were when they were taken in."""
        self._latest_child = float("-inf")
        self._stale: set[int] = set()
        self._late: list[Late] = []
        """The requests of the last turn that ended after its latest snapshot."""
        self._confirmed: dict[int, Parts] = {}
        """What the confirmations of unsettled tool uses added."""
        self._late_told: UsageSnapshot | None = None
        """The snapshot after which these have ended."""
        self._late_counted = 0
        """How many of these are counted."""
        self._first_tokens = 0
        """How many first tokens have been looked at."""
        self._ran = Ran()
        """Of the last turn."""
        self._going = Going()
        """What goes on in the last turn."""
        self._homeless = False
        """Whether a child thread was counted when there was no turn yet."""
        self._lost_at: float | None = None
        self._children: dict[int, set[str]] = {}
        """By turn: the child threads that its stream tells of."""
        self.requests = array("q")
        """Item indexes of the model requests, in the order of the items."""
        self.ran = 0
        """What the turns' running time costs."""
        self.walls_us, self.walls = 0, 0
        """How long the turns ran that stamps tell of, and how many these are."""
        self._asked = Asked()

    def touch(self, session: Session, change: Change) -> bool:
        """Look again at what changed. Returns False where it was counted as it is no more: count anew."""
        if change.header and not self._asked.stands(session):
            return False
        for index in change.items:
            if index >= self._seen:
                continue
            item = session.items[index]
            if 0 <= item.turn < len(self._begun) - 1 and self._moved(session, item.turn):
                return False
            home = self._unsettled.get(index)
            if home is not None:
                if home != self._home(item):
                    return False
                self._look(session, index, item)
            elif isinstance(item, ModelRequest | ToolUse | Evaluation | Failure):
                return False
        return True

    def _moved(self, session: Session, turn: int) -> bool:
        return session.turns[turn].started_at != self._begun[turn]

    def _look(self, session: Session, index: int, item: Item) -> None:
        """An unsettled item looks different."""
        if isinstance(item, ToolUse):
            self._confirm(index, item)
        if add.settled(item):
            del self._unsettled[index]
            self._going.drop(index)
            self._settle(session, index, item)
            return
        if index in self._going:
            self._going.note(session, index)
        if isinstance(item, ModelRequest):
            self._first_token(session, index, item)
            self._stale.add(max(0, self._home(item)))

    def take(self, session: Session, limit: int) -> bool:
        """Count what is new: the work of about so many items. Returns whether everything is counted."""
        self.session = session
        if not self._follow(session, limit):
            return False
        stop = min(len(session.items), self._seen + limit)
        while True:
            self._count(session, min(stop, self._seen + _PORTION))
            fresh = self._refresh(session, max(2, limit // _TURN))  # the last turn, and one that waited
            self.turns.pack()
            if self._seen == stop:
                return fresh and stop == len(session.items)

    def _count(self, session: Session, stop: int) -> None:
        """Count the items up to that one."""
        items, threads = session.items, session.threads
        for index in range(self._seen, stop):
            item = items[index]
            if type(item) is Item:
                counts = item.type in _PLAIN
            elif isinstance(item, StatusChange):  # of the many changes of a status few count for anything
                counts = item.type == "session.status_rescheduled" or item.subject in threads
            else:
                counts = True
            if counts:
                self._new(session, index, item)
        self._seen = stop
        reached = len(self.turns) if stop == len(items) else items[stop - 1].turn + 1
        if reached > self._reached:  # where one begins the one before it is cut off
            self._stale.update(range(max(0, self._reached - 1), reached))
            self._reached = reached

    # -- turns -----------------------------------------------------------------------------------------------

    def _follow(self, session: Session, limit: int) -> bool:
        """Keep the turns' starts, of so many new ones. One that begins before what was counted is too late.

        Returns whether all are kept: a child's item can only be given its turn then.
        """
        known = len(self._begun)
        if known and self._moved(session, known - 1):
            turn = session.turns[known - 1]
            self._begun[-1] = turn.started_at
            self._went.move(turn)
            self.wrong = self.wrong or self._latest_child > float("-inf")
            self._stale.update((known - 1, max(0, known - 2)))
        for turn in session.turns[known : known + limit]:
            late = turn.started_at is not None and turn.started_at <= self._latest_child
            if late or self._homeless:
                self.wrong = True
            if self.turns:  # the snapshots of the one before are complete
                self._close(session, len(self.turns) - 1)
            self._begun.append(turn.started_at)
            self._went.begin(turn)
            self.turns.begin()
        return len(self._begun) == len(session.turns)

    def _home(self, item: Item) -> int:
        """The turn an item is counted in, -1 when there is none."""
        if item.thread is None:
            return item.turn
        if not self.turns:
            self._homeless = True
            return -1
        if item.at is None:
            return 0
        self._latest_child = max(self._latest_child, item.at)
        return self._went.turn_at(item.at)

    def _add(self, item: Item, parts: Parts) -> TurnFigures | None:
        """Count what an item adds. Returns the turn that it is counted in, where there is one."""
        if item.thread is not None:
            self._threads.setdefault(item.thread, Sums()).add(parts)
            self._of_children.add(parts)
        home = self._home(item)
        if home < 0:
            self._before.add(parts)
            return None
        self._stale.add(home)
        figures = self.turns.opened(home)
        figures.add(parts)
        return figures

    @property
    def total(self) -> Sums:
        """The whole session."""
        whole = self.turns.sums()
        whole.take_in(self._before)
        return whole

    @property
    def threads(self) -> dict[str | None, Sums]:
        """By thread; None is the primary. Only turns tell errors that nothing is said of."""
        primary = self.total
        primary.leave_out(self._of_children)
        primary.silent_errors = 0
        found: dict[str | None, Sums] = {None: primary}
        found.update(self._threads)
        return found

    # -- items -----------------------------------------------------------------------------------------------

    def _new(self, session: Session, index: int, item: Item) -> None:
        if session.owners[item.event] != index:
            return  # another item has taken its event over
        if isinstance(item, ModelRequest):
            self.requests.append(index)
        elif isinstance(item, ToolUse):
            self.wrong = self.wrong or item.key in self._went.unseen
            parts = add.of_use(item)
            self.priced = self.priced or "estimate" in parts
            self._add(item, parts)
            self.tools.begun(item)
            if item.confirmation is not None:
                self._confirm(index, item)
        if add.settled(item):
            self._settle(session, index, item)
            return
        self._unsettled[index] = self._home(item)
        if item.turn == len(self.turns) - 1:
            self._going.note(session, index)
        if isinstance(item, ModelRequest):
            self._first_token(session, index, item)

    def _confirm(self, index: int, use: ToolUse) -> None:
        """Count the confirmation of a use, and the wait for it. Another stamp makes it another wait."""
        parts = add.of_confirmation(use)
        before = self._confirmed.get(index, {})
        if parts != before:
            self.wrong = self.wrong or bool(before)
            self._add(use, parts)
            self._confirmed[index] = parts
            self._busy(YOU, use.at, use.confirmed_at)

    def _settle(self, session: Session, index: int, item: Item) -> None:
        if isinstance(item, ModelRequest):
            self._request(session, index, item)
        elif isinstance(item, ToolUse):
            self._tool(session, item)
            self._confirmed.pop(index, None)
        elif isinstance(item, Evaluation):
            parts = add.of_grader(item, self._asked.of(session, item), self.prices)
            self._ended(session, item, item.end, item.ended_at, parts)
            self._busy(MODEL, item.at, item.ended_at)
        elif isinstance(item, Failure):
            self._add(item, add.of_failure(item))
            self.error_types[item.error_type] = self.error_types.get(item.error_type, 0) + 1
            self._failed(item.at)
        elif isinstance(item, StatusChange):
            if item.type == "session.status_rescheduled":
                self._add(item, {"rescheduled": 1})
            elif item.subject is not None and item.subject in session.threads:
                self._children.setdefault(max(0, self._home(item)), set()).add(item.subject)
        else:
            self._plain(session, index, item)

    def _plain(self, session: Session, index: int, item: Item) -> None:
        if (name := _ONE.get(item.type)) is not None:
            self._add(item, {name: 1})
        elif item.type == "local.disconnected":
            self.disconnects += 1
            self._lost_at = session.events[item.event].received_at
        elif item.type == "local.connected":
            now = session.events[item.event].received_at
            if now is not None and self._lost_at is not None:
                self.gap_us += max(0, micros(now) - micros(self._lost_at))
            self._lost_at = None
        if index in session.queue_waits:
            self._add(item, {"queued": 1, "queue_us": micros(session.queue_waits[index])})

    def _request(self, session: Session, index: int, item: ModelRequest) -> None:
        parts = add.of_request(item, self._asked.of(session, item), self.prices)
        turn = self._ended(session, item, item.end, item.ended_at, parts)
        self._busy(MODEL, item.at, item.ended_at)
        self._first_token(session, index, item)
        if "estimate" in parts:
            self.tools.share(session, index, item, parts["estimate"])
        if item.is_error:
            self._failed(item.ended_at)
        if turn is None or item.thread is not None:
            return
        prompt = 0
        for name in _PROMPT:
            prompt += parts.get(name, 0)
        if prompt:
            turn.prompt, turn.peak = prompt, max(turn.peak, prompt)
        if turn.first_block_us < 0 and item.first_block_at is not None and item.at is not None:
            turn.first_block_us = max(0, micros(item.first_block_at) - micros(item.at))

    def _look_at_first_tokens(self, session: Session) -> None:
        """Those that have been measured since."""
        new = len(session.first_tokens) - self._first_tokens
        for index in islice(reversed(session.first_tokens), new):
            request = session.items[index]
            if index < self._seen and isinstance(request, ModelRequest):
                self._first_token(session, index, request)
        self._first_tokens += new

    def _first_token(self, session: Session, index: int, item: ModelRequest) -> None:
        if index in session.first_tokens and item.turn >= 0 and item.thread is None:
            turn = self.turns.opened(item.turn)
            turn.first_request = index if turn.first_request < 0 else min(turn.first_request, index)

    def _tool(self, session: Session, use: ToolUse) -> None:
        parts = add.of_result(session, use)
        self._add(use, parts)
        self._busy(
            ANSWER if answered_outside(session, use) else TOOLS,
            use.at if use.confirmed_at is None else use.confirmed_at,
            use.result_at,
        )
        if use.is_error and not parts.get("denied"):
            self._failed(use.result_at)
        self.tools.ended(use, parts)

    def _ended(
        self, session: Session, item: Item, ordinal: int, at: float | None, parts: Parts
    ) -> TurnFigures | None:
        """Count what has ended, and note it where no snapshot tells of it yet."""
        turn = self._add(item, parts)
        self.priced = self.priced or "priced" in parts
        if turn is not None and ("priced" in parts or "unpriced" in parts):
            late = Late(ordinal, at, item.thread is None, parts.get("estimate", 0), "unpriced" in parts)
            if turn.index == len(self.turns) - 1:
                self._late.append(late)
            elif late.after(last_snapshot(session, turn.index)):
                late.count_in(turn)
        return turn

    def _close(self, session: Session, turn: int) -> None:
        """The next turn has begun: no snapshot will tell of this one any more."""
        if self._late:
            self._count_late(session, self.turns.opened(turn))
        self._late, self._late_counted, self._late_told = [], 0, None
        self._ran, self._going = Ran(), Going()

    def _count_late(self, session: Session, turn: TurnFigures) -> None:
        told = last_snapshot(session, turn.index)
        if told is not self._late_told:
            turn.after = turn.after_count = turn.after_unpriced = 0
            self._late = [late for late in self._late if late.after(told)]
            self._late_told, self._late_counted = told, 0
        for late in self._late[self._late_counted :]:
            if late.after(told):
                late.count_in(turn)
        self._late_counted = len(self._late)

    def _busy(self, kind: int, start: float | None, end: float | None) -> None:
        self._stale.update(self._went.busy(kind, start, end))

    def _failed(self, at: float | None) -> None:
        if at is not None:
            self.failed_at.append(at)
            del self.failed_at[:-_FAILURES]

    def unread(self, session: Session, turn: int | None = None) -> bool:
        """Whether child threads were at work, in that turn or at all, whose own events are not in the log."""
        if turn is None:
            return any(not thread.read for thread in session.threads.values())
        return any(not session.threads[key].read for key in self._children.get(turn, ()))

    @property
    def counts_all(self) -> bool:
        """Whether every item and turn of the session is taken in."""
        session = self.session
        counted = (self._seen, len(self.turns))
        return session is not None and not self._stale and counted == (len(session.items), len(session.turns))

    @property
    def asking(self) -> bool:
        """Whether a model or a grader is at work at this moment."""
        session = self.session
        return (
            session is not None and bool(self.turns) and self._going.since(session)[:1] not in ((), (None,))
        )

    def home(self, index: int) -> int:
        """The turn that an item is counted in, -1 when there is none."""
        return -1 if self.session is None else self._home(self.session.items[index])

    # -- what depends on the moment --------------------------------------------------------------------------

    def _refresh(self, session: Session, limit: int) -> bool:
        """The parts of a turn that are no sums, for so many turns of those that may have changed.

        Returns whether none is left.
        """
        if self.turns:
            self._stale.add(len(self.turns) - 1)
        while self._stale and limit > 0:
            chosen = list(islice(self._stale, limit))
            for index in chosen:
                if index < len(session.turns):  # what came before any turn has none to refresh
                    self._stale |= self._went.pause(session, session.turns[index])
            for index in chosen:
                if index < len(self.turns):
                    self._refresh_turn(session, index)
            self._stale.difference_update(chosen)
            limit -= len(chosen)
        return not self._stale

    def _refresh_turn(self, session: Session, index: int) -> None:
        turn, figures = session.turns[index], self.turns.opened(index)
        figures.silent_errors = figures.model_errors if not figures.errors else 0
        last = index == len(self.turns) - 1
        wall = self._ran.us(turn) if last else wall_us(turn)
        if figures.wall_us >= 0:
            self._ran_for(figures.wall_us, -1)
        figures.wall_us = -1 if wall is None else wall
        if wall is not None:
            self._ran_for(wall, 1)
        if last:
            self._look_at_first_tokens(session)
            self._count_late(session, figures)
        self._went.resplit(session, turn, figures, self._going)

    def _ran_for(self, us: int, times: int) -> None:
        """A turn ran so long, or did not after all."""
        self.ran += times * running_cost(us)
        self.walls_us += times * us
        self.walls += times

    def split(self) -> Split | None:
        """The session's time by what went on."""
        return None if self.session is None else self._went.whole(self.session)
