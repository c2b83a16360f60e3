"""Finding one's way: search, filters, places; and that nothing of it moves what is read."""

import pytest

from tests.stories.write import Log
from tests.ui.play import playing
from tests.ui.test_session_screen import conversation, more


@pytest.fixture
def log():
    return conversation()


def status(play):
    """The lines between the timeline and the hints."""
    return "\n".join(play.lines()[-4:])


# ---------------------------------------------------------------------------------------------- search


async def test_what_is_looked_for_is_found_while_it_is_written_and_esc_goes_back(log):
    async with playing(*log.events) as play:
        await play.press("g", "j", "j")
        before, cursor = play.rows(), play.cursor
        await play.press("slash")
        await play.write("result 8")
        assert play.session.items[play.cursor].name == "bash"
        assert "1 of 1" in status(play)
        await play.press("enter")
        assert "inside: result 8" in status(play), "the row of a tool shows no result"
        await play.press("escape")
        assert (play.rows(), play.cursor) == (before, cursor)
        await play.press("grave_accent")
        assert play.session.items[play.cursor].turn == 7, "and forth again"


async def test_n_goes_through_the_hits_around_the_end_with_a_count(log):
    async with playing(*log.events) as play:
        await play.press("g", "slash")
        await play.write("question 1")
        await play.press("enter")
        turns, counts = [], []
        for key in ("n", "n", "n", "n", "N"):
            turns.append(play.session.items[play.cursor].turn)
            counts.append(next(line for line in play.lines() if "/question 1 " in line).split("   ")[1])
            await play.press(key)
            await play.settle()
        assert turns == [0, 9, 10, 11, 0]
        assert counts == ["1 of 4", "2 of 4", "3 of 4", "4 of 4", "1 of 4"]


async def test_from_the_end_what_was_said_last_is_found_first(log):
    async with playing(*log.events) as play:
        await play.press("slash")
        await play.write("answer")
        assert play.session.items[play.cursor].turn == 11
        await play.press("escape")
        assert play.timeline.following


async def test_what_the_density_and_the_folding_hide_is_found_and_hidden_again(log):
    log.thinking(text="a secret plan")
    async with playing(*log.events) as play:
        await play.press("g", "enter")
        folded = play.rows()
        await play.press("slash")
        await play.write("secret plan")
        assert "secret plan" in play.text()
        await play.press("escape", "slash")
        await play.write("run 1")
        await play.press("enter")
        assert any("run 1" in row for row in play.rows()[:3]), "in the folded turn"
        await play.press("escape")
        assert play.rows() == folded


async def test_hits_are_marked_in_rows_and_in_the_detail(log):
    async with playing(*log.events) as play:
        await play.press("g", "slash")
        await play.write("RESULT 3")
        assert "nothing found" in status(play), "capitals count"
        await play.press(*["backspace"] * 8)
        await play.write("result 3")
        await play.press("enter", "enter")
        await play.settle()
        found = play.detail.get_component_rich_style("window--found").bgcolor
        marked = [
            segment.text
            for y in range(play.detail.size.height)
            for segment in play.detail.render_line(y)
            if segment.style and segment.style.bgcolor == found
        ]
        assert marked == ["result 3"]


async def test_hits_come_with_new_events_and_the_reading_position_holds(log):
    async with playing(*log.events) as play:
        await play.press("g", "slash")
        await play.write("question 9")
        await play.press("enter")
        before = play.rows()
        await play.give(*more(log, 99))
        assert play.rows() == before
        assert "1 of 2" in status(play)


@pytest.mark.parametrize(
    ("written", "texts"),
    [
        ("question 1", {"question 1"}),  # of the heading what was asked
        ("tool", set()),  # of the heading how many there were
        ("/[0-9]s\\b/", set()),  # how long it took
        ("ok", {"ok"}),  # what came of it
    ],
)
async def test_only_what_can_be_found_is_marked(log, written, texts):
    async with playing(*log.events, size=(120, 40)) as play:
        await play.press("g", "slash")
        await play.write(written)
        await play.press("enter")
        found = play.timeline.get_component_rich_style("timeline--found").bgcolor
        lines = [play.timeline.render_line(y) for y in range(play.timeline.size.height)]
        marked = [part.text for line in lines for part in line if part.style and part.style.bgcolor == found]
        assert set(marked) == texts
        assert bool(marked) == ("nothing found" not in status(play))


@pytest.mark.parametrize("written", ["/(/", "/[/"])
async def test_what_is_no_expression_says_so(log, written):
    async with playing(*log.events) as play:
        await play.press("slash")
        await play.write(written)
        assert "missing" in status(play) or "unterminated" in status(play)
        await play.press("enter")
        assert play.reader._prompt.is_open
        await play.press("escape")
        assert play.timeline.has_focus


async def test_an_expression_that_would_never_end_says_so():
    log = Log()
    log.begin("a" * 3000 + "b")
    async with playing(*log.events) as play:
        await play.press("slash")
        await play.write("/(a|aa)+$/")
        assert "takes too long" in status(play)


async def test_text_that_is_written_reaches_no_other_key(log):
    async with playing(*log.events) as play:
        await play.press("slash")
        await play.write("q! f/xx")
        assert play.reader._prompt.text == "q! f/xx"
        assert play.app.is_running


# ---------------------------------------------------------------------------------------------- filters


async def test_a_filter_lists_what_it_wants_and_says_how_much(log):
    async with playing(*log.events) as play:
        await play.press("f")
        await play.write("error")
        await play.press("enter")
        await play.settle()
        assert [row.split()[1:3] for row in play.rows() if "failed" in row] == [["tool", "bash"]] * 2
        assert "2 of " in status(play)
        assert "rows" in status(play)
        await play.press("escape")
        assert "Esc shows all" not in status(play)
        assert play.timeline.following


async def test_the_row_that_is_read_stays_where_it_is_through_a_filter(log):
    async with playing(*log.events) as play:
        await play.press("g", *["j"] * 20)
        while play.session.items[play.cursor].type != "agent.tool_use":
            await play.press("j")
        row, line = play.cursor, play.view.cursor_line()
        await play.press("f")
        await play.write("kind:tool")
        await play.press("enter")
        await play.settle()
        assert play.cursor == row
        shown = play.rows()
        await play.give(*more(log))
        assert play.rows() == shown, "what arrives moves nothing"
        await play.press("escape")
        await play.settle()
        assert (play.cursor, play.view.cursor_line()) == (row, line)


async def test_a_row_that_a_filter_hid_is_come_back_to(log):
    async with playing(*log.events) as play:
        await play.press("g", *["j"] * 20)
        while play.session.items[play.cursor].type != "agent.tool_use":
            await play.press("j")
        row, line, rows = play.cursor, play.view.cursor_line(), play.rows()
        for words in ("kind:you", "error", "there is no such row"):
            await play.press("f", "ctrl+u")
            await play.write(words)
            await play.press("enter")
            await play.settle()
            assert play.cursor != row
            assert play.reader._filter.source == words
        await play.give(*more(log))
        await play.press("escape")
        await play.settle()
        assert (play.cursor, play.view.cursor_line()) == (row, line)
        assert play.rows() == rows


async def test_a_row_that_was_gone_to_under_a_filter_is_stayed_at(log):
    async with playing(*log.events) as play:
        await play.press("g", *["j"] * 20, "f")
        await play.write("kind:you")
        await play.press("enter", "j", "j")
        await play.settle()
        row = play.cursor
        await play.press("escape")
        await play.settle()
        assert play.cursor == row


async def test_a_filter_that_makes_no_sense_says_where(log):
    async with playing(*log.events) as play:
        await play.press("f")
        await play.write("tool:bash kind:toll")
        assert "no such kind: toll" in status(play)
        assert "at 16" in status(play)
        await play.press("enter")
        assert play.reader._prompt.is_open
        await play.press("escape")
        assert play.timeline.entries.filter is None


async def test_new_rows_come_under_the_filter(log):
    async with playing(*log.events) as play:
        await play.press("f")
        await play.write("kind:you")
        await play.press("enter")
        await play.settle()
        await play.give(*more(log))
        assert "question 99" in play.rows()[-1]
        assert "13 of " in status(play)


async def test_the_users_own_filters_are_offered(log):
    async with playing(*log.events, filters={"bad": "error", "mine": "kind:you"}) as play:
        await play.press("f", "up", "up", "down")
        assert play.reader._prompt.text == "kind:you"
        await play.press("up", "enter")
        await play.settle()
        assert "2 of " in status(play)


async def test_search_and_filter_are_left_one_after_the_other(log):
    async with playing(*log.events) as play:
        await play.press("g", "f")
        await play.write("kind:you")
        await play.press("enter", "slash")
        await play.write("question 5")
        await play.press("enter")
        assert "1 of 1" in status(play)
        await play.press("escape")
        assert "1 of 1" not in status(play)
        assert "Esc shows all" in status(play)
        await play.press("escape")
        assert "Esc shows all" not in status(play)


# ---------------------------------------------------------------------------------------------- places


@pytest.mark.parametrize(
    ("place", "turn"),
    [("5", 4), ("turn 5", 4), ("#1", 0), ("8s", 1), ("0:08", 1), ("-9s", 10), ("16:00:20", 3), ("50%", 5)],
)
async def test_a_place_is_gone_to_and_come_back_from(log, place, turn, monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    __import__("time").tzset()
    async with playing(*log.events) as play:
        await play.press("colon")
        await play.write(place)
        await play.press("enter")
        assert play.session.items[play.cursor].turn == turn
        assert not play.timeline.following
        await play.press("grave_accent")
        assert play.timeline.following


async def test_an_event_is_gone_to_by_its_id(log):
    async with playing(*log.events) as play:
        item = play.session.turns[2].inputs[0]
        await play.press("colon")
        await play.write(play.session.events[play.session.items[item].event].key)
        await play.press("enter")
        assert play.cursor == item


@pytest.mark.parametrize("place", ["99", "#9999", "nowhere", "27:00:00", "2026-99-99"])
async def test_a_place_that_is_not_there_is_said(log, place):
    async with playing(*log.events) as play:
        await play.press("colon")
        await play.write(place)
        await play.press("enter")
        assert play.reader._prompt.is_open
        assert "no " in status(play)


async def test_waits_and_slow_places_are_gone_to():
    log = Log()
    log.begin("one")
    slow = log.tool("slow_tool")
    log.wait(60)
    log.result(slow)
    asks = log.mcp("ask_tool")
    log.wait(2)
    log.confirm(asks)
    log.mcp_result(asks)
    log.answer("first")
    log.rest()
    log.wait(300)
    log.begin("two")
    log.answer("second")
    log.rest()
    async with playing(*log.events) as play:
        await play.press("g", "greater_than_sign")
        assert play.session.items[play.cursor].name == "slow_tool"
        await play.press("greater_than_sign")
        assert play.session.items[play.cursor].turn == 1
        await play.press("A")
        assert play.session.items[play.cursor].name == "ask_tool"
        await play.press("less_than_sign")
        assert play.session.items[play.cursor].name == "slow_tool"


async def test_the_reading_position_holds_through_all_that_happens(log):
    async with playing(*log.events, size=(100, 30)) as play:
        await play.press("g", *["j"] * 14)
        row = play.cursor
        for happens in ("append", "resize", "filter", "unfilter", "fold", "ask"):
            line = play.view.cursor_line()
            if happens == "append":
                await play.give(*more(log))
            elif happens == "resize":
                await play.pilot.resize_terminal(80, 24)
                await play.settle()
            elif happens == "filter":
                play.reader.filter("!error")
                await play.settle()
            elif happens == "unfilter":
                play.reader.filter("")
                await play.settle()
            elif happens == "fold":
                play.timeline._fold(0)
                await play.settle()
            else:
                before = len(log.events)
                log.begin("now ask")
                log.mcp()
                await play.give(*log.events[before:])
            assert play.cursor == row, happens
            if happens in ("append", "filter", "ask"):
                assert play.view.cursor_line() == line, happens


# ---------------------------------------------------------------------------------------------- detail


async def test_the_detail_of_an_edit_is_read_as_lines_that_go_and_come():
    log = Log()
    log.begin("edit")
    log.result(log.tool("edit", input={"path": "a.py", "old_str": "was " * 40, "new_str": "is"}), "done")
    async with playing(*log.events, size=(120, 30)) as play:
        await play.press("enter")
        await play.settle()
        text = play.detail_text()
        assert "edit of a.py" in text
        assert text.count("\n- was") > 1, "what is wrapped keeps its sign"
        assert "\n+ is" in text
        assert "done" in text
