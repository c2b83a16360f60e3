"""What the commands that are a screen have in common: watch, chat, replay, demo.

Owns the way from a source to a running screen. Invariant: the screen is drawn before anything slow is
imported or anything is connected; what can be refused at once is refused before there is a screen.
"""

from __future__ import annotations

import gc
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from cma_tui.commands.exits import CommandError, Exit

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Literal

    from cma_tui.commands.options import Common, Pick, Trace
    from cma_tui.log.formats import SavedLog
    from cma_tui.log.together import Together
    from cma_tui.mirror import Mirror
    from cma_tui.settings import Settings
    from cma_tui.source import Source
    from cma_tui.ui.chooser import Choice


Limits = tuple[float | None, float | None]
"""At how many US dollars to say so, and at how many to interrupt."""


@contextmanager
def at_once() -> Iterator[None]:
    """Garbage is not looked for until the first frame is there: what is imported for it stays."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@at_once()
def show_log(
    log: SavedLog | Together,
    options: Common,
    trace: Trace,
    pick: Pick,
    *,
    from_start: bool = True,
    speed: float | None = 1.0,
    idle_limit: float = 2.0,
    start_at: str = "",
    loop: bool = False,
    follow: bool = False,
) -> int:
    """Show a session of what was opened: played from its start, or at its end. Returns the exit code.

    Args:
        log: a file, or several.
        options: what was said on the command line.
        trace: what was said of tracing: a log is traced only when that was asked for.
        pick: which session; without it the first of a file, or what the user chooses of several files.
        from_start: play from the beginning.
        speed: seconds of the log in one of ours.
        idle_limit: seconds that a gap lasts at most.
        start_at: where to begin.
        loop: begin again at the end.
        follow: go on with what is written to the file.

    Raises:
        CommandError: it cannot be followed.
        LogError: there is no such session, or what is in the file cannot be followed.
    """
    from cma_tui.commands.recent import replayed
    from cma_tui.commands.sinks import mirror_of
    from cma_tui.feed import Feed
    from cma_tui.log.formats import SavedLog
    from cma_tui.log.together import Together
    from cma_tui.player import Player
    from cma_tui.session.model import Session
    from cma_tui.source.saved import Followed, Saved
    from cma_tui.ui.app import ANOTHER, run, session_screen
    from cma_tui.ui.chooser import Choice

    if follow:
        if not isinstance(log, SavedLog):
            raise CommandError(f"{log.name}: only a single file can be followed", Exit.USAGE)
        log.follow(lambda: False)  # refuses what cannot be followed, before there is a screen
    settings = options.settings(**trace.flags)
    choice = Choice(pick.session)
    if pick.session is not None:
        next(log.events(pick.session), None)  # whether there is such a session
    else:
        choice = Choice(0) if isinstance(log, SavedLog) else _chosen(log, settings)
    if isinstance(log, SavedLog):
        replayed(settings, log.name)
    while (chosen := choice.number) is not None:
        shown = log if chosen >= 0 else Together([log], merged=True)
        number = max(chosen, 0)

        async def open_source(shown: SavedLog | Together = shown, number: int = number) -> Source:
            if follow and isinstance(shown, SavedLog):
                return Followed(shown)
            return Saved(shown, number)

        feed = Feed(open_source, session=Session(events=shown.kept(number)))
        player = Player(
            feed, from_start=from_start, speed=speed, idle_limit=idle_limit, start_at=start_at, loop=loop
        )
        mirror = mirror_of(settings, trace) if trace.asked else None
        screen = session_screen(
            feed, mode="replay", name=shown.name, settings=settings, mirror=mirror, player=player
        )
        code = run(screen, settings)
        if code != ANOTHER:
            return code
        choice = _chosen(log, settings)
    return choice.code


def _chosen(log: SavedLog | Together, settings: Settings) -> Choice:
    """Which session of a log the user wants to see."""
    from cma_tui.log.formats import SavedLog
    from cma_tui.log.together import Together
    from cma_tui.ui.chooser import choose

    together = Together([log]) if isinstance(log, SavedLog) else log
    return choose(log.name, together.summaries, settings)


@at_once()
def show(
    open_source: Callable[[], Awaitable[Source]],
    mode: Literal["watch", "chat", "replay", "demo"],
    name: str,
    settings: Settings,
    mirror: Mirror | None = None,
    tools: Path | None = None,
    limits: Limits = (None, None),
) -> int:
    """Run the screen on a source until the user leaves. Returns the exit code."""
    from cma_tui.commands.live import live_session
    from cma_tui.commands.sinks import recorder_for
    from cma_tui.feed import Feed
    from cma_tui.recording import Switch
    from cma_tui.ui.app import run, session_screen

    feed = Feed(open_source, session=live_session(settings))
    recording = Switch(feed, recorder_for(settings)) if mode != "replay" else None
    if recording is not None and settings.record == "always":
        recording.on()
    screen = session_screen(
        feed,
        mode=mode,
        name=name,
        settings=settings,
        mirror=mirror,
        tools=tools,
        recording=recording,
        limits=limits,
    )
    return run(screen, settings)
