"""The figures of the session on the screen, kept up beside the timeline.

Owns the book and its prices. Invariants: counting keeps to a share of a tick; prices are imported on another
thread, once there is a model to look up.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Final, Literal

from cma_tui.session.book import Book
from cma_tui.session.cost import Amount, Prices
from cma_tui.session.model import Change, Session
from cma_tui.session.signals import burst, repeating
from cma_tui.session.sums import Sums
from cma_tui.text import duration, first_line, money

_AT_ONCE: Final = 1500
"""Items that are counted in one tick."""
_IN_PASSING: Final = 64
"""Items that are counted between two looks at the clock."""


class Counting:
    """The book of one session, and where its prices come from."""

    def __init__(self, found: Callable[[], None] = lambda: None) -> None:
        """Begin to count.

        Args:
            found: called on another thread once prices are there.
        """
        self.book = Book()
        self.behind = False
        """Whether there is more to count."""
        self.silence = 0.0
        """For how many whole minutes, in seconds, nothing has come from a live session that should go on."""
        self._found = found
        self._looking: threading.Thread | None = None
        self._prices: Prices | None = None

    def update(self, session: Session, change: Change | None, budget: float | None = None) -> bool:
        """Take in what changed, or go on with what was left. Returns whether any figure may differ.

        Args:
            session: the session.
            change: what changed since the last call.
            budget: about so many seconds are spent on it while a saved log is read: the figures come after
                the rows. None for what a tick may take.
        """
        if change is None and not self.behind and self._prices is self.book.prices:
            return False
        if self._prices is not None and self.book.prices is None:
            self.book.price(self._prices)
        elif self._looking is None and session.agent.model is not None:
            self._looking = threading.Thread(target=self._look, name="prices", daemon=True)
            self._looking.start()
        if budget is None:
            self.behind = not self.book.update(session, change or Change(), _AT_ONCE)
            return True
        deadline = perf_counter() + budget
        self.behind = not self.book.update(session, change or Change(), _IN_PASSING)
        while self.behind and perf_counter() < deadline:
            self.behind = not self.book.update(session, None, _IN_PASSING)
        return True

    @property
    def priced(self) -> bool:
        """Whether prices are there, or nothing is known to need them."""
        return self.book.prices is not None or self._looking is None

    def _look(self) -> None:
        from cma_tui.report.prices import ListPrices

        self._prices = ListPrices()
        gc.freeze()  # the data stays: a full collection over it would hold up a frame
        self._found()


class CostLimits:
    """What the user wants to be told of, and what is to end the turn. Each is due once."""

    def __init__(self, warn: float | None = None, stop: float | None = None) -> None:
        """Watch the session's cost, in US dollars: its estimate, where the server does not tell."""
        self.warn, self.stop = warn, stop
        self._warned = self._stopped = False

    def due(self, cost: Amount, *, running: bool) -> Literal["warn", "stop"] | None:
        """What is due at that cost; only a session that runs is stopped."""
        spent = cost.usd
        if spent is None:
            return None
        if self.stop is not None and spent >= self.stop and running and not self._stopped:
            self._stopped = self._warned = True
            return "stop"
        if self.warn is not None and spent >= self.warn and not self._warned:
            self._warned = True
            return "warn"
        return None

    @property
    def words(self) -> str:
        """What has been reached, for the header."""
        if self._stopped:
            return f"interrupted at {money(self.stop)}"
        return f"over {money(self.warn)}" if self._warned else ""


def amount(cost: Amount) -> str:
    """An amount, and how well it is known."""
    return f"{'≥' if cost.mark == 'at_least' else ''}{money(cost.usd, exact=cost.mark != 'estimated')}"


def tells_tokens(session: Session, sums: Sums, turn: int | None = None) -> bool:
    """Whether a turn's tokens, or a session's, are what was used: some servers tell none at all."""
    turns = session.turns if turn is None else session.turns[turn : turn + 1]
    return bool(sums.prompt_tokens or sums.output_tokens) or not any(t.ended and t.worked for t in turns)


def notices(session: Session, counting: Counting) -> str:
    """What may be wrong, in words; nothing where nothing is."""
    found = []
    repeat = repeating(session)
    if repeat is not None and session.status == "running":
        found.append(f"the same call of {first_line(repeat.name, 40)}, {repeat.times} times in a row")
    failed: Sequence[float] = counting.book.failed_at
    recent = session.last_at is not None and failed and session.last_at - max(failed) < 120
    if recent and (times := burst(failed)):
        found.append(f"{times} things went wrong within a minute")
    if counting.silence:
        found.append(f"nothing new for {duration(counting.silence)}")
    return "; ".join(found)
