"""What a session costs: what the server says first, an estimate from tokens where it says nothing.

Owns the reading of the API's money and every rule of cost. Invariants: an amount that cannot be read is
unknown, never zero; an estimate is always marked as one; no cost is negative; amounts that are to add up
are whole billionths of a dollar (`nano`). Prices are handed in: nothing here knows one of a model.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Final, Literal, NamedTuple, Protocol

from cma_tui.content import as_dict
from cma_tui.event import ModelUsage
from cma_tui.session.members import UsageSnapshot
from cma_tui.session.model import Session

NANO: Final = 1_000_000_000
"""Billionths in a dollar."""
RUNNING_HOUR: Final = NANO * 8 // 100
"""What the server charges for an hour in which a thread runs."""
_WINDOW: Final = 600.0
"""Seconds over which the rate is measured."""
SEARCH: Final = NANO // 100
"""What the server charges for a web search."""

Mark = Literal["exact", "estimated", "at_least", "unknown"]


class Amount(NamedTuple):
    """An amount of money, and how well it is known."""

    nano: int | None = None
    mark: Mark = "unknown"

    @property
    def usd(self) -> float | None:
        """In US dollars."""
        return None if self.nano is None else self.nano / NANO


class Prices(Protocol):
    """List prices by model."""

    def cost(self, model: str, usage: ModelUsage, at: float | None, /) -> int | None:
        """What the tokens of one request cost, in billionths of a dollar; None for a model not listed."""

    def window(self, model: str, /) -> int | None:
        """How many tokens the model's context holds; None when it is not known."""


def usd(money: object) -> float | None:
    """US dollars of an `{"amount", "currency"}` object; None for what is no such amount.

    The amount is a string of whole cents. For a few days in August 2026 it was decimal dollars; the
    point tells the two apart.
    """
    fields = as_dict(money)
    amount = fields.get("amount")
    if isinstance(amount, bool) or not isinstance(amount, str | int | float):
        return None
    if str(fields.get("currency") or "USD").upper() != "USD":
        return None
    try:
        value = Decimal(str(amount))
    except InvalidOperation:
        return None
    if not value.is_finite() or abs(value) > Decimal(10) ** 12:
        return None
    dollars = "." in str(amount)
    return float(value if dollars else value / 100)


def nano(dollars: float) -> int:
    """Dollars as whole billionths."""
    return round(dollars * NANO)


def running_cost(us: int) -> int:
    """What so many microseconds of running time cost."""
    return us * RUNNING_HOUR // 3_600_000_000


def snapshots(session: Session, turn: int) -> range:
    """The usage snapshots that tell of a turn: all after the ones before it, until the next turn begins."""
    turns = session.turns
    first = turns[turn].snapshot_before + 1 if turn > 0 else 0
    return range(first, turns[turn + 1].snapshot_before + 1 if turn + 1 < len(turns) else len(session.usages))


def charged(before: UsageSnapshot | None, after: UsageSnapshot | None) -> int | None:
    """What the server charged between two snapshots, in billionths; None when the later one tells no cost.

    A snapshot that falls back charges nothing: no cost is negative, and the differences add up to the last.
    """
    if after is None or after.charged_usd is None:
        return None
    return nano(after.charged_usd) - nano((before.charged_usd or 0.0) if before is not None else 0.0)


def list_cost(session: Session, turn: int) -> int | None:
    """What the turn has cost by the server's list prices, in billionths; None while it does not tell."""
    span = snapshots(session, turn)
    if not span or all(session.usages[place].cost_usd is None for place in span):
        return None
    before = session.usages[span.start - 1] if span.start > 0 else None
    return charged(before, session.usages[span.stop - 1])


def session_list_cost(session: Session) -> int | None:
    """What the session has cost by the server's list prices, as of its last snapshot, in billionths."""
    return charged(None, session.usages[-1]) if session.usages else None


def last_told(session: Session) -> int:
    """The last turn of which the server tells a cost; -1 when there is none."""
    usages = session.usages
    if not usages or usages[-1].charged_usd is None:
        return -1
    last = next(u for u in range(len(usages) - 1, -1, -1) if usages[u].cost_usd is not None)
    return _turn_of(session, last)


def told_together(session: Session, turn: int) -> range:
    """The turns whose cost the server tells as one amount, with that of `turn`; empty where it tells none.

    It is told of the last of them: those before it ended without a snapshot.
    """
    if turn > last_told(session):
        return range(0)
    usages, span = session.usages, snapshots(session, turn)
    after = next(u for u in range(span.start, len(usages)) if usages[u].cost_usd is not None)
    before = next((u for u in range(span.start - 1, -1, -1) if usages[u].cost_usd is not None), None)
    return range(0 if before is None else _turn_of(session, before) + 1, _turn_of(session, after) + 1)


def _turn_of(session: Session, snapshot: int) -> int:
    """The turn that a snapshot tells of."""
    return max(0, bisect_left(session.turns, snapshot, key=lambda turn: turn.snapshot_before) - 1)


# -- rates ---------------------------------------------------------------------------------------------------


class Burn(NamedTuple):
    """How fast money goes."""

    usd_per_hour: float
    """Dollars in an hour of the clock."""
    since: float
    """From when on it was measured."""


def burn(usages: Sequence[UsageSnapshot]) -> Burn | None:
    """The rate over the last ten minutes that snapshots tell of, at least over the last two; None before."""
    last: UsageSnapshot | None = None
    first: UsageSnapshot | None = None
    for usage in reversed(usages):
        if usage.at is None or usage.charged_usd is None:
            continue
        if last is None or last.at is None:
            last = usage
            continue
        if usage.at < last.at:
            if first is not None and usage.at < last.at - _WINDOW:
                break
            first = usage
            if usage.at < last.at - _WINDOW:
                break
    if last is None or first is None or last.at is None or first.at is None:
        return None
    spent = (last.charged_usd or 0.0) - (first.charged_usd or 0.0)
    return Burn(spent * 3600 / (last.at - first.at), first.at)


def time_left(budget: float | None, spent: float | None, rate: Burn | None) -> float | None:
    """Seconds until a budget is spent at that rate; None when it never is, or nothing is known."""
    if budget is None or spent is None or rate is None or rate.usd_per_hour <= 0:
        return None
    return max(0.0, (budget - spent) / rate.usd_per_hour * 3600)
