"""`tail`: a session or a saved log as lines.

Owns the reading for it. Invariant: every event of the log or of the server reaches the lines once it is
folded; what goes on is followed until the session is over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing
from datetime import datetime
from itertools import count
from time import sleep
from typing import NamedTuple

import click

from cma_tui.commands.choosing import chosen, logs_argument
from cma_tui.commands.exits import CommandError, Exit, verdict
from cma_tui.commands.logs import fold, folded, opened
from cma_tui.commands.notify import notifier as made_notifier
from cma_tui.commands.notify import notify_options
from cma_tui.commands.options import Common, Pick, common, picked
from cma_tui.commands.output import Output, ReaderGoneError, say
from cma_tui.commands.targets import files_or_session
from cma_tui.event import PREVIEW_TYPES, Event
from cma_tui.feed import fold_batch
from cma_tui.log.formats import SavedLog
from cma_tui.log.together import Together
from cma_tui.notifier import Notifier
from cma_tui.report.filter import FilterError, parse
from cma_tui.report.lines import ALL, JsonLines, Lines, PlainLines
from cma_tui.report.select import Selection, moment
from cma_tui.session.fold import apply
from cma_tui.session.model import Change, Session
from cma_tui.source import Source, SourceError

_LOOK = 0.2
"""Seconds between two looks at a file that is being written."""
_STRETCH = 2048
"""Events of a file that are folded between two looks at what there is to print."""


class How(NamedTuple):
    """What is printed, and how."""

    as_json: bool = False
    deltas: bool = False
    wanted: Selection = ALL
    notifier: Notifier | None = None
    """Told of each change of state of a session that is followed."""


PLAIN = How()


def make_lines(output: Output, how: How) -> Lines:
    """The lines for this output."""
    if how.as_json:
        return JsonLines(terminal=output.terminal, wanted=how.wanted)
    return PlainLines(encoding=output.encoding, wanted=how.wanted)


# -- saved logs --------------------------------------------------------------------------------------------


def tail_log(log: SavedLog | Together, how: How = PLAIN, wanted: int | None = None) -> int:
    """Print a saved log, the wanted session or all. Returns the exit code of the one that ended worst."""
    output = Output()
    worst, why = Exit.DONE, ""
    for session in _sessions(log, output, how, wanted):
        code, reason = verdict(session, session.id or log.name)
        if code > worst:
            worst, why = code, reason
    for note in log.notes if wanted is not None else log.passed_over:
        say(f"note: {log.name}: {note}")
    if why:
        say(why)
    return worst


def follow_log(log: SavedLog | Together, how: How = PLAIN) -> int:
    """Print a log that is being written, until its session is over. Returns how that stands, as exit code."""
    if not isinstance(log, SavedLog):
        raise CommandError(f"{log.name}: only a single file can be followed", Exit.USAGE)
    output = Output()
    session, lines, change = Session(events=log.kept()), make_lines(output, how), Change()

    def wait() -> bool:
        output.write(lines.update(session))
        if session.status in ("terminated", "deleted"):
            return False
        sleep(_LOOK)
        return True

    for number, event in enumerate(log.follow(wait)):
        if how.deltas and event.type in PREVIEW_TYPES:
            output.write(lines.update(session))
            output.write(lines.preview(session, event))
        apply(session, event, change)
        if number % _STRETCH == _STRETCH - 1:
            output.write(lines.update(session))
    output.write(lines.finish(session))
    code, why = verdict(session, session.id or log.name)
    if why:
        say(why)
    return code


def _sessions(log: SavedLog | Together, output: Output, how: How, wanted: int | None) -> Iterator[Session]:
    """Fold and print the sessions of a log, one after the other: the wanted one or all."""
    if how.as_json:  # in order of the file, so that it can begin at once
        for number in count() if wanted is None else [wanted]:
            session, lines = Session(events=log.kept(number)), make_lines(output, how)
            output.write(_streamed(session, log.events(number), lines, deltas=how.deltas))
            output.write(lines.finish(session))
            yield session
            if number + 1 >= len(log.sessions):
                return
        return
    sessions = folded(log) if wanted is None else [fold(Session(events=log.kept(wanted)), log.events(wanted))]
    for session in sessions:  # each row as it ended
        lines = make_lines(output, how)
        output.write(lines.update(session))
        output.write(lines.finish(session))
        yield session


def _streamed(session: Session, events: Iterator[Event], lines: Lines, *, deltas: bool) -> Iterator[bytes]:
    change = Change()
    for number, event in enumerate(events):
        if deltas and event.type in PREVIEW_TYPES:
            yield from lines.update(session)
            yield from lines.preview(session, event)
        apply(session, event, change)
        if number % _STRETCH == _STRETCH - 1:
            yield from lines.update(session)
    yield from lines.update(session)


# -- sessions ------------------------------------------------------------------------------------------------


def tail_session(
    open_source: Callable[[], Awaitable[Source]],
    name: str,
    how: How = PLAIN,
    session: Session | None = None,
) -> int:
    """Print a session's events until the source ends. Returns the exit code for how the session stands."""
    try:
        session = asyncio.run(_followed(open_source, Output(), how, session or Session()))
    except SourceError as error:
        raise CommandError(str(error), error.exit_code) from error
    finally:
        if how.notifier is not None:
            how.notifier.close()
    code, why = verdict(session, name)
    if why:
        say(why)
    return code


async def _followed(
    open_source: Callable[[], Awaitable[Source]], output: Output, how: How, session: Session
) -> Session:
    """Fold and print what a source yields, to its end or until nobody reads."""
    lines = make_lines(output, how)
    try:
        with output.watched() as reader:
            source = await open_source()
            async with aclosing(source.batches()) as batches:
                async for batch in batches:
                    if how.deltas and not batch.listed:
                        output.write(_streamed(session, iter(batch.events), lines, deltas=True))
                    else:
                        session = fold_batch(session, batch, Change())
                        output.write(lines.update(session))
                    if how.notifier is not None and source.line is not None and source.line.checked_at:
                        how.notifier.look(session)
    except asyncio.CancelledError:
        if reader.gone:
            raise ReaderGoneError from None
        raise
    output.write(lines.finish(session))
    return session


@click.command()
@logs_argument
@click.option(
    "--plain", is_flag=True, expose_value=False, help="Plain lines, which is what it prints anyhow."
)
@click.option("--json", "as_json", is_flag=True, help="Each event's JSON on a line of its own.")
@click.option("--deltas", is_flag=True, help="With --json: previews of text too, as it is written.")
@click.option(
    "--follow/--no-follow",
    default=None,
    help="Go on with what comes, or print what is there and exit [a session is followed, a file is not].",
)
@click.option("--since", metavar="TIME", help="Only what happened since: 10m, 2h, 14:30, 2026-10-12T09:00.")
@click.option("--types", metavar="LIST", help="Only these event types, by commas: agent.*,session.error")
@click.option(
    "--filter", "filter_", metavar="TEXT", help="Only rows that match, as f on the screen: tool:bash error"
)
@notify_options
@picked
@common
def tail_command(
    options: Common,
    what: Sequence[str],
    as_json: bool,
    deltas: bool,
    follow: bool | None,
    since: str | None,
    types: str | None,
    filter_: str | None,
    on_event: str | None,
    webhook: str | None,
    pick: Pick,
) -> int:
    """Print a session or a saved log as plain lines, or as JSON.

    Of a log that holds several sessions, all are printed, one after the other. Several files, or a folder,
    are one log: what is of one session is brought into one order.

    A session, and with --follow a file that is being written, is followed until the session is terminated
    or deleted. A line is printed when what it tells is complete: a tool use with its result (or when it
    needs an answer), a model request at its end. The exit code tells how the session stands: 0, 3 or 4
    (see cma-top --help).
    """
    wanted = _selection(since, types, filter_)
    files, session = files_or_session(what or [chosen(options)])
    if session is not None:
        from cma_tui.commands.live import live_session, opener

        how = How(as_json, deltas, wanted, made_notifier(on_event, webhook))
        settings = options.settings()
        opening = opener(settings, session, follow=follow is not False, previews=deltas)
        return tail_session(opening, session, how, live_session(settings))
    with opened(*files, merged=pick.merged) as log:
        how = How(as_json, deltas, wanted)
        return follow_log(log, how) if follow else tail_log(log, how, pick.session)


def _selection(since: str | None, types: str | None, filter_: str | None) -> Selection:
    """What the user wants to see.

    Raises:
        CommandError: a time or a filter cannot be read.
    """
    try:
        start = moment(since, datetime.now().astimezone()) if since is not None else None
    except (ValueError, OverflowError) as error:
        raise CommandError(f"--since: {error}", Exit.USAGE) from None
    try:
        matching = parse(filter_) if filter_ else None
    except FilterError as error:
        raise CommandError(f"--filter: {error}, at character {error.position + 1}", Exit.USAGE) from None
    names = frozenset(name.strip() for name in (types or "").split(",") if name.strip())
    return Selection(start, names, matching)
