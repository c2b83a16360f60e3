"""Prices: what the data says, model by model, against its own calculator."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from cma_tui.event import ModelUsage
from cma_tui.report.prices import ListPrices

AT = datetime(2026, 8, 17, tzinfo=UTC)


@pytest.mark.parametrize(
    ("model", "window"),
    [("claude-opus-5", 1_000_000), ("claude-haiku-4-5", 200_000), ("claude-sonnet-4-5-20250929", 200_000)],
)
@pytest.mark.parametrize("scale", [1, 10_000])
def test_a_price_is_the_library_s(model, window, scale):
    from genai_prices import Usage, calc_price

    usage = ModelUsage(7 * scale, 5 * scale, 20 * scale, 3 * scale)
    tokens = Usage(
        input_tokens=30 * scale,
        output_tokens=5 * scale,
        cache_read_tokens=20 * scale,
        cache_write_tokens=3 * scale,
    )
    theirs = calc_price(tokens, model, provider_id="anthropic", genai_request_timestamp=AT).total_price
    prices = ListPrices()
    assert prices.cost(model, usage, AT.timestamp()) == round(theirs * Decimal(10**9))
    assert prices.window(model) == window


def test_a_model_that_is_not_listed_has_no_price():
    prices = ListPrices()
    assert prices.cost("somebody-elses-model", ModelUsage(1, 1, 1, 1), None) is None
    assert prices.window("somebody-elses-model") is None
