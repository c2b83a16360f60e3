"""The player on the screen: any moment is what a screen showed then, and nothing is lost by looking."""

import asyncio
import json
from contextlib import asynccontextmanager
from functools import partial

import pytest

from cma_tui.feed import Feed
from cma_tui.log.formats import open_log
from cma_tui.marks import read_notes
from cma_tui.player import Player
from cma_tui.recorder import Recorder
from cma_tui.recording import Switch
from cma_tui.session.model import Session
from cma_tui.simulator import ServerThread, Simulator
from cma_tui.source.saved import Saved
from tests.payloads import PAYLOADS
from tests.stories.write import Log
from tests.ui.incident import incident
from tests.ui.play import Play, Stage, app_of, opening, playing
from tests.ui.rows import hostile_log
from tests.ui.terminal import Terminal
from tests.ui.test_session_screen import conversation
from tests.ui.test_threads import delegation

AT_ONCE = {"from_start": True, "speed": 1.0, "start_at": "0%"}


@asynccontextmanager
async def replaying(*log, size=(100, 30), **options):
    """A saved log, read to its end, that stands still at its beginning."""
    stage = Stage(*log, live=False, name="incident.jsonl")
    stage.end()
    async with playing(stage=stage, mode="replay", size=size, played=AT_ONCE, **options) as play:
        play.player = play.screen.player
        play.player.pause()
        play.player.seek(0)
        play.screen.moved()
        await play.settle()
        yield play


async def seek(play, step):
    play.player.seek(step)
    play.screen.moved()
    await play.settle()


def pixels(play):
    """The whole terminal with its styles, but for the bar of the player."""
    strips = play.app.screen._compositor.render_strips()
    bar = play.screen._playbar
    hidden = bar.region.y if bar.display else -1
    return [
        [(piece.text, str(piece.style)) for piece in strip] for y, strip in enumerate(strips) if y != hidden
    ]


@pytest.fixture(autouse=True)
def no_prices(monkeypatch):
    """Prices come when they come."""
    monkeypatch.setattr("cma_tui.ui.counting.Counting._look", lambda counting: None)


# ------------------------------------------------------------------------------------- the same screen


async def test_a_moment_is_the_screen_of_a_log_that_ends_there_whichever_way_one_comes():
    events = incident("ended")
    moments = [3, 17, 30, len(events)]
    then = {}
    for moment in moments:
        async with replaying(*events[:moment]) as play:
            await seek(play, moment)
            then[moment] = pixels(play)
    async with replaying(*events) as play:
        for moment in (30, len(events), 3, 17, len(events), 17, 30, 3):
            await seek(play, moment)
            assert pixels(play) == then[moment], moment


async def looks(play):
    """All rows with their styles at each density, the detail of the first tool use, and the figures."""
    seen = []
    for _ in range(3):
        await play.press("ctrl+o", "g")
        await play.settle()
        height = play.timeline.size.height
        strips = [play.timeline.render_line(y) for y in range(height)]
        assert not strips[-1].text.strip(), "all of it is on the screen"
        rows = [[(piece.text, str(piece.style)) for piece in strip] for strip in strips]
        seen.append([row for row, strip in zip(rows, strips, strict=True) if strip.text.strip()])
    await play.press("a", "enter")
    await play.settle()
    pages = play.detail._pages
    lines = [line for at in range(len(pages)) for line in pages.lines(at)]
    seen.append([(strip.text, str(list(strip))) for strip in lines])
    await play.press("escape", "M")
    await play.settle()
    strips = play.app.screen._compositor.render_strips()
    seen.append([[(piece.text, str(piece.style)) for piece in strip] for strip in strips])
    await play.press("q", "G")
    await play.settle()
    return seen


async def said(sim, session, text):
    sim.accept(sim.sessions[session], [{"type": "user.message", "content": [{"type": "text", "text": text}]}])
    await sim.until_idle(session)


@pytest.fixture
def recorded(tmp_path):
    """A session of the simulator, watched and recorded: its looks, and its recording."""

    async def watch(*, scene, late, size=(120, 120)):
        sim = Simulator()
        server = ServerThread(sim)
        with server as url:
            from cma_tui.source.client import make_client
            from cma_tui.source.live import Live

            session = server.call(lambda: sim.create_session(title="shown"))

            async def open_source():
                client = make_client(api_key=sim.api_key, auth_token=None, base_url=url)
                return Live(client, session, all_threads=True)

            def written():
                """Every event that the server has told, on whichever stream."""
                threads = sim.sessions[session].threads
                return {e["id"] for thread in (None, *threads) for e in sim.log(session, thread)}

            feed = Feed(open_source)
            switch = Switch(feed, partial(Recorder, tmp_path))
            app = app_of(feed, mode="watch", name=session, recording=switch)
            async with app.run_test(size=size) as pilot:
                stage = Stage()
                stage.resting = True
                play = Play(app, stage, feed, pilot)
                await play.until(lambda: feed.source is not None)
                if not late:
                    await play.press("R")
                for text in ("hi", scene):
                    asyncio.run_coroutine_threadsafe(said(sim, session, text), server._loop).result(60)
                    told = server.call(written)
                    await play.until(lambda told=told: told <= feed.session.ordinals.keys() or feed.error)
                    assert feed.error is None
                if late:
                    await play.press("R")
                feed.close()
                await play.settle()
                await play.press("G")
                seen = await looks(play)
            status = switch.off()
            assert status.state == "ended"
            return seen, status.path

    return watch


@pytest.mark.parametrize(
    ("scene", "late"),
    [("rollback", False), ("delegate", False), ("delegate", True)],
    ids=["from its beginning", "threads, from its beginning", "threads, pressed late"],
)
async def test_a_live_session_its_recording_and_a_seek_there_and_back_look_the_same(recorded, scene, late):
    live, path = await recorded(scene=scene, late=late)
    with open_log(path) as log:
        saved = Saved(log)
        feed = Feed(opening(saved), session=Session(events=log.kept()))
        player = Player(feed)
        app = app_of(feed, mode="replay", name=log.name, player=player)
        async with app.run_test(size=(120, 120)) as pilot:
            play = Play(app, Stage(), feed, pilot)
            await play.until(lambda: feed.finished and not feed.behind)
            await play.settle()
            assert await looks(play) == live
            for moment in (player.total // 3, 1, player.total):
                player.seek(moment)
                play.screen.moved()
                await play.settle()
            assert player.rewound
            assert await looks(play) == live
        feed.close()


async def test_what_is_recorded_is_the_threads_own_events_too(tmp_path):
    class Attached(Stage):
        watched = ()

        async def hurry(self):
            raise AssertionError

        async def watch_thread(self, thread):
            self.watched = (*self.watched, thread)

    log = delegation()
    stage = Attached(*log)
    feeds = []

    def recorder():
        return Recorder(tmp_path)

    class Feeds:
        def add_sink(self, sink):
            feeds[0].add_sink(sink)

        def remove_sink(self, sink):
            feeds[0].remove_sink(sink)

    async with playing(stage=stage, recording=Switch(Feeds(), recorder)) as play:
        feeds.append(play.feed)
        assert stage.watched == ()
        await play.press("R")
        await play.until(lambda: set(stage.watched) == set(play.session.threads) != set())
        more = Log()
        more.add("session.thread_created", id="late", session_thread_id="sthr_late", agent_name="late")
        await play.give(*more.events)
        await play.until(lambda: stage.watched[-1:] == ("sthr_late",))
        assert len(stage.watched) == len(set(stage.watched)), "each once"
        await play.press("R")
        await play.until(lambda: play.screen._recording.status is None)


# ------------------------------------------------------------------------------------- its keys and its bar


def bar(play):
    """The words of the player's line."""
    line = play.screen._playbar
    return "".join(piece.text for piece in line.render_line(0)) if line.display else ""


async def test_keys_step_by_event_row_and_turn_both_ways():
    log = conversation(3)
    async with replaying(*log.events) as play:
        player = play.player
        assert "REPLAY paused" in bar(play)
        seen = []
        for key in ("full_stop", "comma", "right_curly_bracket", "right_curly_bracket", "left_curly_bracket"):
            await play.press(key)
            seen.append(player.step)
        turns = [mark.step for mark in player.marks.list if mark.kind == "turn"]
        assert seen == [1, 0, turns[0], turns[1], turns[0]]
        rows = []
        for _ in range(3):
            await play.press("shift+right")
            rows.append(len(play.rows()) - play.rows().count(""))
        assert rows == sorted(set(rows)), "each press shows one row more"
        await play.press("shift+left")
        assert len(play.rows()) - play.rows().count("") == rows[1]
        await play.press("9", "equals_sign", "plus", "plus")
        assert player.speed == 4.0
        assert player.share == pytest.approx(0.9, abs=0.1)
        await play.press("asterisk", "L", "I", "P")
        assert (player.speed, player.loop, player.idle_limit) == (None, True, None)
        for word in ("instant", "loop", "stops at marks"):
            assert word in bar(play)
        await play.press("S", *"#4", "enter")
        await play.settle()
        assert player.step == 4
        await play.press("S", *"nowhere", "enter")
        await play.settle()
        assert "nowhere" in play.lines()[-1]
        assert player.step == 4


async def test_what_is_asked_stands_below_a_screen_that_does_not_move():
    async with replaying(*conversation(3).events, size=(80, 24)) as play:
        before = play.lines()
        await play.press("S")
        *above, asked, more, line = play.lines()
        assert above == before[:21]
        assert asked.startswith(" go to: 3 (turn)")
        assert "/text" in asked + more
        assert not line
        await play.press("escape")
        assert play.lines() == before


async def test_a_mark_takes_one_line_of_the_list():
    log = Log()
    log.begin("a question that is much too long for one line of the list " * 4)
    log.answer("here")
    log.rest()
    async with replaying(*log.events, size=(80, 24)) as play:
        await play.press("apostrophe")
        (row,) = (line for line in play.lines() if "  turn   " in line)
        assert "a question" in row
        assert "…" in row


async def test_a_click_on_the_bar_goes_there():
    async with replaying(*conversation(3).events) as play:
        line = play.screen._playbar
        begin, room = line._bar
        for share in (0.0, 0.5, 1.0, 0.25):
            at = begin + round(share * (room - 1))
            assert await play.pilot.click(line, offset=(at + 1, 0))  # one cell of padding
            await play.settle()
            assert play.player.share == pytest.approx(share, abs=0.1)
        await play.pilot.click(line, offset=(3, 0))
        assert play.player.share == pytest.approx(0.25, abs=0.1), "the words are no place"


async def test_it_stops_at_marks_and_plays_on():
    log = Log()
    for number in range(3):
        log.begin(f"question {number}")
        log.result(log.tool(), "no such file", True) if number == 1 else log.answer()
        log.rest()
    async with replaying(*log.events) as play:
        player = play.player
        (error,) = [mark.step for mark in player.marks.list if mark.kind == "error"]
        await play.press("P", "asterisk", "space")
        await play.until(lambda: not player.playing)
        assert player.step == error
        assert "no such file" in play.text()
        await play.press("space")
        await play.until(lambda: not player.playing)
        await play.settle()
        assert player.ended
        assert "ended" in bar(play)


async def test_a_text_is_gone_to_both_ways_where_it_came():
    log = Log()
    for number in range(3):
        log.begin(f"question {number}")
        log.result(log.tool(), f"the needle, {number}")
        log.answer("nothing")
        log.rest()
    async with replaying(*log.events) as play:
        player, came = play.player, []
        for words in ("/needle", "/NEEDLE", "/needle", "?needle", "/needle, [12]/", "/no such thing"):
            await play.press("S", *("space" if letter == " " else letter for letter in words), "enter")
            await play.settle()
            came.append(player.step)
        results = [n + 1 for n, event in enumerate(log.events) if b"the needle" in event.raw]
        assert came == [results[0], results[0], results[1], results[0], results[0], results[0]]
        assert "no such thing is not further on" in play.lines()[-1]
        await play.press("S", *"//needle,.[12]/", "enter")
        await play.settle()
        assert player.step == results[1], "an expression between slashes"


async def test_the_palette_sets_what_no_key_sets():
    log = Log()
    for number in range(2):
        log.begin(f"question {number}")
        log.wait(60)
        log.answer("42")
        log.rest()
        log.result(log.tool(), "no", True)

    async def choose(play, title):
        offered = {command.title: command for command in play.app.get_system_commands(play.screen)}
        offered[title].callback()
        await play.settle()

    async with replaying(*log.events, size=(140, 30)) as play:
        player = play.player
        whole = player.moments.times[-1] - player.moments.times[0]
        await choose(play, "Play at 16x")
        await choose(play, "Cut idle time to 10s")
        assert (player.speed, player.idle_limit) == (16.0, 10.0)
        assert "idle 10s" in bar(play)
        await play.press("I")
        assert player.idle_limit is None
        assert player._pace.whole == pytest.approx(whole)
        await play.press("I")
        assert player.idle_limit == 10.0, "what it was cut to, and not what it is cut to at first"
        await choose(play, "To the next error")
        first = player.step
        assert first in [mark.step for mark in player.marks.list if mark.kind == "error"]
        await choose(play, "To the error before")
        assert "there is no error before" in play.lines()[-1]
        await choose(play, "Stop at each turn")
        assert player.pause_at == ("turn",)
        await choose(play, "Play without waiting")
        await play.press("0", "space")
        await play.until(lambda: not player.playing)
        assert player.step == player.marks.list[0].step
        await choose(play, "Play on at each turn")
        assert player.pause_at == ()


async def test_a_live_session_is_rewound_goes_on_unseen_and_is_caught_up_with():
    log = conversation(3)
    async with playing(*log.events) as play:
        now = pixels(play)
        assert bar(play) == ""
        await play.press("comma", "comma", "0")
        assert "REWOUND" in bar(play)
        assert "behind" in play.text()
        assert "Space play" in play.lines()[-1], "the keys are those of a replay"
        assert len(play.timeline.session.events) < len(play.session.events)
        before = play.rows()
        late = len(log.events)
        log.begin("something new")
        log.answer("unseen")
        log.rest()
        await play.give(*log.events[late:])
        assert play.rows() == before
        assert "unseen" not in play.text()
        await play.press("end")
        await play.settle()
        assert bar(play) == ""
        assert "unseen" in play.text()
        assert play.timeline.session is play.session
    async with playing(*log.events) as play:
        assert now != pixels(play)


async def test_marks_have_notes_and_are_found_again_in_another_copy(tmp_path):
    log = conversation(3)
    async with replaying(*log.events, state_dir=tmp_path) as play:
        await seek(play, play.player.total)
        await play.press("g", "right_square_bracket", "down", "m", *"why?", "enter")
        await play.settle()
        (noted,) = play.player.marks.noted.items()
        assert noted[1] == "why?"
    (kept,) = (tmp_path / "marks").iterdir()
    assert read_notes(kept) == dict([noted])
    assert kept.stat().st_mode & 0o777 == 0o600
    async with replaying(*log.events, state_dir=tmp_path) as play:
        await play.press("apostrophe")
        await play.settle()
        assert "why?" in play.text()
        await play.press("escape", "S", *"why", "enter")
        await play.settle()
        assert play.session.events[play.player.moments.ordinal(play.player.step - 1)].key == noted[0]
        await play.press("m")
        assert read_notes(kept) == {}, "a second m takes it away"


async def test_a_mark_of_a_session_that_goes_on_is_a_row_to_go_to_and_come_back_from():
    log = conversation(12)
    async with playing(*log.events) as play:
        await play.press("g", "down", "m", *"why?", "enter")
        await play.settle()
        noted = play.cursor
        await play.press("end", "k")
        there = play.cursor
        await play.press("apostrophe")
        await play.settle()
        await play.press(
            "home",
            *["down"]
            * next(n for n, mark in enumerate(play.screen.player.marks.list) if mark.kind == "note"),
            "enter",
        )
        await play.settle()
        assert play.cursor == noted
        assert not play.screen.player.rewound
        await play.press("grave_accent")
        assert play.cursor == there


# ------------------------------------------------------------------------------------- it acts on nothing

WATCHED = """
import json, os, sys
deeds = []
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
def watch(event, arguments):
    kind = event.partition(".")[0]
    if kind in ("subprocess", "webbrowser", "shutil", "ftplib", "smtplib", "urllib") or event == "os.system":
        deeds.append([event, repr(arguments)])
    elif event == "os.chmod" and isinstance(arguments[0], int):
        return  # of a file that is open: that was noted
    elif event.startswith(("os.exec", "os.posix_spawn", "os.fork", "os.mkdir", "os.rename", "os.remove",
                           "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod", "os.kill")):
        deeds.append([event, repr(arguments)])
    elif kind == "socket" and not (event == "socket.__new__" and arguments[1] == 1):  # a pair wakes the loop
        deeds.append([event, repr(arguments)])
    elif event == "open" and isinstance(arguments[0], (str, bytes)) and arguments[2] & WRITING:
        if arguments[0] not in ("/dev/tty", "/dev/null"):
            deeds.append([event, repr(arguments)])
from cma_tui.cli import main
sys.addaudithook(watch)
code = main(sys.argv[2:])
done = json.dumps(deeds)
descriptor = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT, 0o600)
os.write(descriptor, done.encode())
sys.exit(code)
"""


def test_a_hostile_log_opens_no_connection_writes_no_file_and_starts_nothing(tmp_path):
    log = Log()
    for payload in PAYLOADS[:8]:
        hostile_log(payload.text, log)
    log.message("see https://example.invalid/x and file:///etc/passwd [here](http://example.invalid)")
    path, told, home = tmp_path / "parts", tmp_path / "told", tmp_path / "home"
    path.mkdir()
    home.mkdir()
    half = next(n for n, event in enumerate(log.events) if event.id is not None and n > len(log.events) / 2)
    for name, part in (("a", log.events[: half + 1]), ("b", log.events[half:])):
        (path / name).write_bytes(b"".join(event.raw + b"\n" for event in part))
    environment = {
        "HOME": str(home),
        "PYTHONDONTWRITEBYTECODE": "1",
        "ANTHROPIC_API_KEY": "sk-ant-x",
        "BROWSER": "/bin/false",
        "CMA_TOP_STATE_DIR": str(home / "state"),
    }
    arguments = ("-c", WATCHED, str(told), "replay", "--speed", "64", "--idle-limit", "0", str(path))
    with Terminal(*arguments, size=(100, 30), **environment) as terminal:
        terminal.until_text("8 sessions in")
        terminal.type("\x1b[F\r")  # all of them, in one timeline
        terminal.until_text("REPLAY")
        terminal.until_text("ended")
        assert "see https://example.invalid/x" in terminal.text
        for key in "i!xxyRrg\rr\x1b":
            terminal.type(key)
            terminal.read(0.1)
        terminal.until(lambda: not terminal.read(0.3))
        terminal.type("M")
        terminal.until_text("figures")
        terminal.type("q")
        terminal.until_text("REPLAY")
        terminal.type("\x1b[<0;10;5M\x1b[<0;10;5m")
        terminal.type("9m")
        terminal.until_text("a note for this mark")
        terminal.type("mine\r")
        terminal.until_text("mark set")
        terminal.type("\x03\x03")
        terminal.ended()
    deeds = json.loads(told.read_text())
    assert [deed for deed in deeds if str(home / "state") not in deed[1]] == [], (
        "only what the user's own mark needs"
    )
    assert deeds, "which is seen: the watch works"
    assert [path.parent.name for path in home.rglob("*.json")] == ["marks"]
