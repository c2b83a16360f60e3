"""The player: what comes out, in which batches, after which waits; its buttons, from other threads."""

import asyncio
import threading
from itertools import chain, count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cma_tui.event import parse, stamp_text
from cma_tui.feed import Feed
from cma_tui.source.replay import BATCH, Replay
from tests.ui.play import opening

START = 1_790_000_000.0


class Time:
    """A clock that only waiting moves, and what was waited for."""

    def __init__(self):
        self.now = 0.0
        self.waits = []
        self.standing = asyncio.Event()

    def clock(self):
        return self.now

    async def wait(self, wake, seconds):
        if seconds is None:
            self.standing.set()
            await wake.wait()
            self.standing.clear()
        else:
            self.waits.append(round(seconds, 6))
            self.now += seconds


class Log:
    name = "saved.jsonl"

    def __init__(self, *times, received=False):
        self.times, self.received = times, received

    def events(self):
        for number, at in enumerate(self.times):
            stamp = f',"processed_at":"{stamp_text(START + at)}"' if at is not None else ""
            raw = f'{{"type":"agent.message","id":"e{number}"{stamp}}}'.encode()
            yield parse(raw, received_at=START + at if self.received else None)


def player(*times, **options):
    time = Time()
    return Replay(Log(*times), clock=time.clock, wait=time.wait, **options), time


async def played(replay):
    return [[event.key for event in batch.events] async for batch in replay.batches()]


async def test_events_come_by_the_logs_clock():
    replay, time = player(0, 1, 1.5, 1.500001)
    assert replay.total is None
    assert await played(replay) == [["e0"], ["e1"], ["e2", "e3"]]
    assert time.waits == [1, 0.5]
    assert (replay.position, replay.total) == (4, 4)
    assert (replay.live, replay.controls, replay.name) == (False, None, "saved.jsonl")


@pytest.mark.parametrize(
    ("times", "options", "waits"),
    [
        ((0, 600), {}, [2]),  # idle time is cut
        ((0, 600), {"idle_limit": 60}, [60]),
        ((0, 600), {"idle_limit": 0}, []),
        ((0, 600), {"speed": 4.0}, [0.5]),
        ((5, 4, 4.5), {}, [0.5]),  # a step backwards means no wait, and is no debt
        ((0, None, None, 1), {}, [1]),  # so does an unknown time
        ((None, None), {}, []),
        ((0, 0.0015, 0.003, 0.0045), {}, [0.003]),  # shorter than a timer: saved up
    ],
)
async def test_waits(times, options, waits):
    replay, time = player(*times, **options)
    assert [*chain(*await played(replay))] == [f"e{n}" for n in range(len(times))]
    assert time.waits == pytest.approx(waits)


async def test_arrival_counts_where_the_log_tells_it():
    time = Time()
    log = Log(0, 1, received=True)
    replay = Replay(log, clock=time.clock, wait=time.wait)
    events = list(log.events())
    events[1].received_at += 0.5
    log.events = lambda: iter(events)
    await played(replay)
    assert time.waits == [1.5]


async def test_a_late_timer_is_made_up_for():
    time = Time()

    async def late(wake, seconds):
        await time.wait(wake, seconds)
        time.now += 0.05

    replay = Replay(Log(0, 1, 2, 3), clock=time.clock, wait=late)
    await played(replay)
    assert time.waits == pytest.approx([1, 0.95, 0.95])


async def test_a_computer_that_slept_does_not_rush_afterwards():
    time = Time()

    async def asleep(wake, seconds):
        await time.wait(wake, seconds)
        time.now += 3600

    replay = Replay(Log(0, 1, 2), clock=time.clock, wait=asleep)
    await played(replay)
    assert time.waits == pytest.approx([1, 0.9])


async def test_without_waits_it_comes_in_big_batches_and_lets_others_run():
    replay, time = player(*range(2 * BATCH + 1), speed=None)
    turns = count()

    async def other():
        while True:
            next(turns)
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(other())
        batches = await played(replay)
        running.cancel()
    assert [len(batch) for batch in batches] == [BATCH, BATCH, 1]
    assert time.waits == []
    assert next(turns) >= 3


async def test_events_of_one_moment_are_batched_up_to_a_limit():
    replay, _ = player(*[0] * (BATCH + 1))
    assert [len(batch) for batch in await played(replay)] == [BATCH, 1]


class Listener:
    """Plays in the background; `paused` waits until the player stands still."""

    def __init__(self, replay, time):
        self.replay, self.time, self.keys = replay, time, []

    async def run(self):
        async for batch in self.replay.batches():
            self.keys += [event.key for event in batch.events]

    async def paused(self):
        async with asyncio.timeout(10):
            await self.time.standing.wait()


async def test_steps_then_play():
    replay, time = player(0, 100, 200, 300, paused=True)
    listener = Listener(replay, time)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(listener.run())
        await listener.paused()
        assert (listener.keys, replay.paused, replay.position) == ([], True, 0)
        for n in (1, 2):
            time.standing.clear()
            replay.step()
            await listener.paused()
            assert listener.keys == [f"e{i}" for i in range(n)]
        assert time.waits == []
        replay.play()
    assert listener.keys == ["e0", "e1", "e2", "e3"]
    assert time.waits == [2, 2]
    assert not replay.paused


async def test_pause_and_speed_in_the_middle_of_a_wait():
    """What was waited before the button was pressed counts."""
    time = Time()
    presses = [lambda: replay.set_speed(2.0), lambda: replay.pause()]

    async def half(wake, seconds):
        if seconds is None:
            replay.play()  # sets the event through the loop
            await wake.wait()
        elif presses:
            time.waits.append(seconds)
            time.now += seconds / 2
            presses.pop(0)()
        else:
            await time.wait(wake, seconds)

    replay = Replay(Log(0, 1), clock=time.clock, wait=half)
    await played(replay)
    # 1 s at 1x, half of it waited; the other half at 2x, half of that waited; then the rest.
    assert time.waits == [1, 0.25, 0.125]
    assert replay.speed == 2.0


async def test_set_speed_to_none_ends_a_wait():
    time = Time()

    async def pressed(wake, seconds):
        time.waits.append(seconds)
        replay.set_speed(None)
        await wake.wait()

    replay = Replay(Log(0, 1, 2, 3), clock=time.clock, wait=pressed)
    assert len([*chain(*await played(replay))]) == 4
    assert time.waits == [1]


def test_buttons_work_from_another_thread_while_a_feed_plays():
    """With the real clock and the real wait: nothing here takes longer than a step does."""
    replay = Replay(Log(0, 1000, 2000), speed=1.0, idle_limit=1000, paused=True)
    woken = threading.Event()
    feed = Feed(opening(replay), woken.set)
    feed.start()

    def taken(position):
        while replay.position < position or feed.behind:
            assert woken.wait(10)
            woken.clear()
            feed.take()
        return len(feed.session.events)

    replay.step()
    assert taken(1) == 1
    replay.step()
    assert taken(2) == 2
    replay.set_speed(None)
    replay.play()
    assert taken(3) == 3
    feed.close()
    assert feed.error is None
    replay.pause()  # after the end: nothing to tell, and no error
    assert replay.total == 3


def test_a_feed_that_is_closed_ends_a_wait():
    replay = Replay(Log(0, 1000), idle_limit=1000)
    woken = threading.Event()
    feed = Feed(opening(replay), woken.set)
    feed.start()
    while replay.position < 1:
        assert woken.wait(10)
        woken.clear()
    feed.close(10)
    assert feed.finished
    assert feed.error is None


@given(
    times=st.lists(st.none() | st.floats(-5, 5), max_size=40),
    speed=st.none() | st.floats(0.1, 100),
    steps=st.integers(0, 5),
)
def test_every_event_once_and_in_order(times, speed, steps):
    async def scenario():
        replay, time = player(*times, speed=speed, paused=True)
        listener = Listener(replay, time)
        for _ in range(steps):
            replay.step()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(listener.run())
            if steps < len(times):
                await listener.paused()
                assert listener.keys == [f"e{n}" for n in range(steps)]
            replay.play()
        assert listener.keys == [f"e{n}" for n in range(len(times))]
        assert replay.total == len(times)
        assert all(0 < wait <= 2 / (speed or 1) + 1e-6 for wait in time.waits)

    asyncio.run(scenario())


@pytest.mark.parametrize("speed", [0, -1, float("nan"), float("inf")])
def test_speeds_that_are_none(speed):
    with pytest.raises(ValueError, match="above 0"):
        Replay(Log(), speed=speed)
