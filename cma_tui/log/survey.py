"""What is in a saved log, session by session: enough to tell them apart, and to choose one.

Owns the look over whole files for it. Invariants: every event is looked at once a session; nothing of its
text is kept but the beginning of what was said first; which sessions belong together is told by ids (of the
session, of threads, of events), and a file's name counts only when it is a thread's id and no event tells.
"""

from __future__ import annotations

from pathlib import Path

from cma_tui.content import as_dict, as_text, plain_text
from cma_tui.event import PREVIEW_TYPES, Event
from cma_tui.log.formats import SavedLog
from cma_tui.text import first_line

_SAID = 200
"""Characters that are kept of what was said first."""


class Stretch:
    """One session, as far as one file holds it."""

    def __init__(self, log: SavedLog, number: int) -> None:
        self.log = log
        self.number = number
        """Which session of the file it is."""
        self.session_id = ""
        self.title = ""
        self.said = ""
        """The first words of the user."""
        self.nameless = 0
        """Events of the server without an id, previews aside."""
        self.first_at: float | None = None
        self.last_at: float | None = None
        self.thread: str | None = None
        """The child thread whose own stream the file is, once another file tells that there is one."""
        self.threads: set[str] = set()
        """All threads that are named."""
        self.created: set[str] = set()
        """Child threads whose creation is told."""
        self._subjects: set[str] = set()
        """Threads whose state is told although nothing created them: the one whose stream it is."""
        self._session_told = False
        """Whether the state of the session is told, which only its own stream does."""
        self._named = Path(log.name).name.partition(".")[0]
        """The thread that it is of, if nothing in it tells."""
        self._keys: dict[str | None, set[int]] = {}
        """By stream: what the events are called, as hashes."""

    def look(self, event: Event) -> None:
        """Take in an event."""
        kind = event.type
        if kind in PREVIEW_TYPES:
            return
        if kind == "local.session":
            session = as_dict(event.data.get("session"))
            self.session_id = as_text(session.get("id")) or self.session_id
            self.title = first_line(as_text(session.get("title")) or self.title, _SAID)
        if kind.startswith("local."):
            return
        at = event.at
        if at is not None:
            self.first_at = at if self.first_at is None else min(self.first_at, at)
            self.last_at = at if self.last_at is None else max(self.last_at, at)
        if event.stream is not None:
            self.threads.add(event.stream)
        if not self.said and kind == "user.message" and event.stream is None:
            self.said = first_line(plain_text(event.content)[: _SAID * 4], _SAID)
        if event.id is None:
            self.nameless += 1
        else:
            self._keys.setdefault(event.stream, set()).add(hash(event.key))
        if kind.startswith("session."):
            self._state(event)
        elif event.session_thread_id is not None:
            self.threads.add(event.session_thread_id)

    def _state(self, event: Event) -> None:
        subject = event.session_thread_id
        if event.stream is None and event.type.startswith("session.status_"):
            self._session_told = True
        if subject is None:
            return
        self.threads.add(subject)
        if event.type == "session.thread_created":
            self.created.add(subject)
        elif event.stream is None and subject not in self.created:
            self._subjects.add(subject)

    def belongs_to(self, other: Stretch) -> bool:
        """Whether both are of one session, as far as these two tell."""
        if self.session_id and other.session_id:
            return self.session_id == other.session_id
        if not self.threads.isdisjoint(other.threads):
            return True
        if self._named in other.created or other._named in self.created:
            return True
        return any(
            not mine.isdisjoint(others) for mine in self._keys.values() for others in other._keys.values()
        )

    def is_stream_of(self, created: set[str]) -> str | None:
        """The child thread whose own stream it is, of those that the session created; None for none."""
        if self._session_told or len(self._subjects) > 1 or self._keys.keys() - {None}:
            return None
        subject = next(iter(self._subjects), self._named)
        return subject if subject in created else None

    def forget(self) -> None:
        """Let go of what the events are called: nothing has to be told apart any more."""
        self._keys.clear()

    def named(self) -> set[tuple[str | None, int]]:
        """The events with an id, by stream and hash."""
        return {(stream or self.thread, key) for stream, keys in self._keys.items() for key in keys}

    def holds(self, event: Event) -> bool:
        """Whether an event that another file holds is in this one as well, on the same stream."""
        for stream, keys in self._keys.items():
            if (stream or self.thread) == event.stream and hash(event.key) in keys:
                return True
        return False


def survey(log: SavedLog) -> list[Stretch]:
    """The sessions of a log, from one pass."""
    found = [Stretch(log, 0)]
    for number, events in log.parted():
        found += [Stretch(log, new) for new in range(len(found), number + 1)]
        for event in events:
            found[number].look(event)
    for stretch, session_id in zip(found, log.sessions, strict=True):
        stretch.session_id = stretch.session_id or session_id
    return found
