"""What waits on disk until the server has it, and what it has.

Owns the files `outbox.sqlite3` and `outbox-*.lock` in the mirror's folder. Invariants: what `put` has
returned from survives a crash and a power cut; a row leaves only when the server has it, has refused it, or
the folder's limit drops the oldest turns, whole and counted; a row the server has is not sent again unless it
changed; an older or provisional version never replaces a newer one. Several processes may use one folder:
every change is one transaction, and at most one process sends to a destination at a time.
"""

from __future__ import annotations

import fcntl
import os
import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import time
from typing import Any, Final, NamedTuple

import msgspec

from cma_tui.mirror.row import Packed
from cma_tui.mirror.target import Place
from cma_tui.private import PrivateError, open_private, private_folder

LIMIT: Final = 256 * 1024 * 1024
"""Bytes of rows that may wait."""
_REFUSED_KEPT = 200
_LEDGER_DAYS = 90
_PATIENCE = 5.0
"""Seconds to wait for another process's transaction."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS waiting (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    dest TEXT NOT NULL, session TEXT NOT NULL, turn TEXT NOT NULL, id TEXT NOT NULL,
    digest BLOB NOT NULL, rank INTEGER NOT NULL, live INTEGER NOT NULL, body BLOB NOT NULL,
    UNIQUE (dest, id));
CREATE INDEX IF NOT EXISTS waiting_turns ON waiting (dest, session, turn);
CREATE TABLE IF NOT EXISTS ledger (
    dest TEXT NOT NULL, id TEXT NOT NULL, digest BLOB NOT NULL, rank INTEGER NOT NULL, live INTEGER NOT NULL,
    refused INTEGER NOT NULL, at REAL NOT NULL, PRIMARY KEY (dest, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS refused (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    dest TEXT NOT NULL, session TEXT NOT NULL, turn TEXT NOT NULL, id TEXT NOT NULL,
    status INTEGER NOT NULL, reason TEXT NOT NULL, at REAL NOT NULL, body BLOB NOT NULL, UNIQUE (dest, id));
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID;
INSERT OR IGNORE INTO facts VALUES ('bytes', 0), ('lost', 0);
CREATE TRIGGER IF NOT EXISTS waiting_more AFTER INSERT ON waiting
    BEGIN UPDATE facts SET value = value + length(NEW.body) WHERE name = 'bytes'; END;
CREATE TRIGGER IF NOT EXISTS waiting_less AFTER DELETE ON waiting
    BEGIN UPDATE facts SET value = value - length(OLD.body) WHERE name = 'bytes'; END;
"""
_IN_WAITING = """
SELECT id, digest, rank, live FROM waiting WHERE dest = ? AND id IN (SELECT value FROM json_each(?))
"""
_IN_LEDGER = """
SELECT id, digest, rank, live FROM ledger WHERE dest = ? AND id IN (SELECT value FROM json_each(?))
"""


class OutboxError(Exception):
    """The folder or its files cannot be used. Its message is one line."""

    def __init__(self, message: str, *, broken: bool = False) -> None:
        super().__init__(message)
        self.broken = broken
        """Whether the file is damaged: it is put aside when the folder is opened anew."""


class Waiting(NamedTuple):
    """One row that waits, in the version that is to be sent."""

    seq: int
    id: str
    session: str
    turn: str
    body: bytes


class _Version(NamedTuple):
    """What tells one version of a row from another."""

    digest: bytes
    rank: int
    live: bool


class Counts(NamedTuple):
    """How a session's turns stand."""

    waiting: frozenset[str] = frozenset()
    refused: frozenset[str] = frozenset()
    all_waiting: int = 0
    """Turns of all sessions that wait for this destination."""
    lost: int = 0
    """Turns that were dropped for room, ever."""


class Outbox:
    """The folder, through one connection: for one thread."""

    def __init__(self, folder: Path, dest: str, *, limit: int = LIMIT) -> None:
        """Open or create it.

        Args:
            folder: where it lives; created for its owner alone.
            dest: which destination its rows are for.
            limit: bytes of rows that may wait, for all destinations together.

        Raises:
            OutboxError: it cannot be used.
        """
        self.damaged: Path | None = None
        """Where a file that was no longer readable has been put."""
        self._folder, self._dest, self._limit = folder, dest, limit
        try:
            private_folder(folder)
        except PrivateError as error:
            raise OutboxError(f"the mirror's folder {error}") from None
        path = folder / "outbox.sqlite3"
        with _alone(folder / "outbox-open.lock"):
            try:
                self._db = _open(path)
            except sqlite3.DatabaseError as error:
                if isinstance(error, sqlite3.OperationalError):  # full or not permitted: nothing is broken
                    raise OutboxError(f"the outbox cannot be opened: {error}") from None
                self.damaged = _set_aside(path)
                self._db = _open(path)

    def close(self) -> None:
        """Close the connection."""
        self._db.close()

    # -- what waits ----------------------------------------------------------------------------------------

    def put(
        self, session: str, turns: Iterable[tuple[str, Sequence[Packed]]], *, root: Packed | None = None
    ) -> int:
        """Keep turns' rows until they are sent, all or none. Returns how many wait that did not before.

        Args:
            session: the session they are of.
            turns: what names each turn, and its rows; of a row that is there twice the later one counts.
            root: the session's own row, which belongs to no turn.

        Raises:
            OutboxError: the disk is full or broken; nothing was kept.
        """
        rows: dict[str, tuple[str, Packed]] = {} if root is None else {root.id: ("", root)}
        for turn, of_turn in turns:
            for row in of_turn:
                if row.id not in rows or rows[row.id][1].rank <= row.rank:
                    rows.pop(row.id, None)
                    rows[row.id] = (turn, row)
        with self._change() as db:
            names = msgspec.json.encode(list(rows)).decode()
            waiting = _versions(db.execute(_IN_WAITING, (self._dest, names)))
            ledger = _versions(db.execute(_IN_LEDGER, (self._dest, names)))
            news = [
                (turn, row)
                for turn, row in rows.values()
                if _is_news(row, waiting.get(row.id), ledger.get(row.id))
            ]
            replaced = [(self._dest, row.id) for _, row in news if row.id in waiting]
            db.executemany("DELETE FROM waiting WHERE dest = ? AND id = ?", replaced)
            db.executemany(
                "INSERT INTO waiting (dest, session, turn, id, digest, rank, live, body)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    (self._dest, session, turn, row.id, row.digest, row.rank, row.live, row.body)
                    for turn, row in news
                ],
            )
            while self._drop_oldest(db):
                db.execute("UPDATE facts SET value = value + 1 WHERE name = 'lost'")
        return len(news)

    def _drop_oldest(self, db: sqlite3.Connection) -> bool:
        """Drop the oldest turn if there is too much; a session's own row, which has no turn, stays."""
        if self._fact("bytes") <= self._limit:
            return False
        oldest: tuple[str, str, str] | None = db.execute(
            "SELECT dest, session, turn FROM waiting WHERE turn != '' ORDER BY seq LIMIT 1"
        ).fetchone()
        if oldest is None:
            return False
        db.execute("DELETE FROM waiting WHERE dest = ? AND session = ? AND turn = ?", oldest)
        return True

    def batch(self, rows: int, size: int) -> list[Waiting]:
        """What is to be sent next, oldest first: at most so many rows and bytes, but at least one row."""
        found: list[Waiting] = []
        total = 0
        for record in self._read(
            "SELECT seq, id, session, turn, body FROM waiting WHERE dest = ? ORDER BY seq LIMIT ?",
            (self._dest, rows),
        ):
            waiting = Waiting(*record)
            total += len(waiting.body)
            if found and total > size:
                break
            found.append(waiting)
        return found

    def sent(self, batch: Sequence[Waiting]) -> None:
        """The server has these. A version that came meanwhile still waits."""
        with self._change() as db:
            self._settle(db, batch, refused=False)

    def refuse(self, row: Waiting, status: int, reason: str) -> None:
        """The server refuses this one, and will again: set it aside, so that it holds up nothing."""
        with self._change() as db:
            self._settle(db, [row], refused=True)
            db.execute(
                "INSERT OR REPLACE INTO refused (dest, session, turn, id, status, reason, at, body)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (self._dest, row.session, row.turn, row.id, status, reason, time(), row.body),
            )
            db.execute(
                "DELETE FROM refused WHERE seq <= (SELECT max(seq) FROM refused) - ?", (_REFUSED_KEPT,)
            )

    def _settle(self, db: sqlite3.Connection, batch: Sequence[Waiting], *, refused: bool) -> None:
        """Note in which version the server has, or has refused, rows; they wait no longer."""
        places = msgspec.json.encode([row.seq for row in batch]).decode()
        db.execute(
            "INSERT OR REPLACE INTO ledger SELECT w.dest, w.id, w.digest, w.rank,"
            " max(w.live, coalesce(l.live, 0)), ?, ?"
            " FROM waiting w LEFT JOIN ledger l ON l.dest = w.dest AND l.id = w.id"
            " WHERE w.seq IN (SELECT value FROM json_each(?))",
            (refused, time(), places),
        )
        db.execute("DELETE FROM waiting WHERE seq IN (SELECT value FROM json_each(?))", (places,))
        if not refused:
            names = msgspec.json.encode([row.id for row in batch]).decode()
            db.execute(
                "DELETE FROM refused WHERE dest = ? AND id IN (SELECT value FROM json_each(?))",
                (self._dest, names),
            )

    # -- how it stands -------------------------------------------------------------------------------------

    def counts(self, session: str) -> Counts:
        """How the turns of a session stand."""
        where = (self._dest, session)
        turns = "SELECT DISTINCT turn FROM {} WHERE dest = ? AND session = ? AND turn != ''"
        total = self._read(
            "SELECT count(*) FROM (SELECT DISTINCT session, turn FROM waiting WHERE dest = ? AND turn != '')",
            (self._dest,),
        )
        return Counts(
            frozenset(turn for (turn,) in self._read(turns.format("waiting"), where)),
            frozenset(turn for (turn,) in self._read(turns.format("refused"), where)),
            total[0][0],
            self._fact("lost"),
        )

    def empty(self) -> bool:
        """Whether nothing waits for this destination."""
        return not self._read("SELECT 1 FROM waiting WHERE dest = ? LIMIT 1", (self._dest,))

    def bind(self, place: Place) -> bool:
        """Note where the destination really is.

        Returns:
            False when it was elsewhere before (a key of another organisation): the ledger is forgotten then.
        """
        held = self.place()
        with self._change() as db:
            db.execute(
                "INSERT OR REPLACE INTO facts VALUES (?, ?)",
                (f"place {self._dest}", msgspec.json.encode(place)),
            )
            if held is None or held.name == place.name:
                return True
            db.execute("DELETE FROM ledger WHERE dest = ?", (self._dest,))
            return False

    def place(self) -> Place | None:
        """Where the destination was when it was last reached."""
        found = self._read("SELECT value FROM facts WHERE name = ?", (f"place {self._dest}",))
        try:
            return msgspec.json.decode(found[0][0], type=Place) if found else None
        except msgspec.DecodeError:
            return None  # written by another version

    @contextmanager
    def sending(self) -> Iterator[bool]:
        """Be the one process that sends to the destination; yields False while another one is.

        The system lets go of the lock when its process ends, however it ends.
        """
        path = self._folder / f"outbox-{self._dest}.lock"
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True
        finally:
            os.close(handle)

    # -- transactions --------------------------------------------------------------------------------------

    @contextmanager
    def _change(self) -> Iterator[sqlite3.Connection]:
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            finally:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
        except sqlite3.Error as error:
            raise _failed("written", error) from None

    def _read(self, question: str, values: tuple[object, ...]) -> list[Any]:
        try:
            return self._db.execute(question, values).fetchall()
        except sqlite3.Error as error:
            raise _failed("read", error) from None

    def _fact(self, name: str) -> int:
        found = self._read("SELECT value FROM facts WHERE name = ?", (name,))
        return int(found[0][0]) if found else 0


def _versions(found: Iterable[Sequence[Any]]) -> dict[str, _Version]:
    """Versions of rows, by id."""
    return {name: _Version(*version) for name, *version in found}


def _is_news(row: Packed, waiting: _Version | None, sent: _Version | None) -> bool:
    """Whether a row is to be sent, beside what waits and what the server has."""
    known = [version for version in (waiting, sent) if version is not None]
    if any(version.rank > row.rank for version in known):
        return False
    return not known or known[0][:2] != (row.digest, row.rank) or known[0].live < row.live


def _failed(what: str, error: sqlite3.Error) -> OutboxError:
    broken = isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError)
    return OutboxError(f"the outbox cannot be {what}: {error}", broken=broken)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold a lock for a moment: opening, and putting a damaged file aside, is for one process at a time."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise OutboxError(f"the outbox cannot be opened: {error.strerror}") from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _open(path: Path) -> sqlite3.Connection:
    try:
        os.close(open_private(path, os.O_RDWR | os.O_CREAT))
    except PrivateError as error:
        raise OutboxError(f"the outbox {error}") from None
    except OSError as error:
        raise OutboxError(f"the outbox cannot be opened: {error.strerror}") from None
    db = sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None)
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA journal_size_limit = 4194304")
        db.executescript("BEGIN IMMEDIATE;" + _SCHEMA + "COMMIT;")
        for table in ("waiting", "ledger", "refused"):
            if db.execute(f"PRAGMA quick_check({table})").fetchone()[0] != "ok":
                raise sqlite3.DatabaseError(f"{table} is damaged")
        db.execute("DELETE FROM ledger WHERE at < ?", (time() - _LEDGER_DAYS * 86_400,))
    except sqlite3.Error:
        db.close()
        raise
    return db


def _set_aside(path: Path) -> Path:
    """Move a file that is no longer readable out of the way, with what belongs to it."""
    numbers = [
        int(match[1])
        for entry in path.parent.iterdir()
        if (match := re.fullmatch(rf"{re.escape(path.name)}\.damaged-(\d+)", entry.name)) is not None
    ]
    target = path.with_name(f"{path.name}.damaged-{max(numbers, default=0) + 1}")
    try:
        path.replace(target)
        for suffix in ("-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
    except OSError as error:
        raise OutboxError(f"the damaged outbox cannot be moved: {error.strerror}") from None
    return target
