"""Sending what waits to Braintrust, and what to do when that fails.

Owns the thread that sends, and the answer to every way it can fail. Invariants: a request is tried four times
at most, then a breaker opens and everything stays in the outbox; a refused key stops sending and loses
nothing; a refused row is found and set aside; when told to finish it does what there is time for and holds up
nobody.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Sequence
from functools import partial
from time import monotonic
from typing import Any, Final

from cma_tui.mirror.outbox import Outbox, OutboxError, Waiting
from cma_tui.mirror.service import Failed, Service, one_line
from cma_tui.mirror.target import Place, Target

ATTEMPTS: Final = 4
"""Of one request: the first and three retries."""
_RANDOM = random.SystemRandom()
_BACKOFF = 0.5
_RETRY_AFTER_LIMIT = 60.0
_COOLING = (30.0, 60.0, 120.0, 300.0, 600.0)
"""Seconds the breaker stays open, longer each time."""
_REFUSED_PAUSE = 300.0
"""Seconds until a key or project that was refused is tried again."""
_LOCKED_PAUSE = 1.0
_DISK_PAUSE = 5.0
_ALL_REFUSED = 8
"""So many single rows refused, and none accepted: it is not the rows."""
_BATCH_ROWS = 100
_BATCH_BYTES = 3_000_000


class Uploader:
    """Sends what is in the outbox, on a thread of its own."""

    def __init__(
        self,
        open_outbox: Callable[[], Outbox],
        target: Target,
        *,
        changed: Callable[[Outbox], None],
        moved: Callable[[], None],
        wait: Callable[[threading.Event, float | None], object] = threading.Event.wait,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """Prepare.

        Args:
            open_outbox: opens a connection of the thread's own.
            target: where to send.
            changed: called on the thread when the outbox has changed.
            moved: called on the thread when the destination turns out to be another than before.
            wait: waits for an event, at most so many seconds.
            clock: seconds that only go forward.
        """
        self.problem = ""
        """Why nothing is sent now, in one line."""
        self.place: Place | None = None
        """Where the rows are, as far as that is known: from an earlier run at first."""
        self._connected = False
        self._open, self._changed, self._moved = open_outbox, changed, moved
        self._wait, self._clock = wait, clock
        self._service = Service(target)
        self._work = threading.Event()
        self._finishing = threading.Event()
        self._never = threading.Event()
        self._until = 0.0
        self._failures = 0
        self._not_before = 0.0
        self._thread = threading.Thread(target=self._run, name="mirror-upload", daemon=True)

    def start(self) -> None:
        """Start sending."""
        self._thread.start()

    def wake(self) -> None:
        """There is something to send."""
        self._work.set()

    def finish(self, seconds: float) -> bool:
        """Send what waits, as far as there is time for it, and end. Returns whether it ended in time."""
        self._service.timeout = min(self._service.timeout, max(0.1, seconds))
        self._until = self._clock() + seconds
        self._finishing.set()
        self._work.set()
        if self._thread.is_alive():
            self._thread.join(max(0.0, seconds))
        return not self._thread.is_alive()

    def _run(self) -> None:
        outbox: Outbox | None = None
        try:
            while True:
                last = self._finishing.is_set()  # what was put before that is there for this round
                try:
                    if outbox is None:
                        outbox = self._open()
                        self.place = self.place or outbox.place()
                    pause = self._round(outbox)
                    if last:
                        self._changed(outbox)  # another process may be the one that sends
                except OutboxError as error:  # what was sent without our noting it is sent again, into itself
                    self.problem, pause = str(error), _DISK_PAUSE
                    if outbox is not None:
                        outbox.close()
                        outbox = None
                if last:
                    break
                self._wait(self._work, pause)
                self._work.clear()
        except Exception as error:  # noqa: BLE001 - a thread's error goes nowhere else; it is shown
            self.problem = f"a defect in the upload: {type(error).__name__}: {one_line(str(error))}"
        finally:
            self._service.close()
            if outbox is not None:
                outbox.close()

    def _round(self, outbox: Outbox) -> float | None:
        """Send all there is. Returns how long to wait for the next round; None for until there is more."""
        if outbox.empty():
            self.problem = ""
            self._changed(outbox)  # another process may be the one that has sent
            return None
        left = self._not_before - self._clock()
        if left > 0 and not self._finishing.is_set():
            return left
        try:
            with outbox.sending() as ours:
                if not ours:
                    return _LOCKED_PAUSE
                self._connect(outbox)
                sent = False
                while batch := outbox.batch(_BATCH_ROWS, _BATCH_BYTES):
                    self._send(outbox, batch)
                    self.problem, self._failures, sent = "", 0, True
                    self._changed(outbox)
                return None if sent else 0.0  # another process was quicker: look again
        except Failed as error:
            self.problem = str(error)
            self._failures += 1
            if error.passing:
                pause = _COOLING[min(self._failures, len(_COOLING)) - 1]
                pause = max(pause, min(error.retry_after or 0.0, _COOLING[-1]))
            else:
                pause = _REFUSED_PAUSE
            self._not_before = self._clock() + pause
            self._changed(outbox)
            return pause

    def _connect(self, outbox: Outbox) -> None:
        if not self._connected:
            place = self._tried(self._service.connect)
            if not outbox.bind(place):
                self._moved()
            self.place, self._connected = place, True

    def _send(self, outbox: Outbox, batch: Sequence[Waiting]) -> None:
        """Send a batch; find the rows at fault in one that is refused, and set them aside."""
        refused: list[tuple[Waiting, Failed]] = []
        parts, accepted = [batch], False
        while parts:
            part = parts.pop()
            try:
                self._tried(partial(self._service.insert, part))
            except Failed as error:
                if not error.row:
                    raise
                if len(part) > 1:
                    middle = len(part) // 2
                    parts += [part[middle:], part[:middle]]
                    continue
                refused.append((part[0], error))
                if len(refused) >= _ALL_REFUSED and not accepted:
                    raise Failed(f"Braintrust refuses every row ({error.status})", status=404) from None
            else:
                accepted = True
                outbox.sent(part)
        for row, why in refused:
            outbox.refuse(row, why.status, str(why))

    def _tried(self, request: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever the request returns
        """Make a request, again where the failure may pass."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return request()
            except Failed as error:
                if not error.passing or attempt == ATTEMPTS:
                    raise
                self.problem = f"{error}, trying again"
                pause = _BACKOFF * 2 ** (attempt - 1) * (0.5 + _RANDOM.random() / 2)
                self._rest(max(pause, min(error.retry_after or 0.0, _RETRY_AFTER_LIMIT)), error)
        raise AssertionError("the last attempt returns or raises")

    def _rest(self, seconds: float, error: Failed) -> None:
        """Wait before a retry; at the end not beyond the time there is, and not for a server long gone."""
        if not self._finishing.is_set():
            self._wait(self._finishing, seconds)
        elif not self._failures and self._clock() + seconds < self._until:
            self._wait(self._never, seconds)
        else:
            raise error
