"""The screen of somebody who traces: the state, the links, the errors; copied and opened by key alone."""

import stat
from contextlib import asynccontextmanager

import pytest

from tests.mirror.fake import Fake
from tests.mirror.help import mirror, told
from tests.stories.write import Log
from tests.ui.play import Stage, playing


@pytest.fixture
def fake():
    with Fake() as served:
        yield served


@pytest.fixture
def opened(tmp_path, monkeypatch):
    """A browser: it notes what it is to open."""
    said = tmp_path / "opened"
    program = tmp_path / "bin" / "xdg-open"
    program.parent.mkdir()
    program.write_text(
        f'#!/bin/sh\necho noise; echo noise >&2\nprintf "%s" "$1" > {said}.new && mv {said}.new {said}\n'
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    monkeypatch.setattr("sys.platform", "linux")
    return said


def failing() -> Log:
    log = Log()
    log.begin("Deploy it")
    start = log.start()
    use = log.tool(input={"command": "deploy --now"})
    log.end(start)
    log.result(use, "no such host\x1b[31m", is_error=True)
    log.answer("It failed.")
    log.rest()
    return log


@asynccontextmanager
async def traced(fake, folder, log, *, mode="watch", live=True):
    made = mirror(fake, folder)
    try:
        async with playing(
            stage=Stage(*told(log.events), live=live), mode=mode, mirror=made, size=(100, 40)
        ) as play:
            await play.until(lambda: made.status.sent == 1)
            play.screen._second()
            await play.settle()
            yield play, made
    finally:
        made.close(10)


async def test_the_links_of_session_turn_and_row_are_there_to_copy_and_to_open(fake, tmp_path, opened):
    async with traced(fake, tmp_path / "box", failing()) as (play, made):
        assert "braintrust 1 sent, b links" in play.lines()[2]
        turn = play.session.turns[0]
        tool = next(iter(play.session.tools.values()))
        play.timeline.go_to(tool)
        await play.settle()
        await play.press("b")
        shown = play.text().replace("\n", "").replace(" ", "")
        links = [made.link(play.session), made.link(play.session, turn), made.link(play.session, turn, tool)]
        for link in links:
            assert link.replace(" ", "") in shown
        by_id = {row["id"]: row["span_attributes"]["type"] for row in fake.spans}
        assert [by_id[link.rpartition("=")[2]] for link in links] == ["task", "task", "tool"]
        assert not opened.exists()
        await play.press("j", "y")
        assert play.app.clipboard == links[1]
        await play.press("j", "o")
        await play.until(opened.exists)
        assert opened.read_text() == links[2]
        await play.until(lambda: "opened" in play.lines()[-1])
        await play.press("escape")
        assert play.app.screen is play.screen


async def test_what_went_wrong_is_told_in_full_with_the_link(fake, tmp_path):
    async with traced(fake, tmp_path / "box", failing()) as (play, made):
        tool = next(iter(play.session.tools.values()))
        use = play.session.items[tool]
        play.timeline.go_to(tool)
        await play.settle()
        await play.press("b")
        text = play.text()
        assert "what went wrong in turn 1" in text
        assert "tool_error: bash" in text
        for line in (
            "category    tool_error",
            "code        tool_error",
            f"event       {use.key}",
            "input       deploy --now",
        ):
            assert line in text
        assert "no such host" in text
        assert "\x1b" not in text
        await play.press("b", "enter")
        detail = play.detail_text()
        assert "what went wrong" in detail
        assert "category    tool_error" in detail
        assert made.link(play.session, play.session.turns[0], tool) in detail.replace("\n", "")


async def test_a_replay_opens_nothing(fake, tmp_path, opened):
    async with traced(fake, tmp_path / "box", failing(), mode="replay", live=False) as (play, _):
        await play.press("b", "o")
        assert "a replay opens nothing" in play.lines()[-1]
        await play.press("y")
        assert play.app.clipboard.startswith("http://")
        assert not opened.exists()


@pytest.mark.parametrize(("mode", "said"), [("watch", "BRAINTRUST_API_KEY"), ("replay", "--trace")])
async def test_without_a_mirror_it_says_what_is_missing(mode, said):
    async with playing(*failing().events, mode=mode) as play:
        await play.press("b")
        assert "off" in play.text()
        assert said in play.text()
        assert "tool_error: bash" in play.text(), "errors need no key"
        await play.press("o", "y")
        assert "there is no link" in play.lines()[-1] or mode == "replay"


async def test_what_stops_the_sending_is_in_the_header(fake, tmp_path):
    fake.fault("/insert", "status", times=-1, status=401)
    made = mirror(fake, tmp_path)
    try:
        async with playing(
            stage=Stage(*told(failing().events)), mode="watch", mirror=made, size=(80, 24)
        ) as play:
            await play.until(lambda: made.status.problem)
            play.screen._second()
            await play.settle()
            assert "Braintrust refuses the key (401), 1 waiting, b links" in play.lines()[2]
            await play.press("b")
            assert "problem: Braintrust refuses the key (401)" in play.text()
            assert "not sent yet" in play.text()
    finally:
        made.close(10)


async def test_a_turn_that_runs_is_not_looked_at_all_the_time(fake, tmp_path, monkeypatch):
    """What is new in it is picked once a second; the screen does not draw until then."""
    made = mirror(fake, tmp_path, mode="realtime")
    looks, update = [], made.update
    monkeypatch.setattr(made, "update", lambda *a, **k: looks.append(1) or update(*a, **k))
    log = Log()
    log.begin("Deploy it")
    log.start()
    log.tool("first")
    try:
        stage = Stage(*told(log.events))
        async with playing(stage=stage, mode="watch", mirror=made, size=(110, 24)) as play:
            await play.until(lambda: len(fake.rows) == 4)
            log.tool("second")
            before = len(looks)
            stage.give(log.events[-1])
            await play.until(lambda: len(fake.rows) == 5)
            assert len(looks) - before < 15
    finally:
        made.close(10)
