"""What every panel is given: each change while it is open, and the way back to a row."""

import importlib
import pkgutil

import pytest
from textual.dom import DOMNode

from cma_tui import ui
from cma_tui.ui.screens.panel import Panel
from tests.stories.write import Log
from tests.ui.play import playing


def test_no_two_widgets_have_one_name():
    """A style sheet tells classes apart by their names alone."""
    for _, name, _ in pkgutil.walk_packages(ui.__path__, "cma_tui.ui."):
        importlib.import_module(name)
    kinds, found = [DOMNode], []
    while kinds:
        kind = kinds.pop()
        kinds += kind.__subclasses__()
        if kind.__module__.startswith("cma_tui.ui"):
            found.append(kind.__name__)
    assert len(found) > 20
    assert sorted(set(found)) == sorted(found)


class Counting(Panel):
    """Remembers what it was told."""

    events = 0

    def update_session(self, session, change):
        self.events = len(session.events)


@pytest.fixture
def log():
    log = Log()
    for number in range(30):
        log.begin(f"question {number}")
        log.answer(f"answer {number}")
        log.rest()
    return log


async def test_a_panel_is_told_of_changes_and_leads_to_a_row(log):
    async with playing(*log.events) as play:
        screen, panel = play.screen, Counting()
        screen.open_panel(panel)
        await play.settle()
        assert play.app.screen is panel
        before = len(log.events)
        log.begin("one more")
        await play.give(*log.events[before:])
        assert panel.events == len(log.events) > before
        item = play.session.turns[3].inputs[0]
        panel.dismiss(item)
        await play.settle()
        assert play.app.screen is screen
        assert play.cursor == item
        assert not play.timeline.following


async def test_the_way_to_a_row_of_a_folded_turn_is_its_heading(log):
    async with playing(*log.events) as play:
        item = play.session.turns[3].inputs[0]
        play.timeline.go_to(item)
        await play.press("left_square_bracket", "enter")
        play.timeline.go_to(item)
        await play.settle()
        assert play.cursor == -1 - 3


async def test_a_panel_that_is_left_without_a_choice_changes_nothing(log):
    async with playing(*log.events) as play:
        panel = Counting()
        play.screen.open_panel(panel)
        await play.settle()
        panel.dismiss(None)
        await play.settle()
        assert play.timeline.following
