"""The overview on a terminal: rows, order, filter, the way into a session and back."""

from contextlib import asynccontextmanager

import pytest

from cma_tui.feed import Feed
from cma_tui.overview import Overview
from cma_tui.session.entry import Entry
from cma_tui.session.roster import Roster
from cma_tui.source.news import News, take_in
from cma_tui.ui.app import OverviewApp
from cma_tui.ui.screens.overview import Opened, OverviewScreen, Ways
from cma_tui.ui.screens.session import SessionScreen
from cma_tui.ui.widgets import sessions
from tests.session.test_roster import ask, event, idle, resource, usage
from tests.ui.play import Stage, Watched, opening


class Board(Overview):
    """An overview that is told by the test."""

    def __init__(self):
        super().__init__(None)
        self.looked = []

    def start(self):
        pass

    def close(self, timeout=2.0):
        pass

    def look_at(self, sessions):
        self.looked.append(list(sessions))

    def tell(self, *news):
        self._queue.extend(news)
        self.wake()


class Scene(Watched):
    def __init__(self, app, board, pilot):
        super().__init__(app, pilot)
        self.board = board
        self.closed = []
        self.stage = None
        """What the bar of a session that asks is attached to."""
        self.attached = []

    @property
    def screen(self):
        return self.app._main

    async def tell(self, *news):
        self.board.tell(*news)
        await self.settle()

    async def settle(self):
        await self.step()
        while self.board.behind:
            self.screen._beat.draw()
        if self.screen.is_current:
            self.screen._show()
        await self.step()

    async def press(self, *keys):
        await super().press(*keys)
        await self.settle()

    def lines(self):
        strips = self.app.screen._compositor.render_strips()
        return ["".join(segment.text for segment in strip).rstrip() for strip in strips]

    def rows(self):
        rows = self.screen._rows
        text = ["".join(s.text for s in rows.render_line(y)).rstrip() for y in range(rows.size.height)]
        return [line for line in text if line]

    def text(self):
        return "\n".join(self.lines())


@asynccontextmanager
async def board(size=(100, 24), picking=False):
    overview = Board()
    stages = []

    def show(entry):
        stage = Stage(name=entry.id)
        stages.append(stage)
        feed = Feed(opening(stage))
        screen = SessionScreen(feed, mode="watch", name=entry.id, among=True)

        def close():
            scene.closed.append(entry.id)
            stage.end()
            return screen.close()

        return Opened(screen, close)

    def attach(entry):
        scene.stage.name = entry.id
        feed = Feed(opening(scene.stage))
        scene.attached.append(feed)
        return feed

    app = OverviewApp(overview, None if picking else Ways(show, attach))
    async with app.run_test(size=size) as pilot:
        scene = Scene(app, overview, pilot)
        await scene.step()
        yield scene
    app.close_all()


def listed(*resources):
    return News("listed", resources=list(resources))


def many(count):
    return listed(*(resource(f"sesn_{n:05}", title=f"title {n}", at=float(n + 1)) for n in range(count)))


async def test_it_says_that_it_connects_and_why_it_cannot():
    async with board() as scene:
        assert "connecting" in scene.text()
        await scene.tell(News("trouble", text="overloaded \x1b[31m"))
        assert "overloaded" in scene.text()
        scene.board.error = RuntimeError("no API key")
        await scene.settle()
        assert "stopped: no API key" in scene.text()


async def test_rows_tell_state_agent_title_tool_and_figures():
    async with board(size=(150, 24)) as scene:
        run = resource("sesn_run", status="running", title="Runs", **usage(84, input_tokens=182_000))
        await scene.tell(
            listed(resource("sesn_ask", title="Roll back"), run), News("tail", "sesn_ask", events=ask(2000))
        )
        first, second = scene.rows()
        for word in ("needs you", "helper", "Roll back", "bash  rm -r /"):
            assert word in first
        for word in ("running", "Runs", "182k", "$0.84"):
            assert word in second
        assert "1 needs you · 1 running · 2 sessions" in scene.lines()[0]
        assert "asks  bash  rm -r /" in scene.text()


@pytest.mark.parametrize(
    ("width", "head"),
    [
        (110, "sessions · 1 needs you · 1 running · 102 sessions · 100 not read yet · today $0.00"),
        (80, "sessions · 1 needs you · 1 running · 102 sessions · today $0.00"),
        (60, "1 needs you · 1 running · 102 sessions · today $0.00"),
        (40, "1 needs you · 1 running · today $0.00"),
        (20, "1 needs you"),
    ],
)
async def test_the_first_line_drops_what_matters_least(width, head):
    async with board(size=(width, 20)) as scene:
        run = resource("sesn_run", status="running")
        await scene.tell(
            many(100), listed(resource("sesn_ask"), run), News("tail", "sesn_ask", events=ask(9))
        )
        assert scene.lines()[0].strip() == head


@pytest.mark.parametrize("size", [(20, 5), (40, 10), (80, 24), (200, 60)])
async def test_every_size(size):
    async with board(size=size) as scene:
        await scene.tell(many(300), News("tail", "sesn_00007", events=ask(5)))
        assert all(len(line) <= size[0] for line in scene.lines())
        assert scene.rows()[0].startswith("▸ needs you")
        assert not scene.screen.show_vertical_scrollbar


async def test_the_cursor_stays_on_its_session():
    async with board() as scene:
        await scene.tell(many(300))
        await scene.press("j", "j", "j")
        chosen = scene.screen._rows.entry.id
        await scene.tell(News("tail", "sesn_00001", events=ask(5)))
        assert scene.screen._rows.entry.id == chosen
        await scene.press("G")
        last = scene.screen._rows.entry.id
        top = scene.rows()[0]
        await scene.tell(News("tail", "sesn_00002", events=ask(6)))
        assert scene.screen._rows.entry.id == last
        assert scene.rows()[0] == top or scene.rows()[1] == top
        await scene.tell(News("gone", last))
        assert scene.screen._rows.entry is not None


async def test_filter_as_one_types_and_order():
    async with board() as scene:
        await scene.tell(many(300))
        await scene.press("slash", *"title", "space", *"299")
        assert len(scene.rows()) == 1
        await scene.press("enter")
        assert "1 match" in scene.text()
        await scene.press("escape")
        assert len(scene.rows()) > 5
        await scene.press("o", "o")
        assert "by created" in scene.text()
        assert "title 299" in scene.rows()[0]
        await scene.press("O")
        assert "title 0" in scene.rows()[0]


async def test_into_a_session_and_back_to_the_same_row_many_times():
    async with board() as scene:
        await scene.tell(many(300))
        await scene.press(*"jjjjj")
        chosen = scene.screen._rows.entry.id
        for back in ("s", "escape", "s"):
            await scene.press("enter")
            assert isinstance(scene.app.screen, SessionScreen)
            await scene.tell(News("tail", "sesn_00002", events=ask(6)))
            await scene.press(back)
            assert isinstance(scene.app.screen, OverviewScreen)
            assert scene.screen._rows.entry.id == chosen
            assert "needs you" in scene.rows()[0], "what happened meanwhile is shown"
        await scene.app.workers.wait_for_complete()
        assert scene.closed == [chosen] * 3
        assert not scene.screen.closers


async def test_what_is_open_at_the_end_is_closed(monkeypatch):
    async with board() as scene:
        await scene.tell(many(3))
        await scene.press("enter", "q")
    assert scene.closed == ["sesn_00002"]


async def test_the_next_that_needs_you():
    async with board() as scene:
        await scene.tell(many(100), News("tail", "sesn_00050", events=ask(6)))
        await scene.press("o", "G", "n")
        assert scene.screen._rows.entry.id == "sesn_00050"


async def test_choosing_one_ends_the_app():
    async with board(picking=True) as scene:
        await scene.tell(many(5))
        await scene.press("j", "enter")
        assert scene.app.chosen == "sesn_00003"


async def test_nothing_is_drawn_while_nothing_changes(monkeypatch):
    async with board() as scene:
        await scene.tell(many(300), News("tail", "sesn_00007", events=[idle(7)]))
        drawn = []
        rows = scene.screen._rows
        monkeypatch.setattr(rows, "refresh", lambda *a, **k: drawn.append(a))
        monkeypatch.setattr("cma_tui.ui.widgets.sessions.time", lambda: 1e9)
        scene.screen._second()
        drawn.clear()
        scene.screen._second()
        await scene.tell(many(300))
        assert not drawn
        await scene.tell(News("events", "sesn_00299", events=[event("session.status_running", 1000)]))
        assert 0 < len(drawn) <= 30


async def test_what_is_in_view_is_asked_for():
    async with board(size=(80, 24)) as scene:
        await scene.tell(many(300))
        await scene.press("pagedown")
        looked = scene.board.looked[-1]
        assert looked == scene.screen._rows.window
        assert len(looked) <= 24


async def test_hostile_titles_stay_text():
    async with board() as scene:
        await scene.tell(listed(resource("sesn_\x1b[31m", title="[red]x[/] \x1b]0;pwned\x07 \u202eback")))
        text = scene.text()
        assert "[red]x[/]" in text
        assert not set(text) & set("\x1b\x07\u202e")


async def test_old_data_says_so(monkeypatch):
    async with board() as scene:
        await scene.tell(many(3))
        scene.board.listed_at -= 60
        scene.screen._second()
        await scene.step()
        assert "as of 1 min ago" in scene.text()


def test_ten_thousand_rows_cost_little():
    """One change among ten thousand must not cost what sorting them costs."""
    import time

    roster = Roster()
    take_in(roster, many(10_000), 0.0)
    assert len(roster.order) == 10_000
    began = time.process_time()
    for n in range(100):
        roster.tail(f"sesn_{n:05}", [idle(n)])
    single = (time.process_time() - began) / 100
    began = time.process_time()
    roster.arrange()
    assert single < (time.process_time() - began) / 5


async def test_a_frame_of_ten_thousand_sessions_looks_at_those_on_the_screen(monkeypatch):
    """Work is counted: how often anything is asked of a session, for each drawing."""
    looks = {"standing": 0, "summary": 0}
    standing, told = Entry.standing, sessions.summary

    def counted(entry):
        looks["standing"] += 1
        return standing.fget(entry)

    def summed(entry, now):
        looks["summary"] += 1
        return told(entry, now)

    async with board(size=(100, 24)) as scene:
        await scene.tell(many(10_000))
        assert len(scene.screen.roster.order) == 10_000
        monkeypatch.setattr(Entry, "standing", property(counted))
        monkeypatch.setattr(sessions, "summary", summed)
        screen, rows = scene.screen, scene.screen._rows
        height = rows.size.height

        def work(deed):
            looks.update(standing=0, summary=0)
            deed()
            return looks["standing"], looks["summary"]

        for deed in (screen._second, lambda: rows.action_page(1), rows.action_last, screen._show):
            asked, drawn = work(deed)
            assert drawn <= height
            assert asked <= 6 * height, deed
        for number in (3, 5_000, 9_999):
            change = News("tail", f"sesn_{number:05}", events=[idle(number)])
            scene.board._queue.append(change)
            asked, drawn = work(screen._beat.draw)
            assert drawn <= height
            assert asked <= 6 * height + 10, "one that changed does not cost what all do"
