"""The stream's bytes, its lifetime, and previews."""

import json

import pytest

from cma_tui.simulator import Simulator


def text_event(text, **more):
    return {"type": "agent.message", "content": [{"type": "text", "text": text}], **more}


async def test_the_bytes_are_those_of_the_service(api, sim):
    session_id = sim.create_session(agent="none")
    async with api.stream(session_id) as stream:
        assert stream.response.status_code == 200
        assert stream.response.headers["content-type"] == "text/event-stream"
        assert stream.response.headers["cache-control"] == "no-cache, no-transform"
        assert stream.response.headers["request-id"].startswith("req_")
        assert "anthropic-ratelimit-requests-limit" not in stream.response.headers
        assert await stream.until(b"\n\n") == b": connected\n\n"
        event = sim.emit(
            session_id,
            text_event(
                "22 °C — \u2028 日本 🙂 \x1b[0m", id="sevt_1", processed_at="2026-10-12T09:00:00.000001Z"
            ),
        )
        data = await stream.until(b'Z"')
        assert (
            data
            == (
                ": connected\n\nevent: message\n"
                'data: {"content":[{"text":"22 °C — \u2028 日本 🙂 \\u001b[0m",'
                '"type":"text"}],"id":"sevt_1","processed_at":"2026-10-12T09:00:00.000001Z",'
                '"type":"agent.message"}\n\n'
            ).encode()
        )
    assert sim.log(session_id) == [event]


async def test_every_frame_has_its_keys_sorted_and_no_other_line(api, sim):
    session_id = sim.create_session()
    async with api.stream(session_id, "agent.message", "agent.thinking") as stream:
        await api.send(session_id, {"type": "user.message", "content": [{"type": "text", "text": "debug"}]})
        await sim.until_idle(session_id)
        sim.end_streams(session_id)
        data = await stream.to_end()
    frames = data.decode().removeprefix(": connected\n\n").removesuffix("\n\n").split("\n\n")
    assert len(frames) > 150
    for frame in frames:
        name, line = frame.split("\n")
        assert name == "event: message"
        raw = line.removeprefix("data: ")
        assert raw == json.dumps(json.loads(raw), sort_keys=True, ensure_ascii=False, separators=(",", ":"))


async def test_nothing_is_replayed_on_connect(api, sim):
    session_id = sim.create_session(agent="none")
    sim.emit(session_id, text_event("before"))
    async with api.stream(session_id) as stream:
        await stream.until(b"connected")
        sim.emit(session_id, text_event("after"))
        await stream.until(b"after")
        assert b"before" not in stream.data


async def test_the_stream_stays_open_after_idle_and_says_it_lives(connected):
    sim = Simulator(keepalive=0.005)
    async with connected(sim) as api:
        session_id = sim.create_session()
        async with api.stream(session_id) as stream:
            await stream.until(b"connected")
            await api.say(session_id, "hello")
            await stream.until(b"session.status_idle")
            await stream.until(b"\n\n:keepalive\n\n:keepalive\n\n")
            await api.say(session_id, "hello again")
            await stream.until(b"hello again")


async def test_the_stream_ends_cleanly_when_it_has_been_quiet(connected):
    sim = Simulator(keepalive=0.01, quiet_end=0.025)
    async with connected(sim) as api:
        session_id = sim.create_session(agent="none")
        async with api.stream(session_id) as stream:
            data = await stream.to_end()
        said = data.removeprefix(b": connected\n\n")
        assert said != data
        assert said.replace(b":keepalive\n\n", b"") == b"", "an end like any other: without half a line"
        await sim.until_streams(session_id, 0)


async def test_deletion_is_the_last_event_and_not_in_the_log(api, sim):
    session_id = sim.create_session()
    async with api.stream(session_id) as stream:
        await stream.until(b"connected")
        await api.sdk.beta.sessions.delete(session_id)
        await stream.to_end()
        assert [event["type"] for event in stream.events] == ["session.deleted"]
    assert sim.log(session_id) == []
    assert (await api.get(f"/v1/sessions/{session_id}/events")).status_code == 404


async def test_termination_ends_the_stream(api, sim):
    session_id = sim.create_session()
    async with api.stream(session_id) as stream:
        await stream.until(b"connected")
        await api.sdk.beta.sessions.archive(session_id)
        await stream.to_end()
        types = [event["type"] for event in stream.events]
        assert types == ["session.thread_status_terminated", "session.status_terminated"]
    async with api.stream(session_id) as stream:
        assert await stream.to_end() == b": connected\n\n"


async def test_a_client_that_leaves_is_forgotten(api, sim):
    session_id = sim.create_session(agent="none")
    async with api.stream(session_id) as stream:
        await stream.until(b"connected")
        await sim.until_streams(session_id, 1)
    await sim.until_streams(session_id, 0)


async def test_streams_that_were_not_asked_for_previews_get_none(api, sim):
    session_id = sim.create_session()
    async with api.stream(session_id) as plain, api.stream(session_id, "agent.message") as opted:
        await plain.until(b"connected")
        await opted.until(b"connected")
        await api.say(session_id, "hello")
        await plain.until(b"session.status_idle")
        await opted.until(b"session.status_idle")
    persisted = [event for event in opted.events if "processed_at" in event]
    assert persisted == plain.events == sim.log(session_id)
    assert any(event["type"] == "event_delta" for event in opted.events)


@pytest.mark.parametrize("text", ["debug my incident", "postmortem", "hostile", "who is on call?"])
async def test_previews_make_up_the_message_that_follows_them(api, sim, text):
    session_id = sim.create_session()
    async with api.stream(session_id, "agent.message", "agent.thinking") as stream:
        await stream.until(b"connected")
        await api.say(session_id, text)
        sim.end_streams(session_id)
        await stream.to_end()
    started, texts, final = {}, {}, {}
    for event in stream.events:
        match event["type"]:
            case "event_start":
                assert set(event) == {"type", "event"}
                assert event["event"]["id"] not in started
                started[event["event"]["id"]] = event["event"]["type"]
            case "event_delta":
                assert set(event) == {"type", "event_id", "delta"}
                assert started[event["event_id"]] == "agent.message"
                assert event["event_id"] not in final, "the message is the last thing with its id"
                texts[event["event_id"]] = (
                    texts.get(event["event_id"], "") + event["delta"]["content"]["text"]
                )
            case "agent.message":
                final[event["id"]] = event["content"][0]["text"]
    assert final
    assert {i: texts[i] for i in final} == final
    thoughts = {event["id"] for event in stream.events if event["type"] == "agent.thinking"}
    assert thoughts == {i for i, about in started.items() if about == "agent.thinking"}


async def test_a_failed_request_leaves_its_preview_without_a_message(api, sim):
    session_id = sim.create_session()
    async with api.stream(session_id, "agent.message") as stream:
        await stream.until(b"connected")
        await api.say(session_id, "debug my incident")
        sim.end_streams(session_id)
        await stream.to_end()
    started = [event["event"]["id"] for event in stream.events if event["type"] == "event_start"]
    written = {event["id"] for event in stream.events if event["type"] == "agent.message"}
    assert len([i for i in started if i not in written]) == 1


async def test_who_joins_in_mid_message_gets_no_previews_of_it(api, sim):
    session_id = sim.create_session(agent="none")
    start = {"type": "event_start", "event": {"type": "agent.message", "id": "sevt_m"}}
    delta = {
        "type": "event_delta",
        "event_id": "sevt_m",
        "delta": {"type": "content_delta", "index": 0, "content": {"type": "text", "text": "hel"}},
    }
    async with api.stream(session_id, "agent.message") as early:
        await early.until(b"connected")
        sim.preview(session_id, start)
        async with api.stream(session_id, "agent.message") as late:
            await late.until(b"connected")
            sim.preview(session_id, delta)
            sim.emit(session_id, text_event("hello", id="sevt_m"))
            await early.until(b"processed_at")
            await late.until(b"processed_at")
    assert [event["type"] for event in early.events] == ["event_start", "event_delta", "agent.message"]
    assert [event["type"] for event in late.events] == ["agent.message"]


@pytest.mark.parametrize("wanted", [["agent.tool_use"], ["agent.message", "x"], ["agent.message"] * 101])
async def test_previews_of_anything_else_are_refused(api, sim, wanted):
    session_id = sim.create_session()
    async with api.stream(session_id, *wanted) as stream:
        assert stream.response.status_code == 400
        await stream.response.aread()
        assert stream.response.json()["error"]["type"] == "invalid_request_error"


async def test_a_child_is_streamed_on_its_own_thread_only(api, sim):
    session_id = sim.create_session(agent="none")
    child = sim.add_thread(session_id, "log-analyst")
    async with api.stream(session_id) as parent, api.stream(session_id, thread_id=child) as own:
        await parent.until(b"connected")
        await own.until(b"connected")
        sim.emit(session_id, text_event("for the child"), child)
        sim.emit(session_id, text_event("for all"))
        await own.until(b"for the child")
        await parent.until(b"for all")
    assert [e["content"][0]["text"] for e in parent.events] == ["for all"]
    assert [e["content"][0]["text"] for e in own.events] == ["for the child"]


async def test_the_sdk_reads_the_stream(api, sim):
    session_id = sim.create_session()
    async with await api.sdk.beta.sessions.events.stream(session_id) as stream:
        await api.send(session_id, {"type": "user.message", "content": [{"type": "text", "text": "hi"}]})
        seen = []
        async for event in stream:
            seen.append(event.id)
            if event.type == "session.status_idle":
                break
    assert seen == [event["id"] for event in sim.log(session_id)]


async def test_events_of_a_batch_are_a_microsecond_apart(api, sim):
    session_id = sim.create_session(agent="none")
    batch = sim.emit_batch(session_id, [{"type": "session.status_running"}, text_event("a"), text_event("b")])
    stamps = [int(event["processed_at"][-7:-1]) for event in batch]
    assert [later - stamps[0] for later in stamps] == [0, 1, 2]
