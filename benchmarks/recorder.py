"""The recorder: how fast events get to the disk, and whether the screen notices.

Measured: events a second, in batches as a fast stream brings them, until all of them are in the file and on
the disk; and on a pty how late the screen's event loop is while a session is recorded. Limits: the same texts
written line by line into one file, and synced; the same session without a recording. Goals for the delay are
milliseconds.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.figures import Figure, Goal, Scale, alternate, percentile
from benchmarks.logs import LOG, Logs, lines
from benchmarks.processes import PROGRAM, Terminal
from benchmarks.server import Server, mark
from cma_tui.event import Event, local, parse
from cma_tui.recorder import Recorder
from cma_tui.source import Batch

_BATCH = 64
"""Events of one delivery."""
_RATE = 1_000
_DEADLINE = 120.0


def run(scale: Scale, logs: Logs) -> Iterator[Figure]:
    """The speed, then the delay."""
    yield _speed(scale)
    with_it, without = (_late(scale, record) for record in ("always", "never"))
    for share, word, goal in ((0.5, "p50", None), (0.99, "p99", Goal("value", 50.0))):
        mine, theirs = percentile(with_it, share) * 1e3, percentile(without, share) * 1e3
        yield Figure(
            f"{word} of the loop's delay, {_RATE:,} events/s", mine, "ms", theirs, "not recorded", goal
        )


def _speed(scale: Scale) -> Figure:
    texts = list(lines(scale.live_events, LOG))
    events = [parse(text, received_at=1.0 + number) for number, text in enumerate(texts)]
    with TemporaryDirectory() as folder:
        taken = alternate(
            {"ours": partial(_record, events, folder), "limit": partial(_write, texts, folder)}, scale.rounds
        )
    ours, limit = (scale.live_events / taken[name].wall for name in ("ours", "limit"))
    return Figure(
        "to the disk", ours, "events/s", limit, "lines written", Goal("value", 20_000.0, least=True)
    )


def _record(events: list[Event], folder: str) -> None:
    path = Path(folder) / "recording.jsonl"
    path.unlink(missing_ok=True)
    recorder = Recorder(Path(folder), path)
    resource = {"session": {"id": "sesn_measured"}}
    recorder.put(Batch([local("local.session", resource, received_at=1.0)]))
    for begin in range(0, len(events), _BATCH):
        recorder.put(Batch(events[begin : begin + _BATCH]))
    recorder.close(_DEADLINE)
    status = recorder.status
    if status.state != "ended" or status.events <= len(events):
        raise RuntimeError(f"not all was recorded: {status}")


def _write(texts: list[bytes], folder: str) -> None:
    with (Path(folder) / "lines").open("wb") as file:
        for text in texts:
            file.write(text + b"\n")
        file.flush()
        os.fsync(file.fileno())


def _late(scale: Scale, record: str) -> list[float]:
    """By how many seconds the screen's event loop was late each time, while events came."""
    with TemporaryDirectory() as state, Server() as server:
        variables = {"CMA_TOP_RECORD": record, "CMA_TOP_STATE_DIR": state}
        with Terminal(*PROGRAM, "live", *server.address, "--probe", **variables) as terminal:
            server.emit(1, 1)
            terminal.read_until(mark(0))
            terminal.read_for(scale.seconds)
            terminal.report()
            number = max(10, round(_RATE * scale.writing))
            server.emit(number, _RATE)
            terminal.read_until(mark(number))
            late: list[float] = terminal.report()["late"]
    return late
