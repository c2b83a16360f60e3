"""Random faults from a seed, combined: what is shown in the end is the log, once and in order."""

import os
import random

import pytest

from tests.source.conftest import ids

SEEDS = int(os.environ.get("CMA_TOP_SEEDS", "60"))
"""How many schedules: a few in `make test`, many in `make soak`."""


def say(rng):
    return {"type": "agent.message", "content": [{"type": "text", "text": str(rng.random())}]}


def strike(sim, session_id, rng):
    """Arm one fault, or break a line that is open."""
    faults = sim.faults
    rng.choice(
        [
            lambda: faults.drop("agent.*", times=rng.randint(1, 3), skip=rng.randint(0, 3)),
            lambda: faults.duplicate("*", copies=rng.randint(1, 3), times=rng.randint(1, 5)),
            lambda: faults.swap("agent.*", skip=rng.randint(0, 3)),
            lambda: faults.lag("*", calls=rng.randint(1, 3)),
            lambda: faults.cut(after_bytes=rng.randint(0, 2000)),
            lambda: faults.cut(after_events=rng.randint(0, 4), clean=rng.random() < 0.5),
            lambda: faults.silence(after_events=rng.randint(0, 3)),
            lambda: faults.fail("events.list", rng.choice([429, 500, 503, 529]), times=rng.randint(1, 3)),
            lambda: faults.fail("events.stream", rng.choice([429, 500, 529]), times=rng.randint(1, 3)),
            lambda: faults.portal(),
            lambda: faults.inject(rng.choice([b"data: {broken\n\n", b":keepalive\n\n", b"data: [1]\n\n"])),
            lambda: sim.end_streams(session_id, broken=rng.random() < 0.5),
        ]
    )()


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_no_schedule_of_faults_loses_doubles_or_disorders(sim, view, seed):
    rng = random.Random(seed)
    session_id = sim.create_session(agent="none")
    for _ in range(rng.randint(0, 20)):
        sim.emit(session_id, say(rng))
    async with view(session_id) as viewer:
        await viewer.until(lambda s: s.connected)
        for _ in range(rng.randint(3, 12)):
            for _ in range(rng.randint(0, 2)):
                strike(sim, session_id, rng)
            for _ in range(rng.randint(0, 6)):
                sim.emit(session_id, say(rng))
            await viewer.pause(rng.choice([0.0, 0.01, 1.0, 5.0, 70.0]))
        sim.faults.clear()
        sim.emit(session_id, {"type": "session.status_running"})  # so that the list is looked at every minute
        await viewer.until(lambda s: viewer.keys == ids(sim, session_id))
