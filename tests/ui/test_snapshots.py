"""Pictures of the screen, compared with those that were looked at when they were made."""

import time

import pytest
from pytest_textual_snapshot import SVGImageExtension
from rich.console import Console

from cma_tui.feed import Feed
from cma_tui.source.overview import News
from cma_tui.ui.counting import Counting
from tests.session.test_roster import ask, resource, usage
from tests.ui.incident import incident
from tests.ui.play import DEADLINE, Play, Sends, Stage, app_of, opening, playing
from tests.ui.test_overview import board, listed

SIZES = ((80, 24), (120, 40), (200, 60))


@pytest.fixture(autouse=True)
def same_everywhere(monkeypatch):
    """The detail tells the local time, the list of all sessions how old it is."""
    monkeypatch.setattr("cma_tui.ui.screens.overview.STALE", float("inf"))
    monkeypatch.setattr(Counting, "_look", lambda counting: None)  # prices come when they come
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setenv("TERM", "xterm-256color")
    for name in ("NO_COLOR", "COLORTERM", "TEXTUAL_THEME", "COLUMNS", "LINES"):
        monkeypatch.delenv(name, raising=False)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def picture(snap_compare):
    """Compare the screen over a log, after some keys."""
    running = []

    def compare(events, *keys, size=(100, 30), mode="watch", controls=None, text="", **options):
        stage = Stage(*events, live=controls is not None, controls=controls, name="incident.jsonl")
        feed = Feed(opening(stage))
        app = app_of(feed, mode=mode, name=stage.name, **options)
        app.animation_level = "none"
        running.append((stage, feed))

        async def play(pilot):
            made = Play(app, stage, feed, pilot)
            made.composer.cursor_blink = False
            await made.settle()
            if text:
                made.composer.text = text
            await made.press(*keys)
            await made.settle()

        return snap_compare(app, terminal_size=size, run_before=play)

    yield compare
    for stage, feed in running:
        stage.end()
        feed.close(DEADLINE)


def test_the_session_without_colours_of_ours(picture):
    assert picture(incident("ended"), size=(100, 30), theme="nord")


# ------------------------------------------------------------------------- every place, size and theme


class Album:
    """Pictures of one app, in both themes; all that differ are told together."""

    def __init__(self, kept, size):
        self._kept, self._size = kept, f"{size[0]}x{size[1]}"
        self.differ = []

    async def take(self, play, place):
        for theme in ("cma-light", "cma-dark"):
            play.app.theme = theme
            await play.settle()
            name = f"{place}-{self._size}-{theme.removeprefix('cma-')}"
            if play.app.export_screenshot() != self._kept(name=name):
                self.differ.append(name)

    def check(self):
        assert not self.differ, f"look at them: {self.differ}; pytest --snapshot-update keeps them"


@pytest.fixture(params=SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def album(request, snapshot):
    made = Album(snapshot.use_extension(SVGImageExtension), request.param)
    made.size = request.param
    return made


PLACES = {
    "session": (),
    "detail": ("g", "e", "enter"),
    "waterfall": ("escape", "w"),
    "threads": ("escape", "t"),
    "outline": ("escape", "o"),
    "figures": ("escape", "M"),
    "help": ("escape", "question_mark"),
    "found": ("escape", "slash", *"pool", "enter"),
}
"""The keys that lead from each to the next."""


async def test_reading(album):
    async with playing(stage=Stage(*incident("ended"), live=False), size=album.size) as play:
        for place, keys in PLACES.items():
            await play.press(*keys)
            await album.take(play, place)
    album.check()


async def test_driving(album):
    live = {"controls_of": Sends(), "mode": "chat", "size": album.size}
    async with playing(*incident(), **live) as play:
        play.composer.cursor_blink = False
        play.composer.write("Wait, which pods would restart?\nAnd for how long?")
        await album.take(play, "composer")
        await play.press("escape", "exclamation_mark")
        await album.take(play, "approval")
    album.check()


async def test_replaying(album):
    stage = Stage(*incident("ended"), live=False, name="incident.jsonl")
    async with playing(stage=stage, mode="replay", size=album.size) as play:
        await play.press("5")
        await play.settle()
        await album.take(play, "replay")
    album.check()


async def test_all_sessions(album):
    async with board(album.size) as scene:
        await scene.tell(
            listed(
                resource("sesn_ask", title="Roll back orders to 2.40.3"),
                resource("sesn_run", status="running", title="接続プールの枯渇", **usage(84, input_tokens=9)),
                *(resource(f"sesn_{n}", title=f"Nightly report {n}", at=n + 1.0) for n in range(30)),
            ),
            News("tail", "sesn_ask", events=ask(2000)),
        )
        await album.take(scene, "sessions")
    album.check()


# --------------------------------------------------------------------------------- what is seen once


def test_everything_there_is(picture):
    assert picture(incident("ended"), "g", size=(120, 40), density="full", times="clock")


def test_only_what_was_said_with_the_first_turn_folded(picture):
    assert picture(incident("ended"), "g", "enter", size=(80, 24), density="quiet")


def test_the_detail_as_raw_json_on_a_narrow_screen(picture):
    assert picture(incident("ended"), "g", "e", "enter", "r", size=(80, 24))


def test_nothing_yet(picture):
    assert picture([], size=(80, 24))


def test_the_terminal_of_the_pictures_is_this_one():
    assert Console().is_terminal is False
