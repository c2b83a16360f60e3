"""Processes with a mirror in them, to be killed: one that forks them quickly, everything imported.

Reads one JSON line an order from stdin and answers with the process id. Each process connects to the socket
it is given, says so after each turn it has folded, and goes on when it is told to.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]


def story(turns: int):
    from tests.mirror.help import told
    from tests.mirror.test_mirror import many_turns

    return told(many_turns(turns).events)


def watch(order: dict) -> None:
    """Fold the story turn by turn, the mirror looking on, in step with the parent."""
    from cma_tui.mirror import Mirror, Target
    from cma_tui.session.fold import apply
    from cma_tui.session.model import Change, Session
    from cma_tui.settings import Secret
    from tests.mirror.fake import KEY
    from tests.mirror.help import counted

    parent = socket.socket(socket.AF_UNIX)
    parent.connect(order["socket"])
    target = Target(api_key=Secret(KEY), app_url=order["url"], project="tests")
    mirror = Mirror(target, Path(order["folder"]), mode=order["mode"])
    session = Session()
    for event in story(order["turns"]):
        change = Change()
        apply(session, event, change)
        mirror.update(session, counted(session), change)
        if event.type == "session.status_idle":
            parent.sendall(b"t")
            parent.recv(1)
    while mirror.update(session, counted(session), Change()):
        pass
    mirror.close(20)
    parent.sendall(b"d")


def main() -> None:
    import braintrust.api  # noqa: F401 - once, before the forks

    story(1)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    print("ready", flush=True)
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            watch(json.loads(line))
            os._exit(0)
        print(pid, flush=True)


class Run(NamedTuple):
    """One process, from outside."""

    pid: int
    line: socket.socket

    def step(self) -> bool:
        """Let it fold one more turn. False when it is done, or dead."""
        try:
            said = self.line.recv(1)
            if said == b"t":
                self.line.sendall(b"g")
        except OSError:
            return False
        return said == b"t"

    def kill(self) -> None:
        """End it as a power cut would."""
        try:
            os.kill(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            return

    def wait(self) -> None:
        """Let it run until it is done or dead."""
        while self.step():
            pass


class Nursery:
    """Starts such processes."""

    def __init__(self, folder: Path, url: str):
        self._path = str(folder / "line")
        self._url = url
        self._runs: list[Run] = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self._path)
        self._listener.listen(8)
        self._listener.settimeout(30)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.mirror.child"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"

    def start(self, folder: Path, *, turns: int, mode: str = "batch") -> Run:
        order = {"folder": str(folder), "url": self._url, "turns": turns, "mode": mode, "socket": self._path}
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        pid = int(self._process.stdout.readline())
        line, _ = self._listener.accept()
        line.settimeout(30)
        self._runs.append(Run(pid, line))
        return self._runs[-1]

    def close(self) -> None:
        for run in self._runs:
            run.kill()
            run.line.close()
        self._process.stdin.close()
        self._process.wait(20)
        self._process.stdout.close()
        self._listener.close()


if __name__ == "__main__":
    main()
