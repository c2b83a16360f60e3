"""An event loop whose clock jumps: when nothing is left to do but wait, the wait is over.

Network traffic on loopback within the same loop is real; time is not. Work takes none of it, however busy
the machine is, but for a moment each turn of the loop, so that what comes later is later. A jump is made
when no descriptor has become ready for a while, so what is on its way between two sockets comes first.
"""

import asyncio
import selectors

_GRACE = 0.003
"""Real seconds in which something on its way between two sockets arrives."""
_LONGEST = 2.0
"""Seconds of one jump at most: on a busy machine a thread or a socket may need several graces."""
_TURN = 1e-6
"""Seconds that a turn of the loop takes."""


class _Selector(selectors.DefaultSelector):
    def __init__(self):
        super().__init__()
        self.now = 0.0

    def select(self, timeout=None):
        self.now += _TURN
        ready = super().select(0 if timeout is None or timeout > 0 else timeout)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            return super().select(None)
        ready = super().select(min(timeout, _GRACE))
        if not ready:
            self.now += min(timeout, _LONGEST)
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """Timers fire as soon as nothing else can happen."""

    def __init__(self):
        self._clock = _Selector()
        super().__init__(self._clock)

    def time(self):
        return self._clock.now
