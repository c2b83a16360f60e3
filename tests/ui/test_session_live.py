"""The session screen while events arrive: previews, queue, detail, how often it draws, how it ends."""

import asyncio
import json
from time import monotonic, thread_time

import pytest

from cma_tui.event import parse
from cma_tui.feed import Feed
from cma_tui.session.fold import apply
from cma_tui.session.model import Change
from cma_tui.settings import Settings
from cma_tui.source import Batch, SourceError
from cma_tui.ui import app as app_module
from cma_tui.ui.screens.drawing import TICK
from tests.stories.recordings import NAMES, recording
from tests.stories.write import Log, preview_delta, preview_start
from tests.ui.play import Sends, Stage, opening, playing
from tests.ui.test_session_screen import conversation, more

# ------------------------------------------------------------------------------- previews and the queue


async def test_a_preview_grows_and_its_message_takes_its_place():
    log = Log()
    log.begin("Tell me")
    start = log.start()
    async with playing(*log.events) as play:
        await play.give(preview_start("said"))
        await play.give(preview_delta("said", "Once upon"))
        assert "Once upon ▏" in play.text()
        await play.give(preview_delta("said", " a time"), preview_delta("said", "\nthere was"))
        assert "Once upon a time\n" in play.text()
        assert "there was ▏" in play.text()
        log.message("Once upon a time\nthere was **one**", id="said")
        log.end(start)
        await play.give(*log.events[-2:])
        assert "▏" not in play.text()
        assert play.text().count("Once upon") == 1
        assert "there was one" in " ".join(play.text().split())


async def test_a_preview_that_is_never_finished_goes_with_its_request():
    log = Log()
    log.begin("Tell me")
    start = log.start()
    async with playing(*log.events, preview_start("said"), preview_delta("said", "Once upon")) as play:
        assert "Once upon" in play.text()
        log.end(start, is_error=True)
        await play.give(log.events[-1])
        assert "Once upon" not in play.text()


async def test_what_comes_into_the_log_while_it_is_read_may_be_drawn_before_it_is_told():
    log = Log()
    log.begin("Tell me")
    start = log.start()
    log.user("And then?", id="later", at=None)
    async with playing(*log.events, preview_start("said"), preview_delta("said", "Once upon")) as play:
        assert "And then?" in play.text()
        log.message("Once upon a time", id="said")
        log.end(start)
        log.user("And then?", id="later")
        for event in log.events[-3:]:
            apply(play.session, event, Change())
        assert not play.session.previews
        assert not play.session.queued
        play.timeline.lay_out()
        assert "Once upon" not in "".join(play.rows())


async def test_a_preview_met_in_its_middle_says_so_and_holds_the_reading_position():
    log = conversation()
    async with playing(*log.events) as play:
        await play.press("g")
        before = play.rows()
        for n in range(20):
            await play.give(preview_delta("said", f"line {n}\n"))
        assert play.rows() == before
        await play.press("end")
        assert "… line 0" in play.text()
        assert "line 19" in play.text()


async def test_a_running_thought_is_shown_without_text():
    log = Log()
    log.begin("Think")
    log.start()
    async with playing(*log.events) as play:
        await play.give(preview_start("thought", "agent.thinking", received_at=None))
        assert "thinks" in play.text()
        log.thinking(id="thought")
        await play.give(log.events[-1])
        assert "thinks" not in play.text(), "a finished one is for the full density"


async def test_a_queued_message_is_shown_until_it_is_picked_up():
    log = conversation(2)
    async with playing(*log.events) as play:
        log.user("and then?", id="waits", at=None)
        await play.give(log.events[-1])
        assert "queued, not picked up yet" in play.text()
        log.runs()
        log.user("and then?", id="waits")
        await play.give(*log.events[-3:])
        assert "queued" not in play.text()
        assert play.text().count("and then?") == 2, "the turn's heading and the message"


async def test_what_a_child_does_is_said_in_its_row_as_it_goes():
    log = Log()
    log.begin("Review")
    log.thread_created("sthr_child")
    log.thread_status("running", "sthr_child")
    async with playing(*log.events) as play:
        assert "running" in next(row for row in play.rows() if "thread" in row)
        log.thread_idle(thread="sthr_child")
        await play.give(log.events[-1])
        assert " ok" in next(row for row in play.rows() if "thread" in row)


async def test_a_tool_without_a_result_is_unfinished_when_its_turn_has_ended():
    log = Log()
    log.begin("Build")
    log.tool()
    async with playing(*log.events) as play:
        assert "running" in play.rows()[2]
        log.rest()
        await play.give(*log.events[-2:])
        assert "unfinished" in play.rows()[2]


# ------------------------------------------------------------------------------- what is not as it should


async def test_broken_frames_and_unknown_types_have_a_row_and_a_count():
    log = Log()
    log.begin("Hi")
    broken = parse(b'{"type": "agent.mess', position=7)
    strange = parse(json.dumps({"type": "agent.dreams", "id": "d", "of": ["sheep"]}).encode())
    async with playing(*log.events, broken, strange) as play:
        assert "not JSON" in play.text()
        assert '{"type": "agent.mess' in play.text()
        assert "agent.dreams" in play.text()
        assert '"of": ["sheep"]' in play.text()
        assert "1 broken" in play.text()
        assert "1 of unknown type" in play.text()


async def test_the_reason_why_a_source_stopped_stays_on_the_screen():
    log = conversation(3)
    async with playing(*log.events) as play:
        play.stage.end(SourceError("no access to session sesn_stage: \x1b[2Jbad key"))
        await play.settle()
        assert "stopped: no access to session sesn_stage" in play.lines()[2]
        assert "no access" in play.lines()[-1]
        assert "answer 3" in play.text()
        await play.press("k", "g")
        assert "q leave" in play.lines()[-1], "the header goes on saying it"
        assert "stopped: no access to session sesn_stage" in play.lines()[2]
        await play.press("enter")
        assert play.app.is_running


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (SourceError("no such session", 5), 5, "cma-top: no such session\n"),
        (SourceError("odd \x1b]2;x\x07 text", 2), 2, "cma-top: odd ␛]2;x␇ text\n"),
        (RuntimeError("surprise"), 1, "cma-top: surprise\n"),
        (None, 0, ""),
    ],
)
def test_a_source_that_stopped_is_an_exit_code_and_one_line(error, code, said, capsys, monkeypatch):
    assert ended(Stage(*conversation(1).events), error, monkeypatch) == code
    assert capsys.readouterr().err == said


def test_a_defect_of_ours_is_one_line_without_values(capsys, monkeypatch):
    def fail(self, *_):
        secret = "sk-ant-secret"
        raise ZeroDivisionError(secret)

    monkeypatch.setattr("cma_tui.ui.widgets.timeline.Timeline.render_line", fail)
    assert ended(Stage(*conversation(1).events), None, monkeypatch) == 1
    error = capsys.readouterr().err
    assert error.startswith("cma-top: a defect in cma-top, please report it: ZeroDivisionError at ")
    assert error.count("\n") == 1
    assert "sk-ant" not in error


def ended(stage, error, monkeypatch):
    """The exit code of a run without a terminal that the user leaves once the source has ended."""

    class Left(app_module.CmaTop):
        def run(self):
            return super().run(headless=True, size=(80, 24), auto_pilot=self._leave)

        async def _leave(self, pilot):
            stage.end(error)
            for _ in range(10_000):
                if not self.is_running or (self._main.feed.finished and not self._main.feed.behind):
                    break
                await asyncio.sleep(0.001)
            self.exit()

    monkeypatch.setattr(app_module, "CmaTop", Left)
    settings = Settings()
    screen = app_module.session_screen(Feed(opening(stage)), mode="watch", name="x", settings=settings)
    return app_module.run(screen, settings)


# ---------------------------------------------------------------------------------------------- the detail


async def open_tool(play):
    await play.press("g", "e", "enter")
    assert play.detail.has_focus


@pytest.mark.parametrize("size", [(80, 24), (160, 40)])
async def test_the_detail_opens_beside_or_instead_shows_raw_json_and_closes(size):
    async with playing(*conversation(5).events, size=size) as play:
        await open_tool(play)
        assert play.timeline.display is (size[0] >= 120)
        assert "run 3" in play.text()
        assert "result 3" in play.text()
        assert "result, 8 B, error" in play.text()
        await play.press("r")
        assert '"type": "agent.tool_use"' in play.text()
        assert '"type": "agent.tool_result"' in play.detail_text()
        await play.press("r")
        assert '"type"' not in play.detail_text()
        await play.press("escape")
        assert play.timeline.has_focus
        assert not play.detail.display
        assert play.timeline.display


@pytest.mark.parametrize("key", ["escape", "enter", "q"])
async def test_the_keys_that_leave_the_detail_leave_nothing_else(key):
    async with playing(*conversation(5).events) as play:
        await open_tool(play)
        cursor = play.cursor
        await play.press(key)
        assert play.timeline.has_focus
        assert play.cursor == cursor
        assert play.app.is_running


async def test_a_detail_follows_its_item_and_nothing_else_moves_it():
    log = Log()
    log.begin("Build")
    log.tool(id="use", input={"command": "make"})
    async with playing(*log.events, size=(160, 30)) as play:
        await play.press("k", "j", "enter")
        assert "make" in play.text()
        log.result("use", "\n".join(f"out {n}" for n in range(100)))
        await play.give(log.events[-1])
        assert "out 3" in play.text()
        await play.press(*"jjjjjjjj")
        await play.until(lambda: play.detail_line() == 8)
        await play.give(*more(log))
        await play.give(*log.events[1:], listed=True)
        assert play.detail_line() == 8
        assert play.detail.display


async def test_a_detail_stays_open_when_the_order_is_mended():
    log = conversation(6)
    async with playing(*log.events[24:], size=(160, 30)) as play:
        await play.press("g", *"jjjjjjj", "enter")
        before = play.detail_text()
        assert "id " in before
        await play.give(*log.events, listed=True)
        assert play.detail.display
        assert play.detail_text() == before


@pytest.mark.parametrize("size", [(50, 15), (160, 40)])
async def test_every_item_of_every_recording_has_a_detail_at_every_width(size):
    for name in NAMES:
        async with playing(*recording(name), size=size, density="full") as play:
            items = [entry for entry in play.timeline.entries.list if entry >= 0]
            play.timeline.post_message(play.timeline.Opened(items[0]))
            await play.step()
            for item in items:
                play.detail.show(play.session, item)
                assert play.detail_text().strip()
                play.detail.action_raw()
                assert play.session.events[play.session.items[item].event].type in play.detail_text()
                play.detail.action_raw()


# ------------------------------------------------------------------------------------ how often it draws


@pytest.mark.parametrize("together", [True, False], ids=["one batch", "5000 batches"])
async def test_a_burst_is_drawn_a_few_times_and_ends_right(together):
    log = conversation(5)
    events = list(log.events)
    while len(events) < 5000:
        events += more(log, len(events))
    news = events[len(conversation(5).events) :]
    async with playing(*conversation(5).events) as play:
        before = play.app.paints
        if together:
            play.stage.put(Batch(news))
        else:
            for event in news:
                play.stage.put(Batch([event]))
        await play.settle()
        assert len(play.session.events) == len(events)
        last = [json.loads(e.raw) for e in news if e.type == "agent.message"][-1]["content"][0]["text"]
        assert last in play.rows()[-1]
        assert play.app.paints - before < 300


async def test_events_that_trickle_in_are_drawn_once_a_tick():
    log = conversation(2)
    async with playing(*log.events) as play:
        updates = []
        update = play.timeline.update
        play.timeline.update = lambda *change: updates.append(change) or update(*change)
        begun = monotonic()
        for number in range(150):
            log.message(f"word {number}")
            play.stage.give(log.events[-1])
            await play.until(lambda: play.stage.resting)
        await play.settle()
        assert "word 149" in play.rows()[-1]
        assert len(updates) <= (monotonic() - begun) / TICK + 2


async def test_what_is_expensive_to_draw_is_drawn_less_often(monkeypatch):
    monkeypatch.setattr("cma_tui.ui.beat._APART", float("inf"))  # on a busy machine all are far apart
    log = conversation(2)
    async with playing(*log.events) as play:
        planned, drawn, beat = [], [], play.screen._beat
        update, plan = play.timeline.update, beat.plan

        def slowly(*change):
            begun = thread_time()
            while thread_time() - begun < 2 * TICK:
                pass
            update(*change)
            drawn.append(change)

        play.timeline.update = slowly
        beat.plan = lambda seconds, **how: planned.append(seconds + beat.age) or plan(seconds, **how)
        while len(drawn) < 6:
            before = len(drawn)
            log.message(f"word {before}")
            play.stage.give(log.events[-1])
            await play.until(lambda before=before: len(drawn) > before)
        await play.settle()
        assert any("word 5" in row for row in play.rows())
        assert max(planned) > 2 * TICK, "seconds from one drawing to the next"


async def test_what_a_planned_drawing_brings_does_not_wake_the_screen():
    log = conversation(2)
    async with playing(*log.events) as play:
        beat, woken = play.screen._beat, []
        call = play.app.call_later
        play.app.call_later = lambda *what: woken.append(what == (beat.arrived,)) or call(*what)
        beat.plan(60.0)
        for number in range(20):
            log.message(f"word {number}")
            play.stage.give(log.events[-1])
        await play.until(lambda: play.stage.resting)
        assert play.feed.behind
        assert not any(woken)
        beat.plan(60.0, loose=True)
        log.message("the last word")
        await play.give(log.events[-1])
        assert any(woken)
        assert "the last word" in play.rows()[-1]


async def painted(play):
    """Wait until the paints that the start of an app leads to are over."""
    still = []
    while len(still) < 60 or len(set(still[-60:])) > 1:
        await play.step()
        await asyncio.sleep(0.001)
        still.append(play.app.paints)


async def test_nothing_is_drawn_while_nothing_changes():
    for live in (False, True):
        stage = Stage(*conversation(3).events, live=live)
        async with playing(stage=stage) as play:
            await painted(play)
            drawn = []
            play.timeline.render_line = drawn.append
            before = play.app.paints
            for _ in range(5):
                play.screen._second()
                await play.step()
            assert drawn == []
            assert play.app.paints - before <= (5 if live else 0), "the clock's cell, once a second"


async def test_an_event_seen_before_draws_no_row():
    log = conversation(3)
    async with playing(*log.events) as play:
        await painted(play)
        drawn = []
        play.timeline.render_line = drawn.append
        await play.give(*log.events)
        assert drawn == []


async def test_a_new_row_draws_its_lines_and_what_only_moves_is_not_made_again():
    log = conversation(30)
    async with playing(*log.events, size=(100, 60)) as play:
        await painted(play)
        made, laid_out = [], []
        draw, lay_out = play.app._guard.apply, play.screen._refresh_layout
        play.app._guard.apply = lambda *line: made.append(line) or draw(*line)
        play.screen._refresh_layout = lambda *how, **more: laid_out.append(how) or lay_out(*how, **more)
        before = play.rows()
        log.message("one more")
        await play.give(log.events[-1])
        assert "one more" in play.rows()[-1]
        assert sum(was != now for was, now in zip(before, play.rows(), strict=True)) > 40, "all have moved"
        assert 0 < len(made) <= 15, "the row, the heading above, the cursor's rows, and the header's lines"
        assert laid_out == []


# ------------------------------------------------------------------------------------------------ sending


async def test_a_message_is_sent_once_however_often_enter_is_pressed():
    sends = Sends()
    sends.hold()
    log = conversation(1)
    async with playing(stage=Stage(*log.events, controls=sends), mode="chat") as play:
        assert play.composer.has_focus
        await play.press(*"hello", "enter")
        await play.until(lambda: sends.sent)
        await play.press("enter", "enter")
        await play.give(*more(log))
        assert "answer 99" in play.text(), "what arrives is drawn while the server is silent"
        assert "sending  hello" in play.text()
        sends.release()
        await play.until(lambda: not play.screen._drive.outbox.entries)
        await play.step()
        assert [event["content"][0]["text"] for event in sends.sent] == ["hello"]
        await play.press(*"again", "enter")
        await play.until(lambda: len(sends.sent) == 2)


async def test_a_message_that_is_refused_stays_a_draft_and_says_why():
    sends = Sends()
    sends.refusal = "not sent, the server is busy (529)"
    async with playing(stage=Stage(*conversation(1).events, controls=sends), mode="chat") as play:
        await play.press(*"hello", "enter")
        await play.until(lambda: "not sent, the server is busy (529)" in play.text())
        assert play.composer.text == "hello"
        sends.refusal = None
        await play.press("enter")
        await play.until(lambda: not play.composer.text and len(sends.sent) == 2)


async def test_x_interrupts_only_when_pressed_twice():
    sends = Sends()
    async with playing(stage=Stage(*conversation(1).events, controls=sends)) as play:
        await play.press("x")
        assert "x again interrupts the agent, all threads" in play.text()
        assert sends.sent == []
        await play.press("x")
        await play.until(lambda: sends.sent)
        assert sends.sent == [{"type": "user.interrupt"}]
        await play.press("x")
        assert len(sends.sent) == 1


async def test_while_an_interrupt_is_under_way_no_other_is_sent():
    sends = Sends()
    sends.hold()
    async with playing(stage=Stage(*conversation(1).events, controls=sends)) as play:
        await play.press("x", "x")
        await play.until(lambda: sends.sent)
        await play.press("x", "x")
        assert sends.sent == [{"type": "user.interrupt"}]
        assert "an interrupt is under way" in play.text()
        sends.release()
        await play.until(lambda: "interrupt sent, for every thread" in play.text())
        await play.press("x", "x")
        await play.until(lambda: len(sends.sent) == 2)


async def test_a_saved_log_takes_no_message_and_no_interrupt():
    async with playing(*conversation(1).events) as play:
        await play.press("i", "x", "x", "exclamation_mark", "y")
        assert play.timeline.has_focus
        assert not play.composer.display


async def test_the_keys_still_work_when_the_session_ends_under_the_composer():
    stage = Stage(*conversation(1).events, controls=Sends())
    async with playing(stage=stage, mode="chat") as play:
        assert play.composer.has_focus
        stage.end()
        await play.settle()
        assert not play.composer.display
        await play.press("q")
        assert play.app.return_code == 0


# -------------------------------------------------------------------------------------- the connection


async def test_what_is_running_is_only_said_to_have_been_while_the_line_is_down():
    log = Log()
    log.begin("Tell me")
    async with playing(*log.events, size=(120, 30)) as play:
        assert "running" in play.text()
        assert "was running" not in play.text()
        play.stage.line.state = "reconnecting"
        play.stage.line.retry_at = monotonic() + 50
        await play.give()
        assert "was running" in play.text()
        assert "r now" in play.text()


async def test_r_asks_the_source_to_hurry():
    hurried = asyncio.Event()

    class Hurried(Stage):
        async def hurry(self):
            hurried.set()

        async def watch_thread(self, thread):
            raise AssertionError

    async with playing(stage=Hurried(*conversation(1).events)) as play:
        await play.press("r")
        await play.until(hurried.is_set)


async def test_a_history_that_is_refused_says_when_it_is_asked_for_again():
    async with playing(*conversation(1).events) as play:
        play.stage.line.list_retry_at = monotonic() + 50
        await play.give()
        assert "history refused, again in" in play.text()
