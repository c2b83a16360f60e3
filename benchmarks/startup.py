"""Start-up: until something can be read.

Measured: CPU time of `cma-top --version`, against `python -c pass`; then, on a pty, the time from the start
of the process to the first frame that shows a row of a replayed log, against the first frame of a Textual app
that shows one line, and for a large log against a small one.
"""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Iterator
from statistics import median

from benchmarks.figures import Figure, Goal, Scale
from benchmarks.logs import TASK, Logs
from benchmarks.processes import PROGRAM, ROOT, Terminal, environment

_REPLAY = ("screen", "replay", "--speed", "1000")
"""A pace at which the pauses in the log are no part of the figure."""


def run(scale: Scale, logs: Logs) -> Iterator[Figure]:
    """The command line first, then the screen."""
    commands = {
        "pass": (sys.executable, "-c", "pass"),
        "--version": (sys.executable, "-m", "cma_tui", "--version"),
    }
    runs = [{name: _cpu(*command) for name, command in commands.items()} for _ in range(scale.rounds * 2)]
    cpu = {name: median(each[name] for each in runs) * 1e3 for name in commands}
    yield Figure("--version", cpu["--version"], "ms CPU", cpu["pass"], "python -c pass", Goal("ratio", 4.0))

    small, large = min(scale.rows), max(scale.file_events)
    programs = {
        "empty": (*PROGRAM, "empty", TASK),
        "small": (*PROGRAM, *_REPLAY, str(logs.file(small))),
        "large": (*PROGRAM, *_REPLAY, str(logs.file(large))),
    }
    frames = [{name: _frame(*program) for name, program in programs.items()} for _ in range(scale.rounds)]
    wall = {name: median(each[name] for each in frames) for name in programs}
    what = f"first rows, log of {small:,}"
    yield Figure(what, wall["small"], "s", wall["empty"], "empty Textual app", Goal("ratio", 1.3))
    what = f"first rows, log of {large:,}"
    yield Figure(what, wall["large"], "s", wall["small"], f"log of {small:,}", Goal("ratio", 1.2))


def _cpu(*command: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=ROOT, env=environment(), check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _frame(*program: str) -> float:
    with Terminal(*program) as terminal:
        return terminal.read_until(TASK)
