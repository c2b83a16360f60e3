"""The signs of life of a stream.

Owns from which silence on it is dead. Invariant: only a rhythm that the server keeps tells that; without one
a quiet stream is left alone.
"""

from __future__ import annotations

from collections import deque

_PAUSE, _SHORTEST = 5.0, 45.0
"""Seconds: of a pause that a keep-alive may have ended, and of the shortest silence that is death."""
_KEEPALIVES = (b":", b"event: ping")


class Beats:
    """How often a server lets hear of itself, and so from which silence on it is dead."""

    def __init__(self) -> None:
        self._pauses: deque[float] = deque(maxlen=4)

    def add(self, chunk: bytes, seconds: float) -> None:
        """Note a keep-alive that ended a pause; one that followed an event soon tells no rhythm."""
        if seconds > _PAUSE and chunk.startswith(_KEEPALIVES):
            self._pauses.append(seconds)

    @property
    def limit(self) -> float:
        """Seconds of silence that show death; without a rhythm only the list can tell."""
        steady = len(self._pauses) == self._pauses.maxlen
        return max(_SHORTEST, 3 * max(self._pauses)) if steady else float("inf")
