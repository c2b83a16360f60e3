"""What a benchmark yields, and how its repetitions are taken.

Owns `Figure` and the taking of medians. Invariant: a figure and its limit come from repetitions that took
turns in the same process, so that a machine that slows down slows both.
"""

from __future__ import annotations

import gc
import math
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from time import perf_counter, process_time
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Goal:
    """What to reach: for the ratio to the limit, or for the value itself."""

    of: Literal["ratio", "value"]
    bound: float
    least: bool = False
    """Whether more is better."""

    def met(self, figure: Figure) -> bool:
        """Whether a figure reaches it."""
        reached = figure.ratio if self.of == "ratio" else figure.value
        return reached >= self.bound if self.least else reached <= self.bound


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table."""

    what: str
    value: float
    unit: str
    limit: float = math.nan
    limit_is: str = ""
    goal: Goal | None = None

    @property
    def ratio(self) -> float:
        """The value in units of its limit."""
        return self.value / self.limit if self.limit else math.nan

    @property
    def verdict(self) -> str:
        """`ok`, `behind`, or nothing where there is no goal."""
        if self.goal is None:
            return ""
        return "ok" if self.goal.met(self) else "behind"

    def as_json(self) -> dict[str, Any]:
        """Its fields with the ratio and the verdict; what is not known is null."""
        fields = {**asdict(self), "ratio": self.ratio, "verdict": self.verdict or None}
        return {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in fields.items()}


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is done: fewer events and repetitions when it has to be quick."""

    rounds: int
    live_events: int
    file_events: Sequence[int]
    fold_events: Sequence[int]
    history_events: int
    rows: Sequence[int]
    steps: int
    """Appends and scrolls timed on each timeline."""
    seconds: float
    """How long idling is watched."""
    rates: Sequence[int]
    """Events a second that the server writes."""
    writing: float
    """Seconds it writes at each rate."""
    peers: bool = False
    """Whether other programs are installed to be compared with."""


FULL = Scale(
    rounds=5,
    live_events=10_000,
    file_events=(100_000, 1_000_000),
    fold_events=(1_000, 10_000, 100_000),
    history_events=50_000,
    rows=(1_000, 100_000, 1_000_000),
    steps=200,
    seconds=5.0,
    rates=(1, 10, 100, 1_000, 10_000),
    writing=8.0,
    peers=True,
)
QUICK = Scale(
    rounds=3,
    live_events=4_000,
    file_events=(100_000,),
    fold_events=(1_000, 10_000, 100_000),
    history_events=20_000,
    rows=(1_000, 100_000),
    steps=100,
    seconds=5.0,
    rates=(1, 10, 100, 1_000),
    writing=4.0,
)


@dataclass(frozen=True, slots=True)
class Taken:
    """Medians of one function's repetitions, in seconds."""

    cpu: float
    wall: float


def alternate(functions: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, Taken]:
    """Call the functions in turn, `rounds` times each, and give each one's medians."""
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in functions}
    for _ in range(rounds):
        for name, function in functions.items():
            gc.collect()  # nobody pays for the garbage of the one before
            wall, cpu = perf_counter(), process_time()
            function()
            taken[name].append((process_time() - cpu, perf_counter() - wall))
    return {
        name: Taken(median(cpu for cpu, _ in pairs), median(wall for _, wall in pairs))
        for name, pairs in taken.items()
    }


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` of all values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1)] if ordered else math.nan


def machine() -> dict[str, Any]:
    """Where the figures come from."""
    return {
        "system": sys.platform,
        "python": ".".join(map(str, sys.version_info[:3])),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
    }
