"""Saved logs for the commands: opened, and folded as the screen would.

Owns how much of a file is brought into order at once. Invariant: what is wrong with a file is a wrong input
file, said in one line.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice

from cma_tui.commands.exits import CommandError, Exit
from cma_tui.event import Event
from cma_tui.log.formats import LogError, SavedLog
from cma_tui.log.together import Together, open_together
from cma_tui.session.merge import arrive
from cma_tui.session.model import Change, Session

_MOST, _FEW = 65_536, 256
"""Events of a file that are brought into order at once, with their texts in memory: those of several streams,
where an order that is wrong costs a fold, and those of one."""


def _at_once(*, several: bool) -> int:
    """How many events are brought into order at once: those of several streams, or of one."""
    return _MOST if several else _FEW


def fold(session: Session, events: Iterable[Event]) -> Session:
    """Fold events into a session of which nobody draws the changes, as the screen would. Returns it."""
    change, rest = Change(), iter(events)
    while batch := list(islice(rest, _at_once(several=session.several))):
        session = arrive(session, batch, change)
    return session


def folded(log: SavedLog | Together) -> list[Session]:
    """All sessions of a log, as `fold` would have them, from one pass."""
    sessions: list[Session] = []
    waiting: dict[int, list[Event]] = {}
    held, most = 0, _at_once(several=False)

    def settle() -> int:
        for number, events in waiting.items():
            sessions.extend(Session(events=log.kept(new)) for new in range(len(sessions), number + 1))
            sessions[number] = arrive(sessions[number], events, Change())
        several = any(sessions[number].several for number in waiting)
        waiting.clear()
        return _at_once(several=several)

    for number, events in log.parted():
        waiting.setdefault(number, []).extend(events)
        held += len(events)
        if held >= most:
            held, most = 0, settle()
    settle()
    return sessions or [Session()]


@contextmanager
def opened(*paths: str, merged: bool = False) -> Iterator[SavedLog | Together]:
    """A saved log, of one file or several; what is wrong with it is a wrong input file."""
    try:
        with open_together(paths, merged=merged) as log:
            yield log
    except LogError as error:
        raise CommandError(str(error), Exit.USAGE) from error
