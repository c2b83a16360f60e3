"""Latency: from the server's write to the frame on the terminal.

Measured: the simulator, in a process of its own, writes events of 0.65 kB at a rate; cma-top, attached to it
on a pty, draws them; an event is there when its text, or that of a later one, can be read from the pty.
Limit: a process that copies the bytes of the same stream to its pty. Goals are milliseconds.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator

from benchmarks.figures import Figure, Goal, Scale, percentile
from benchmarks.logs import Logs
from benchmarks.processes import PROGRAM, Terminal
from benchmarks.server import Server, mark

_mark = re.compile(rb"e(\d{7})\.")
_FAST = 10_000
_SETTLED = 4.0
"""Seconds after which a new attachment has listed the newest page once more."""
_TRIES = 200
_LONGEST = 30_000
"""Events written at one rate at most."""


def run(scale: Scale, logs: Logs) -> Iterator[Figure]:
    """Each rate, the copying process before the screen."""
    limits = _latencies("raw", scale)
    for (rate, limit), ours in zip(limits, _latencies("live", scale), strict=True):
        goal = Goal("value", 100.0 if rate >= _FAST else 60.0)
        for share, name, reach in ((0.5, "p50", None), (0.99, "p99", goal)):
            what = f"{name} at {rate:,} events/s"
            yield Figure(
                what,
                percentile(ours[1], share) * 1e3,
                "ms",
                percentile(limit, share) * 1e3,
                "bytes to a pty",
                reach,
            )


def _latencies(program: str, scale: Scale) -> list[tuple[int, list[float]]]:
    """For each rate, how long each event took, in seconds."""
    found = []
    with Server() as server, Terminal(*PROGRAM, program, *server.address) as terminal:
        written = _warm_up(server, terminal)
        terminal.read_for(min(_SETTLED, scale.seconds))
        for rate in scale.rates:
            number = min(_LONGEST, max(10, round(rate * scale.writing)))
            server.emit(number, rate)
            terminal.read_until(mark(written + number - 1))
            found.append((rate, _waits(terminal, written, server.emitted())))
            written += number
            terminal.read_for(0.2)
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


def _waits(terminal: Terminal, first: int, emitted: list[float]) -> list[float]:
    """How long it took until each event, or a later one, had been written to the terminal."""
    ends = [end for end, _ in terminal.pieces]
    best = first - 1
    waits = []
    for match in _mark.finditer(terminal.written):
        seen = int(match[1])
        if seen > best:
            at = terminal.pieces[bisect_left(ends, match.end())][1]
            waits += [at - emitted[n - first] for n in range(best + 1, seen + 1)]
            best = seen
    return waits
