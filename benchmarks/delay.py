"""Event-loop delay: how late the keys would be while much is to be done.

Measured, on a pty: by how much a task of the screen's event loop that wants to run every 5 ms is late, while
the `Feed` reads and folds a large log as fast as it can, and while a live session is attached to, which
imports what the API client needs and lists a history. Limit: the same task in an empty Textual app. Goals are
milliseconds.
"""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.figures import Figure, Goal, Scale, percentile
from benchmarks.logs import LAST, TASK, Logs
from benchmarks.processes import PROGRAM, Terminal
from benchmarks.server import Server, mark

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
    with Server() as server:
        server.emit(_HISTORY, 1_000_000)
        server.emitted()
        with Terminal(*PROGRAM, "live", *server.address, "--probe") as terminal:
            terminal.read_until(mark(_HISTORY - 1))
            yield from _figures(f"attaching, {_HISTORY:,} events", _late(terminal, 0.0), limit)


def _figures(name: str, late: list[float], limit: list[float]) -> Iterator[Figure]:
    for share, word, goal in ((0.5, "p50", None), (0.99, "p99", Goal("value", 50.0)), (1.0, "most", None)):
        mine, theirs = percentile(late, share) * 1e3, percentile(limit, share) * 1e3
        yield Figure(f"{name}: {word}", mine, "ms", theirs, "empty Textual app", goal)


def _late(terminal: Terminal, seconds: float) -> list[float]:
    """By how many seconds it was late each time since its start, and for so much longer."""
    terminal.read_for(seconds)
    late: list[float] = terminal.report()["late"]
    return late
