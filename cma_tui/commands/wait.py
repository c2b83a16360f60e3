"""`wait`: until a session has come to something, for scripts and builds.

Owns when a session counts as having come to it. Invariants: nothing is decided from a part of the log, or
while a message waits to be picked up; the exit code tells how the session stands, whatever was waited for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Literal, get_args

import click

from cma_tui.commands.choosing import session_argument, session_of
from cma_tui.commands.exits import CommandError, Exit, verdict
from cma_tui.commands.notify import notifier as made_notifier
from cma_tui.commands.notify import notify_options
from cma_tui.commands.options import Common, common, number
from cma_tui.commands.output import say
from cma_tui.feed import fold_batch
from cma_tui.notifier import Notifier
from cma_tui.session.model import Change, Evaluation, Session
from cma_tui.source import Source, SourceError
from cma_tui.text import duration

Until = Literal["idle", "needs-answer", "done", "outcome"]
"""At rest, for whatever reason; waiting for an answer; at the end of a turn; judged by its grader."""

_SETTLED = 0.05
"""Seconds without news after which what has been folded is all there is."""
_TURNS = 5
"""Turns of the loop in which what has been handed over arrives, however late a timer is."""
_FINAL = frozenset({"satisfied", "max_iterations_reached", "failed", "interrupted"})
"""Results after which an outcome is not worked on any more."""


def wait_for(
    open_source: Callable[[], Awaitable[Source]],
    name: str,
    *,
    session: Session | None = None,
    until: Until = "idle",
    timeout: float | None = None,
    begun: Callable[[Session], bool] = lambda _: True,
    notifier: Notifier | None = None,
) -> int:
    """Follow a session until it has come to something. Returns the exit code; its reason has been said.

    Args:
        open_source: opens the session, to follow it.
        name: for messages.
        session: what it is folded into; one that keeps all events in memory if not given.
        until: what to wait for.
        timeout: seconds after which to give up.
        begun: what must be true first, as that what was sent is in the log.
        notifier: told of every change of state.

    Raises:
        CommandError: the session cannot be followed, or time is up.
    """
    waiting = Session() if session is None else session

    async def run() -> Session:
        nonlocal waiting
        source = await open_source()
        async with aclosing(source.batches()) as batches:
            coming = asyncio.ensure_future(anext(batches, None))
            try:
                news = True
                while True:
                    # What is on its way is folded first: a part of the log decides nothing.
                    listed = source.line is None or source.line.checked_at is not None
                    await asyncio.wait((coming,), timeout=_SETTLED if news else None)
                    for _ in range(_TURNS if not coming.done() else 0):
                        await asyncio.sleep(0)
                    if coming.done():
                        if (batch := coming.result()) is None:
                            break
                        waiting = fold_batch(waiting, batch, Change())
                        coming = asyncio.ensure_future(anext(batches, None))
                        news = True
                    elif listed:
                        news = False
                        if notifier is not None:
                            notifier.look(waiting)
                        if begun(waiting) and reached(waiting, until):
                            break
            finally:
                coming.cancel()
                await asyncio.wait((coming,))
        if notifier is not None:
            notifier.look(waiting)
        return waiting

    async def limited() -> Session:
        async with asyncio.timeout(timeout):
            return await run()

    try:
        stands = asyncio.run(limited())
    except TimeoutError:
        why = f"{name} is {waiting.state}" if waiting.heard else f"nothing was heard of {name}"
        raise CommandError(f"timed out after {duration(timeout)}: {why}", Exit.TIMED_OUT) from None
    except SourceError as error:
        raise CommandError(str(error), error.exit_code) from error
    finally:
        if notifier is not None:
            notifier.close()
    code, why = judged(stands, name) if until == "outcome" else verdict(stands, name)
    if why:
        say(why)
    return code


def reached(session: Session, until: Until) -> bool:
    """Whether a session, of which the whole log is known, has come to what is waited for."""
    if session.status in ("terminated", "deleted"):
        return True
    if session.state == "waiting":
        return until in ("idle", "needs-answer")
    if until == "outcome" and outcome_result(session) in _FINAL:
        return session.status == "idle"  # the agent says its last words after the verdict
    resting = session.status == "idle" and session.turn is None and not session.queued
    return resting and until != "needs-answer"


def outcome_result(session: Session) -> str | None:
    """What the grader said last; None while it has said nothing."""
    for outcome in reversed(session.outcomes.values()):
        for index in reversed(outcome.evaluations):
            item = session.items[index]
            if isinstance(item, Evaluation) and item.result is not None:
                return item.result
        return outcome.result
    return None


def judged(session: Session, name: str) -> tuple[int, str]:
    """The exit code of an outcome's verdict, and why."""
    result = outcome_result(session)
    if result == "satisfied":
        return Exit.DONE, ""
    code, why = verdict(session, name)
    if code != Exit.DONE:
        return code, why
    if not session.outcomes:
        return Exit.FAILED, f"{name} has no outcome to wait for"
    return Exit.ENDED_BADLY, f"{name} did not reach its outcome: {result or 'no verdict'}"


@click.command()
@session_argument
@click.option(
    "--until",
    type=click.Choice(get_args(Until)),
    default="idle",
    help="At rest, also when it needs an answer [idle]; only when it needs one; at the end of its turn,"
    " whoever answers meanwhile; or when its outcome has been judged.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(0, min_open=True),
    callback=lambda ctx, param, value: value if value is None else number(ctx, param, value),
    metavar="SECONDS",
    help="Give up after so long, with exit code 6.",
)
@notify_options
@common
def wait_command(
    options: Common,
    session: str | None,
    until: Until,
    timeout: float | None,
    on_event: str | None,
    webhook: str | None,
) -> int:
    """Wait until a session has come to something; the exit code tells how it stands.

    0: at the end of its turn, or its outcome is satisfied. 3: it needs an answer. 4: it ended badly, or
    its outcome was not reached. 6: timed out.
    """
    from cma_tui.commands.live import live_session, opener

    name, settings = session_of(options, session), options.settings()
    notifier = made_notifier(on_event, webhook)
    opening, kept = opener(settings, name, previews=False), live_session(settings)
    return wait_for(opening, name, session=kept, until=until, timeout=timeout, notifier=notifier)
