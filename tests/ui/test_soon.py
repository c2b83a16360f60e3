"""A call after a moment comes, even where the machine stood still between its planning and its beginning."""

import itertools

from textual import timer
from textual.app import App

from cma_tui.ui.soon import soon


async def test_a_call_comes_though_time_leaps(monkeypatch):
    app = App()
    async with app.run_test() as pilot:
        hours = itertools.count(0, 3600)
        monkeypatch.setattr(timer._time, "get_time", lambda: float(next(hours)))
        called = []
        soon(app, 0.001, lambda: called.append("soon"))
        monkeypatch.undo()
        while not called:
            await pilot.pause()
        assert called == ["soon"]


async def test_what_was_planned_can_be_called_off_and_nothing_is_called_for_an_app_that_has_ended():
    app, called = App(), []
    async with app.run_test() as pilot:
        soon(app, 0.0, lambda: called.append("off")).cancel()
        soon(app, 0.0, lambda: called.append("on"))
        while not called:
            await pilot.pause()
        soon(app, 0.001, lambda: called.append("late"))
    assert called[:1] == ["on"]
    assert "off" not in called
