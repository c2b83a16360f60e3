"""A real terminal for tests: a program on a pty, the bytes it writes, and the screen they draw."""

import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import sys
import termios
from pathlib import Path
from time import monotonic

import pyte

ROOT = Path(__file__).parents[2]
DEADLINE = 60.0
"""Seconds that a condition may take: only a broken program needs them."""
MODES = re.compile(rb"\x1b\[\?(\d+)([hl])")
UNKNOWN = re.compile(rb"\x1b\[[<>=?][0-9;]*[upq]|\x1b\[\?[0-9;]*\$p|\x1b\[>[0-9;]*m")
BEGUN = re.compile(rb"(\x1b(\[[<>=?]?[0-9;]*\$?)?)?\Z")


class Terminal:
    """A program that believes to be on a terminal."""

    def __init__(self, *arguments, size=(80, 24), draw=True, **environment):
        self.controller, end = os.openpty()
        self.written = bytearray()
        self.draw = draw
        """Whether what is written is drawn on `screen`, which takes its time."""
        self._begun = b""
        self.screen = pyte.Screen(*size)
        self._stream = pyte.ByteStream(self.screen)
        self.size = size
        self._set_size(size)
        self.before = termios.tcgetattr(end)
        self.end = end
        self.child = subprocess.Popen(
            [sys.executable, *arguments],
            stdin=end,
            stdout=end,
            stderr=end,
            cwd=ROOT,
            env={
                "PATH": os.environ["PATH"],
                "HOME": os.environ.get("HOME", "/"),
                "TERM": "xterm-256color",
                "COLORTERM": "truecolor",
                "LANG": "C.UTF-8",
                "PYTHONUTF8": "1",
                "TEXTUAL_ANIMATIONS": "none",
                "TZ": "UTC",
                **environment,
            },
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(end, termios.TIOCSCTTY, 0),
        )

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.child.kill()
        self.child.wait()
        os.close(self.end)
        os.close(self.controller)

    def _set_size(self, size):
        fcntl.ioctl(self.controller, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))

    def resize(self, *size):
        self.screen.resize(size[1], size[0])
        self._set_size(size)
        os.killpg(self.child.pid, signal.SIGWINCH)

    def type(self, keys):
        os.write(self.controller, keys.encode())

    def read(self, seconds=0.05):
        """Take what the program has written; False when there was nothing."""
        if not select.select([self.controller], [], [], seconds)[0]:
            return False
        piece = os.read(self.controller, 65_536)
        self.written += piece
        if self.draw:
            # pyte knows neither the kitty keys nor the queries of modes; one may come in two pieces.
            known = UNKNOWN.sub(b"", self._begun + piece)
            self._begun = BEGUN.search(known)[0]
            self._stream.feed(known[: len(known) - len(self._begun)])
        return True

    @property
    def text(self):
        return "\n".join(line.rstrip() for line in self.screen.display)

    def until(self, condition, deadline=DEADLINE):
        """Read until something is so."""
        latest = monotonic() + deadline
        while not condition():
            assert monotonic() < latest, self.text
            self.read()

    def until_text(self, text):
        self.until(lambda: text in self.text)

    def ended(self):
        """Wait for the program's end; returns its exit code."""
        self.until(lambda: self.child.poll() is not None)
        while self.read():
            pass
        return self.child.returncode

    def modes(self):
        """The private modes that were set, and whether they are on."""
        found = MODES.findall(bytes(self.written))
        return {int(number): word == b"h" for number, word in found}

    def modes_left_on(self):
        """Private modes beside those that every terminal has on: wrapping and the cursor."""
        return {number for number, on in self.modes().items() if on} - {7, 25}

    def restored(self):
        """Whether the terminal is as it was: its modes, its echo, its cursor, its keys."""
        keys = self.written.count(b"\x1b[>25u") == self.written.count(b"\x1b[<u")
        visible = all(self.modes().get(number, True) for number in (7, 25))
        same = termios.tcgetattr(self.end) == self.before
        return keys and visible and same and not self.modes_left_on()
