"""Saved logs of every shape, read into the same events.

Owns the way from bytes to events; `layout` tells which it is. Invariants: events come in file order and every
pass reads from the start; JSON lines and event streams are read line by line in flat memory; whatever the
file holds, nothing but `LogError` is raised; what was passed over is in the notes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableSequence
from itertools import chain, islice
from pathlib import Path
from types import TracebackType
from typing import Self, cast

from cma_tui.event import EVENT_TYPES, Event, bad_frame, decode, parse, parse_lines
from cma_tui.log.index import LogEvents, Source
from cma_tui.log.layout import TRIED, plan_of, refusal
from cma_tui.log.order import MARK, in_order
from cma_tui.log.origin import (
    DOCUMENT_CAP,
    LINE_CAP,
    STDIN,
    Lines,
    LogError,
    Origin,
    TooLong,
    dropped,
    unified,
)
from cma_tui.log.passes import by_session, one_by_one, settled, several
from cma_tui.log.scan import documents
from cma_tui.log.shapes import (
    JSON_LINES,
    JSON_OBJECTS,
    RECORDING,
    SSE_CAPTURE,
    TOO_LONG,
    Found,
    expand,
    is_event,
    unwrap,
)
from cma_tui.log.sse import frames

__all__ = ["LogError", "SavedLog", "open_log"]


class SavedLog:
    """An opened log. Close it, or use it in a `with`, to let go of what standard input was kept in."""

    def __init__(self, origin: Origin) -> None:
        self._origin = origin
        self._found = Found()
        self._shown = 0
        """Which session the latest pass is of."""
        self._ordered: bool | None = None
        self._plan = plan_of(origin)
        self.name = origin.name
        self.shape = ""
        """What the file is: "JSON lines", "recording", "JSON array", "SSE capture" and so on."""
        first = list(islice(chain.from_iterable(self._read(self._found)), TRIED))
        if not (self._found.recognised or any(map(is_event, first))):
            raise LogError(self.name, refusal(first, self._plan, self._found))
        self.shape = self._found.shape
        self._calls = self._found.calls

    @property
    def notes(self) -> list[str]:
        """What there is to say of the latest pass over the log so far; all of it once the pass is through."""
        return [*self._found.notes, *several(len(self._found.sessions), self._shown)]

    @property
    def passed_over(self) -> list[str]:
        """What that pass has passed over, without the sessions that were not asked for."""
        return self._found.notes

    @property
    def sessions(self) -> list[str]:
        """Ids of the sessions that the latest pass has met, empty where nothing tells the id."""
        return self._found.sessions

    def events(self, session: int = 0) -> Iterator[Event]:
        """The events of one of the sessions in the log, in file order. Each call reads from the start.

        Args:
            session: which one, when the file holds several; the count is only known at its end.

        Raises:
            LogError: the file cannot be read any more, or there is no such session in it.
        """
        self._shown = session
        for number, events in self.parted():
            if number == session:
                yield from events
        found = self._found
        if session >= len(found.sessions):
            raise LogError(self.name, f"holds no session number {session + 1}: {len(found.sessions)} in it")

    def parted(self) -> Iterator[tuple[int, list[Event]]]:
        """The events of all sessions in one pass: stretches in file order, each with its session's number.

        Raises:
            LogError: the file cannot be read any more.
        """
        found = self._found = Found()
        lists = self._read(found)
        if self._calls:
            lists = one_by_one(settled(chain.from_iterable(lists), found))
        yield from by_session(lists, found)
        if found.unfinished:
            found.note("the list goes on: the last page in the file names a further one")
        if found.passed_over:
            found.note(f"recorded calls that are no events: {found.passed_over}")

    def follow(self, wait: Callable[[], bool]) -> Iterator[Event]:
        """The events of a file that is being written: those that are there, and those that come.

        A line that has no end yet waits for it. All events are taken for one session's.

        Args:
            wait: called when all that is there has been given out; whether to look again.

        Raises:
            LogError: the file has no lines to follow, was cut short, or is another one now.
        """
        if self._plan.layout != "lines" or self._calls or not self._origin.plain or self.name == STDIN:
            raise LogError(self.name, "cannot be followed: only files of JSON lines and recordings can")
        found = self._found = Found()
        chunks = dropped(self._origin.growing(wait), self._plan.start)
        return chain.from_iterable(_from_lines(Lines(chunks, self._plan.start), found))

    def kept(self, session: int = 0) -> MutableSequence[Event]:
        """What keeps the events of one of the sessions: their places in the file, where they have some."""
        again = self.again
        return [] if again is None else LogEvents([again], LINE_CAP)

    @property
    def again(self) -> Source | None:
        """How its lines are read again, by the places that its events tell; None where they tell none."""
        if self._plan.layout != "lines" or not self._origin.plain:
            return None
        shape = self.shape
        return Source(self._origin.descriptor, lambda line: _again(line, 0, shape))

    @property
    def descriptor(self) -> int:
        """The open file."""
        return self._origin.descriptor

    def close(self) -> None:
        """Let go of what standard input was kept in."""
        self._origin.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _read(self, found: Found) -> Iterator[list[Event]]:
        """The events in order; those of plain lines come many at a time."""
        chunks = dropped(self._origin.chunks(found.notes), self._plan.start)
        if self._plan.layout == "frames":
            found.see(SSE_CAPTURE)
            return one_by_one(_from_frames(Lines(unified(chunks)), found))
        if self._plan.layout == "document":
            return one_by_one(_from_document(chunks, self.name, found))
        lines = Lines(chunks, self._plan.start)
        if self.shape == RECORDING and self._tells_order():
            return one_by_one(_from_recording(lines, found))
        return _from_lines(lines, found)

    def _tells_order(self) -> bool:
        """Whether some line of the recording tells an order of its events."""
        if self._ordered is None:
            end = b""
            self._ordered = False
            for chunk in self._origin.chunks([]):
                if MARK in end + chunk[: len(MARK)] or MARK in chunk:
                    self._ordered = True
                    break
                end = chunk[-len(MARK) :]
        return self._ordered


def open_log(path: Path | str) -> SavedLog:
    """Open a saved log; `-` is standard input, which is read to its end first.

    Raises:
        LogError: the file cannot be read, or holds no events.
    """
    origin = Origin(path)
    try:
        return SavedLog(origin)
    except LogError:
        origin.close()
        raise


# -- the three ways through a file -------------------------------------------------------------------------


def _from_lines(lines: Lines, found: Found) -> Iterator[list[Event]]:
    """One JSON value a line; nearly always an event, or an event wrapped by our recorder."""
    number = 0
    for batch in lines.batches():
        at = lines.at
        if found.shape == JSON_LINES:
            parsed = parse_lines(batch, at)
            if None not in parsed:
                number += len(batch)
                yield cast(list[Event], parsed)
                continue
        else:
            parsed = [None] * len(batch)
        given: list[Event] = []
        for text, event in zip(batch, parsed, strict=True):
            number += 1
            one = event or _again(text, number, found.shape)
            if one is not None:
                one.where = at
                given.append(one)
            elif text and not text.isspace():
                yield given
                given = []
                yield from one_by_one(_closer(text, number, found))
            at += len(text) + 1
        yield given
    tail = lines.tail.strip()
    if tail and decode(tail) is None:
        found.note(f"torn last line, {len(lines.tail):,} bytes")
    elif tail:
        yield from one_by_one(expand(tail, number + 1, found))


def _again(line: bytes, number: int, shape: str) -> Event | None:
    """The event that a line of this shape is, by itself or wrapped by our recorder; None for any other line.

    Read again it gives the same event.
    """
    if shape == RECORDING:
        return unwrap(line, number)
    event = parse(line.strip(), position=number) if shape == JSON_LINES else None
    return event if event is not None and event.type in EVENT_TYPES else None


def _from_recording(lines: Lines, found: Found) -> Iterator[Event]:
    """A recording that tells the order of its events."""
    found.see(RECORDING)
    for number, item in enumerate(in_order(lines), 1):
        if isinstance(item, Event):
            yield item
        else:
            yield from _closer(item, number, found)
    if lines.tail.strip():
        found.note(f"torn last line, {len(lines.tail):,} bytes")


def _closer(text: bytes, number: int, found: Found) -> Iterator[Event]:
    """The events of a line that is no plain one."""
    if isinstance(text, TooLong):
        yield bad_frame(text, TOO_LONG, position=number)
    else:
        yield from expand(text.strip(), number, found)


def _from_frames(lines: Lines, found: Found) -> Iterator[Event]:
    """The data of each frame is an event, but for keep-alives and the end mark of some servers."""
    for frame in frames(lines):
        data = frame.data.strip()
        if not data or data == b"[DONE]":
            continue
        if frame.too_long:
            yield bad_frame(data, TOO_LONG, position=frame.line)
            continue
        event = parse(data, position=frame.line)
        if event.type == "local.bad_frame" and not frame.whole:
            found.note(f"torn last frame, {len(data):,} bytes")
        elif event.type != "ping":
            yield event


def _from_document(chunks: Iterator[bytes], name: str, found: Found) -> Iterator[Event]:
    """JSON that spans lines: one document, or several one after the other."""
    parts = []
    size = 0
    for chunk in chunks:
        parts.append(chunk)
        size += len(chunk)
        if size > DOCUMENT_CAP:
            limit = f"more than {DOCUMENT_CAP >> 20} MiB of JSON that is not in lines"
            raise LogError(name, f"{limit}: make it lines with jq -c '.[]'")
    text = b"".join(parts)
    parts.clear()
    position = 0
    for piece in documents(text):
        last: Event | None = None  # of a torn piece: the one the text ends in
        for event in expand(piece.text, position, found):
            position += 1
            if not piece.torn:
                yield event
            else:
                if last is not None:
                    yield last
                last = event
        if last is not None and last.type == "local.bad_frame":
            found.note(f"torn last event, {len(last.raw):,} bytes")
        elif last is not None:
            found.note("the file ends within a JSON document")
            yield last
    if found.shape == JSON_LINES:
        found.shape = JSON_OBJECTS
