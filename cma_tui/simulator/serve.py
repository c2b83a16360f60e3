"""Owns the server on loopback: Uvicorn without its signal handlers, its logging and its polling.

Invariant: when a serving ends, its streams have ended cleanly, its port is closed, and errors of the
simulator are raised.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from cma_tui.simulator.api import application
from cma_tui.simulator.connections import Connections
from cma_tui.simulator.simulator import Simulator

if TYPE_CHECKING:
    from starlette.types import ASGIApp

_SECONDS_TO_FINISH = 2.0
_SECONDS_TO_KEEP_IDLE = 75  # a client may come back to its connection after a long think
_T = TypeVar("_T")


class _Protocol(H11Protocol):
    """Uvicorn's HTTP, with its connections on record."""

    def __init__(
        self,
        connections: Connections,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._connections = connections
        self._peer: tuple[str, int] = ("", 0)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._peer = transport.get_extra_info("peername")
        self._connections.opened(self._peer, transport)
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.lost(self._peer)
        super().connection_lost(exc)


class Service(Protocol):
    """What is served: a simulator, or something else that answers in the same loop."""

    @property
    def connections(self) -> Connections:
        """Those that are open."""
        ...

    async def close(self) -> None:
        """End what goes on."""
        ...


class _Server(uvicorn.Server):
    """Uvicorn's server, started and stopped by events instead of polling."""

    def __init__(self, service: Service, app: ASGIApp) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=partial(_Protocol, service.connections),  # type: ignore[arg-type]  # a class is all it wants to call
                ws="none",
                lifespan="off",
                access_log=False,
                log_config=None,
                date_header=False,
                server_header=False,
                timeout_keep_alive=_SECONDS_TO_KEEP_IDLE,
            )
        )
        self._service = service
        self.ready = asyncio.Event()
        self.leaving = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the program."""
        yield

    async def main_loop(self) -> None:
        """Serve until told to leave."""
        self.ready.set()
        await self.leaving.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the port, let what is open finish, and drop what does not."""
        for server in self.servers:
            server.close()
        try:
            await self._service.close()
        finally:
            for connection in list(self.server_state.connections):
                connection.shutdown()
            if tasks := list(self.server_state.tasks):
                await asyncio.wait(tasks, timeout=_SECONDS_TO_FINISH)
            self._service.connections.drop_all()


def _listen() -> socket.socket:
    # asyncio switches Nagle's delay off only where the socket says that it is TCP; else answers take 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    return listener


@asynccontextmanager
async def serving(service: Service, app: ASGIApp | None = None) -> AsyncIterator[str]:
    """Serve on a free loopback port of the running loop; yields the base URL.

    Args:
        service: what is served.
        app: what answers for it; of a simulator its API.
    """
    listener = _listen()
    if app is None:
        assert isinstance(service, Simulator)
        app = application(service)
    server = _Server(service, app)
    running = asyncio.get_running_loop().create_task(server.serve(sockets=[listener]))
    running.add_done_callback(lambda _: server.ready.set())
    try:
        await server.ready.wait()
        if not running.done():
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.leaving.set()
        await running


class ServerThread:
    """The same on a thread with a loop of its own: `with ServerThread(sim) as base_url:`."""

    def __init__(self, service: Service, app: ASGIApp | None = None) -> None:
        self._service, self._app = service, app
        self._thread = threading.Thread(target=self._run, name="simulator", daemon=True)
        self._started = threading.Event()
        self._base_url = ""
        self._error: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._leaving: asyncio.Event | None = None

    def __enter__(self) -> str:
        self._thread.start()
        self._started.wait()
        if self._error is not None:
            raise self._error
        return self._base_url

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._loop is not None and self._leaving is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._leaving.set)
        self._thread.join()
        if self._error is not None and error is None:
            raise self._error

    def call(self, function: Callable[[], _T]) -> _T:
        """Run a function of the simulator in its own loop and return its result."""

        async def run() -> _T:
            return function()

        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(run(), self._loop).result()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001 - raised by the thread that started this one
            self._error = error
        finally:
            self._started.set()

    async def _serve(self) -> None:
        self._loop, self._leaving = asyncio.get_running_loop(), asyncio.Event()
        async with serving(self._service, self._app) as self._base_url:
            self._started.set()
            await self._leaving.wait()
