"""Owns the HTTP surface: authentication, faults, the error envelope and the headers of every answer.

Invariant: each request is authenticated, then meets its faults, then is handled; whatever goes wrong becomes
the API's error envelope, and an error of our own also reaches whoever runs the simulator.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from datetime import timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from cma_tui.simulator import checks
from cma_tui.simulator.checks import ApiError, refuse
from cma_tui.simulator.clock import EPOCH, stamp
from cma_tui.simulator.simulator import Simulator
from cma_tui.simulator.store import Event, Session, Thread, encode
from cma_tui.simulator.stream import EventStream

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

_MAX_BODY = 32 * 1024 * 1024
_REQUESTS_PER_MINUTE = 1200

Reply: TypeAlias = Response | EventStream
Handler: TypeAlias = Callable[[Request], Awaitable[Reply]]


def reply_of(value: object, status: int = 200) -> Response:
    """A JSON answer."""
    return Response(encode(value), status, media_type="application/json")


class Surface:
    """What all requests to one simulator go through."""

    def __init__(self, sim: Simulator) -> None:
        self.sim = sim
        self._handled = 0

    # --- every request --------------------------------------------------------------------------------------

    def endpoint(self, route: str, handler: Handler) -> Callable[[Request], Awaitable[Reply]]:
        """What Starlette calls for a route."""

        async def call(request: Request) -> Reply:
            request_id = self.sim.ids.new("req")
            try:
                reply = await self._answer(route, handler, request)
            except ApiError as error:
                reply = _envelope(error, request_id)
            except Exception as error:  # noqa: BLE001 - kept, and raised where the simulator is run
                self.sim.tasks.fail(error)
                reply = _envelope(ApiError(500, "Internal server error"), request_id)
            self._add_headers(reply, request_id)
            return reply

        return call

    async def _answer(self, route: str, handler: Handler, request: Request) -> Reply:
        faults, session_id = self.sim.faults, request.path_params.get("session_id")
        self._authenticate(request)
        await faults.wait(route, session_id)
        if (fault := faults.refusal(route, session_id)) is not None:
            if fault.body is None:
                raise ApiError(fault.status, fault.message, kind=fault.error_type, headers=fault.headers)
            return Response(fault.body, fault.status, headers=dict(fault.headers))
        reply = await handler(request)
        if (lost := faults.lost_reply(route, session_id)) is not None:
            if lost.status is not None:
                raise ApiError(lost.status, "Simulated failure after the request was carried out")
            return _Dropped(self.sim)
        return reply

    def _authenticate(self, request: Request) -> None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        given = token if scheme.lower() == "bearer" else request.headers.get("x-api-key", "")
        if not hmac.compare_digest(given.encode(), self.sim.api_key.encode()):
            raise ApiError(401, "invalid API key")

    def _add_headers(self, reply: Reply, request_id: str) -> None:
        now = EPOCH + timedelta(microseconds=self.sim.clock.now())
        headers = {"request-id": request_id, "date": format_datetime(now, usegmt=True)}
        if isinstance(reply, EventStream):
            reply.headers = [(key.encode(), value.encode()) for key, value in headers.items()]
            return
        self._handled += 1
        remaining = max(0, _REQUESTS_PER_MINUTE - self._handled % _REQUESTS_PER_MINUTE)
        headers["anthropic-ratelimit-requests-limit"] = str(_REQUESTS_PER_MINUTE)
        headers["anthropic-ratelimit-requests-remaining"] = str(remaining)
        headers["anthropic-ratelimit-requests-reset"] = stamp(self.sim.clock.now() + 60_000_000)
        reply.headers.update(headers)

    # --- reading requests -----------------------------------------------------------------------------------

    async def body(self, request: Request) -> dict[str, Any]:
        """The JSON object that was sent; an empty one for no body."""
        raw = await request.body()
        if len(raw) > _MAX_BODY:
            raise ApiError(413, "Request exceeds the maximum size")
        try:
            return checks.mapping(msgspec.json.decode(raw), "body") if raw else {}
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise refuse(f"The request body is not valid JSON: {error}") from None

    def session(self, request: Request) -> Session:
        """The session of the path."""
        session = self.sim.sessions.get(request.path_params["session_id"])
        if session is None or session.deleted:
            raise ApiError(404, f"Session not found: {request.path_params['session_id']}")
        return session

    def thread(self, request: Request) -> tuple[Session, Thread]:
        """The session of the path, and its thread."""
        session = self.session(request)
        thread = session.threads.get(request.path_params["thread_id"])
        if thread is None:
            raise ApiError(404, f"Thread not found: {request.path_params['thread_id']}")
        return session, thread


def _envelope(error: ApiError, request_id: str) -> Response:
    about: Event = {"type": error.kind, "message": str(error)}
    if error.code is not None:
        about["details"] = {"error_code": error.code}
    reply = reply_of({"type": "error", "error": about, "request_id": request_id}, error.status)
    reply.headers.update(error.headers)
    return reply


class _Dropped(Response):
    """No answer: the connection breaks."""

    def __init__(self, sim: Simulator) -> None:
        super().__init__()
        self._sim = sim

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._sim.connections.drop(scope["client"])
        while (await receive())["type"] != "http.disconnect":
            pass
