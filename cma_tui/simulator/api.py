"""Owns the routes: which fields each takes, and what it answers.

Invariant: a field that a route does not take is refused, as the API refuses it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from email import message_from_bytes
from functools import partial
from typing import TypeVar

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cma_tui.simulator import checks, paging, resources
from cma_tui.simulator.checks import ApiError, refuse
from cma_tui.simulator.clock import stamp
from cma_tui.simulator.simulator import Simulator
from cma_tui.simulator.store import Session, Thread
from cma_tui.simulator.stream import PREVIEWABLE, EventStream, Subscriber
from cma_tui.simulator.surface import Reply, Surface, reply_of

_MAX_PREVIEW_TYPES = 100

_T = TypeVar("_T")


class Api(Surface):
    """The handlers of one simulator."""

    # --- sessions -------------------------------------------------------------------------------------------

    async def create_session(self, request: Request) -> Reply:
        """`POST /v1/sessions`."""
        sim, body = self.sim, await self.body(request)
        allowed = "agent environment_id initial_events budget title metadata resources vault_ids"
        checks.keys(body, allowed, "body", "agent environment_id")
        wanted = (
            {"id": body["agent"]}
            if isinstance(body["agent"], str)
            else checks.mapping(body["agent"], "agent")
        )
        agent = sim.agents.get(str(wanted.get("id")))
        environment = sim.environments.get(str(body["environment_id"]))
        if agent is None or environment is None:
            missing = f"Agent not found: {wanted.get('id')}" if agent is None else "Environment not found"
            raise ApiError(404, missing)
        initial = checks.events(body["initial_events"], initial=True) if body.get("initial_events") else []
        overrides = {key: value for key, value in wanted.items() if key not in ("id", "type", "version")}
        session = sim.new_session(agent, environment, scripted=True, overrides=overrides)
        session.title, session.metadata = body.get("title"), dict(body.get("metadata") or {})
        session.budget = body.get("budget")
        session.vault_ids = list(body.get("vault_ids") or [])
        for resource in body.get("resources") or []:
            sim.mount(session, checks.mapping(resource, "resources"))
        if initial:
            sim.accept(session, initial)
        return reply_of(resources.session(session))

    async def list_sessions(self, request: Request) -> Reply:
        """`GET /v1/sessions`."""
        params = request.query_params.multi_items()
        wanted = paging.query(params, order="desc")
        given = dict(params)
        statuses = {value for key, value in params if key == "statuses[]"}
        found = [
            session
            for session in self.sim.sessions.values()
            if not session.deleted
            and (session.archived_at is None or given.get("include_archived") == "true")
            and given.get("agent_id", session.agent["id"]) == session.agent["id"]
            and (not statuses or session.status in statuses)
            and (
                not wanted.bounds
                or wanted.matches({"type": "session", "processed_at": stamp(session.created_at)})
            )
        ]
        page = paging.resources(found, wanted)
        return reply_of(page | {"data": [resources.session(session) for session in page["data"]]})

    async def retrieve_session(self, request: Request) -> Reply:
        """`GET /v1/sessions/{id}`."""
        return reply_of(resources.session(self.session(request)))

    async def update_session(self, request: Request) -> Reply:
        """`POST /v1/sessions/{id}`."""
        session, body = self.session(request), await self.body(request)
        checks.keys(body, "title metadata budget agent", "body")
        session.update(checks.changes(session, body))
        return reply_of(resources.session(session))

    async def archive_session(self, request: Request) -> Reply:
        """`POST /v1/sessions/{id}/archive`."""
        session = self.session(request)
        self.sim.archive(session)
        return reply_of(resources.session(session))

    async def delete_session(self, request: Request) -> Reply:
        """`DELETE /v1/sessions/{id}`."""
        session = self.session(request)
        self.sim.delete(session)
        return reply_of({"id": session.id, "type": "session_deleted"})

    # --- events ---------------------------------------------------------------------------------------------

    async def list_events(self, request: Request) -> Reply:
        """`GET /v1/sessions/{id}/events`."""
        session = self.session(request)
        wanted = paging.query(request.query_params.multi_items(), order="asc")
        return self._page(session, session.primary, wanted, "events.list")

    async def list_thread_events(self, request: Request) -> Reply:
        """`GET /v1/sessions/{id}/threads/{tid}/events`."""
        session, thread = self.thread(request)
        wanted = paging.query(request.query_params.multi_items(), order="asc", filters=False)
        return self._page(session, thread, wanted, "threads.events.list")

    def _page(self, session: Session, thread: Thread, wanted: paging.Query, route: str) -> Reply:
        faults = self.sim.faults
        hidden = faults.hidden(entry.event["id"] for entry in thread.log.entries())
        entries, next_page = paging.events(thread.log, wanted, hidden)
        data: list[object] = [msgspec.Raw(entry.json) for entry in entries]
        if (spoiled := faults.spoiled_page(route, session.id)) is not None:
            first = wanted.page or paging.first_page(thread.log, wanted)
            match spoiled.deed:
                case "unstamped":
                    data = [spoiled.unstamped(entry.event) for entry in entries]
                case "same_cursor":
                    next_page = first
                case "empty":
                    data, next_page = [], paging.another(first)
        return reply_of({"data": data} | ({} if next_page is None else {"next_page": next_page}))

    async def send_events(self, request: Request) -> Reply:
        """`POST /v1/sessions/{id}/events`."""
        session, body = self.session(request), await self.body(request)
        checks.keys(body, "events", "body", "events")
        return reply_of({"data": self.sim.accept(session, checks.events(body["events"]))})

    async def stream_events(self, request: Request) -> Reply:
        """`GET /v1/sessions/{id}/events/stream`."""
        session = self.session(request)
        return self._stream(request, session, session.primary, "events.stream")

    async def stream_thread_events(self, request: Request) -> Reply:
        """`GET /v1/sessions/{id}/threads/{tid}/stream`."""
        session, thread = self.thread(request)
        return self._stream(request, session, thread, "threads.events.stream")

    def _stream(self, request: Request, session: Session, thread: Thread, route: str) -> Reply:
        previews = request.query_params.getlist("event_deltas[]")
        if len(previews) > _MAX_PREVIEW_TYPES or not PREVIEWABLE.issuperset(previews):
            raise refuse(f"event_deltas: must be of {', '.join(sorted(PREVIEWABLE))}")
        subscriber = Subscriber(frozenset(previews))
        if session.status == "terminated":
            subscriber.end()
        return EventStream(
            thread.subscribers,
            subscriber,
            keepalive=self.sim.keepalive,
            quiet_end=self.sim.quiet_end,
            faults=self.sim.faults.of_stream(route, session.id),
            drop_connection=self.sim.connections.drop,
        )

    # --- threads --------------------------------------------------------------------------------------------

    async def list_threads(self, request: Request) -> Reply:
        """`GET /v1/sessions/{id}/threads`."""
        session, params = self.session(request), request.query_params.multi_items()
        wanted = paging.query(params, order="asc")
        statuses = {value for key, value in params if key == "statuses[]"}
        threads = [t for t in session.threads.values() if not statuses or t.status in statuses]
        return reply_of(paging.resources([resources.thread(t, session.id) for t in threads], wanted))

    async def retrieve_thread(self, request: Request) -> Reply:
        """`GET /v1/sessions/{id}/threads/{tid}`."""
        session, thread = self.thread(request)
        return reply_of(resources.thread(thread, session.id))

    # --- agents, environments, files ------------------------------------------------------------------------

    async def create_agent(self, request: Request) -> Reply:
        """`POST /v1/agents`."""
        body = await self.body(request)
        allowed = "name model description system tools mcp_servers skills multiagent metadata"
        checks.keys(body, allowed, "body", "name model")
        return reply_of(self.sim.add_agent(body))

    async def list_agents(self, request: Request) -> Reply:
        """`GET /v1/agents`."""
        wanted = paging.query(request.query_params.multi_items(), order="desc")
        return reply_of(paging.resources(list(self.sim.agents.values()), wanted))

    async def retrieve_agent(self, request: Request) -> Reply:
        """`GET /v1/agents/{id}`."""
        return reply_of(_known(self.sim.agents, request.path_params["agent_id"], "Agent"))

    async def create_environment(self, request: Request) -> Reply:
        """`POST /v1/environments`."""
        body = await self.body(request)
        checks.keys(body, "name config description metadata scope", "body", "name")
        return reply_of(self.sim.add_environment(body))

    async def list_environments(self, request: Request) -> Reply:
        """`GET /v1/environments`."""
        wanted = paging.query(request.query_params.multi_items(), order="desc")
        return reply_of(paging.resources(list(self.sim.environments.values()), wanted))

    async def retrieve_environment(self, request: Request) -> Reply:
        """`GET /v1/environments/{id}`."""
        return reply_of(_known(self.sim.environments, request.path_params["environment_id"], "Environment"))

    async def list_files(self, request: Request) -> Reply:
        """`GET /v1/files`."""
        wanted = paging.query(request.query_params.multi_items(), order="desc")
        scope = request.query_params.get("scope_id")
        files = [
            file.about
            for file in self.sim.files.values()
            if scope is None or scope == (file.about["scope"] or {}).get("id")
        ]
        return reply_of(paging.resources(files, wanted))

    async def upload_file(self, request: Request) -> Reply:
        """`POST /v1/files`."""
        head = f"content-type: {request.headers.get('content-type', '')}\r\n\r\n".encode()
        for part in message_from_bytes(head + await request.body()).walk():
            name = part.get_filename()
            if name is not None:
                return reply_of(self.sim.upload_file(name, part.get_payload(decode=True)))  # type: ignore[arg-type]
        raise refuse("file: Field required")

    async def add_resource(self, request: Request) -> Reply:
        """`POST /v1/sessions/{id}/resources`."""
        session, body = self.session(request), await self.body(request)
        checks.keys(body, "type file_id mount_path", "body", "type file_id")
        return reply_of(self.sim.mount(session, body))

    async def download_file(self, request: Request) -> Reply:
        """`GET /v1/files/{id}/content`."""
        file = _known(self.sim.files, request.path_params["file_id"], "File")
        return Response(file.content, media_type=file.about["mime_type"])

    async def not_found(self, request: Request) -> Reply:
        """Every other path."""
        raise ApiError(404, f"Not found: {request.method} {request.url.path}")


def _known(things: dict[str, _T], key: str, what: str) -> _T:
    if key not in things:
        raise ApiError(404, f"{what} not found: {key}")
    return things[key]


# Method, path and the route's name in faults.
_ROUTES: list[tuple[str, str, str, Callable[[Api, Request], Awaitable[Reply]]]] = [
    ("POST", "/v1/sessions", "sessions.create", Api.create_session),
    ("GET", "/v1/sessions", "sessions.list", Api.list_sessions),
    ("GET", "/v1/sessions/{session_id}", "sessions.retrieve", Api.retrieve_session),
    ("POST", "/v1/sessions/{session_id}", "sessions.update", Api.update_session),
    ("DELETE", "/v1/sessions/{session_id}", "sessions.delete", Api.delete_session),
    ("POST", "/v1/sessions/{session_id}/archive", "sessions.archive", Api.archive_session),
    ("GET", "/v1/sessions/{session_id}/events", "events.list", Api.list_events),
    ("POST", "/v1/sessions/{session_id}/events", "events.send", Api.send_events),
    ("GET", "/v1/sessions/{session_id}/events/stream", "events.stream", Api.stream_events),
    ("GET", "/v1/sessions/{session_id}/threads", "threads.list", Api.list_threads),
    ("GET", "/v1/sessions/{session_id}/threads/{thread_id}", "threads.retrieve", Api.retrieve_thread),
    (
        "GET",
        "/v1/sessions/{session_id}/threads/{thread_id}/events",
        "threads.events.list",
        Api.list_thread_events,
    ),
    (
        "GET",
        "/v1/sessions/{session_id}/threads/{thread_id}/stream",
        "threads.events.stream",
        Api.stream_thread_events,
    ),
    ("POST", "/v1/agents", "agents.create", Api.create_agent),
    ("GET", "/v1/agents", "agents.list", Api.list_agents),
    ("GET", "/v1/agents/{agent_id}", "agents.retrieve", Api.retrieve_agent),
    ("POST", "/v1/environments", "environments.create", Api.create_environment),
    ("GET", "/v1/environments", "environments.list", Api.list_environments),
    ("GET", "/v1/environments/{environment_id}", "environments.retrieve", Api.retrieve_environment),
    ("GET", "/v1/files", "files.list", Api.list_files),
    ("POST", "/v1/files", "files.upload", Api.upload_file),
    ("POST", "/v1/sessions/{session_id}/resources", "resources.add", Api.add_resource),
    ("GET", "/v1/files/{file_id}/content", "files.download", Api.download_file),
]
_ANY_METHOD = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def application(sim: Simulator) -> Starlette:
    """The ASGI application of a simulator."""
    api = Api(sim)
    routes = [
        Route(path, api.endpoint(name, partial(handler, api)), methods=[method])
        for method, path, name, handler in _ROUTES
    ]
    # A wrong method on a known path would get Starlette's bare 405, so each path has a route for all methods.
    nowhere = api.endpoint("unknown", api.not_found)
    paths = [*dict.fromkeys(path for _, path, _, _ in _ROUTES), "/{path:path}"]
    return Starlette(routes=[*routes, *(Route(path, nowhere, methods=_ANY_METHOD) for path in paths)])
