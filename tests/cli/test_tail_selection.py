"""`tail` with --since, --types and --filter; all sessions as lines; the edges of terminals and pipes."""

import json
import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from cma_tui.report.select import moment
from tests.stories.recordings import FOLDER

ROOT = Path(__file__).parents[2]
RECORDING = str(FOLDER / "braintrust-sdk-python/2026-08-17_sdk0.122/events.jsonl")


@pytest.fixture
def session(service):
    session = service.session(title="Roll\tback")
    service.say(session, "investigate")
    service.say(session, "rollback")
    return session


def test_types(run, service, session):
    wanted = ["session.status_idle", "user.message"]
    _, out, _ = run("tail", "--json", "--no-follow", "--types", ",".join(wanted), session)
    assert [json.loads(line) for line in out.splitlines()] == [
        e for e in service.log(session) if e["type"] in wanted
    ]
    _, out, _ = run("tail", "--no-follow", "--types", "user.*", session)
    assert {line[21:29].strip() for line in out.splitlines()} == {"you"}


def test_filter(run, session):
    _, out, _ = run("tail", "--no-follow", "--filter", "tool:bash wait", session)
    (line,) = out.splitlines()
    assert "needs your answer" in line
    _, out, _ = run("tail", "--json", "--no-follow", "--filter", "tool:bash wait", session)
    assert [json.loads(line)["name"] for line in out.splitlines()] == ["bash"]
    assert run("tail", "--no-follow", "--filter", "nothingmatchesthis", session)[1] == ""
    code, out, err = run("tail", "--no-follow", "--filter", "(tool", session)
    assert (code, out) == (2, "")
    assert "--filter" in err


def test_since(run, service, session):
    log = service.log(session)
    middle = log[len(log) // 2]["processed_at"]
    _, out, _ = run("tail", "--json", "--no-follow", "--since", middle, session)
    assert [json.loads(line) for line in out.splitlines()] == [
        e for e in log if e.get("processed_at", "~") >= middle
    ]
    assert run("tail", "--since", "whenever", session)[0] == 2


def test_moments():
    now = datetime.fromisoformat("2026-10-12T12:00:00+00:00")
    for text, meant in [
        ("10m", "2026-10-12T11:50:00+00:00"),
        ("2d", "2026-10-10T12:00:00+00:00"),
        ("9:30", "2026-10-12T09:30:00+00:00"),
        ("09:30:15", "2026-10-12T09:30:15+00:00"),
        ("2026-10-11", "2026-10-11T00:00:00+00:00"),
        ("2026-10-11T01:00+02:00", "2026-10-10T23:00:00+00:00"),
    ]:
        assert moment(text, now) == datetime.fromisoformat(meant).timestamp()
    for text in ("", "10", "m", "25:00", "10 minutes"):
        with pytest.raises(ValueError, match="no time"):
            moment(text, now)


def test_all_sessions_as_lines(run, service, session):
    other = service.session(title="Other")
    code, out, err = run()
    assert (code, err) == (0, "")
    first, second = out.splitlines()
    assert first.split()[:2] == [session, "needs-you"]
    assert first.endswith("Roll    back")
    assert second.split()[0] == other


# -- pipes and terminals -------------------------------------------------------------------------------


def command(*arguments, shell="", **environment):
    """Run cma-top in a shell of its own: what it printed, its code, its reason."""
    line = f"{sys.executable} -m cma_tui {' '.join(arguments)} {shell}"
    env = {**os.environ, "CMA_TOP_CONFIG_DIR": "/no-such-folder", **environment}
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {line}"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=env,
        stdin=subprocess.DEVNULL,
        timeout=60,
    )
    assert "Traceback" not in done.stderr
    return done


@pytest.mark.parametrize(
    ("arguments", "shell", "code", "lines"),
    [
        (["tail", RECORDING], "| head -1", 0, 1),
        (["tail", RECORDING], "> /dev/full", 1, 0),
        (["tail", RECORDING], "2>&-", 0, None),
        (["doctor", "--offline"], "| head -1", 0, 1),
        (["doctor", "--offline"], "> /dev/full", 1, 0),
        ([], "> /dev/full", 5, 0),
    ],
)
def test_pipes(arguments, shell, code, lines):
    done = command(*arguments, shell=shell, TERM="dumb", ANTHROPIC_API_KEY="", ANTHROPIC_PROFILE="")
    assert done.returncode == code, done.stderr
    if lines is not None:
        assert done.stdout.count("\n") == lines
    assert done.stderr.count("\n") == (1 if code else 0)


def test_a_command_that_was_given_no_session_asks_for_one_where_it_can():
    done = command("tail")
    assert done.returncode == 2
    assert "tail: name a SESSION" in done.stderr
