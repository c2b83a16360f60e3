"""The command: `python -m benchmarks [SUBJECT…] [--quick] [--json FILE]`.

Owns the list of subjects and their order. Invariant: a slow machine never fails the run, whatever the goals
say; only code that breaks does.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks import (
    delay,
    file_ingest,
    fold,
    idle,
    latency,
    live_ingest,
    memory,
    peers,
    player,
    recorder,
    screen,
    startup,
    timeline,
    tracing,
)
from benchmarks.figures import FULL, QUICK, Figure, Scale
from benchmarks.logs import Logs
from benchmarks.table import Report

SUBJECTS: dict[str, Callable[[Scale, Logs], Iterator[Figure]]] = {
    "startup": startup.run,
    "idle": idle.run,
    "live-ingest": live_ingest.run,
    "file-ingest": file_ingest.run,
    "fold": fold.run,
    "memory": memory.run,
    "player": player.run,
    "peers": peers.run,
    "timeline": timeline.run,
    "screen": screen.run,
    "latency": latency.run,
    "delay": delay.run,
    "recorder": recorder.run,
    "tracing": tracing.run,
}
"""What can be measured, by name."""


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="SUBJECT", help=f"{', '.join(SUBJECTS)}; all by default")
    parser.add_argument("--quick", action="store_true", help="smaller logs and fewer repetitions")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure to FILE too")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.names if name not in SUBJECTS]
    if unknown:
        parser.error(f"no such subject: {', '.join(unknown)} (there are {', '.join(SUBJECTS)})")
    report = Report()
    report.head()
    scale = QUICK if arguments.quick else FULL
    with Logs() as logs:
        for name in arguments.names or SUBJECTS:
            report.subject(name, SUBJECTS[name](scale, logs))
    report.end()
    if arguments.json is not None:
        report.write(arguments.json)


if __name__ == "__main__":
    main()
