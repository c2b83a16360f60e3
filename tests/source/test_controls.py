"""Sending: once, never twice, and the truth about what became of it."""

import pytest

from cma_tui.source import SourceError
from cma_tui.source.client import make_client
from cma_tui.source.controls import LiveControls
from cma_tui.source.delivery import UnclearError
from tests.source.conftest import message


def sent(sim, session_id, type_="user.message"):
    return [e for e in sim.log(session_id) if e["type"] == type_]


async def attached(viewer):
    await viewer.until(lambda s: s.connected)
    return viewer.source.controls


async def asked(viewer):
    """The controls of a session that waits for a confirmation."""
    controls = await attached(viewer)
    await controls.send([message("roll it back")])
    await viewer.until(lambda s: s.pending)
    return controls


def confirmation(viewer, verdict):
    """The answer to what waits."""
    (key,) = viewer.session.pending
    return {"type": "user.tool_confirmation", "tool_use_id": key, "result": verdict}


async def test_a_refusal_says_why_and_nothing_is_sent(sim, view):
    session_id = sim.create_session()
    async with view(session_id) as viewer:
        controls = await asked(viewer)
        with pytest.raises(SourceError, match=r"not accepted \(400\)"):
            await controls.send([message("and now?")])
        assert len(sent(sim, session_id)) == 1


LOST = pytest.mark.parametrize("status", [None, 408, 500, 502, 504])


@LOST
async def test_a_message_whose_reply_never_comes_is_found_in_the_log(sim, view, status):
    session_id = sim.create_session()
    sim.faults.lose_reply(status=status)
    async with view(session_id) as viewer:
        controls = await attached(viewer)
        states = []
        (found,) = await controls.send([message("hello")], lambda attempt: states.append(attempt.state))
        assert found.key == sent(sim, session_id)[0]["id"]
        assert states == ["sending", "looking"]
        await viewer.until(lambda s: s.turns and s.turns[0].ended)
        assert len(sent(sim, session_id)) == 1


@LOST
@pytest.mark.parametrize("verdict", ["allow", "deny"])
async def test_an_answer_whose_reply_never_comes_is_found_in_the_log(sim, view, status, verdict):
    session_id = sim.create_session()
    async with view(session_id) as viewer:
        controls = await asked(viewer)
        sim.faults.lose_reply(status=status)
        await controls.send([confirmation(viewer, verdict)])
        await viewer.until(lambda s: s.turns[0].ended)
        assert [e["result"] for e in sent(sim, session_id, "user.tool_confirmation")] == [verdict]


@LOST
async def test_a_result_whose_reply_never_comes_is_found_in_the_log(base_url, sim, view, status):
    sim._host_answers = False
    session_id = sim.create_session()
    async with view(session_id) as viewer:
        controls = await attached(viewer)
        await controls.send([message("Debug my incident")])
        await viewer.until(lambda s: s.pending)
        for _ in range(2):
            key = next(iter(viewer.session.pending))
            sim.faults.lose_reply(status=status)
            content = [{"type": "text", "text": "42"}]
            await controls.send(
                [{"type": "user.custom_tool_result", "custom_tool_use_id": key, "content": content}]
            )
            await viewer.until(lambda s, key=key: key not in s.pending)
        assert len(sent(sim, session_id, "user.custom_tool_result")) == 2


@LOST
async def test_an_interrupt_that_redirects_is_one_request_and_arrives_once(sim, view, status):
    session_id = sim.create_session()
    async with view(session_id) as viewer:
        controls = await asked(viewer)
        sim.faults.lose_reply(status=status)
        await controls.send([{"type": "user.interrupt"}, message("who is on call?")])
        await viewer.until(lambda s: len(s.turns) == 2 and s.turns[1].ended)
        assert len(sent(sim, session_id)) == 2
        assert len(sent(sim, session_id, "user.interrupt")) == 1


async def test_the_same_words_sent_before_prove_nothing(sim, view):
    session_id = sim.create_session()
    async with view(session_id) as viewer:
        controls = await attached(viewer)
        await controls.send([message("hello")])
        await viewer.until(lambda s: s.turns and s.turns[0].ended)
        sim.faults.fail("events.send", 500)
        with pytest.raises(UnclearError, match="it is not in the log") as caught:
            await controls.send([message("hello")])
        assert caught.value.looked
        assert len(sent(sim, session_id)) == 1
        await controls.send([message("hello")])
        assert len(sent(sim, session_id)) == 2


async def test_without_a_view_of_the_log_the_same_words_prove_nothing_either(sim, base_url):
    session_id = sim.create_session()
    client = make_client(api_key=sim.api_key, auth_token=None, base_url=base_url)
    async with client:
        controls = LiveControls(client, session_id, lambda _: None)
        await controls.send([message("hello")])
        await sim.until_idle(session_id)
        sim.faults.fail("events.send", 500)
        with pytest.raises(UnclearError):
            await controls.send([message("hello")])
        sim.faults.lose_reply()
        await controls.send([message("hello")])
        assert len(sent(sim, session_id)) == 2


async def test_a_list_that_lags_is_looked_at_again(sim, view):
    session_id = sim.create_session(agent="none")
    sim.faults.lose_reply()
    sim.faults.lag("user.*", calls=2)
    sim.faults.drop("user.*", times=None)
    async with view(session_id) as viewer:
        controls = await attached(viewer)
        await controls.send([message("hello")])
        assert len(sent(sim, session_id)) == 1


async def test_what_was_unclear_is_looked_for_again_before_it_is_sent_again(sim, view):
    session_id = sim.create_session()
    async with view(session_id) as viewer:
        controls = await attached(viewer)
        await viewer.until(lambda _: viewer.source.line.checked_at)
        sim.faults.lose_reply()
        deaf = sim.faults.fail("events.list", 503, times=None)
        sim.faults.cut(after_events=0, times=None)
        sim.faults.fail("events.stream", 503, times=None)
        sim.end_streams(broken=True)
        with pytest.raises(UnclearError, match="cannot be read") as caught:
            await controls.send([message("hello")])
        assert not caught.value.looked
        deaf.times = deaf.struck
        await controls.send([message("hello")])
        assert len(sent(sim, session_id)) == 1


async def test_an_answer_that_somebody_else_gave_first_counts(sim, view):
    session_id = sim.create_session()
    async with view(session_id) as viewer, view(session_id) as other:
        controls = await asked(viewer)
        answer = confirmation(viewer, "deny")
        await (await attached(other)).send([answer])
        (theirs,) = await controls.send([answer | {"result": "allow"}])
        assert theirs.data["result"] == "deny"
        await viewer.until(lambda s: not s.pending)
        assert len(sent(sim, session_id, "user.tool_confirmation")) == 1


async def test_a_first_message_that_is_refused_is_told_and_the_session_goes_on(sim, view):
    session_id = sim.create_session()
    async with view(session_id) as viewer:
        await asked(viewer)
    async with view(session_id, first=[message("and now?")]) as viewer:
        await viewer.until(lambda s: any(e.type == "local.notice" for e in s.events))
        assert "not accepted (400)" in viewer.session.events[-1].data["text"]
        assert viewer.session.pending


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


@pytest.mark.parametrize("status", [400, 404, 409])
async def test_a_refused_answer_is_told_and_not_sent_again_by_itself(sim, view, status):
    session_id = sim.create_session()
    async with view(session_id) as viewer:
        controls = await asked(viewer)
        answer = confirmation(viewer, "allow")
        refusal = sim.faults.fail("events.send", status, times=None)
        with pytest.raises(SourceError, match=rf"not accepted \({status}\)"):
            await controls.send([answer])
        await viewer.pause(70.0)
        assert refusal.struck == 1
        assert list(viewer.session.pending) == [answer["tool_use_id"]], "it goes on waiting"
        sim.faults.clear()
        await controls.send([answer])
        await viewer.until(lambda s: s.turns[0].ended)
        assert len(sent(sim, session_id, "user.tool_confirmation")) == 1


async def test_an_interrupt_while_the_stream_is_down_is_sent_once_and_found(sim, view):
    session_id = sim.create_session()
    async with view(session_id) as viewer:
        controls = await asked(viewer)
        sim.faults.fail("events.stream", 503, times=None)
        sim.end_streams(broken=True)
        await viewer.until(lambda s: not s.connected)
        sim.faults.lose_reply()
        await controls.send([{"type": "user.interrupt"}])
        assert len(sent(sim, session_id, "user.interrupt")) == 1
        sim.faults.clear()
        await viewer.until(lambda s: s.turns[0].ended and not s.pending)
        assert viewer.session.turns[0].interrupted


async def test_an_interrupt_that_cannot_be_sent_says_so_and_is_not_sent_later(sim, view):
    session_id = sim.create_session()
    async with view(session_id) as viewer:
        controls = await asked(viewer)
        sim.faults.fail("events.send", 503)
        with pytest.raises(SourceError, match="not sent"):
            await controls.send([{"type": "user.interrupt"}])
        await viewer.pause(70.0)
        assert not sent(sim, session_id, "user.interrupt")
        assert viewer.session.pending


async def test_an_interrupt_is_sent_and_shown(sim, view):
    session_id = sim.create_session()
    async with view(session_id) as viewer:
        controls = await asked(viewer)
        await controls.send([{"type": "user.interrupt"}])
        await viewer.until(lambda s: s.turns[0].ended)
        assert viewer.session.turns[0].interrupted
        assert not viewer.session.pending
