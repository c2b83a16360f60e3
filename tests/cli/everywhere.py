"""Runs commands under all sorts of standard streams: `python -m tests.cli.everywhere PLAN RESULTS`.

One process imports everything once, and a fork of it runs each command as a process of its own would.
"""

import json
import os
import pty
import signal
import sys
import tempfile
from pathlib import Path
from time import monotonic

import cma_tui.cli
import cma_tui.commands.live
import cma_tui.source.live
import cma_tui.source.overview  # noqa: F401 - here once, and not in each fork
from cma_tui.__main__ import main

PATIENCE = 60
"""Seconds that a command may take."""


def streams(way):
    """Give the standard streams of this process their ways; returns what has to stay open."""
    kept = []
    for number, kind in enumerate((way.get("stdin"), way.get("stdout"), way.get("stderr"))):
        if kind == "closed":
            os.close(number)
            setattr(sys, ("stdin", "stdout", "stderr")[number], None)
        elif kind == "tty":
            master, slave = pty.openpty()
            kept.append(master)
            os.dup2(slave, number)
        elif kind == "gone":  # a pipe whose reader has had enough
            reader, writer = os.pipe()
            os.close(reader)
            os.dup2(writer, number)
        else:
            flags = os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_APPEND
            os.dup2(os.open(kind or os.devnull, flags, 0o600), number)
    return kept


def child(way):
    """Be that command."""
    signal.alarm(PATIENCE)
    os.environ.update(way.get("env", {}))
    kept = streams(way)
    sys.argv = ["cma-top", *way["words"]]
    try:
        main()
    except SystemExit as end:
        code = end.code
    except BaseException:  # noqa: BLE001 - what a user would see as a traceback
        code = 99
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except (OSError, ValueError):
        code = 120
    del kept
    os._exit(code or 0)


def run(way):
    """Code, output and complaints of a command."""
    with tempfile.TemporaryDirectory() as folder:
        files = {name: str(Path(folder) / name) for name in ("stdout", "stderr")}
        began = monotonic()
        pid = os.fork()
        if not pid:
            child({**{name: path for name, path in files.items() if name not in way}, **way})
        _, status = os.waitpid(pid, 0)
        said = {
            name: Path(path).read_text(errors="replace") if Path(path).exists() else ""
            for name, path in files.items()
        }
    took = round(monotonic() - began, 2)
    return {"code": os.waitstatus_to_exitcode(status), "seconds": took, **said}


if __name__ == "__main__":
    plan, results = map(Path, sys.argv[1:])
    results.write_text(json.dumps([run(way) for way in json.loads(plan.read_text())]))
