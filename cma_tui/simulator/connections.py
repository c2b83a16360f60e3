"""Owns the open TCP connections, so that a fault can break one from inside a request.

Invariant: a broken connection first delivers what was already written, as a network does that fails after it.
"""

from __future__ import annotations

import asyncio


class Connections:
    """The transports of the server, by the client's address."""

    def __init__(self) -> None:
        self._transports: dict[tuple[str, int], asyncio.Transport] = {}

    def opened(self, client: tuple[str, int], transport: asyncio.Transport) -> None:
        """A client has connected."""
        self._transports[client] = transport

    def lost(self, client: tuple[str, int]) -> None:
        """Its connection is gone."""
        self._transports.pop(client, None)

    def drop(self, client: tuple[str, int]) -> None:
        """Break the connection without a proper end of the response."""
        self._transports[tuple(client)].close()  # type: ignore[index]  # ASGI may give a list

    def drop_all(self) -> None:
        """Break every connection."""
        for transport in list(self._transports.values()):
            transport.abort()
