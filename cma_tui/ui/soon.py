"""Calls after a moment that always come, and work that is done in slices between keys.

Owns how long a slice and a pause are. Invariant: a call comes, however late the loop is; Textual's
own timers pass over a call that is due before their task has begun, and whoever waits for it waits for ever.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from textual.message_pump import MessagePump

SLICE, PAUSE = 0.01, 0.003
"""Seconds of work on something long, and of the pause after them, in which keys are answered."""


def soon(node: MessagePump, seconds: float, call: Callable[[], object]) -> asyncio.TimerHandle:
    """Call it after so many seconds, between two messages of the node; nothing, once the node is gone."""
    return asyncio.get_running_loop().call_later(seconds, node.call_next, call)


class Slices:
    """Work that goes on after a pause: however often it is asked for, the next slice is planned once."""

    def __init__(self, node: MessagePump, work: Callable[[], object], pause: float = PAUSE) -> None:
        """Prepare.

        Args:
            node: whose work it is.
            work: does a slice; plans the next one if something is left.
            pause: seconds before it.
        """
        self._node, self._work, self._pause = node, work, pause
        self.planned = False
        """Whether a slice is due."""

    def plan(self) -> None:
        """Do a slice after the pause."""
        if not self.planned:
            self.planned = True
            soon(self._node, self._pause, self._do)

    def _do(self) -> None:
        self.planned = False
        self._work()
