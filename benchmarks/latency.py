"""Latency: from the server's write to the frame on the terminal, and to the recorder's line.

Measured: the simulator, in a process of its own, writes events of 0.65 kB at a rate; cma-top, attached to it
on a pty, draws and records them; an event is there when its text, or that of a later one, can be read from
the pty, and from the recording's file. Limit: a process that copies the bytes of the same stream to its pty.
Goals are milliseconds.
"""

from __future__ import annotations

import re
import threading
from bisect import bisect_left
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic

from benchmarks.figures import Figure, Goal, Scale, percentile
from benchmarks.logs import Logs
from benchmarks.processes import PROGRAM, Terminal
from benchmarks.server import Server, mark

_mark = re.compile(rb"e(\d{7})\.")
_FAST = 10_000
_SETTLED = 4.0
"""Seconds after which a new attachment has listed the newest page once more."""
_LOOK = 0.001
_END = 1 << 20
"""Bytes at the end of a recording among which the latest event is."""
_TRIES = 200
_LONGEST = 30_000
"""Events written at one rate at most."""


def run(scale: Scale, logs: Logs) -> Iterator[Figure]:
    """Each rate, the copying process before the screen."""
    limits = _latencies("raw", scale)
    for (rate, limit, _), (_, frame, line) in zip(limits, _latencies("live", scale), strict=True):
        goal = Goal("value", 100.0 if rate >= _FAST else 60.0)
        for where, waits in (("frame", frame), ("line", line)):
            for share, name, reach in ((0.5, "p50", None), (0.99, "p99", goal)):
                what = f"{where}: {name} at {rate:,} events/s"
                mine, theirs = percentile(waits, share) * 1e3, percentile(limit, share) * 1e3
                yield Figure(what, mine, "ms", theirs, "bytes to a pty", reach)


class _Lines(threading.Thread):
    """What is written to the one file of a folder, and when: looked at every millisecond."""

    def __init__(self, folder: Path) -> None:
        super().__init__(daemon=True)
        self._written = bytearray()
        self._pieces: list[tuple[int, float]] = []
        self._folder = folder
        self._over = threading.Event()
        self._reading = threading.Lock()

    def run(self) -> None:
        """Follow the file until `close`."""
        while not (paths := list(self._folder.glob("recordings/*.jsonl"))):
            if self._over.wait(_LOOK):
                return
        with paths[0].open("rb", buffering=0) as file:
            while not self._over.wait(_LOOK):
                if data := file.read():
                    with self._reading:
                        self._written += data
                        self._pieces.append((len(self._written), monotonic()))

    def lacks(self, text: str) -> bool:
        """Whether there is a file, and the text is not in it yet."""
        with self._reading:
            return bool(self._written) and self._written.find(text.encode(), -_END) < 0

    def taken(self) -> tuple[bytes, list[tuple[int, float]]]:
        """What has been written, and for each look how much it was and when."""
        with self._reading:
            return bytes(self._written), list(self._pieces)

    def close(self) -> None:
        """Follow no more."""
        self._over.set()
        self.join()


def _latencies(program: str, scale: Scale) -> list[tuple[int, list[float], list[float]]]:
    """For each rate, how long each event took to the terminal and to the recording, in seconds."""
    found = []
    with TemporaryDirectory() as folder, Server() as server:
        variables = {"CMA_TOP_RECORD": "always", "CMA_TOP_STATE_DIR": folder}
        lines = _Lines(Path(folder))
        lines.start()
        with Terminal(*PROGRAM, program, *server.address, **variables) as terminal:
            found = _at_rates(server, terminal, lines, scale)
        lines.close()
    return found


def _at_rates(
    server: Server, terminal: Terminal, lines: _Lines, scale: Scale
) -> list[tuple[int, list[float], list[float]]]:
    found = []
    written = _warm_up(server, terminal)
    terminal.read_for(min(_SETTLED, scale.seconds))
    for rate in scale.rates:
        number = min(_LONGEST, max(10, round(rate * scale.writing)))
        server.emit(number, rate)
        last = mark(written + number - 1)
        terminal.read_until(last)
        terminal.read_for(0.2)
        while lines.lacks(last):
            terminal.read_for(0.1)
        emitted = server.emitted()
        frames = _waits(terminal.written, terminal.pieces, written, emitted)
        found.append((rate, frames, _waits(*lines.taken(), written, emitted)))
        written += number
    return found


def _warm_up(server: Server, terminal: Terminal) -> int:
    """Write an event now and then until the first is seen: nobody is told when the stream is open."""
    written = 0
    while not _mark.search(terminal.written):
        if written > _TRIES:
            raise RuntimeError(f"no event ever came on the screen: {terminal.last_words()}")
        server.emit(1, 1)
        server.emitted()
        written += 1
        terminal.read_for(0.3)
    terminal.read_until(mark(written - 1))
    return written


def _waits(
    written: bytes | bytearray, pieces: list[tuple[int, float]], first: int, emitted: list[float]
) -> list[float]:
    """How long it took until each event, or a later one, had been written there."""
    ends = [end for end, _ in pieces]
    best = first - 1
    waits = []
    for match in _mark.finditer(written):
        seen = int(match[1])
        if seen > best:
            at = pieces[bisect_left(ends, match.end())][1]
            waits += [at - emitted[n - first] for n in range(best + 1, seen + 1)]
            best = seen
    return waits
