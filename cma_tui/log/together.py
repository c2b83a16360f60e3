"""Several files as one log: parts of a session, and threads in files of their own, in one order.

Owns which files are one session, and the order of their events. Invariants: the events of a file keep their
order, and an event that several files hold comes where all of them have it; apart from that earlier goes
first; what a file holds that is nowhere else is never left out. A session that is in one file alone is read
as if that file had been given alone.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableSequence, Sequence
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self
from zlib import crc32

from cma_tui.event import Event
from cma_tui.log.formats import LogError, SavedLog, open_log
from cma_tui.log.index import LogEvents, Source, place_in
from cma_tui.log.origin import LINE_CAP
from cma_tui.log.passes import several
from cma_tui.log.survey import Stretch, survey

MOST_FILES = 1000
"""Of a folder. One that holds more is hardly that of a session."""
_ASIDE = ".torn"
"""What our recorder calls the piece of a line that a crash has left."""


class Summary(NamedTuple):
    """A session, to choose it."""

    session_id: str
    """Empty where nothing tells it."""
    title: str
    said: str
    """The first words of the user."""
    events: int
    first_at: float | None
    last_at: float | None
    files: int


class Together:
    """Opened files as one log. Close it, or use it in a `with`."""

    def __init__(
        self,
        opened: Sequence[SavedLog | Together],
        name: str = "",
        notes: Sequence[str] = (),
        *,
        merged: bool = False,
    ) -> None:
        """Prepare; the files are looked through when that is needed first.

        Args:
            opened: the files, or what they are together; they are closed with this.
            name: what they are called together.
            notes: what was passed over.
            merged: take everything for one session, whatever the ids say.
        """
        self.files: list[SavedLog] = []
        """The files."""
        for one in opened:
            self.files += one.files if isinstance(one, Together) else [one]
        self.name: str = name or opened[0].name
        self._passed_over = list(notes)
        self._merged = merged
        self._shown = 0
        """Which session was read latest."""

    @property
    def shape(self) -> str:
        """What the session that was read latest is: of one file its shape, else how many there are."""
        files = {id(stretch.log): stretch.log for stretch in self._groups[self._shown]}
        return next(iter(files.values())).shape if len(files) == 1 else f"{len(files)} files"

    @property
    def notes(self) -> list[str]:
        """What there is to say of the latest pass."""
        return [*self.passed_over, *several(len(self._groups), self._shown)]

    @property
    def passed_over(self) -> list[str]:
        """What was passed over, without the sessions that were not asked for."""
        if len(self.files) == 1:
            return [*self._passed_over, *self.files[0].passed_over]
        told = [f"{log.name}: {note}" for log in self.files for note in log.passed_over]
        return [*self._passed_over, *told]

    @property
    def _groups(self) -> list[list[Stretch]]:
        """The sessions: for each, where it is."""
        return self._found[0]

    @cached_property
    def _found(self) -> tuple[list[list[Stretch]], list[Summary]]:
        """Where each session is, and what there is to say of it."""
        stretches = [stretch for log in self.files for stretch in survey(log)]
        groups = [stretches] if self._merged else _grouped(stretches)
        for group in groups:
            created = set().union(*(stretch.created for stretch in group))
            for stretch in group:
                stretch.thread = stretch.is_stream_of(created)
        summaries = [_summary(group) for group in groups]
        for group in groups:
            if len(group) == 1:
                group[0].forget()
        return groups, summaries

    @cached_property
    def sessions(self) -> list[str]:
        """Ids of the sessions, empty where nothing tells the id."""
        return [_id(group) for group in self._groups]

    def summaries(self) -> list[Summary]:
        """The sessions, to choose one."""
        return self._found[1]

    def events(self, session: int = 0) -> Iterator[Event]:
        """The events of one of the sessions. Each call reads from the start.

        Raises:
            LogError: a file cannot be read any more, or there is no such session.
        """
        if session >= len(self._groups):
            raise LogError(self.name, f"holds no session number {session + 1}: {len(self._groups)} in it")
        self._shown = session
        group = self._groups[session]
        alone = group[0]
        return alone.log.events(alone.number) if len(group) == 1 else _woven(group)

    def parted(self) -> Iterator[tuple[int, list[Event]]]:
        """The events of all sessions, each file read once: stretches in order, with their session's number.

        Raises:
            LogError: a file cannot be read any more.
        """
        alone = {
            (id(group[0].log), group[0].number): number
            for number, group in enumerate(self._groups)
            if len(group) == 1
        }
        for log in {id(group[0].log): group[0].log for group in self._groups if len(group) == 1}.values():
            for number, events in log.parted():
                if (id(log), number) in alone:
                    yield alone[id(log), number], events
        for number, group in enumerate(self._groups):
            if len(group) > 1:
                for event in _woven(group):
                    yield number, [event]

    def kept(self, session: int = 0) -> MutableSequence[Event]:
        """What keeps the events of one of the sessions: their places in the files, where they have some."""
        group = self._groups[session]
        return group[0].log.kept() if len(group) == 1 else LogEvents(list(map(_again, group)), LINE_CAP)

    def close(self) -> None:
        """Let go of the files."""
        for log in self.files:
            log.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_together(paths: Sequence[Path | str], *, merged: bool = False) -> SavedLog | Together:
    """Open what was named: one file, several, or folders with the logs in them.

    Raises:
        LogError: a file that was named cannot be read or is no log, or a folder has none.
    """
    if len(paths) == 1 and not merged and not Path(paths[0]).is_dir():
        return open_log(paths[0])
    notes: list[str] = []
    with ExitStack() as stack:
        logs = []
        for path in paths:
            if not Path(path).is_dir():
                logs.append(stack.enter_context(open_log(path)))
                continue
            found = _of_folder(Path(path), notes)
            if not found:
                raise LogError(str(path), "a folder without event logs")
            logs += [stack.enter_context(log) for log in found]
        name = str(paths[0]) if len(paths) == 1 else f"{paths[0]} and {len(paths) - 1} more"
        stack.pop_all()
        return Together(logs, name, notes, merged=merged)


def _of_folder(folder: Path, notes: list[str]) -> list[SavedLog]:
    """The logs in a folder and those below it, by name; what is none is noted."""
    try:
        paths = sorted(path for path in folder.rglob("*") if _is_candidate(path.relative_to(folder), path))
    except OSError as error:
        raise LogError(str(folder), f"not readable: {error.strerror}") from error
    if len(paths) > MOST_FILES:
        raise LogError(str(folder), f"a folder of {len(paths):,} files: name those of one session")
    logs = []
    for path in paths:
        try:
            logs.append(open_log(path))
        except LogError as error:
            notes.append(f"passed over {error}")
    return logs


def _is_candidate(name: Path, path: Path) -> bool:
    hidden = any(part.startswith(".") for part in name.parts)
    return not hidden and name.suffix != _ASIDE and path.is_file() and not path.is_symlink()


def _grouped(stretches: Sequence[Stretch]) -> list[list[Stretch]]:
    """What belongs together, in the order of the first of each."""
    groups: list[list[Stretch]] = []
    for stretch in stretches:
        mine = [group for group in groups if _fits(stretch, group)]
        if not mine:
            groups.append([stretch])
            continue
        home = mine[0]
        home.append(stretch)
        for other in mine[1:]:  # it is the link between them
            if len({held.session_id for held in (*home, *other)} - {""}) <= 1:
                home += other
                groups.remove(other)
    return groups


def _fits(stretch: Stretch, group: Sequence[Stretch]) -> bool:
    """Whether it is of the session of a group: nothing tells another id, and something is in common."""
    ids = {held.session_id for held in (stretch, *group)} - {""}
    return len(ids) <= 1 and any(stretch.belongs_to(held) for held in group)


def _id(group: Sequence[Stretch]) -> str:
    return next((stretch.session_id for stretch in group if stretch.session_id), "")


def _summary(group: Sequence[Stretch]) -> Summary:
    own = [stretch for stretch in group if stretch.thread is None]
    begun = [stretch.first_at for stretch in group if stretch.first_at is not None]
    ended = [stretch.last_at for stretch in group if stretch.last_at is not None]
    earliest = sorted(own, key=lambda stretch: (stretch.first_at is None, stretch.first_at or 0.0))
    return Summary(
        _id(group),
        next((stretch.title for stretch in own if stretch.title), ""),
        next((stretch.said for stretch in earliest if stretch.said), ""),
        _distinct(group),
        min(begun, default=None),
        max(ended, default=None),
        len({id(stretch.log) for stretch in group}),
    )


def _distinct(group: Sequence[Stretch]) -> int:
    """How many events there are, those that several files hold counted once."""
    nameless = sum(stretch.nameless for stretch in group)
    return nameless + len(set().union(*(stretch.named() for stretch in group)))


# -- one order ---------------------------------------------------------------------------------------------


class _Reader:
    """The events of one stretch, one after the other."""

    def __init__(self, number: int, stretch: Stretch) -> None:
        self._number = number
        self._kept = stretch.log.again is not None
        self.stretch = stretch
        self.head: Event | None = None
        """The next event; None at the end."""
        self.at = float("-inf")
        """When it happened, or what came before it: never earlier than that."""
        self._events = stretch.log.events(stretch.number)
        self.go_on()

    def go_on(self) -> None:
        """Look at the next event."""
        event = self.head = next(self._events, None)
        if event is None:
            return
        event.where = place_in(self._number, event.where) if self._kept else -1
        if event.stream is None and not event.type.startswith("local."):
            event.stream = self.stretch.thread
        at = event.received_at if event.at is None else event.at
        if at is not None:
            self.at = max(self.at, at)


def _again(stretch: Stretch) -> Source:
    """How the lines of a stretch are read again; of one without places nothing is asked."""
    held = stretch.log.again
    if held is None:
        return Source(stretch.log.descriptor, lambda line: None)
    thread, parse = stretch.thread, held.parse

    def again(line: bytes) -> Event | None:
        event = parse(line)
        if event is not None and event.stream is None and not event.type.startswith("local."):
            event.stream = thread
        return event

    return held if thread is None else Source(held.descriptor, again)


def _woven(group: Sequence[Stretch]) -> Iterator[Event]:
    """The events of several stretches in one order."""
    readers = [_Reader(number, stretch) for number, stretch in enumerate(group)]
    given: set[tuple[str | None, int]] = set()
    facts: dict[str, bytes] = {}
    while readers := [reader for reader in readers if reader.head is not None]:
        ready = [reader for reader in readers if not _is_early(reader, readers, given)]
        # Where files tell opposite orders, everybody waits for everybody: time decides.
        reader = min(ready or readers, key=lambda one: one.at)
        event = reader.head
        assert event is not None
        if event.type.startswith("local."):
            _tell_apart(event, facts)
        elif event.id is not None:
            given.add((event.stream, hash(event.key)))
        yield event
        reader.go_on()


def _is_early(reader: _Reader, readers: Sequence[_Reader], given: set[tuple[str | None, int]]) -> bool:
    """Whether another file has the next event too, and something before it that has not been given out."""
    event = reader.head
    assert event is not None
    if event.id is None or (event.stream, hash(event.key)) in given:
        return False
    for other in readers:
        head = other.head
        assert head is not None
        same = head.key == event.key and head.stream == event.stream
        if other is not reader and not same and other.stretch.holds(event):
            return True
    return False


def _tell_apart(event: Event, facts: dict[str, bytes]) -> None:
    """Facts of our own are counted by each recorder: those of two may be called the same."""
    what = event.raw + repr(event.received_at).encode()
    if facts.setdefault(event.key, what) != what and event.type != "local.session":
        event.key = f"{event.key}@{crc32(what):08x}"
        event.where = -1  # its line tells the other key
