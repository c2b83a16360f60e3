"""A client that is stopped and goes on, as on a laptop that sleeps."""

import json
import os
import signal
import subprocess
import sys

import pytest


def say(text):
    return {"type": "agent.message", "content": [{"type": "text", "text": text}]}


@pytest.fixture
def tail(service):
    """`tail --json` of a session, in a process of its own."""
    running = []

    def start(session):
        command = [sys.executable, "-m", "cma_tui", "tail", "--json", session]
        running.append(subprocess.Popen(command, stdout=subprocess.PIPE, env=dict(os.environ)))
        return running[-1]

    yield start
    for process in running:
        process.kill()
        process.communicate()


def test_a_client_that_was_stopped_has_missed_nothing(service, tail):
    session = service.session(agent="none")
    service.emit(session, say("before"))
    process = tail(session)
    lines = [process.stdout.readline()]
    process.send_signal(signal.SIGSTOP)
    for number in range(300):
        service.emit(session, say(f"asleep {number}"))
    service.server.call(lambda: service.sim.end_streams(session, broken=True))
    for number in range(50):
        service.emit(session, say(f"cut off {number}"))
    process.send_signal(signal.SIGCONT)
    service.emit(session, say("awake"))
    service.server.call(lambda: service.sim.archive(service.sim.sessions[session]))
    rest, _ = process.communicate(timeout=60)
    got = [json.loads(line) for line in [*lines, *rest.splitlines()]]
    assert got == service.log(session)
