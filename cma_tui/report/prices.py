"""List prices by model, from genai-prices' data.

Owns the way from its data to the core's `Prices`. Invariants: a model that is not listed has no price, never
another model's; importing the data takes about a second of CPU, so it is asked for when there is something
to price, and by the screen on another thread.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Any

from cma_tui.event import ModelUsage
from cma_tui.session.cost import NANO, Prices
from cma_tui.session.model import Session

_PER_TOKEN = NANO // 1_000_000
"""Billionths a token for each dollar a million tokens."""


def prices_for(session: Session) -> Prices | None:
    """List prices, where there is a model to look up."""
    return None if session.agent.model is None else _prices()


@cache
def _prices() -> Prices:
    return ListPrices()


class ListPrices:
    """The prices of the provider's models."""

    def __init__(self) -> None:
        from genai_prices.data_snapshot import get_snapshot

        self._data = get_snapshot()
        self._models: dict[str, Any] = {}
        self._rules: dict[tuple[str, str], Callable[[ModelUsage], int] | None] = {}
        """By model and day."""

    def cost(self, model: str, usage: ModelUsage, at: float | None, /) -> int | None:
        """What the tokens of one request cost on that day, in billionths of a dollar."""
        when = datetime.now(UTC) if at is None else datetime.fromtimestamp(at, UTC)
        key = (model, when.date().isoformat())
        if key not in self._rules:
            self._rules[key] = self._rule(model, when)
        rule = self._rules[key]
        return None if rule is None else rule(usage)

    def window(self, model: str, /) -> int | None:
        """How many tokens the model's context holds."""
        found = self._find(model)
        return None if found is None else found.context_window

    def _find(self, model: str) -> Any:  # noqa: ANN401 - genai-prices' ModelInfo
        if model not in self._models:
            try:
                self._models[model] = self._data.find_provider_model(model, None, "anthropic", None)[1]
            except LookupError:
                self._models[model] = None
        return self._models[model]

    def _rule(self, model: str, when: datetime) -> Callable[[ModelUsage], int] | None:
        found = self._find(model)
        if found is None:
            return None
        prices = found.get_prices(when)
        fresh, out = prices.input_mtok, prices.output_mtok
        read, written = prices.cache_read_mtok, prices.cache_write_mtok
        rates = (fresh, out, fresh if read is None else read, fresh if written is None else written)
        if all(isinstance(rate, int | float) or hasattr(rate, "is_finite") for rate in rates):
            return _flat(*(round(rate * _PER_TOKEN) for rate in rates))

        def tiered(usage: ModelUsage) -> int:
            """The price depends on the size of the prompt."""
            from genai_prices import Usage

            prompt = usage.input_tokens + usage.cache_read_input_tokens + usage.cache_creation_input_tokens
            tokens = Usage(
                input_tokens=prompt,
                output_tokens=usage.output_tokens,
                cache_read_tokens=usage.cache_read_input_tokens,
                cache_write_tokens=usage.cache_creation_input_tokens,
            )
            total: int = round(prices.calc_price(tokens)["total_price"] * NANO)
            return total

        return tiered


def _flat(fresh: int, out: int, read: int, written: int) -> Callable[[ModelUsage], int]:
    def cost(usage: ModelUsage) -> int:
        return (
            fresh * usage.input_tokens
            + out * usage.output_tokens
            + read * usage.cache_read_input_tokens
            + written * usage.cache_creation_input_tokens
        )

    return cost
