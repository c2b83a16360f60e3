"""`wait`: what it waits for, how it ends, and whom it tells."""

import http.server
import json
import sys
import threading

import pytest

from cma_tui.log.aside import Aside
from tests.cli.conftest import message

OUTCOME = {"type": "user.define_outcome", "description": "a summary"}


@pytest.mark.parametrize(
    ("text", "code"), [("hi", 0), ("rollback", 3), ("overload", 4), ("terminate", 4), ("exploit", 4)]
)
def test_the_code_tells_how_it_stands(run, service, text, code):
    session = service.session()
    service.say(session, text)
    got, out, err = run("wait", session, "--timeout", "20")
    assert (got, out) == (code, "")
    assert bool(err) == bool(code)


def test_it_waits_for_the_end_of_the_turn_whoever_answers(run, service, sim):
    session = service.session()

    service.say(session, "hi")
    service.server.call(lambda: sim.accept(sim.sessions[session], [message("rollback")]))
    service.start(sim.until_idle(session)).result(60)

    async def answer():
        await sim.until_streams(session)
        (ask,) = sim.sessions[session].blocking_ids
        sim.accept(
            sim.sessions[session],
            [{"type": "user.tool_confirmation", "tool_use_id": ask, "result": "allow"}],
        )

    answering = service.start(answer())
    assert run("wait", "--until", "done", "--timeout", "20", session)[0] == 0
    answering.result(60)
    assert service.log(session)[-1]["stop_reason"] == {"type": "end_turn"}


def test_of_a_long_session_only_the_newest_events_stay_in_memory(run, service, monkeypatch):
    kept = []

    class Watched(Aside):
        def append(self, event):
            super().append(event)
            kept.append(len(self._whole))

    monkeypatch.setattr("cma_tui.log.aside.Aside", Watched)
    monkeypatch.setattr("cma_tui.log.aside.WINDOW", 8)
    monkeypatch.setattr("cma_tui.log.aside._STRETCH", 4)
    session = service.session()
    for _ in range(6):
        service.say(session, "hi")
    assert run("wait", session, "--timeout", "20")[0] == 0
    assert len(kept) > 12 >= max(kept)


def test_it_waits_for_a_question(run, service, sim):
    session = service.session()

    async def ask():
        await sim.until_streams(session)
        await service.said(session, "hi")
        await service.said(session, "rollback")

    asking = service.start(ask())
    code, _, err = run("wait", "--until", "needs-answer", "--timeout", "20", session)
    asking.result(60)
    assert code == 3
    assert "a confirmation for bash" in err


@pytest.mark.parametrize(("iterations", "code"), [(3, 0), (1, 4)])
def test_an_outcome_is_judged(run, service, sim, iterations, code):
    session = service.session()
    define = {**OUTCOME, "max_iterations": iterations, "rubric": {"type": "text", "content": "complete"}}

    service.say(session, "hi")
    service.server.call(lambda: sim.accept(sim.sessions[session], [define]))
    service.start(sim.until_idle(session)).result(60)
    got, _, err = run("wait", "--until", "outcome", "--timeout", "20", session)
    assert got == code
    assert ("max_iterations_reached" in err) == bool(code)


def test_no_outcome_is_no_success(run, service):
    session = service.session()
    service.say(session, "hi")
    code, _, err = run("wait", "--until", "outcome", "--timeout", "20", session)
    assert (code, "no outcome" in err) == (1, True)


def test_time_runs_out(run, service):
    session = service.session(agent="none")
    service.emit(session, {"type": "session.status_running"})
    code, _, err = run("wait", "--timeout", "2", session)
    assert code == 6
    assert "timed out after 2.0s" in err
    assert "is running" in err


@pytest.mark.parametrize("value", ["0", "-1", "nan", "soon"])
def test_a_time_that_is_none_is_refused(run, service, value):
    assert run("wait", "--timeout", value, service.session())[0] == 2


def test_an_unknown_session(run, service):
    assert run("wait", "sesn_01unknownunknownunknown")[0] == 5


# -- who is told -------------------------------------------------------------------------------------


def test_a_command_is_told_the_state_and_nothing_of_what_was_said(run, service, tmp_path):
    session = service.session()
    service.say(session, "rollback")
    told = tmp_path / "told"
    script = tmp_path / "script.py"
    script.write_text(
        "import json, os, sys\n"
        f"json.dump([json.load(sys.stdin), os.environ['CMA_TOP_STATE'], os.environ['CMA_TOP_TOOL']],"
        f" open({str(told)!r}, 'w'))"
    )
    assert run("wait", session, "--on-event", f"{sys.executable} {script}")[0] == 3
    data, state, tool = json.loads(told.read_text())
    assert data == {"session": session, "state": "waiting", "tool": "bash", "needs": "confirmation"}
    assert (state, tool) == ("waiting", "bash")


def test_no_shell_reads_the_command(run, service, tmp_path):
    session = service.session()
    service.say(session, "hi")
    made = tmp_path / "made"
    code, _, err = run("wait", session, "--on-event", f"true; touch {made}")
    assert code == 0
    assert not made.exists()
    assert "--on-event" in err


@pytest.mark.parametrize("command", ["", "'", "/no/such/command"])
def test_a_command_that_cannot_run_is_said(run, service, command):
    session = service.session()
    service.say(session, "hi")
    code, _, err = run("wait", session, "--on-event", command)
    assert code == (0 if command.startswith("/") else 2)
    assert "--on-event" in err


@pytest.mark.parametrize("url", ["http://example.org/x", "file:///etc/passwd", "ftp://localhost/x", "x"])
def test_a_webhook_elsewhere_is_https(run, service, url):
    code, _, err = run("wait", service.session(), "--webhook", url)
    assert (code, "--webhook" in err) == (2, True)


def test_a_webhook_is_posted_to_and_not_followed_elsewhere(run, service):
    posted = []

    class Hook(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            posted.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(302)
            self.send_header("location", "/elsewhere")
            self.end_headers()

        do_GET = do_POST  # noqa: N815 - to be caught if it were followed

        def log_message(self, *_):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    session = service.session()
    service.say(session, "hi")
    try:
        code, _, err = run("wait", session, "--webhook", f"http://127.0.0.1:{server.server_port}/x")
    finally:
        server.shutdown()
        server.server_close()
    assert (code, posted) == (0, [{"session": session, "state": "idle", "stop_reason": "end_turn"}])
    assert "answered 302" in err
