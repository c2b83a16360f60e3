"""The mirror: which turns of a session are to be sent, and how that goes.

Owns the choice of turns on the caller's thread. Invariants: `update` costs what changed and never waits; a
turn is picked when it has ended, and again whenever what its rows say may have changed; what does not fit the
queue stays due; nothing starts (no thread, no file, no socket) before there is a turn of a session to send.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Set
from hashlib import sha256
from pathlib import Path
from time import monotonic

from cma_tui.mirror.calls import call_key
from cma_tui.mirror.cut import Head, anchor, extent, identity_of, named, take, take_head
from cma_tui.mirror.due import Due
from cma_tui.mirror.intake import GATHERING, Intake, Parcel
from cma_tui.mirror.outbox import LIMIT, Counts, Outbox
from cma_tui.mirror.row import row_id
from cma_tui.mirror.spans import SESSION
from cma_tui.mirror.status import Status, turns_of
from cma_tui.mirror.target import Target
from cma_tui.mirror.upload import Uploader
from cma_tui.redact import Redactor
from cma_tui.session.book import Book
from cma_tui.session.model import Change, Evaluation, ModelRequest, Session, ToolUse, Turn
from cma_tui.session.turns import opening_seen
from cma_tui.settings import TraceMode

_ITEMS = 1500
"""Items copied in one `update`."""
_INTERVAL = 1.0
"""Seconds between two looks at a turn that runs, in realtime mode."""
_REACH = 500
"""Items looked back from a model request for what it was given, in realtime mode."""


class Mirror:
    """Sends a session's turns to Braintrust, without its caller ever waiting."""

    def __init__(
        self,
        target: Target | None,
        folder: Path,
        *,
        mode: TraceMode = "batch",
        sample: float = 1.0,
        secrets: Iterable[str] = (),
        patterns: Iterable[str] = (),
        namespace: str = "",
        note: str = "",
        limit: int = LIMIT,
        gathering: float = GATHERING,
        clock: Callable[[], float] = monotonic,
        wait: Callable[[threading.Event, float | None], object] = threading.Event.wait,
    ) -> None:
        """Prepare; nothing starts yet.

        Args:
            target: where to send; None keeps the mirror off.
            folder: where turns wait.
            mode: `batch` sends a turn when it has ended, `realtime` also what is known of one that runs,
                `metadata` withholds what was said, `off` sends nothing.
            sample: share of the sessions that is sent, 0 to 1; the same ones everywhere.
            secrets: values to mask wherever they stand.
            patterns: regular expressions for more of what to mask.
            namespace: tells servers apart whose session ids may be the same.
            note: why it is off, in one line.
            limit: bytes that may wait on disk.
            gathering: seconds between two times that turns go to the disk, and from there to the server.
            clock: seconds that only go forward.
            wait: waits for an event, at most so many seconds.

        Raises:
            PatternError: a pattern cannot be used.
        """
        self.mode: TraceMode = mode if target is not None else "off"
        self.note = note
        """Why it is off, or what is missing: one line."""
        self._target, self._folder, self._limit = target, folder, limit
        self._sample, self._namespace = sample, namespace
        self._redactor = Redactor(secrets, patterns)
        self._gathering = gathering
        self._clock, self._wait = clock, wait
        self._identity: str | None = None
        self._intake: Intake | None = None
        self._uploader: Uploader | None = None
        self._moved = threading.Event()
        self._counting = threading.Lock()
        """Held by a thread while it asks the disk, so that an older answer replaces no newer one."""
        self._lock = threading.Lock()
        """Held for a moment, by whoever calls too, around what follows."""
        self._kept: set[str] = set()
        self._counts = Counts()
        self._damage = ""
        """Where an outbox that could not be read has been put."""
        self._session: Session | None = None
        self._book = Book()
        self._whole = False
        self._due = Due()
        self._live: set[int] = set()
        self._live_seen = 0
        self._live_after = 0.0
        self._opened = ""

    # -- on the caller's thread ----------------------------------------------------------------------------

    def update(
        self, session: Session, book: Book, change: Change | None = None, *, whole: bool = True
    ) -> bool:
        """Pick what is to be sent. Call it after each fold, each second, and soon again when it returns True.

        Args:
            session: the session as it stands.
            book: its figures. While they are behind nothing is picked.
            change: what the fold has changed; without it, better copies of old events go unnoticed.
            whole: False while the session's beginning, or the prices, are on their way: nothing is picked
                before they are there, as a turn that is half known would get another name. It counts until it
                is True once.

        Returns:
            Whether there is more to pick than one call may take.
        """
        self._whole = self._whole or whole
        if self.mode == "off" or not self._whole or not self._begun(session):
            return False
        reset = session is not self._session or (change is not None and change.reset)
        if reset or self._moved.is_set():
            self._look_anew(session)
        self._book = book
        self._notice(session, None if change is None or reset else change.items)
        if not book.tells(session):
            return bool(self._due.turns)
        self._due.notice_costs(session, book)
        more = self._pick(session, _ITEMS)
        self._pick_live(session)
        return more

    def close(self, deadline: float = 2.0) -> Status:
        """Keep what was picked, send what can be sent by then, and end.

        Args:
            deadline: seconds it may take; what is not sent by then waits on disk.
        """
        until = self._clock() + deadline
        if self._intake is None or self._uploader is None:
            return self.status
        session = self._session
        if session is not None:
            self._book.update(session)
            self._due.notice_costs(session, self._book)
        while session is not None and self._due.turns and (left := until - self._clock()) > 0:
            self._pick(session, _ITEMS, seconds=left)
        self._intake.finish(max(0.1, until - self._clock()))
        self._uploader.finish(max(0.1, until - self._clock()))
        return self.status

    def add_log(self, session: Session, book: Book, deadline: float = 30.0) -> None:
        """Pick every turn of a log to which nothing will be added, the ones without an end too."""
        until = self._clock() + deadline
        if self.mode == "off" or not self._begun(session):
            return
        self._look_anew(session)
        self._book = book
        self._notice(session, None)
        self._due.add_all(session)
        while self._due.turns and (left := until - self._clock()) > 0:
            self._pick(session, _ITEMS, seconds=left, whole=True)

    @property
    def status(self) -> Status:
        """How it stands."""
        if self.mode == "off" or self._intake is None or self._uploader is None:
            return Status(on=self.mode != "off")
        with self._lock:
            counts, kept = self._counts, len(self._kept)
            waiting = len(counts.waiting & self._kept)
            failed = len((counts.refused & self._kept) - counts.waiting)
        return Status(
            on=True,
            sent=kept - waiting - failed,
            waiting=waiting + self._intake.waiting + len(self._due.turns),
            open=int(self._session is not None and self._session.turn is not None),
            failed=failed,
            elsewhere=counts.all_waiting - len(counts.waiting),
            lost=counts.lost,
            masked=self._redactor.masked,
            problem=self._intake.problem or self._uploader.problem,
            damage=self._damage,
        )

    @property
    def farewell(self) -> str:
        """What there is to say when the screen is gone: where the turns are, and what was not sent."""
        status = self.status
        place = self._uploader.place if self._uploader is not None else None
        sent = ""
        if status.sent and place is not None and self._identity is not None:
            sent = f"{turns_of(status.sent)} in Braintrust: {place.link(row_id(self._identity, SESSION))}"
        return "; ".join(filter(None, [sent, status.farewell]))

    @property
    def where(self) -> str:
        """Where it sends, in words."""
        return self._target.words if self._target is not None else ""

    def link(self, session: Session, turn: Turn | None = None, item: int = -1) -> str | None:
        """The address in the web app, of the session, of a turn, or of a call that has a row of its own.

        It leads somewhere once the row has arrived. None while the place is not known: before Braintrust has
        been reached for the first time.
        """
        if self._uploader is None or self._uploader.place is None or self._identity is None:
            return None
        key: str | None = SESSION if turn is None else f"turn:{anchor(session, turn)}"
        if item >= 0:
            key = call_key(session.events, session.items[item])
        return None if key is None else self._uploader.place.link(row_id(self._identity, key))

    def sent(self, session: Session, turn: Turn) -> bool:
        """Whether the server has the turn, as it was last picked."""
        key = anchor(session, turn)
        with self._lock:
            return key in self._kept and key not in self._counts.waiting | self._counts.refused

    # -- which turns ---------------------------------------------------------------------------------------

    def _begun(self, session: Session) -> bool:
        """Start when there is a turn of a session that is to be sent."""
        if self._identity is not None:
            return True
        identity = identity_of(session)
        if identity is None or not session.turns or self._target is None:
            return False
        self._identity = f"{self._namespace}\x1f{identity}" if self._namespace else identity
        if not sampled(identity, self._sample):
            self.mode, self.note = "off", f"this session is not in the sample of {self._sample:g}"
            return False
        self.begin()
        return True

    def begin(self) -> None:
        """Start the threads, which send what waits from earlier runs; without it the first turn does."""
        if self._intake is not None or self._target is None:
            return
        self._intake = Intake(
            self._open_outbox,
            self._redactor,
            content=self.mode != "metadata",
            sample=self._sample,
            kept=self._kept_turns,
            gathering=self._gathering,
            wait=self._wait,
            clock=self._clock,
        )
        self._uploader = Uploader(
            self._open_outbox,
            self._target,
            changed=self._count,
            moved=self._moved.set,
            wait=self._wait,
            clock=self._clock,
        )
        self._intake.start()
        self._uploader.start()

    def _open_outbox(self) -> Outbox:
        assert self._target is not None
        outbox = Outbox(self._folder, self._target.name, limit=self._limit)
        if outbox.damaged is not None:
            self._damage = (
                f"the outbox was damaged and has been begun anew; what waited is in {outbox.damaged}"
            )
        return outbox

    def _look_anew(self, session: Session) -> None:
        """The session was folded anew, or the rows are wanted once more: find the turns that differ."""
        self._session = session
        self._due.look_anew(session, forget=self._moved.is_set())
        self._moved.clear()
        self._live, self._live_seen = set(), 0

    def _notice(self, session: Session, touched: Iterable[int] | None) -> None:
        """Note which ended turns are due, and what is new in the one that runs."""
        self._due.notice(session, touched)
        if self.mode == "realtime" and session.turns:
            first = session.turns[-1].first_item
            self._live.update(position for position in touched or () if position >= first)
            self._live.update(range(max(self._live_seen, first), len(session.items)))
            self._live_seen = len(session.items)

    def _pick(self, session: Session, items: int, *, seconds: float = 0.0, whole: bool = False) -> bool:
        """Hand over turns that are due, up to so many items. Returns whether some are left."""
        assert self._intake is not None
        head: Head | None = None
        due = self._due.turns
        while due and items > 0:
            if self._intake.full and not seconds:
                return True
            number = next(iter(due))
            turn = session.turns[number]
            if not whole and not opening_seen(session, turn):
                del due[number]  # its beginning is not here: it would be another turn
                continue
            head = head or take_head(session, self._identity or "")
            cut = take(session, turn, head, self._due.index, self._book)
            if not self._intake.offer(Parcel(head, cut), seconds=seconds):
                return True
            self._due.picked(session, turn, cut)
            items -= len(cut.items) + 1
        return bool(due)

    def _pick_live(self, session: Session) -> None:
        """Hand over what is new in the turn that runs, once a second; what does not fit the queue later."""
        assert self._intake is not None
        turn = session.turn
        if self.mode != "realtime" or turn is None or self._clock() < self._live_after or self._intake.full:
            return
        if not named(session, turn) or not opening_seen(session, turn):
            return
        key = anchor(session, turn)
        # What a child thread did in an earlier turn may be read while this one runs: it is not this one's.
        ours = self._due.index.children.get(turn.index, {})
        calls = {
            position
            for position in self._live
            if isinstance(item := session.items[position], _CALLS)
            and (item.thread is None or position in ours)
        }
        if not calls and self._opened == key:
            self._live.clear()
            return
        given = set(calls)
        for position in calls:
            given |= _surroundings(session, turn, position)
        head = take_head(session, self._identity or "")
        cut = take(session, turn, head, self._due.index, self._book, only=given)
        if self._intake.offer(Parcel(head, cut, provisional=True, only=calls)):
            self._live.clear()
            self._opened, self._live_after = key, self._clock() + _INTERVAL

    # -- on the threads ------------------------------------------------------------------------------------

    def _kept_turns(self, outbox: Outbox, keys: Set[str]) -> None:
        self._count(outbox, keys)
        if self._uploader is not None:
            self._uploader.wake()

    def _count(self, outbox: Outbox, keys: Set[str] = frozenset()) -> None:
        with self._counting:
            counts = outbox.counts(self._identity or "")
            with self._lock:
                self._kept |= keys
                self._counts = counts


_CALLS = (ModelRequest, ToolUse, Evaluation)


def sampled(session: str, rate: float) -> bool:
    """Whether a session is among the share that is sent: the same answer everywhere and always."""
    place = int.from_bytes(sha256(session.encode(errors="replace")).digest()[:8], "big")
    return place < rate * 2**64


def _surroundings(session: Session, turn: Turn, position: int) -> set[int]:
    """For a model request the items since the one before it in its thread, and those up to the next."""
    item = session.items[position]
    if not isinstance(item, ModelRequest):
        return set()
    around: set[int] = set()
    bounds = extent(session, turn)
    for step in (-1, 1):
        place = position + step
        while place in bounds and abs(place - position) < _REACH:
            other = session.items[place]
            if other.thread == item.thread:
                around.add(place)
                if isinstance(other, ModelRequest):
                    break
            place += step
    return around
