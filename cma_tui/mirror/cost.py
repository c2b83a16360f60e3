"""Dollars on rows, each once.

Owns how a turn's cost is spread over its rows. Invariant: the `estimated_cost` of a turn's rows add up to
what the server says the turn cost. Where it says nothing, the model requests are left to Braintrust's own
prices and every other row that has tokens costs nothing.
"""

from __future__ import annotations

from cma_tui.event import ModelUsage
from cma_tui.mirror.cut import Cut
from cma_tui.session.model import Evaluation, ModelRequest, UsageSnapshot

_READ, _WRITE, _WRITE_1H, _OUTPUT = 0.1, 1.25, 2.0, 5.0
"""What a token costs beside one of fresh input: the same ratios for all of the provider's models."""


def turn_cost(cut: Cut) -> float | None:
    """What the turn cost by the server's list prices; None when it does not tell."""
    return None if cut.cost_after is None else round(cut.cost_after - cut.cost_before, 6)


def shares(cut: Cut) -> dict[int, float]:
    """Each model request's and grader's part of the turn's cost, by item index.

    What the server counted and no request in the log explains (threads that were not read, the session's
    running time) is nobody's share: it stays on the turn.
    """
    cost = turn_cost(cut)
    if cost is None:
        return {}
    weights = {
        position: _weight(item.usage)
        for position, item in cut.items.items()
        if isinstance(item, ModelRequest | Evaluation) and item.usage is not None
    }
    total = max(sum(weights.values()), _counted(cut))
    if cost <= 0 or total <= 0:
        return dict.fromkeys(weights, 0.0)
    return {position: round(cost * weight / total, 9) for position, weight in weights.items()}


def own_cost(cut: Cut, parts: dict[int, float]) -> float:
    """What stays on the turn's own row."""
    cost = turn_cost(cut)
    return 0.0 if cost is None else round(cost - sum(parts.values()), 9)


def _weight(usage: ModelUsage) -> float:
    return (
        usage.input_tokens
        + _READ * usage.cache_read_input_tokens
        + _WRITE * usage.cache_creation_input_tokens
        + _OUTPUT * usage.output_tokens
    )


def _counted(cut: Cut) -> float:
    """The weight of what the server counted in the turn, whoever used it."""
    if cut.usage_after is None:
        return 0.0
    return _snapshot_weight(cut.usage_after) - (
        0.0 if cut.usage_before is None else _snapshot_weight(cut.usage_before)
    )


def _snapshot_weight(usage: UsageSnapshot) -> float:
    return (
        (usage.input_tokens or 0)
        + _READ * (usage.cache_read_tokens or 0)
        + _WRITE * (usage.cache_write_5m_tokens or 0)
        + _WRITE_1H * (usage.cache_write_1h_tokens or 0)
        + _OUTPUT * (usage.output_tokens or 0)
    )
