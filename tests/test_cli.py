"""The command line as its users meet it: real processes, exit codes, one line of reason, pipes.

Words and codes that come the same way out of a process as out of its `main` are looked at in this one.
"""

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cma_tui import __version__, cli
from cma_tui.commands.output import tell
from tests.stories.recordings import FOLDER, NAMES

RECORDING = FOLDER / "braintrust-sdk-python/2026-08-17_sdk0.122/events.jsonl"
COMMAND = [sys.executable, "-m", "cma_tui"]
SESSION = "sesn_01cHHrV9a94GmDs3L1gcnpuR"


@pytest.fixture
def env(tmp_path):
    """An environment without keys, settings and a terminal of the developer's."""
    kept = {name: os.environ[name] for name in ("PATH", "VIRTUAL_ENV") if name in os.environ}
    return {**kept, "HOME": str(tmp_path), "CMA_TOP_CONFIG_DIR": str(tmp_path / "no"), "TZ": "UTC"}


@pytest.fixture
def cma_top(env, tmp_path):
    def run(*arguments, stdin=None, **variables):
        return subprocess.run(
            [*COMMAND, *map(str, arguments)],
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            env={**env, **variables},
            cwd=Path(__file__).parent.parent,
            timeout=60,
        )

    return run


@pytest.fixture
def here(env, monkeypatch, capfdbinary):
    """The same in this process."""
    for name in os.environ.keys() - env.keys():
        if name.startswith(("ANTHROPIC_", "BRAINTRUST_", "CMA_TOP_")):
            monkeypatch.delenv(name)
    for name, value in env.items():
        monkeypatch.setenv(name, value)

    def run(*arguments):
        words = [str(argument) for argument in arguments]
        code = cli.main(words)
        return subprocess.CompletedProcess(words, code, *capfdbinary.readouterr())

    return run


def reason(done):
    """The one line that says why."""
    text = done.stderr.decode()
    assert text.count("\n") == 1, text
    assert text.startswith("cma-top: ")
    assert "Traceback" not in text
    return text[9:-1]


def test_version(cma_top):
    done = cma_top("--version")
    assert (done.returncode, done.stdout.decode(), done.stderr) == (0, f"cma-top {__version__}\n", b"")


def test_help_names_every_command_and_exit_code(here):
    done = here("--help")
    text = done.stdout.decode()
    assert done.returncode == 0
    for word in ("chat", "demo", "replay", "stats", "tail", "Exit codes:", "--api-key-file", "--base-url"):
        assert word in text
    assert not any(line.endswith("...") for line in text.splitlines()[1:]), "a help text is cut off"
    assert "\b" not in text
    for command in ("chat", "demo", "replay", "stats", "tail"):
        assert here(command, "--help").returncode == 0


# -- what is wrong is said, in one line ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nothing.jsonl"], "nothing.jsonl: no such file, and no session id"),
        (["tial", "x"], "did you mean the command tail?"),
        (["tail"], "name a SESSION"),
        (["tail", RECORDING, "more"], "more: no such file, and no session id"),
        (["tail", "--bogus", RECORDING], "No such option '--bogus' (see: cma-top tail --help)"),
        (["https://platform.claude.com/workspaces"], "no session id in this URL"),
        (["{folder}"], "a folder without event logs"),
        (["tail", "{folder}"], "a folder without event logs"),
        (["{empty}"], "empty"),
        (["{text}"], "not an event log"),
        (["stats", "{text}"], "not an event log"),
        (["tail", "{page}"], "an HTML or XML page"),
        (["tail", "bad\nname\x1b]2;x\x07"], "bad⏎name␛]2;x␇: no such file"),
        (["chat"], "chat needs a terminal: standard input is no terminal"),
        (["demo"], "demo needs a terminal"),
        (["replay", RECORDING], "replay needs a terminal"),
        (["replay", "--speed", "0", RECORDING], "Invalid value for '--speed'"),
        (["replay", "--speed", "nan", RECORDING], "not a number"),
        (["tail", SESSION, "--base-url", "http://example.com"], "base_url must be an https URL"),
        (["tail", SESSION, "--config", "/nonexistent"], "/nonexistent: no such file"),
        (["tail", SESSION, "--env-file", "/nonexistent"], "/nonexistent: no such file"),
        (["tail", SESSION, "--api-key-file", "/nonexistent"], "the key cannot be read"),
        (["tail", SESSION, "--api-key-file", "{empty}"], "holds no key"),
    ],
)
def test_wrong_usage_and_bad_files(here, tmp_path, arguments, said):
    (tmp_path / "empty").touch(mode=0o600)
    (tmp_path / "text").write_text("hello\nworld\n")
    (tmp_path / "page").write_text("<!doctype html><title>Sign in</title>\n")
    names = {name: str(tmp_path / name) for name in ("empty", "text", "page")} | {"folder": str(tmp_path)}
    named = [str(a).format(**names) for a in arguments]
    done = here(*named)
    assert said in reason(done)
    assert (done.returncode, done.stdout) == (2, b"")


def test_no_key(cma_top):
    done = cma_top("tail", SESSION)
    assert (done.returncode, done.stdout) == (5, b"")
    assert "no API key" in reason(done)


def test_unreachable_host(cma_top):
    done = cma_top("tail", SESSION, "--base-url", "http://127.0.0.1:9", ANTHROPIC_API_KEY="sk-x")
    assert (done.returncode, done.stdout) == (1, b"")
    assert "cannot reach" in reason(done)


def test_an_empty_standard_input(cma_top):
    done = cma_top("-")
    assert done.returncode == 2
    assert reason(done) == "standard input: empty"


def test_a_key_file_that_others_can_read_is_told_of(cma_top, tmp_path):
    key = tmp_path / "key"
    key.write_text("sk-secret-of-mine\n")
    address = ("tail", SESSION, "--base-url", "http://127.0.0.1:9", "--api-key-file", key)
    key.chmod(0o640)
    done = cma_top(*address)
    warning, why = done.stderr.decode().splitlines()
    assert "other users can read it" in warning
    assert "cannot reach" in why
    key.chmod(0o600)
    assert "cannot reach" in reason(cma_top(*address))
    assert b"secret" not in done.stderr


# -- saved logs --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_recordings(here, name):
    path = FOLDER / name / "events.jsonl"
    lines = here("tail", path)
    assert (lines.returncode, lines.stderr) == (0, b"")
    assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d  you       ", lines.stdout.decode())
    assert here(path).stdout == lines.stdout, "into a pipe, FILE is tail FILE"
    events = here("tail", "--json", path)
    assert (events.returncode, events.stdout) == (0, path.read_bytes())
    figures = here("stats", "--json", path)
    assert figures.returncode == 0
    assert json.loads(figures.stdout)["events"] == len(path.read_bytes().splitlines())
    assert here("stats", path).stdout.decode().startswith(str(path))


def test_stats_of_a_recording(cma_top):
    figures = json.loads(cma_top("stats", RECORDING, "--json").stdout)
    totals = figures["totals"]
    assert (totals["turns"], totals["model_requests"], totals["tool_uses"]) == (1, 2, 1)
    assert (totals["input_tokens"], totals["output_tokens"], totals["cost_usd"]) == (4525, 131, 0.01)
    assert figures["stop_reason"] == "end_turn"


def test_stats_of_several_tells_what_it_can(cma_top, tmp_path):
    (tmp_path / "empty").touch()
    done = cma_top("stats", "--json", RECORDING, tmp_path / "empty", "nothing", RECORDING)
    assert done.returncode == 2
    assert len(done.stdout.splitlines()) == 2
    assert len(done.stderr.splitlines()) == 2


def test_standard_input(cma_top):
    data = RECORDING.read_bytes()
    lines = cma_top("tail", RECORDING).stdout
    assert cma_top("-", stdin=data).stdout == lines
    assert cma_top(RECORDING).stdout == lines, "into a pipe, FILE is tail FILE"
    assert cma_top("tail", "-", "--json", stdin=data).stdout == data


def test_two_sessions_in_one_file(cma_top, tmp_path):
    both = tmp_path / "both.jsonl"
    text = [(FOLDER / name / "events.jsonl").read_bytes() for name in NAMES[:2]]
    both.write_bytes(b"".join(text))
    assert len(cma_top("stats", "--json", both).stdout.splitlines()) == 2
    done = cma_top("tail", "--json", both)
    assert done.stdout == both.read_bytes()


def test_json_of_a_pretty_printed_log_has_one_event_a_line(cma_top, tmp_path):
    events = [json.loads(line) for line in RECORDING.read_text().splitlines()]
    pretty = tmp_path / "export.json"
    pretty.write_text(json.dumps(events, indent=2))
    done = cma_top("tail", "--json", pretty)
    assert [json.loads(line) for line in done.stdout.splitlines()] == events


IDLE = {"type": "session.status_idle", "id": "i", "stop_reason": {"type": "end_turn"}}
ASK = {"type": "agent.tool_use", "id": "t", "name": "bash", "input": {}, "evaluated_permission": "ask"}
CALL = {"type": "agent.custom_tool_use", "id": "t", "name": "lookup", "input": {}}
MESSAGE = {"type": "user.message", "id": "u", "content": [{"type": "text", "text": "Hi"}]}
TERMINATED = {"type": "session.status_terminated", "id": "x"}


def idle(kind, *ids, **more):
    return {**IDLE, "stop_reason": {"type": kind, "event_ids": list(ids)}, **more}


@pytest.mark.parametrize(
    ("events", "code", "said"),
    [
        ([MESSAGE, IDLE], 0, ""),
        ([MESSAGE, {"type": "session.status_running", "id": "r"}], 0, ""),
        ([MESSAGE, ASK, idle("requires_action", "t")], 3, "needs an answer: a confirmation for bash"),
        ([MESSAGE, CALL, idle("requires_action", "t")], 3, "needs an answer: a result for lookup"),
        ([MESSAGE, idle("requires_action", "never_seen")], 3, "needs an answer"),
        ([MESSAGE, idle("retries_exhausted")], 4, "gave up after retries"),
        ([MESSAGE, idle("budget_reached")], 4, "budget reached"),
        ([MESSAGE, idle("refusal", stop_details={"category": "cyber"})], 4, "refused, cyber"),
        ([MESSAGE, TERMINATED], 4, "terminated"),
        ([MESSAGE, IDLE, TERMINATED], 0, ""),  # archived at rest
        ([MESSAGE, IDLE, {"type": "session.deleted", "id": "d"}], 0, ""),
    ],
)
def test_the_exit_code_tells_how_a_log_ended(here, tmp_path, events, code, said):
    log = tmp_path / "log.jsonl"
    stamped = [
        {**event, "processed_at": f"2026-08-17T16:00:0{second}Z"} for second, event in enumerate(events)
    ]
    log.write_text("".join(json.dumps(event) + "\n" for event in stamped))
    done = here("tail", log)
    assert done.returncode == code
    assert said in (reason(done) if said else done.stderr.decode())
    assert here("tail", "--json", "--no-follow", log).returncode == code


def test_what_was_passed_over_is_noted(cma_top, tmp_path):
    torn = tmp_path / "torn.jsonl"
    torn.write_bytes(RECORDING.read_bytes()[:-20])
    done = cma_top("tail", "--json", torn)
    assert "torn last line" in reason(done)
    assert done.stdout.splitlines() == RECORDING.read_bytes().splitlines()[:-1]


def test_a_file_called_like_a_command(cma_top, tmp_path, env):
    (tmp_path / "demo").write_bytes(RECORDING.read_bytes())
    run = {"env": {**env, "PYTHONPATH": str(Path(__file__).parent.parent)}, "cwd": tmp_path}
    done = subprocess.run([*COMMAND, "./demo"], capture_output=True, stdin=subprocess.DEVNULL, **run)
    assert b"Use bash once" in done.stdout


# -- pipes, closed and full outputs -------------------------------------------------------------------------


@pytest.fixture
def long_log(tmp_path):
    """More than a pipe holds."""
    events = [{**MESSAGE, "id": f"u{n}", "processed_at": "2026-08-17T16:00:00Z"} for n in range(3000)]
    path = tmp_path / "long.jsonl"
    path.write_text("".join(json.dumps(event) + "\n" for event in events))
    return path


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_reader_that_has_enough(env, long_log, options):
    with subprocess.Popen(
        [*COMMAND, "tail", *options, str(long_log)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env
    ) as process:
        assert process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("arguments", [["tail", RECORDING], ["stats", RECORDING], ["--help"], ["--version"]])
def test_an_output_that_is_full(env, arguments):
    with Path("/dev/full").open("wb") as full:
        command = [*COMMAND, *map(str, arguments)]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, env=env, timeout=60)
    assert done.returncode == 1
    assert "No space left on device" in reason(done)


def test_closed_outputs(env):
    for closed, code in ((">&-", 1), ("2>&-", 0), ("2>&- nothing", 2)):
        line = f'exec "$0" -m cma_tui tail "$1" {closed}'
        done = subprocess.run(
            ["sh", "-c", line, sys.executable, str(RECORDING)], capture_output=True, env=env
        )
        assert done.returncode == code
        assert b"Traceback" not in done.stderr


@pytest.mark.parametrize(
    "line",
    ["--help >&-", "tail --help >&-", "--version >&-", "send sesn_1 <&-", "sessions delete sesn_1 <&-"],
)
def test_what_is_closed_is_said_and_no_success(env, line):
    command = f'exec "$0" -m cma_tui {line}'
    done = subprocess.run(["sh", "-c", command, sys.executable], capture_output=True, env=env)
    assert done.returncode in (1, 2)
    assert done.stderr.startswith(b"cma-top: ")
    assert len(done.stderr.splitlines()) == 1
    assert b"defect" not in done.stderr


def test_what_was_done_is_told_as_it_is_safe_to_show(capsys):
    tell({"session_id": "sesn_\x1b[2J"}, "sesn_\x1b[2J", as_json=False)
    assert capsys.readouterr().out == "sesn_␛[2J\n"
    tell({"session_id": "sesn_\x1b[2J"}, "", as_json=True)
    assert json.loads(capsys.readouterr().out) == {"version": 1, "session_id": "sesn_\x1b[2J"}


def test_latin_1_output(cma_top, tmp_path):
    log = tmp_path / "log.jsonl"
    text = {
        **MESSAGE,
        "content": [{"type": "text", "text": "é→\x9b"}],
        "processed_at": "2026-08-17T16:00:00Z",
    }
    log.write_text(json.dumps(text))
    done = cma_top("tail", log, PYTHONIOENCODING="latin-1")
    assert done.stdout.endswith("you       é?<U+009B>\n".encode("latin-1"))


# -- on a terminal -------------------------------------------------------------------------------------------


class Terminal:
    """A process on a pty."""

    def __init__(self, arguments, env, **options):
        self.master, slave = pty.openpty()
        self.text = b""
        self.process = subprocess.Popen(
            [*COMMAND, *map(str, arguments)],
            **{"stdin": slave, "stdout": slave, "stderr": slave, **options},
            env={"TERM": "xterm-256color", **env},
            start_new_session=True,
            # The pty becomes the controlling terminal, so that /dev/tty is there.
            preexec_fn=lambda: os.close(os.open(os.ttyname(slave), os.O_RDWR)),
        )
        os.close(slave)

    def read(self, until=None):
        """Read up to a text, or to the end."""
        while until is None or until not in self.text:
            try:
                data = os.read(self.master, 65536)
            except OSError:
                data = b""
            if not data:
                assert until is None, self.text
                return
            self.text += data

    def end(self):
        self.read()
        os.close(self.master)
        return self.process.wait(60)


def test_a_log_on_a_terminal_without_a_full_screen_is_plain_lines(env):
    terminal = Terminal([RECORDING], {**env, "TERM": "dumb"})
    assert terminal.end() == 0
    assert b"Use bash once" in terminal.text
    assert b"\x1b" not in terminal.text


def test_a_screen_needs_more_than_a_dumb_terminal(env):
    terminal = Terminal(["demo"], {**env, "TERM": "dumb"})
    assert terminal.end() == 2
    assert terminal.text == b"cma-top: demo needs a terminal: TERM=dumb has no full screen\r\n"


def test_what_a_new_session_lacks_is_looked_for_before_there_is_a_screen(env):
    terminal = Terminal(["chat", "--agent", "agent_1"], env)
    assert terminal.end() == 5
    assert terminal.text.startswith(b"cma-top: "), "one line: there is no key to look with"
    assert (terminal.text.count(b"\n"), b"\x1b" in terminal.text) == (1, False)


def test_raw_json_cannot_act_on_a_terminal(env, tmp_path):
    log = tmp_path / "log.jsonl"
    text = {
        **MESSAGE,
        "content": [{"type": "text", "text": "\x9b31m\u202e"}],
        "processed_at": "2026-08-17T16:00:00Z",
    }
    log.write_text(json.dumps(text, ensure_ascii=False))
    terminal = Terminal(["tail", "--json", log], env)
    assert terminal.end() == 0
    assert json.loads(terminal.text) == text
    assert terminal.text.isascii()


def test_a_log_that_is_piped_in_leaves_the_keyboard(env):
    with RECORDING.open("rb") as log:
        terminal = Terminal(["-"], env, stdin=log)
    terminal.read(until=b"standard input")
    terminal.read(until=b"once")
    os.write(terminal.master, b"q")
    assert terminal.end() == 0
