"""`tail`: a session or a saved log as lines.

Owns the reading for it. Invariant: every event of the log or of the server reaches the lines once it is
folded; what goes on is followed until the session is over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import aclosing, contextmanager
from itertools import count

from cma_tui.commands.exits import CommandError, Exit, verdict
from cma_tui.commands.output import Output, ReaderGoneError, say
from cma_tui.event import PREVIEW_TYPES, Event
from cma_tui.feed import fold_batch
from cma_tui.log.formats import LogError, SavedLog, open_log
from cma_tui.report.lines import JsonLines, Lines, PlainLines
from cma_tui.session.fold import apply
from cma_tui.session.model import Change, Session
from cma_tui.source import Source, SourceError

_STRETCH = 2048
"""Events of a file that are folded between two looks at what there is to print."""


def make_lines(output: Output, *, as_json: bool) -> Lines:
    """The lines for this output."""
    return JsonLines(terminal=output.terminal) if as_json else PlainLines(encoding=output.encoding)


# -- saved logs --------------------------------------------------------------------------------------------


def tail_log(log: SavedLog, *, as_json: bool = False, deltas: bool = False) -> int:
    """Print a saved log, every session in it. Returns the exit code of the one that ended worst."""
    output = Output()
    worst, why = Exit.DONE, ""
    for session in _sessions(log, output, as_json=as_json, deltas=deltas):
        code, reason = verdict(session, session.id or log.name)
        if code > worst:
            worst, why = code, reason
    for note in log.notes:
        say(f"note: {log.name}: {note}")
    if why:
        say(why)
    return worst


def _sessions(log: SavedLog, output: Output, *, as_json: bool, deltas: bool) -> Iterator[Session]:
    """Fold and print the sessions of a log, one after the other."""
    for number in count():
        session, lines = Session(), make_lines(output, as_json=as_json)
        if as_json:  # in order of the file, so that it can begin at once
            output.write(_streamed(session, log.events(number), lines, deltas=deltas))
        else:  # each row as it ended
            fold(session, log.events(number))
            output.write(lines.update(session))
        output.write(lines.finish(session))
        yield session
        if number + 1 >= len(log.sessions):
            return


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


def fold(session: Session, events: Iterator[Event]) -> None:
    """Fold events into a session of which nobody draws the changes."""
    change = Change()
    for event in events:
        apply(session, event, change)


@contextmanager
def opened(path: str) -> Iterator[SavedLog]:
    """A saved log; what is wrong with it is a wrong input file."""
    try:
        with open_log(path) as log:
            yield log
    except LogError as error:
        raise CommandError(str(error), Exit.USAGE) from error


# -- sessions ------------------------------------------------------------------------------------------------


def tail_session(
    open_source: Callable[[], Awaitable[Source]], name: str, *, as_json: bool = False, deltas: bool = False
) -> int:
    """Print a session's events until the source ends. Returns the exit code for how the session stands."""
    try:
        session = asyncio.run(_followed(open_source, Output(), as_json=as_json, deltas=deltas))
    except SourceError as error:
        raise CommandError(str(error), error.exit_code) from error
    code, why = verdict(session, name)
    if why:
        say(why)
    return code


async def _followed(
    open_source: Callable[[], Awaitable[Source]], output: Output, *, as_json: bool, deltas: bool
) -> Session:
    """Fold and print what a source yields, to its end or until nobody reads."""
    lines = make_lines(output, as_json=as_json)
    session = Session()
    try:
        with output.watched() as reader:
            async with aclosing((await open_source()).batches()) as batches:
                async for batch in batches:
                    if deltas and not batch.listed:
                        output.write(_streamed(session, iter(batch.events), lines, deltas=True))
                    else:
                        session = fold_batch(session, batch, Change())
                        output.write(lines.update(session))
    except asyncio.CancelledError:
        if reader.gone:
            raise ReaderGoneError from None
        raise
    output.write(lines.finish(session))
    return session
