"""The server around the simulator: it starts and ends cleanly, quietly, on any thread, and hides no error."""

import asyncio
import socket
import threading
import time

import httpx
import pytest
from simulator_client import message

from cma_tui.simulator import ServerThread, Simulator, scenes, serving
from cma_tui.simulator.clock import Clock


async def test_it_closes_at_once_with_streams_open(connected):
    sim = Simulator()
    session_id = sim.create_session(agent="none")
    async with connected(sim) as api, api.stream(session_id) as stream:
        await stream.until(b"connected")
        sim.emit(session_id, {"type": "agent.thinking"})
        reader = asyncio.ensure_future(stream.to_end())
        port = int(api.base_url.rsplit(":", 1)[1])
        async with serving(Simulator()):
            pass
        await sim.close()
        assert (await reader).count(b"agent.thinking") == 1
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=1)


async def test_it_closes_with_a_turn_in_play_and_a_request_held():
    sim = Simulator(pace=60)
    session_id = sim.create_session()
    async with (
        serving(sim) as base_url,
        httpx.AsyncClient(base_url=base_url, headers={"x-api-key": "sk-sim"}) as http,
    ):
        sim.accept(sim.sessions[session_id], [message("debug")])
        hold = sim.faults.hold("sessions.list")
        listing = asyncio.ensure_future(http.get("/v1/sessions"))
        await hold.reached.wait()
        await sim.close()  # the turn would go on for half an hour, the request for ever
        assert (await listing).status_code == 200
    assert hold.released.is_set()


async def test_one_simulator_can_be_served_again():
    sim = Simulator()
    session_id = sim.create_session()
    for _ in range(2):
        async with serving(sim) as base_url, httpx.AsyncClient(base_url=base_url) as http:
            reply = await http.get(f"/v1/sessions/{session_id}", headers={"x-api-key": "sk-sim"})
            assert reply.json()["id"] == session_id


async def test_it_is_quiet(capfd):
    async with serving(Simulator()) as base_url, httpx.AsyncClient(base_url=base_url) as http:
        await http.get("/nothing")
    out, err = capfd.readouterr()
    assert (out, err) == ("", "")


async def test_an_error_in_the_test_passes_through_unchanged():
    with pytest.raises(ZeroDivisionError):
        async with serving(Simulator()):
            raise ZeroDivisionError


async def test_an_error_in_a_scene_is_raised_to_whoever_waits(monkeypatch):
    def broken(turn):
        raise LookupError("no such scene")

    monkeypatch.setattr(scenes, "choose", broken)
    sim = Simulator()
    session_id = sim.create_session()
    sim.accept(sim.sessions[session_id], [message("hi")])
    with pytest.raises(BaseExceptionGroup) as raised:
        await sim.until_idle(session_id)
    assert raised.group_contains(LookupError, match="no such scene")


async def test_an_error_in_a_handler_is_a_500_and_raised_at_the_end(monkeypatch):
    sim = Simulator()
    monkeypatch.setattr(sim.ids, "new", lambda prefix: 1 / 0 if prefix == "agent" else "id")
    with pytest.raises(BaseExceptionGroup) as raised:
        async with (
            serving(sim) as base_url,
            httpx.AsyncClient(base_url=base_url, headers={"x-api-key": "sk-sim"}) as http,
        ):
            reply = await http.post("/v1/agents", json={"name": "x", "model": "y"})
    assert reply.status_code == 500
    assert reply.json()["error"]["type"] == "api_error"
    assert raised.group_contains(ZeroDivisionError)


def test_a_server_on_its_own_thread():
    sim = Simulator()
    before = threading.active_count()
    server = ServerThread(sim)
    with server as base_url, httpx.Client(base_url=base_url, headers={"x-api-key": "sk-sim"}) as http:
        session_id = server.call(sim.create_session)
        reply = http.post(f"/v1/sessions/{session_id}/events", json={"events": [message("hello")]})
        assert reply.status_code == 200
        with http.stream("GET", f"/v1/sessions/{session_id}/events/stream") as stream:
            assert next(stream.iter_bytes()) == b": connected\n\n"
    assert threading.active_count() == before


def test_a_server_thread_raises_what_went_wrong(monkeypatch):
    sim = Simulator()
    monkeypatch.setattr("cma_tui.simulator.serve._listen", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError), ServerThread(sim):
        pass


# --- time ---------------------------------------------------------------------------------------------------


async def test_scripted_waits_overlap():
    clock, log = Clock(0), []
    start = clock.now()

    async def wait(name, *waits):
        for seconds in waits:
            await clock.timer(seconds)
            log.append((name, (clock.now() - start) / 1e6))

    async with asyncio.TaskGroup() as group:
        group.create_task(wait("a", 1, 1, 1))
        group.create_task(wait("b", 2.5))
    assert log == [("a", 1), ("a", 2), ("b", 2.5), ("a", 3)]


async def test_pace_stretches_the_script():
    sim = Simulator(pace=0.002)
    session_id = sim.create_session()
    started = time.monotonic()
    sim.accept(sim.sessions[session_id], [message("debug my incident")])
    assert await sim.until_idle(session_id) == "end_turn"
    assert time.monotonic() - started > 0.04


async def test_the_first_turn_of_the_demo_takes_about_half_a_minute():
    sim = Simulator()
    session_id = sim.create_session()
    sim.accept(sim.sessions[session_id], [message("debug my incident")])
    started = sim.clock.now()
    await sim.until_idle(session_id)
    assert 25 <= (sim.clock.now() - started) / 1e6 <= 40


def test_one_simulator_can_be_run_in_one_loop_after_another():
    sim = Simulator()

    async def interrupted_run():
        async with serving(sim):
            sim.accept(sim.sessions[sim.create_session()], [message("debug")])

    async def whole_run():
        async with serving(sim):
            session_id = sim.create_session()
            sim.accept(sim.sessions[session_id], [message("debug")])
            return await sim.until_idle(session_id)

    asyncio.run(interrupted_run())
    assert asyncio.run(whole_run()) == "end_turn"
