"""`cma-top SESSION` and `cma-top FILE`: what a name alone is for.

Owns the choice between the screen and plain lines. Invariant: without a terminal, what is named is
printed as `tail` prints it.
"""

from __future__ import annotations

import click

from cma_tui.commands.exits import CommandError, Exit
from cma_tui.commands.options import Common, Trace, common, limited, record_option, traced
from cma_tui.commands.output import no_screen, take_keyboard_back
from cma_tui.commands.screens import Limits
from cma_tui.commands.targets import target


@click.command()
@click.argument("what", metavar="SESSION|FILE")
@record_option
@traced
@limited
@common
def open_command(options: Common, what: str, trace: Trace, limits: Limits, record: str | None) -> int:
    """Watch a session, or show a saved log at its end."""
    named = target(what)
    if named.session is not None:
        return _watch(named.session, options, trace, limits, record)
    from cma_tui.commands.tail import opened, tail_log

    with opened(str(named.file)) as log:
        if named.file == "-":
            take_keyboard_back()
        if no_screen():
            _without_screen(trace, str(named.file))
            return tail_log(log)
        from cma_tui.commands.screens import play
        from cma_tui.commands.trace import mirror_of

        settings = options.settings(**trace.flags)
        mirror = mirror_of(settings, trace) if trace.asked else None
        return play(log, settings, from_start=False, mirror=mirror)


def _watch(session: str, options: Common, trace: Trace, limits: Limits, record: str | None) -> int:
    from cma_tui.commands.live import opener

    settings = options.settings(record=record, **trace.flags)
    if no_screen():
        _without_screen(trace, session)
        from cma_tui.commands.tail import tail_session

        return tail_session(opener(settings, session, previews=False), session)
    from cma_tui.commands.screens import show
    from cma_tui.commands.trace import mirror_of

    mirror = mirror_of(settings, trace)
    all_threads = mirror is not None or settings.record == "always"
    opening = opener(settings, session, newest_first=True, all_threads=all_threads)
    return show(opening, "watch", session, settings, mirror, limits=limits)


def _without_screen(trace: Trace, what: str) -> None:
    """Plain lines are not traced: whoever asked for it is told what is."""
    if trace.asked:
        raise CommandError(f"--trace needs a screen; try: cma-top trace {what}", Exit.USAGE)
