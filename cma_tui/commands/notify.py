"""The options that say whom to tell of a session's changes: a command of the user's, a webhook.

Owns what may be given. Invariant: a webhook is https, or on this machine.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable

import click

from cma_tui.commands.exits import CommandError, Exit
from cma_tui.commands.output import say
from cma_tui.notifier import Notifier


def notify_options(command: Callable[..., int]) -> Callable[..., int]:
    """Give a command the options that say whom to tell."""
    command = click.option(
        "--webhook", metavar="URL", help="Post each change of state there, as JSON: https, or this machine."
    )(command)
    return click.option(
        "--on-event",
        metavar="CMD",
        help="Run this at each change of state; it finds CMA_TOP_STATE, CMA_TOP_SESSION and CMA_TOP_TOOL in"
        " its environment, and the same as JSON on its standard input.",
    )(command)


def notifier(command: str | None, url: str | None) -> Notifier | None:
    """A notifier for what the user gave; None when nobody is to be told.

    Raises:
        CommandError: the command or the URL cannot be used.
    """
    if command is None and url is None:
        return None
    try:
        words = shlex.split(command or "")
    except ValueError as error:
        raise CommandError(f"--on-event: {error}", Exit.USAGE) from None
    if command is not None and not words:
        raise CommandError("--on-event: names no command", Exit.USAGE)
    return Notifier(words, None if url is None else _checked(url), say)


def _checked(url: str) -> str:
    import ipaddress
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        host = ""
    try:
        here = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        here = False
    if not host or not (parts.scheme == "https" or (parts.scheme == "http" and here)):
        raise CommandError("--webhook: must be an https URL, or http on this machine", Exit.USAGE)
    return url
