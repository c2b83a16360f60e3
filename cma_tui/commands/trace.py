"""`trace`: turns to Braintrust after the fact, from logs and sessions.

Owns what is said of each. Invariant: a file is traced only when that is asked for, and nothing is sent twice.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

import click

from cma_tui.commands.choosing import logs_argument
from cma_tui.commands.exits import CommandError, Exit
from cma_tui.commands.options import Common, common
from cma_tui.commands.output import Output, say
from cma_tui.commands.sinks import made_mirror
from cma_tui.commands.stats import sessions_of
from cma_tui.commands.targets import target
from cma_tui.report.prices import prices_for

if TYPE_CHECKING:
    from cma_tui.mirror import Status
    from cma_tui.session.model import Session
    from cma_tui.settings import Settings
    from cma_tui.source import Source

_PATIENCE = 3600.0
"""Seconds a back-fill may take; a server that is gone ends it much sooner."""


def send(
    words: Sequence[str], settings: Settings, opener: Callable[[str], Callable[[], Awaitable[Source]]]
) -> int:
    """Send the turns of logs and sessions that Braintrust does not have yet, and what waits already.

    Says of each how many turns were sent, and where they are. Returns the exit code.

    Raises:
        CommandError: nothing can be sent, or not all.
    """
    if settings.trace == "off":
        raise CommandError("nothing is sent: tracing is off", Exit.USAGE)
    output = Output()
    left = damage = ""
    for word in words:
        one = target(word)
        for session in sessions_of(one, opener):
            status, lines = _sent(session, settings, session.id or one.name)
            output.write(line.encode(output.encoding, "replace") for line in lines)
            left = left or status.unsent
            damage = damage or status.damage
    if not words:
        mirror = made_mirror(settings)
        mirror.begin()
        status = mirror.close(_PATIENCE)
        left, damage = status.unsent, status.damage
        if not left:
            output.write([b"nothing waits any more"])
    if damage:
        say(damage)
    if left:
        raise CommandError(left)
    return Exit.DONE


def _sent(session: Session, settings: Settings, name: str) -> tuple[Status, list[str]]:
    """Send one session. Returns how it stands then, and what there is to say."""
    from cma_tui.session.book import figures_of
    from cma_tui.text import printable

    mirror = made_mirror(settings)
    mirror.add_log(session, figures_of(session, prices_for(session)), _PATIENCE)
    status = mirror.close(_PATIENCE)
    said = mirror.note if mirror.mode == "off" else status.told
    link = mirror.link(session)
    return status, [f"{printable(name, strict=True, cap=80)}: {said}", *([link] if link else [])]


@click.command()
@logs_argument
@click.option(
    "--mode", type=click.Choice(("batch", "metadata")), help="metadata withholds what was said [batch]."
)
@click.option("--trace-parent", metavar="SPAN", help="Hang the traces below this exported span.")
@common
def trace_command(options: Common, what: Sequence[str], mode: str | None, trace_parent: str | None) -> int:
    """Send the turns that Braintrust does not have yet, and print how many and where they are.

    What was sent before, live or from another run, is not sent again. Without SESSION and FILE, what waits
    from earlier runs is sent. Needs BRAINTRUST_API_KEY.
    """
    from cma_tui.commands.live import opener

    settings = options.settings(trace=mode, trace_parent=trace_parent)

    def open_session(session: str) -> Callable[[], Awaitable[Source]]:
        return opener(settings, session, follow=False, previews=False, all_threads=True)

    return send(what, settings, open_session)
