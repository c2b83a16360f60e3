"""The command line: what can be asked for, and how the process ends.

Owns the commands, their options and their help. Invariants: a command imports what it needs when it
runs; every expected failure is one line on standard error and an exit code, never a traceback.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

import click

from cma_tui.commands.completion import logs_too
from cma_tui.commands.exits import CommandError, Exit
from cma_tui.commands.options import Common, common
from cma_tui.commands.output import ReaderGoneError, hold_standard_streams, say, silence, written
from cma_tui.commands.targets import target

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

_CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
_HELP = """The terminal for Claude Managed Agents sessions.

\b
cma-top           all sessions, those that need you first
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


class Command(NamedTuple):
    """Where a command is, so that it need not be imported to be listed."""

    place: str
    """`module:name` below `cma_tui.commands`."""
    help: str


COMMANDS = {
    "answer": Command("answer:answer_command", "Give the result of a custom tool use."),
    "approve": Command("answer:approve_command", "Allow or deny what waits, or list it."),
    "chat": Command("chat:chat_command", "Talk to a session, or to a new one."),
    "demo": Command("demo:demo_command", "Talk to a built-in agent."),
    "files": Command("files:files_command", "List and save what a session wrote."),
    "interrupt": Command("send:interrupt_command", "Interrupt a session's agent."),
    "doctor": Command("doctor:doctor_command", "Check key, API, terminal and folders."),
    "export": Command("export:export_command", "Write a session or a log as a document, without secrets."),
    "record": Command("record:record_command", "Record a session and its threads to a file."),
    "replay": Command("replay:replay_command", "Play saved logs by their own clock."),
    "save": Command("record:save_command", "Save a session's history to a file, once."),
    "send": Command("send:send_command", "Send a message to a session."),
    "sessions": Command("sessions:sessions_command", "Create, list, archive and delete sessions."),
    "stats": Command("stats:stats_command", "Print figures: turns, tokens, cost, time, tools."),
    "tail": Command("tail:tail_command", "Print a session or a log as lines or JSON."),
    "trace": Command("trace:trace_command", "Send the turns of a session or a log to Braintrust."),
    "wait": Command("wait:wait_command", "Wait until a session rests, asks, ends or is judged."),
}
"""Every command, by name, in the order of the help."""
_OPEN = "watch:open_command"
"""What a SESSION or a FILE alone is for."""


class Front(click.Group):
    """A group whose commands are imported when they run; its first argument may also be what to show."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name every command."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        return _import(COMMANDS[cmd_name].place) if cmd_name in COMMANDS else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, command.help) for name, command in COMMANDS.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Commands and options; where none begins so, sessions and files."""
        return super().shell_complete(ctx, incomplete) or logs_too(ctx, self.params[0], incomplete)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """A word that is no command is a SESSION or a FILE."""
        if args and args[0] not in COMMANDS:
            _check(args[0])  # a mistyped command is to be told so, whatever follows it
            return "", _import(_OPEN), args
        return super().resolve_command(ctx, args)


def _import(place: str) -> click.Command:
    module, _, name = place.partition(":")
    found: click.Command = getattr(import_module(f"cma_tui.commands.{module}"), name)
    return found


@click.group(
    cls=Front,
    invoke_without_command=True,
    subcommand_metavar="SESSION|FILE|COMMAND ...",
    context_settings=_CONTEXT,
    help=_HELP,
    epilog=_EPILOG,
)
@click.option("--version", is_flag=True, help="Show the version and exit.")
@click.option("--print-config", is_flag=True, help="Show every setting and where it came from, and exit.")
@common
def front(options: Common, version: bool, print_config: bool) -> int:
    """What is asked of cma-top itself, before any command."""
    if version:
        from cma_tui import __version__

        with written():
            click.echo(f"cma-top {__version__}")
    elif print_config:
        from cma_tui.settings import describe

        with written():
            for name, value, origin in describe(options.settings()):
                click.echo(f"{name} = {value}  ({origin})")
        click.get_current_context().exit()
    elif click.get_current_context().invoked_subcommand is None:
        from cma_tui.commands.overview import show_overview

        return show_overview(options.settings())
    return Exit.DONE


def main(arguments: Sequence[str]) -> int:
    """Run a command. Returns the exit code; on standard error it has said why when that is not 0."""
    hold_standard_streams()
    try:
        code = int(front.main(list(arguments), prog_name="cma-top", standalone_mode=False) or 0)
        with written():
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
        from cma_tui.crash import defect

        say(defect(error))  # without a traceback: it could hold a key or a terminal's commands
        code = Exit.FAILED
    try:
        sys.stdout.flush()
    except OSError:  # has been told
        silence()
    return code


def _check(word: str) -> None:
    """Refuse a word that names nothing; one that nearly is a command is told so."""
    try:
        target(word)
    except CommandError as error:
        import difflib

        near = difflib.get_close_matches(word, COMMANDS, n=1, cutoff=0.7)
        if near:
            raise CommandError(f"{error} (did you mean the command {near[0]}?)", error.code) from None
        raise
