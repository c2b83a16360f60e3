"""The screen as a whole: what it holds for each row, and a burst of events.

Measured. Memory, files that are mapped aside, in a process of its own: of a large log that is folded with its
moments, and then of what the screen keeps beside it: the rows that are listed, figures, marks, the line of
the whole session. A burst, on a pty: events that come at once to a session that rests, from the moment they
are handed over to the frame that shows the last of them, and how late the event loop was. Its limit is
folding them.
"""

from __future__ import annotations

from collections.abc import Iterator
from time import monotonic, process_time

from benchmarks.figures import Figure, Goal, Scale
from benchmarks.logs import LAST, TASK, Logs
from benchmarks.processes import PROGRAM, Terminal, cost
from cma_tui.event import parse
from cma_tui.feed import fold_all

_BURST, _BEFORE = 10_000, 1_000
_MILLION = 1_000_000


def run(scale: Scale, logs: Logs) -> Iterator[Figure]:
    """Memory first, then the burst."""
    number = max(scale.file_events)
    told = cost("held", str(logs.file(number)))
    rows = told["rows"]
    session, screen = told["session"] / rows, told["screen"] / rows
    what = f"{number:,} events, held for a row"
    size = logs.file(number).stat().st_size / rows
    yield Figure(f"{what}: the session", session, "bytes", size, "the file")
    # Prices, which are loaded once, are no small part of a small log.
    goal = Goal("value", 300.0) if number >= _MILLION else None
    yield Figure(f"{what}: the screen", screen, "bytes", session, "the session", goal)
    yield from _burst(min(_BURST + _BEFORE, number), logs)


def _burst(number: int, logs: Logs) -> Iterator[Figure]:
    """So many events at once, a tenth of them before."""
    path, first = logs.file(number), number // 11
    events = [parse(line) for line in path.read_bytes().splitlines()[first:]]
    before = process_time()
    fold_all(events)
    limit = process_time() - before
    with Terminal(*PROGRAM, "burst", str(path), str(first), "--probe") as terminal:
        terminal.read_until(TASK)
        terminal.read_for(1.0)
        cpu = terminal.report()["cpu"]
        began = monotonic() - terminal.began
        took = terminal.read_until(LAST) - began
        told = terminal.report()
    late = max(told["late"], default=0.0)
    what = f"a burst of {len(events):,} events"
    yield Figure(f"{what}: drawn", took, "s", limit, "folding them", Goal("value", 1.0))
    yield Figure(f"{what}: CPU", told["cpu"] - cpu, "s CPU", limit, "folding them")
    yield Figure(f"{what}: longest stall", late * 1e3, "ms", goal=Goal("value", 100.0))
