"""The session screen under the keys: what moves the reading position, and what never does."""

import pytest

from cma_tui.report.words import Density
from tests.stories.write import Log
from tests.ui.play import Stage, playing


def conversation(turns=12, failing=(3, 7)):
    """Turns of a question, a tool and an answer; some tools fail."""
    log = Log()
    for number in range(1, turns + 1):
        log.begin(f"question {number}")
        start = log.start()
        log.wait(1)
        use = log.tool(input={"command": f"run {number}"})
        log.end(start)
        log.wait(0.5)
        log.result(use, f"result {number}", is_error=number in failing)
        log.answer(f"answer {number}")
        log.rest()
        log.wait(5)
    return log


def more(log, number=99):
    """The events of one more turn."""
    before = len(log.events)
    log.begin(f"question {number}")
    log.answer(f"answer {number}")
    log.rest()
    return log.events[before:]


@pytest.fixture
def log():
    return conversation()


# ---------------------------------------------------------------------------------------------- following


async def test_a_log_is_shown_at_its_end(log):
    async with playing(*log.events) as play:
        assert play.timeline.following
        assert "answer 12" in play.rows()[-1]
        assert play.cursor == play.timeline.entries.list[-1]


async def test_every_way_up_pauses_and_news_are_counted_until_end(log):
    keys = ("k", "up", "pageup", "ctrl+u", "g", "home", "left_square_bracket", "E")
    async with playing(*log.events) as play:
        for number, key in enumerate(keys):
            assert play.timeline.following
            await play.press(key)
            assert not play.timeline.following, key
            assert "paused, End follows" in play.text()
            before = play.rows()
            await play.give(*more(log, 90 + number))
            assert play.rows() == before
            assert "+4 new, End follows" in play.text()
            await play.press("end")
            assert f"answer {90 + number}" in play.rows()[-1]
            assert " new, End" not in play.text()


async def test_the_keys_that_follow_again(log):
    async with playing(*log.events) as play:
        for number, key in enumerate(("end", "G", "F")):
            await play.press("g", key)
            await play.give(*more(log, 90 + number))
            assert f"answer {90 + number}" in play.rows()[-1]


async def test_going_down_at_the_end_does_not_stop_the_following(log):
    async with playing(*log.events) as play:
        for key in ("j", "down", "pagedown", "ctrl+d"):
            await play.press(key)
            assert play.timeline.following


async def test_coming_down_to_the_end_by_hand_does_not_follow(log):
    async with playing(*log.events) as play:
        await play.press("k", "j", "j", "pagedown")
        assert not play.timeline.following
        before = play.rows()
        await play.give(*more(log))
        assert play.rows() == before


async def test_the_wheel_scrolls_and_a_click_puts_the_cursor(log):
    async with playing(*log.events) as play:
        top = play.entries()[0]
        play.timeline.scroll_lines(-3)
        await play.step()
        assert play.timeline.entries.position(top) > play.view.top
        await play.pilot.click(play.timeline, offset=(20, 4))
        assert play.cursor == play.entries()[4]


# --------------------------------------------------------------------------------------------------- keys


async def test_j_and_k_move_by_rows_and_keep_the_cursor_on_the_screen(log):
    async with playing(*log.events, size=(80, 16)) as play:
        await play.press("g")
        for step in range(1, 30):
            await play.press("j")
            assert play.view.cursor == step
            assert any(at == step for at, _ in play.view.layout())
        for step in range(28, 10, -1):
            await play.press("k")
            assert play.view.cursor == step
            assert any(at == step for at, _ in play.view.layout())


async def test_brackets_go_from_turn_to_turn(log):
    async with playing(*log.events) as play:
        await play.press("g")
        for turn in range(1, 5):
            await play.press("right_square_bracket")
            assert play.cursor == -1 - turn
            assert f"question {turn + 1} " in next(row for row in play.rows() if row)
        await play.press("left_square_bracket", "left_square_bracket")
        assert play.cursor == -3


async def test_e_goes_through_what_went_wrong(log):
    async with playing(*log.events) as play:
        await play.press("g")
        found = []
        for key in ("e", "e", "E"):
            await play.press(key)
            found.append(play.session.items[play.cursor].name + str(play.session.items[play.cursor].turn))
        assert found == ["bash2", "bash6", "bash2"]
        before = play.cursor
        await play.press("E")
        assert play.cursor == before, "there is none before"


async def test_t_shows_four_kinds_of_time(log):
    async with playing(*log.events) as play:
        assert play.rows()[-1].split()[0] == "02.7"
        await play.press("T")
        assert len(play.rows()[-1].split()[0]) == len("16:00:00")
        await play.press("T")
        assert play.rows()[-1].split()[0] == "1:28.5"
        await play.press("T")
        assert play.rows()[-1].split()[0] == "agent"
        await play.press("T")
        assert play.rows()[-1].split()[0] == "02.7"


async def test_question_mark_opens_the_help_and_the_same_key_closes_it(log):
    async with playing(*log.events) as play:
        for key in ("question_mark", "f1", "q", "escape"):
            await play.press("question_mark")
            assert len(play.app.screen_stack) == 3
            await play.press(key)
            assert len(play.app.screen_stack) == 2
        assert play.app.is_running


async def test_q_leaves(log):
    async with playing(*log.events) as play:
        await play.press("q")
        assert play.app.return_code == 0


async def test_no_key_breaks_an_empty_screen():
    async with playing() as play:
        for key in (*"jkgG", "right_square_bracket", "left_square_bracket", *"eET", "space"):
            await play.press(key, "enter", "pageup", "pagedown", "ctrl+o")
        await play.give(*conversation(1).events)
        assert play.timeline.following
        assert "answer 1" in play.text()


@pytest.mark.parametrize(("mode", "words"), [("watch", "no event yet"), ("demo", "debug my incident")])
async def test_where_there_are_no_rows_there_are_words_until_the_first_comes(mode, words):
    log = Log()
    async with playing(mode=mode, size=(60, 20)) as play:
        assert words in play.text()
        log.user("hello")
        await play.give(log.events[-1])
        assert words not in play.text()
        assert "hello" in play.text()
        await play.press("escape", "f", *"kind:tool", "enter")
        assert "no row matches the filter" in play.text()
        log.tool("bash")
        await play.give(log.events[-1])
        assert "no row matches the filter" not in play.text()


async def test_every_theme_there_is_can_be_worn_and_changed(log):
    async with playing(*log.events, theme="nord") as play:
        before = play.rows()
        await play.press("question_mark", "escape")
        for theme in sorted(play.app.available_themes):
            play.app.theme = theme
            await play.settle()
            assert play.rows() == before
            assert len({segment.style for y in range(9) for segment in play.timeline.render_line(y)}) > 3


async def test_a_theme_nobody_knows_is_the_dark_one(log):
    async with playing(*log.events, theme="no such theme") as play:
        assert play.app.theme == "cma-dark"


# ----------------------------------------------------------------------------------------- what stays put


async def middle(play):
    """Read in the middle: the seventh turn at the top, the cursor on its third row."""
    await play.press("g", *["right_square_bracket"] * 6, "j", "j")
    return play.rows(), play.cursor


async def test_appending_moves_nothing_on_the_screen(log):
    async with playing(*log.events) as play:
        before = await middle(play)
        for number in range(20, 40):
            await play.give(*more(log, number))
        assert (play.rows(), play.cursor) == before


async def test_a_row_that_changes_below_or_above_moves_nothing():
    log = conversation(8)
    first = log.tool(id="late")
    after = conversation(8)
    async with playing(*log.events, *after_ids(after)) as play:
        await play.press("g", *["right_square_bracket"] * 10)
        before = play.rows(), play.cursor
        log.result(first, "x", is_error=True)
        await play.give(log.events[-1])
        assert (play.rows(), play.cursor) == before


def after_ids(log):
    """The events of another log under ids of their own."""
    from cma_tui.event import parse

    return [parse(event.raw.replace(b"sevt_", b"sevt_b")) for event in log.events]


@pytest.mark.parametrize("size", [(60, 30), (160, 48), (100, 14)])
async def test_a_resize_keeps_the_row_at_the_top(log, size):
    async with playing(*log.events) as play:
        await middle(play)
        top = play.entries()[0], play.cursor
        await play.pilot.resize_terminal(*size)
        await play.settle()
        assert (play.entries()[0], play.cursor) == top


@pytest.mark.parametrize("size", [(20, 5), (40, 7), (80, 9)])
async def test_on_a_low_terminal_the_rows_have_the_room(log, size):
    async with playing(*log.events, size=size) as play:
        lines = play.lines()
        assert len(lines) == size[1]
        assert lines[-1].startswith(" ? help")
        assert len(play.rows()) == size[1] - 2, "one line above them, one below"
        assert not play.screen.show_vertical_scrollbar
        await play.pilot.resize_terminal(80, 24)
        await play.settle()
        assert len(play.rows()) == 24 - 5


@pytest.mark.parametrize(
    ("width", "said"),
    [
        (120, "helper · claude-opus-5 · p99 on orders · sesn_011CZxAbCdEfGhJkLmNpQrSt"),
        (80, "helper · claude-opus-5 · p99 on orders"),
        (50, "helper · claude-opus-5"),
        (14, "idle"),
    ],
)
async def test_the_title_comes_before_the_id_whatever_there_is_room_for(width, said):
    about = {"id": "sesn_011CZxAbCdEfGhJkLmNpQrSt", "title": "p99 on orders", "status": "idle"}
    log = Log()
    agent = {"id": "a", "name": "helper", "model": {"id": "claude-opus-5"}}
    log.add("local.session", id=None, at=..., session={**about, "agent": agent})
    log.begin("Hi")
    log.answer("Hello.")
    log.rest()
    async with playing(*log.events, size=(width, 24)) as play:
        assert play.lines()[0].strip().split("  ")[0] == said


async def test_folding_the_turn_above_keeps_the_cursor_and_shows_one_line(log):
    async with playing(*log.events) as play:
        await play.press("g", *["right_square_bracket"] * 3)
        await play.press("enter")
        assert play.cursor == -4
        assert play.timeline.entries.folded == {3}
        assert play.entries()[0] == -4
        headings = [row for row in play.rows() if "question 4" in row]
        assert len(headings) == 1
        assert headings[0].startswith("▸ 4")
        await play.press("space")
        assert not play.timeline.entries.folded
        assert play.cursor == -4


async def test_density_changes_keep_the_row_under_the_cursor(log):
    async with playing(*log.events) as play:
        await middle(play)
        await play.press("j")  # the tool: every density shows it
        cursor, top = play.cursor, play.entries()[0]
        for density in (Density.FULL, Density.QUIET, Density.NORMAL):
            await play.press("ctrl+o")
            assert play.timeline.entries.density is density
            assert play.cursor == cursor
            assert play.entries()[0] == top


async def test_a_message_is_opened_and_closed_in_place(log):
    log.begin("long")
    log.message("\n".join(f"line {n}" for n in range(60)))
    log.rest()
    async with playing(*log.events, size=(100, 40)) as play:
        assert "… 36 more lines, Space shows them" in play.text()
        await play.press("k", "j", "space")
        assert "line 30" in play.text()
        assert "more lines" not in play.text()
        await play.give(*more(log))
        await play.press("space")
        assert "… 36 more lines, Space shows them" in play.text()


async def test_the_arrival_of_an_approval_keeps_the_reading_position(log):
    stage = Stage(*log.events, controls=object())
    async with playing(stage=stage) as play:
        before, cursor = await middle(play)
        log.begin("deploy")
        log.tool(id="use", permission="ask", input={"command": "make deploy"})
        log.rest("requires_action", "use")
        await play.give(*log.events[-6:])
        assert "make deploy" in play.text()
        assert play.rows() == before[: len(play.rows())]
        assert len(play.rows()) < len(before)
        assert play.cursor == cursor


async def test_a_list_that_brings_earlier_events_keeps_what_is_read_opened_and_folded(log):
    late = [event for event in log.events if "question 2" not in event.raw.decode()]
    cut = next(n for n, e in enumerate(late) if "question 5" in e.raw.decode()) - 2
    async with playing(*late[cut:]) as play:
        await play.press("g", "right_square_bracket", "enter", "right_square_bracket", "j", "j", "j")
        before = play.rows()
        shown = [row[4:] for row in before]
        await play.press("space")
        await play.give(*log.events, listed=True)
        after = play.rows()
        assert [row[4:] for row in after][1:] == shown[1:], "only the turns' numbers differ"
        assert "question 7" in after[0] + after[1]
        assert play.timeline._expanded == {play.cursor}
        assert play.timeline.entries.folded == {5}


async def test_the_reading_position_is_held_through_all_that_can_happen_at_once(log):
    """What arrives, what is filtered, another size, folded turns and an approval, one after the other."""
    stage = Stage(*log.events, controls=object())
    async with playing(stage=stage) as play:
        await middle(play)
        await play.press("j")  # the tool, which the filter lists
        before, cursor = play.rows(), play.cursor
        shown = "".join(strip.text for mark, strip in play.timeline._window if mark).strip()

        def held():
            """The row under the cursor is the same, and the screen is as it was, as far as it reaches."""
            rows = play.rows()
            assert rows == before[: len(rows)]
            assert play.cursor == cursor

        for number in range(20, 23):
            await play.give(*more(log, number))
            held()
        await play.press("f")
        await play.write("kind:tool")
        await play.press("enter")
        await play.give(*more(log, 23))
        assert play.rows() != before
        assert play.cursor == cursor
        await play.press("escape")
        held()
        for size in ((60, 30), (160, 48), (100, 12), (100, 30)):
            await play.pilot.resize_terminal(*size)
            await play.settle()
            assert play.cursor == cursor
            await play.give(*more(log, 24 + size[0]))
        held()
        await play.press("left_square_bracket", "enter")
        assert len(play.timeline.entries.folded) == 1
        folded = play.rows()
        await play.give(*more(log, 30))
        assert play.rows() == folded, "what arrives while a turn is folded moves nothing either"
        await play.press("enter", "j", "j", "j")
        held()
        log.begin("deploy")
        log.tool(id="use", permission="ask", input={"command": "make deploy"})
        log.rest("requires_action", "use")
        await play.give(*log.events[-6:])
        assert "make deploy" in play.text()
        held()
        assert "".join(strip.text for mark, strip in play.timeline._window if mark).strip() == shown
        assert not play.timeline.following


@pytest.mark.parametrize(
    ("path", "width", "shown"),
    [
        ("/srv/logs/orders/events.jsonl", 120, "saved log /srv/logs/orders/events.jsonl · "),
        ("/srv/logs/orders/events.jsonl", 80, "saved log …/logs/orders/events.jsonl · "),
        ("/srv/logs/orders/events.jsonl", 40, "saved log events.jsonl · "),
    ],
)
async def test_of_a_file_the_header_has_its_name_and_as_much_of_its_path_as_fits(path, width, shown):
    log = conversation(1)
    log.add("local.session", id=None, at=..., session={"id": "sesn_1"})
    async with playing(stage=Stage(*log.events, live=False, name=path), size=(width, 24)) as play:
        assert shown in play.lines()[2]
    async with playing(stage=Stage(live=False, name=path), size=(width, 24)) as play:
        assert play.lines()[0].split()[0] == "events.jsonl"
