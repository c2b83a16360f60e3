"""The way to the terminal: what is drawn waits beside the event loop, and a terminal that is gone is noticed.

Owns the last queue in front of the terminal. Invariants: writing never waits, so that a terminal that stops
reading holds up nothing but the drawing; the end of the program waits for it a moment, and no longer; a
terminal that has gone away is noticed without asking for it; the screen is entered once, and entered again
only after it was left.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from textual.app import App
from textual.drivers.linux_driver import LinuxDriver

_AHEAD = 32_768
"""Bytes that may wait before nothing more is drawn: about a frame."""
_PATIENCE = 1.0
"""Seconds that the end of the program waits for the terminal."""


class Output:
    """A file for the driver to write to; a thread of its own writes it out."""

    def __init__(self, descriptor: int, drained: Callable[[], None], lost: Callable[[], None]) -> None:
        """Begin.

        Args:
            descriptor: the terminal.
            drained: called when all that waited has been written; on the thread.
            lost: called when nothing can be written any more; on the thread.
        """
        self._descriptor = descriptor
        self._drained, self._lost = drained, lost
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._changed = threading.Condition()
        self.gone = False
        """Whether nothing can be written any more."""
        threading.Thread(target=self._run, name="terminal-output", daemon=True).start()

    @property
    def behind(self) -> bool:
        """Whether so much waits that drawing more would only make it older."""
        return self._size > _AHEAD

    def write(self, text: str) -> None:
        """Take a text; it is written soon."""
        encoded = text.encode("utf-8", "backslashreplace")
        with self._changed:
            if not self.gone:
                self._waiting.append(encoded)
                self._size += len(encoded)
                self._changed.notify_all()

    def flush(self) -> None:
        """Nothing is held back."""

    def fileno(self) -> int:
        """The terminal's descriptor."""
        return self._descriptor

    def drain(self) -> bool:
        """Wait until all is written, for a moment. Says whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: self.gone or not self._size, _PATIENCE) and not self.gone

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting)
                piece = self._waiting.popleft()
            try:
                rest = memoryview(piece)
                while rest:
                    rest = rest[os.write(self._descriptor, rest) :]
            except OSError:
                with self._changed:
                    self.gone, self._size = True, 0
                    self._waiting.clear()
                    self._changed.notify_all()
                self._lost()
                return
            with self._changed:
                self._size -= len(piece)
                drained = not self._size
                self._changed.notify_all()
            if drained:
                self._drained()


class Terminal(LinuxDriver):
    """Textual's driver, on an output that never holds up the event loop."""

    def __init__(
        self,
        app: App[object],
        *,
        debug: bool = False,
        mouse: bool = True,
        size: tuple[int, int] | None = None,
    ) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        assert sys.__stderr__ is not None, "checked before there is a screen"
        self.on_drained: Callable[[], None] = lambda: None
        """Called when the terminal has caught up; on another thread."""
        self.on_lost: Callable[[], None] = lambda: None
        """Called when the terminal has gone away; on another thread."""
        self.output = Output(sys.__stderr__.fileno(), lambda: self.on_drained(), lambda: self.on_lost())
        self._file = self.output  # type: ignore[assignment]  # all that the writer thread needs of a file
        self.caught_up = True
        """Whether the terminal took all of what was written when it was last left."""
        threading.Thread(target=self._watch, name="terminal-watch", daemon=True).start()

    def start_application_mode(self) -> None:
        """Enter the screen; it is left before the process is stopped, and entered again after."""
        super().start_application_mode()  # type: ignore[no-untyped-call]  # of Textual
        # By the loop, between two callbacks: a handler that interrupts a write would wait for its lock.
        self._loop.add_signal_handler(signal.SIGTSTP, self._sigtstp_application)
        self._loop.add_signal_handler(signal.SIGCONT, self._sigcont_application)

    def stop_application_mode(self) -> None:
        """Leave the screen; until it is entered again, the process is stopped like any other."""
        self._loop.remove_signal_handler(signal.SIGTSTP)
        self._loop.remove_signal_handler(signal.SIGCONT)
        super().stop_application_mode()

    def write(self, data: str) -> None:
        """Write to the terminal; while it is left to others, nothing."""
        if self._writer_thread is not None:
            super().write(data)

    def close(self) -> None:
        """Leave the terminal when it has read everything; one that does not read is not waited for."""
        super().close()
        self._writer_thread = None
        self.caught_up = self.output.drain()

    def _sigtstp_application(self, *_: object) -> None:
        """Stop, the terminal restored."""
        self.suspend_application_mode()
        self._must_signal_resume = True
        self._loop.add_signal_handler(signal.SIGCONT, self._sigcont_application)
        os.kill(os.getpid(), signal.SIGSTOP)

    def _sigcont_application(self, *_: object) -> None:
        """Go on. Who was stopped without being asked leaves the screen first, for others had the terminal."""
        if self._hung_up(0):
            return  # the kernel sends this signal along with SIGHUP
        if self._writer_thread is not None:
            self.suspend_application_mode()
        self.resume_application_mode()

    def _hung_up(self, timeout: int | None) -> bool:
        """Whether the other end hangs up within so many milliseconds, or ever."""
        poll = select.poll()
        poll.register(self.fileno, 0)
        return any(found & (select.POLLHUP | select.POLLERR) for _, found in poll.poll(timeout))

    def _watch(self) -> None:
        """Wait for the other end to hang up: a terminal that is gone reads as an endless nothing."""
        if self._hung_up(None):
            self.on_lost()

    def _run_input_thread(self) -> None:
        """Read keys. A terminal that is gone is no defect; whatever else is, is told like any other."""
        try:
            while not self.exit_event.is_set():
                with suppress(UnicodeDecodeError):  # pasted bytes that are no text: read on behind them
                    self.run_input_thread()
        except OSError:
            self.on_lost()
        except Exception as error:  # noqa: BLE001 - handed over
            with suppress(RuntimeError):  # the app has ended
                self._app.call_later(self._app._handle_exception, error)  # noqa: SLF001 - Textual's own way
