"""The screen as a whole: what it holds for each row, and a burst of events.

Measured, on a pty. Memory, files that are mapped aside: of the screen on a large log and on a tenth of it,
once both rest, and of the same logs folded without a screen. The difference of the differences, by row, is
what the screen holds: lists, figures, moments. A burst: events that come at once to a session that rests,
from the moment they are handed over to the frame that shows the last of them, and how late the event loop
was. Its limit is folding them.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from time import monotonic, process_time

from benchmarks.figures import Figure, Goal, Scale
from benchmarks.logs import LAST, LOG, TASK, Logs, lines
from benchmarks.processes import PROGRAM, Terminal, cost
from cma_tui.event import parse
from cma_tui.feed import fold_all
from cma_tui.ui.entries import Entries

_BURST, _BEFORE = 10_000, 1_000
_SAMPLE = 5_000
"""Events of which the rows are counted."""
_MILLION = 1_000_000
_RESTS = 0.05
"""The share of a core below which a program rests."""
_PATIENCE = 300.0


def run(scale: Scale, logs: Logs) -> Iterator[Figure]:
    """Memory first, then the burst."""
    number = max(scale.file_events)
    large, small = logs.file(number), logs.file(number // 10)
    rows = _rows() * (number - number // 10)
    folded = cost("ingest", str(large))["bytes"] - cost("ingest", str(small))["bytes"]
    whole = _held(large, scale) - _held(small, scale)
    size = (large.stat().st_size - small.stat().st_size) / rows
    yield Figure(f"{number:,} events: held for a row", max(0.0, whole / rows), "bytes", size, "the file")
    screen = max(0.0, (whole - folded) / rows)
    yield Figure(
        f"{number:,} events: the screen's share of it",
        screen,
        "bytes",
        whole / rows,
        "all of it",
        Goal("value", 300.0) if number >= _MILLION else None,
    )
    yield from _burst(min(_BURST + _BEFORE, number), logs)


def _rows() -> float:
    """Rows of an event."""
    events = [parse(line) for line in islice(lines(None, LOG), _SAMPLE)]
    made = Entries(fold_all(events))
    made.rebuild(made.session)
    return len(made.list) / len(events)


def _held(path: Path, scale: Scale) -> float:
    """What the screen on a log holds, when it rests."""
    with Terminal(*PROGRAM, "screen", str(path)) as terminal:
        terminal.read_until(LAST, _PATIENCE)
        until, pause = monotonic() + _PATIENCE, min(1.0, scale.seconds)
        before = terminal.report()
        while monotonic() < until:
            terminal.read_for(pause)
            now = terminal.report()
            if now["cpu"] - before["cpu"] < _RESTS * pause:
                break
            before = now
        return float(now["bytes"])


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
