"""`stats`: the figures of saved logs and sessions.

Owns the reading for it. Invariant: one that cannot be read is said, and does not keep the others from
being told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing
from itertools import count

from cma_tui.commands.exits import CommandError, Exit
from cma_tui.commands.output import Output, OutputError, say
from cma_tui.commands.tail import fold, opened
from cma_tui.commands.targets import Target, target
from cma_tui.feed import fold_batch
from cma_tui.report.stats import stats, stats_json, table
from cma_tui.session.model import Change, Session
from cma_tui.source import Source, SourceError


def tell(
    words: Sequence[str], opener: Callable[[str], Callable[[], Awaitable[Source]]], *, as_json: bool = False
) -> int:
    """Print the figures of each. Returns 0, or the code of the first that could not be read.

    Args:
        words: what the user named: files and sessions.
        opener: gives what opens a session, to be listed once.
        as_json: one object a line instead of a table.
    """
    output = Output()
    failed: int = Exit.DONE
    begun = False
    for word in words:
        try:
            one = target(word)
            for session in sessions_of(one, opener):
                figures = stats(session)
                lines = [stats_json(figures)] if as_json else table(figures, one.name)
                if begun and not as_json:
                    lines.insert(0, "")
                begun = True
                output.write(line.encode(output.encoding, "replace") for line in lines)
        except OutputError:
            raise
        except CommandError as error:
            say(str(error))
            failed = failed or error.code
    return failed


def sessions_of(one: Target, opener: Callable[[str], Callable[[], Awaitable[Source]]]) -> Iterator[Session]:
    """The sessions of a file, or the one that is named."""
    if one.session is not None:
        try:
            yield asyncio.run(_listed(opener(one.session)))
        except SourceError as error:
            raise CommandError(str(error), error.exit_code) from error
        return
    assert one.file is not None
    with opened(one.file) as log:
        for number in count():
            session = Session()
            fold(session, log.events(number))
            yield session
            if number + 1 >= len(log.sessions):
                break
        for note in log.notes:
            say(f"note: {log.name}: {note}")


async def _listed(open_source: Callable[[], Awaitable[Source]]) -> Session:
    session = Session()
    async with aclosing((await open_source()).batches()) as batches:
        async for batch in batches:
            session = fold_batch(session, batch, Change())
    return session
