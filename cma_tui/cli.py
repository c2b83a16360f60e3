"""The command line: what can be asked for, and how the process ends.

Owns the commands, their options and their help. Invariants: a command imports what it needs when it
runs; every expected failure is one line on standard error and an exit code, never a traceback.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cma_tui.commands.exits import CommandError, Exit
from cma_tui.commands.options import Common
from cma_tui.commands.output import (
    ReaderGoneError,
    need_screen,
    no_screen,
    say,
    silence,
    take_keyboard_back,
    written,
)
from cma_tui.commands.targets import Target, session_only, target

if TYPE_CHECKING:
    from cma_tui.source import Source

_CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
_HELP = """The terminal for Claude Managed Agents sessions.

\b
cma-top SESSION   watch a session: an id (sesn_…) or a Console URL
cma-top FILE      show a saved log, at its end (- is standard input)
cma-top demo      try everything, without account and network

Saved logs are JSON lines of events, the Console's download, list responses, captured event streams
and more, compressed or not. Into a pipe, SESSION and FILE give the plain lines of cma-top tail. A
file that is called like a command is given with its folder: ./demo"""
_EPILOG = """\b
Exit codes:
  0    done, or idle at the end of a turn
  1    failed (the reason is on standard error)
  2    wrong usage, or a file that is no log
  3    needs an answer: a confirmation or a tool's result
  4    ended badly: retries exhausted, budget reached, refused, terminated
  5    not found, or no access
  6    timed out
  130  interrupted with Ctrl-C

\b
Keys and settings:
  ANTHROPIC_API_KEY or --api-key-file; ANTHROPIC_BASE_URL or --base-url.
  CMA_TOP_AGENT and CMA_TOP_ENVIRONMENT for new sessions.
  A flag wins over the environment, that over --env-file, that over the
  configuration file."""


class Front(click.Group):
    """A group whose first argument may also be what to show."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """A word that is no command is a SESSION or a FILE."""
        if args and args[0] not in self.commands:
            _target(args[0])  # a mistyped command is to be told so, whatever follows it
            return "", open_, args
        return super().resolve_command(ctx, args)


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


def _number(ctx: click.Context, parameter: click.Parameter, value: float) -> float:
    """Refuse what compares with nothing."""
    if value != value:  # NaN
        raise click.BadParameter("not a number", ctx, parameter)
    return value


@click.group(
    cls=Front,
    invoke_without_command=True,
    subcommand_metavar="SESSION|FILE|COMMAND ...",
    context_settings=_CONTEXT,
    help=_HELP,
    epilog=_EPILOG,
)
@click.option("--version", is_flag=True, help="Show the version and exit.")
@common
def front(options: Common, version: bool) -> int:
    """What is asked of cma-top itself, before any command."""
    if version:
        from cma_tui import __version__

        with written():
            click.echo(f"cma-top {__version__}")
    elif click.get_current_context().invoked_subcommand is None:
        raise click.UsageError("name a SESSION or a FILE, or try: cma-top demo")
    return Exit.DONE


_trace = click.option(
    "--trace",
    type=click.Choice(("batch", "realtime", "metadata", "off")),
    help="Turns to Braintrust when BRAINTRUST_API_KEY is set: as they end [batch], as they happen,"
    " without what was said, or not at all.",
)


@click.command(context_settings=_CONTEXT)
@click.argument("what", metavar="SESSION|FILE")
@_trace
@common
def open_(options: Common, what: str, trace: str | None) -> int:
    """Watch a session, or show a saved log at its end."""
    found = _target(what)
    if found.session is not None:
        if no_screen():
            return _tail_session(found.session, options)
        from cma_tui.commands.screens import watch

        return watch(found.session, options, trace=trace)
    from cma_tui.commands.tail import opened, tail_log

    with opened(str(found.file)) as log:
        if found.file == "-":
            take_keyboard_back()
        if no_screen():
            return tail_log(log)
        from cma_tui.commands.screens import show

        return show(log, options)


@front.command(short_help="Talk to a session, or to a new one.")
@click.argument("session", required=False)
@click.option("--agent", metavar="ID", help="Agent of a new session.")
@click.option("--environment", metavar="ID", help="Environment of a new session.")
@click.option("-m", "--message", metavar="TEXT", help="Say this first.")
@_trace
@common
def chat(
    options: Common,
    session: str | None,
    agent: str | None,
    environment: str | None,
    message: str | None,
    trace: str | None,
) -> int:
    """Talk to a session; without SESSION, to a new one.

    A new session needs --agent and --environment, or CMA_TOP_AGENT and CMA_TOP_ENVIRONMENT.
    """
    from cma_tui.commands import screens

    need_screen("chat", instead="cma-top tail")
    if session is not None:
        session = session_only(session)
    return screens.chat(session, options, agent=agent, environment=environment, message=message, trace=trace)


@front.command(short_help="Play saved logs by their own clock.")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--speed",
    type=click.FloatRange(0.01, 10_000),
    default=1.0,
    callback=_number,
    help="Seconds of the log in one of yours [1].",
)
@click.option(
    "--idle-limit",
    type=click.FloatRange(0, 86_400),
    default=2.0,
    callback=_number,
    help="Seconds that a gap in the log lasts at most [2].",
)
@common
def replay(options: Common, files: Sequence[str], speed: float, idle_limit: float) -> int:
    """Play saved logs from their start, one after the other, by their own clock."""
    from cma_tui.commands import screens

    need_screen("replay", instead="cma-top tail")
    return screens.replay(files, options, speed=speed, idle_limit=idle_limit)


@front.command(short_help="Talk to a built-in agent.")
@click.option(
    "--pace",
    type=click.FloatRange(0, 100),
    default=1.0,
    callback=_number,
    help="How slowly the agent works: 0.5 is twice as fast, 0 without waiting [1].",
)
@click.option("--scene", metavar="TEXT", help="Say this first; what it can do is said by: help")
@common
def demo(options: Common, pace: float, scene: str | None) -> int:
    """Talk to a built-in agent: no account, no key and no network needed."""
    from cma_tui.commands import screens

    need_screen("demo")
    return screens.demo(options, pace=pace, scene=scene)


@front.command(short_help="Print a session or a log as lines or JSON.")
@click.argument("what", metavar="SESSION|FILE")
@click.option("--json", "as_json", is_flag=True, help="Each event's JSON on a line of its own.")
@click.option("--deltas", is_flag=True, help="With --json: previews of text too, as it is written.")
@click.option("--no-follow", is_flag=True, help="Print what is there now, and exit.")
@common
def tail(options: Common, what: str, as_json: bool, deltas: bool, no_follow: bool) -> int:
    """Print a session or a saved log as plain lines, or as JSON.

    A session is followed until it is terminated or deleted. A line is printed when what it tells is
    complete: a tool use with its result (or when it needs an answer), a model request at its end. The exit
    code tells how the session stands: 0, 3 or 4 (see cma-top --help).
    """
    found = _target(what)
    if found.session is not None:
        return _tail_session(found.session, options, as_json=as_json, deltas=deltas, follow=not no_follow)
    from cma_tui.commands.tail import opened, tail_log

    with opened(str(found.file)) as log:
        return tail_log(log, as_json=as_json, deltas=deltas)


@front.command(name="trace", short_help="Send the turns of a session or a log to Braintrust.")
@click.argument("what", metavar="SESSION|FILE")
@click.option(
    "--mode", type=click.Choice(("batch", "metadata")), help="metadata withholds what was said [batch]."
)
@common
def trace_(options: Common, what: str, mode: str | None) -> int:
    """Send the turns that Braintrust does not have yet, and print how many and where they are.

    What was sent before, live or from another run, is not sent again. Needs BRAINTRUST_API_KEY.
    """
    from cma_tui.commands.live import opener
    from cma_tui.commands.trace import send

    settings = options.settings()

    def open_session(session: str) -> Callable[[], Awaitable[Source]]:
        return opener(settings, session, follow=False, previews=False, all_threads=True)

    return send(what, settings, open_session, mode=mode)


@front.command(short_help="Print figures: turns, tokens, cost, time, tools.")
@click.argument("what", nargs=-1, required=True, metavar="SESSION|FILE...")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a session, on one line.")
@common
def stats(options: Common, what: Sequence[str], as_json: bool) -> int:
    """Print the figures of saved logs and sessions: turns, tokens, cost, time, tools.

    With --json, numbers are numbers, times are seconds, amounts are US dollars, and what is unknown is
    absent.
    """
    from cma_tui.commands.live import opener
    from cma_tui.commands.stats import tell

    def open_session(session: str) -> Callable[[], Awaitable[Source]]:
        return opener(options.settings(), session, follow=False, previews=False)

    return tell(what, open_session, as_json=as_json)


def main(arguments: Sequence[str]) -> int:
    """Run a command. Returns the exit code; on standard error it has said why when that is not 0."""
    try:
        code = int(front.main(list(arguments), prog_name="cma-top", standalone_mode=False) or 0)
        with written():
            if sys.stdout is not None:
                sys.stdout.flush()
    except ReaderGoneError:
        silence()
        return Exit.DONE
    except CommandError as error:
        say(str(error))
        code = error.code
    except click.exceptions.Abort:
        code = Exit.INTERRUPTED
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx is not None else "cma-top"
        say(f"{error.format_message().rstrip('.')} (see: {path.strip()} --help)")
        code = Exit.USAGE
    except OSError as error:  # of standard output: a command tells its own
        say(f"{error.strerror or error}")
        code = Exit.FAILED
    except (Exception, BaseExceptionGroup) as error:
        if sys.flags.dev_mode:
            raise
        import traceback

        # A traceback could hold a key or a terminal's commands: it is for those who develop.
        last = traceback.extract_tb(error.__traceback__)[-1]
        say(f"a defect in cma-top, please report it: {type(error).__name__} at {last.filename}:{last.lineno}")
        code = Exit.FAILED
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:  # has been told
        silence()
    return code


def _target(word: str) -> Target:
    """What a word names; a word that nearly is a command is told so."""
    try:
        return target(word)
    except CommandError as error:
        import difflib

        near = difflib.get_close_matches(word, front.commands, n=1, cutoff=0.7)
        if near:
            raise CommandError(f"{error} (did you mean the command {near[0]}?)", error.code) from None
        raise


def _tail_session(
    session: str, options: Common, *, as_json: bool = False, deltas: bool = False, follow: bool = True
) -> int:
    from cma_tui.commands.live import opener
    from cma_tui.commands.tail import tail_session

    opening = opener(options.settings(), session, follow=follow, previews=deltas)
    return tail_session(opening, session, as_json=as_json, deltas=deltas)
