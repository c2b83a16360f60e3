"""`send` and `interrupt`: saying something to a session from a script.

Owns what is printed of it. Invariant: exit code 0 means that the server has it, exactly once; when that
is unclear, the reason says so and nothing is sent again.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cma_tui.commands.choosing import session_argument, session_of
from cma_tui.commands.exits import CommandError, Exit
from cma_tui.commands.options import Common, common
from cma_tui.commands.output import keyboard, tell

if TYPE_CHECKING:
    from cma_tui.event import Event
    from cma_tui.session.model import Session
    from cma_tui.settings import Settings
    from cma_tui.source.client import Client

_LIMIT = 4_000_000

as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


def delivered(settings: Settings, session: str, events: list[dict[str, Any]]) -> list[Event]:
    """Send events. Returns what the server made of them.

    Raises:
        CommandError: it refused, or it is unclear.
    """
    from cma_tui.commands.live import with_client

    async def work(client: Client) -> list[Event]:
        from cma_tui.source.controls import LiveControls

        return await LiveControls(client, session, lambda _: None).send(events)

    return with_client(settings, work)


def standing(settings: Settings, session: str) -> Session:
    """A session as its log tells now."""
    import asyncio

    from cma_tui.commands.live import live_session, opener
    from cma_tui.feed import fold_batch
    from cma_tui.session.model import Change
    from cma_tui.source import SourceError

    async def work() -> Session:
        folded = live_session(settings)
        async for batch in (await opener(settings, session, follow=False)()).batches():
            folded = fold_batch(folded, batch, Change())
        return folded

    try:
        return asyncio.run(work())
    except SourceError as error:
        raise CommandError(str(error), error.exit_code) from error


def tell_sent(session: str, events: list[Event], *, as_json: bool, words: str) -> None:
    """Say what was sent."""
    sent = [{"id": event.key, "type": event.type} for event in events]
    tell({"session_id": session, "events": sent}, words, as_json=as_json)


def words_of(text: str | None) -> str:
    """A text that was given, or standard input for `-` and for none.

    Raises:
        CommandError: there is none.
    """
    if (text is None and keyboard()) or (text in (None, "-") and sys.stdin is None):
        raise CommandError("nothing to send: give a TEXT, or - to read standard input", Exit.USAGE)
    found = sys.stdin.read(_LIMIT) if text in (None, "-") else str(text)
    if not found.strip():
        raise CommandError("nothing to send: the text is empty", Exit.USAGE)
    return found


def file_option(function: Callable[..., int]) -> Callable[..., int]:
    """Let a command take files to attach."""
    path = click.Path(exists=True, dir_okay=False, path_type=Path)
    return click.option("--file", "files", multiple=True, type=path, help="Attach a file.")(function)


def blocks_of(text: str | None, files: tuple[Path, ...]) -> list[dict[str, Any]]:
    """A text and files as content blocks.

    Raises:
        CommandError: a file cannot be attached.
    """
    from cma_tui.source.blocks import AttachError, file_block

    try:
        attached = [file_block(path)[0] for path in files]
    except AttachError as error:
        raise CommandError(f"not sent: {error}", Exit.USAGE) from error
    return [*([{"type": "text", "text": text}] if text else []), *attached]


@click.command()
@session_argument
@click.argument("text", required=False)
@file_option
@click.option("--redirect", is_flag=True, help="Interrupt the agent, and say it in the same request.")
@click.option("--wait", is_flag=True, help="Wait until the session rests; the exit code tells how.")
@click.option("--timeout", type=click.FloatRange(0, min_open=True), metavar="S", help="With --wait: seconds.")
@as_json
@common
def send_command(
    options: Common,
    session: str | None,
    text: str | None,
    files: tuple[Path, ...],
    redirect: bool,
    wait: bool,
    timeout: float | None,
    as_json: bool,
) -> int:
    """Send a message to a session; without TEXT, what standard input holds."""
    name, settings = session_of(options, session), options.settings()
    event = {"type": "user.message", "content": blocks_of(words_of(text), files)}
    sent = delivered(settings, name, [*([{"type": "user.interrupt"}] if redirect else []), event])
    tell_sent(name, sent, as_json=as_json, words=f"sent to {name}")
    if not wait:
        return Exit.DONE
    from cma_tui.commands.live import live_session, opener
    from cma_tui.commands.wait import wait_for

    key = sent[-1].key if sent else ""
    return wait_for(
        opener(settings, name, previews=False),
        name,
        session=live_session(settings),
        timeout=timeout,
        begun=lambda seen: not key or key in seen.ordinals,
    )


@click.command()
@session_argument
@click.option("--thread", metavar="ID", help="Only this thread; without it, all of them.")
@as_json
@common
def interrupt_command(options: Common, session: str | None, thread: str | None, as_json: bool) -> int:
    """Interrupt a session's agent."""
    name = session_of(options, session)
    event = {"type": "user.interrupt", **({"session_thread_id": thread} if thread else {})}
    sent = delivered(options.settings(), name, [event])
    tell_sent(name, sent, as_json=as_json, words=f"interrupted {thread or 'every thread'} of {name}")
    return Exit.DONE
