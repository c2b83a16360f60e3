"""A saved log that is still being read: folding has the time, keys go in between, few drawings."""

import asyncio
from itertools import pairwise
from time import monotonic

from tests.stories.write import Log
from tests.ui.play import Stage, playing


def long_log(count):
    log = Log()
    log.begin("Hi")
    while len(log.events) < count:
        log.message(f"message {len(log.events)}")
    return log.events


def counted(play, most=1.0):
    """The times at which it was folded, for at most so many seconds, and at which it was drawn."""
    folded, drawn = [], []
    take, update = play.feed.take, play.reader.update

    def taking(budget):
        change = take(min(budget, most))
        folded.append(monotonic())
        return change

    def updating(session, change):
        drawn.append(monotonic())
        update(session, change)

    play.feed.take, play.reader.update = taking, updating
    return folded, drawn


async def test_a_key_waits_for_two_stretches_of_folding_at_most():
    first, *rest = long_log(12_000)
    async with playing(stage=Stage(first, live=False)) as play:
        folded, _ = counted(play, most=0.0)  # the least at once: however fast, it is not soon through
        density = play.timeline.entries.density
        play.stage.give(*rest)
        while len(folded) < 2:  # noqa: ASYNC110 - nothing else may be waited for
            await asyncio.sleep(0)
        before = len(folded)
        play.app.simulate_key("ctrl+o")
        while play.timeline.entries.density == density:  # noqa: ASYNC110
            await asyncio.sleep(0)
        assert play.feed.behind
        assert len(folded) - before <= 2


async def test_no_stretch_is_folded_while_a_key_is_answered():
    first, *rest = long_log(12_000)
    async with playing(stage=Stage(first, live=False)) as play:
        folded, _ = counted(play, most=0.0)
        play.stage.give(*rest)
        while len(folded) < 2:  # noqa: ASYNC110
            await asyncio.sleep(0)
        play.app.simulate_key("ctrl+o")
        density = play.timeline.entries.density
        while play.timeline.entries.density == density:  # noqa: ASYNC110
            await asyncio.sleep(0)
        answered, bulk = len(folded), play.screen._bulk
        bulk._folded_at = now = play.app.touched_at
        bulk._clock = lambda: now  # however long it takes here
        asked, holds = [], bulk.holds
        bulk.holds = lambda touched_at: asked.append(touched_at) or holds(touched_at)
        play.timeline.refresh()
        await play.until(lambda: len(asked) > 3)  # what the key has called for is done meanwhile
        assert len(folded) == answered
        assert play.feed.behind
        bulk._clock = monotonic
        await play.until(lambda: len(folded) > answered)


async def test_few_drawings_while_it_is_read_and_one_when_it_is_there():
    first, *rest = long_log(12_000)
    async with playing(stage=Stage(first, live=False)) as play:
        folded, drawn = counted(play)
        for begin in range(0, len(rest), 1000):
            play.stage.give(*rest[begin : begin + 1000])
        play.stage.end()
        await play.settle()
        assert len(folded) > len(drawn)
        assert all(later - earlier > 0.2 for earlier, later in pairwise(drawn[:-1]))
        assert len(play.session.events) == 12_000
        assert f"message {len(rest)}" in play.text()


async def test_a_pause_of_the_source_shows_all_that_was_read():
    first, *rest = long_log(200)
    async with playing(stage=Stage(first, live=False)) as play:
        for event in rest:
            play.stage.give(event)
        await play.settle()
        assert f"message {len(rest)}" in play.text()
