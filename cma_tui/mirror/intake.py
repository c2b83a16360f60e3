"""From a turn that was cut out of the session to rows that wait on disk.

Owns the thread that makes, cleans, packs and keeps rows. Invariants: the caller's thread only puts a cut into
a queue of bounded length; a turn that comes alone is kept at once, and turns that come thick and fast are
gathered for a while and kept together; what cannot be kept now is kept later, in order; whatever goes wrong
is told in `problem`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence, Set
from queue import Empty, Full, Queue
from time import monotonic
from typing import Final, NamedTuple

from cma_tui.mirror.cut import Cut, Head
from cma_tui.mirror.outbox import Outbox, OutboxError
from cma_tui.mirror.redact import cleaned, without_content
from cma_tui.mirror.row import Packed, Row, pack
from cma_tui.mirror.spans import SESSION, cut_rows, head_row
from cma_tui.redact import Redactor
from cma_tui.text import printable

QUEUE: Final = 64
"""Turns that may wait in memory, beside as many that are being kept. The others stay in the session."""
GATHERING: Final = 2.0
"""Seconds between two transactions, as long as there is room in the queue."""
_TOGETHER = 4_000_000
"""Bytes of one transaction, when there is more than one turn in it."""
_RETRY = 5.0


class Parcel(NamedTuple):
    """What is handed over: a turn, and how the session stood."""

    head: Head
    cut: Cut
    provisional: bool = False
    only: Set[int] | None = None


class _Portion(NamedTuple):
    """What one transaction keeps."""

    session: str
    turns: list[tuple[str, list[Packed]]]
    """What names each turn, and its rows."""
    root: Packed
    whole: list[str]
    """The turns that are there with all their rows."""


class Intake:
    """Makes rows of turns and keeps them in the outbox, on a thread of its own."""

    def __init__(
        self,
        open_outbox: Callable[[], Outbox],
        redactor: Redactor,
        *,
        content: bool,
        sample: float,
        kept: Callable[[Outbox, Set[str]], None],
        gathering: float = GATHERING,
        wait: Callable[[threading.Event, float | None], object] = threading.Event.wait,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """Prepare.

        Args:
            open_outbox: opens a connection of the thread's own.
            redactor: cleans every row.
            content: whether what was said is sent.
            sample: the share of sessions that is sent, to be noted on their rows.
            kept: called on the thread when rows are on disk, with what names the turns that are there whole.
            gathering: seconds between two transactions.
            wait: waits for an event, at most so many seconds.
            clock: seconds that only go forward.
        """
        self.problem = ""
        """Why nothing is kept now, in one line."""
        self._open, self._redactor, self._content, self._sample = open_outbox, redactor, content, sample
        self._kept, self._gathering, self._wait, self._clock = kept, gathering, wait, clock
        self._queue: Queue[Parcel | None] = Queue(QUEUE)
        self._offered = 0
        self._done = 0
        self._finishing = threading.Event()
        self._hurry = threading.Event()
        """Set when nothing is gathered: the queue is full, or the end has come."""
        self._thread = threading.Thread(target=self._run, name="mirror-intake", daemon=True)

    def start(self) -> None:
        """Start."""
        self._thread.start()

    @property
    def waiting(self) -> int:
        """How many turns are not on disk yet. Those left at the end are in the session's history."""
        return self._offered - self._done

    @property
    def full(self) -> bool:
        """Whether there is no room just now."""
        return self._queue.full()

    def offer(self, parcel: Parcel, *, seconds: float = 0.0) -> bool:
        """Hand a turn over. Returns False when there is no room, after waiting so long for it."""
        try:
            self._queue.put(parcel, block=seconds > 0, timeout=seconds or None)
        except Full:
            return False
        self._offered += not parcel.provisional
        if self.full:
            self._hurry.set()
        return True

    def finish(self, seconds: float) -> bool:
        """Keep what was handed over, and end. Returns whether it ended in time."""
        until = monotonic() + seconds
        self._finishing.set()
        self._hurry.set()
        if self._thread.is_alive():
            try:
                self._queue.put(None, timeout=max(0.01, seconds))
            except Full:
                return False
            self._thread.join(max(0.0, until - monotonic()))
        return not self._thread.is_alive()

    def _run(self) -> None:
        outbox: Outbox | None = None
        try:
            for parcels in self._gathered():
                for portion in self._portions(parcels):
                    outbox = self._keep(outbox, portion)
        except Exception as error:  # noqa: BLE001 - a thread's error goes nowhere else; it is shown
            said = printable(" ".join(str(error).split()), strict=True, cap=200)
            self.problem = f"a defect in the mirror: {type(error).__name__}: {said}"
            self._drain()
        finally:
            if outbox is not None:
                outbox.close()

    def _gathered(self) -> Iterator[list[Parcel]]:
        """What is handed over, as much at a time as there is, until the end."""
        not_before = self._clock()
        ended = False
        while not ended:
            found = [self._queue.get()]
            if found[0] is not None and (early := not_before - self._clock()) > 0:
                self._wait(self._hurry, early)
            self._hurry.clear()
            if self._finishing.is_set():
                self._hurry.set()
            while len(found) <= QUEUE and not self._queue.empty():
                found.append(self._queue.get())
            ended = None in found
            yield [parcel for parcel in found if parcel is not None]
            not_before = self._clock() + self._gathering

    def _drain(self) -> None:
        """Empty the queue, so that nobody waits for room in it."""
        try:
            while self._queue.get_nowait() is not None:
                pass
        except Empty:
            return

    def _portions(self, parcels: Sequence[Parcel]) -> Iterator[_Portion]:
        """Their rows, as many at a time as one transaction takes, with the session's own as it was last."""
        turns: list[tuple[str, list[Packed]]] = []
        whole: list[str] = []
        size = 0
        for parcel in parcels:
            session, key = parcel.head.identity, parcel.cut.key
            rows = cut_rows(parcel.cut, provisional=parcel.provisional, only=parcel.only)
            packed = [self._packed(row, session) for row in rows]
            turns.append((key, packed))
            if not parcel.provisional:
                whole.append(key)
            size += sum(len(row.body) for row in packed)
            if size >= _TOGETHER or parcel is parcels[-1]:
                yield _Portion(session, turns, self._packed(head_row(parcel.head), session), whole)
                turns, whole, size = [], [], 0

    def _packed(self, row: Row, session: str) -> Packed:
        if self._sample < 1 and row.key.startswith((SESSION, "turn:")):
            row.metadata["sample_rate"] = self._sample
        if not self._content:
            row = without_content(row)
        return pack(cleaned(self._redactor, row), session)

    def _keep(self, outbox: Outbox | None, portion: _Portion) -> Outbox | None:
        """Keep rows, whenever the disk lets us. Returns the outbox to go on with."""
        while True:
            try:
                outbox = outbox or self._open()
                outbox.put(portion.session, portion.turns, root=portion.root)
                self.problem = ""
                self._kept(outbox, frozenset(portion.whole))
                self._done += len(portion.whole)
            except OutboxError as error:
                self.problem = str(error)
                if outbox is not None and error.broken:
                    outbox.close()
                    outbox = None
                if self._finishing.is_set():
                    return outbox
                self._wait(self._finishing, _RETRY)
            else:
                return outbox
