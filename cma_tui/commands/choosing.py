"""Which session or log a command is for: what was named, or what is chosen from the list of all sessions.

Owns the arguments SESSION and SESSION|FILE. Invariants: where none is given there is a choice on a terminal
and one line of reason elsewhere; what was named is never looked for by anything but its name.
"""

from __future__ import annotations

import click

from cma_tui.commands.completion import logs_too, sessions
from cma_tui.commands.options import Common
from cma_tui.commands.targets import session_only

session_argument = click.argument("session", required=False, shell_complete=sessions)
logs_argument = click.argument("what", metavar="SESSION|FILE...", nargs=-1, shell_complete=logs_too)


def session_of(options: Common, word: str | None) -> str:
    """The id of the session that was named, or of the one that the user chooses.

    Raises:
        CommandError: it names something else, or nobody can choose.
    """
    return session_only(word) if word is not None else chosen(options)


def chosen(options: Common) -> str:
    """A session from the list.

    Raises:
        CommandError: nobody can choose, or nothing was chosen.
    """
    from cma_tui.commands.overview import pick

    name = click.get_current_context().command_path.partition(" ")[2]
    return pick(options.settings(), name)
