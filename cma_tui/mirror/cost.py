"""Dollars on rows, each once.

Owns how a turn's cost is spread over its rows. Invariant: the `estimated_cost` of a turn's rows add up to the
turn's cost in the session's figures; a request's is the one in the figures. Where no price is known, and the
server tells no cost, the model requests are left to Braintrust's own prices.
"""

from __future__ import annotations

from cma_tui.mirror.cut import Cut
from cma_tui.session.cost import NANO
from cma_tui.session.model import Evaluation, ModelRequest
from cma_tui.session.sums import of_grader, of_request


def shares(cut: Cut) -> dict[int, int]:
    """What each model request and grader cost, by item index, in billionths of a dollar.

    What one without a price cost is in the turn's own part, if the server told the turn's cost.
    """
    found = {}
    for position, item in cut.items.items():
        if isinstance(item, ModelRequest) and item.end >= 0 and item.usage is not None:
            parts = of_request(item, cut.model(item), cut.prices)
        elif isinstance(item, Evaluation) and item.end >= 0 and item.usage is not None:
            parts = of_grader(item, cut.model(item), cut.prices)
        else:
            continue
        share = cut.bill.share(parts)
        if share is not None or cut.bill.told:
            found[position] = share or 0
    return found


def own_cost(cut: Cut, parts: dict[int, int]) -> float:
    """What stays on the turn's own row: running time, searches, threads that were not read."""
    cost = cut.bill.cost.nano
    return 0.0 if cost is None else (cost - sum(parts.values())) / NANO
