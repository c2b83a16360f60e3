"""Tracing: what it costs the whole pipeline, and what a Braintrust that is broken does to the keys.

Measured, on a pty: the CPU time of cma-top for events that a live session streams, from the bytes to the rows
on the screen, with tracing off, in `batch` and in `realtime`, taking turns; then by how much the screen's
event loop is late while Braintrust hangs, refuses or breaks. Limit: the same with tracing off. The Braintrust
is the one of the tests, in a process of its own.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from statistics import median

from benchmarks.figures import Figure, Goal, Scale, percentile
from benchmarks.logs import Logs
from benchmarks.processes import PROGRAM, Piped, Terminal
from benchmarks.server import Server, mark

_TURN = 40
"""Events in a turn."""
_RATE = 400
_MODES: dict[str, float | None] = {"off": None, "batch": 1.05, "realtime": 1.08}
_FAULTS = ("hang", "status 401", "status 429", "status 500", "drop")
_BRAINTRUST = """
import sys, time
from tests.mirror.fake import Fake
with Fake() as fake:
    deed, _, status = sys.argv[1].partition(" ")
    if deed:
        fake.fault("/", deed, times=-1, status=int(status or 0))
    print(fake.url, flush=True)
    sys.stdin.read()
"""


class Braintrust(Piped):
    """The process, with one fault or none."""

    def __init__(self, fault: str = "") -> None:
        super().__init__("-c", _BRAINTRUST, fault)
        self.url = self.told()


def run(scale: Scale, logs: Logs) -> Iterator[Figure]:
    """The cost first, then the delays."""
    modes: dict[str, float | None] = _MODES if scale.rounds > 1 else {"off": None}
    costs: dict[str, list[float]] = {mode: [] for mode in modes}
    limit: list[float] = []
    for _ in range(scale.rounds):
        for mode in modes:
            with Braintrust() as braintrust:
                cpu, late = _watched(scale, mode, braintrust)
            costs[mode].append(cpu)
            limit += late if mode == "off" else []
    off = median(costs["off"])
    for mode, bound in modes.items():
        goal = None if bound is None else Goal("ratio", bound)
        yield Figure(f"{mode}: an event", median(costs[mode]) * 1e6, "µs CPU", off * 1e6, "tracing off", goal)
    for fault in _FAULTS if scale.rounds > 1 else _FAULTS[:1]:
        with Braintrust(fault) as braintrust:
            _, late = _watched(scale, "realtime", braintrust)
        yield Figure(
            f"event loop late, {fault.replace('status', 'answers')}: p99",
            percentile(late, 0.99) * 1e3,
            "ms",
            percentile(limit, 0.99) * 1e3,
            "tracing off",
            Goal("value", 50.0),
        )


def _watched(scale: Scale, mode: str, braintrust: Braintrust) -> tuple[float, list[float]]:
    """CPU seconds an event takes on a live session, and by how much the event loop was late meanwhile."""
    number = max(_TURN, scale.live_events // 4 // _TURN * _TURN)
    with tempfile.TemporaryDirectory() as state, Server() as server:
        traced = {
            "BRAINTRUST_API_KEY": "sk-braintrust-0123456789abcdef",
            "BRAINTRUST_APP_URL": braintrust.url,
            "CMA_TOP_TRACE": mode,
            "CMA_TOP_STATE_DIR": state,
        }
        server.emit(_TURN, 1_000_000, turn=_TURN)
        server.emitted()
        with Terminal(*PROGRAM, "live", *server.address, "--probe", **traced) as terminal:
            terminal.read_until(mark(_TURN - 1))
            terminal.read_for(max(1.0, scale.seconds))  # what is imported for it is no event's cost
            before = terminal.report()["cpu"]
            server.emit(number, _RATE, turn=_TURN)
            terminal.read_until(mark(_TURN + number - 1))
            terminal.read_for(min(2.0, scale.seconds))
            report = terminal.report()
            return (report["cpu"] - before) / number, report["late"]
