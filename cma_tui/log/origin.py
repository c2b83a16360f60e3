"""The bytes of a saved log: opened, unpacked, cut into lines.

Owns files, standard input and compression. Invariants: memory stays flat whatever comes (a line longer
than `LINE_CAP` is cut off and told as `TooLong`), every pass reads from the start again, and what cannot
be read is a `LogError` of one clear line.
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
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, Final

from cma_tui.text import printable

CHUNK: Final = 1 << 18
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
        self.name = "standard input" if str(path) == "-" else str(path)
        self._path = Path(path)
        self._spool: IO[bytes] | None = None
        if str(path) == "-":
            if sys.stdin is None:
                raise LogError(self.name, "not open")
            self._spool = self._kept(sys.stdin.buffer)
        else:
            self._check()

    def close(self) -> None:
        """Let go of what standard input was kept in."""
        if self._spool is not None:
            self._spool.close()

    def chunks(self, notes: list[str]) -> Iterator[bytes]:
        """The unpacked bytes from the start. What ends early or is damaged is a note, and the end."""
        try:
            with self._opened() as file:
                magic = file.peek(6)[:6]
                if magic.startswith(ZSTD):
                    yield from self._unpacked(_zstd_or_none(), file, notes)
                    return
                for prefix, unpack in _UNPACKERS.items():
                    if magic.startswith(prefix):
                        yield from self._unpacked(unpack, file, notes)
                        return
                while chunk := file.read1(CHUNK):
                    yield chunk
        except (OSError, ValueError) as error:
            raise LogError(self.name, f"not readable: {_reason(error)}") from error

    def _unpacked(
        self, unpack: Callable[[Any], Any] | None, file: io.BufferedReader, notes: list[str]
    ) -> Iterator[bytes]:
        if unpack is None:
            raise LogError(self.name, "compressed with zstd: decompress it first (zstd -d)")
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

    def _opened(self) -> io.BufferedReader:
        if self._spool is not None:
            return io.BufferedReader(_Window(self._spool.fileno()), CHUNK)
        return self._path.open("rb")

    def _check(self) -> None:
        try:
            status = self._path.stat()
        except FileNotFoundError:
            raise LogError(self.name, "no such file") from None
        except (OSError, ValueError) as error:
            raise LogError(self.name, f"not readable: {_reason(error)}") from error
        if stat.S_ISDIR(status.st_mode):
            raise LogError(self.name, "a directory, not a file")
        if not stat.S_ISREG(status.st_mode):
            raise LogError(self.name, "not a regular file: pipe it in and name it -")

    def _kept(self, source: IO[bytes]) -> IO[bytes]:
        """Standard input in a nameless file that only this user can read."""
        spool = tempfile.TemporaryFile(prefix="cma-top-")  # noqa: SIM115 - closed by `close`
        try:
            shutil.copyfileobj(source, spool, CHUNK)
            spool.flush()
        except (OSError, ValueError) as error:
            spool.close()
            raise LogError(self.name, f"not readable: {_reason(error)}") from error
        return spool


class Lines:
    """Chunks cut into lines at LF: batches of whole lines, then in `tail` what came after the last one."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self.tail = b""

    def batches(self) -> Iterator[list[bytes]]:
        """Whole lines without their ends; a line over the cap stands there as its beginning, `TooLong`."""
        held: list[bytes] = []  # the beginning of a line whose end has not come
        size = 0
        dropping = False
        for chunk in self._chunks:
            lines = chunk.split(b"\n")
            rest = lines.pop()
            if lines:
                if dropping:
                    del lines[0]
                    dropping = False
                elif held:
                    first = b"".join((*held, lines[0]))
                    lines[0] = TooLong(first[:1024]) if len(first) > LINE_CAP else first
                held, size = [], 0
            if rest and not dropping:
                held.append(rest)
                size += len(rest)
                if size > LINE_CAP:
                    lines.append(TooLong(b"".join(held)[:1024]))
                    held, size, dropping = [], 0, True
            if lines:
                yield lines
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


def _zstd_or_none() -> Callable[[Any], Any] | None:
    """The reader of zstd files, where this Python has one."""
    try:
        module = importlib.import_module("compression.zstd")
    except ImportError:
        return None
    opener: Callable[[Any], Any] = module.ZstdFile
    return opener


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
