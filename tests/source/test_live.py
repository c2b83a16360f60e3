"""The live source against the simulator: what is shown equals the server's log."""

import asyncio
from contextlib import aclosing

import pytest

from cma_tui.event import parse_stamp, stamp_text
from cma_tui.source.client import make_client
from cma_tui.source.live import Live
from tests.source.conftest import ids, message


def say(text):
    return {"type": "agent.message", "content": [{"type": "text", "text": text}]}


async def test_history_is_shown_whole_and_in_order(sim, view):
    session_id = sim.create_session()
    sim.accept(sim.sessions[session_id], [message("p99 is up")])
    await sim.until_idle(session_id)
    async with view(session_id) as viewer:
        await viewer.until(lambda s: len(s.turns) == 1 and s.turns[0].ended)
        assert viewer.keys == ids(sim, session_id)
        assert viewer.session.agent.model == "claude-opus-5"
        assert viewer.session.id == session_id


async def test_a_turn_that_streams_in_equals_the_log(sim, view):
    session_id = sim.create_session()
    async with view(session_id) as viewer:
        await viewer.until(lambda s: s.connected)
        await viewer.source.controls.send([message("p99 is up")])
        await viewer.until(lambda s: len(s.turns) == 1 and s.turns[0].ended)
        assert viewer.keys == ids(sim, session_id)
        assert not viewer.session.queued
        assert not viewer.session.previews
        assert viewer.session.first_tokens, "previews were asked for, so first tokens are measured"


async def test_what_streams_in_while_the_history_is_listed_is_neither_lost_nor_shown_twice(sim, view):
    session_id = sim.create_session(agent="none")
    for n in range(5):
        sim.emit(session_id, {"type": "agent.message", "content": [{"type": "text", "text": str(n)}]})
    held = sim.faults.hold("events.list")
    async with view(session_id) as viewer:
        await held.reached.wait()
        for n in range(5, 9):
            sim.emit(session_id, {"type": "agent.message", "content": [{"type": "text", "text": str(n)}]})
        held.release()
        await viewer.until(lambda s: len(s.items) >= 9)
        assert viewer.keys == ids(sim, session_id)


async def test_a_burst_while_the_list_is_read_is_there_whole_and_once(sim, view):
    session_id = sim.create_session(agent="none")
    for number in range(5):
        sim.emit(session_id, say(f"before {number}"))
    hold = sim.faults.hold("events.list")
    async with view(session_id) as viewer:
        await viewer.until(lambda s: s.connected)
        await hold.reached.wait()
        for number in range(1000):
            sim.emit(session_id, say(f"burst {number}"))
        await viewer.pause(2.0)
        hold.release()
        await viewer.until(lambda s: viewer.keys == ids(sim, session_id))
        await viewer.pause(70.0)
        assert viewer.keys == ids(sim, session_id)


async def test_the_list_counts_as_read_when_all_it_had_has_been_taken(sim, base_url):
    """Whoever takes slowly is not told before: notices and answers go by it."""
    session_id = sim.create_session(agent="none")
    for number in range(5):
        sim.emit(session_id, say(f"before {number}"))
    client = make_client(api_key=sim.api_key, auth_token=None, base_url=base_url)
    source, keys = Live(client, session_id), []
    async with aclosing(source.batches()) as batches:
        async for batch in batches:
            keys += [event.key for event in batch.events]
            if source.line.checked_at is not None:
                break
            await asyncio.sleep(2.0)  # the list is there long since
    assert set(ids(sim, session_id)) <= set(keys)


async def test_a_servers_clock_that_goes_back_moves_nothing(sim, view):
    """An hour ahead, and then right again: the order is the list's, not that of any clock."""
    session_id = sim.create_session(agent="none")
    begun = parse_stamp(sim.emit(session_id, say("before"))["processed_at"])
    async with view(session_id) as viewer:
        await viewer.until(lambda s: s.connected and viewer.keys == ids(sim, session_id))
        for number, seconds in enumerate([3600, 3601, 5, 6, -3600, 7]):
            at = stamp_text(begun + seconds + number * 1e-3)
            sim.emit(session_id, {**say(f"at {seconds}"), "processed_at": at})
        await viewer.until(lambda s: len(viewer.keys) == 7)
        streamed = viewer.keys
        await viewer.pause(70.0)
        assert viewer.keys == ids(sim, session_id) == streamed
        assert viewer.source.line.gaps == 0


async def test_a_long_history_comes_page_by_page(sim, view, monkeypatch):
    monkeypatch.setattr("cma_tui.source.history.PAGE", 7)
    session_id = sim.create_session(agent="none")
    for n in range(50):
        sim.emit(session_id, {"type": "agent.message", "content": [{"type": "text", "text": str(n)}]})
    async with view(session_id) as viewer:
        await viewer.until(lambda s: len(s.items) == 51)
        assert viewer.keys == ids(sim, session_id)


async def test_a_repeated_page_cursor_is_an_error_not_a_loop(sim, view, monkeypatch):
    monkeypatch.setattr("cma_tui.source.history.PAGE", 7)
    session_id = sim.create_session(agent="none")
    for n in range(50):
        sim.emit(session_id, {"type": "agent.message", "content": [{"type": "text", "text": str(n)}]})
    sim.faults.page("same_cursor", times=None)
    async with view(session_id) as viewer:
        await viewer.until_end()
        assert "repeats a page" in str(viewer.error)


async def test_a_clean_end_and_a_broken_line_both_reconnect_and_lose_nothing(sim, view):
    session_id = sim.create_session(agent="none")
    async with view(session_id) as viewer:
        await viewer.until(lambda s: s.connected)
        for n in range(6):
            sim.emit(session_id, {"type": "agent.message", "content": [{"type": "text", "text": str(n)}]})
            sim.end_streams(session_id, broken=bool(n % 2))
            sim.emit(session_id, {"type": "agent.message", "content": [{"type": "text", "text": f"gap {n}"}]})
            await viewer.until(lambda s, n=n: s.connected and len(viewer.keys) == 2 * n + 2)
        assert viewer.keys == ids(sim, session_id)


async def test_a_stream_cut_at_any_byte_loses_nothing(sim, view):
    session_id = sim.create_session(agent="none")
    for cut in range(0, 260, 13):
        sim.faults.cut(after_bytes=cut)
    async with view(session_id) as viewer:
        await viewer.until(lambda s: s.connected)
        for n in range(25):
            sim.emit(session_id, {"type": "agent.message", "content": [{"type": "text", "text": str(n)}]})
        await viewer.until(lambda s: len(viewer.keys) == 25)
        assert viewer.keys == ids(sim, session_id)


async def test_an_event_that_is_on_neither_stream_nor_first_list_is_found_by_the_second_list(sim, view):
    session_id = sim.create_session(agent="none")
    sim.emit(session_id, {"type": "agent.message", "content": [{"type": "text", "text": "first"}]})
    async with view(session_id) as viewer:
        await viewer.until(lambda s: s.connected and len(viewer.keys) == 1)
        sim.faults.drop("agent.message")
        sim.emit(session_id, {"type": "agent.message", "content": [{"type": "text", "text": "dropped"}]})
        sim.emit(session_id, {"type": "agent.message", "content": [{"type": "text", "text": "seen"}]})
        await viewer.until(lambda s: len(viewer.keys) == 2)
        await viewer.until(lambda s: len(viewer.keys) == 3)
        assert viewer.keys == ids(sim, session_id), "the dropped event stands where the server has it"


async def test_duplicates_on_the_stream_are_shown_once(sim, view):
    session_id = sim.create_session()
    sim.faults.duplicate("*", copies=3, times=None)
    async with view(session_id) as viewer:
        await viewer.until(lambda s: s.connected)
        await viewer.source.controls.send([message("p99 is up")])
        await viewer.until(lambda s: len(s.turns) == 1 and s.turns[0].ended)
        assert viewer.keys == ids(sim, session_id)


async def test_a_message_waits_in_the_queue_until_the_server_stamps_it(sim, view):
    session_id = sim.create_session(agent="none")
    async with view(session_id) as viewer:
        await viewer.until(lambda s: s.connected)
        (echo,) = await viewer.source.controls.send([message("hello")])
        await viewer.until(lambda s: echo.key in s.queued)
        assert not viewer.session.turns
        sim.take_queued(session_id)
        await viewer.until(lambda s: not s.queued)
        assert [turn.key for turn in viewer.session.turns] == [echo.key]


async def test_rubbish_on_the_stream_has_a_row_and_the_stream_goes_on(sim, view):
    session_id = sim.create_session(agent="none")
    for rubbish in (
        b"{broken",
        b"[1, 2]",
        b"null",
        b'{"no": "type"}',
        b"\xff\xfe",
        b'{"type": "local.session"}',
    ):
        sim.faults.inject(b"event: message\ndata: " + rubbish + b"\n\n")
    async with view(session_id) as viewer:
        await viewer.until(lambda s: s.connected)
        sim.emit(session_id, {"type": "agent.message", "content": [{"type": "text", "text": "still here"}]})
        await viewer.until(lambda s: s.bad_frames == 6 and viewer.keys)
        assert viewer.session.id == session_id, "a server cannot state our own facts"


async def test_frames_without_a_name_pings_and_end_marks_are_understood(sim, view):
    session_id = sim.create_session(agent="none")
    sim.faults.inject(
        b'data: {"type":"agent.message","id":"sevt_plain","content":[]}\n\n'
        b"event: ping\ndata: {}\n\n: comment\n\nretry: 5\n\nid: 7\n\ndata: [DONE]\n\n"
        b'event: agent.message\r\ndata: {"type":"agent.message",\r\n'
        b'data: "id":"sevt_two","content":[]}\r\n\r\n'
    )
    async with view(session_id) as viewer:
        await viewer.until(lambda s: "sevt_two" in s.ordinals)
        assert viewer.session.bad_frames == 0
        assert "sevt_plain" in viewer.session.ordinals


async def test_an_unknown_type_is_kept_shown_and_counted(sim, view):
    session_id = sim.create_session(agent="none")
    sim.faults.inject(b'event: message\ndata: {"type":"agent.dreams","id":"sevt_new","of":["sheep"]}\n\n')
    async with view(session_id) as viewer:
        await viewer.until(lambda s: "sevt_new" in s.ordinals)
        assert viewer.session.unknown_types == {"agent.dreams": 1}


async def test_html_in_place_of_a_stream_is_tried_again_and_said(sim, view):
    session_id = sim.create_session()
    sim.faults.portal(times=2)
    async with view(session_id) as viewer:
        await viewer.until(lambda s: s.connected)
        reasons = [e.data["reason"] for e in viewer.session.events if e.type == "local.disconnected"]
        assert len(reasons) == 2
        assert all("text/html" in reason for reason in reasons)


async def test_busy_answers_are_tried_again_after_the_time_the_server_asks_for(sim, view):
    session_id = sim.create_session()
    begun = asyncio.get_running_loop().time()
    sim.faults.fail("events.stream", 529, times=2)
    sim.faults.fail("events.stream", 429, headers={"retry-after": "3600"})
    sim.faults.fail("events.list", 500, times=2)
    async with view(session_id) as viewer:
        await viewer.until(lambda s: s.connected)
        assert asyncio.get_running_loop().time() - begun < 400, "an hour is bounded to five minutes"


async def test_what_another_try_cannot_mend_ends_with_one_line_and_its_exit_code(sim, view, base_url):
    session_id = sim.create_session()
    cases = [
        ({"key": "sk-wrong", "session_id": session_id}, 5, "; `cma-top doctor` says which key"),
        (
            {"session_id": "sesn_nowhere"},
            5,
            "does not exist, or this key may not see it (404); `cma-top doctor`",
        ),
        ({"session_id": session_id, "url": "http://127.0.0.1:9"}, 1, "cannot reach"),
    ]
    for arguments, exit_code, words in cases:
        async with view(**arguments) as viewer:
            await viewer.until_end()
            assert viewer.error.exit_code == exit_code
            assert words in str(viewer.error)
            assert "\n" not in str(viewer.error)
            assert "sk-wrong" not in str(viewer.error)


async def test_a_key_that_is_refused_in_mid_life_ends_it_and_all_that_came_is_shown(sim, view):
    """Also what streamed in while the list was read, which holds it back."""
    session_id = sim.create_session(agent="none")
    held = sim.faults.hold("events.list")
    async with view(session_id) as viewer:
        await viewer.until(lambda s: s.connected)
        await held.reached.wait()
        sim.emit(session_id, say("streamed in"))
        await viewer.pause(1.0)
        sim.faults.fail("events.stream", 401, error_type="authentication_error", message="no such key")
        sim.end_streams(session_id)
        await viewer.until_end()
        assert "refused the key (401): no such key" in str(viewer.error)
        assert viewer.keys == ids(sim, session_id)
        assert viewer.source.line.checked_at is None


async def test_a_page_that_is_no_api_is_said_to_be_none(sim, view):
    session_id = sim.create_session()
    sim.faults.portal("sessions.retrieve")
    async with view(session_id) as viewer:
        await viewer.until_end()
        assert "no Managed Agents API" in str(viewer.error)


async def test_a_terminated_session_is_read_to_its_end_and_the_source_ends(sim, view):
    session_id = sim.create_session()
    async with view(session_id) as viewer:
        await viewer.until(lambda s: s.connected)
        sim.archive(sim.sessions[session_id])
        await viewer.until_end()
        assert viewer.error is None
        assert viewer.session.status == "terminated"
        assert viewer.keys == ids(sim, session_id)
    async with view(session_id) as late:
        await late.until_end()
        assert late.session.status == "terminated"


async def test_a_deleted_session_ends_the_source_and_stays_readable(sim, view):
    session_id = sim.create_session()
    async with view(session_id) as viewer:
        await viewer.until(lambda s: s.connected)
        sim.delete(sim.sessions[session_id])
        await viewer.until_end()
        assert viewer.error is None
        assert viewer.session.status == "deleted"


async def test_without_following_the_history_is_listed_once(sim, view):
    session_id = sim.create_session()
    sim.accept(sim.sessions[session_id], [message("p99 is up")])
    await sim.until_idle(session_id)
    async with view(session_id, follow=False) as viewer:
        await viewer.until_end()
        assert viewer.keys == ids(sim, session_id)


async def test_previews_grow_and_give_way_to_their_event(sim, view):
    session_id = sim.create_session(agent="none")
    async with view(session_id) as viewer:
        await viewer.until(lambda s: s.connected)
        sim.preview(session_id, {"type": "event_start", "event": {"type": "agent.message", "id": "sevt_p"}})
        for text in ("Two ", "tests"):
            delta = {"type": "content_delta", "index": 0, "content": {"type": "text", "text": text}}
            sim.preview(session_id, {"type": "event_delta", "event_id": "sevt_p", "delta": delta})
        await viewer.until(lambda s: "sevt_p" in s.previews and s.previews["sevt_p"].text == "Two tests")
        sim.emit(session_id, {"type": "agent.message", "id": "sevt_p", "content": []})
        await viewer.until(lambda s: not s.previews and "sevt_p" in s.ordinals)


async def test_every_byte_of_the_stream_is_a_sign_of_life(sim, view):
    session_id = sim.create_session(agent="none")
    async with view(session_id) as viewer:
        await viewer.until(lambda s: s.connected)
        opened = viewer.source.line.last_byte_at
        sim.emit(session_id, {"type": "agent.message", "content": []})
        async with asyncio.timeout(20):
            while viewer.source.line.last_byte_at == opened:  # noqa: ASYNC110 - nothing else tells of a byte
                await asyncio.sleep(0)


@pytest.mark.parametrize("status", [429, 500, 529])
async def test_a_server_that_is_busy_at_first_is_asked_again_what_the_session_is(sim, view, status):
    session_id = sim.create_session(title="Later", agent="none")
    sim.emit(session_id, say("hello"))
    sim.faults.fail("sessions.retrieve", status)
    async with view(session_id) as viewer:
        await viewer.until(lambda s: s.title == "Later")
        assert viewer.keys == ids(sim, session_id)
        assert viewer.error is None


async def test_two_viewers_see_the_same(sim, view):
    session_id = sim.create_session()
    async with view(session_id) as one, view(session_id) as two:
        await one.until(lambda s: s.connected)
        await two.until(lambda s: s.connected)
        await one.source.controls.send([message("roll it back")])
        await two.until(lambda s: s.pending)
        (asked,) = two.session.pending
        await two.source.controls.send(
            [{"type": "user.tool_confirmation", "tool_use_id": asked, "result": "allow"}]
        )
        await one.until(lambda s: s.turns and s.turns[-1].ended)
        await two.until(lambda s: s.turns and s.turns[-1].ended)
        assert one.keys == two.keys == ids(sim, session_id)
        assert not one.session.pending
