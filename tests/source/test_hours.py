"""Hours beside a session, with events all the time and faults now and then: all is there, nothing leaks."""

import gc
import os
import random
from pathlib import Path

import pytest

from tests.source.conftest import ids
from tests.source.test_schedules import say, strike

SOAK = float(os.environ.get("CMA_TOP_HOURS", "0"))
HOURS, EVERY = (SOAK, 1.0) if SOAK else (0.25, 3.0)
"""How long, by the virtual clock, and how many seconds from one event to the next."""
AT_MOST, AN_EVENT = 20 << 20, 4 << 10
"""Bytes by which this process may grow: it holds the server's log and the session."""


def descriptors():
    return len(list(Path("/proc/self/fd").iterdir()))


def resident():
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads what Linux tells of a process")
@pytest.mark.timeout(3600)
async def test_hours_of_faults_lose_nothing_and_leave_nothing_open(sim, view):
    rng = random.Random(40)
    session_id = sim.create_session(agent="none")
    sim.emit(session_id, {"type": "session.status_running"})  # so that the list is looked at every minute
    async with view(session_id) as viewer:
        await viewer.until(lambda s: s.connected)
        open_before, size_before = descriptors(), resident()
        struck = 0
        for number in range(round(HOURS * 3600 / EVERY)):
            if rng.random() < EVERY / 20:
                strike(sim, session_id, rng)
                struck += 1
            sim.emit(session_id, say(rng))
            await viewer.pause(EVERY)
            if number % 600 == 599:
                sim.faults.clear()  # what no stream has met by now would pile up
                await viewer.until(lambda s: viewer.keys == ids(sim, session_id))
        sim.faults.clear()
        await viewer.until(lambda s: s.connected and viewer.keys == ids(sim, session_id))
        assert struck > 30
        assert viewer.error is None
        assert descriptors() <= open_before + 4
        assert resident() - size_before < AT_MOST + AN_EVENT * len(ids(sim, session_id))
