"""Servers that speak most of the API: what there is is shown once, in order, and nothing breaks."""

import json

import pytest

from cma_tui.source import SourceError
from tests.source.conftest import message
from tests.source.other_server import SERVERS, Ways, serving_other


@pytest.fixture(params=SERVERS)
async def other(request):
    async with serving_other(SERVERS[request.param]) as served:
        yield served


def raw(viewer):
    return [json.loads(event.raw) for event in viewer.session.events if not event.type.startswith("local.")]


def talk(other, number):
    """A turn of an agent with one tool."""
    if other.ways.statuses:
        other.emit("session.status_running")
    else:
        other.status = "running"
    other.emit("agent.tool_use", name="bash", input={"command": f"run {number}"})
    use = other.log[-1].get("id", "toolu_1")
    other.emit("agent.tool_result", tool_use_id=use, content=f"result {number}")
    other.emit("agent.message", content=f"answer {number}")
    if other.ways.statuses:
        other.emit("session.status_idle", stop_reason={"type": "end_turn"})
    else:
        other.status = "idle"


async def test_a_long_history_is_read_by_the_way_the_server_pages(other, view):
    server, url = other
    for number in range(12):
        server.emit("user.message", content=f"question {number}")
        talk(server, number)
    async with view("session_1", url=url) as viewer:
        await viewer.until(lambda s: viewer.source.line.checked_at is not None)
        await viewer.until(lambda s: raw(viewer) == server.log)
        assert viewer.session.agent.model == "other-1"


async def test_what_streams_in_is_shown_once_across_connections(other, view):
    server, url = other
    server.emit("user.message", content="question")
    async with view("session_1", url=url) as viewer:
        await viewer.until(lambda s: s.connected and viewer.source.line.checked_at is not None)
        for number in range(4):
            talk(server, number)
            await viewer.until(lambda s: raw(viewer) == server.log)
            server.end_streams()
            server.emit("user.message", content=f"between two connections {number}")
            await viewer.until(lambda s: s.connected and raw(viewer) == server.log)
        await viewer.pause(100)
        assert raw(viewer) == server.log
        assert viewer.session.bad_frames == 0


@pytest.mark.parametrize("body", ["gzip", "chunks"])
async def test_a_stream_is_read_as_it_comes_however_its_bytes_are_packed(view, body):
    async with serving_other(Ways(body=body)) as (server, url):
        server.emit("user.message", content="question")
        async with view("session_1", url=url) as viewer:
            await viewer.until(lambda s: s.connected and raw(viewer) == server.log)
            await viewer.pause(0.5)
            talk(server, 1)
            await viewer.until(lambda s: raw(viewer) == server.log)
            came = [event for event in viewer.session.events if event.type.startswith("agent.")]
            assert all(event.received_at is not None for event in came), "it is not from the list"


async def test_what_is_sent_is_sent_once_and_an_empty_answer_is_a_yes(other, view):
    server, url = other
    server.emit("user.message", content="question")
    async with view("session_1", url=url) as viewer:
        await viewer.until(lambda s: s.connected and viewer.source.line.checked_at is not None)
        await viewer.source.controls.send([message("hello")])
        talk(server, 1)
        await viewer.until(lambda s: raw(viewer) == server.log)
        assert server.sent == [message("hello")]
        assert not viewer.session.queued


async def test_a_status_that_no_event_tells_is_asked_for(view):
    async with serving_other(SERVERS["no ids, no times, no status"]) as (server, url):
        server.emit("user.message", content="question")
        async with view("session_1", url=url) as viewer:
            await viewer.until(lambda s: s.connected and s.status == "idle")
            server.status = "running"
            await viewer.until(lambda s: s.status == "running")
            server.status = "idle"
            await viewer.until(lambda s: s.status == "idle")


@pytest.mark.parametrize("part", ["/events/stream", "/events"])
async def test_nobody_is_sent_elsewhere_with_the_key_or_the_words(view, part):
    """A redirect is refused: the other server sees neither request nor key."""
    one, two = SERVERS["named by type"], Ways()
    async with serving_other(one) as (server, url), serving_other(two) as (trap, elsewhere):
        server.emit("user.message", content="question")
        async with view("session_1", url=url) as viewer:
            await viewer.until(lambda s: s.connected and viewer.source.line.checked_at is not None)
            server.moved = {part: elsewhere}
            if part == "/events":
                with pytest.raises(SourceError, match="307"):
                    await viewer.source.controls.send([message("a secret")])
            server.end_streams()
            await viewer.until_end()
            assert "307" in str(viewer.error)
        assert trap.requests == 0
        assert server.sent == []


async def test_a_list_cannot_state_our_own_facts(view):
    async with serving_other(Ways()) as (server, url):
        server.emit("user.message", content="question")
        server.emit("local.session", session={"id": "sesn_forged", "title": "forged"})
        async with view("session_1", url=url) as viewer:
            await viewer.until(lambda s: viewer.source.line.checked_at is not None and s.bad_frames)
            assert (viewer.session.id, viewer.session.title) == ("session_1", None)
