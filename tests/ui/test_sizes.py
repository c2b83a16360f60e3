"""Texts of any size: on the screen about as soon as small ones, and keys are answered."""

from time import process_time

import pytest

from cma_tui.ui.drive.sheet import TextSheet
from tests.stories.write import Log
from tests.ui.play import Stage, playing

HUGE = {
    "a line of 10 MB": "x" * 10_000_000,
    "a million lines": "line\n" * 1_000_000,
    "a table of 100,000 rows": "| a | b |\n|---|---|\n" + "| 1 | 2 |\n" * 100_000,
    "3,000 fences": "```python\nx = 1\n```\n" * 3_000,
    "a table of 2,000 columns": "|" + " a |" * 2_000 + "\n|" + "---|" * 2_000 + "\n",
    "20,000 quotes": ">" * 20_000 + " x",
    "a million escapes": "\x1b[31m" * 1_000_000,
}


async def seconds(text):
    """CPU time until a message and a result of this text are drawn, and walked through."""
    log = Log()
    log.begin("go")
    log.message(text)
    log.result(log.tool(input={"text": text[:1000]}), text)
    events = list(log.events)
    async with playing(stage=Stage(), size=(80, 24)) as play:
        begun = process_time()
        await play.give(*events)
        await play.press("g", "j", "space", "j", "enter", "escape", "G")
        return process_time() - begun


@pytest.mark.parametrize("text", HUGE.values(), ids=HUGE.keys())
async def test_a_huge_text_is_on_the_screen_as_soon_as_a_small_one(text):
    await seconds("warm up")
    small = await seconds("a plain message")
    assert await seconds(text) < 4 * small + 2.0


async def test_what_does_not_fit_on_a_sheet_goes_on_below_its_column():
    async with playing(size=(40, 12)) as play:
        play.app.push_screen(TextSheet("files", "/one FILE     says what it does, at some length\nshort"))
        await play.settle()
        rows = [line.strip("│ ") for line in play.lines() if line.startswith("│")]
        assert rows[:3] == ["/one FILE     says what it does, at", "some length", "short"]
        (second,) = (line for line in play.lines() if "some length" in line)
        assert second.index("some") == 2 + len("/one FILE     ")
