"""Processes that are measured: on a pty of 120 × 40 cells, or with their output read at their end.

Owns starting, reading and ending them. Invariants: no process outlives its `with`; what a program writes is
stamped with the time at which its bytes could be read; one that ends by itself too early is an error that
shows what it wrote.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Any, Self

from benchmarks.programs import REPORT

ROOT = Path(__file__).parent.parent
PROGRAM = (sys.executable, "-m", "benchmarks.programs")
_PATIENCE = 180.0


def environment() -> dict[str, str]:
    """The environment of a measured process: none of this user's settings reach it."""
    kept = ("PATH", "PYTHONPATH", "TMPDIR", "LANG")
    return {
        **{name: os.environ[name] for name in kept if name in os.environ},
        "HOME": tempfile.gettempdir(),
        "TERM": "xterm-256color",
        "COLORTERM": "truecolor",
        "PYTHONUTF8": "1",
    }


def output(*arguments: str) -> str:
    """What a program prints until it ends."""
    done = subprocess.run(arguments, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(arguments[1:])} failed: {done.stderr[-1000:]}")
    return done.stdout


def cost(*arguments: str) -> dict[str, float]:
    """What one of our programs found out about itself."""
    found: dict[str, float] = json.loads(output(*PROGRAM, *arguments))
    return found


class Measured:
    """A process that ends with its `with`."""

    def close(self) -> None:
        """End it."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Piped(Measured):
    """A program that is told and tells lines."""

    def __init__(self, *arguments: str) -> None:
        self._process = subprocess.Popen(
            (sys.executable, *arguments),
            cwd=ROOT,
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def tell(self, line: str) -> None:
        """Write a line to it."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def told(self) -> str:
        """The next line of its output; waits for it."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{type(self).__name__} has ended")
        return line.strip()

    def close(self) -> None:
        """End it, and wait for its end."""
        self._process.kill()
        self._process.communicate()


class Terminal(Measured):
    """A program on a pty."""

    def __init__(self, *arguments: str, **variables: str) -> None:
        self.began = monotonic()
        self.controller, terminal = os.openpty()
        self._reports, writer = os.pipe()
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        self._process = subprocess.Popen(
            arguments,
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            cwd=ROOT,
            env={**environment(), **variables, REPORT: str(writer)},
            pass_fds=(writer,),
            start_new_session=True,
        )
        os.close(terminal)
        os.close(writer)
        self.written = bytearray()
        self.pieces: list[tuple[int, float]] = []
        """For each read: how much had been written then, and when it was."""

    def read_for(self, seconds: float) -> None:
        """Read what it writes, for so long."""
        until = monotonic() + seconds
        while (left := until - monotonic()) > 0:
            self._read(left)

    def read_until(self, text: str, patience: float = _PATIENCE) -> float:
        """Read until a text was written. Returns the seconds since the start of the program."""
        needle, seen = text.encode(), 0
        until = monotonic() + patience
        while self.written.find(needle, max(0, seen - len(needle))) < 0:
            seen = len(self.written)
            if monotonic() > until:
                raise RuntimeError(f"{text!r} never came on the screen: {self.last_words()}")
            self._read(0.5)
        return self.pieces[-1][1] - self.began

    def press(self, key: str, answer: str) -> float:
        """Type a key. Returns the seconds until a text has been written that answers it."""
        typed, begun, until = len(self.written), monotonic(), monotonic() + _PATIENCE
        os.write(self.controller, key.encode())
        while self.written.find(answer.encode(), typed) < 0:
            if monotonic() > until:
                raise RuntimeError(f"{key!r} was never answered by {answer!r}: {self.last_words()}")
            self._read(0.5)
        return self.pieces[-1][1] - begun

    def report(self) -> dict[str, Any]:
        """Ask the program how it is: the CPU time it has used, and how late its event loop was."""
        self._process.send_signal(signal.SIGUSR1)
        line = b""
        until = monotonic() + _PATIENCE
        while not line.endswith(b"\n"):
            if self._process.poll() is not None or monotonic() > until:
                raise RuntimeError(f"no report: {self.last_words()}")
            self._read(0.01)
            if select.select([self._reports], [], [], 0)[0]:
                line += os.read(self._reports, 1 << 20)
        found: dict[str, Any] = json.loads(line)
        return found

    def _read(self, seconds: float) -> None:
        if not select.select([self.controller], [], [], seconds)[0]:
            return
        try:
            data = os.read(self.controller, 1 << 16)
        except OSError:  # Linux: the program has closed its end
            data = b""
        if not data:
            raise RuntimeError(f"the program has ended: {self.last_words()}")
        self.written += data
        self.pieces.append((len(self.written), monotonic()))

    def last_words(self) -> str:
        """The end of what it wrote."""
        return re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]", b"", bytes(self.written[-2000:])).decode(errors="replace")

    def close(self) -> None:
        """End it, and wait for its end."""
        self._process.kill()
        self._process.wait()
        os.close(self.controller)
        os.close(self._reports)
