"""The recorder: a sink that writes what a source delivers to a file, on a thread of its own.

Owns the way from batches to a recording. Invariants: `put` never waits for the disk, nor does whoever
reads the status; no event is left out while the process lives: what the disk does not take waits, is said
to wait, and is written when the disk takes it again; what the status counts is in the file.

What waits costs little: events are the very ones that the session holds, so the queue keeps references.
Previews are held by nobody else; of those at most `PREVIEW_LIMIT` bytes wait, and what is left out
beyond that is counted, said, and written down.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic, time
from typing import Any, Final, NamedTuple

import msgspec

from cma_tui.content import as_dict, as_text
from cma_tui.event import PREVIEW_TYPES, Event, local
from cma_tui.log.contents import Contents
from cma_tui.log.record import Line, counts, encode_line, event_line, event_of, file_name, header_line
from cma_tui.log.recording import RecordingError, RecordingFile, RecordingTakenError
from cma_tui.recording import Status
from cma_tui.source import Batch

PREVIEW_LIMIT: Final = 64 << 20
CHUNK: Final = 1 << 20
"""Bytes written at once, at most by one event and a stretch more."""
_STRETCH: Final = 1 << 16
"""Bytes of lines that are made at once."""
SYNC: Final = 1.0
"""Seconds after which what was written is on the disk, not only with the system."""
RETRY: Final = 5.0
"""Seconds between two tries after a failure."""
_RESTS: Final = frozenset({"session.status_idle", "session.status_terminated", "session.deleted"})


class _Delivery(NamedTuple):
    batch: Batch
    at: float
    """Monotonic."""
    wall: float


class _Piece(NamedTuple):
    """Whole lines, and what they are."""

    data: bytes = b""
    taken: int = 0
    """Events of the queue, previews aside, that are done with once this is written."""
    written: int = 0
    """Events among them that were not in the file."""
    rests: bool = False
    """Whether the session comes to rest in it."""


class Recorder:
    """Writes one session's deliveries. Made anew for each sitting; the file goes on."""

    def __init__(self, folder: Path, path: Path | None = None, *, previews: bool = True) -> None:
        """Start the thread; the file is opened when a batch tells the session.

        Args:
            folder: where recordings are kept, under names made of the session's id.
            path: where to write instead; its folder must exist.
            previews: whether to write previews too.
        """
        self.wake: Callable[[], None] = lambda: None
        """Called on the recorder's thread when it stops, goes on or ends."""
        self._folder, self._path, self._previews = folder, path, previews
        self._queue: deque[_Delivery] = deque()
        self._changed = threading.Condition()
        """Guards the queue and what the status is made of."""
        self._closing = False
        self._status = Status("waiting")
        self._fresh = False
        """Whether something came since the thread last looked."""
        self._waiting = 0
        self._preview_bytes = 0
        self._left_out = 0
        self._left_unsaid = 0
        self._file: RecordingFile | None = None
        self._contents = Contents()
        self._began = 0.0
        self._sitting = 0
        self._connections: dict[str | None, int] = {}
        self._pieces = self._encoded()
        self._chunk: _Piece | None = None
        """What is being written."""
        self._sync_at: float | None = None
        self._taken = False
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    # -- any thread ------------------------------------------------------------------------------------

    def put(self, batch: Batch) -> None:
        """Take a delivery. Never waits for the disk."""
        if batch.origin == "list" and not batch.listed:
            return  # a page that is shown early; the whole list follows
        previews = sum(len(e.raw) for e in batch.events if e.type in PREVIEW_TYPES)
        with self._changed:
            if self._taken or self._closing:
                return
            if previews:
                if not self._previews or self._preview_bytes + previews > PREVIEW_LIMIT:
                    events = [e for e in batch.events if e.type not in PREVIEW_TYPES]
                    if self._previews:
                        self._left_out += len(batch.events) - len(events)
                        self._left_unsaid += len(batch.events) - len(events)
                    batch = Batch(events, listed=batch.listed, after=batch.after, origin=batch.origin)
                else:
                    self._preview_bytes += previews
            if batch.events:
                self._queue.append(_Delivery(batch, monotonic(), time()))
                self._fresh = True
                self._waiting += sum(counts(event) for event in batch.events)
                self._changed.notify_all()

    @property
    def status(self) -> Status:
        """How it stands."""
        with self._changed:
            return msgspec.structs.replace(self._status, waiting=self._waiting, left_out=self._left_out)

    @property
    def gave_up(self) -> bool:
        """Whether the file is not ours to write: no further try is made."""
        return self._taken

    def wait_until_written(self, waiting: int = 0, timeout: float | None = None) -> bool:
        """Wait until at most so many events wait for the disk, or no more are going to be written."""
        with self._changed:
            return self._changed.wait_for(
                lambda: self._waiting <= waiting or self._taken or not self._thread.is_alive(), timeout
            )

    def close(self, timeout: float = 5.0) -> Status:
        """Write what waits, and end. Returns how it ended; a disk that hangs is given up after `timeout`."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(timeout)
        if self._thread.is_alive():
            return msgspec.structs.replace(self.status, state="stopped", problem="the disk does not answer")
        return self.status

    # -- the recorder's thread --------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._work()
        except Exception as error:  # noqa: BLE001 - a defect must be seen, and must not end the session
            self._say("stopped", f"a defect in cma-top: {type(error).__name__}")
        finally:
            with self._changed:
                self._changed.notify_all()
            if self._file is not None:
                self._file.close()
            self.wake()

    def _work(self) -> None:
        retry_at: float | None = None
        while True:
            with self._changed:
                while not (self._fresh or self._closing or self._due(retry_at)):
                    self._changed.wait(self._patience(retry_at))
                closing, self._fresh = self._closing, False
            if retry_at is None or monotonic() >= retry_at or closing:
                try:
                    self._write()
                    retry_at = None
                except RecordingTakenError as error:
                    self._give_up(str(error))
                except RecordingError as error:
                    retry_at = monotonic() + RETRY
                    self._say("stopped", str(error))
            if closing:
                if self._status.state != "stopped":
                    self._say("ended")
                return

    def _due(self, retry_at: float | None) -> bool:
        return any(at is not None and monotonic() >= at for at in (retry_at, self._sync_at))

    def _patience(self, retry_at: float | None) -> float | None:
        at = min((at for at in (retry_at, self._sync_at) if at is not None), default=None)
        return None if at is None else max(0.0, at - monotonic())

    def _write(self) -> None:
        """Write what waits, and see to it that the disk has it in time."""
        if self._file is None and not self._open():
            return
        assert self._file is not None
        while (chunk := self._chunk or self._next_chunk()) is not None:
            self._chunk = chunk
            if chunk.data:
                self._file.append(chunk.data)
                if self._sync_at is None:
                    self._sync_at = monotonic() + SYNC
            self._chunk = None
            self._wrote(chunk)
            if self._file.dirty and (chunk.rests or self._due(None)):
                self._sync()
        if self._closing or (self._file.dirty and (self._sync_at is None or self._due(None))):
            self._sync()
        if self._status.state != "recording":
            self._say("recording")

    def _sync(self) -> None:
        """See to it that the disk has what was written, in the file that is there."""
        assert self._file is not None
        self._sync_at = None
        if not self._file.restore() and self._file.dirty:
            self._file.sync()

    def _wrote(self, chunk: _Piece) -> None:
        with self._changed:
            self._waiting -= chunk.taken
            held = self._status.events + chunk.written
            self._status = msgspec.structs.replace(self._status, events=held)
            self._changed.notify_all()

    def _say(self, state: str, problem: str = "") -> None:
        with self._changed:
            changed = (state, problem) != (self._status.state, self._status.problem)
            self._status = msgspec.structs.replace(self._status, state=state, problem=problem)
            self._changed.notify_all()
        if changed:
            self.wake()

    def _give_up(self, problem: str) -> None:
        with self._changed:
            self._taken = True
            self._queue.clear()
        self._say("stopped", problem)

    # -- the file ------------------------------------------------------------------------------------------

    def _open(self) -> bool:
        """Open the file and read what it holds, once the session is known."""
        resource = self._resource()
        session_id = as_text(resource.get("id"))
        if session_id is None:
            return False
        path = self._path or self._folder / file_name(session_id)
        file = RecordingFile(path, session_id, own_folder=self._path is None)
        self._contents = Contents()
        self._sitting = 1
        for number, line in enumerate(file.lines()):
            if line.runs is not None:
                self._contents.mend(line.thread, line.runs, line.after or "")
            elif line.src is not None:
                self._contents.add(event_of(line, number, line.text), fact=line.src == "local")
            else:
                self._sitting += 1
        self._began = monotonic()
        try:
            file.append(header_line(session_id, resource, time()))
        except RecordingError:
            file.close()
            raise
        self._file = file
        with self._changed:
            self._status = Status("recording", self._contents.events, path=path)
        self.wake()
        return True

    def _resource(self) -> dict[str, Any]:
        """The session as the first delivery that describes it does."""
        with self._changed:
            waiting = list(self._queue)
        for delivery in waiting:
            for event in delivery.batch.events:
                if event.type == "local.session":
                    return as_dict(event.data.get("session"))
        return {}

    def _next_chunk(self) -> _Piece | None:
        """As much of what waits as is written at once; None when nothing waits."""
        parts: list[bytes] = []
        size = taken = written = 0
        rests = False
        for piece in self._pieces:
            if piece is None:
                break
            parts.append(piece.data)
            size += len(piece.data)
            taken, written, rests = taken + piece.taken, written + piece.written, rests or piece.rests
            if size >= CHUNK:
                break
        return _Piece(b"".join(parts), taken, written, rests) if parts else None

    def _encoded(self) -> Iterator[_Piece | None]:
        """What waits, in stretches of lines; None whenever nothing does."""
        while True:
            with self._changed:
                delivery = self._queue.popleft() if self._queue else None
                unsaid, self._left_unsaid = self._left_unsaid, 0
            if unsaid:
                text = f"{unsaid:,} previews were not recorded: the disk was too slow"
                notice = local("local.notice", {"text": text, "at": time()}, received_at=time())
                yield from self._of(_Delivery(Batch([notice]), monotonic(), time()), owed=0)
            if delivery is None:
                yield None
            else:
                yield from self._of(delivery)

    def _of(self, delivery: _Delivery, owed: int = 1) -> Iterator[_Piece]:
        """The lines of a delivery."""
        batch, contents = delivery.batch, self._contents
        placed = batch.listed and contents.place(batch.events, batch.after)
        t = max(0.0, delivery.at - self._began)
        lines: list[bytes] = []
        size = taken = written = previews = 0
        rests = False
        for event in batch.events:
            if size >= _STRETCH:
                yield self._piece(lines, taken, written, rests, previews)
                size = taken = written = previews = 0
                rests = False
            preview = not counts(event)
            if preview:
                previews += len(event.raw)
            else:
                taken += owed
            if not contents.is_news(event):
                continue
            src = _origin(event, batch)
            fact = src == "local"
            key = event.key if event.type.startswith("local.") else None
            if fact:
                if self._sitting > 1:
                    key = f"{event.key}#{self._sitting}"
                if event.type == "local.connected":
                    self._connected(event)
            wall = delivery.wall if event.received_at is None else event.received_at
            conn = self._connections.get(event.stream, 0) if src == "stream" else 0
            data = event_line(event, src=src, t=t, wall=wall, conn=conn, key=key, placed=placed)
            contents.add(event, fact=fact)
            lines.append(data)
            size += len(data)
            written += not preview
            rests = rests or event.type in _RESTS
        yield self._piece(lines, taken, written, rests, previews)
        if placed:
            stream = batch.events[0].stream
            runs = contents.runs(batch.events)
            contents.mend(stream, runs, batch.after)
            line = Line(round(t, 6), src="list", thread=stream, after=batch.after, runs=runs)
            yield _Piece(encode_line(line) + b"\n")

    def _piece(self, lines: list[bytes], taken: int, written: int, rests: bool, previews: int) -> _Piece:
        """Lines that belong together; their list is emptied, and so many bytes of previews wait less."""
        if previews:
            with self._changed:
                self._preview_bytes -= previews
        data = b"".join(lines)
        lines.clear()
        return _Piece(data, taken, written, rests)

    def _connected(self, event: Event) -> None:
        data = event.data
        number = data.get("connection")
        self._connections[as_text(data.get("thread"))] = number if isinstance(number, int) else 0


def _origin(event: Event, batch: Batch) -> str:
    if batch.listed:
        return "list"
    if event.type.startswith("local.") and event.type != "local.bad_frame":
        return "local"
    if batch.origin == "send":
        return "send"
    return "stream" if event.received_at is not None else "list"
