"""Tracing from the command line and from the screen: once, visibly, and only when there is a key."""

import json
import re
from pathlib import Path

import pytest

from cma_tui.commands.options import Trace
from cma_tui.commands.sinks import mirror_of
from cma_tui.feed import Feed
from cma_tui.mirror import mirror_for
from cma_tui.settings import load
from cma_tui.source import Batch
from cma_tui.ui.app import CmaTop
from cma_tui.ui.screens.session import SessionScreen
from tests.mirror.fake import Fake
from tests.mirror.help import KEY
from tests.stories.recordings import recording
from tests.ui.play import opening

LOG = b"".join(event.raw + b"\n" for event in recording("langsmith-sdk/custom_tools"))


@pytest.fixture
def fake():
    with Fake() as served:
        yield served


@pytest.fixture
def env(fake, tmp_path, monkeypatch):
    """The environment of somebody who traces to the fake."""
    values = {
        "BRAINTRUST_API_KEY": KEY,
        "BRAINTRUST_APP_URL": fake.url,
        "CMA_TOP_STATE_DIR": str(tmp_path / "state"),
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return values


def turns(fake):
    return [row for row in fake.spans if row["span_attributes"]["name"].endswith(".turn")]


def test_a_log_is_sent_once_and_told(run, fake, env, tmp_path):
    log = tmp_path / "log.jsonl"
    log.write_bytes(LOG)
    code, out, err = run("trace", str(log))
    assert (code, err) == (0, "")
    first, link = out.splitlines()
    assert first.endswith(": 1 turn in Braintrust")
    assert link.startswith(f"{fake.url}/app/acme/object?object_type=project_logs&object_id=")
    assert len(turns(fake)) == 1
    before = json.dumps(fake.spans, sort_keys=True, default=str)
    assert run("trace", str(log))[0] == 0
    assert json.dumps(fake.spans, sort_keys=True, default=str) == before


def test_without_a_key_nothing_is_imported_and_one_line_says_so(run, monkeypatch, tmp_path):
    monkeypatch.delenv("BRAINTRUST_API_KEY", raising=False)
    log = tmp_path / "log.jsonl"
    log.write_bytes(LOG)
    code, out, err = run("trace", str(log))
    assert (code, out) == (2, "")
    assert err == "cma-top: nothing is sent: BRAINTRUST_API_KEY is not set\n"


def test_who_asks_for_traces_without_a_key_is_told_so_once_and_nobody_else(capfd, env):
    keyless, off = load({}, {}, None), load({"trace": "off"}, env, None)
    assert mirror_of(keyless, Trace()) is None
    assert mirror_of(off, Trace()) is None
    assert mirror_of(keyless, Trace("off")) is None
    assert capfd.readouterr().err == ""
    assert mirror_of(keyless, Trace("on")) is None
    assert (
        capfd.readouterr().err == "cma-top: turns are not sent to Braintrust: BRAINTRUST_API_KEY is not set\n"
    )
    assert mirror_of(off, Trace("on")).mode == "batch"
    metadata = load(Trace("on").flags, env | {"CMA_TOP_TRACE": "metadata"}, None)
    assert mirror_of(metadata, Trace("on")).mode == "metadata", "to turn it on is not to say more"


def test_every_session_of_every_file_is_sent(run, fake, env, tmp_path):
    def told(session):
        for number, (kind, more) in enumerate(
            [
                ("user.message", {"content": "Hi"}),
                ("agent.message", {"content": [{"type": "text", "text": "Hello"}]}),
                ("session.status_idle", {"stop_reason": {"type": "end_turn"}}),
            ]
        ):
            at = f"2026-08-17T16:00:0{number}Z"
            yield {"type": kind, "id": f"{session}_{number}", "processed_at": at} | more

    def saved(name, *sessions):
        path = tmp_path / name
        path.write_text(
            "".join(
                json.dumps({"session": {"type": "session", "id": s, "agent": {}}, "events": [*told(s)]})
                + "\n"
                for s in sessions
            )
        )
        return str(path)

    two, one = saved("two.jsonl", "sesn_one", "sesn_two"), saved("one.jsonl", "sesn_three")
    code, out, _ = run("trace", two, one)
    assert code == 0
    said = [line for line in out.splitlines() if "http" not in line]
    assert said == [
        "sesn_one: 1 turn in Braintrust",
        "sesn_two: 1 turn in Braintrust",
        "sesn_three: 1 turn in Braintrust",
    ]
    assert {row["metadata"]["session_id"] for row in turns(fake)} == {"sesn_one", "sesn_two", "sesn_three"}
    fake.check_trees()


def test_what_waits_is_sent_without_naming_it(run, fake, env, tmp_path):
    log = tmp_path / "log.jsonl"
    log.write_bytes(LOG)
    fake.fault("/insert", "status", times=-1, status=403)
    code, _, err = run("trace", str(log))
    assert code == 1
    assert err.startswith("cma-top: 1 turn waits for Braintrust: cma-top trace sends what waits")
    code, _, err = run("trace")
    assert code == 1
    fake.mend()
    assert run("trace") == (0, "nothing waits any more\n", "")
    assert len(turns(fake)) == 1


def test_an_outbox_that_cannot_be_read_is_told_of(run, fake, env, tmp_path):
    log = tmp_path / "log.jsonl"
    log.write_bytes(LOG)
    fake.fault("/insert", "status", times=-1, status=403)
    assert run("trace", str(log))[0] == 1
    (outbox,) = tmp_path.rglob("outbox.sqlite3")
    outbox.write_bytes(b"\xa5" * outbox.stat().st_size)
    fake.mend()
    kept = f"{outbox}.damaged-1"
    told = f"cma-top: the outbox was damaged and has been begun anew; what waited is in {kept}\n"
    assert run("trace") == (0, "nothing waits any more\n", told)
    assert Path(kept).exists()


def test_every_command_of_the_page_does_what_it_says(run, service, fake, env, tmp_path, monkeypatch):
    page = Path(__file__).parents[2].joinpath("docs/tracing.md").read_text(encoding="utf-8")
    commands = re.findall(r"^\$ cma-top (trace.*?)(?: +#.*)?$", page, re.MULTILINE)
    assert len(commands) == 3
    monkeypatch.chdir(tmp_path)
    (tmp_path / "session.jsonl").write_bytes(LOG)
    session = service.session()
    service.say(session, "Hello")
    for command in commands:
        code, out, err = run(*command.replace("sesn_011CZx…", session).split())
        assert (code, err) == (0, "")
        assert re.fullmatch(r"\S+: 1 turn in Braintrust\nhttp\S+\n|nothing waits any more\n", out), out
    assert len(turns(fake)) == 2


async def test_the_screen_sends_a_turn_when_it_ends_and_says_so(fake, env):
    class Log:
        name, live, line, controls = "log", True, None, None

        async def batches(self):
            yield Batch(recording("langsmith-sdk/custom_tools"))

    mirror = mirror_for(load({}, env, None), env)
    app = CmaTop(SessionScreen(Feed(opening(Log())), mode="watch", name="log", mirror=mirror))
    async with app.run_test() as pilot:
        while not app.screen.feed.finished or app.screen.feed.behind:
            await pilot.pause()
        fake.until(lambda: len(turns(fake)) == 1)
        assert app.screen._header.traced.words.startswith("braintrust")
    assert mirror.close().sent == 1
