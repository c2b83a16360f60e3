"""`chat`: the screen with the composer open.

Owns what a conversation begins with. Invariant: a new session is created only when everything that it
needs is known.
"""

from __future__ import annotations

from pathlib import Path

import click

from cma_tui.commands.begin import Beginning, begin_options
from cma_tui.commands.choosing import session_argument
from cma_tui.commands.exits import CommandError, Exit
from cma_tui.commands.options import Common, Trace, common, limited, record_option, traced
from cma_tui.commands.output import need_screen
from cma_tui.commands.screens import Limits
from cma_tui.commands.targets import session_only


@click.command()
@session_argument
@click.option("--agent", metavar="ID", help="Agent of a new session.")
@click.option("--environment", metavar="ID", help="Environment of a new session.")
@click.option("-m", "--message", metavar="TEXT", help="Say this first.")
@click.option(
    "--tools",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE.py",
    help="Python file whose beta_tool functions answer the session's custom tools.",
)
@begin_options
@record_option
@traced
@limited
@common
def chat_command(
    options: Common,
    session: str | None,
    agent: str | None,
    environment: str | None,
    message: str | None,
    tools: Path | None,
    beginning: Beginning,
    trace: Trace,
    record: str | None,
    limits: Limits,
) -> int:
    """Talk to a session; without SESSION, to a new one.

    A new session runs --agent in --environment (or CMA_TOP_AGENT, CMA_TOP_ENVIRONMENT), the only one
    there is, or the one you pick. Leaving never ends the session.
    """
    from cma_tui.commands.begin import beginner, chosen
    from cma_tui.commands.live import conversation_opener
    from cma_tui.commands.screens import show
    from cma_tui.commands.sinks import mirror_of

    need_screen("chat", instead="cma-top tail")
    session = session_only(session) if session is not None else None
    if session is not None and beginning.said:
        raise CommandError(f"{session} exists: --title, --file and the like are for new ones", Exit.USAGE)
    settings = options.settings(agent=agent, environment=environment, record=record, **trace.flags)
    if session is None:
        beginning.fields()  # checked before anything is asked
        picked = chosen(settings)
        settings = options.settings(
            **{"agent": agent, "environment": environment, "record": record, **trace.flags, **picked}
        )
    mirror = mirror_of(settings, trace)
    opening = conversation_opener(
        settings,
        session,
        message=message,
        all_threads=mirror is not None or settings.record == "always",
        begin=beginner(settings, beginning) if session is None else None,
    )
    return show(opening, "chat", session or "new session", settings, mirror, tools=tools, limits=limits)
