"""Tracing: what it costs the whole pipeline, and what a Braintrust that is broken does to the keys.

Measured, on a pty: the CPU time of cma-top for events that a live session streams, from the bytes to the rows
on the screen, with tracing off, in `batch` and in `realtime`, taking turns, at a turn a second and at ten;
what of it the mirror's own threads take; then by how much the screen's event loop is late while Braintrust
hangs, refuses or breaks. Limit: the same with tracing off. The Braintrust is the one of the tests, in a
process of its own.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from statistics import median
from typing import Any, NamedTuple

from benchmarks.figures import Figure, Goal, Scale, percentile
from benchmarks.logs import Logs
from benchmarks.processes import PROGRAM, Piped, Terminal
from benchmarks.server import Server, mark

_TURN = 40
"""Events in a turn."""
_MODES = ("off", "batch", "realtime")
_PACES: dict[str, tuple[int, dict[str, float]]] = {
    "a turn a second": (1, {"batch": 1.05, "realtime": 1.08}),
    "ten turns a second": (10, {"batch": 1.10, "realtime": 1.15}),
}
"""Turns a second, and the goals: the first is as dense as an agent gets, the second denser than any."""
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


class Spent(NamedTuple):
    """What events of a live session took."""

    cpu: float
    """Seconds of CPU, by event."""
    mirror: float
    """Seconds of that on the mirror's threads, by turn."""
    late: list[float]
    """By how many seconds the event loop was late meanwhile."""


def run(scale: Scale, logs: Logs) -> Iterator[Figure]:
    """The cost first, then the delays."""
    modes = _MODES if scale.rounds > 1 else _MODES[:1]
    found: dict[tuple[str, str], list[Spent]] = {}
    for _ in range(scale.rounds):
        for mode in modes:
            with Braintrust() as braintrust:
                for pace, spent in zip(_PACES, _watched(scale, mode, braintrust), strict=True):
                    found.setdefault((pace, mode), []).append(spent)
    for pace, (_, goals) in _PACES.items():
        off = median(spent.cpu for spent in found[pace, "off"])
        for mode in modes:
            cpu = median(spent.cpu for spent in found[pace, mode])
            goal = Goal("ratio", goals[mode]) if mode in goals else None
            yield Figure(f"{mode}, {pace}: an event", cpu * 1e6, "µs CPU", off * 1e6, "tracing off", goal)
        for mode in [mode for mode in modes if mode in goals]:
            own = median(spent.mirror for spent in found[pace, mode])
            yield Figure(f"{mode}, {pace}: a turn on the mirror's threads", own * 1e3, "ms CPU")
    usual = [late for spent in found["ten turns a second", "off"] for late in spent.late]
    for fault in _FAULTS if scale.rounds > 1 else _FAULTS[:1]:
        with Braintrust(fault) as braintrust:
            *_, spent = _watched(scale, "realtime", braintrust)
        yield Figure(
            f"event loop late, {fault.replace('status', 'answers')}: p99",
            percentile(spent.late, 0.99) * 1e3,
            "ms",
            percentile(usual, 0.99) * 1e3,
            "tracing off",
            Goal("value", 50.0),
        )


def _watched(scale: Scale, mode: str, braintrust: Braintrust) -> Iterator[Spent]:
    """A live session on the screen, at one pace after the other."""
    with tempfile.TemporaryDirectory() as state, Server() as server:
        traced = {
            "BRAINTRUST_API_KEY": "sk-braintrust-0123456789abcdef",
            "BRAINTRUST_APP_URL": braintrust.url,
            "CMA_TOP_TRACE": mode,
            "CMA_TOP_STATE_DIR": state,
        }
        server.emit(_TURN, 1_000_000, turn=_TURN)
        server.emitted()
        written = _TURN
        with Terminal(*PROGRAM, "live", *server.address, "--probe", **traced) as terminal:
            terminal.read_until(mark(written - 1))
            terminal.read_for(max(1.0, scale.seconds))  # what is imported for it is no event's cost
            for turns, _ in _PACES.values():
                number = max(1, round(turns * scale.writing)) * _TURN
                before = terminal.report()
                server.emit(number, turns * _TURN, turn=_TURN)
                written += number
                terminal.read_until(mark(written - 1))
                server.emitted()
                terminal.read_for(min(2.0, scale.seconds))
                after = terminal.report()
                yield Spent(
                    (after["cpu"] - before["cpu"]) / number,
                    (_mirror(after) - _mirror(before)) * _TURN / number,
                    after["late"],
                )


def _mirror(report: dict[str, Any]) -> float:
    """Seconds of CPU that the mirror's threads have had."""
    return float(sum(cpu for name, cpu in report["threads"].items() if name.startswith("mirror-")))
