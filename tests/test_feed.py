"""The loop between a source and the screen: nothing lost, in order, within a budget, and a clean end."""

import asyncio
import threading
from time import monotonic

import pytest

from cma_tui import feed as feed_module
from cma_tui.feed import Feed, fold_all
from cma_tui.source import Batch, SourceError
from tests.stories.write import Log
from tests.ui.play import Stage, opening

DEADLINE = 60.0


def log_of(count):
    log = Log()
    log.begin("Hi")
    while len(log.events) < count:
        log.message(f"message {len(log.events)}")
    return log.events


def wait(condition):
    """Wait for the feed's thread."""
    tick, deadline = threading.Event(), monotonic() + DEADLINE
    while not condition():
        assert monotonic() < deadline, "waited too long"
        tick.wait(0.001)


def drained(feed, **options):
    """Take until nothing is left and the source has ended."""
    changes = []
    wait(lambda: feed.finished)
    while feed.behind:
        changes.append(feed.take(**options))
    return changes


@pytest.fixture
def feeding():
    """A started feed over a source; closed when the test is over."""
    feeds = []

    def start(source, wake=lambda: None, **options):
        feed = Feed(source if callable(source) else opening(source), **options)
        feed.wake = wake
        feeds.append(feed)
        feed.start()
        return feed

    yield start
    for feed in feeds:
        feed.close(DEADLINE)
        assert not feed.alive


# ------------------------------------------------------------------------------------ what comes through


@pytest.mark.parametrize("live", [True, False])
def test_a_log_is_read_no_further_ahead_than_needed_and_a_live_session_is(feeding, live):
    stage = Stage()
    stage.live = live
    batches = [Batch([event]) for event in log_of(100)]
    for batch in batches:
        stage.put(batch)
    stage.end()
    feed = feeding(stage)
    most = 0
    if live:
        wait(lambda: feed.finished)
    while not feed.finished or feed.behind:
        most = max(most, len(feed._queue))
        feed.take(0.0)
    assert len(feed.session.events) == len(batches)
    assert most == (len(batches) if live else min(most, feed_module.AHEAD + 1))


def test_a_log_that_waits_to_be_folded_can_be_closed(feeding):
    stage = Stage()
    stage.live = False
    for event in log_of(100):
        stage.put(Batch([event]))
    feed = feeding(stage)
    wait(lambda: len(feed._queue) > feed_module.AHEAD)
    feed.close(DEADLINE)
    assert feed.finished
    while feed.behind:
        feed.take()


@pytest.mark.parametrize("size", [1, 7, 255, 256, 257, 5000])
def test_every_event_is_folded_once_and_in_order_whatever_the_batches(feeding, size):
    events = log_of(3000)
    stage = Stage()
    for start in range(0, len(events), size):
        stage.put(Batch(events[start : start + size]))
    stage.end()
    feed = feeding(stage)
    drained(feed, budget=0.0005)
    assert [event.key for event in feed.session.events] == [event.key for event in events]
    assert feed.session.items == fold_all(events).items


def test_nothing_arrived_is_nothing_to_draw(feeding):
    feed = feeding(Stage())
    assert feed.take() is None
    assert not feed.behind


def test_an_empty_batch_is_taken_and_forgotten(feeding):
    stage = Stage()
    stage.put(Batch([]))
    stage.give(*log_of(3))
    stage.end()
    feed = feeding(stage)
    drained(feed)
    assert len(feed.session.events) == len(log_of(3))


def test_a_listed_batch_in_the_middle_is_merged_where_it_belongs(feeding):
    events = log_of(900)
    stage = Stage(*events[:300])
    stage.give(*events[600:900])
    stage.give(*events[:900], listed=True)
    stage.give(*events[880:])
    stage.end()
    feed = feeding(stage)
    changes = drained(feed, budget=0.0)
    assert any(change.reset for change in changes)
    assert [event.key for event in feed.session.events] == [event.key for event in events]


def test_changes_tell_the_items_of_every_take_and_are_handed_over_once(feeding):
    log = Log()
    log.begin("Hi")
    use = log.tool()
    stage = Stage(*log.events)
    feed = feeding(stage)
    wait(lambda: feed.behind)
    assert feed.take(1.0).items == set()
    log.result(use)
    stage.give(log.events[-1])
    wait(lambda: feed.behind)
    index = feed.session.tools[use]
    assert index in feed.take(1.0).items
    stage.give(log.events[-1])
    wait(lambda: feed.behind)
    assert feed.take(1.0).items == set()


# ------------------------------------------------------------------------------------------- the budget


def test_a_take_keeps_to_its_budget_and_the_rest_waits(feeding, monkeypatch):
    now = [0.0]

    def slow(session, events, change):
        now[0] += 0.0001 * len(events)
        return fold(session, events, change)

    fold = feed_module.arrive
    monkeypatch.setattr(feed_module, "perf_counter", lambda: now[0])
    monkeypatch.setattr(feed_module, "arrive", slow)
    stage = Stage(*log_of(5000))
    feed = feeding(stage)
    wait(lambda: stage.resting)
    takes = 0
    while feed.behind:
        before = now[0]
        feed.take(0.05)
        takes += 1
        assert now[0] - before <= 0.05 + 256 * 0.0001 + 1e-6
    assert takes == len(feed.session.events) // 512 + 1
    assert len(feed.session.events) == 5000


def test_a_budget_of_nothing_still_gets_on(feeding):
    stage = Stage(*log_of(1000))
    feed = feeding(stage)
    wait(lambda: stage.resting)
    folded = []
    while feed.behind:
        feed.take(0.0)
        folded.append(len(feed.session.events))
    assert folded == [256, 512, 768, 1000]


def test_reading_goes_on_while_nobody_takes(feeding):
    stage = Stage()
    feed = feeding(stage)
    for _ in range(50):
        stage.give(*log_of(100))
    wait(lambda: stage.resting and not stage._waiting)
    assert len(feed._queue) == 50
    assert feed.session.events == []


# ---------------------------------------------------------------------------------------- being woken


def test_it_wakes_for_the_opening_each_batch_and_the_end(feeding):
    woken = threading.Semaphore(0)
    threads = set()

    def wake():
        threads.add(threading.current_thread().name)
        woken.release()

    stage = Stage()
    feed = feeding(stage, wake=wake)
    assert woken.acquire(timeout=DEADLINE)
    assert feed.source is stage
    for _ in range(3):
        stage.give(*log_of(5))
        assert woken.acquire(timeout=DEADLINE)
        assert feed.behind
    stage.end()
    assert woken.acquire(timeout=DEADLINE)
    wait(lambda: feed.finished)
    assert threads == {"feed"}


# ---------------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize("error", [SourceError("no such session", 5), RuntimeError("surprise"), OSError(5)])
def test_an_error_is_handed_over_after_all_that_came_before_it(feeding, error):
    events = log_of(400)
    stage = Stage(*events)
    stage.end(error)
    feed = feeding(stage)
    drained(feed)
    assert feed.error is error
    assert len(feed.session.events) == len(events)


@pytest.mark.parametrize("error", [SourceError("cannot read x.jsonl", 2), ImportError("no anthropic")])
def test_a_source_that_cannot_be_opened_is_an_error_and_an_end(feeding, error):
    async def fail():
        raise error

    feed = feeding(fail)
    wait(lambda: feed.finished)
    assert feed.error is error
    assert feed.source is None
    assert feed.take() is None


def test_an_end_without_an_error_has_none(feeding):
    stage = Stage(*log_of(3))
    stage.end()
    feed = feeding(stage)
    drained(feed)
    assert feed.error is None


# ------------------------------------------------------------------------------------------- the end of it


def test_closing_cancels_a_source_that_waits_and_lets_it_clean_up():
    cleaned = []

    class Waiting(Stage):
        async def batches(self):
            try:
                yield Batch(log_of(3))
                await asyncio.Event().wait()
            finally:
                await asyncio.sleep(0)
                cleaned.append(True)

    feed = Feed(opening(Waiting()))
    feed.start()
    wait(lambda: feed.behind)
    feed.close(DEADLINE)
    assert not feed.alive
    assert cleaned == [True]
    assert feed.error is None
    assert feed.finished
    assert feed.take(1.0) is not None, "what had come can still be shown"


def test_closing_cancels_an_opening_that_waits():
    async def never():
        await asyncio.Event().wait()

    feed = Feed(never)
    feed.start()
    feed.close(DEADLINE)
    assert not feed.alive
    assert feed.error is None
    assert feed.source is None


def test_closing_does_not_wait_for_ever_for_a_source_that_blocks():
    release = threading.Event()

    async def stuck():
        release.wait(DEADLINE)
        raise SourceError("too late")

    feed = Feed(stuck)
    feed.start()
    feed.close(0.05)
    assert feed.alive, "it is not waited for, and the program's end does not wait for it either"
    assert feed._thread.daemon
    release.set()
    feed.join(DEADLINE)
    assert not feed.alive


def test_closing_twice_late_or_before_the_start_does_nothing():
    Feed(opening(Stage())).close()
    stage = Stage()
    stage.end()
    feed = Feed(opening(stage))
    feed.start()
    wait(lambda: not feed.alive)
    feed.close()
    feed.close()


def test_work_for_the_source_runs_on_its_loop_and_its_error_comes_back(feeding):
    feed = feeding(Stage())

    async def where():
        return threading.current_thread().name

    async def refuse():
        raise SourceError("not accepted")

    assert feed.submit(where()).result(DEADLINE) == "feed"
    with pytest.raises(SourceError, match="not accepted"):
        feed.submit(refuse()).result(DEADLINE)
    assert feed.error is None


def test_work_for_a_source_that_has_ended_is_refused_and_leaves_nothing_behind(feeding):
    stage = Stage()
    stage.end()
    feed = feeding(stage)
    wait(lambda: not feed.alive)

    async def send():
        raise AssertionError("never runs")

    with pytest.raises(SourceError, match="has ended"):
        feed.submit(send())


def test_work_that_the_source_s_end_overtakes_is_refused_and_leaves_nothing_behind(feeding):
    """The loop ends between the submitting and its beginning."""
    stage = Stage()
    feed = feeding(stage)
    began = threading.Event()

    async def send():
        began.set()

    real = feed._loop.call_soon_threadsafe
    feed._loop.call_soon_threadsafe = lambda call, *_: None  # it never comes to it
    kept, called_off = feed.submit(send()), feed.submit(send())
    feed._loop.call_soon_threadsafe = real
    called_off.cancel()
    stage.end()
    with pytest.raises(SourceError, match="has ended"):
        kept.result(DEADLINE)
    wait(lambda: not feed.alive)
    assert not began.is_set()
