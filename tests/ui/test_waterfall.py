"""The waterfall on the screen: keys, mouse, other turns, keeping up, and back to the row."""

import pytest

from cma_tui.ui.screens.waterfall import Waterfall
from cma_tui.ui.widgets import waterfall
from tests.report.test_waterfall import incident
from tests.stories.write import Log
from tests.ui.play import playing


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (200, 60)])
async def test_lanes_and_words_at_any_width(size):
    async with playing(*incident(), size=size) as play:
        await play.press("w")
        text = play.text()
        for said in ("turn 1 of 1  Debug it", "model", "tools", "you", "coder", "bash"):
            assert said in text
        assert "/10m00s/" in text
        assert all(len(line) <= size[0] for line in play.lines())
        await play.press("e")
        assert "bash" in play.lines()[-3]
        assert play.lines()[-3].endswith("failed")


async def test_the_cursor_goes_by_time_and_by_lane_and_enter_goes_to_the_row():
    async with playing(*incident(), size=(100, 30)) as play:
        await play.press("w")
        said = []
        for _ in range(4):
            await play.press("tab")
            said.append(play.lines()[-3].split()[0:2])
        assert said == [["you", "at"], ["model", "2.0s"], ["tool", "bash"], ["tool", "grep"]]
        await play.press("up", "up")
        assert "model" in play.lines()[-3]
        await play.press("tab", "tab", "enter")
        assert not isinstance(play.app.screen, Waterfall)
        assert play.session.items[play.cursor].name == "grep"


async def test_zoom_and_pan_keep_to_what_there_is():
    async with playing(*incident(), size=(100, 30)) as play:
        await play.press("w", "tab", "tab")
        whole = play.text()
        await play.press("plus", "plus")
        assert play.text() != whole
        await play.press(*["left"] * 12)
        assert play.lines()[2].split()[0] == "0"
        await play.press(*["right"] * 40)
        assert "611s" in play.text() or "10m1" in play.text()
        await play.press("0")
        assert play.text() == whole


async def test_other_turns_and_a_click():
    log = Log()
    for number in range(3):
        log.begin(f"question {number + 1}")
        start = log.start()
        log.wait(1)
        log.end(start)
        log.rest()
        log.wait(5)
    async with playing(*log.events, size=(100, 30)) as play:
        await play.press("w")
        assert "turn 3 of 3" in play.lines()[0]
        await play.press("left_square_bracket")
        assert "turn 2 of 3  question 2" in play.lines()[0]
        row = next(y for y, line in enumerate(play.lines()) if line.split()[:1] == ["model"])
        await play.pilot.click(offset=(60, row))
        await play.step()
        assert play.lines()[-3].split()[0] == "model"
        await play.press("enter")
        assert play.session.items[play.cursor].turn == 1


async def test_it_grows_and_draws_only_what_differs():
    log = Log()
    log.begin()
    log.start()
    async with playing(*log.events, size=(100, 30)) as play:
        await play.press("w")
        begin = len(log.events)
        log.wait(1)
        log.tool("very_new")
        await play.give(*log.events[begin:])
        assert "very_new" in play.text()
        view = play.app.screen.view
        view._now_there = lambda: view.made.last_at + 1
        view.show()
        drawn = []
        view.refresh = lambda *regions, **options: drawn.extend(regions)
        view.show()
        assert drawn == [], "nothing differs"


async def test_a_long_turn_is_read_between_keys(monkeypatch):
    monkeypatch.setattr(waterfall, "AT_ONCE", 5)
    log = Log()
    log.begin("Again and again")
    for _ in range(40):
        log.result(log.tool())
    async with playing(*log.events, size=(100, 30)) as play:
        await play.press("k", "k")
        read = play.cursor
        await play.press("w")
        view = play.app.screen.view
        assert view.made.whole or "being read" in play.text()
        await play.until(lambda: view.made.whole)
        await play.step()
        assert "being read" not in play.text()
        assert len(view.made.order) == 41
        assert view._cursor == (read, 0), "the row that was read is found however late it is taken in"
        await play.press("escape")


async def test_a_session_without_a_turn():
    async with playing(size=(80, 24)) as play:
        await play.press("w")
        assert "no turn yet" in play.text()
        await play.press("tab", "enter", "plus", "right_square_bracket", "q")
        assert not isinstance(play.app.screen, Waterfall)


@pytest.mark.parametrize("theme", ["ansi-dark", "ansi-light"])
async def test_every_panel_is_drawn_in_the_terminals_own_colours(theme):
    async with playing(*incident(), size=(100, 30), theme=theme) as play:
        for key, said in (("w", "waterfall"), ("t", "threads"), ("M", "figures")):
            await play.press(key)
            assert said in play.text()
            await play.press("q")
