"""Calls after a moment that always come.

Owns the short waits of what is done in slices. Invariant: a call comes, however late the loop is; Textual's
own timers pass over a call that is due before their task has begun, and whoever waits for it waits for ever.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from textual.message_pump import MessagePump


def soon(node: MessagePump, seconds: float, call: Callable[[], object]) -> asyncio.TimerHandle:
    """Call it after so many seconds, between two messages of the node; nothing, once the node is gone."""
    return asyncio.get_running_loop().call_later(seconds, node.call_next, call)
