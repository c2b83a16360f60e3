"""The app: themes, the filter in front of the terminal, signals, and a clean end.

Owns what holds for every screen. Invariants: whatever happens, the terminal is restored and the user
reads one line of ours, never a traceback with values in it; every line of every widget passes the
guard; the feed is closed before the process ends.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import traceback
from collections.abc import Sequence
from typing import Any, ClassVar

from textual.app import App
from textual.binding import Binding, BindingType
from textual.filter import LineFilter
from textual.theme import Theme

from cma_tui.feed import Feed
from cma_tui.source import SourceError
from cma_tui.text import printable
from cma_tui.ui.guard import TerminalGuard
from cma_tui.ui.screens.session import Mode, SessionScreen
from cma_tui.ui.theme import FALLBACKS, THEMES


class CmaTop(App[int]):
    """cma-top on a terminal."""

    TITLE = "cma-top"
    ENABLE_COMMAND_PALETTE = True
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+c", "stop", "leave", show=False, priority=True)]

    def __init__(
        self,
        feed: Feed,
        *,
        mode: Mode,
        name: str,
        theme: str = "cma-dark",
        density: str = "normal",
        times: str = "offset",
    ) -> None:
        super().__init__()
        self._guard = TerminalGuard()
        for own in THEMES:
            self.register_theme(own)
        self.theme = theme if theme in self.available_themes else "cma-dark"
        self._feed = feed
        self._main = SessionScreen(feed, mode=mode, name=name, density=density, times=times)
        self._stop_asked = False
        self.failure: BaseException | None = None
        """What ended the app before its time."""

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """What our names mean in themes that are not ours."""
        return FALLBACKS

    def get_line_filters(self) -> Sequence[LineFilter]:
        """The guard comes last: nothing passes it."""
        return [*super().get_line_filters(), self._guard]

    def on_mount(self) -> None:
        """Signals end the app in order, so that the terminal is restored."""
        if not self.is_headless:
            loop = asyncio.get_running_loop()
            for number in (signal.SIGTERM, signal.SIGHUP):
                loop.add_signal_handler(number, self.exit, 128 + number)
        self.theme_changed_signal.subscribe(self, self._repaint)
        self.push_screen(self._main)

    def _repaint(self, theme: Theme) -> None:
        from cma_tui.ui.widgets.timeline import Timeline

        for timeline in self._main.query(Timeline):
            self.call_after_refresh(timeline.repaint)

    def action_stop(self) -> None:
        """The first Ctrl+C says how to leave, the second leaves."""
        if self._stop_asked:
            self.exit(130)
        self._stop_asked = True
        self.notify("Ctrl+C again leaves; the session goes on", markup=False, timeout=2)
        self.set_timer(2.0, self._forget_stop)

    def _forget_stop(self) -> None:
        self._stop_asked = False

    def _handle_exception(self, error: Exception) -> None:
        """A defect of ours: no traceback, whose values could be secrets, but one line at the end."""
        self.failure = error
        self._exception = error
        self._exception_event.set()
        self.exit(1)


def run(feed: Feed, *, mode: Mode, name: str, settings: Any) -> int:  # noqa: ANN401 - Settings
    """Run the screen until the user leaves. Returns the exit code; says why on stderr when it is not 0."""
    app = CmaTop(
        feed, mode=mode, name=name, theme=settings.theme, density=settings.density, times=settings.time
    )
    try:
        code = app.run()
    finally:
        feed.close()
    if app.failure is not None:
        frames = traceback.extract_tb(app.failure.__traceback__)
        place = f" at {frames[-1].filename}:{frames[-1].lineno}" if frames else ""
        _say(f"a defect in cma-top, please report it: {type(app.failure).__name__}{place}")
        return 1
    if feed.error is not None:
        _say(str(feed.error))
        return feed.error.exit_code if isinstance(feed.error, SourceError) else 1
    return code or 0


def _say(text: str) -> None:
    sys.stderr.write(f"cma-top: {printable(text, cap=500)}\n")
