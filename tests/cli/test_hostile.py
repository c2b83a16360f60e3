"""What the commands print of hostile sessions and logs: nothing that a terminal could obey."""

import json

import pytest

from cma_tui.text import DANGEROUS
from tests.stories.write import Log
from tests.ui.hostile_session import TEXTS
from tests.ui.rows import hostile_log

ALL = "".join(TEXTS).replace("\ud800", "")
IN_LOGS = [
    ["tail", "--no-follow"],
    ["stats"],
    *(["export", "--format", name] for name in ("text", "csv")),
]
ON_SESSIONS = [
    ["sessions", "list"],
    ["approve"],
    ["files"],
    ["wait", "--timeout", "1"],
    *IN_LOGS,
]


def harmless(text):
    return not [found for found in DANGEROUS.findall(text) if found != "\n"]


@pytest.fixture
def hostile(service, sim):
    """A session all of whose names and events are hostile."""
    session = service.session(title=ALL, metadata={ALL: ALL}, agent="none")
    sim.sessions[session].agent["name"] = ALL
    sim.sessions[session].agent["model"] = {"id": ALL}
    for text in TEXTS:
        for event in hostile_log(text.replace("\ud800", "")):
            raw = json.loads(event.raw) if event.raw[:1] == b"{" else None
            if isinstance(raw, dict) and not event.type.startswith("local."):
                service.emit(session, raw)
    return session


@pytest.mark.parametrize("command", ON_SESSIONS, ids=" ".join)
def test_nothing_hostile_of_a_session_is_printed(command, run, hostile):
    arguments = command if command[0] == "sessions" else [command[0], hostile, *command[1:]]
    _, out, err = run(*arguments)
    assert out or command[0] in ("files", "wait")
    assert harmless(out)
    assert harmless(err)


@pytest.mark.parametrize("command", IN_LOGS, ids=" ".join)
def test_nothing_hostile_of_a_log_or_its_name_is_printed(command, run, tmp_path):
    path = tmp_path / "a\x1b]0;owned\x07\u202eb.jsonl"
    log = Log()
    for text in TEXTS:
        hostile_log(text, log)
    path.write_bytes(b"\n".join(event.raw for event in log.events) + b"\n\x1b[31m rubbish\n")
    code, out, err = run(command[0], str(path), *command[1:])
    assert code in (0, 3)
    assert len(out) > 300
    assert harmless(out)
    assert harmless(err)


@pytest.mark.parametrize("text", [ALL[:200], *TEXTS[::5]])
def test_a_hostile_argument_is_named_harmlessly(text, run):
    text = text.replace("\0", "").replace("\ud800", "")
    for before in (
        ["tail"],
        [],
        ["stats"],
        ["wait"],
        ["export"],
        ["sessions"],
        ["replay"],
        ["tail", "--types"],
    ):
        code, out, err = run(*before, text)
        assert code != 0
        assert harmless(out + err), before
