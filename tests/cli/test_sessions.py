"""`tail` and `stats` on a session: the simulator's log as the oracle."""

import json
import re
import signal
import subprocess
import sys

import pytest

from tests.cli.conftest import look_again_after, message

UNKNOWN = "sesn_01unknownunknownunknown"


def events(out):
    return [json.loads(line) for line in out.splitlines()]


def test_json_is_the_servers_log(run, service):
    session = service.session()
    service.say(session, "investigate")
    code, out, err = run("tail", "--json", "--no-follow", session)
    assert (code, err) == (0, "")
    assert events(out) == service.log(session)
    assert len(events(out)) > 40


@pytest.mark.parametrize(
    "form",
    [
        "https://platform.claude.com/workspaces/default/sessions/{}",
        "https://platform.claude.com/workspaces/default/sessions/{}?tab=events#e",
    ],
)
def test_console_urls(run, service, form):
    session = service.session()
    service.say(session, "hi")
    code, out, _ = run("tail", "--json", "--no-follow", form.format(session))
    assert (code, events(out)) == (0, service.log(session))


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("hi", 0, ""),
        ("rollback", 3, "needs an answer: a confirmation for bash"),
        ("delegate", 3, "needs an answer: a confirmation for bash"),
        ("overload", 4, "gave up after retries"),
        ("budget", 4, "budget reached"),
        ("exploit", 4, "refused"),
        ("terminate", 4, "terminated"),
    ],
)
def test_plain_lines_and_the_exit_code(run, service, text, code, said):
    session = service.session()
    service.say(session, text)
    got, out, err = run("tail", "--no-follow", session)
    assert (got, err.count("\n")) == (code, 1 if code else 0)
    assert said in err
    assert re.match(rf"[-\d]+ [:\d]+  you       {text}\n", out)
    assert "  agent  " in out or text in ("exploit", "overload")


@pytest.mark.parametrize("options", [["--json"], ["--json", "--deltas"], []])
def test_a_session_is_followed_to_its_end(run, service, sim, options):
    """Attached before the first word; then two turns, a dropped line, and the archive."""
    session = service.session()
    # The list of what is there, then the one that looks again: by then it follows the stream.
    second_list = service.server.call(lambda: sim.faults.hold("events.list", skip=1))

    async def drive():
        await second_list.reached.wait()
        second_list.release()
        await service.said(session, "hi")
        sim.end_streams(session, broken=True)
        await sim.until_streams(session)
        await service.said(session, "thanks")
        sim.archive(sim.sessions[session])

    driving = service.start(drive())
    code, out, err = run("tail", *options, session)
    driving.result(60)
    assert (code, err) == (0, "")
    if not options:
        assert [line[21:29].strip() for line in out.splitlines() if line[:1] == "2"].count("you") == 2
        return
    printed = events(out)
    previews = [event for event in printed if event["type"].startswith("event_")]
    assert [event for event in printed if event not in previews] == service.log(session)
    assert bool(previews) == ("--deltas" in options)
    if previews:
        text = "".join(event["delta"]["content"]["text"] for event in previews if "delta" in event)
        assert text
        for preview in previews:  # each before its event
            key = preview["event"]["id"] if "event" in preview else preview["event_id"]
            assert printed.index(preview) < next(n for n, e in enumerate(printed) if e.get("id") == key)


@pytest.mark.parametrize("fault", ["drop", "duplicate", "swap", "lag"])
def test_nothing_is_lost_and_nothing_printed_twice(run, service, sim, fault):
    session = service.session()
    getattr(sim.faults, fault)("agent.*", times=3, skip=1)

    async def drive():
        await sim.until_streams(session)
        await service.said(session, "investigate")
        sim.archive(sim.sessions[session])

    driving = service.start(drive())
    code, out, _ = run("tail", "--json", session)
    driving.result(60)
    assert code == 0
    log = service.log(session)
    assert sorted(event["id"] for event in events(out)) == sorted(event["id"] for event in log)


def test_a_queued_message_is_printed_when_it_has_its_time(run, service, sim):
    session = service.session(agent="none")

    async def drive():
        await sim.until_streams(session)
        sim.emit(session, {"type": "session.status_running"})
        sim.emit(session, {**message("Hi"), "id": "sevt_q", "processed_at": None})
        await sim.until_streams(session)
        sim.take_queued(session)
        sim.emit(session, {"type": "session.status_terminated"})

    driving = service.start(drive())
    _, out, _ = run("tail", "--json", session)
    driving.result(60)
    (queued,) = [event for event in events(out) if event["id"] == "sevt_q"]
    assert queued["processed_at"]


def test_a_message_that_still_waits_is_printed_too(run, service, sim):
    session = service.session(agent="none")
    service.emit(session, {"type": "session.status_running"})
    service.emit(session, {**message("Hi"), "processed_at": None})
    _, out, _ = run("tail", "--json", "--no-follow", session)
    assert events(out) == service.log(session)
    assert "processed_at" not in events(out)[-1]
    _, out, _ = run("tail", "--no-follow", session)
    assert out.endswith("you       Hi  queued\n")


def test_a_deleted_session_ends_the_tail(run, service, sim, monkeypatch):
    look_again_after(3.0, monkeypatch)  # which is not waited for
    session = service.session()

    async def drive():
        await sim.until_streams(session)
        await service.said(session, "hi")
        sim.delete(sim.sessions[session])

    driving = service.start(drive())
    code, _, err = run("tail", session)
    driving.result(60)
    assert (code, err) == (0, "")


def test_wrong_key(run, service, monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-another")
    code, out, err = run("tail", service.session())
    assert (code, out, err.count("\n")) == (5, "", 1)
    assert "refused the key (401)" in err
    assert "sk-another" not in err


def test_a_key_from_a_file(run, service, sim, monkeypatch, tmp_path):
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    (tmp_path / "key").write_text(sim.api_key)
    (tmp_path / "key").chmod(0o600)
    session = service.session()
    assert run("tail", "--no-follow", session, "--api-key-file", str(tmp_path / "key"))[0] == 0
    assert run("--api-key-file", str(tmp_path / "key"), "tail", "--no-follow", session)[0] == 0


@pytest.mark.parametrize("command", [["tail"], ["stats"], []])
def test_unknown_session(run, command):
    code, out, err = run(*command, UNKNOWN)
    assert (code, out, err.count("\n")) == (5, "", 1)
    assert UNKNOWN in err
    assert "does not exist" in err


@pytest.mark.parametrize("route", ["sessions.retrieve", "events.list"])
def test_html_instead_of_an_answer(run, service, sim, route):
    session = service.session()
    sim.faults.portal(route, times=None)
    code, out, err = run("tail", "--no-follow", session)
    assert (code, out, err.count("\n")) == (1, "", 1)


def test_html_instead_of_a_stream_is_told_and_tried_again(run, service, sim):
    session = service.session()
    sim.faults.portal(times=1)

    async def drive():
        await sim.until_streams(session)
        await service.said(session, "hi")
        sim.archive(sim.sessions[session])

    driving = service.start(drive())
    code, out, _ = run("tail", session)
    driving.result(60)
    assert code == 0
    assert "connection lost: the answer is no event stream but text/html" in out
    assert "  agent  " in out


def test_stats_of_a_session(run, service):
    session = service.session()
    service.say(session, "investigate")
    code, out, _ = run("stats", "--json", session)
    (figures,) = events(out)
    assert (code, figures["session_id"], figures["totals"]["turns"]) == (0, session, 1)
    assert figures["agent"]["model"]
    sim = service.sim
    streams = (None, *service.server.call(lambda: list(sim.sessions[session].threads)))
    told = {
        event["id"] for name in streams for event in service.server.call(lambda n=name: sim.log(session, n))
    }
    assert figures["events"] == len(told)


# -- as a process


@pytest.fixture
def following(service):
    """`tail` that follows a session which has said something, with one line of it read."""
    session = service.session()
    service.say(session, "hi")
    process = subprocess.Popen(
        [sys.executable, "-m", "cma_tui", "tail", session],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        bufsize=0,
    )
    with process:
        assert process.stdout.readline()
        yield process
        process.kill()


def test_ctrl_c(following):
    following.send_signal(signal.SIGINT)
    assert following.wait(60) == 130
    assert following.stderr.read().strip() == b""


def test_a_reader_that_goes_away_while_nothing_happens(following):
    following.stdout.close()
    assert following.stderr.read() == b""
    assert following.wait(60) == 0
