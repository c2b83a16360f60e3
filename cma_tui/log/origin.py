"""The bytes of a saved log: opened, unpacked, cut into lines.

Owns files, standard input and compression. Invariants: memory stays flat whatever comes (a line longer
than `LINE_CAP` is cut off and told as `TooLong`), every pass reads the file that was opened, from its start
again, whatever has taken its name since, and what cannot be read is a `LogError` of one clear line.

Files are read by `pread`, never mapped: a mapped file that somebody cuts short kills whoever looks at it.
"""

from __future__ import annotations

import bz2
import gzip
import importlib
import io
import lzma
import os
import shutil
import stat
import sys
import tempfile
import weakref
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Final

from cma_tui.text import printable

CHUNK: Final = 1 << 16
STDIN: Final = "standard input"
LINE_CAP: Final = 64 << 20
DOCUMENT_CAP: Final = 512 << 20
"""How much of one JSON document is held: those shapes can only be read whole."""
EXPANSION: Final = 600
"""How many times its size a compressed log may grow: real ones stay below a hundred."""

ZSTD: Final = b"\x28\xb5\x2f\xfd"
_UNPACKERS: Final[dict[bytes, Callable[[Any], Any]]] = {
    b"\x1f\x8b": lambda source: gzip.GzipFile(fileobj=source, mode="rb"),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\x00": lzma.LZMAFile,
}


class LogError(Exception):
    """A log cannot be read; the message is one line that names the file and what is wrong with it."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(printable(f"{name}: {why}"))


class TooLong(bytes):
    """The beginning of a line that is too long to hold."""


class Origin:
    """Where a log's bytes come from: a regular file, or standard input kept aside."""

    def __init__(self, path: Path | str) -> None:
        self.name = STDIN if str(path) == "-" else str(path)
        self._path = Path(path)
        if str(path) == "-":
            if sys.stdin is None:
                raise LogError(self.name, "not open")
            self.descriptor = self._kept(sys.stdin.buffer)
        else:
            self.descriptor = self._open(self._path)
        self._close = weakref.finalize(self, os.close, self.descriptor)

    def close(self) -> None:
        """Let go of the file, or of what standard input was kept in."""
        self._close()

    @property
    def plain(self) -> bool:
        """Whether the bytes stand in the file as they are, so that a place in them is a place in the file."""
        return _unpacker(self._magic()) is None

    def chunks(self, notes: list[str]) -> Iterator[bytes]:
        """The unpacked bytes from the start. What ends early or is damaged is a note, and the end."""
        try:
            unpack = _unpacker(self._magic())
            if unpack is not None:
                with io.BufferedReader(_Window(self.descriptor), CHUNK) as file:
                    yield from self._unpacked(unpack, file, notes)
                return
            at = 0
            while chunk := os.pread(self.descriptor, CHUNK, at):
                at += len(chunk)
                yield chunk
        except NotImplementedError as error:
            raise LogError(self.name, str(error)) from error
        except (OSError, ValueError) as error:
            raise LogError(self.name, f"not readable: {_reason(error)}") from error

    def growing(self, wait: Callable[[], bool]) -> Iterator[bytes]:
        """The bytes from the start, and what is written behind them, for as long as `wait` says so.

        Raises:
            LogError: the file was cut short, or another one has taken its name.
        """
        at = 0
        try:
            while True:
                while chunk := os.pread(self.descriptor, CHUNK, at):
                    at += len(chunk)
                    yield chunk
                held = os.fstat(self.descriptor)
                if held.st_size < at:
                    raise LogError(self.name, "was cut short while it was followed: open it again")
                with suppress(FileNotFoundError):  # moved away: its writer may go on writing
                    named = self._path.stat()
                    if (named.st_dev, named.st_ino) != (held.st_dev, held.st_ino):
                        raise LogError(self.name, "is another file now: open it again")
                if not wait():
                    return
        except (OSError, ValueError) as error:
            raise LogError(self.name, f"not readable: {_reason(error)}") from error

    def _magic(self) -> bytes:
        return os.pread(self.descriptor, 6, 0)

    def _unpacked(self, unpack: Callable[[Any], Any], file: IO[bytes], notes: list[str]) -> Iterator[bytes]:
        total = 0
        try:
            with unpack(file) as plain:
                while chunk := plain.read1(CHUNK):
                    total += len(chunk)
                    if total > LINE_CAP and total > EXPANSION * file.tell():
                        raise LogError(self.name, f"grows more than {EXPANSION}-fold when unpacked: no log")
                    yield chunk
        except (EOFError, OSError, zlib.error, lzma.LZMAError) as error:
            notes.append(f"compressed data is cut or damaged after {total:,} bytes: {_reason(error)}")

    def _open(self, path: Path) -> int:
        try:
            status = path.stat()  # before it is opened: opening a pipe would wait for its writer
            if stat.S_ISDIR(status.st_mode):
                raise LogError(self.name, "a directory, not a file")
            if not stat.S_ISREG(status.st_mode):
                raise LogError(self.name, "not a regular file: pipe it in and name it -")
            return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise LogError(self.name, "no such file") from None
        except (OSError, ValueError) as error:
            raise LogError(self.name, f"not readable: {_reason(error)}") from error

    def _kept(self, source: IO[bytes]) -> int:
        """Standard input in a nameless file that only this user can read."""
        with tempfile.TemporaryFile(prefix="cma-top-") as spool:
            try:
                shutil.copyfileobj(source, spool, CHUNK)
                spool.flush()
            except (OSError, ValueError) as error:
                raise LogError(self.name, f"not readable: {_reason(error)}") from error
            return os.dup(spool.fileno())


class Lines:
    """Chunks cut into lines at LF: batches of whole lines, then in `tail` what came after the last one."""

    def __init__(self, chunks: Iterator[bytes], start: int = 0) -> None:
        """Prepare to cut.

        Args:
            chunks: the bytes.
            start: where the first of them stands in the file.
        """
        self._chunks = chunks
        self._end = start
        self.at = start
        """Where the latest batch begins in the file."""
        self.tail = b""

    def batches(self) -> Iterator[list[bytes]]:
        """Whole lines without their ends; a line over the cap is a batch of its beginning, `TooLong`."""
        held: list[bytes] = []  # the beginning of a line whose end has not come
        size = 0
        dropping = False
        for chunk in self._chunks:
            begin, self._end = self._end, self._end + len(chunk)
            lines = chunk.split(b"\n")
            rest = lines.pop()
            if lines:
                if dropping:
                    begin += len(lines.pop(0)) + 1
                    dropping = False
                elif held:
                    self.at = begin - size
                    first = b"".join((*held, lines[0]))
                    if len(first) > LINE_CAP:
                        yield [TooLong(first[:1024])]
                        begin += len(lines.pop(0)) + 1
                    else:
                        lines[0] = first
                        begin -= size
                held, size = [], 0
            if lines:
                self.at = begin
                yield lines
            if rest and not dropping:
                held.append(rest)
                size += len(rest)
                if size > LINE_CAP:
                    self.at = self._end - size
                    yield [TooLong(b"".join(held)[:1024])]
                    held, size, dropping = [], 0, True
        self.tail = b"".join(held)


def unified(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The same text with every CRLF and CR as LF."""
    carriage = False  # a CR at the end of a chunk may be half of a CRLF
    for chunk in chunks:
        if carriage:
            chunk = b"\r" + chunk
        carriage = chunk.endswith(b"\r")
        if carriage:
            chunk = chunk[:-1]
        yield chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in chunk else chunk
    if carriage:
        yield b"\n"


def dropped(chunks: Iterator[bytes], count: int) -> Iterator[bytes]:
    """The chunks without their first `count` bytes."""
    for chunk in chunks:
        if count >= len(chunk):
            count -= len(chunk)
        else:
            yield chunk[count:] if count else chunk
            count = 0


class _Window(io.RawIOBase):
    """A reader of its own over a shared file: it has its own position and never closes the file."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._at = 0

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - any writable buffer
        data = os.pread(self._descriptor, len(buffer), self._at)
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


def _unpacker(magic: bytes) -> Callable[[Any], Any] | None:
    """What unpacks a file that begins so; None for one that is not compressed."""
    if magic.startswith(ZSTD):
        return _zstd_or_none() or _refused
    return next((unpack for prefix, unpack in _UNPACKERS.items() if magic.startswith(prefix)), None)


def _refused(_: object) -> Any:  # noqa: ANN401 - stands where an unpacker would
    raise NotImplementedError("compressed with zstd: decompress it (zstd -d), or install cma-top[zstd]")


def _zstd_or_none() -> Callable[[Any], Any] | None:
    """The reader of zstd files: Python's own from 3.14 on, else the optional package's."""
    for name in ("compression.zstd", "backports.zstd"):
        with suppress(ImportError):
            opener: Callable[[Any], Any] = importlib.import_module(name).ZstdFile
            return opener
    return None


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
