"""The options that commands share, and the settings of one run.

Owns the way from flags to `Settings`. Invariant: a key is never an argument; it comes from a file, the
environment or the configuration, and a file that others can read is told of.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cma_tui.commands.exits import CommandError, Exit
from cma_tui.commands.output import say
from cma_tui.settings import TRACE_MODES

if TYPE_CHECKING:
    from cma_tui.settings import Secret, Settings

_KEY_LIMIT = 10_000


@dataclass
class Common:
    """What was given on the command line, before or after the command's name."""

    base_url: str | None = None
    api_key_file: Path | None = None
    env_file: Path | None = None
    config: Path | None = None

    def over(self, other: Common | None) -> Common:
        """These options, and the other's where there is none here."""
        if other is None:
            return self
        return Common(*(getattr(self, f.name) or getattr(other, f.name) for f in fields(self)))

    def settings(self, **flags: object) -> Settings:
        """Gather the settings; warnings go to standard error.

        Args:
            flags: what the command's own options say, by setting name.

        Raises:
            CommandError: a value or a file cannot be used.
        """
        from cma_tui.settings import SettingsError, load

        key = _key(self.api_key_file) if self.api_key_file is not None else None
        flags |= {"base_url": self.base_url, "api_key": key}
        try:
            settings = load(flags, os.environ, self.env_file, self.config)
        except SettingsError as error:
            raise CommandError(str(error), Exit.USAGE) from error
        for warning in settings.warnings:
            say(f"warning: {warning}")
        return settings


def common(command: Callable[..., int]) -> Callable[..., int]:
    """Give a command the options that all have, as its first argument; they may stand before its name too."""
    path = click.Path(path_type=Path)

    @click.option("--base-url", metavar="URL", help="Server of the API.")
    @click.option("--api-key-file", type=path, metavar="FILE", help="File that holds the API key.")
    @click.option("--env-file", type=path, metavar="FILE", help="File of NAME=value lines to read.")
    @click.option("--config", type=path, metavar="FILE", help="Configuration file to read.")
    @wraps(command)
    def run(
        base_url: str | None,
        api_key_file: Path | None,
        env_file: Path | None,
        config: Path | None,
        **rest: object,
    ) -> int:
        context = click.get_current_context()
        context.obj = Common(base_url, api_key_file, env_file, config).over(context.obj)
        return command(context.obj, **rest)

    return run


def number(ctx: click.Context, parameter: click.Parameter, value: float) -> float:
    """Refuse what compares with nothing."""
    if value != value:  # NaN
        raise click.BadParameter("not a number", ctx, parameter)
    return value


@dataclass(frozen=True)
class Trace:
    """What was said on the command line about turns in Braintrust."""

    mode: str | None = None
    parent: str | None = None

    @property
    def asked(self) -> bool:
        """Whether tracing was asked for in so many words."""
        return self.mode not in (None, "off") or self.parent is not None

    @property
    def flags(self) -> dict[str, object]:
        """It by setting name. `--trace` alone leaves the mode to the other settings, unless those say off."""
        return {"trace": None if self.mode == "on" else self.mode, "trace_parent": self.parent}


def traced(command: Callable[..., int]) -> Callable[..., int]:
    """Give a command the options of tracing, as its argument `trace`."""

    @click.option(
        "--trace",
        "trace_mode",
        is_flag=False,
        flag_value="on",
        type=click.Choice(("on", *TRACE_MODES)),
        metavar="[MODE]",
        help="Turns to Braintrust, with BRAINTRUST_API_KEY: batch (as they end), realtime (as they happen),"
        " metadata (without what was said) or off.",
    )
    @click.option("--trace-parent", metavar="SPAN", help="Hang the trace below this exported span.")
    @wraps(command)
    def run(*args: object, trace_mode: str | None, trace_parent: str | None, **rest: object) -> int:
        return command(*args, trace=Trace(trace_mode, trace_parent), **rest)

    return run


def _key(path: Path) -> Secret:
    """The key that a file holds."""
    from cma_tui.settings import Secret

    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            data = file.read(_KEY_LIMIT + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise CommandError(f"{path}: the key cannot be read: {reason}", Exit.USAGE) from None
    text = data.decode("utf-8", "replace").strip()
    if not text or len(data) > _KEY_LIMIT or len(text.split()) > 1:
        raise CommandError(f"{path}: holds no key, which is one line of text", Exit.USAGE)
    if os.name == "posix" and stat.S_ISREG(status.st_mode) and status.st_mode & 0o077:
        say(f"warning: {path} holds a key, and other users can read it; run: chmod 600 on it")
    return Secret(text)


@dataclass(frozen=True)
class Pick:
    """Which of the sessions in what was named is wanted."""

    session: int | None = None
    """Counted from 0; None when nothing was said."""
    merged: bool = False


def picked(command: Callable[..., int]) -> Callable[..., int]:
    """Give a command the options that choose a session of a log, as its argument `pick`."""

    @click.option(
        "--session",
        type=click.IntRange(1),
        metavar="N",
        help="Which session, of a log that holds several.",
    )
    @click.option("--merge", is_flag=True, help="Take all sessions of the log for one.")
    @wraps(command)
    def run(*args: object, session: int | None, merge: bool, **rest: object) -> int:
        if session is not None and merge:
            raise click.UsageError("--session chooses one of several, --merge takes them for one")
        return command(*args, pick=Pick(None if session is None else session - 1, merge), **rest)

    return run


record_option = click.option(
    "--record",
    is_flag=True,
    flag_value="always",
    default=None,
    help="Record the session, as the key on the screen does.",
)


def limited(command: Callable[..., int]) -> Callable[..., int]:
    """Give a command the options of cost, as its argument `limits`: to be told, and to interrupt."""
    dollars = click.FloatRange(min=0, min_open=True)

    @click.option(
        "--warn-cost", type=dollars, metavar="USD", help="Say so when the session has cost so much."
    )
    @click.option("--stop-cost", type=dollars, metavar="USD", help="Interrupt the agent, once, at that cost.")
    @wraps(command)
    def run(*args: object, warn_cost: float | None, stop_cost: float | None, **rest: object) -> int:
        return command(*args, limits=(warn_cost, stop_cost), **rest)

    return run
