"""`stats`: the figures of saved logs and sessions.

Owns the reading for it. Invariant: one that cannot be read is said, and does not keep the others from
being told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing
from typing import Any

import click

from cma_tui.commands.choosing import chosen, logs_argument
from cma_tui.commands.exits import CommandError, Exit
from cma_tui.commands.logs import folded, opened
from cma_tui.commands.options import Common, common
from cma_tui.commands.output import Output, OutputError, say
from cma_tui.commands.targets import Target, target
from cma_tui.feed import fold_batch
from cma_tui.report.prices import prices_for
from cma_tui.report.stats import stats, stats_json
from cma_tui.report.tables import compare, table, together
from cma_tui.session.model import Change, Session
from cma_tui.source import Source, SourceError


def tell(
    words: Sequence[str],
    opener: Callable[[str], Callable[[], Awaitable[Source]]],
    *,
    as_json: bool = False,
    compared: bool = False,
) -> int:
    """Print the figures of each. Returns 0, or the code of the first that could not be read.

    Args:
        words: what the user named: files and sessions.
        opener: gives what opens a session, to be listed once.
        as_json: one object a line instead of a table.
        compared: the first two side by side, instead of each by itself.
    """
    output = Output()
    failed: int = Exit.DONE
    begun = False
    told: list[tuple[str, dict[str, Any]]] = []
    for word in words:
        try:
            one = target(word)
            for session in sessions_of(one, opener):
                figures = stats(session, prices_for(session), whole=as_json)
                told.append((one.name, figures))
                if compared and not as_json:
                    continue
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
    if not as_json and len(told) > 1:
        last = compare(*told[:2]) if compared else together(told)
        output.write(line.encode(output.encoding, "replace") for line in last)
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
        yield from folded(log)
        for note in log.passed_over:
            say(f"note: {log.name}: {note}")


async def _listed(open_source: Callable[[], Awaitable[Source]]) -> Session:
    session = Session()
    async with aclosing((await open_source()).batches()) as batches:
        async for batch in batches:
            session = fold_batch(session, batch, Change())
    return session


@click.command()
@logs_argument
@click.option("--json", "as_json", is_flag=True, help="One JSON object a session, on one line.")
@click.option("--compare", "compared", is_flag=True, help="Two of them, side by side.")
@common
def stats_command(options: Common, what: Sequence[str], as_json: bool, compared: bool) -> int:
    """Print the figures of saved logs and sessions: turns, tokens, cost, time, tools.

    With several, what they add up to is told at the end. An estimate is marked ~, what is known to be at
    least so much ≥.

    With --json, numbers are numbers, times are seconds, amounts are US dollars, and what is unknown is
    absent.
    """
    from cma_tui.commands.live import opener

    if compared and (len(what) != 2 or as_json):
        raise click.UsageError("--compare takes two sessions or files, and prints a table")

    def open_session(session: str) -> Callable[[], Awaitable[Source]]:
        return opener(options.settings(), session, follow=False, previews=False, all_threads=True)

    return tell(what or [chosen(options)], open_session, as_json=as_json, compared=compared)
