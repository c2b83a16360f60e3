"""Pictures of the screen, compared with those that were looked at when they were made."""

import time

import pytest
from rich.console import Console

from cma_tui.feed import Feed
from cma_tui.ui.app import CmaTop
from cma_tui.ui.counting import Counting
from tests.ui.incident import incident
from tests.ui.play import DEADLINE, Play, Sends, Stage, opening

SIZES = ((80, 24), (120, 40), (200, 60))


@pytest.fixture(autouse=True)
def same_everywhere(monkeypatch):
    """The detail tells the local time."""
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
        app = CmaTop(feed, mode=mode, name=stage.name, **options)
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


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_the_session(picture, size):
    assert picture(incident("ended"), size=size)


def test_the_session_without_colours_of_ours(picture):
    assert picture(incident("ended"), size=(100, 30), theme="nord")


def test_the_session_on_a_light_background(picture):
    assert picture(incident("ended"), size=(120, 40), theme="cma-light")


def test_everything_there_is(picture):
    assert picture(incident("ended"), "g", size=(120, 40), density="full", times="clock")


def test_only_what_was_said_with_the_first_turn_folded(picture):
    assert picture(incident("ended"), "g", "enter", size=(80, 24), density="quiet")


def test_the_detail_of_a_tool_that_failed(picture):
    assert picture(incident("ended"), "g", "e", "enter", size=(160, 40))


def test_the_detail_as_raw_json_on_a_narrow_screen(picture):
    assert picture(incident("ended"), "g", "e", "enter", "r", size=(80, 24))


def test_the_help(picture):
    assert picture(incident("ended"), "question_mark", size=(100, 50))


def test_an_approval_while_one_writes(picture):
    assert picture(incident(), controls=Sends(), mode="chat", text="Wait, which pods would restart?")


def test_an_approval_about_to_be_answered(picture):
    assert picture(incident(), "exclamation_mark", controls=Sends(), size=(80, 24))


def test_nothing_yet(picture):
    assert picture([], size=(80, 24))


def test_the_terminal_of_the_pictures_is_this_one():
    assert Console().is_terminal is False


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_the_figures(picture, size):
    assert picture(incident("ended"), "M", size=size)
