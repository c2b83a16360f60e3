"""The commands that are a screen: watch, chat, replay, demo.

Owns what each feeds the screen with. Invariant: the screen is drawn before anything slow is imported or
anything is connected; what can be refused at once is refused before there is a screen.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from cma_tui.commands.exits import CommandError, Exit
from cma_tui.commands.trace import mirror_of

if TYPE_CHECKING:
    from typing import Literal

    from cma_tui.commands.options import Common
    from cma_tui.log.formats import SavedLog
    from cma_tui.mirror import Mirror
    from cma_tui.settings import Settings
    from cma_tui.source import Source


def watch(session: str, common: Common, *, trace: str | None = None) -> int:
    """A session, live."""
    from cma_tui.commands.live import opener

    settings = common.settings()
    mirror = mirror_of(settings, trace)
    opening = opener(settings, session, newest_first=True, all_threads=mirror is not None)
    return _screen(opening, "watch", session, settings, mirror)


def chat(
    session: str | None,
    common: Common,
    *,
    agent: str | None = None,
    environment: str | None = None,
    message: str | None = None,
    trace: str | None = None,
) -> int:
    """The same with the composer open; a new session when none is named."""
    from cma_tui.commands.live import conversation_opener

    settings = common.settings(agent=agent, environment=environment)
    if session is None and not (settings.agent and settings.environment):
        lacking = [f"--{name}" for name in ("agent", "environment") if getattr(settings, name) is None]
        raise CommandError(
            f"a new session needs {' and '.join(lacking)} (or CMA_TOP_AGENT, CMA_TOP_ENVIRONMENT);"
            " to talk to one that exists, name it",
            Exit.USAGE,
        )
    mirror = mirror_of(settings, trace)
    opening = conversation_opener(settings, session, message=message, all_threads=mirror is not None)
    return _screen(opening, "chat", session or "new session", settings, mirror)


def show(log: SavedLog, common: Common) -> int:
    """A whole log, at its end."""
    return _play(log, common, speed=None)


def replay(
    files: Sequence[str], common: Common, *, speed: float | None = 1.0, idle_limit: float = 2.0
) -> int:
    """Saved logs one after the other, each from its start."""
    from cma_tui.commands.tail import opened

    with ExitStack() as stack:
        logs = [stack.enter_context(opened(file)) for file in files]
        codes = [_play(log, common, speed=speed, idle_limit=idle_limit) for log in logs]
    return max(codes)


def demo(common: Common, *, pace: float = 1.0, scene: str | None = None) -> int:
    """A conversation with the built-in agent, on a server of our own on loopback."""
    settings = common.settings()
    with ExitStack() as stack:

        async def open_source() -> Source:
            from cma_tui.commands.live import conversation_opener
            from cma_tui.settings import Secret
            from cma_tui.simulator import ServerThread, Simulator

            sim = Simulator(pace=pace, host_answers=True)
            server = ServerThread(sim)
            ours = replace(
                settings,
                api_key=Secret(sim.api_key),
                auth_token=None,
                extra_headers={},
                base_url=stack.enter_context(server),
                origins={**settings.origins, "base_url": "demo"},
            )
            session = server.call(lambda: sim.create_session(title="demo"))
            return await conversation_opener(ours, session, message=scene)()

        return _screen(open_source, "demo", "demo", settings)


def _play(log: SavedLog, common: Common, *, speed: float | None, idle_limit: float = 2.0) -> int:
    from cma_tui.source.replay import Replay

    async def open_source() -> Source:
        return Replay(log, speed=speed, idle_limit=idle_limit)

    return _screen(open_source, "replay", log.name, common.settings())


def _screen(
    open_source: Callable[[], Awaitable[Source]],
    mode: Literal["watch", "chat", "replay", "demo"],
    name: str,
    settings: Settings,
    mirror: Mirror | None = None,
) -> int:
    from cma_tui.feed import Feed
    from cma_tui.ui.app import run

    return run(Feed(open_source), mode=mode, name=name, settings=settings, mirror=mirror)
