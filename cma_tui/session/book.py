"""Every figure of a session, kept up while it grows.

Owns `Book`: the figures of turns, threads, tools and the whole session, the same live, in replay and in
`stats`, for all of them read it. Invariants: taking in a change costs what changed; the turns' figures (and
what lies before the first turn) add up to the session's exactly; where the past changes after it was
counted, everything is counted anew, and the old figures stay until the new ones are there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from cma_tui.session.agents import model_of
from cma_tui.session.cost import (
    Amount,
    Mark,
    Prices,
    last_told,
    list_cost,
    running_cost,
    session_list_cost,
    told_together,
)
from cma_tui.session.counting import Pages
from cma_tui.session.elapsed import Split
from cma_tui.session.figures import ToolFigures, TurnFigures
from cma_tui.session.model import Change, ModelRequest, Session
from cma_tui.session.requests import RequestFigures, request_figures
from cma_tui.session.sums import Parts, Sums, of_request
from cma_tui.session.turns import opening_seen

_DOUBT: Final[tuple[Mark, ...]] = ("exact", "estimated", "at_least", "unknown")

EVERYTHING: Final = 1 << 62
"""No limit to what is counted at once."""


class Bill(NamedTuple):
    """What a turn cost, and which part of its estimate that is."""

    cost: Amount
    told: bool
    """Whether the server told it: then it holds what every request in the turn cost."""
    part: int
    whole: int

    def share(self, parts: Parts) -> int | None:
        """What something in the turn cost, from what it adds to it; None for what has no price."""
        return parts["estimate"] * self.part // self.whole if "priced" in parts else None


class Book:
    """The figures of one session."""

    def __init__(self, prices: Prices | None = None) -> None:
        self.prices = prices
        self._pages = Pages(prices)
        self._fresh: Pages | None = None
        """The figures that are being counted anew."""

    def price(self, prices: Prices) -> None:
        """Prices have been found: count anew with them."""
        self.prices, self._fresh = prices, Pages(prices)

    def update(self, session: Session, change: Change | None = None, limit: int = EVERYTHING) -> bool:
        """Take in what changed.

        Args:
            session: the session; another object than the last when it was folded anew.
            change: what changed since the last call; None when nothing did but growth.
            limit: at most so many items are counted now.

        Returns:
            Whether everything is counted.
        """
        pages = self._fresh or self._pages
        anew = pages.session is not None and pages.session is not session
        if anew or (change is not None and (change.reset or not pages.touch(session, change))):
            pages = self._fresh = Pages(self.prices)
        whole = pages.take(session, limit)
        if pages.wrong:
            pages = self._fresh = Pages(self.prices)
            whole = pages.take(session, limit)
        if whole and self._fresh is not None:
            self._pages, self._fresh = self._fresh, None
        return whole

    @property
    def turns(self) -> Sequence[TurnFigures]:
        """By turn; each as it is when it is looked at."""
        return self._pages.turns

    @property
    def total(self) -> Sums:
        """The whole session."""
        return self._pages.total

    @property
    def threads(self) -> dict[str | None, Sums]:
        """By thread; None is the primary. The times of a child's model and tools are its own."""
        return self._pages.threads

    @property
    def tools(self) -> dict[tuple[str, str | None, str], ToolFigures]:
        """By name, server and kind."""
        return self._pages.tools.tools

    @property
    def servers(self) -> dict[str, ToolFigures]:
        """By MCP server."""
        return self._pages.tools.servers

    @property
    def error_types(self) -> dict[str, int]:
        """How often each of the API's own error types came."""
        return self._pages.error_types

    @property
    def disconnects(self) -> int:
        """How often a stream broke or ended."""
        return self._pages.disconnects

    @property
    def gap_us(self) -> int:
        """How long no stream was open between two, by our clock."""
        return self._pages.gap_us

    @property
    def failed_at(self) -> list[float]:
        """When the latest things went wrong."""
        return self._pages.failed_at

    @property
    def wall_us(self) -> int | None:
        """How long the turns ran, without the time they stood still for answers; None when no stamps tell."""
        return self._pages.walls_us if self._pages.walls else None

    @property
    def split(self) -> Split | None:
        """The session's time, from its first stamp to its last, by what went on."""
        return self._pages.split()

    def tells(self, session: Session) -> bool:
        """Whether everything of that session is counted."""
        pages = self._pages
        return self._fresh is None and pages.session is session and pages.counts_all

    @property
    def grows_with(self) -> Session | None:
        """The session that the figures tell of."""
        return self._pages.session

    # -- cost ------------------------------------------------------------------------------------------------

    @property
    def estimates(self) -> bool:
        """Whether anything has a price: running time alone is no estimate of what a session costs."""
        return self._pages.priced

    def estimate(self, turn: TurnFigures) -> Amount:
        """What a turn costs by list prices: tokens, searches and running time."""
        if not self.estimates:
            return Amount()
        ran = running_cost(max(0, turn.wall_us))
        short = turn.unpriced or self.unread(turn.index)
        return Amount(turn.estimate + ran, "at_least" if short else "estimated")

    def cost(self, index: int) -> Amount:
        """What a turn cost: what the server says, with an estimate of what it has not said yet.

        Of an amount that it tells for several turns together, each gets its part by the estimates.
        """
        session = self._pages.session
        if session is None:
            return Amount()
        first, costs = self._costs(session, index)
        return costs[index - first]

    def costs(self) -> Iterator[Amount]:
        """What each turn cost, in order."""
        session, index = self._pages.session, 0
        while session is not None and index < len(self.turns):
            _, costs = self._costs(session, index)
            yield from costs
            index += len(costs)

    def _costs(self, session: Session, index: int) -> tuple[int, list[Amount]]:
        """The first of the turns whose cost is told together with that of this one, and what each cost."""
        together = told_together(session, index)
        if not together or together[-1] >= len(self.turns):
            return index, [self._estimate(index)]
        told = self._told(session, together[-1])
        guesses = [self._estimate(place).nano for place in together[:-1]]
        if not guesses:
            return index, [told]
        whole = sum(guess or 0 for guess in guesses) + (self._estimate(together[-1]).nano or 0)
        amount = told.nano or 0
        parts = [(guess or 0) * min(amount, whole) // (whole or 1) for guess in guesses]
        costs = [
            Amount() if guess is None else Amount(part, "estimated")
            for guess, part in zip(guesses, parts, strict=True)
        ]
        return together[0], [*costs, Amount(amount - sum(parts), told.mark)]

    def _estimate(self, index: int) -> Amount:
        return self.estimate(self.turns[index]) if self.estimates else Amount()

    def session_cost(self) -> Amount:
        """What the session cost: the server's last word, with an estimate of what came after it."""
        session = self._pages.session
        told = session_list_cost(session) if session is not None else None
        if session is None or told is None:
            return self.session_estimate()
        if not self.turns:
            return Amount(told, "exact")
        last = last_told(session)
        if last >= len(self.turns):
            return Amount(told, "at_least")  # what came after it has not been counted yet
        whole = self._with_late(told, self.turns[last], "exact")
        for turn in self.turns[last + 1 :]:
            own = self.estimate(turn)
            worked = turn.model_requests or turn.evaluations or (self._runs(turn) and self._pages.asking)
            if own.nano is not None or worked:
                mark = own.mark if own.nano is not None else "at_least"
                whole = Amount((whole.nano or 0) + (own.nano or 0), max(whole.mark, mark, key=_DOUBT.index))
        return whole

    def session_estimate(self) -> Amount:
        """What the session costs by list prices."""
        total = self.total
        if not self.estimates:
            return Amount()
        short = total.unpriced or self.unread()
        return Amount(total.estimate + self._pages.ran, "at_least" if short else "estimated")

    def _told(self, session: Session, index: int) -> Amount:
        """What the server tells for a turn and those before it that it told nothing of."""
        told, turn = list_cost(session, index), self.turns[index]
        mark: Mark = "exact" if self._whole_before(session, index) else "estimated"
        if told is None:
            return Amount()
        if index == last_told(session):
            return self._with_late(told, turn, mark)
        return Amount(told, "at_least" if turn.after_count else mark)

    def _with_late(self, told: int, turn: TurnFigures, mark: Mark) -> Amount:
        """What was told of a turn and has that mark, with what came after it and is told nowhere."""
        if turn.after_count:
            return Amount(told + turn.after, "at_least" if turn.after_unpriced else "estimated")
        return Amount(told, "at_least" if self._runs(turn) and self._pages.asking else mark)

    def _runs(self, turn: TurnFigures) -> bool:
        return turn.index == len(self.turns) - 1

    def _whole_before(self, session: Session, index: int) -> bool:
        """Whether all that was spent before a turn was told before it: else its own part is not known."""
        for place in range(index - 1, -1, -1):
            if self.turns[place].after_count:
                return False
            if list_cost(session, place) is not None:
                return True
        return not session.turns or opening_seen(session, session.turns[0])

    # -- requests --------------------------------------------------------------------------------------------

    @property
    def requests(self) -> Sequence[int]:
        """Item indexes of the model requests, all threads', in the order of the items."""
        return self._pages.requests

    def bill(self, turn: int) -> Bill:
        """What a turn cost, and how much of it falls to what happened in it."""
        session = self._pages.session
        if session is None or turn < 0:
            return Bill(Amount(), told=False, part=1, whole=1)
        cost, priced = self.cost(turn), self.turns[turn].estimate
        less = cost.nano is not None and cost.nano < priced
        told = bool(told_together(session, turn))
        return Bill(cost, told, *((cost.nano or 0, priced) if less else (1, 1)))

    def request(self, index: int) -> RequestFigures:
        """The figures of the model request that is that item.

        Its cost is by list prices; where the server told less for its turn, its part of that.
        """
        session = self._pages.session
        assert session is not None
        item = session.items[index]
        assert isinstance(item, ModelRequest)
        turn = self._pages.home(index)
        parts: Parts = {}
        if item.end >= 0:
            parts = of_request(item, model_of(session, item.thread, item.event), self.prices)
        share = self.bill(turn).share(parts)
        cost = Amount() if share is None else Amount(share, "estimated")
        return request_figures(session, index, turn, parts, cost)

    def unread(self, turn: int | None = None) -> bool:
        """Whether child threads worked, in that turn or at all, whose own events are not in the log.

        Their requests and tools are not in the sums then: these are at least.
        """
        session = self._pages.session
        return session is not None and self._pages.unread(session, turn)

    def at_least(self, turn: TurnFigures | None = None) -> bool:
        """Whether tokens, requests and tools are at least so many, of a turn or of the session."""
        sums = self.total if turn is None else turn
        return bool(sums.unmetered) or self.unread(None if turn is None else turn.index)


def figures_of(session: Session, prices: Prices | None = None) -> Book:
    """The figures of a whole session."""
    book = Book(prices)
    book.update(session)
    return book
