"""What helps to read a timeline: the heading of the turn that is read, where time passed, what to do next."""

from cma_tui.event import local
from tests.stories.write import Log
from tests.ui.play import playing


def long_turns():
    log = Log()
    for turn in range(3):
        log.begin(f"Question {turn + 1}")
        for n in range(20):
            log.result(log.tool("bash", input={"command": f"step {turn}.{n}"}))
        log.answer(f"Answer {turn + 1}")
        log.rest()
    return log


async def test_the_heading_of_the_turn_that_is_read_stays_while_it_is_above():
    async with playing(*long_turns().events, size=(100, 20)) as play:
        assert "Question 3" in play.rows()[0], "of the end, too"
        await play.press("g")
        assert play.rows()[0].startswith("▾ 1")
        assert sum("▾ 1" in row for row in play.rows()) == 1
        for _ in range(60):
            await play.press("j")
            rows, marked = play.rows(), [y for y, (mark, _) in enumerate(play.timeline._window) if mark]
            assert marked, "the cursor is in the window"
            assert marked[0] > 0, "and not below the heading"
            turn = play.timeline.session.items[play.cursor].turn if play.cursor >= 0 else -1 - play.cursor
            if marked[0] > 8:
                continue
            assert f"Question {turn + 1}" in "\n".join(rows[: marked[0] + 1])
        for _ in range(40):
            await play.press("k")
            marked = [y for y, (mark, _) in enumerate(play.timeline._window) if mark]
            assert marked, "the cursor is in the window"
            assert marked[0] > 0 or not play.view.covered


async def test_the_heading_above_does_not_move_what_is_read():
    log = long_turns()
    async with playing(*log.events, size=(100, 20)) as play:
        await play.press("g", "pagedown", "pagedown")
        read, before = play.rows(), len(log.events)
        assert "Question" in read[0]
        log.begin("Another")
        log.answer("More")
        log.rest()
        await play.give(*log.events[before:])
        assert play.rows() == read


async def test_the_heading_above_is_gone_to_by_a_click():
    async with playing(*long_turns().events, size=(100, 20)) as play:
        await play.press("g", "pagedown")
        await play.pilot.click(play.timeline, offset=(5, 0))
        await play.settle()
        assert play.cursor == -1


async def test_a_long_pause_is_a_line_of_its_own_before_what_ended_it():
    log = Log()
    log.begin("Hi")
    log.answer("One.")
    log.wait(300)
    log.answer("Two.")
    log.rest()
    log.wait(4000)
    log.begin("Still there?")
    log.rest()
    async with playing(*log.events, size=(100, 30)) as play:
        rows = play.rows()
        assert [row.strip() for row in rows if " later " in row] == ["── 5m00s later ──", "── 1h06m later ──"]
        assert "Still there?" in rows[next(y for y, row in enumerate(rows) if "1h06m" in row) + 1]
        await play.press("g", *["j"] * 4)
        for mark, strip in play.timeline._window:
            assert not (mark and " later " in strip.text), "the cursor is on the row"
        await play.press("ctrl+o")
        assert sum(" later " in row for row in play.rows()) == 2


async def test_a_turn_that_stopped_says_why_and_what_can_be_done():
    log = Log()
    for reason in ("budget_reached", "retries_exhausted"):
        log.begin("Go on")
        log.rest(reason)
    log.begin("Do it")
    log.idle("refusal", stop_details={"category": "cyber", "explanation": "This asks for an exploit."})
    async with playing(*log.events, size=(80, 30)) as play:
        text = "\n".join(play.rows())
        assert "└ raise it with /budget, then write to go on" in text
        assert "└ write to it, and it tries again" in text
        assert "refused, cyber: This asks for an exploit." in text
        assert "└ ask differently: the same words are refused again" in text


async def test_the_outline_s_costs_are_the_headings_and_estimates_are_marked(monkeypatch):
    class Rates:
        def cost(self, model, usage, at, /):
            return 40_000_000

        def window(self, model, /):
            return 200_000

    monkeypatch.setattr("cma_tui.report.prices.ListPrices", Rates)
    log = Log()
    agent = {"agent": {"id": "a", "model": {"id": "m"}}}
    for cents in ("3", None):
        log.begin()
        log.answer()
        log.rest(cents=cents)
    async with playing(local("local.session", {"session": agent}), *log.events, size=(80, 24)) as play:
        await play.until(lambda: "~$0.04" in play.text())
        await play.press("o")
        await play.settle()
        first, second = (line for line in play.lines() if line.rstrip().endswith(("$0.03", "$0.04")))
        assert not first.rstrip().endswith("~$0.03")
        assert second.rstrip().endswith("~$0.04")


async def test_the_outline_is_narrowed_by_what_is_written_and_enter_goes_there():
    log = long_turns()
    log.begin("One more [thing]")
    log.rest("budget_reached")
    async with playing(*log.events, size=(80, 24)) as play:
        await play.press("o")
        await play.settle()
        assert "4 turns" in play.text()
        assert "budget reached" in play.text()
        assert all(len(line) <= 80 for line in play.lines())
        await play.write("question 2")
        assert "1 of 4 turns  with question 2" in play.text()
        assert "[thing]" not in play.text()
        await play.press("enter")
        await play.settle()
        assert play.session.items[play.cursor].turn == 1
        assert any("Question 2" in row for row in play.rows())
        here = play.rows()
        await play.press("o", "z", "escape", "escape")
        await play.settle()
        assert play.rows() == here
