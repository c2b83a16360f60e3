"""Beside the timeline: turns, threads and time, where there is room; nothing that is read moves for it."""

import pytest

from tests.stories.write import Log
from tests.ui.play import playing
from tests.ui.test_session_screen import conversation
from tests.ui.test_threads import delegation

WIDE = (160, 40)


def beside(play):
    """What stands beside the timeline, line by line."""
    panel = play.screen._beside
    lines = [play.text().split("\n")[y] for y in range(panel.region.y, panel.region.bottom)]
    return [line[: panel.region.width - 1].strip() for line in lines] if panel.display else []


async def test_it_tells_the_turns_the_threads_and_the_time():
    async with playing(*delegation(), size=WIDE) as play:
        await play.until(lambda: any(line.startswith("time") for line in beside(play)))
        lines = beside(play)
        assert lines[0].startswith("turns ──")
        assert lines[1] == "▸1 Who knows?"
        assert lines[2].startswith("running")
        threads = next(n for n, line in enumerate(lines) if line.startswith("threads ──"))
        assert [line.split("  ")[0].strip() for line in lines[threads + 1 : threads + 4]] == [
            "coder",
            "└ analyst",
            "└ reader",
        ]
        time = next(n for n, line in enumerate(lines) if line.startswith("time ──"))
        assert lines[time + 1].startswith("model")
        assert "%" in lines[time + 1]


@pytest.mark.parametrize("size", [(149, 40), (80, 24)])
async def test_on_a_narrow_screen_there_is_no_room_for_it_and_its_key_says_so(size):
    async with playing(*delegation(), size=size) as play:
        assert beside(play) == []
        await play.press("B")
        assert "150 columns" in play.text()


async def test_a_key_or_a_setting_gives_its_room_to_the_timeline():
    async with playing(*delegation(), size=WIDE) as play:
        assert beside(play)
        await play.press("B")
        await play.until(lambda: not beside(play))
        assert play.timeline.size.width == WIDE[0]
        await play.press("B")
        await play.until(lambda: beside(play) and beside(play)[1] == "▸1 Who knows?")
    async with playing(*delegation(), size=WIDE, beside=False) as play:
        assert beside(play) == []


async def test_the_turn_that_is_read_is_among_those_listed_and_a_click_goes_to_another():
    async with playing(*conversation(200).events, size=WIDE) as play:
        await play.until(lambda: any(line.startswith("▸200") for line in beside(play)))
        await play.press("g")
        await play.until(lambda: any(line.startswith("▸1 ") for line in beside(play)))
        row = next(n for n, line in enumerate(beside(play)) if line.startswith("5 "))
        await play.pilot.click(play.screen._beside, offset=(4, row))
        await play.until(lambda: any(line.startswith("▸5 ") for line in beside(play)))
        assert play.timeline.turn == 4
        assert not play.timeline.following
        await play.press("`")  # back to where one was
        assert play.timeline.turn == 0


async def test_a_click_on_a_thread_opens_its_timeline_and_on_the_first_the_sessions():
    async with playing(*delegation(), size=WIDE) as play:
        row = next(n for n, line in enumerate(beside(play)) if line.startswith("└ analyst"))
        await play.pilot.click(play.screen._beside, offset=(4, row))
        await play.until(lambda: play.timeline.entries.thread == "sthr_1")
        row = next(n for n, line in enumerate(beside(play)) if line.startswith("coder"))
        await play.pilot.click(play.screen._beside, offset=(4, row))
        await play.until(lambda: play.timeline.entries.thread is None)


async def test_the_detail_has_its_room_while_it_is_open():
    async with playing(*delegation(), size=WIDE) as play:
        assert beside(play)
        await play.press("k", "enter")
        await play.until(lambda: not beside(play))
        await play.press("escape")
        await play.until(lambda: beside(play))


async def test_a_session_without_a_turn_has_nothing_beside_it():
    async with playing(size=WIDE) as play:
        assert beside(play) == []
        log = Log()
        log.begin("Hello")
        await play.give(*log.events)
        await play.until(lambda: beside(play) and beside(play)[1] == "▸1 Hello")


async def test_what_is_read_stays_when_it_comes_and_goes():
    async with playing(*conversation(60).events, size=WIDE) as play:
        await play.press("g", "right_square_bracket", "right_square_bracket")
        before = play.timeline.place
        for _ in range(2):
            await play.press("B")
            await play.settle()
            assert play.timeline.place == before
