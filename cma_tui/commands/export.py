"""`export`: a session or a saved log as a document, to keep or to share.

Owns the reading for it and the file it goes to. Invariants: unless that is asked for, nothing is folded
that was not masked before; a file is 0600, is not overwritten unasked, and is whole or not there.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import aclosing
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from cma_tui.commands.choosing import chosen, logs_argument
from cma_tui.commands.exits import CommandError, Exit
from cma_tui.commands.logs import fold, opened
from cma_tui.commands.options import Common, Pick, common, picked
from cma_tui.commands.output import Output, say
from cma_tui.commands.targets import files_or_session
from cma_tui.event import Event
from cma_tui.feed import fold_batch
from cma_tui.private import PrivateError, write_private
from cma_tui.report.export import FORMATS, document, format_of
from cma_tui.report.export.masking import masked, report
from cma_tui.report.export.part import Part, items_of
from cma_tui.report.select import moment
from cma_tui.session.model import Change, Session
from cma_tui.source import SourceError

if TYPE_CHECKING:
    from cma_tui.redact import Redactor

Mask = Callable[[Iterable[Event]], Iterable[Event]]


@click.command()
@logs_argument
@click.option(
    "--format",
    "format_",
    type=click.Choice(list(FORMATS)),
    help="What to write [by the ending of FILE, else md].",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Where to, instead of standard output (-).",
)
@click.option("--force", is_flag=True, help="Replace FILE if it is there.")
@click.option("--turns", metavar="N-M", help="Only these turns: 3, 2-4, 2- or -4.")
@click.option("--since", metavar="TIME", help="Only what happened since: 10m, 14:30, 2026-10-12T09:00.")
@click.option("--until", metavar="TIME", help="Only what happened until then.")
@click.option("--thread", metavar="ID", help="Only this child thread.")
@click.option("--no-redact", is_flag=True, help="Mask nothing.")
@picked
@common
def export_command(
    options: Common,
    what: Sequence[str],
    format_: str | None,
    output: Path | None,
    force: bool,
    turns: str | None,
    since: str | None,
    until: str | None,
    thread: str | None,
    no_redact: bool,
    pick: Pick,
) -> int:
    """Write a session or a saved log as a document: to read, to share, or for another program.

    \b
    md, html         a transcript; the page replays the session, and needs no network and no server
    json, jsonl      the events; cma-top opens them again
    text, csv        the lines of tail; the turns with the columns of stats --json
    asciicast        a terminal recording, for asciinema and its players
    perfetto         a trace for ui.perfetto.dev
    otlp-json        OpenTelemetry spans with the GenAI names

    Keys, tokens, passwords and what your environment holds under such a name are masked; what was masked is
    told on standard error. A session is listed once, with all its threads.
    """  # noqa: D301 - click wants the character that \b stands for
    part = _part(turns, since, until, thread)
    output = None if output == Path("-") else output
    name = format_ or (format_of(output.name) if output is not None else None) or "md"
    if output is not None and not force and output.exists():
        raise CommandError(f"{output}: exists already (--force replaces it)", Exit.USAGE)
    redactor = None if no_redact else _redactor(options)

    def mask(events: Iterable[Event]) -> Iterable[Event]:
        return events if redactor is None else masked(events, redactor)

    named = what or [chosen(options)]
    session = _session(named, pick, options, mask)
    if not part.whole and not items_of(session, part):
        told = f"nothing of {' '.join(named)} is in that part; it has {len(session.turns)} turns"
        raise CommandError(told, Exit.USAGE)
    pieces = document(session, part, name)
    if output is None:
        Output().write_document(pieces)
    else:
        _write(output, pieces, force=force)
    say("nothing was masked, as asked" if redactor is None else report(redactor))
    return Exit.DONE


def _redactor(options: Common) -> Redactor:
    from cma_tui.redact import PatternError
    from cma_tui.settings import redactor_of

    try:
        return redactor_of(options.settings(), os.environ)
    except PatternError as error:
        raise CommandError(str(error), Exit.USAGE) from None


def _session(what: Sequence[str], pick: Pick, options: Common, mask: Mask) -> Session:
    """The folded session, of files or as it is now."""
    files, name = files_or_session(what)
    if name is not None:
        try:
            return asyncio.run(_listed(name, options, mask))
        except SourceError as error:
            raise CommandError(str(error), error.exit_code) from error
    with opened(*files, merged=pick.merged) as log:
        session = fold(Session(), mask(log.events(pick.session or 0)))
        for note in log.notes:
            say(f"note: {log.name}: {note}")
        return session


async def _listed(name: str, options: Common, mask: Mask) -> Session:
    from cma_tui.commands.live import opener

    opening = opener(options.settings(), name, follow=False, previews=False, all_threads=True)
    session = Session()
    async with aclosing((await opening()).batches()) as batches:
        async for batch in batches:
            clean = msgspec.structs.replace(batch, events=list(mask(batch.events)))
            session = fold_batch(session, clean, Change())
    return session


def _part(turns: str | None, since: str | None, until: str | None, thread: str | None) -> Part:
    """What is wanted.

    Raises:
        CommandError: a number or a time cannot be read.
    """
    first = last = None
    if turns is not None:
        found = re.fullmatch(r"(\d{1,9})?(-)?(\d{1,9})?", turns.strip())
        if found is None or not (found[1] or found[3]):
            raise CommandError(f"--turns: no turns: {turns!r} (3, 2-4, 2-, -4)", Exit.USAGE)
        first = int(found[1]) if found[1] else None
        last = int(found[3]) if found[3] else None if found[2] else first
    now = datetime.now().astimezone()
    times: list[float | None] = []
    for option, text in (("--since", since), ("--until", until)):
        try:
            times.append(moment(text, now) if text is not None else None)
        except (ValueError, OverflowError) as error:
            raise CommandError(f"{option}: {error}", Exit.USAGE) from None
    return Part(first, last, times[0], times[1], thread)


def _write(path: Path, pieces: Iterator[bytes], *, force: bool) -> None:
    """Write a file that is whole or not there.

    Raises:
        CommandError: it cannot be written.
    """
    try:
        write_private(path, pieces, replace=force)
    except PrivateError as error:
        raise CommandError(f"{path} {error}") from None
    except OSError as error:
        raise CommandError(f"{path}: cannot be written: {error.strerror or error}") from None
