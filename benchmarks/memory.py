"""Memory: what a live session takes that goes on for days.

Measured: resident memory that each event of 1.4 kB adds, read and folded one by one with every moment
kept, as the screen does it, older ones set aside in a private file. Limit: the same with all in memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from tempfile import TemporaryDirectory

from benchmarks.figures import Figure, Goal, Scale
from benchmarks.logs import Logs
from benchmarks.processes import cost


def run(scale: Scale, logs: Logs) -> Iterator[Figure]:
    """One session, both ways."""
    number = min(scale.file_events)
    kept = cost("remember", str(number), "")["bytes"]
    with TemporaryDirectory() as folder:
        aside = cost("remember", str(number), folder)["bytes"]
    what = f"{number:,} live events held"
    yield Figure(what, aside / number, "bytes an event", kept / number, "all in memory", Goal("value", 700.0))
