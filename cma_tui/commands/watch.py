"""`cma-top SESSION` and `cma-top FILE`: what a name alone is for.

Owns the choice between the screen and plain lines. Invariant: without a terminal, what is named is
printed as `tail` prints it.
"""

from __future__ import annotations

from collections.abc import Sequence

import click

from cma_tui.commands.completion import logs_too
from cma_tui.commands.exits import CommandError, Exit
from cma_tui.commands.options import Common, Pick, Trace, common, limited, picked, record_option, traced
from cma_tui.commands.output import no_screen, take_keyboard_back
from cma_tui.commands.screens import Limits, show_log
from cma_tui.commands.targets import files_or_session


@click.command()
@click.argument("what", nargs=-1, required=True, metavar="SESSION|FILE...", shell_complete=logs_too)
@click.option("--follow", is_flag=True, help="Go on with what is written to FILE.")
@click.option("--plain", is_flag=True, help="Plain lines, as into a pipe: no screen, no motion.")
@picked
@record_option
@traced
@limited
@common
def open_command(
    options: Common,
    what: Sequence[str],
    follow: bool,
    plain: bool,
    pick: Pick,
    trace: Trace,
    limits: Limits,
    record: str | None,
) -> int:
    """Watch a session, or show a saved log at its end.

    Several files, or a folder, are one log: what is of one session is shown in one timeline.
    """
    files, session = files_or_session(what)
    if session is not None:
        return _watch(session, options, trace, limits, record, plain=plain)
    from cma_tui.commands.logs import opened
    from cma_tui.commands.tail import follow_log, tail_log

    with opened(*files, merged=pick.merged) as log:
        if "-" in files:
            take_keyboard_back()
        if plain or no_screen():
            _without_screen(trace, " ".join(files))
            return follow_log(log) if follow else tail_log(log, wanted=pick.session)
        return show_log(log, options, trace, pick, from_start=False, follow=follow)


def _watch(
    session: str, options: Common, trace: Trace, limits: Limits, record: str | None, *, plain: bool
) -> int:
    from cma_tui.commands.live import opener

    settings = options.settings(record=record, **trace.flags)
    if plain or no_screen():
        _without_screen(trace, session)
        from cma_tui.commands.tail import tail_session

        return tail_session(opener(settings, session, previews=False), session)
    from cma_tui.commands.screens import show
    from cma_tui.commands.sinks import mirror_of

    mirror = mirror_of(settings, trace)
    all_threads = mirror is not None or settings.record == "always"
    opening = opener(settings, session, newest_first=True, all_threads=all_threads)
    return show(opening, "watch", session, settings, mirror, limits=limits)


def _without_screen(trace: Trace, what: str) -> None:
    """Plain lines are not traced: whoever asked for it is told what is."""
    if trace.asked:
        raise CommandError(f"--trace needs a screen; try: cma-top trace {what}", Exit.USAGE)
