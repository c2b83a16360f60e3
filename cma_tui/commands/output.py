"""Where commands write, and whether there is a terminal.

Owns standard output and standard error. Invariants: a reader that has gone away ends the command
quietly, an output that cannot be written ends it with a reason, and neither leaves a traceback behind;
no text reaches standard error without having passed `printable`.
"""

from __future__ import annotations

import errno
import io
import os
import stat
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import BinaryIO, TextIO, cast

from cma_tui.commands.exits import CommandError, Exit


class ReaderGoneError(Exception):
    """Nobody reads our output any more, as after `| head -1`: it has what it wanted."""


class OutputError(CommandError):
    """Our output cannot be written: there is no use in going on."""


class _Closed(io.TextIOBase):
    """Standard output where it is closed: whoever writes there is told."""

    @property
    def buffer(self) -> BinaryIO:
        raise OSError(errno.EBADF, "standard output is closed")

    def write(self, text: str) -> int:
        raise OSError(errno.EBADF, "standard output is closed")


def hold_standard_streams() -> None:
    """Put a stand-in where a standard stream is closed: no file that is opened later may take its place."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)
    if sys.stdout is None:
        sys.stdout = cast(TextIO, _Closed())


class Output:
    """Standard output, in bytes. What is written is out when a call returns."""

    def __init__(self) -> None:
        with written():
            self._buffer = sys.stdout.buffer
        self.encoding = sys.stdout.encoding
        self.terminal = sys.stdout.isatty()

    def write(self, lines: Iterable[bytes]) -> None:
        """Write lines, then see to it that they are out."""
        with written():
            for line in lines:
                self._buffer.write(line + b"\n")
            self._buffer.flush()

    def write_document(self, pieces: Iterable[bytes]) -> None:
        """Write pieces as they are, then see to it that they are out."""
        with written():
            for piece in pieces:
                self._buffer.write(piece)
            self._buffer.flush()

    @contextmanager
    def watched(self) -> Iterator[Reader]:
        """Cancel the running task when the reader of a pipe goes away, although nothing is written to it."""
        import asyncio

        fd = self._buffer.fileno()
        reader = Reader()
        if not _is_pipe(fd):
            yield reader
            return
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None

        def gone() -> None:
            loop.remove_reader(fd)
            reader.gone = True
            task.cancel()

        # The writing end of a pipe becomes readable only by its other end being closed.
        loop.add_reader(fd, gone)
        try:
            yield reader
        finally:
            loop.remove_reader(fd)


def _is_pipe(fd: int) -> bool:
    """Whether it is the writing end of a pipe, and only that: one that can be read may hold data."""
    if os.name != "posix" or not stat.S_ISFIFO(os.fstat(fd).st_mode):
        return False
    import fcntl

    return fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE == os.O_WRONLY


class Reader:
    """Who reads our output."""

    gone = False


@contextmanager
def written() -> Iterator[None]:
    """Turn the errors of writing to standard output into ours."""
    try:
        yield
    except BrokenPipeError:
        raise ReaderGoneError from None
    except OSError as error:
        raise OutputError(f"cannot write the output: {error.strerror or error}") from error


def tell(said: Mapping[str, object], words: str, *, as_json: bool) -> None:
    """Print what was done: as one JSON object, or in a line of words."""
    import json

    from cma_tui.text import printable

    line = json.dumps({"version": 1, **said}) if as_json else printable(words, strict=True)
    with written():
        sys.stdout.write(f"{line}\n")


def silence() -> None:
    """Give up standard output: what is still held for it goes nowhere, and its failing is not told twice."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)


def say(text: str) -> None:
    """One line on standard error."""
    from cma_tui.text import printable

    if sys.stderr is not None:
        line = f"cma-top: {printable(text, cap=1000)}\n"
        with suppress(OSError):  # nobody is left to be told
            encoding = sys.stderr.encoding or "utf-8"
            sys.stderr.write(line.encode(encoding, "replace").decode(encoding))
            sys.stderr.flush()


def no_screen() -> str | None:
    """Why a full screen cannot be shown; None when it can."""
    for name, stream in (
        ("standard input", sys.stdin),
        ("standard output", sys.stdout),
        ("standard error", sys.stderr),
    ):
        if stream is None or not stream.isatty():
            return f"{name} is no terminal"
    if os.name == "posix" and (term := os.environ.get("TERM", "")) in ("", "dumb", "unknown"):
        return f"TERM={term} has no full screen" if term else "TERM is not set"
    return None


def keyboard() -> bool:
    """Whether somebody can be asked on standard input."""
    return sys.stdin is not None and sys.stdin.isatty()


def need_screen(command: str, *, instead: str = "") -> None:
    """Refuse a command that is a screen where there can be none."""
    reason = no_screen()
    if reason is not None:
        hint = f" (for plain lines: {instead})" if instead else ""
        raise CommandError(f"{command} needs a terminal: {reason}{hint}", Exit.USAGE)


def take_keyboard_back() -> bool:
    """Make the terminal standard input again, after a log was piped in. Says whether that worked."""
    try:
        keyboard = os.open("/dev/tty", os.O_RDWR)
    except OSError:
        return False
    os.dup2(keyboard, 0)
    os.close(keyboard)
    return True
