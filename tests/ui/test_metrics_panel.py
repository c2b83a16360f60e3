"""The metrics panel: what it shows, sorting, going to a turn, keeping up at no growing cost."""

import pytest

from cma_tui.event import local
from cma_tui.session.book import figures_of
from cma_tui.ui.counting import CostLimits
from cma_tui.ui.screens.metrics import Metrics
from tests.session.look import fold
from tests.session.test_figures import Rates
from tests.stories.write import Log, preview_delta, preview_start
from tests.ui.play import Sends, Stage, playing


def talk(turns=12):
    """Turns of growing cost; the third of them fails."""
    log = Log()
    for number in range(turns):
        log.begin(f"question {number + 1}")
        start = log.start()
        log.wait(1 + number % 5)
        use = log.tool(input={"command": f"run {number}"})
        log.end(start, fresh=10 * number, out=50 + 10 * number, read=1000 * number)
        log.wait(0.5)
        log.result(use, is_error=number == 2)
        log.answer()
        log.rest(cents=str(number * (number + 1)))
        log.wait(5)
    return log


@pytest.mark.parametrize("size", [(80, 24), (200, 60)])
async def test_figures_plots_and_tables(size):
    async with playing(*talk().events, size=size) as play:
        await play.press("M")
        text = play.text()
        assert "cost $1.32" in text
        assert "model " in text
        assert "idle " in text
        assert "output tokens" in text
        assert "question 12" in text
        assert all(len(line) <= size[0] for line in play.lines())
        await play.press("tab")
        assert "well" in play.text()
        await play.press("tab")
        assert "bash  builtin" in play.text()
        await play.press("tab")
        assert "  primary" in play.text()
        await play.press("q")
        assert not isinstance(play.app.screen, Metrics)


async def test_sorted_by_any_column_and_back_to_the_turn():
    async with playing(*talk().events, size=(100, 40)) as play:
        await play.press("M")
        view = play.app.screen.view
        for _ in range(5):
            await play.press("right")  # to the uses that failed
        (first,) = [line for line in play.lines() if "question 3" in line]
        rows = [line for line in play.lines() if "question" in line]
        assert rows[0] == first
        assert view.order.column == 5
        await play.press("o")
        assert next(line for line in play.lines() if "question" in line) != first
        await play.press("o", "enter")
        assert play.cursor is not None
        assert "question 3" in play.text()
        assert not isinstance(play.app.screen, Metrics)


async def test_it_keeps_up_and_draws_only_what_differs():
    log = talk(3)
    async with playing(*log.events, size=(100, 40)) as play:
        await play.press("M")
        before = len(play.app.screen.view.counting.book.turns)
        begin = len(log.events)
        log.begin("one more")
        log.answer()
        await play.give(*log.events[begin:])
        assert len(play.app.screen.view.counting.book.turns) == before + 1
        assert "one more" in play.text()
        drawn = []
        view = play.app.screen.view
        view.refresh = lambda *regions, **options: drawn.extend(regions)
        view.show()
        assert drawn == [], "nothing differs"


async def test_estimates_are_marked_and_the_window_is_known():
    resource = {"id": "sesn_1", "agent": {"name": "helper", "model": {"id": "claude-opus-5"}}}
    log = Log()
    log.begin()
    log.answer(fresh=100_000, out=1000)
    async with playing(local("local.session", {"session": resource}), *log.events, size=(100, 40)) as play:
        await play.until(lambda: play.screen._counting.book.prices is not None)
        await play.settle()
        assert "~$0.53" in play.text(), "in the header"
        await play.press("M")
        assert "cost ~$0.53" in play.text()
        assert "10%" in play.text()


async def test_the_same_call_again_and_again_is_told():
    log = Log()
    log.begin()
    for _ in range(4):
        log.result(log.tool(input={"command": "make"}))
    async with playing(*log.events, size=(140, 30)) as play:
        assert "the same call of bash, 4 times in a row" in play.text()
        await play.press("M")
        assert "notice: the same call of bash" in play.text()


async def test_a_cost_that_was_named_is_told_and_another_interrupts_once():
    log = Log()
    log.begin()
    log.answer()
    log.usage("60")
    controls = Sends()
    stage = Stage(*log.events, controls=controls)
    async with playing(stage=stage, size=(140, 30), limits=CostLimits(0.5, 1.0)) as play:
        assert "over $0.50" in play.text()
        assert controls.sent == []
        begin = len(log.events)
        log.answer()
        log.usage("120")
        log.answer()
        log.usage("130")
        await play.give(*log.events[begin:])
        await play.until(lambda: controls.sent)
        assert "interrupted at $1.00" in play.text()
        begin = len(log.events)
        log.answer()
        log.usage("150")
        await play.give(*log.events[begin:])
        assert controls.sent == [{"type": "user.interrupt"}], "once"


async def test_nothing_is_interrupted_that_does_not_run_or_where_nobody_asked():
    log = Log()
    log.begin()
    log.answer()
    log.rest(cents="500")
    for limits in (CostLimits(stop=1.0), None):
        controls = Sends()
        stage = Stage(*log.events, controls=controls)
        async with playing(stage=stage, size=(140, 30), limits=limits) as play:
            assert "interrupted" not in play.text()
            assert controls.sent == []


async def test_request_by_request_and_back_to_one():
    async with playing(*talk(3).events, size=(140, 40)) as play:
        await play.press("M", "tab")
        rows = [line for line in play.lines() if line.rstrip().endswith("primary")]
        assert len(rows) == 6, "two requests a turn"
        assert rows[0].split()[:3] == ["▸", "3", "well"], "the newest first, under the cursor"
        await play.press("o")
        assert next(line for line in play.lines() if "primary" in line).split()[:2] == ["▸", "1"]
        await play.press("end", "enter")
        assert not isinstance(play.app.screen, Metrics)
        assert play.timeline.turn == 2


async def test_of_very_many_turns_the_highest_is_first():
    """The last turn, which still changes, is put where it belongs."""
    log = talk(5)
    for _ in range(3):
        log.begin("small")
        log.answer(out=1)
        log.rest()
    async with playing(*log.events, size=(140, 40)) as play:
        await play.press("M", "left", "left", "left", "left")  # to the output tokens
        view = play.app.screen.view
        size, at = view.order.rows(view)
        outs = [view.counting.book.turns[at(row)].output_tokens for row in range(size)]
        assert outs == sorted(outs, reverse=True)
        view.action_turn_round()
        size, at = view.order.rows(view)
        assert sorted(at(row) for row in range(size)) == list(range(size))


async def test_what_a_server_does_not_tell_is_not_shown_as_nothing():
    log = Log()
    log.begin()
    log.message("done")
    async with playing(*log.events, size=(160, 30)) as play:
        assert "in 0  out 0" in play.lines()[1], "as long as it goes on, that may be so"
        before = len(log.events)
        log.rest()
        await play.give(*log.events[before:])
        assert "turn 1 · tokens not told · 0 tools" in play.lines()[1]
        before = len(log.events)
        log.begin("again")
        await play.give(*log.events[before:])
        assert "in 0  out 0 · 0 tools · session: 0 tools" in play.lines()[1]
        before = len(log.events)
        log.rest()
        await play.give(*log.events[before:])
        assert "turn 2 · in 0" in play.lines()[1], "nothing was asked in it"
        await play.press("M")
        assert "tokens not told  requests not told  tools 0" in play.text()


async def test_silence_while_it_runs_is_told_of_a_live_session_alone():
    log = Log()
    log.begin()
    log.start()
    for live in (True, False):
        async with playing(stage=Stage(*log.events, live=live), size=(200, 30)) as play:
            play.screen._second()
            await play.press("M")
            assert ("nothing new for" in play.text()) is live, "the log is months old"


async def test_the_figures_are_those_of_the_moment_that_is_looked_at():
    log = talk(6)
    ends = [n + 1 for n, event in enumerate(log.events) if event.type == "session.status_idle"]
    async with playing(*log.events, size=(140, 40)) as play:
        await play.press("M")
        assert "cost $0.30" in play.text()
        await play.press("q")
        for turns, cost in ((2, "$0.02"), (4, "$0.12")):
            play.screen.player.seek(ends[turns - 1])
            play.screen._beat.draw()
            await play.settle()
            assert cost in play.lines()[1], "the header"
            await play.press("M")
            view = play.app.screen.view
            assert f"cost {cost}" in play.text()
            assert len(view.counting.book.turns) == turns
            assert view.counting.book.total == figures_of(fold(log.events[: ends[turns - 1]])).total
            await play.press("q")


async def test_prices_that_are_found_just_when_a_preview_becomes_its_event():
    log = Log()
    log.begin()
    log.start()
    async with playing(*log.events, preview_start("m1"), preview_delta("m1", "Hel"), size=(80, 24)) as play:
        assert "Hel" in play.text()
        play.screen._counting._prices = Rates()
        seen = len(log.events)
        log.message("Hello.", id="m1")
        await play.give(*log.events[seen:])
        assert "Hello." in play.text()
        assert "a defect" not in play.text()


async def test_where_there_is_one_turn_its_requests_are_plotted():
    log = Log()
    log.begin()
    for number in (1, 2, 3):
        log.answer(out=100 * number)
    log.rest()
    async with playing(*log.events, size=(160, 48)) as play:
        await play.press("M")
        assert "output tokens by request" in play.text()
        first = [line[:38].rstrip() for line in play.lines()]
        assert sum(line.endswith("│████ ████ ████") for line in first) == 1, (
            "a column each, gaps between them"
        )
        assert sum(line.endswith("     ████") for line in first) == 1
        seen = len(log.events)
        for _ in range(2):
            log.begin()
            log.answer()
            log.rest()
        await play.give(*log.events[seen:])
        assert "output tokens by turn" in play.text()
        await play.press("tab")
        assert "output tokens by request" in play.text()


async def test_on_a_low_terminal_the_table_comes_before_the_plots():
    async with playing(*talk(8).events, size=(80, 14)) as play:
        await play.press("M")
        assert "output tokens" not in play.text()
        rows = [line for line in play.lines() if line.rstrip().endswith("question 3")]
        assert rows
