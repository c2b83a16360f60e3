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
from time import monotonic
from typing import TYPE_CHECKING, Any, ClassVar

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

if TYPE_CHECKING:
    from cma_tui.mirror import Mirror


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
        theme: str | None = None,
        density: str = "normal",
        times: str = "offset",
        mirror: Mirror | None = None,
    ) -> None:
        super().__init__()
        self._guard = TerminalGuard()
        for own in THEMES:
            self.register_theme(own)
        self.theme = theme if theme is not None and theme in self.available_themes else "cma-dark"
        self._feed = feed
        self._main = SessionScreen(feed, mode=mode, name=name, density=density, times=times, mirror=mirror)
        self._stop_until = 0.0

    @property
    def failure(self) -> BaseException | None:
        """The defect that ended the app before its time."""
        return self._exception

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """What our names mean in themes that are not ours: a variable's value cannot name another one."""
        colours = self.current_theme.to_color_system().generate()
        return {name: colours[meant] for name, meant in FALLBACKS.items()}

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
        """The first Ctrl+C says how to leave, a second soon after leaves."""
        if monotonic() < self._stop_until:
            self.exit(130)
            return
        self._stop_until = monotonic() + 2.0
        self.notify("Ctrl+C again leaves; the session goes on", markup=False, timeout=2)

    def _fatal_error(self) -> None:
        """A defect of ours: no traceback on the terminal, it could hold secrets. `run` says one line."""
        self._close_messages_no_wait()


def run(
    feed: Feed,
    *,
    mode: Mode,
    name: str,
    settings: Any,  # noqa: ANN401 - Settings
    mirror: Mirror | None = None,
) -> int:
    """Run the screen until the user leaves. Returns the exit code; says why on stderr when it is not 0."""
    app = CmaTop(
        feed,
        mode=mode,
        name=name,
        theme=settings.theme,
        density=settings.density,
        times=settings.time,
        mirror=mirror,
    )
    try:
        code = app.run()
    finally:
        feed.close()
    if mirror is not None and (farewell := mirror.close().farewell):
        _say(farewell)
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
