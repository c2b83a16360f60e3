"""An event loop whose clock jumps: when nothing is left to do but wait, the wait is over.

Network traffic on loopback within the same loop is real; only timers are shortened. A jump is made when
no descriptor has become ready for a moment, so what is on its way between two sockets comes first.
"""

import asyncio
import selectors

_GRACE = 0.003
"""Real seconds in which something on its way between two sockets arrives."""
_LONGEST = 2.0
"""Seconds of one jump at most: on a busy machine a thread or a socket may need several graces."""


class _Selector(selectors.DefaultSelector):
    def __init__(self):
        super().__init__()
        self.jumped = 0.0

    def select(self, timeout=None):
        ready = super().select(0 if timeout is None or timeout > 0 else timeout)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            return super().select(None)
        ready = super().select(min(timeout, _GRACE))
        if not ready and timeout > _GRACE:
            self.jumped += min(timeout, _LONGEST) - _GRACE
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """Timers fire as soon as nothing else can happen."""

    def __init__(self):
        self._jumps = _Selector()
        super().__init__(self._jumps)

    def time(self):
        return super().time() + self._jumps.jumped
