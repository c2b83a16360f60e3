"""Notices: what is told to somebody who looks elsewhere, once, and the window's title."""

import json
import sys
from contextlib import asynccontextmanager
from time import monotonic, time

import pytest
from textual import events

from cma_tui.ui import notices
from cma_tui.ui.app import CmaTop
from cma_tui.ui.notices import Wishes, desktop_notice, desktop_way
from tests.stories.write import Log
from tests.ui.play import Stage, playing

ALL = ("answer", "done", "failed", "stalled")
WISHES = Wishes(("title", "bell", "osc9"), ALL)


@pytest.fixture
def told(monkeypatch):
    """What the terminal is written, and how often it rings."""
    written = []
    monkeypatch.setattr(CmaTop, "to_terminal", lambda _, sequence: written.append(sequence))
    monkeypatch.setattr(CmaTop, "bell", lambda _: written.append("\a"))
    for name in ("TMUX", "STY"):
        monkeypatch.delenv(name, raising=False)
    return written


def titles(written):
    return [text.rpartition("]2;")[2].removesuffix("\a") for text in written if "]2;" in text]


def said(written):
    return [text.rpartition("]9;")[2].removesuffix("\a") for text in written if "]9;" in text]


@asynccontextmanager
async def away(log, wishes=WISHES):
    """The screen over a log, and nobody looking."""
    async with playing(*log.events, wishes=wishes) as play:
        play.app._driver.send_message(events.AppBlur())
        await play.step()
        yield play


class Streamed(Log):
    """A log that streams in as it is written, whatever the server's clock says."""

    def add(self, *fields, **more):
        key = super().add(*fields, **more)
        self.events[-1].received_at = time()
        return key


def running():
    log = Streamed()
    log.begin("Hi")
    return log


async def test_what_needs_an_answer_is_told_once_without_what_it_is_about(told):
    log = running()
    async with away(log) as play:
        before = len(log.events)
        use = log.tool("bash", "ask", input={"command": "cat secret"})
        log.rest("requires_action", use)
        await play.give(*log.events[before:])
        assert said(told) == ["cma-top: coder: needs your answer (bash)"]
        assert told.count("\a") == 1
        assert titles(told)[-1] == "needs you · coder · cma-top"
        await play.give(*log.events[before:], listed=True)
        assert len(said(told)) == 1
    assert "secret" not in "".join(told)


async def test_each_end_of_a_turn_is_told_with_its_reason(told):
    log = running()
    async with away(log) as play:
        before = len(log.events)
        log.answer()
        log.rest()
        await play.give(*log.events[before:])
        before = len(log.events)
        log.begin("Again")
        log.rest("retries_exhausted")
        await play.give(*log.events[before:])
        assert [text.partition(": ")[2] for text in said(told)] == [
            "coder: done",
            "coder: failed: gave up after retries",
        ]


async def test_what_was_there_when_the_screen_opened_is_no_news(told):
    log = running()
    log.rest("requires_action", log.tool("bash", "ask"))
    stage = Stage(*log.events)
    stage.line.checked_at = None  # the list is being read
    async with playing(stage=stage, wishes=WISHES) as play:
        play.app._driver.send_message(events.AppBlur())
        await play.step()
        stage.line.checked_at = monotonic()
        play.screen._second()
        assert said(told) == []
        assert titles(told)[-1].startswith("needs you · ")


async def test_nobody_is_told_what_they_see(told):
    log = running()
    async with playing(*log.events, wishes=WISHES) as play:
        await play.press("j")  # this terminal has never told whether it has the focus
        before = len(log.events)
        log.rest("requires_action", log.tool("bash", "ask"))
        await play.give(*log.events[before:])
        assert said(told) == []
        assert titles(told)[-1].startswith("needs you")
        play.app._driver.send_message(events.AppBlur())
        await play.step()
        await play.give()
        assert said(told) == [], "it was seen"


async def test_a_terminal_that_never_tells_counts_as_left_when_no_key_was_used(told):
    log = running()
    async with playing(*log.events, wishes=WISHES) as play:
        before = len(log.events)
        log.rest()
        await play.give(*log.events[before:])
        assert len(said(told)) == 1
        play.app._driver.send_message(events.AppFocus())
        await play.step()
        before = len(log.events)
        log.begin("Again")
        log.rest()
        await play.give(*log.events[before:])
        assert len(said(told)) == 1


async def test_silence_is_told_and_stands_in_the_header_until_something_comes(told, monkeypatch):
    log = running()
    async with away(log) as play:
        then = monotonic()
        monkeypatch.setattr(notices, "monotonic", lambda: then + 60)
        play.screen._second()
        assert said(told) == []
        monkeypatch.setattr(notices, "monotonic", lambda: then + 200)
        play.screen._second()
        play.screen._second()
        assert said(told) == ["cma-top: coder: nothing new for 3m00s"]
        assert titles(told)[-1].startswith("stalled · ")
        await play.settle()
        assert "nothing new for 3m00s" in play.text()
        await play.press("M")
        assert "notice: nothing new for 3m00s" in play.text()


async def test_what_has_ended_is_silent_no_more(told, monkeypatch):
    log = running()
    async with away(log) as play:
        then = monotonic()
        monkeypatch.setattr(notices, "monotonic", lambda: then + 200)
        play.screen._second()
        await play.settle()
        assert "nothing new for 3m00s" in play.text()
        before = len(log.events)
        log.add("session.deleted")
        await play.give(*log.events[before:])
        play.stage.end()
        await play.settle()
        play.screen._second()
        await play.settle()
        assert "nothing new for" not in play.text()


async def test_only_what_is_wished_is_told_and_only_so(told):
    log = running()
    async with away(log, Wishes(("osc777",), ("failed",))) as play:
        before = len(log.events)
        log.rest()
        log.begin("Again")
        await play.give(*log.events[before:])
        before = len(log.events)
        log.rest("budget_reached")
        await play.give(*log.events[before:])
    assert told == ["\x1b]777;notify;cma-top;coder: failed: budget reached\a"]


async def test_without_wishes_nothing_is_written(told):
    log = running()
    async with away(log, None) as play:
        before = len(log.events)
        log.rest()
        await play.give(*log.events[before:])
    assert told == []


async def test_the_users_command_is_told_in_its_environment_and_not_by_what_was_said(told, tmp_path):
    script = tmp_path / "told.py"
    script.write_text(
        "import os, sys, pathlib\n"
        "named = {k: v for k, v in os.environ.items() if k.startswith('CMA_TOP_')}\n"
        f"path = pathlib.Path({str(tmp_path / 'draft')!r})\n"
        "path.write_text(sys.stdin.read() + '\\n' + repr(sorted(named.items())))\n"
        f"path.rename({str(tmp_path / 'told')!r})\n",
        encoding="utf-8",
    )
    log = running()
    async with away(log, Wishes(kinds=ALL, command=f"{sys.executable} {script}")) as play:
        before = len(log.events)
        log.rest("requires_action", log.tool("ba\x1b[31msh", "ask", input={"command": "cat secret"}))
        await play.give(*log.events[before:])
        await play.until((tmp_path / "told").exists)
    given, named = (tmp_path / "told").read_text(encoding="utf-8").split("\n")
    assert json.loads(given)["event"] == "answer"
    assert "('CMA_TOP_EVENT', 'answer')" in named
    assert "\\x1b" not in named
    assert "secret" not in given + named


async def test_a_command_that_cannot_be_run_is_said(told):
    log = running()
    async with away(log, Wishes(kinds=ALL, command="/no/such/program")) as play:
        before = len(log.events)
        log.rest()
        await play.give(*log.events[before:])
        await play.until(lambda: "notify_command: No such file" in play.text())


def test_a_notice_holds_nothing_that_a_terminal_obeys():
    text = desktop_notice("osc777", "a;b\x1b]2;x\x07\u202e")
    assert text.count("\x1b") == text.count("\a") == 1
    assert text.startswith("\x1b]777;notify;cma-top;a,b")
    assert desktop_notice("osc9", "4;1;50\n")[4:] == "cma-top: 4;1;50⏎\a"


def test_the_desktops_way_is_the_terminals():
    assert desktop_way({"TERM": "foot"}) == desktop_way({"VTE_VERSION": "7600"}) == "osc777"
    assert desktop_way({"TERM": "xterm-kitty"}) == "osc9"
