"""How many requests may be made in a minute, and who comes first when not all can.

Owns the count. Invariant: never more than `LIMIT` in any sixty seconds, and fewer after the server asked for
that.
"""

from __future__ import annotations

import asyncio
from collections import deque

LIMIT = 285
"""Requests in any minute; a few are left for what the user opens and sends."""
LISTS, URGENT, LATER = 0, 80, 150
"""Requests of a minute that must be left for what matters more: first the lists of what runs and of what is
new, then what has changed and the other pages of the list, then what nobody waits for."""


class Budget:
    """Requests that may be made: so many in any minute."""

    def __init__(self, limit: int = LIMIT) -> None:
        self.limit = limit
        self._spent: deque[float] = deque()
        self._not_before = 0.0

    async def take(self, left: int = LISTS) -> None:
        """Wait until a request may be made that leaves so many of this minute for others."""
        loop = asyncio.get_running_loop()
        while True:
            now = loop.time()
            while self._spent and self._spent[0] <= now - 60:
                self._spent.popleft()
            room = max(10, self.limit - left)
            if now < self._not_before:
                await asyncio.sleep(self._not_before - now)
            elif len(self._spent) < room:
                self._spent.append(now)
                return
            else:
                await asyncio.sleep(max(0.01, self._spent[len(self._spent) - room] + 60 - now))

    def slow_down(self, seconds: float) -> None:
        """The server has had enough: stay away, and ask for less from then on."""
        self._not_before = asyncio.get_running_loop().time() + seconds
        self.limit = max(60, self.limit // 2)

    def recover(self) -> None:
        """All went well for a while: ask for a little more again."""
        self.limit = min(LIMIT, self.limit + 10)
