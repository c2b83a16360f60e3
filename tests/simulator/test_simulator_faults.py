"""Each fault strikes where it was asked to, as often as it was asked to, and leaves the log alone."""

import asyncio

import anthropic
import httpx2
import pytest
from simulator_client import message

from cma_tui.simulator import Simulator


def emit_many(sim, session_id, count, kind="agent.thinking"):
    return [sim.emit(session_id, {"type": kind, "id": f"sevt_{n}"}) for n in range(count)]


async def streamed(api, session_id, count, kind="agent.thinking"):
    """The ids that a stream opened now gets of `count` events."""
    async with api.stream(session_id) as stream:
        await stream.until(b"connected")
        emit_many(api.sim, session_id, count, kind)
        api.sim.end_streams(session_id)
        await stream.to_end()
    return [event["id"] for event in stream.events]


# --- requests -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, anthropic.AuthenticationError),
        (403, anthropic.PermissionDeniedError),
        (404, anthropic.NotFoundError),
        (429, anthropic.RateLimitError),
        (500, anthropic.InternalServerError),
        (529, anthropic.APIStatusError),
    ],
)
async def test_a_request_fails_as_often_as_asked(api, sim, status, error):
    session_id = sim.create_session(agent="none")
    fault = sim.faults.fail("events.*", status, times=2)
    for _ in range(2):
        with pytest.raises(error) as raised:
            await api.listed(session_id)
        assert raised.value.status_code == status
        assert raised.value.request_id
    assert await api.listed(session_id) == []
    assert fault.struck == 2


async def test_a_failure_can_have_any_body_and_headers(api, sim):
    sim.faults.fail("sessions.list", 429, headers={"retry-after": "3600"}, message="Slow down")
    reply = await api.get("/v1/sessions")
    assert reply.headers["retry-after"] == "3600"
    assert reply.json()["error"] == {"type": "rate_limit_error", "message": "Slow down"}
    sim.faults.fail(
        "sessions.list", 502, body=b"<html>bad gateway</html>", headers={"content-type": "text/html"}
    )
    assert (await api.get("/v1/sessions")).text == "<html>bad gateway</html>"


async def test_a_failure_can_wait_and_can_be_meant_for_one_session(api, sim):
    one, other = sim.create_session(), sim.create_session()
    sim.faults.fail("sessions.retrieve", 500, skip=1, session_id=one)
    codes = [(await api.get(f"/v1/sessions/{i}")).status_code for i in (other, one, other, one, one)]
    assert codes == [200, 200, 200, 500, 200]
    sim.faults.fail("*", 500, times=None)
    assert [(await api.get("/v1/sessions")).status_code for _ in range(3)] == [500] * 3
    sim.faults.clear()
    assert (await api.get("/v1/sessions")).status_code == 200


async def test_a_portal_answers_the_stream(api, sim):
    session_id = sim.create_session()
    sim.faults.portal()
    async with api.stream(session_id) as stream:
        assert stream.response.status_code == 200
        assert stream.response.headers["content-type"].startswith("text/html")
        assert b"<!doctype html>" in await stream.to_end()


async def test_a_request_can_be_held(api, sim):
    session_id = sim.create_session(agent="none")
    hold = sim.faults.hold("events.list")
    async with asyncio.TaskGroup() as group:
        listing = group.create_task(api.listed(session_id))
        await hold.reached.wait()
        (event,) = emit_many(sim, session_id, 1)
        assert not listing.done()
        hold.release()
    assert [e["id"] for e in listing.result()] == [event["id"]]


async def test_a_lost_reply_leaves_the_event(api, sim):
    session_id = sim.create_session(agent="none")
    sim.faults.lose_reply()
    with pytest.raises(anthropic.APIConnectionError):
        await api.send(session_id, message("once"))
    assert [event["content"][0]["text"] for event in sim.log(session_id)] == ["once"]
    sim.faults.lose_reply(status=502)
    with pytest.raises(anthropic.InternalServerError):
        await api.send(session_id, message("twice"))
    assert len(sim.log(session_id)) == 2
    await api.send(session_id, message("thrice"))


# --- streams ------------------------------------------------------------------------------------------------


async def test_a_stream_is_cut_after_so_many_events(api, sim):
    session_id = sim.create_session(agent="none")
    sim.faults.cut(after_events=2)
    async with api.stream(session_id) as stream:
        await stream.until(b"connected")
        emit_many(sim, session_id, 3)
        with pytest.raises(httpx2.RemoteProtocolError):
            await stream.to_end()
    assert [event["id"] for event in stream.events] == ["sevt_0", "sevt_1"]
    assert await streamed(api, session_id, 1) == ["sevt_0"]


async def test_a_stream_ends_cleanly_after_so_many_events(api, sim):
    session_id = sim.create_session(agent="none")
    sim.faults.cut(after_events=1, clean=True, times=3)
    for _ in range(3):
        async with api.stream(session_id) as stream:
            await stream.until(b"connected")
            emit_many(sim, session_id, 2)
            await stream.to_end()
            assert len(stream.events) == 1


async def test_a_stream_is_cut_at_any_byte(api, sim):
    session_id = sim.create_session(agent="none")
    whole = b": connected\n\n" + b"".join(
        b'event: message\ndata: {"id":"sevt_%d","processed_at":"2026-10-12T09:00:00.00000%dZ",'
        b'"type":"agent.thinking"}\n\n' % (n, n)
        for n in range(3)
    )
    for length in range(0, len(whole) + 1, 7):
        sim.faults.cut(after_bytes=length)
        async with api.stream(session_id) as stream:
            await sim.until_streams(session_id, 1)
            for n in range(3):
                stamp = f"2026-10-12T09:00:00.00000{n}Z"
                sim.emit(session_id, {"type": "agent.thinking", "id": f"sevt_{n}", "processed_at": stamp})
            sim.end_streams(session_id, broken=True)
            with pytest.raises(httpx2.RemoteProtocolError):
                await stream.to_end()
        assert stream.data == whole[:length]
        await sim.until_streams(session_id, 0)


async def test_a_stream_falls_silent(connected):
    sim = Simulator(keepalive=0.001)
    async with connected(sim) as api:
        session_id = sim.create_session(agent="none")
        sim.faults.silence(after_events=1)
        async with api.stream(session_id) as stream:
            await stream.until(b"connected")
            emit_many(sim, session_id, 2)
            await stream.until(b"sevt_0")
            quiet = stream.data
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await stream.to_end()
            assert stream.data == quiet
        await sim.until_streams(session_id, 0)


async def test_raw_bytes_can_be_put_into_a_stream(api, sim):
    session_id = sim.create_session(agent="none")
    sim.faults.inject(b"\xef\xbb\xbfdata: {not json}\n\n", after_events=1)
    sim.faults.inject(b"event: ping\ndata: {}\n\n", after_events=2)
    async with api.stream(session_id) as stream:
        await stream.until(b"connected")
        emit_many(sim, session_id, 3)
        await stream.until(b"sevt_2")
    first, bad, second, ping, third = stream.data.split(b"\n\n")[1:6]
    assert (bad, ping) == (b"\xef\xbb\xbfdata: {not json}", b"event: ping\ndata: {}")
    assert [b"sevt_%d" % n in frame for n, frame in enumerate((first, second, third))] == [True] * 3


async def test_open_streams_can_be_ended_from_outside(api, sim):
    session_id = sim.create_session(agent="none")
    async with api.stream(session_id) as clean, api.stream(sim.create_session()) as other:
        await clean.until(b"connected")
        await other.until(b"connected")
        sim.end_streams(session_id)
        assert await clean.to_end() == b": connected\n\n"
        sim.end_streams(broken=True)
        with pytest.raises(httpx2.RemoteProtocolError):
            await other.to_end()


# --- live events --------------------------------------------------------------------------------------------


async def test_live_events_are_dropped_doubled_and_swapped(api, sim):
    ids = [f"sevt_{n}" for n in range(4)]
    session_id = sim.create_session(agent="none")
    sim.faults.drop("agent.*", skip=1)
    assert await streamed(api, session_id, 4) == [ids[0], ids[2], ids[3]]
    sim.faults.duplicate(skip=2, copies=2)
    assert await streamed(api, session_id, 4) == [*ids[:2], ids[2], ids[2], ids[2], ids[3]]
    sim.faults.swap(skip=1)
    assert await streamed(api, session_id, 4) == [ids[0], ids[2], ids[1], ids[3]]
    assert await streamed(api, session_id, 4) == ids
    assert [event["id"] for event in sim.log(session_id)] == ids


async def test_a_swapped_event_comes_on_its_own_stream(sim):
    sim.faults.swap("agent.*")
    out = [
        sim.faults.deliver("sesn_1", thread, {"type": "agent.message"}, text)
        for thread, text in (("main", b"1"), ("child", b"2"), ("main", b"3"))
    ]
    assert out == [[], [b"2"], [b"3", b"1"]]


async def test_faults_of_one_session_leave_the_others_alone(api, sim):
    one, other = sim.create_session(agent="none"), sim.create_session(agent="none")
    sim.faults.drop(session_id=one, times=None)
    assert await streamed(api, one, 2) == []
    assert await streamed(api, other, 2) == ["sevt_0", "sevt_1"]


async def test_deltas_can_be_lost_without_the_message(api, sim):
    session_id = sim.create_session()
    sim.faults.drop("event_delta", skip=2, times=None)
    async with api.stream(session_id, "agent.message") as stream:
        await stream.until(b"connected")
        await api.say(session_id, "help")
        await stream.until(b"session.status_idle")
    deltas = [e["delta"]["content"]["text"] for e in stream.events if e["type"] == "event_delta"]
    (final,) = [e["content"][0]["text"] for e in stream.events if e["type"] == "agent.message"]
    assert len(deltas) == 2
    assert final.startswith("".join(deltas))


# --- lists --------------------------------------------------------------------------------------------------


async def test_the_list_lags_for_so_many_calls(api, sim):
    session_id = sim.create_session(agent="none")
    sim.faults.lag("agent.*", calls=2, times=1, skip=1)
    emit_many(sim, session_id, 3)
    seen = [[event["id"] for event in await api.listed(session_id)] for _ in range(3)]
    assert seen == [["sevt_0", "sevt_2"]] * 2 + [["sevt_0", "sevt_1", "sevt_2"]]


async def test_the_list_lags_until_released(api, sim):
    session_id = sim.create_session(agent="none")
    lag = sim.faults.lag(calls=None)
    emit_many(sim, session_id, 2)
    assert await api.listed(session_id) == []
    assert await streamed(api, session_id, 2) == ["sevt_0", "sevt_1"]
    lag.release()
    emit_many(sim, session_id, 3)
    assert len(await api.listed(session_id)) == 3


async def test_a_page_can_show_old_versions(api, sim):
    session_id = sim.create_session(agent="none")
    sim.emit(session_id, message("hi"))
    sim.faults.page("unstamped")
    path = f"/v1/sessions/{session_id}/events"
    assert "processed_at" not in (await api.get(path)).json()["data"][0]
    assert (await api.get(path)).json()["data"] == sim.log(session_id)


async def test_a_cursor_can_lead_nowhere_and_a_page_can_be_empty(api, sim):
    session_id = sim.create_session(agent="none")
    emit_many(sim, session_id, 3)
    path = f"/v1/sessions/{session_id}/events"
    first = (await api.get(path, limit=1)).json()
    sim.faults.page("same_cursor")
    second = (await api.get(path, limit=1, page=first["next_page"])).json()
    assert second["next_page"] == first["next_page"]
    sim.faults.page("empty")
    empty = (await api.get(path, limit=1)).json()
    assert empty["data"] == []
    assert (await api.get(path, limit=1, page=empty["next_page"])).json()["data"] == first["data"]


async def test_the_third_page_fails(api, sim):
    session_id = sim.create_session(agent="none")
    emit_many(sim, session_id, 7)
    sim.faults.fail("events.list", 500, skip=2)
    with pytest.raises(anthropic.InternalServerError):
        await api.listed(session_id, limit=1)
    assert len(await api.listed(session_id, limit=1)) == 7


# --- what tests write themselves ----------------------------------------------------------------------------


async def test_a_hand_made_log_may_break_the_rules(api, sim):
    session_id = sim.create_session(agent="none")
    sim.emit(session_id, {"type": "agent.thinking", "processed_at": "2026-10-12T10:00:00.000000Z"})
    earlier = sim.emit(session_id, {"type": "agent.invented", "processed_at": "2026-10-12T09:00:00.000000Z"})
    assert sim.log(session_id)[-1] == earlier, "list order is the order of writing"
    assert (await api.get(f"/v1/sessions/{session_id}/events")).json()["data"] == sim.log(session_id)


async def test_a_known_id_is_brought_up_to_date(api, sim):
    session_id = sim.create_session(agent="none")
    queued = sim.emit(session_id, {**message("hi"), "processed_at": None})
    emit_many(sim, session_id, 1)
    async with api.stream(session_id) as stream:
        await stream.until(b"connected")
        stamped = sim.emit(session_id, queued)
        changed = sim.emit(session_id, {**stamped, "content": [{"type": "text", "text": "better"}]})
        await stream.until(b"better")
    assert stream.events == [stamped, changed]
    assert sim.log(session_id)[1:] == [changed]


async def test_the_status_follows_a_hand_made_log(api, sim):
    session_id = sim.create_session(agent="none")
    statuses = []
    for kind in (
        "status_running",
        "status_rescheduled",
        "status_running",
        "status_idle",
        "status_terminated",
    ):
        sim.emit(session_id, {"type": f"session.{kind}", "stop_reason": {"type": "end_turn"}})
        statuses.append((await api.sdk.beta.sessions.retrieve(session_id)).status)
    assert statuses == ["running", "rescheduling", "running", "idle", "terminated"]


async def test_a_hand_made_question_can_be_answered(api, sim):
    session_id = sim.create_session(agent="none")
    use = sim.emit(
        session_id, {"type": "agent.tool_use", "name": "bash", "input": {}, "evaluated_permission": "ask"}
    )
    reason = {"type": "requires_action", "event_ids": [use["id"]]}
    sim.emit(session_id, {"type": "session.status_idle", "stop_reason": reason})
    assert await sim.until_idle(session_id) == "requires_action"
    with pytest.raises(anthropic.BadRequestError):
        await api.send(session_id, message("hi"))
    confirmation = {"type": "user.tool_confirmation", "tool_use_id": use["id"], "result": "allow"}
    await api.send(session_id, confirmation)
    with pytest.raises(anthropic.BadRequestError):
        await api.send(session_id, confirmation)
    assert sim.log(session_id)[-1]["type"] == "user.tool_confirmation"
