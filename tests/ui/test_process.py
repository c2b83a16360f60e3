"""cma-top as a process on a terminal: it paints, it leaves, and the terminal is as it was."""

import os
import signal
from pathlib import Path

import pytest

from cma_tui.simulator import ServerThread, Simulator
from tests.stories.recordings import FOLDER, NAMES
from tests.ui.terminal import Terminal

FILE = str(FOLDER / NAMES[1] / "events.jsonl")


@pytest.fixture
def opened(tmp_path):
    """Start cma-top on a terminal, over a recording."""
    running = []

    def start(*arguments, size=(80, 24), **environment):
        environment = {"HOME": str(tmp_path), "ANTHROPIC_API_KEY": "", **environment}
        terminal = Terminal("-m", "cma_tui", *(arguments or (FILE,)), size=size, **environment)
        running.append(terminal)
        return terminal.__enter__()

    yield start
    for terminal in running:
        terminal.__exit__()


def painted(terminal):
    for said in ("Use bash once", "? help", "braintrust-sdk-managed-agent-bash"):
        terminal.until_text(said)
    return terminal


def test_a_file_is_painted_and_q_restores_the_terminal(opened):
    terminal = painted(opened())
    assert "braintrust-sdk-managed-agent-bash" in terminal.screen.display[0]
    assert terminal.modes_left_on(), "it has a screen of its own"
    terminal.type("q")
    assert terminal.ended() == 0
    assert terminal.restored()


@pytest.mark.parametrize("arguments", [(FILE, "--plain"), ("tail", FILE, "--plain")])
def test_plain_lines_on_a_terminal_when_asked_for(opened, arguments):
    terminal = opened(*arguments)
    assert terminal.ended() == 0
    assert b"Use bash once" in terminal.written
    assert b"\x1b" not in terminal.written


def test_keys_that_are_typed_before_the_first_frame_are_not_lost_or_worse(opened):
    terminal = opened()
    terminal.type("q")
    assert terminal.ended() == 0
    assert terminal.restored()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_ends_it_with_its_code_and_the_terminal_restored(opened, number, code):
    terminal = painted(opened())
    os.kill(terminal.child.pid, number)
    assert terminal.ended() == code
    assert terminal.restored()
    assert b"Traceback" not in terminal.written


def test_ctrl_c_says_how_to_leave_and_a_second_one_leaves(opened):
    terminal = painted(opened())
    terminal.type("\x03")
    terminal.until_text("Ctrl+C again leaves")
    terminal.type("\x03")
    assert terminal.ended() == 130
    assert terminal.restored()


def test_it_fits_the_terminal_after_a_resize(opened):
    terminal = painted(opened(size=(100, 30)))
    for size in ((60, 16), (20, 5), (4, 2), (1, 1), (140, 40)):
        before = len(terminal.written)
        terminal.resize(*size)
        terminal.until(lambda n=before: len(terminal.written) > n)
        while terminal.read(0.1):
            pass
    terminal.until(lambda: "? help" in terminal.screen.display[39])
    terminal.type("g\r\r")
    terminal.until(lambda: "▸ 1" in terminal.text or "▾ 1" in terminal.text)
    terminal.type("q")
    assert terminal.ended() == 0
    assert terminal.restored()


def test_a_terminal_that_goes_away_ends_it(opened):
    terminal = painted(opened())
    os.close(terminal.end)
    terminal.end = os.open(os.devnull, os.O_RDONLY)
    os.close(terminal.controller)
    terminal.controller = os.open(os.devnull, os.O_RDONLY)
    assert terminal.child.wait(10) != 0


def test_a_defect_is_one_line_without_values_and_the_terminal_restored(opened, tmp_path):
    tmp_path.joinpath("sitecustomize.py").write_text(
        "import sys\n"
        "class Break:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'cma_tui.ui.widgets.hints':\n"
        "            sys.meta_path.remove(self)\n"
        "            from cma_tui.ui.widgets.timeline import Timeline\n"
        "            def fail(self, *_):\n"
        "                secret = 'sk-ant-secret'\n"
        "                raise ZeroDivisionError(secret)\n"
        "            Timeline.render_line = fail\n"
        "sys.meta_path.insert(0, Break())\n"
    )
    terminal = opened(PYTHONPATH=f"{tmp_path}{os.pathsep}{Path(__file__).parents[2]}")
    assert terminal.ended() == 1
    assert terminal.restored()
    assert "a defect in cma-top, please report it: ZeroDivisionError" in " ".join(terminal.text.split())
    assert b"sk-ant-secret" not in terminal.written
    assert b"Traceback" not in terminal.written


def test_without_a_keyboard_it_says_so_and_starts_no_screen(opened, tmp_path):
    import subprocess
    import sys

    for closing in ("<&-", "</dev/null"):
        done = subprocess.run(
            ["sh", "-c", f'exec "$0" -m cma_tui "$1" {closing}', sys.executable, FILE],
            capture_output=True,
            timeout=30,
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "TERM": "xterm-256color"},
            cwd=Path(__file__).parents[2],
        )
        assert b"\x1b" not in done.stdout + done.stderr
        assert b"Traceback" not in done.stderr
        assert done.returncode == 0
        assert b"2+2" in done.stdout, "a pipe gets the plain lines"


@pytest.mark.parametrize("leave", [lambda t: t.type("q"), lambda t: os.kill(t.child.pid, signal.SIGTERM)])
def test_the_window_has_a_title_until_the_end_and_then_its_own_again(opened, leave):
    terminal = painted(opened())
    terminal.until(lambda: b"\x1b[22;2t\x1b]2;replay \xc2\xb7 " in terminal.written)
    assert b"\x1b[23;2t" not in terminal.written
    leave(terminal)
    terminal.ended()
    assert terminal.written.count(b"\x1b[23;2t") == 1


def test_somebody_who_looks_elsewhere_is_told_that_the_agent_has_ended(opened):
    sim = Simulator()
    server = ServerThread(sim)
    with server as url:
        session = server.call(sim.create_session)
        service = {"ANTHROPIC_API_KEY": sim.api_key, "ANTHROPIC_BASE_URL": url}
        terminal = opened("chat", session, size=(110, 36), CMA_TOP_NOTIFY="title,bell,osc777", **service)
        terminal.until_text("Write to the agent")
        terminal.until(
            lambda: b"\x1b]2;idle \xc2\xb7 " in terminal.written
        )  # what comes from here on is news
        terminal.type("\x1b[O")
        terminal.until_text("? help")  # where nobody looks, nobody writes
        assert b"]777;" not in terminal.written
        said = {"type": "user.message", "content": [{"type": "text", "text": "hi"}]}
        server.call(lambda: sim.accept(sim.sessions[session], [said]))
        terminal.until(lambda: b"\x1b]777;notify;cma-top;" in terminal.written)
        told = bytes(terminal.written).rpartition(b"\x1b]777;")[2].partition(b"\a")[0]
        assert told.endswith((b": done", b")")), told
