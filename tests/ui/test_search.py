"""Search in a long log, by the work that is done and not by the clock: near hits first, keys in between."""

import asyncio

import pytest

from cma_tui.report.find import Pattern
from cma_tui.session.model import Change
from cma_tui.ui.search import Search
from cma_tui.ui.widgets import reader
from tests.session.look import fold
from tests.stories.write import Log
from tests.ui.play import playing

_UNIT = 2 * 64
"""Items that are looked at between two looks at the clock: as many down as up."""


@pytest.fixture(scope="module")
def events():
    log = Log()
    log.begin("Hi")
    for number in range(12_000):
        log.message("the needle" if number % 1_000 == 500 else f"message {number}")
    return log.events


class Counting(Pattern):
    """A pattern that counts the items it is asked about."""

    asked = 0

    def matches(self, session, index):
        Counting.asked += 1
        return super().matches(session, index)


def test_the_nearest_hit_is_there_long_before_all_is_read_and_a_slice_is_bounded(events):
    session = fold(events)
    start = len(session.items) // 2
    Counting.asked = 0
    search = Search(Counting("needle"), session, start)
    slices = [Counting.asked]
    while search.after(start, 1) is None:
        before = Counting.asked
        search.scan(0.0)
        slices.append(Counting.asked - before)
    assert search.after(start, 1) - start <= 1_000
    assert not search.done
    assert Counting.asked <= 2 * 1_000 + _UNIT, "twice as far as the hit is, for it looks both ways"
    assert search.share < 0.25
    while not search.done:
        before = Counting.asked
        search.scan(0.0)
        slices.append(Counting.asked - before)
    assert max(slices) <= _UNIT
    assert search.hits == 12
    assert Counting.asked == len(session.items), "each once"


def test_more_events_cost_what_they_are(events):
    session = fold(events[:-10])
    search = Search(Counting("needle"), session, 0)
    while not search.done:
        search.scan(1.0)
    Counting.asked = 0
    from cma_tui.session.fold import apply

    change = Change()
    for event in events[-10:]:
        apply(session, event, change)
    search.update(session, change)
    assert Counting.asked <= _UNIT + len(change.redrawn)


async def test_a_key_comes_between_two_slices(events, monkeypatch):
    monkeypatch.setattr(reader, "Pattern", Counting)
    monkeypatch.setattr(reader, "SLICE", 1e-9)  # one unit of work, whatever the machine
    async with playing(*events) as play:
        await play.press("g", "slash")
        for key in (*"needle", "enter"):
            play.app.simulate_key(key)
        while play.timeline is not play.app.focused or play.reader._hit is None:  # noqa: ASYNC110
            await asyncio.sleep(0)
        assert not play.reader._search.done, "the first hit is shown while it looks on"
        assert play.session.items[play.reader._hit].event < 1_000
        before = Counting.asked
        density = play.timeline.entries.density
        play.app.simulate_key("ctrl+o")
        while play.timeline.entries.density == density:  # noqa: ASYNC110 - nothing else may be waited for
            await asyncio.sleep(0)
        assert Counting.asked - before <= 4 * _UNIT
        assert not play.reader._search.done
