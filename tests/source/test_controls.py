"""Sending: once, never twice, and the truth about what became of it."""

import pytest

from cma_tui.source import SourceError
from tests.source.conftest import message


def sent(sim, session_id, type_="user.message"):
    return [e for e in sim.log(session_id) if e["type"] == type_]


async def attached(viewer):
    await viewer.until(lambda s: s.connected)
    return viewer.source.controls


async def test_a_refusal_says_why_and_nothing_is_sent(sim, view):
    session_id = sim.create_session()
    async with view(session_id) as viewer:
        controls = await attached(viewer)
        await controls.send([message("roll it back")])
        await viewer.until(lambda s: s.pending)
        with pytest.raises(SourceError, match=r"not accepted \(400\)"):
            await controls.send([message("and now?")])
        assert len(sent(sim, session_id)) == 1


@pytest.mark.parametrize("status", [None, 500, 502])
async def test_a_reply_that_never_comes_is_unclear_and_is_not_sent_again(sim, view, status):
    session_id = sim.create_session()
    sim.faults.lose_reply(status=status)
    async with view(session_id) as viewer:
        controls = await attached(viewer)
        with pytest.raises(SourceError, match="unclear"):
            await controls.send([message("hello")])
        await viewer.until(lambda s: s.turns and s.turns[0].ended)
        assert len(sent(sim, session_id)) == 1


@pytest.mark.parametrize("status", [429, 503, 529])
async def test_a_busy_server_has_not_taken_it(sim, view, status):
    session_id = sim.create_session()
    sim.faults.fail("events.send", status)
    async with view(session_id) as viewer:
        controls = await attached(viewer)
        with pytest.raises(SourceError, match="not sent"):
            await controls.send([message("hello")])
        assert not sent(sim, session_id)


async def test_a_redirect_is_not_followed(sim, view):
    session_id = sim.create_session()
    sim.faults.fail("events.send", 307, headers={"location": "http://127.0.0.1:9/elsewhere"})
    async with view(session_id) as viewer:
        controls = await attached(viewer)
        with pytest.raises(SourceError, match=r"not accepted \(307\)"):
            await controls.send([message("hello")])


async def test_an_interrupt_is_sent_and_shown(sim, view):
    session_id = sim.create_session()
    async with view(session_id) as viewer:
        controls = await attached(viewer)
        await controls.send([message("roll it back")])
        await viewer.until(lambda s: s.pending)
        await controls.send([{"type": "user.interrupt"}])
        await viewer.until(lambda s: s.turns[0].ended)
        assert viewer.session.turns[0].interrupted
        assert not viewer.session.pending
