"""Marks: the moments of a log that somebody may want to go to.

Owns those the session makes by itself (turns, errors, approvals, compactions) and those set by hand, with
their notes, which are kept in a file of their own in the state folder. Invariants: marks are in the order of
their moments; a mark by hand names its event by key, so it is found again in every copy of the log; reading
and writing the file never touches the log, and the file is private.
"""

from __future__ import annotations

import json
import os
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple

from cma_tui.content import as_dict, as_list, as_text
from cma_tui.event import decode
from cma_tui.private import open_private, private_folder, write_private
from cma_tui.session.model import Change, Evaluation, Failure, Item, ModelRequest, Session, ToolUse
from cma_tui.session.moments import Moments

KINDS: Final = ("turn", "error", "approval", "compaction", "note")
_MOST_NOTED: Final = 1 << 20
"""Bytes of a file of notes that are read."""


class Mark(NamedTuple):
    """A moment: `step` is the first at which it has happened."""

    step: int
    kind: str
    ordinal: int
    """The event that made it."""
    note: str = ""


class Marks:
    """The marks of one session, kept up to date with it."""

    def __init__(self) -> None:
        self.list: list[Mark] = []
        self.noted: dict[str, str] = {}
        """Marks by hand: the note by event key."""
        self._moments: Moments | None = None
        self._items = self._turns = 0
        """How many have been looked at."""
        self._errors: set[int] = set()
        """Items that have their error mark."""

    def update(self, moments: Moments, change: Change | None) -> None:
        """Take in what the session has become."""
        session = moments.session
        if moments is not self._moments:
            self._moments = moments
            self.list.clear()
            self._errors.clear()
            self._items = self._turns = 0
            for key in self.noted:
                self._place(key)
        elif change is not None:
            for index in change.items if not change.reset else range(self._items):
                if index < self._items:
                    self._failed(session, index, session.items[index])
        items = session.items
        for index in range(self._items, len(items)):
            item = items[index]
            if type(item) in _MARKED or item.type == "agent.thread_context_compacted":
                self._look(session, index, item)
        self._items = len(items)
        for turn in session.turns[self._turns :]:
            if turn.first_item < len(items):
                self._add("turn", items[turn.first_item].event)
                self._turns += 1

    def _look(self, session: Session, index: int, item: Item) -> None:
        if isinstance(item, ToolUse):
            if item.kind != "custom" and item.permission not in (None, "allow", "deny"):
                self._add("approval", item.event)
        elif item.type == "agent.thread_context_compacted":
            self._add("compaction", item.event)
        self._failed(session, index, item)

    def _failed(self, session: Session, index: int, item: Item) -> None:
        """What went wrong has its mark where that became known."""
        ordinal = -1
        if isinstance(item, ToolUse) and item.is_error:
            ordinal = item.result
        elif isinstance(item, ModelRequest) and item.is_error:
            ordinal = item.end
        elif isinstance(item, Failure):
            ordinal = item.event
        elif isinstance(item, Evaluation) and item.result == "failed":
            ordinal = item.end
        if ordinal >= 0 and index not in self._errors:
            self._errors.add(index)
            self._add("error", ordinal)

    def _add(self, kind: str, ordinal: int, note: str = "") -> None:
        assert self._moments is not None
        mark = Mark(self._moments.step_of(ordinal), kind, ordinal, note)
        if not self.list or self.list[-1] <= mark:
            self.list.append(mark)
        else:
            insort(self.list, mark)

    # -- by hand ---------------------------------------------------------------------------------------------

    def note(self, key: str, text: str | None) -> None:
        """Mark an event with a note, which may be empty; None takes the mark away."""
        self.noted.pop(key, None)
        ordinal = -1 if self._moments is None else self._moments.session.ordinals.get(key, -1)
        self.list = [m for m in self.list if m.kind != "note" or m.ordinal != ordinal]
        if text is not None:
            self.noted[key] = text
            self._place(key)

    def _place(self, key: str) -> None:
        ordinal = -1 if self._moments is None else self._moments.session.ordinals.get(key, -1)
        if ordinal >= 0:
            self._add("note", ordinal, self.noted[key])

    def named(self, words: str) -> int | None:
        """The moment of the first mark by hand whose note has these words."""
        wanted = words.lower()
        marks = (m for m in self.list if m.kind == "note" and wanted and wanted in m.note.lower())
        return next((mark.step for mark in marks), None)

    # -- looked at ----------------------------------------------------------------------------------------

    def after(self, step: int, kinds: Iterable[str] = KINDS) -> Mark | None:
        """The first mark later than a moment."""
        wanted = set(kinds)
        start = bisect_right(self.list, step, key=lambda mark: mark.step)
        return next((m for m in self.list[start:] if m.kind in wanted), None)

    def before(self, step: int, kinds: Iterable[str] = KINDS) -> Mark | None:
        """The last mark earlier than a moment."""
        wanted = set(kinds)
        stop = bisect_left(self.list, step, key=lambda mark: mark.step)
        return next((self.list[at] for at in range(stop - 1, -1, -1) if self.list[at].kind in wanted), None)

    def within(self, start: int, stop: int) -> str | None:
        """The most telling kind of mark between two moments, the later one included."""
        low = bisect_right(self.list, start, key=lambda mark: mark.step)
        high = bisect_right(self.list, stop, key=lambda mark: mark.step)
        kinds = {mark.kind for mark in self.list[low : min(high, low + 64)]}
        return next(
            (kind for kind in ("note", "error", "approval", "compaction", "turn") if kind in kinds), None
        )


_MARKED = frozenset({ToolUse, ModelRequest, Failure, Evaluation})


def notes_file(folder: Path, name: str) -> Path:
    """Where the notes on a session, or on a log that does not tell its session, are kept."""
    return folder / "marks" / f"{sha256(name.encode(errors='replace')).hexdigest()[:24]}.json"


def read_notes(path: Path) -> dict[str, str]:
    """The notes by event key; none where there is no file or what is in it is no notes.

    Raises:
        PrivateError: the file is not ours alone.
        OSError: it cannot be read.
    """
    try:
        with os.fdopen(open_private(path, os.O_RDONLY), "rb") as file:
            value = decode(file.read(_MOST_NOTED))
    except FileNotFoundError:
        return {}
    marks = [as_dict(mark) for mark in as_list(as_dict(value).get("marks"))]
    return {key: as_text(m.get("note")) or "" for m in marks if (key := as_text(m.get("event"))) is not None}


def write_notes(path: Path, noted: dict[str, str], session: str | None) -> None:
    """Keep the notes, whole or not at all, readable by their owner only.

    Raises:
        PrivateError: the folder is not ours.
        OSError: they cannot be written.
    """
    private_folder(path.parent)
    marks = [{"event": key, "note": note} for key, note in noted.items()]
    write_private(
        path, [json.dumps({"version": 1, "session_id": session, "marks": marks}, indent=1).encode()]
    )
