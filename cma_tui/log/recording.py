"""The file of a recording: opened for one writer, repaired, appended to.

Owns the file. Invariants: one writer at a time, who is named to the
others; a line is in the file whole or not at all once `append` has returned or raised; what a crash has
torn is set aside when the file is opened again, so that every line of it parses; what is there is
never changed.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from cma_tui.content import as_dict, as_text
from cma_tui.event import decode
from cma_tui.log.origin import Lines
from cma_tui.log.record import HEAD, LOG_VERSION, Line, read_line
from cma_tui.private import PrivateError, open_private, private_folder

_BLOCK: Final = 1 << 16
_HEADER_CAP: Final = 1 << 24


class RecordingError(Exception):
    """A recording cannot be opened or written; the message is one line."""


class RecordingTakenError(RecordingError):
    """Somebody else writes it, or it is no recording of this session: trying again is of no use."""


class RecordingFile:
    """An open recording, of which this is the only writer."""

    def __init__(self, path: Path, session_id: str, *, own_folder: bool) -> None:
        """Open or create it, and repair its end.

        Args:
            path: where it is.
            session_id: whose events it holds.
            own_folder: whether its folder is ours to make.

        Raises:
            RecordingTakenError: it is not for us to write.
            RecordingError: it cannot be opened; later perhaps it can.
        """
        self.path = path
        self.size = 0
        """Bytes of whole lines."""
        self.torn = 0
        """Bytes that were set aside."""
        self._session_id = session_id
        self._own_folder = own_folder
        self._dirty = False
        self._spoilt = False
        """Whether a part of a line may stand behind the whole ones."""
        self._handle = self._opened(os.O_CREAT)
        try:
            _lock(self._handle, path)
            self._check()
            self._repair()
        except BaseException as error:
            os.close(self._handle)
            if isinstance(error, OSError):
                raise RecordingError(f"{path}: {error.strerror}") from error
            raise

    @property
    def dirty(self) -> bool:
        """Whether anything was written since the disk was last waited for."""
        return self._dirty

    def lines(self) -> Iterator[Line]:
        """What it holds: every line that is one of ours."""
        lines = Lines(self._chunks())
        for batch in lines.batches():
            for text in batch:
                with suppress(ValueError, RecursionError):
                    yield read_line(text)

    def append(self, data: bytes) -> None:
        """Write whole lines. When it returns they survive a crash of this process, though not a power cut.

        Raises:
            RecordingError: they are not in the file, and nothing of them is.
        """
        try:
            if self._spoilt:
                self._take_back()
            view = memoryview(data)
            while view:
                view = view[os.write(self._handle, view) :]
        except OSError as error:
            self._spoilt = True
            with suppress(OSError):  # tried again before the next line is written
                self._take_back()
            raise RecordingError(error.strerror or str(error)) from error
        self.size += len(data)
        self._dirty = True

    def _take_back(self) -> None:
        os.ftruncate(self._handle, self.size)
        self._spoilt = False

    def sync(self) -> None:
        """Wait until the disk has what was written: it survives a power cut.

        Raises:
            RecordingError: the disk failed.
        """
        self._dirty = False
        try:
            os.fsync(self._handle)
        except OSError as error:
            raise RecordingError(error.strerror or str(error)) from error

    def restore(self) -> bool:
        """If the file was removed, put it back with all that it held. Says whether that was needed.

        Raises:
            RecordingError: it cannot be put back yet.
        """
        if os.fstat(self._handle).st_nlink:
            return False
        handle = self._opened(os.O_CREAT | os.O_EXCL)
        try:
            _lock(handle, self.path)
            at = 0
            while at < self.size:
                block = os.pread(self._handle, min(_BLOCK, self.size - at), at)
                while block:
                    written = os.write(handle, block)
                    block, at = block[written:], at + written
            os.fsync(handle)
        except OSError as error:
            self.path.unlink(missing_ok=True)
            os.close(handle)
            raise RecordingError(error.strerror or str(error)) from error
        os.close(self._handle)
        self._handle = handle
        return True

    def close(self) -> None:
        """Let go of it, and of the lock."""
        os.close(self._handle)

    # -- opening --------------------------------------------------------------------------------------

    def _opened(self, flags: int) -> int:
        try:
            if self._own_folder:
                private_folder(self.path.parent)
        except PrivateError as error:
            raise RecordingError(f"{self.path.parent} {error}") from None
        try:
            return open_private(self.path, os.O_RDWR | os.O_APPEND | flags)
        except PrivateError as error:
            raise RecordingTakenError(f"{self.path} {error}") from None
        except FileExistsError:
            raise RecordingTakenError(f"{self.path} was removed, and something else is there now") from None
        except OSError as error:
            raise RecordingError(f"{self.path}: {error.strerror}") from None

    def _length(self) -> int:
        return os.fstat(self._handle).st_size

    def _check(self) -> None:
        """Refuse what is no recording of this session."""
        begin = os.pread(self._handle, _HEADER_CAP, 0)
        first, end, _ = begin.partition(b"\n")
        head = as_dict(decode(first))
        if not head and not end and (HEAD.startswith(first[: len(HEAD)]) or not first.strip(b"\0")):
            return  # empty, or a header that was torn
        version = head.get("cma_top_log")
        if not isinstance(version, int):
            raise RecordingTakenError(f"{self.path} exists, and is no recording")
        if version > LOG_VERSION:
            raise RecordingTakenError(f"{self.path} was written by a newer version of cma-top")
        if as_text(head.get("session_id")) != self._session_id:
            raise RecordingTakenError(f"{self.path} is the recording of another session")

    def _repair(self) -> None:
        """See to it that the file ends with a whole line."""
        length = self._length()
        begin = self._last_line_end(length)
        if begin < length:
            tail = os.pread(self._handle, length - begin, begin)
            if isinstance(decode(tail), dict):  # only its end is missing
                os.write(self._handle, b"\n")
                length += 1
            else:
                self.torn = len(tail)
                self._set_aside(tail)
                os.ftruncate(self._handle, begin)
                length = begin
        self.size = length

    def _last_line_end(self, length: int) -> int:
        at = length
        while at:
            begin = max(0, at - _BLOCK)
            found = os.pread(self._handle, at - begin, begin).rfind(b"\n")
            if found >= 0:
                return begin + found + 1
            at = begin
        return 0

    def _set_aside(self, tail: bytes) -> None:
        path = self.path.with_name(self.path.name + ".torn")
        try:
            handle = open_private(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        except PrivateError as error:
            raise RecordingTakenError(f"{path} {error}") from None
        try:
            os.write(handle, tail + b"\n")
        finally:
            os.close(handle)

    def _chunks(self) -> Iterator[bytes]:
        at = 0
        while at < self.size and (block := os.pread(self._handle, min(1 << 20, self.size - at), at)):
            at += len(block)
            yield block


def _lock(handle: int, path: Path) -> None:
    """Be the only writer, until the file is closed or the process ends, however it ends."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        writer = _writer(handle)
        by = f"process {writer}" if writer else "another process"
        raise RecordingTakenError(f"{by} records this session already, to {path}") from None


def _writer(handle: int) -> int | None:
    """The process that opened the recording last, as its newest header says."""
    at = os.fstat(handle).st_size
    after = b""
    while at:
        begin = max(0, at - _BLOCK)
        block = os.pread(handle, at - begin, begin) + after
        found = block.rfind(b"\n" + HEAD)
        if found >= 0 or (not begin and block.startswith(HEAD)):
            line = os.pread(handle, _HEADER_CAP, begin + found + 1).partition(b"\n")[0]
            pid: Any = as_dict(decode(line)).get("pid")
            return pid if isinstance(pid, int) else None
        at, after = begin, block[: len(HEAD) + 1]
    return None
