"""How a command ends: exit codes, and the one line that says why.

Owns the meaning of the exit codes. Invariant: every code but 0 comes with a reason of one line, and the
same log always gives the same code.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cma_tui.session.model import Session


class Exit(IntEnum):
    """The exit codes, of every command."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    NEEDS_ANSWER = 3
    ENDED_BADLY = 4
    NO_ACCESS = 5
    TIMED_OUT = 6
    INTERRUPTED = 130


class CommandError(Exception):
    """A command cannot go on: one line for the user, and the exit code."""

    def __init__(self, message: str, code: int = Exit.FAILED) -> None:
        super().__init__(message)
        self.code = code


def verdict(session: Session, name: str) -> tuple[Exit, str]:
    """The exit code for how a session stands, and why; the reason is empty when all is well."""
    from cma_tui.report.words import stop_words

    if session.status not in ("terminated", "deleted"):
        waiting = session.pending or session.awaited_unseen
        if session.asks:
            use = session.asks[0]
            what = "a result" if use.awaited != "confirmation" else "a confirmation"
            more = f", and {len(session.pending) - 1} more" if len(session.pending) > 1 else ""
            return Exit.NEEDS_ANSWER, f"{name} needs an answer: {what} for {use.name}{more}"
        if waiting or session.stop_reason == "requires_action":
            return Exit.NEEDS_ANSWER, f"{name} needs an answer"
        reason = session.stop_reason if session.status == "idle" else None
    else:
        # Archived or deleted at rest: what counts is how the work before it ended.
        last = session.turns[-1] if session.turns else None
        reason = last.stop_reason if last is not None else None
    if reason in (None, "end_turn", "unknown"):
        return Exit.DONE, ""
    return Exit.ENDED_BADLY, f"{name} ended badly: {stop_words(reason, session.stop_details)}"
