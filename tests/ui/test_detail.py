"""The detail's views: the tree, raw JSON, how it arrived, and texts of any length read to their end."""

import json

import pytest
from rich.style import Style
from textual.color import Color

from cma_tui.ui.widgets import passages
from cma_tui.ui.widgets.passages import LongText
from tests.stories.write import Log, preview_delta, preview_start
from tests.ui.play import playing


def with_tool(result="ok", **fields):
    log = Log()
    log.begin("go")
    log.result(log.tool(**fields), result)
    return log


def shown(play):
    return "\n".join(play.detail.render_line(y).text.rstrip() for y in range(play.detail.size.height))


async def test_the_tree_is_unfolded_gone_through_and_copied(monkeypatch):
    taken = []
    log = with_tool(input={"command": "ls -l", "where": {"path": "/tmp", "deep": [1, 2]}})
    async with playing(*log.events, size=(160, 30)) as play:
        monkeypatch.setattr(play.reader, "carry", taken.append)
        await play.press("enter", "J")
        await play.settle()
        assert "▸ input: {command, where}" in shown(play)
        await play.press("j", "j", "j", "right", "j")
        await play.settle()
        assert 'command: "ls -l"' in shown(play)
        assert ".input.command" in shown(play).split("\n")[0]
        await play.press("y", "j", "shift+right")
        await play.settle()
        assert "      1: 2" in shown(play)
        await play.press("y", "left")
        await play.settle()
        assert "      1: 2" not in shown(play)
        assert taken[0] == "ls -l"
        assert json.loads(taken[1]) == {"path": "/tmp", "deep": [1, 2]}
        await play.press("J")
        await play.settle()
        assert "ls -l" in shown(play)
        assert "▸" not in shown(play)
        await play.press("enter")
        assert play.timeline.has_focus


@pytest.mark.parametrize("theme", ["cma-dark", "ansi-dark"])
async def test_the_row_of_the_tree_that_is_read_is_to_be_seen(theme):
    async with playing(*with_tool().events, size=(100, 30), theme=theme) as play:
        await play.press("enter", "J", "j")
        styles = [[style for _, style, _ in play.detail.render_line(y)] for y in (1, 2, 3)]
        here = [
            any(style.reverse or style.bgcolor != styles[0][0].bgcolor for style in line) for line in styles
        ]
        assert here == [False, True, False]


async def test_what_is_folded_away_is_found_and_unfolded():
    deep = {"first": {"a": ["needle one", {"b": 1}]}, "plain": "x", "second": [{"c": "needle two"}] * 2}
    log = with_tool(result="no more", input=deep)
    async with playing(*log.events, size=(160, 40)) as play:
        await play.press("k", "j", "enter", "J", "slash")
        await play.write("needle")
        await play.press("enter")
        found = []
        for key in (*["n"] * 3, *["N"] * 2):
            title = shown(play).split("\n")[0]
            found.append(title.split()[-1])
            await play.press(key)
            await play.settle()
        first, second, third = ".input.first.a[0]", ".input.second[0].c", ".input.second[1].c"
        assert found == [first, second, third, first, third], "around both ends"
        assert 'plain: "x"' in shown(play)
        assert "▾ second: [2 values]" in shown(play)


async def test_what_is_unfolded_stays_so_when_the_result_comes():
    log = Log()
    log.begin("go")
    log.tool(id="use", input={"command": "ls", "deep": {"a": 1}})
    async with playing(*log.events, size=(160, 30)) as play:
        await play.press("enter", "J", "j", "j", "j", "right")
        await play.settle()
        before = play.detail.view.cursor
        assert "command" in shown(play)
        log.result("use", "done")
        await play.give(log.events[-1])
        assert "command" in shown(play)
        assert "agent.tool_result" in shown(play)
        assert play.detail.view.cursor == before


@pytest.mark.parametrize("view", [[], ["r"]])
async def test_a_text_of_millions_of_characters_is_read_to_its_end_and_looked_through(view):
    lines = [f"line {number} " + "x" * 60 for number in range(40_000)]
    lines[20_000] = "the needle is here"
    log = with_tool("\n".join(lines))
    async with playing(*log.events, size=(160, 30)) as play:
        set_ = []
        make = passages.wrap
        passages.wrap = lambda text, width: set_.append(text) or make(text, width)
        try:
            await play.press("enter", *view)
            await play.settle()
            await play.press("G")
            await play.settle()
            assert "line 39999" in shown(play) or view
            assert "took" in shown(play) or view
            assert len(set_) < 1_000, "what is not in the window is not set"
        finally:
            passages.wrap = make
        await play.press("g", "slash")
        await play.write("needle is")
        await play.press("enter")
        await play.until(lambda: "needle" in shown(play))
        assert "%" in shown(play).split("\n")[0]


async def test_how_a_message_arrived_is_told_with_times():
    log = Log()
    log.begin("go")
    log.start()
    begin = len(log.events)
    log.message("Hello there.", id="said")
    async with playing(*log.events[:begin], size=(160, 30)) as play:
        await play.give(
            preview_start("said", received_at=100.0),
            preview_delta("said", "Hello ", received_at=100.5),
            preview_delta("said", "there.", received_at=101.25),
            *log.events[begin:],
        )
        await play.press("enter", "D")
        await play.settle()
        text = shown(play)
        assert "2 pieces, 12 characters in 1.2s" in text or "2 pieces, 12 characters in 1.3s" in text
        assert '0.500s    +0.500s  "Hello "' in text
        assert '1.250s    +0.750s  "there."' in text


async def test_what_has_no_previews_says_so():
    async with playing(*with_tool().events, size=(160, 30)) as play:
        await play.press("enter", "D")
        await play.settle()
        assert "no previews of it are here" in shown(play)


@pytest.mark.parametrize(
    "text",
    ["", "one", "one\ntwo\n", "\n\n", "x" * 1_000, "x" * 320 + "\n" + "y" * 319 + "\n" + "z", "a\r\nb"],
)
def test_the_pieces_of_a_text_are_all_of_it(text):
    made = LongText(text, 10, passages.plain(10, Style(color=Color.parse("red").rich_color)))
    joined = "".join(line.text for at in range(len(made)) for line in made.lines(at))
    assert joined == text.replace("\n", "").replace("\r", "")
    assert len(made) <= text.count("\n") + 1 + len(text) // 320
    assert all(line.cell_length <= 10 for at in range(len(made)) for line in made.lines(at))
