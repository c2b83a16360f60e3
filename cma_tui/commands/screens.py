"""What the commands that are a screen have in common: watch, chat, replay, demo.

Owns the way from a source to a running screen. Invariant: the screen is drawn before anything slow is
imported or anything is connected; what can be refused at once is refused before there is a screen.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Literal

    from cma_tui.log.formats import SavedLog
    from cma_tui.mirror import Mirror
    from cma_tui.settings import Settings
    from cma_tui.source import Source


Limits = tuple[float | None, float | None]
"""At how many US dollars to say so, and at how many to interrupt."""


def play(
    log: SavedLog,
    settings: Settings,
    *,
    from_start: bool = True,
    speed: float | None = 1.0,
    idle_limit: float = 2.0,
    start_at: str = "",
    loop: bool = False,
    session: int = 0,
    mirror: Mirror | None = None,
) -> int:
    """Show one session of a saved log: played from its start, or at its end. Returns the exit code."""
    from cma_tui.feed import Feed
    from cma_tui.player import Player
    from cma_tui.session.model import Session
    from cma_tui.source.saved import Saved
    from cma_tui.ui.app import run

    async def open_source() -> Source:
        return Saved(log, session)

    feed = Feed(open_source, session=Session(events=log.kept()))
    player = Player(
        feed, from_start=from_start, speed=speed, idle_limit=idle_limit, start_at=start_at, loop=loop
    )
    return run(feed, mode="replay", name=log.name, settings=settings, mirror=mirror, player=player)


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
    from cma_tui.commands.record import recorder_for
    from cma_tui.feed import Feed
    from cma_tui.recording import Switch
    from cma_tui.ui.app import run

    feed = Feed(open_source)
    recording = Switch(feed, recorder_for(settings)) if mode != "replay" else None
    if recording is not None and settings.record == "always":
        recording.on()
    return run(
        feed,
        mode=mode,
        name=name,
        settings=settings,
        mirror=mirror,
        tools=tools,
        recording=recording,
        limits=limits,
    )
