"""`cma-top` without an argument: all sessions of the workspace.

Owns the way from settings to the list, from the list into a session, and the choice of one where a command
needs it. Invariant: without a terminal the sessions are printed, once, and nothing waits for a key.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING

from cma_tui.commands.exits import CommandError, Exit
from cma_tui.commands.options import Trace
from cma_tui.commands.output import Output, no_screen
from cma_tui.commands.recent import recent
from cma_tui.commands.screens import at_once
from cma_tui.source import SourceError

if TYPE_CHECKING:
    from cma_tui.feed import Feed
    from cma_tui.session.entry import Entry
    from cma_tui.settings import Settings
    from cma_tui.source import Source
    from cma_tui.source.overview import Workspace
    from cma_tui.ui.screens.overview import Opened, Ways


def workspace_opener(settings: Settings) -> Callable[[], Awaitable[Workspace]]:
    """What opens the workspace of the key."""

    async def open_workspace() -> Workspace:
        from cma_tui.commands.live import client_of
        from cma_tui.source.overview import Workspace

        return Workspace(client_of(settings))

    return open_workspace


def show_overview(settings: Settings) -> int:
    """The list of all sessions: on a terminal, or as lines. Returns the exit code."""
    if no_screen():
        return print_sessions(settings)
    return run_list(workspace_opener(settings), settings)


@at_once()
def run_list(
    open_workspace: Callable[[], Awaitable[Workspace]],
    settings: Settings,
    of_sessions: Callable[[], Settings] | None = None,
) -> int:
    """The list on a terminal, until the user leaves.

    Args:
        open_workspace: opens what is listed.
        settings: of the screen, and where the recordings are.
        of_sessions: gives those that a session is opened with, where they are others.
    """
    from cma_tui.overview import Overview
    from cma_tui.ui.app import run_overview

    overview = Overview(open_workspace)
    for log in recent(settings):
        overview.roster.saved(str(log.path), log.path.name, log.at, log.kind)
    ways = ways_to_sessions(of_sessions or (lambda: settings))
    return run_overview(overview, ways, settings)[0]


def pick(settings: Settings, command: str) -> str:
    """Let the user choose a session, for a command that was given none.

    Raises:
        CommandError: there is no terminal to choose on, or nothing was chosen.
    """
    reason = no_screen()
    if reason is not None:
        raise CommandError(f"{command}: name a SESSION (it could be chosen, but {reason})", Exit.USAGE)
    from cma_tui.overview import Overview
    from cma_tui.ui.app import run_overview

    overview = Overview(workspace_opener(settings))
    code, chosen = run_overview(overview, None, settings)
    if chosen is None:
        raise CommandError("no session was chosen", code or Exit.USAGE)
    return chosen


def print_sessions(
    settings: Settings, *, most: int | None = None, archived: bool = False, as_json: bool = False
) -> int:
    """Print sessions as they stand now. Returns the exit code.

    Args:
        settings: whose sessions.
        most: how many, the newest first; None for all, those that need attention first.
        archived: those that have been archived as well.
        as_json: one object instead of lines.
    """
    import asyncio

    import msgspec

    from cma_tui.report.overview import as_json as told
    from cma_tui.report.overview import plain
    from cma_tui.session.roster import Roster

    output = Output()

    async def gather() -> Roster:
        workspace = await workspace_opener(settings)()
        return await workspace.snapshot(most, archived=archived)

    try:
        roster = asyncio.run(gather())
    except SourceError as error:
        raise CommandError(str(error), error.exit_code) from error
    if most is not None:
        roster.arrange(sort="created")
    entries = [roster.entries[name] for name in roster.order[:most]]
    if as_json:
        output.write([msgspec.json.encode({"version": 1, "sessions": [told(entry) for entry in entries]})])
    else:
        output.write(plain(entry).encode(output.encoding, "replace") for entry in entries)
    return Exit.DONE


def ways_to_sessions(settings: Callable[[], Settings]) -> Ways:
    """How a row of the list is opened, and attached to."""
    from cma_tui.ui.screens.overview import Ways

    def attach(entry: Entry) -> Feed:
        from cma_tui.commands.live import live_session, opener
        from cma_tui.feed import Feed

        now = settings()
        return Feed(opener(now, entry.id, newest_first=True), session=live_session(now))

    def show(entry: Entry) -> Opened:
        from cma_tui.commands.live import live_session, opener
        from cma_tui.commands.sinks import mirror_of, recorder_for
        from cma_tui.feed import Feed
        from cma_tui.log.formats import LogError, open_log
        from cma_tui.recording import Switch
        from cma_tui.session.model import Session
        from cma_tui.source.saved import Saved
        from cma_tui.ui.app import session_screen
        from cma_tui.ui.screens.overview import Opened

        now, stack = settings(), ExitStack()
        mirror = recording = None
        if entry.path is not None:
            try:
                log = stack.enter_context(open_log(entry.path))
            except LogError as error:
                raise SourceError(str(error), Exit.USAGE) from error

            async def open_file() -> Source:
                return Saved(log)

            feed = Feed(open_file, session=Session(events=log.kept()))
        else:
            try:
                mirror = mirror_of(now, Trace())
            except CommandError as error:
                raise SourceError(str(error), error.code) from error
            always = now.record == "always"
            opening = opener(now, entry.id, newest_first=True, all_threads=always or mirror is not None)
            feed = Feed(opening, session=live_session(now))
            recording = Switch(feed, recorder_for(now))
            if always:
                recording.on()

        screen = session_screen(
            feed,
            mode="watch" if entry.path is None else "replay",
            name=entry.id if entry.path is None else entry.title,
            settings=now,
            mirror=mirror,
            recording=recording,
            among=True,
        )

        def close() -> str:
            with stack:
                return screen.close()

        return Opened(screen, close)

    return Ways(show, attach)
