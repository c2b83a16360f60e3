"""How a connection is kept: pauses that can be cut short, silence, sleep, and what the header is told."""

import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from cma_tui.source import attachment
from tests.source.conftest import ids


def say(text):
    return {"type": "agent.message", "content": [{"type": "text", "text": text}]}


def now():
    return asyncio.get_running_loop().time()


def connections(viewer):
    return [e for e in viewer.session.events if e.type == "local.connected"]


def reasons(viewer):
    return [e.data["reason"] for e in viewer.session.events if e.type == "local.disconnected"]


@pytest.mark.parametrize(
    ("asked", "at_most"),
    [("3600", 300), ("date", 125), ("-5", 2), ("abc", 2), ("nan", 2)],
)
async def test_the_pause_that_a_server_asks_for_is_bounded_and_told(sim, view, asked, at_most):
    session_id = sim.create_session(agent="none")
    if asked == "date":
        asked = format_datetime(datetime.now(UTC) + timedelta(seconds=120), usegmt=True)
    sim.faults.fail("events.stream", 429, headers={"retry-after": asked})
    begun = now()
    async with view(session_id) as viewer:
        line = viewer.source.line
        await viewer.until(lambda s: s.connected is False)
        assert line.state == "reconnecting"
        assert reasons(viewer) == ["429, Simulated failure"]
        assert line.retry_at - now() <= at_most
        await viewer.until(lambda s: s.connected)
        assert now() - begun <= at_most + 1
        assert line.retry_at is None


async def test_a_pause_can_be_cut_short(sim, view):
    session_id = sim.create_session(agent="none")
    sim.faults.fail("events.stream", 429, headers={"retry-after": "290"})
    begun = now()
    async with view(session_id) as viewer:
        await viewer.until(lambda s: s.connected is False)
        await viewer.source.hurry()
        await viewer.until(lambda s: s.connected)
        assert now() - begun < 60


async def test_so_can_the_pause_of_a_refused_list(sim, view):
    session_id = sim.create_session(agent="none")
    sim.emit(session_id, say("one"))
    refused = sim.faults.fail("events.list", 429, headers={"retry-after": "290"})
    begun = now()
    async with view(session_id) as viewer:
        line = viewer.source.line
        await viewer.until(lambda s: s.connected)
        while line.list_retry_at is None:
            await viewer.pause(0.01)
        assert refused.struck
        assert line.list_retry_at - now() > 200
        await viewer.source.hurry()
        await viewer.until(lambda s: viewer.keys == ids(sim, session_id))
        assert line.list_retry_at is None
        assert now() - begun < 60


async def test_hurry_on_a_live_line_looks_at_the_list(sim, view):
    session_id = sim.create_session(agent="none")
    sim.emit(session_id, say("one"))
    async with view(session_id) as viewer:
        await viewer.until(lambda s: viewer.keys and viewer.source.line.checked_at is not None)
        await viewer.pause(20)
        sim.faults.drop("agent.*")
        sim.emit(session_id, say("dropped"))
        begun = now()
        await viewer.source.hurry()
        await viewer.until(lambda s: len(viewer.keys) == 2)
        assert now() - begun < 1
        assert len(connections(viewer)) == 1


async def test_a_stream_says_how_far_apart_connections_should_be(sim, view):
    session_id = sim.create_session(agent="none")
    sim.faults.inject(b"retry: 40000\n\n")
    sim.faults.cut(after_events=0, clean=True)
    begun = now()
    async with view(session_id) as viewer:
        await viewer.until(lambda s: len(connections(viewer)) == 2)
        assert 39 <= now() - begun <= 70


async def test_a_gateway_in_place_of_the_list_is_waited_for_once_the_session_was_read(sim, view):
    session_id = sim.create_session(agent="none")
    sim.emit(session_id, say("one"))
    async with view(session_id) as viewer:
        await viewer.until(lambda s: viewer.source.line.checked_at is not None)
        sim.faults.portal("events.list", times=3)
        sim.faults.drop("agent.*")
        sim.emit(session_id, say("two"))
        await viewer.source.hurry()
        await viewer.until(lambda s: viewer.keys == ids(sim, session_id))
        assert viewer.error is None


async def test_a_list_that_never_was_one_is_an_error(sim, view):
    session_id = sim.create_session(agent="none")
    sim.faults.portal("events.list")
    async with view(session_id) as viewer:
        await viewer.until_end()
        assert "is not readable" in str(viewer.error)


async def test_true_quiet_without_a_keepalive_is_left_alone(sim, view):
    sim.keepalive = 1e9
    session_id = sim.create_session(agent="none")
    sim.emit(session_id, {"type": "session.status_idle", "stop_reason": {"type": "end_turn"}})
    async with view(session_id) as viewer:
        await viewer.until(lambda s: viewer.source.line.checked_at is not None)
        await viewer.pause(280)
        assert len(connections(viewer)) == 1
        assert now() - viewer.source.line.checked_at < 65, "and is asked about each minute"


async def test_silence_that_keepalives_would_have_broken_is_death(sim, view):
    sim.keepalive = 10.0
    session_id = sim.create_session(agent="none")
    sim.faults.silence(after_events=1)
    async with view(session_id) as viewer:
        await viewer.until(lambda s: s.connected)
        await viewer.pause(55)
        sim.emit(session_id, say("the last that is heard"))
        await viewer.until(lambda s: len(connections(viewer)) == 2)
        assert reasons(viewer) == ["no sign of life"]


async def test_events_with_pauses_between_them_are_no_rhythm(sim, view):
    sim.keepalive = 1e9
    session_id = sim.create_session(agent="none")
    async with view(session_id) as viewer:
        await viewer.until(lambda s: s.connected)
        for n in range(6):
            await viewer.pause(8)
            sim.emit(session_id, say(str(n)))
        await viewer.pause(200)
        assert len(connections(viewer)) == 1


async def test_a_stream_that_died_in_silence_is_found_by_the_list(sim, view):
    session_id = sim.create_session(agent="none")
    sim.faults.silence(after_events=1)
    async with view(session_id) as viewer:
        await viewer.until(lambda s: s.connected)
        sim.emit(session_id, say("seen"))
        await viewer.until(lambda s: viewer.keys)
        for n in range(3):
            sim.emit(session_id, say(f"unseen {n}"))
        await viewer.pause(200)
        assert viewer.keys == ids(sim, session_id)
        assert viewer.source.line.gaps
        assert "the stream was silent while the list went on" in reasons(viewer)


async def test_a_machine_that_slept_connects_anew(sim, view, monkeypatch):
    from cma_tui.source import live

    session_id = sim.create_session(agent="none")
    asleep = 0.0
    clock = live.time
    monkeypatch.setattr(live, "time", lambda: clock() + asleep)
    async with view(session_id) as viewer:
        await viewer.until(lambda s: s.connected)
        await viewer.pause(10)
        assert not reasons(viewer)
        asleep = 300.0
        woken = now()
        await viewer.until(lambda s: len(connections(viewer)) == 2)
        assert now() - woken < 3
        assert reasons(viewer) == ["the machine slept"]


async def streaming(viewer):
    """Wait until what is said comes by the stream alone."""
    await viewer.until(lambda s: s.connected and viewer.source.line.checked_at is not None)
    await viewer.pause(1.0)
    viewer.streamed.clear()


async def test_what_one_read_of_the_stream_brings_goes_on_together(sim, view):
    session_id = sim.create_session(agent="none")
    async with view(session_id) as viewer:
        await streaming(viewer)
        for number in range(300):
            sim.emit(session_id, say(f"word {number}"))
        await viewer.until(lambda s: viewer.keys == ids(sim, session_id))
        assert sum(viewer.streamed) == 300
        assert len(viewer.streamed) <= 30


async def test_a_fast_stream_is_read_in_portions(sim, view):
    session_id = sim.create_session(agent="none")
    async with view(session_id) as viewer:
        await streaming(viewer)
        for number in range(400):
            sim.emit(session_id, say(f"word {number}"))
            await asyncio.sleep(0.001)
        await viewer.until(lambda s: viewer.keys == ids(sim, session_id))
        assert sum(viewer.streamed) == 400
        assert len(viewer.streamed) <= 160


async def test_what_comes_now_and_then_goes_on_at_once(sim, view, monkeypatch):
    monkeypatch.setattr(attachment, "GATHER", 1000.0)
    session_id = sim.create_session(agent="none")
    async with view(session_id) as viewer:
        await streaming(viewer)
        for number in range(20):
            begun = now()
            sim.emit(session_id, say(f"word {number}"))
            await viewer.until(lambda s: viewer.keys == ids(sim, session_id))
            assert now() - begun < 500, "nothing is gathered"
            await viewer.pause(0.1)
        assert viewer.streamed == [1] * 20
