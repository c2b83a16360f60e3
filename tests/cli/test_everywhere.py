"""Every command where there is no terminal, nobody who reads, no room, and nobody to complain to."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cma_tui import cli
from tests.cli.conftest import *  # noqa: F403 - its fixtures
from tests.stories.recordings import FOLDER

FILE = str(FOLDER / "braintrust-sdk-python/2026-08-17_sdk0.122/events.jsonl")
COMMANDS = [
    # words, exit code, whether it prints
    (["--version"], 0, True),
    (["--help"], 0, True),
    (["--print-config"], 0, True),
    ([], 0, True),
    (["{session}"], 0, True),
    ([FILE], 0, True),
    (["tail", "{session}", "--json"], 0, True),
    (["tail", FILE], 0, True),
    (["stats", FILE], 0, True),
    (["stats", "{session}", "--json"], 0, True),
    (["export", FILE], 0, True),
    (["export", "{session}", "--format", "html"], 0, True),
    (["save", "{session}"], 0, True),
    (["record", "{session}"], 0, True),
    (["files", "{session}"], 0, False),
    (["approve", "{asks}"], 3, True),
    (["answer", "{asks}", "sevt_none", "42"], 1, False),
    (["send", "{session}", "hello"], 1, False),
    (["interrupt", "{session}"], 1, False),
    (["wait", "{asks}"], 3, False),
    (["sessions", "list"], 0, True),
    (["sessions", "delete", "sesn_none", "--yes"], 5, False),
    (["doctor", "--offline"], 0, True),
    (["trace", FILE], 2, False),
    (["replay", FILE], 2, False),
    (["demo"], 2, False),
    (["chat"], 2, False),
    (["tail"], 2, False),
]
WAYS = {
    "no terminal": {},
    "dumb terminal": {"stdin": "tty", "env": {"TERM": "dumb"}},
    "full disk": {"stdout": "/dev/full"},
    "reader gone": {"stdout": "gone"},
    "closed stderr": {"stderr": "closed"},
    "full stderr": {"stderr": "/dev/full"},
    "all closed": {"stdin": "closed", "stdout": "closed", "stderr": "closed"},
}


ALL = "CMA_TOP_EVERYWHERE" in os.environ
"""Whether every command is run in every way, or each in one: all cost half a minute."""
CASES = [
    (name, words, code, prints)
    for number, (words, code, prints) in enumerate(COMMANDS)
    for place, name in enumerate(WAYS)
    if ALL or place == number % len(WAYS)
]


@pytest.fixture
def everywhere(service, sim, tmp_path):
    """What became of each."""
    ended, asks = service.session(), service.session()
    service.say(ended, "hi")
    service.say(asks, "roll it back")
    service.server.call(lambda: sim.archive(sim.sessions[ended]))
    keep = ("PATH", "VIRTUAL_ENV", "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "CMA_TOP_CONFIG_DIR")
    env = {name: os.environ[name] for name in keep if name in os.environ}
    env |= {"HOME": str(tmp_path), "TERM": "xterm-256color"}
    plan, results = tmp_path / "plan.json", tmp_path / "results.json"
    named = [[w.format(session=ended, asks=asks) for w in words] for _, words, _, _ in CASES]
    ways = [WAYS[name] for name, *_ in CASES]
    plan.write_text(json.dumps([{"words": words, **way} for words, way in zip(named, ways, strict=True)]))
    command = [sys.executable, "-m", "tests.cli.everywhere", str(plan), str(results)]
    subprocess.run(command, env=env, cwd=Path(__file__).parents[2], check=True)
    return json.loads(results.read_text())


@pytest.mark.timeout(600)
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_every_command_everywhere(everywhere):
    for (name, words, code, prints), got in zip(CASES, everywhere, strict=True):
        case = (name, words, got)
        lines = got["stderr"].splitlines()
        assert "Traceback" not in got["stderr"] + got["stdout"], case
        assert all(line.startswith("cma-top: ") for line in lines), case
        if name == "full disk" and prints:
            assert got["code"] == 1, case
            assert "No space left on device" in lines[-1], case
        elif name == "reader gone" and prints:
            assert got["code"] in (0, code), case
            assert "Broken pipe" not in got["stderr"], case
        elif name == "all closed" and prints:
            assert got["code"] in (1, 2), case
        else:
            assert got["code"] == code, case
            unseen = name in ("full disk", "reader gone", "all closed")
            assert unseen or bool(got["stdout"]) == prints, case
        if name in ("no terminal", "dumb terminal") and code:
            assert len(lines) == 1 or words[0] == "approve", case


def test_no_command_is_left_out():
    assert {words[0] for words, _, _ in COMMANDS if words} >= set(cli.COMMANDS)
