"""A Braintrust on loopback: app and API on one port, as far as tracing goes, with strict checks and faults.

A row is kept under its object and id; a merge goes into it, field by field, but for the paths it replaces.
Nothing that the service would refuse is taken. Every request is kept as it came, its key left out.
"""

from __future__ import annotations

import asyncio
import json
import math
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from cma_tui.simulator.connections import Connections
from cma_tui.simulator.serve import ServerThread

KEY = "sk-braintrust-0123456789abcdef"
NEVER_MERGED = ("span_id", "root_span_id", "span_parents")
BODY_LIMIT, ROW_LIMIT = 6_291_456, 20_000_000
PRICES = {"claude-opus-5": (5e-6, 25e-6, 0.5e-6, 6.25e-6)}


@dataclass
class Fault:
    """What goes wrong with the next requests to a path, so many times (-1: for good)."""

    path: str
    deed: str
    """status, drop (before it acts), lose (it acts, the answer is lost), hang, garbage, slow."""
    times: int = 1
    status: int = 500
    headers: dict[str, str] = field(default_factory=dict)
    only: Callable[[dict[str, Any]], bool] = lambda body: True


@dataclass
class Seen:
    """One request."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    raw: bytes


class RefusalError(Exception):
    """A request the service does not take."""


class Fake:
    """The service. `with Fake() as fake:` serves it at `fake.url`."""

    def __init__(self, *, orgs=("acme",), strict=True):
        self.orgs, self.strict = list(orgs), strict
        self.projects: dict[str, str] = {}
        self.rows: dict[tuple[str, str], dict[str, Any]] = {}
        self.writes: dict[tuple[str, str], int] = {}
        self.requests: list[Seen] = []
        self.connections = Connections()
        self.on_insert: Callable[[int], None] = lambda number: None
        self.on_request: Callable[[], None] = lambda: None
        self._faults: list[Fault] = []
        self._inserts = 0
        self.changed = threading.Condition()
        self._released: asyncio.Event | None = None
        self.url = ""
        app = Starlette(
            routes=[
                Route("/api/apikey/login", self._guarded(self._login), methods=["POST"]),
                Route("/v1/project", self._guarded(self._project), methods=["POST"]),
                Route("/api/project/register", self._guarded(self._register), methods=["POST"]),
                Route("/v1/{kind}/{object_id}/insert", self._guarded(self._insert), methods=["POST"]),
                Route("/logs3", self._guarded(self._logs3), methods=["POST"]),
                Route("/version", self._version, methods=["GET"]),
            ]
        )
        self._thread = ServerThread(self, app)

    def __enter__(self):
        self.url = self._thread.__enter__()
        return self

    def __exit__(self, *error):
        self._thread.__exit__(*error)

    async def close(self):
        """Let go what hangs."""
        self._release().set()

    # -- for tests -----------------------------------------------------------------------------------------

    def fault(self, path: str, deed: str, **more: Any) -> Fault:
        """Arm a fault."""
        fault = Fault(path, deed, **more)
        self._faults.append(fault)
        return fault

    def mend(self):
        """No more faults; what hangs is let go."""
        self._faults.clear()
        self._thread.call(lambda: self._release().set())

    def until(self, condition: Callable[[], bool], seconds: float = 60.0):
        """Wait until something is true of the store."""
        with self.changed:
            assert self.changed.wait_for(condition, seconds), self.paths()

    def paths(self) -> list[str]:
        return [seen.path for seen in self.requests]

    @property
    def spans(self) -> list[dict[str, Any]]:
        return list(self.rows.values())

    def row(self, name: str) -> dict[str, Any]:
        """The one row of that name."""
        (found,) = [row for row in self.spans if row["span_attributes"]["name"] == name]
        return found

    def review(self, row: dict[str, Any]):
        """A person scores a row and puts it on a review list."""
        row["scores"] = {**(row.get("scores") or {}), "helpful": 0.75}
        row["metadata"]["~__bt_review_lists"] = {"mine": {"status": "done"}}

    def cost(self) -> float:
        """What `sum(estimated_cost())` gives: a row's own word, else its tokens by its model's price."""
        total = 0.0
        for row in self.spans:
            metrics = row.get("metrics") or {}
            own = metrics.get("estimated_cost")
            if own is not None:
                total += own
            elif (row.get("metadata") or {}).get("model") in PRICES and "prompt_tokens" in metrics:
                fresh, out, read, written = PRICES[row["metadata"]["model"]]
                cached, new = metrics["prompt_cached_tokens"], metrics["prompt_cache_creation_tokens"]
                total += (
                    fresh * (metrics["prompt_tokens"] - cached - new) + out * metrics["completion_tokens"]
                )
                total += read * cached + written * new
        return round(total, 6)

    def check_trees(self):
        """Every row hangs below another of its trace, or is its root; children lie within their parents."""
        by_span = {(row["root_span_id"], row["span_id"]): row for row in self.spans}
        assert len(by_span) == len(self.rows), "two rows with one span id"
        roots: dict[str, int] = {}
        for row in self.spans:
            trace = row["root_span_id"]
            if not row["span_parents"]:
                roots[trace] = roots.get(trace, 0) + 1
            for parent in row["span_parents"] or []:
                above = by_span.get((trace, parent))
                assert above is not None, f"{row['span_attributes']} hangs below nothing"
                for name, sign in (("start", 1), ("end", -1)):
                    mine, its = row["metrics"].get(name), above["metrics"].get(name)
                    if mine is not None and its is not None:
                        assert sign * (mine - its) >= 0, (
                            name,
                            row["span_attributes"],
                            above["span_attributes"],
                        )
        assert all(number == 1 for number in roots.values()), roots

    # -- requests ------------------------------------------------------------------------------------------

    def _guarded(self, serve):
        async def endpoint(request: Request) -> Response:
            raw = await request.body()
            body = json.loads(raw) if raw else {}
            headers = {name: value for name, value in request.headers.items() if name != "authorization"}
            with self.changed:
                self.requests.append(Seen(request.url.path, headers, body, raw))
                self.changed.notify_all()
            self.on_request()
            fault = self._take(request.url.path, body)
            deed = fault.deed if fault else ""
            if deed == "status":
                return PlainTextResponse("a fault", fault.status, fault.headers)
            if deed in ("hang", "slow"):
                await self._release().wait()
            if deed == "drop":
                self.connections.drop(request.scope["client"])
                return Response()
            if request.headers.get("authorization") != f"Bearer {KEY}":
                return PlainTextResponse("invalid key", 401)
            if len(raw) > BODY_LIMIT:
                return PlainTextResponse("too large", 413)
            try:
                reply = serve(request, body)
            except RefusalError as error:
                return PlainTextResponse(str(error), 400)
            with self.changed:
                self.changed.notify_all()
            if deed == "lose":
                self.connections.drop(request.scope["client"])
                return Response()
            return PlainTextResponse("{<html>", 200) if deed == "garbage" else reply

        return endpoint

    def _take(self, path: str, body: dict[str, Any]) -> Fault | None:
        for fault in self._faults:
            if fault.times != 0 and fault.path in path and fault.only(body):
                fault.times -= 1
                return fault
        return None

    def _release(self) -> asyncio.Event:
        if self._released is None or self._released.is_set():
            self._released = asyncio.Event()
        return self._released

    def _login(self, request, body):
        orgs = [
            {
                "id": f"org-{name}",
                "name": name,
                "api_url": self.url,
                "proxy_url": self.url,
                "realtime_url": self.url,
                "is_universal_api": False,
                "git_metadata": None,
            }
            for name in self.orgs
        ]
        return JSONResponse({"org_info": orgs})

    def _id_of(self, name: str) -> str:
        return self.projects.setdefault(name, str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{self.orgs[0]}.{name}")))

    def _project(self, request, body):
        return JSONResponse(
            {
                "id": self._id_of(body["name"]),
                "name": body["name"],
                "org_id": f"org-{self.orgs[0]}",
                "created": "2026-08-17T16:00:00Z",
            }
        )

    def _register(self, request, body):
        name = body["project_name"]
        return JSONResponse({"project": {"id": self._id_of(name), "name": name}})

    async def _version(self, request):
        return JSONResponse({"logs3_payload_max_bytes": BODY_LIMIT})

    def _insert(self, request, body):
        self._inserts += 1
        self.on_insert(self._inserts)
        target = request.path_params["object_id"]
        events = body.get("events")
        if not isinstance(events, list):
            raise RefusalError("no events")
        for event in events:
            self._check(event)
        for event in events:
            self._store(target, event)
        return JSONResponse({"row_ids": [event["id"] for event in events]})

    def _logs3(self, request, body):
        for event in body["rows"]:
            self._check(event)
        for event in body["rows"]:
            target = event.pop("project_id", None) or event.pop("experiment_id", None)
            event.pop("log_id", None)
            self._store(target, event)
        return JSONResponse({"ids": [event["id"] for event in body["rows"]]})

    # -- the store -----------------------------------------------------------------------------------------

    def _check(self, row: dict[str, Any]):
        if not self.strict:
            return
        if not isinstance(row.get("id"), str) or not row["id"]:
            raise RefusalError("a row without an id")
        for name, value in (row.get("metrics") or {}).items():
            if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
                raise RefusalError(f"metric {name} is {value!r}")
        for name, value in (row.get("scores") or {}).items():
            if value is not None and not 0 <= value <= 1:
                raise RefusalError(f"score {name} is {value!r}")
        if len(json.dumps(row)) > ROW_LIMIT:
            raise RefusalError("a row is too large")
        json.dumps(row, ensure_ascii=False).encode()

    def _store(self, target: str, event: dict[str, Any]):
        row = dict(event)
        merges, paths = row.pop("_is_merge", False), row.pop("_merge_paths", [])
        place = (target, row["id"])
        self.writes[place] = self.writes.get(place, 0) + 1
        held = self.rows.get(place)
        if held is None or not merges:
            self.rows[place] = row
            return
        for name in NEVER_MERGED:
            row.pop(name, None)
        tags = sorted({*(held.get("tags") or []), *(row.pop("tags", None) or [])})
        _merge(held, row, {tuple(path) for path in paths}, ())
        if tags:
            held["tags"] = tags


def _merge(held: dict[str, Any], row: dict[str, Any], whole: set[tuple[str, ...]], path: tuple[str, ...]):
    for name, value in row.items():
        here = (*path, name)
        if isinstance(value, dict) and isinstance(held.get(name), dict) and here not in whole:
            _merge(held[name], value, whole, here)
        else:
            held[name] = value
