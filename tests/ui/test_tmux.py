"""cma-top over a hostile log in tmux, with the clipboard open: nothing of the log gets out."""

import os
import shutil
import subprocess
import sys
from time import monotonic, sleep

import pytest

from tests.ui.terminal import ROOT

pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")


def test_in_tmux_nothing_of_a_log_reaches_the_clipboard_the_title_or_the_keys(tmp_path):
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "TERM": "xterm-256color",
        "LANG": "C.UTF-8",
    }
    (tmp_path / "conf").write_text(
        "set -g set-clipboard on\nset -g allow-passthrough on\nset -g remain-on-exit on\n"
    )

    def tmux(*arguments):
        command = ["tmux", "-S", str(tmp_path / "socket"), "-f", str(tmp_path / "conf"), *arguments]
        done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=20)
        return done.stdout.strip()

    code = tmp_path / "code"
    run = f"printf '\\033]2;ours\\033\\\\'; {sys.executable} -m tests.ui.hostile_panels {tmp_path}"
    tmux("new-session", "-d", "-x", "110", "-y", "36", f"{run}; echo $? > {code}.part; mv {code}.part {code}")
    try:
        latest = monotonic() + 90
        # The error at the end is the last that is said: with it tmux has taken all there was.
        while not (code.exists() and "OWNED" in tmux("capture-pane", "-p")):
            assert monotonic() < latest, tmux("capture-pane", "-p")
            sleep(0.05)
        assert code.read_text() == "1\n"
        assert tmux("list-buffers") == ""
        assert tmux("list-panes", "-F", "#{pane_title}") == "ours"
    finally:
        tmux("kill-server")
