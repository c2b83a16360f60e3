"""Several streams of one session: whichever is ahead, the session is the one that the server's lists tell."""

import asyncio

import pytest

from cma_tui.source import Batch
from cma_tui.source.abreast import HOLD, Abreast
from tests.session.look import check
from tests.session.look import view as seen
from tests.source.conftest import message
from tests.stories.write import Log, preview_delta


def told(session):
    """The session without what is read of the API beside its events, which has no place in any order."""
    for thread in session.threads.values():
        thread.usage = None
    session.budget_at = None
    return seen(session)


@pytest.mark.parametrize("text", ["workflow", "delegate", "debug my incident"])
async def test_what_streams_of_threads_bring_is_the_session_that_their_histories_tell(sim, view, text):
    session_id = sim.create_session()
    async with view(session_id, all_threads=True) as viewer:
        await viewer.until(lambda s: s.connected)
        sim.accept(sim.sessions[session_id], [message(text)])
        await sim.until_idle(session_id)
        last = sim.log(session_id)[-1]["id"]
        await viewer.until(lambda s: last in s.ordinals)
        await viewer.pause(HOLD + 20)  # the threads' lists were looked at once more
        live = viewer.session
        check(live)
        assert any(thread.read for thread in live.threads.values()), "a thread's own stream was read"
    async with view(session_id, all_threads=True, follow=False) as viewer:
        await viewer.until_end()
        assert told(live) == told(viewer.session)


class Streams:
    """What is let go, and when."""

    def __init__(self, several=True):
        self.batches = []
        self.abreast = Abreast(self.batches.append, lambda: several)

    @property
    def keys(self):
        return [event.key for batch in self.batches for event in batch.events]

    def bring(self, *events):
        for event in events:
            self.abreast.put(Batch([event]))


def two():
    """A session's events and those of a thread of it, in turns."""
    log = Log()
    child = log.child("sthr_c")
    for number in range(4):
        (child if number % 2 else log).message(id=f"m{number}")
        log.wait(0.01)
    return log.events, child.events


async def test_an_event_waits_a_moment_for_earlier_ones_of_other_streams():
    mine, theirs = two()
    streams = Streams()
    began = asyncio.get_running_loop().time()
    streams.bring(*theirs, *mine)
    assert streams.keys == []
    await asyncio.sleep(HOLD)
    assert streams.keys == ["m0", "m1", "m2", "m3"]
    assert asyncio.get_running_loop().time() - began < 2 * HOLD


async def test_of_what_is_not_due_only_what_comes_before_goes_along():
    mine, theirs = two()
    streams = Streams()
    streams.bring(theirs[0])
    await asyncio.sleep(HOLD / 2)
    streams.bring(*mine, theirs[1])
    await asyncio.sleep(HOLD / 2)
    assert streams.keys == ["m0", "m1"], "what is later than the one that was due waits on"
    await asyncio.sleep(HOLD / 2 + 0.001)
    assert streams.keys == ["m0", "m1", "m2", "m3"]


async def test_a_stretch_of_the_list_waits_for_nothing_and_passes_nothing():
    mine, theirs = two()
    streams = Streams()
    streams.bring(*theirs)
    streams.abreast.put(Batch(mine, listed=True, origin="list"))
    assert streams.keys == ["m1", "m3", "m0", "m2"]


async def test_nothing_waits_while_there_is_one_stream():
    mine, _ = two()
    streams = Streams(several=False)
    streams.bring(*mine)
    assert streams.keys == ["m0", "m2"]


async def test_text_as_it_is_written_waits_only_behind_what_its_own_stream_brought():
    mine, _ = two()
    streams = Streams()
    streams.bring(preview_delta("m0", "Hel"))
    assert streams.keys == ["~event_delta:m0"]
    streams.bring(mine[0], preview_delta("m2", "Hel"))
    assert len(streams.keys) == 1
    await asyncio.sleep(HOLD)
    assert streams.keys[1:] == ["m0", "~event_delta:m2"]
