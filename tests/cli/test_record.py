"""`record` and `save` against the simulator, and the switch that the screens have."""

import json
import os
import signal
import threading
from pathlib import Path
from time import monotonic

import pytest

from cma_tui.feed import fold_all
from cma_tui.log.formats import open_log

TICK = threading.Event()


def ids(path):
    """Ids of the session's own events in a recording, in the order it tells."""
    with open_log(path) as log:
        session = fold_all(log.events())
    own = [e for e in session.events if not e.type.startswith("local.") and e.stream is None]
    return [event.key for event in own]


@pytest.fixture
def recordings(tmp_path, monkeypatch):
    monkeypatch.setenv("CMA_TOP_STATE_DIR", str(tmp_path / "state"))
    return tmp_path / "state" / "recordings"


def test_a_saved_session_is_the_servers_log_and_is_completed_later(run, service, recordings):
    session = service.session()
    service.say(session, "hi")
    code, out, err = run("save", session)
    path = out.strip()
    assert code == 0
    assert path.startswith(str(recordings))
    assert f"to {path}" in err
    assert err.count("\n") == 1
    assert ids(path) == [event["id"] for event in service.log(session)]
    service.say(session, "delegate")
    assert run("save", session, "-o", path)[:2] == (0, out)
    with open_log(path) as log:
        events = list(log.events())
    assert any(event.stream is not None for event in events)
    wanted = [event["id"] for event in service.log(session)]
    assert set(wanted) <= {event.key for event in events}
    # What a child's own list has as well stands in its thread, at its time.
    own = ids(path)
    assert own == [key for key in wanted if key in set(own)]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_recording_ends_with_a_signal_and_goes_on_at_the_next(run, service, recordings, number):
    session = service.session()

    def stop():
        service.say(session, "hi")
        wanted = [event["id"] for event in service.log(session)]
        deadline = monotonic() + 60
        while monotonic() < deadline:
            files = list(recordings.glob("*.jsonl"))
            if files and all(f'\\"{key}\\"' in files[0].read_text() for key in wanted):
                break
            TICK.wait(0.02)
        os.kill(os.getpid(), number)

    for sitting in (1, 2):
        stopper = threading.Thread(target=stop)
        stopper.start()
        code, out, err = run("record", session)
        stopper.join()
        assert code == 0, err
        assert f"recording to {out.strip()}" in err
        assert sitting == Path(out.strip()).read_text().count('{"cma_top_log":')
    assert ids(out.strip()) == [event["id"] for event in service.log(session)]
    listed, recorded = (json.loads(run("stats", "--json", what)[1]) for what in (session, out.strip()))
    for figures in (listed, recorded):  # who watched knows more: when its line was open, when a word came
        for name in ("disconnects", "disconnected_s"):
            del figures["totals"][name]
        for entry in (*figures["turns"], *figures["requests"]):
            entry.pop("ttft_s", None)
            entry.pop("queue_wait_s", None)
        figures["totals"].pop("queue_wait_s", None)
    assert recorded == listed


def test_what_cannot_be_recorded_is_said(run, service, recordings, tmp_path):
    code, out, err = run("record", "sesn_01unknownunknownunknown")
    assert (code, out) == (5, "")
    assert err.count("\n") == 1
    other = tmp_path / "other.txt"
    other.write_text("mine\n")
    session = service.session()
    code, out, err = run("save", session, "-o", str(other))
    assert (code, out, other.read_text()) == (1, "", "mine\n")
    assert "is no recording" in err


def test_a_session_and_its_saved_log_have_the_same_figures_to_the_last_digit(run, service, recordings):
    session = service.session()
    for text in ("hi", "delegate to a subagent"):
        service.say(session, text)
    _, live, _ = run("stats", "--json", session)
    path = run("save", session)[1].strip()
    _, saved, _ = run("stats", "--json", path)
    figures = json.loads(live)
    assert json.loads(saved) == figures
    assert any(thread["model_requests"] for thread in figures["threads"]), "the children's are among them"
    assert figures["totals"]["model_requests"] == len(figures["requests"]) > 1
    assert figures["totals"]["cost_usd"] > 0
