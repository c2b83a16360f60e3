"""Turns packed away: what is looked at, changed and added up is what was counted."""

import tracemalloc

from cma_tui.session.book import figures_of
from cma_tui.session.elapsed import Split
from cma_tui.session.packed import TurnRows
from tests.session.look import fold
from tests.stories.write import Log


def many(number):
    rows = TurnRows()
    for index in range(number):
        rows.begin()
        turn = rows.opened(index)
        turn.add({"model_requests": 3, "input_tokens": 40_000 + index, "model_us": 1_000_000_007})
        turn.split = Split(1_000_000_007, 5, 0, 0, 17, 20_000_000_000)
        rows.pack()
    return rows


def test_a_turn_is_what_was_counted_whenever_it_is_looked_at():
    rows = many(3)
    assert [turn.index for turn in rows] == [0, 1, 2]
    assert rows[-1].split == rows[0].split == Split(1_000_000_007, 5, 0, 0, 17, 20_000_000_000)
    assert [turn.input_tokens for turn in rows[:2]] == [40_000, 40_001]
    rows.opened(0).add({"input_tokens": 1})  # a late result
    assert rows[0].input_tokens == 40_001
    assert rows.sums().input_tokens == 120_004
    rows.pack()
    assert rows[0].input_tokens == 40_001
    assert rows.sums().input_tokens == 120_004


def test_a_turn_that_has_ended_takes_little_memory():
    many(10)
    tracemalloc.start()
    try:
        rows = many(500)
        held = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert len(rows) == 500
    assert held / 500 < 250


def test_what_is_too_large_to_be_packed_is_counted_all_the_same():
    log = Log()
    for _ in range(3):
        log.user()
        log.running()
        for _ in range(5):
            log.answer(fresh=2**62)
        log.idle()
    book = figures_of(fold(log.events))
    assert [turn.input_tokens for turn in book.turns] == [5 * 2**62] * 3
    assert book.total.input_tokens == 15 * 2**62
