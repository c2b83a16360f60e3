"""`sessions`: new ones, all of them, and their end.

Owns what is asked before a session ends. Invariant: nothing is archived or deleted without `--yes` or the
session's id typed on a terminal.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import click

from cma_tui.commands.begin import Beginning, begin_options, beginner
from cma_tui.commands.choosing import session_argument, session_of
from cma_tui.commands.exits import CommandError, Exit
from cma_tui.commands.options import Common, common
from cma_tui.commands.output import keyboard, tell
from cma_tui.commands.send import as_json
from cma_tui.text import printable

if TYPE_CHECKING:
    from cma_tui.source.client import Client
    from cma_tui.source.resources import Resources


def _asked(options: Common, work: Callable[[Resources], Awaitable[Any]], **flags: Any) -> Any:  # noqa: ANN401
    from cma_tui.commands.live import with_client

    async def run(client: Client) -> Any:  # noqa: ANN401
        from cma_tui.source.resources import Resources

        return await work(Resources(client))

    return with_client(options.settings(**flags), run)


@click.group()
def sessions_command() -> None:
    """Create, list, archive and delete sessions."""


@sessions_command.command("new")
@click.option("--agent", metavar="ID", help="Its agent.")
@click.option("--environment", metavar="ID", help="Its environment.")
@click.option("-m", "--message", metavar="TEXT", help="What it begins with.")
@begin_options
@as_json
@common
def new(
    options: Common,
    agent: str | None,
    environment: str | None,
    message: str | None,
    beginning: Beginning,
    as_json: bool,
) -> int:
    """Create a session and print its id."""
    from cma_tui.commands.live import user_message

    settings = options.settings(agent=agent, environment=environment)
    if not (settings.agent and settings.environment):
        raise CommandError("a new session needs --agent and --environment", Exit.USAGE)
    more = {"initial_events": [user_message(message)]} if message else {}
    flags = {"agent": settings.agent, "environment": settings.environment}
    made = _asked(options, beginner(settings, beginning, **more), **flags)
    tell({"session_id": made}, made, as_json=as_json)
    return Exit.DONE


@sessions_command.command("list")
@click.option("--archived", is_flag=True, help="Archived ones too.")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, help="How many, newest first [100].")
@as_json
@common
def listing(options: Common, archived: bool, limit: int, as_json: bool) -> int:
    """List sessions, newest first, in the columns and words of the list of all sessions."""
    from cma_tui.commands.overview import print_sessions

    return print_sessions(options.settings(), most=limit, archived=archived, as_json=as_json)


def _ending(verb: str, does: str) -> None:
    @sessions_command.command(verb, help=does)
    @session_argument
    @click.option("--yes", is_flag=True, help="Do not ask.")
    @as_json
    @common
    def end(options: Common, session: str | None, yes: bool, as_json: bool) -> int:
        name = session_of(options, session)
        if not yes:
            if not keyboard():
                raise CommandError(f"{verb} needs --yes where nobody can be asked", Exit.USAGE)
            if click.prompt(f"Type {printable(name, strict=True)} to {verb} it", err=True) != name:
                raise CommandError(f"not done: that is not {name}")
        _asked(options, lambda resources: getattr(resources, verb)(name))
        tell({"session_id": name, "done": verb}, f"{verb}d {name}", as_json=as_json)
        return Exit.DONE


_ending("archive", "End a session for good; its log stays.")
_ending("delete", "Delete a session and its log.")
