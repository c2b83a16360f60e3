"""The apps: that of one session, and that of all of them.

Owns the sessions that are open. Invariant: every session that was opened is closed, its feed and its mirror,
before the process ends.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cma_tui.feed import Feed
from cma_tui.keymap import DEFAULT, Keymap
from cma_tui.player import Player
from cma_tui.settings import redactor_of
from cma_tui.ui.counting import CostLimits
from cma_tui.ui.notices import Wishes
from cma_tui.ui.screens.session import Mode, SessionScreen
from cma_tui.ui.shell import Shell, outcome

ANOTHER = -1
"""In place of an exit code: the user wants another session of the same log."""

if TYPE_CHECKING:
    from cma_tui.mirror import Mirror
    from cma_tui.overview import Overview
    from cma_tui.recording import Switch
    from cma_tui.ui.screens.overview import Ways


class CmaTop(Shell):
    """The app of one session."""

    def show_main(self) -> None:
        """Show the session; when it is left for another one, the app ends."""
        self.push_screen(self._main, lambda _: self.exit(ANOTHER))


def session_screen(
    feed: Feed,
    *,
    mode: Mode,
    name: str,
    settings: Any,  # noqa: ANN401 - Settings
    mirror: Mirror | None = None,
    tools: Path | None = None,
    recording: Switch | None = None,
    limits: tuple[float | None, float | None] = (None, None),
    player: Player | None = None,
    among: bool = False,
) -> SessionScreen:
    """The screen of a session, as the user set it."""
    return SessionScreen(
        feed,
        mode=mode,
        name=name,
        density=settings.density,
        times=settings.time,
        beside=settings.beside,
        mirror=mirror,
        recording=recording,
        among=among,
        state_dir=settings.state_dir if mode != "demo" else None,
        tools=tools,
        filters=settings.filters,
        limits=CostLimits(*limits),
        wishes=Wishes(settings.notify, settings.notify_on, settings.notify_command),
        player=player,
        rules=settings.rules,
        redactor=lambda: redactor_of(settings, os.environ),
    )


def run(screen: SessionScreen, settings: Any) -> int:  # noqa: ANN401 - Settings
    """Run a session screen until the user leaves. Returns the exit code; why it is not 0 is said on stderr.

    `ANOTHER` is returned when another session of the same log is wanted.
    """
    app = CmaTop(screen, theme=settings.theme, keymap=settings.keys)
    try:
        code = app.run_with(settings)
    finally:
        farewell = screen.close()
    app.farewells += [farewell] if farewell else []
    return outcome(app, code, screen.feed.error)


class OverviewApp(Shell):
    """The app of all sessions: each can be opened, left and opened again."""

    def __init__(
        self,
        overview: Overview,
        ways: Ways | None,
        *,
        theme: str | None = None,
        keymap: Keymap = DEFAULT,
    ) -> None:
        from cma_tui.ui.screens.overview import OverviewScreen

        main = OverviewScreen(overview, ways)
        super().__init__(main, theme=theme, keymap=keymap)
        self._main: OverviewScreen = main
        self.chosen: str | None = None

    def show_main(self) -> None:
        """Show the list; when something is chosen, the app ends."""
        self.push_screen(self._main, self._choose)

    def close_all(self) -> list[str]:
        """Close what is still open. Returns what there is to say."""
        return [said for close in self._main.closers if (said := close())]

    def _choose(self, session: str | None) -> None:
        self.chosen = session
        self.exit(0)


def run_overview(
    overview: Overview,
    ways: Ways | None,
    settings: Any,  # noqa: ANN401 - Settings
) -> tuple[int, str | None]:
    """Run the list of all sessions until the user leaves. Returns the exit code, and what was chosen."""
    app = OverviewApp(overview, ways, theme=settings.theme, keymap=settings.keys)
    try:
        code = app.run_with(settings)
    finally:
        overview.close()
        app.farewells += app.close_all()
    return outcome(app, code, overview.error), app.chosen
