"""Peers: what else opens a log of this size, on the same file.

Measured: the wall time of reading a log whole, against `lnav -n`; the time from the start of the process to
the first rows on a pty, against toolong. `lnav` is measured where it is installed. toolong is put into an
environment of its own, for it wants other versions than ours; where it cannot be had, or shows nothing in
time, nothing is compared with it.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

from benchmarks.figures import Figure, Goal, Scale
from benchmarks.logs import TASK, Logs
from benchmarks.processes import PROGRAM, Terminal, cost, output

_ROW = "sevt_"
"""What every row holds where events are shown as the lines that they are."""
_INSTALLING = 300.0
"""Seconds that toolong's installation may take."""
_SHOWING = 120.0
"""Seconds that first rows may take."""


def run(scale: Scale, logs: Logs) -> Iterator[Figure]:
    """The whole of the largest log first, then its first rows."""
    number = max(scale.file_events)
    path = logs.file(number)
    rounds = min(3, scale.rounds)
    ours = [cost("ingest", str(path))["wall"] for _ in range(rounds)]
    what = f"{number:,} events read whole"
    if shutil.which("lnav"):
        theirs = [_lnav(path) for _ in range(rounds)]
        yield Figure(what, median(ours), "s", median(theirs), "lnav -n", Goal("ratio", 1.0))
    else:
        yield Figure(what, median(ours), "s")
    first = [_first_rows(*PROGRAM, "screen", str(path)) for _ in range(rounds)]
    what = f"{number:,} events: first rows"
    toolong = _toolong(path) if scale.peers else None
    if toolong is None:
        yield Figure(what, median(first), "s")
    else:
        yield Figure(what, median(first), "s", toolong, "toolong", Goal("ratio", 1.0))


def _lnav(path: Path) -> float:
    began = perf_counter()
    output("lnav", "-n", "-c", ":quit", str(path))
    return perf_counter() - began


def _first_rows(*program: str, shown: str = TASK) -> float:
    with Terminal(*program) as terminal:
        return terminal.read_until(shown, _SHOWING)


def _toolong(path: Path) -> float | None:
    """Seconds until toolong shows rows; None where it cannot be had, or shows none in time."""
    with TemporaryDirectory(prefix="cma-top-toolong-") as folder:
        programs = Path(folder) / "bin"
        install = (str(programs / "python"), "-m", "pip", "install", "--quiet", "toolong")
        try:
            for command in ((sys.executable, "-m", "venv", folder), install):
                subprocess.run(command, check=True, capture_output=True, timeout=_INSTALLING)
            return _first_rows(str(programs / "tl"), str(path), shown=_ROW)
        except (OSError, subprocess.SubprocessError, RuntimeError):
            return None
