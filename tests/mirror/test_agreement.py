"""Braintrust, `stats` and the screen tell the same of every recording, to the last digit."""

import pytest

from cma_tui.event import local
from cma_tui.mirror.calls import call_key
from cma_tui.mirror.spans import turn_rows
from cma_tui.report.prices import ListPrices
from cma_tui.report.stats import stats
from cma_tui.session.fold import apply
from cma_tui.session.model import Change, Session
from cma_tui.text import money
from cma_tui.ui.counting import Counting, amount
from tests.mirror.help import RESOURCE
from tests.stories.recordings import NAMES, recording
from tests.stories.write import Log

PRICES = ListPrices()
TOKENS = {
    "completion_tokens": "output_tokens",
    "prompt_cached_tokens": "cache_read_tokens",
    "prompt_cache_creation_tokens": "cache_write_tokens",
}


def repriced():
    """Two turns told as one amount, less than the estimates; then another model and no word of cost."""
    log = Log()
    for cents in (None, "1", None):
        log.begin()
        log.answer(fresh=400_000, out=100)
        log.answer(fresh=100_000, out=300)
        log.rest(cents=cents)
        if cents:
            changed = {"id": "agent_1", "name": "coder", "version": 4, "model": {"id": "claude-haiku-4-5"}}
            log.add("session.updated", agent=changed)
    return log.events


@pytest.mark.parametrize("name", [*NAMES, "repriced"])
def test_one_book_for_all(name):
    events = repriced() if name == "repriced" else recording(name)
    session, counting = Session(), Counting()
    counting.book.price(PRICES)
    counting._prices = PRICES
    head = local("local.session", {"session": RESOURCE.data["session"]}, received_at=events[0].at - 1)
    for event in [head, *events]:
        change = Change()
        apply(session, event, change)
        counting.update(session, change)
    figures = stats(session, PRICES)
    requests = {one["id"]: one for one in figures["requests"]}
    spent = 0.0
    for turn, told in zip(session.turns, figures["turns"], strict=True):
        own, *below = turn_rows(session, turn, counting.book)
        assert round(own.metrics["turn_cost_usd"], 6) == told["cost_usd"]
        assert own.metadata["cost_mark"] == told["cost_mark"]
        shown = amount(counting.book.cost(turn.index))
        mark = "≥" if told["cost_mark"] == "at_least" else ""
        assert shown == mark + money(told["cost_usd"], exact=told["cost_mark"] != "estimated")
        for name_, key in TOKENS.items():
            assert own.metrics[name_] == told[key]
        rows = {row.key: row for row in below}
        for index in counting.book.requests:
            item = session.items[index]
            row = rows.get(call_key(session.events, item))
            if row is not None:
                one = requests[session.events[item.event].key]
                assert round(row.metrics["estimated_cost"], 6) == one["cost_usd"]
                assert row.metrics["completion_tokens"] == one["output_tokens"]
        spent += sum(row.metrics.get("estimated_cost", 0) for row in (own, *below))
    assert round(spent, 6) == figures["totals"]["cost_usd"]
    assert figures["totals"]["cost_usd"] > 0
