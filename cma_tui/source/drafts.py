"""What the user has written and the server does not have yet, on disk.

Owns the files below `drafts/` in the state folder: one a session, and another for each further program
that drives the same session. Invariants: a file is replaced as a whole, is readable by its owner alone,
and is gone when nothing is left in it; a file that cannot be read is set aside, never overwritten.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import threading
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from cma_tui.private import PrivateError, open_private, private_folder

_MOST = 20
"""Programs that may drive one session at once and keep drafts."""


class Kept(msgspec.Struct):
    """An entry of the outbox."""

    text: str
    """As it was written."""
    events: list[dict[str, Any]]
    """As it is sent."""
    when: str = "now"
    known: list[str] = msgspec.field(default_factory=list)
    """The newest inputs of the log when it was sent: what is not among them may be it."""
    at: float = 0.0
    """When it was sent; 0 when it never was."""


class Draft(msgspec.Struct):
    """All that is kept for one session."""

    text: str = ""
    outbox: list[Kept] = msgspec.field(default_factory=list)
    results: dict[str, dict[str, Any]] = msgspec.field(default_factory=dict)
    """Results of tools that ran here, by tool use, until the server has them."""

    @property
    def empty(self) -> bool:
        """Whether nothing would be lost without it."""
        return not (self.text.strip() or self.outbox or self.results)


class Drafts:
    """The draft of one session, as this program keeps it."""

    def __init__(self, state_dir: Path, session: str) -> None:
        """Take the first file that no running program holds.

        Raises:
            OSError: the folder cannot be written.
        """
        self._lock = threading.Lock()
        folder = state_dir / "drafts"
        try:
            private_folder(folder)
        except PrivateError as error:
            raise OSError(f"{folder} {error}") from None
        name = _file_name(session)
        for number in range(1, _MOST + 1):
            self._path = folder / (f"{name}.json" if number == 1 else f"{name}.{number}.json")
            held = _locked(self._path.with_suffix(".lock"))
            if held is not None:
                self._held = held
                break
        else:
            raise OSError(f"{folder}: {_MOST} programs drive this session already")
        self.draft = self._read()

    def save(self) -> None:
        """Write what there is now. May be called on any thread.

        Raises:
            OSError: it cannot be written.
        """
        with self._lock:
            if self.draft.empty:
                self._path.unlink(missing_ok=True)
                return
            beside = self._path.with_suffix(".new")
            handle = _open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            with os.fdopen(handle, "wb") as file:
                # half a character, out of an editor or a log, is no reason to lose the rest
                text = json.dumps(msgspec.to_builtins(self.draft), ensure_ascii=False)
                file.write(text.encode("utf-8", "replace"))
                file.flush()
                os.fsync(handle)
            beside.replace(self._path)

    def close(self) -> None:
        """Let another program have the file."""
        if self.draft.empty:
            self._path.with_suffix(".lock").unlink(missing_ok=True)
        os.close(self._held)

    def _read(self) -> Draft:
        try:
            with os.fdopen(_open(self._path, os.O_RDONLY), "rb") as file:
                return msgspec.json.decode(file.read(), type=Draft)
        except FileNotFoundError:
            return Draft()
        except msgspec.MsgspecError:
            self._path.replace(next(_aside(self._path)))
            return Draft()


def _file_name(session: str) -> str:
    """A name for any session: another one for any other, even where case does not count."""
    name = re.sub(r"[^a-z0-9_-]", "_", session.lower())[:100]
    digest = sha256(session.encode("utf-8", "surrogatepass")).hexdigest()
    return name if name == session else f"{name}-{digest[:12]}"


def _locked(path: Path) -> int | None:
    """Hold a lock file; None when another program does."""
    while True:
        handle = _open(path, os.O_RDWR | os.O_CREAT)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return None
        if path.exists() and os.path.samestat(path.stat(), os.fstat(handle)):
            return handle
        os.close(handle)  # the one who had it took it away in between


def _open(path: Path, flags: int) -> int:
    """Open a file of ours, which nobody else may read; never through a link."""
    try:
        return open_private(path, flags)
    except PrivateError as error:
        raise OSError(f"{path} {error}") from None


def _aside(path: Path) -> Iterator[Path]:
    """Names for a file that cannot be read."""
    number = 1
    while True:
        found = path.with_suffix(f".bad{number}")
        if not found.exists():
            yield found
        number += 1
