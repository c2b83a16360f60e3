"""Taking a row along: what is copied, which way, and that what is said of it is true."""

import asyncio
import base64
import json
import re
import stat
from pathlib import Path

import pytest

from cma_tui.feed import fold_all
from cma_tui.report.whole import whole_json, whole_text
from cma_tui.text import DANGEROUS
from cma_tui.ui.clipboard import copy, osc_52, tools
from tests.stories.recordings import FOLDER, NAMES
from tests.stories.write import Log
from tests.ui.play import playing
from tests.ui.terminal import Terminal


@pytest.fixture
def tool(tmp_path):
    """Make a clipboard tool that notes what it is fed."""

    def make(name, code=0):
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        path = folder / name
        path.write_text(f"#!/bin/sh\n/bin/cat > {tmp_path}/fed\nexit {code}\n")
        path.chmod(0o755)
        return {"PATH": str(folder)}

    return make


# ------------------------------------------------------------------------------------------ what is taken


def test_a_message_is_taken_as_it_was_written_and_a_tool_with_its_result():
    log = Log()
    log.begin("first line\n\n    indented\nlast " + "x" * 100_000)
    use = log.tool("bash", input={"command": "ls -l\nwc"})
    log.result(use, "a\nb\n")
    edit = log.tool("edit", input={"path": "a", "n": 1})
    session = fold_all(log.events)
    texts = {
        item.type: whole_text(session, n) for n, item in enumerate(session.items) if n != session.tools[edit]
    }
    assert texts["user.message"] == "first line\n\n    indented\nlast " + "x" * 100_000
    assert texts["agent.tool_use"] == "ls -l\nwc\n\na\nb"
    assert json.loads(whole_text(session, session.tools[edit])) == {"path": "a", "n": 1}
    types = [json.loads(line)["type"] for line in whole_json(session, session.tools[use]).split("\n")]
    assert types == ["agent.tool_use", "agent.tool_result"]


def test_nothing_that_is_taken_can_control_a_terminal():
    log = Log()
    log.message("a \x1b]52;c;ZXZpbA==\x07 b \u202e c \x9b31m")
    session = fold_all(log.events)
    for taken in (whole_text(session, 0), whole_json(session, 0)):
        assert DANGEROUS.search(taken.replace("\n", "")) is None
    assert "\x9b31m" in json.loads(whole_json(session, 0))["content"][0]["text"], "as JSON nothing is lost"


# ------------------------------------------------------------------------------------------ which way


def test_the_tools_are_those_of_this_terminal():
    assert [c[0] for c in tools({"DISPLAY": ":0", "WAYLAND_DISPLAY": "w"}, "linux")] == [
        "wl-copy",
        "xclip",
        "xsel",
    ]
    assert [c[0] for c in tools({}, "darwin")] == ["pbcopy"]
    assert [c[0] for c in tools({"DISPLAY": ":0", "SSH_TTY": "/dev/pts/1", "TMUX": "x"}, "linux")] == ["tmux"]
    assert [c[0] for c in tools({"WSL_DISTRO_NAME": "u"}, "linux")] == ["clip.exe"]


async def test_a_tool_that_works_is_named(tool, tmp_path):
    env = tool("xsel") | {"DISPLAY": ":0"}
    assert await copy("héllo\n", env, None) == "6 characters copied with xsel"
    assert tmp_path.joinpath("fed").read_text(encoding="utf-8") == "héllo\n"


async def test_a_tool_that_fails_is_passed_over_and_the_terminal_is_asked(tool):
    env, written = tool("xclip", code=1) | {"DISPLAY": ":0"}, []
    said = await copy("abc", env, written.append)
    assert written == ["\x1b]52;c;YWJj\x07"]
    assert said == "3 characters sent to the terminal's clipboard (OSC 52); it never says if it took them"


def test_tmux_and_screen_pass_it_on():
    assert osc_52("abc", {"TMUX": "1"}) == "\x1bPtmux;\x1b\x1b]52;c;YWJj\x07\x1b\\"
    pieces = re.findall("\x1bP(.*?)\x1b\\\\", osc_52("y" * 300, {"STY": "1"}), re.DOTALL)
    assert len(pieces) > 1
    assert "".join(pieces) == f"\x1b]52;c;{base64.b64encode(b'y' * 300).decode()}\x07"


def test_what_no_terminal_takes_is_in_a_private_file():
    said = asyncio.run(copy("z" * 60_000, {"PATH": ""}, lambda _: pytest.fail("too long for a terminal")))
    path = Path(said.rpartition(" ")[2])
    assert said.startswith("60,000 characters")
    assert path.read_text() == "z" * 60_000
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


# ------------------------------------------------------------------------------------------ on the screen


async def test_y_copies_the_row_and_says_how(monkeypatch):
    for name in ("TMUX", "STY", "DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME"):
        monkeypatch.delenv(name, raising=False)
    log = Log()
    log.begin("Copy [b]me[/b]")
    log.rest()
    async with playing(*log.events) as play:
        written = []
        play.app.to_terminal = written.append
        await play.press("g", "y")
        await play.until(lambda: written)
        await play.settle()
        assert base64.b64decode(written[0][7:-1]) == b"Copy [b]me[/b]"
        assert "14 characters sent to the terminal's clipboard" in play.lines()[-1]


def test_v_hands_the_terminal_to_the_pager_and_takes_it_back(tmp_path):
    pager = tmp_path / "pager"
    pager.write_text(
        f'#!/bin/sh\nstat -c %a "$1" > {tmp_path}/mode\ncat "$1" > {tmp_path}/read\n'
        f'echo "$1" > {tmp_path}/part\nmv {tmp_path}/part {tmp_path}/path\n'
    )
    pager.chmod(0o755)
    file = str(FOLDER / NAMES[1] / "events.jsonl")
    with Terminal(
        "-m", "cma_tui", file, HOME=str(tmp_path), ANTHROPIC_API_KEY="", PAGER=str(pager)
    ) as terminal:
        terminal.until_text("? help")
        terminal.until_text("Use bash once")
        terminal.type("gjv")
        terminal.until(lambda: tmp_path.joinpath("path").exists())
        terminal.until_text("? help")
        assert "Use bash once" in tmp_path.joinpath("read").read_text()
        assert tmp_path.joinpath("mode").read_text() == "600\n"
        terminal.until(lambda: not Path(tmp_path.joinpath("path").read_text().strip()).exists())
        terminal.type("q")
        assert terminal.ended() == 0
        assert terminal.restored()
