"""Idling: what the screen costs while nothing happens.

Measured, on a pty: CPU time and bytes written in five seconds by the screen on a file at its end, and on a
live session at rest, whose clock cells change once a second. Limit: an empty Textual app. Goals are a share
of a core and bytes a second, because the limit is next to nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.figures import Figure, Goal, Scale
from benchmarks.logs import LAST, TASK, Logs
from benchmarks.processes import PROGRAM, Terminal
from benchmarks.server import Server, mark


def run(scale: Scale, logs: Logs) -> Iterator[Figure]:
    """Nothing, a file, and a session."""
    settled = min(5.0, scale.seconds)
    with Terminal(*PROGRAM, "empty", TASK) as terminal:
        terminal.read_until(TASK)
        limit = _watch(terminal, settled, scale.seconds)
    with Terminal(*PROGRAM, "screen", str(logs.file(min(scale.rows)))) as terminal:
        terminal.read_until(LAST)
        yield from _figures("file at its end", _watch(terminal, settled, scale.seconds), limit)
    with Server() as server:
        server.emit(1, 1)
        server.emitted()
        with Terminal(*PROGRAM, "live", *server.address) as terminal:
            terminal.read_until(mark(0))
            yield from _figures("live session at rest", _watch(terminal, settled, scale.seconds), limit)


def _figures(name: str, watched: tuple[float, float], limit: tuple[float, float]) -> tuple[Figure, Figure]:
    cpu, written = watched
    return (
        Figure(f"{name}: CPU", cpu, "% of a core", limit[0], "empty Textual app", Goal("value", 0.5)),
        Figure(f"{name}: written", written, "bytes/s", limit[1], "empty Textual app", Goal("value", 200.0)),
    )


def _watch(terminal: Terminal, settled: float, seconds: float) -> tuple[float, float]:
    """Percent of a core and bytes a second, once it has come to rest."""
    terminal.read_for(settled)
    cpu, written = terminal.report()["cpu"], len(terminal.written)
    terminal.read_for(seconds)
    written = len(terminal.written) - written
    return (terminal.report()["cpu"] - cpu) / seconds * 100, written / seconds
