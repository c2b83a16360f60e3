"""Event-loop delay: how late the keys would be while much is to be done.

Measured, on a pty: by how much a task of the screen's event loop that wants to run every 5 ms is late, while
the `Feed` reads and folds a large log as fast as it can, and while a live session is attached to, which
imports what the API client needs and lists a history. Limit: the same task in an empty Textual app. Then,
from typing a key to its answer on the screen, again and again while the largest log is read; limit: the same
key when all has been read. Goals are milliseconds.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from benchmarks.figures import Figure, Goal, Scale, percentile
from benchmarks.logs import LAST, TASK, Logs
from benchmarks.processes import PROGRAM, Terminal
from benchmarks.server import Server, mark

_KEY, _ANSWER = "?", "╭"
"""A key that opens and closes a page, and the corner of its frame, which nothing else has."""
_BETWEEN = 0.3
"""Seconds between two keys."""
_KEYS = 30
"""Keys typed at most."""
_HISTORY = 2_000
"""Events that the live session holds."""


def run(scale: Scale, logs: Logs) -> Iterator[Figure]:
    """The file first, then the attaching."""
    with Terminal(*PROGRAM, "empty", TASK, "--probe") as terminal:
        terminal.read_until(TASK)
        limit = _late(terminal, min(1.0, scale.seconds))
    number = min(scale.file_events)
    with Terminal(*PROGRAM, "screen", str(logs.file(number)), "--probe") as terminal:
        terminal.read_until(TASK)
        terminal.read_until(LAST)
        yield from _figures(f"folding {number:,} events", _late(terminal, 0.0), limit)
    yield from _keys(logs, max(scale.file_events), scale)
    with Server() as server:
        server.emit(_HISTORY, 1_000_000)
        server.emitted()
        with Terminal(*PROGRAM, "live", *server.address, "--probe") as terminal:
            terminal.read_until(mark(_HISTORY - 1))
            yield from _figures(f"attaching, {_HISTORY:,} events", _late(terminal, 0.0), limit)


def _keys(logs: Logs, number: int, scale: Scale) -> Iterator[Figure]:
    """How late a key is answered while a log is read, and when it has been read."""
    with Terminal(*PROGRAM, "screen", str(logs.file(number))) as terminal:
        terminal.read_until(TASK)
        reading = [_answered(terminal)]
        while LAST.encode() not in terminal.written and len(reading) < _KEYS:
            reading.append(_answered(terminal))
        terminal.read_until(LAST)
        at_rest = [_answered(terminal) for _ in range(scale.rounds)]
    for share, word, goal in ((0.5, "p50", None), (1.0, "most", Goal("value", 100.0))):
        mine, theirs = percentile(reading, share) * 1e3, percentile(at_rest, share) * 1e3
        yield Figure(f"a key while {number:,} events are read: {word}", mine, "ms", theirs, "at rest", goal)


def _answered(terminal: Terminal) -> float:
    late = terminal.press(_KEY, _ANSWER)
    os.write(terminal.controller, _KEY.encode())
    terminal.read_for(_BETWEEN)
    return late


def _figures(name: str, late: list[float], limit: list[float]) -> Iterator[Figure]:
    for share, word, goal in ((0.5, "p50", None), (0.99, "p99", Goal("value", 50.0)), (1.0, "most", None)):
        mine, theirs = percentile(late, share) * 1e3, percentile(limit, share) * 1e3
        yield Figure(f"{name}: {word}", mine, "ms", theirs, "empty Textual app", goal)


def _late(terminal: Terminal, seconds: float) -> list[float]:
    """By how many seconds it was late each time since its start, and for so much longer."""
    terminal.read_for(seconds)
    late: list[float] = terminal.report()["late"]
    return late
