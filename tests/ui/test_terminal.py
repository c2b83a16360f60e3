"""Broken terminals and defects: recording goes on, the terminal is restored, nothing is said but one line."""

import os
import re
import signal
import stat
from time import monotonic

import pytest

from cma_tui.log.formats import open_log
from cma_tui.ui.terminal import Output
from tests.ui.busy_session import SECRET
from tests.ui.terminal import DEADLINE, Terminal


@pytest.fixture
def busy(tmp_path):
    """Start the busy session on a terminal."""
    running = []

    def start(*arguments):
        terminal = Terminal("-m", "tests.ui.busy_session", str(tmp_path), *arguments)
        running.append(terminal)
        if not arguments:
            terminal.until_text("recording")
        return terminal

    yield start
    for terminal in running:
        terminal.__exit__()


def recorded(folder):
    """How many messages are in the recording, which is whole."""
    (path,) = folder.glob("*.jsonl")
    with open_log(path) as log:
        said = [event for event in log.events() if event.type == "agent.message"]
        assert log.notes == []
    return len(said)


def size(folder):
    return sum(path.stat().st_size for path in folder.glob("*.jsonl"))


def until(condition):
    """Wait without reading the terminal."""
    latest = monotonic() + DEADLINE
    while not condition():
        assert monotonic() < latest
        os.sched_yield()


def gone(terminal):
    """The window is closed."""
    os.close(terminal.end)
    terminal.end = os.open(os.devnull, os.O_RDONLY)
    os.close(terminal.controller)
    terminal.controller = os.open(os.devnull, os.O_RDONLY)


def test_while_nobody_reads_the_terminal_recording_goes_on_and_then_all_is_drawn_at_once(busy, tmp_path):
    terminal = busy()
    before = size(tmp_path)
    until(lambda: size(tmp_path) > before + 1_000_000)
    drawn = len(terminal.written)
    there = recorded(tmp_path) // 2
    terminal.until(lambda: any(int(n) >= there for n in re.findall(r"said (\d+)", terminal.text)))
    assert len(terminal.written) - drawn < 200_000, "what nobody read was not drawn"
    terminal.type("q")
    assert terminal.ended() == 0
    assert terminal.restored()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_ends_it_although_nobody_reads_the_terminal(busy, tmp_path, number):
    terminal = busy()
    before = size(tmp_path)
    until(lambda: size(tmp_path) > before + 300_000)
    os.kill(terminal.child.pid, number)
    assert terminal.child.wait(DEADLINE) == 128 + number
    recorded(tmp_path)


def test_a_terminal_that_goes_away_ends_it_with_the_recording_whole(busy, tmp_path):
    terminal = busy()
    gone(terminal)
    assert terminal.child.wait(DEADLINE) == 129
    assert recorded(tmp_path) > 0


def test_a_terminal_that_goes_away_is_noticed_without_a_signal(busy, tmp_path):
    terminal = busy()
    terminal.type("\x1b")
    os.kill(terminal.child.pid, signal.SIGSTOP)  # so that both come at once
    gone(terminal)
    os.kill(terminal.child.pid, signal.SIGCONT)
    assert terminal.child.wait(DEADLINE) == 129


@pytest.mark.parametrize("where", ["handler", "worker", "render"])
def test_a_defect_of_the_screen_ends_it_with_one_line_and_a_private_report(busy, tmp_path, where):
    terminal = busy(where)
    assert terminal.ended() == 1
    assert terminal.restored()
    told(terminal, tmp_path)
    recorded(tmp_path)


@pytest.mark.parametrize("where", ["task", "callback", "thread"])
def test_a_defect_beside_the_screen_is_told_and_the_screen_goes_on(busy, tmp_path, where):
    terminal = busy(where)
    terminal.until_text("a defect in")
    before = size(tmp_path)
    terminal.until(lambda: size(tmp_path) > before)
    terminal.type("q")
    assert terminal.ended() == 0
    assert terminal.restored()
    told(terminal, tmp_path)


def told(terminal, folder):
    """It was told in one line, without values; the report is private, and says where."""
    assert b"Traceback" not in terminal.written
    assert SECRET.encode() not in terminal.written
    assert b"please report it: ZeroDivisionError at " in terminal.written
    (report,) = (folder / "state" / "crashes").iterdir()
    assert stat.S_IMODE(report.stat().st_mode) == 0o600
    assert stat.S_IMODE(report.parent.stat().st_mode) == 0o700
    text = report.read_text()
    assert "in fail\n" in text
    assert SECRET not in text


def test_suspended_and_continued_it_draws_again_and_the_recording_has_all(busy, tmp_path):
    terminal = busy()
    os.kill(terminal.child.pid, signal.SIGTSTP)
    terminal.until(lambda: not terminal.modes_left_on())
    _, status = os.waitpid(terminal.child.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status)
    before = len(terminal.written)
    os.kill(terminal.child.pid, signal.SIGCONT)
    terminal.until(lambda: len(terminal.written) > before + 1000)
    terminal.until(terminal.modes_left_on)
    terminal.type("q")
    assert terminal.ended() == 0
    assert terminal.restored()
    recorded(tmp_path)


@pytest.mark.parametrize("stopped", [True, False])
def test_continued_without_having_been_told_to_stop_it_draws_again_and_restores_the_terminal(busy, stopped):
    terminal = busy()
    if stopped:
        os.kill(terminal.child.pid, signal.SIGSTOP)
        os.waitpid(terminal.child.pid, os.WUNTRACED)
        while terminal.read():
            pass
    entered = terminal.written.count(b"\x1b[?1049h")
    os.kill(terminal.child.pid, signal.SIGCONT)
    terminal.until(lambda: terminal.written.count(b"\x1b[?1049h") > entered)
    terminal.type("q")
    assert terminal.ended() == 0
    assert terminal.restored()


def test_a_storm_of_sizes_changes_nothing(busy):
    terminal = busy()
    for number in range(60):
        terminal.draw = number == 59  # those before are soon gone, and drawing 500 columns is slow
        terminal.resize(*((1, 1), (500, 200), (20, 5), (80, 24))[number % 4])
        terminal.read(0.01)
    terminal.until(lambda: "sesn_busy" in terminal.screen.display[0])
    terminal.read(0.1)
    terminal.screen.reset()  # one that is small for a moment, too short to be seen, loses what is on it
    os.kill(terminal.child.pid, signal.SIGWINCH)
    terminal.until(lambda: "sesn_busy" in terminal.screen.display[0])
    terminal.type("q")
    assert terminal.ended() == 0
    assert terminal.restored()


def test_an_output_takes_everything_at_once_and_writes_it_in_order():
    reading, writing = os.pipe()
    drained, lost = [], []
    output = Output(writing, lambda: drained.append(True), lambda: lost.append(True))
    for number in range(40_000):
        output.write(f"{number}\n")
    assert output.behind  # the pipe is full, whenever the thread had caught up before
    drained.clear()
    wanted = "".join(f"{number}\n" for number in range(40_000)).encode()
    got = b""
    while len(got) < len(wanted):
        got += os.read(reading, 65_536)
    assert got == wanted
    assert output.drain()
    assert not output.behind
    os.close(reading)
    output.write("nobody reads this")
    assert not output.drain()
    output.write("nor this")
    assert not output.behind
    assert lost == [True]
    os.close(writing)
