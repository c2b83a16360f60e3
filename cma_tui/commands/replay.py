"""`replay`: saved logs from their start, by their own clock.

Owns the options of a replay. Invariant: nothing is shown before every file has been opened.
"""

from __future__ import annotations

from collections.abc import Sequence

import click

from cma_tui.commands.options import Common, Pick, Trace, common, number, picked, traced
from cma_tui.commands.output import need_screen
from cma_tui.commands.screens import show_log


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--speed",
    type=click.FloatRange(0.01, 10_000),
    default=1.0,
    callback=number,
    help="Seconds of the log in one of yours [1].",
)
@click.option(
    "--idle-limit",
    type=click.FloatRange(0, 86_400),
    default=2.0,
    callback=number,
    help="Seconds that a gap in the log lasts at most [2].",
)
@click.option(
    "--start-at",
    metavar="MOMENT",
    default="",
    help="Where to begin: 50%, 5m, 1:30, 12:30:05, 'turn 3', '#120' or an event's id.",
)
@picked
@click.option("--follow", is_flag=True, help="Go on with what is written to FILE.")
@click.option("--loop", is_flag=True, help="Begin again at the end.")
@traced
@common
def replay_command(
    options: Common,
    files: Sequence[str],
    speed: float,
    idle_limit: float,
    start_at: str,
    pick: Pick,
    follow: bool,
    loop: bool,
    trace: Trace,
) -> int:
    """Play a saved log from its start, by its own clock.

    Several files, or a folder, are one log: parts of a session, and threads in files of their own, are
    played together, in one order. Of several sessions one is chosen on the screen, or by --session.

    At its end a log stands still; every moment can be gone back to. Turns go to Braintrust as the log
    is read, and only with --trace.
    """
    from cma_tui.commands.logs import opened

    need_screen("replay", instead="cma-top tail")
    with opened(*files, merged=pick.merged) as log:
        return show_log(
            log,
            options,
            trace,
            pick,
            speed=speed,
            idle_limit=idle_limit,
            start_at=start_at,
            loop=loop,
            follow=follow,
        )
