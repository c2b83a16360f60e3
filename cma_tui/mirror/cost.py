"""Dollars on rows, each once.

Owns how a turn's cost is spread over its rows. Invariant: the `estimated_cost` of a turn's rows add up to
what the server says the turn cost. Where it says nothing, the model requests are left to Braintrust's own
prices and every other row that has tokens costs nothing.
"""

from __future__ import annotations

from cma_tui.mirror.cut import Cut
from cma_tui.session import cost as rules
from cma_tui.session.model import Evaluation, ModelRequest


def turn_cost(cut: Cut) -> float | None:
    """What the turn cost by the server's list prices; None when it does not tell."""
    return None if cut.cost is None else cut.cost / rules.NANO


def shares(cut: Cut) -> dict[int, float]:
    """Each model request's and grader's part of the turn's cost, by item index.

    What the server counted and no request in the log explains (threads that were not read, the session's
    running time) is nobody's share: it stays on the turn.
    """
    usages = {
        position: item.usage
        for position, item in cut.items.items()
        if isinstance(item, ModelRequest | Evaluation) and item.usage is not None
    }
    counted = 0.0
    if cut.usage_after is not None:
        counted = rules.snapshot_weight(cut.usage_after) - rules.snapshot_weight(cut.usage_before)
    parts = rules.shares(cut.cost, usages, counted)
    return {position: part / rules.NANO for position, part in parts.items()}


def own_cost(cut: Cut, parts: dict[int, float]) -> float:
    """What stays on the turn's own row."""
    cost = turn_cost(cut)
    return 0.0 if cost is None else round(cost - sum(parts.values()), 9)
