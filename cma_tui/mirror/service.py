"""Braintrust, through its own REST client: log in, find the project, insert rows.

Owns the only import of `braintrust`, the connection, and what its answers mean. Invariants: the client is
imported by the thread that sends, when it first does; one call asks once, and whoever calls may repeat it; a
failure is one line in our own words; nothing is printed, no redirect followed, no endless answer read.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from time import monotonic
from typing import TYPE_CHECKING, Any

import msgspec

from cma_tui.content import as_dict, as_list, as_text
from cma_tui.mirror.outbox import Waiting
from cma_tui.mirror.target import PROJECT, Place, Target, TargetError, checked_url
from cma_tui.text import printable

if TYPE_CHECKING:
    from braintrust.api import BraintrustClient

_TIMEOUT = 20.0
_REPLY_LIMIT = 1_000_000
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504, 529})
_ROW_AT_FAULT = frozenset({400, 413, 422})


class Failed(Exception):  # noqa: N818 - what a request did
    """A request that did not succeed. Its message is one line that can be shown."""

    def __init__(self, message: str, *, status: int = 0, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after

    @property
    def passing(self) -> bool:
        """Whether it may go by itself."""
        return self.status == 0 or self.status in _AGAIN

    @property
    def row(self) -> bool:
        """Whether a row is at fault, not the key, the project or the network."""
        return self.status in _ROW_AT_FAULT


class Service:
    """The service as the client reaches it. For one thread."""

    def __init__(self, target: Target) -> None:
        self.place: Place | None = None
        self.timeout = _TIMEOUT
        """Seconds to wait for an answer."""
        self._target = target
        self._client: BraintrustClient | None = None

    def connect(self) -> Place:
        """Log in and find the project.

        Raises:
            Failed: it did not work.
        """
        if self.place is not None:
            return self.place
        try:
            from braintrust.api import BraintrustAPIError, BraintrustClient
        except ImportError:
            raise Failed("the braintrust package cannot be imported", status=403) from None

        logging.getLogger("braintrust").addHandler(logging.NullHandler())  # else warnings go to the screen
        target = self._target
        if self._client is None:
            self._client = BraintrustClient(
                api_key=target.api_key.reveal(),
                app_url=target.app_url,
                api_url=target.api_url,
                enable_sdk_retries=False,  # ours can be interrupted
            )
        try:
            organisation = self._client.auth.login(org_name=target.org).organization
            checked_url(self._client.router.api_url or "", "the address that Braintrust gave")
        except BraintrustAPIError as error:
            raise _failed(error) from None
        except TargetError as error:
            raise Failed(str(error), status=403) from None
        except (ValueError, TypeError) as error:  # no organisation of that name, or a reply of another shape
            raise Failed(one_line(str(error)), status=403) from None
        kind, object_id, span, trace = self._object(self._client)
        self.place = Place(organisation.name, organisation.id, kind, object_id, target.app_url, span, trace)
        return self.place

    def insert(self, rows: Sequence[Waiting]) -> None:
        """Send rows; when it returns, the server has them.

        Raises:
            Failed: it may have none, some or all of them.
        """
        place = self.connect()
        bodies = [_below(row.body, place) if place.parent_span is not None else row.body for row in rows]
        reply = self._post(place.path, b'{"events":[' + b",".join(bodies) + b"]}")
        if len(as_list(as_dict(reply).get("row_ids"))) != len(rows):
            raise Failed("Braintrust gave an unexpected answer")

    def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            self._client.close()

    def _object(self, client: BraintrustClient) -> tuple[str, str, str | None, str | None]:
        """Where rows go: kind and id of the object, span and trace to hang below."""
        target = self._target
        if target.parent is not None:
            return self._parent(target.parent)
        if target.experiment_id is not None:
            return "experiment", target.experiment_id, None, None
        return "project_logs", target.project_id or self._project(target.project or PROJECT), None, None

    def _parent(self, exported: str) -> tuple[str, str, str | None, str | None]:
        from braintrust.span_identifier_v4 import SpanComponentsV4

        try:
            parts = SpanComponentsV4.from_str(exported)
        except Exception:  # noqa: BLE001 - the client raises nothing narrower
            raise Failed("the trace's parent is no exported span of Braintrust", status=403) from None
        kind = parts.object_type.name.lower()
        if kind not in ("project_logs", "experiment"):
            raise Failed(f"the trace's parent is in {one_line(kind)}, which takes no rows", status=403)
        object_id = parts.object_id
        if object_id is None:
            name = as_text(as_dict(parts.compute_object_metadata_args).get("project_name"))
            if name is None or kind != "project_logs":
                raise Failed("the trace's parent does not say which project it is in", status=403)
            object_id = self._project(name)
        return kind, object_id, parts.span_id, parts.root_span_id

    def _project(self, name: str) -> str:
        fields = {"name": name} | ({"org_name": self._target.org} if self._target.org is not None else {})
        found = as_text(as_dict(self._post("/v1/project", msgspec.json.encode(fields))).get("id"))
        if found is None:
            raise Failed("Braintrust gave an unexpected answer")
        return found

    def _post(self, path: str, body: bytes) -> Any:  # noqa: ANN401 - JSON is any
        from braintrust.api import BraintrustAPIError, RequestTarget, RetryMode, RetryPolicy

        client = self._client
        assert client is not None
        started = monotonic()
        try:
            response = client.transport.request(
                "POST",
                client.router.resolve(RequestTarget.API, path),
                data=body,
                headers={
                    "Authorization": f"Bearer {client.api_key}",
                    "Content-Type": "application/json",
                },
                retry_mode=RetryMode.IDEMPOTENT_WRITE,
                retry_policy=RetryPolicy(max_attempts=1, max_elapsed_time=None, timeout=self.timeout),
                stream=True,
                allow_redirects=False,
            )
            with response:
                if response.status_code >= 300:
                    raise Failed(
                        f"Braintrust redirects to another address ({response.status_code})", status=404
                    )
                reply = bytearray()
                for piece in response.iter_content(65_536):
                    reply += piece
                    if len(reply) > _REPLY_LIMIT or monotonic() - started > 2 * self.timeout:
                        raise Failed("Braintrust's answer does not end")
        except BraintrustAPIError as error:
            raise _failed(error) from None
        except OSError:  # requests' errors, while the body is read
            raise Failed("the connection to Braintrust broke") from None
        try:
            return msgspec.json.decode(reply)
        except ValueError:
            raise Failed("Braintrust gave an unexpected answer") from None


def _below(body: bytes, place: Place) -> bytes:
    """The row as part of another program's trace."""
    fields = msgspec.json.decode(body)
    fields["root_span_id"] = place.parent_trace
    if not fields["span_parents"]:
        fields["span_parents"] = [place.parent_span]
    return msgspec.json.encode(fields)


def _failed(error: Exception) -> Failed:
    """A failure of the client's as ours; only its status and our own words are kept."""
    status = getattr(error, "status_code", 0)
    retry_after = getattr(error, "retry_after", None)
    match status:
        case 401:
            return Failed("Braintrust refuses the key (401)", status=401)
        case 403:
            return Failed("the key may not write to this project (403)", status=403)
        case 404:
            return Failed("Braintrust does not know this project (404)", status=404)
        case int() if 200 <= status < 300:  # what came was no JSON
            return Failed("Braintrust gave an unexpected answer")
        case int() if status:
            return Failed(f"Braintrust answers {status}", status=status, retry_after=retry_after)
    return Failed("Braintrust cannot be reached")


def one_line(text: str) -> str:
    """A text from outside, fit to be shown."""
    return printable(" ".join(text.split()), strict=True, cap=200)
