"""File ingest: a saved log opened, read and folded whole.

Measured, each in a process of its own: CPU time of `open_log` and the fold of all events, and the memory that
became resident with it; for the smallest log also that of `stats`, but for the printing. Limit: the newlines
counted, then every line parsed and nothing kept. For memory the goal is absolute; its limit is the size of
the file, which is what a session would hold that keeps the text of every event.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from statistics import median

from benchmarks import limits
from benchmarks.figures import Figure, Goal, Scale
from benchmarks.logs import Logs
from benchmarks.processes import cost

_MIB = 1 << 20
_MILLION = 1_000_000


def run(scale: Scale, logs: Logs) -> Iterator[Figure]:
    """Each size of file."""
    for number in scale.file_events:
        yield from _figures(logs.file(number), number, scale)


def _figures(path: Path, number: int, scale: Scale) -> Iterator[Figure]:
    programs = {"ours": partial(cost, "ingest", str(path)), "newlines": partial(cost, "limit", str(path), "")}
    for name in limits.parsers():
        programs[name] = partial(cost, "limit", str(path), name)
    if number == min(scale.file_events):
        programs["stats"] = partial(cost, "stats", str(path))
    rounds = scale.rounds if number < _MILLION else min(3, scale.rounds)
    runs = [{name: program() for name, program in programs.items()} for _ in range(rounds)]
    cpu = {name: median(each[name]["cpu"] for each in runs) for name in programs}
    goal = Goal("ratio", 2.0)
    what = f"{number:,} events folded"
    for name in limits.parsers():
        limit = cpu["newlines"] + cpu[name]
        reach = goal if name == limits.PARSER else None
        yield Figure(what, cpu["ours"], "s CPU", limit, f"newlines + {name} parse", reach)
    yield Figure(what, cpu["ours"], "s CPU", cpu["newlines"], "count newlines")
    if "stats" in programs:
        limit = cpu["newlines"] + cpu[limits.PARSER]
        against = f"newlines + {limits.PARSER} parse"
        yield Figure(f"{number:,} events: stats", cpu["stats"], "s CPU", limit, against, goal)
    memory = median(each["ours"]["bytes"] for each in runs) / _MIB
    size = path.stat().st_size / _MIB
    reach = Goal("value", 350.0) if number == _MILLION else None
    yield Figure(f"{number:,} events held", memory, "MiB", size, "the file", reach)
