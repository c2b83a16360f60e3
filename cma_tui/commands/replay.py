"""`replay`: saved logs from their start, by their own clock.

Owns the options of a replay. Invariant: nothing is shown before every file has been opened.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack

import click

from cma_tui.commands.options import Common, Trace, common, number, traced
from cma_tui.commands.output import need_screen


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
@click.option(
    "--session",
    type=click.IntRange(1),
    default=1,
    metavar="N",
    help="Which session of a file that holds several [1].",
)
@click.option("--loop", is_flag=True, help="Begin again at the end.")
@traced
@common
def replay_command(
    options: Common,
    files: Sequence[str],
    speed: float,
    idle_limit: float,
    start_at: str,
    session: int,
    loop: bool,
    trace: Trace,
) -> int:
    """Play saved logs from their start, one after the other, by their own clock.

    At its end a log stands still; every moment can be gone back to. Turns go to Braintrust as the log
    is read, and only with --trace.
    """
    from cma_tui.commands.screens import play
    from cma_tui.commands.tail import opened
    from cma_tui.commands.trace import mirror_of

    need_screen("replay", instead="cma-top tail")
    with ExitStack() as stack:
        logs = [stack.enter_context(opened(file)) for file in files]
        settings = options.settings(**trace.flags)
        for log in logs:
            next(log.events(session - 1), None)  # whether there is such a session
        codes = []
        for log in logs:
            mirror = mirror_of(settings, trace) if trace.asked else None
            codes.append(
                play(
                    log,
                    settings,
                    speed=speed,
                    idle_limit=idle_limit,
                    start_at=start_at,
                    loop=loop,
                    session=session - 1,
                    mirror=mirror,
                )
            )
        return max(codes)
