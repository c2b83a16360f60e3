"""Sending what waits to Braintrust, through its own REST client.

Owns the only import of `braintrust`, the connection, and the answer to every way it can fail. Invariants: it
runs on a daemon thread of its own and imports there; a request is tried four times at most, then a breaker
opens and everything stays in the outbox; a refused key stops sending and loses nothing; a refused row is
found and set aside; nothing is printed; when told to finish it does what there is time for and holds up
nobody.
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable, Sequence
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

import msgspec

from cma_tui.content import as_dict, as_list, as_text
from cma_tui.mirror.outbox import Outbox, OutboxError, Waiting
from cma_tui.mirror.target import PROJECT, Place, Target, TargetError, checked_url
from cma_tui.text import printable

if TYPE_CHECKING:
    from braintrust.api import BraintrustClient

ATTEMPTS: Final = 4
"""Of one request: the first and three retries."""
_RANDOM = random.SystemRandom()
_BACKOFF = 0.5
_RETRY_AFTER_LIMIT = 60.0
_COOLING = (30.0, 60.0, 120.0, 300.0, 600.0)
"""Seconds the breaker stays open, longer each time."""
_REFUSED_PAUSE = 300.0
"""Seconds until a key or project that was refused is tried again."""
_LOCKED_PAUSE = 1.0
_DISK_PAUSE = 5.0
_TIMEOUT = 20.0
_ALL_REFUSED = 8
"""So many single rows refused, and none accepted: it is not the rows."""
_BATCH_ROWS = 100
_BATCH_BYTES = 3_000_000
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

    def __init__(self, target: Target, timeout: float = _TIMEOUT) -> None:
        self.place: Place | None = None
        self.timeout = timeout
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
            raise Failed(_line(str(error)), status=403) from None
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
            raise Failed(f"the trace's parent is in {_line(kind)}, which takes no rows", status=403)
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


def _line(text: str) -> str:
    return printable(" ".join(text.split()), strict=True, cap=200)


class Uploader:
    """Sends what is in the outbox, on a thread of its own."""

    def __init__(
        self,
        open_outbox: Callable[[], Outbox],
        target: Target,
        *,
        changed: Callable[[Outbox], None],
        moved: Callable[[], None],
        wait: Callable[[threading.Event, float | None], object] = threading.Event.wait,
        clock: Callable[[], float] = monotonic,
        timeout: float = _TIMEOUT,
    ) -> None:
        """Prepare.

        Args:
            open_outbox: opens a connection of the thread's own.
            target: where to send.
            changed: called on the thread when the outbox has changed.
            moved: called on the thread when the destination turns out to be another than before.
            wait: waits for an event, at most so many seconds.
            clock: seconds that only go forward.
            timeout: seconds to wait for an answer.
        """
        self.problem = ""
        """Why nothing is sent now, in one line."""
        self.place: Place | None = None
        """Where the rows are, as far as that is known: from an earlier run at first."""
        self._connected = False
        self._open, self._changed, self._moved = open_outbox, changed, moved
        self._wait, self._clock = wait, clock
        self._service = Service(target, timeout)
        self._work = threading.Event()
        self._finishing = threading.Event()
        self._never = threading.Event()
        self._until = 0.0
        self._failures = 0
        self._behind = False
        """Whether the counts were taken before something failed or another process sent."""
        self._not_before = 0.0
        self._thread = threading.Thread(target=self._run, name="mirror-upload", daemon=True)

    def start(self) -> None:
        """Start sending."""
        self._thread.start()

    def wake(self) -> None:
        """There is something to send."""
        self._work.set()

    def finish(self, seconds: float) -> bool:
        """Send what waits, as far as there is time for it, and end. Returns whether it ended in time."""
        self._service.timeout = min(self._service.timeout, max(0.1, seconds))
        self._until = self._clock() + seconds
        self._finishing.set()
        self._work.set()
        if self._thread.is_alive():
            self._thread.join(max(0.0, seconds))
        return not self._thread.is_alive()

    def _run(self) -> None:
        outbox: Outbox | None = None
        try:
            while True:
                try:
                    if outbox is None:
                        outbox = self._open()
                        self.place = self.place or outbox.place()
                    pause = self._round(outbox)
                    if self._finishing.is_set():
                        self._changed(outbox)  # another process may be the one that sends
                except OutboxError as error:  # what was sent without our noting it is sent again, into itself
                    self.problem, self._behind, pause = str(error), True, _DISK_PAUSE
                    if outbox is not None:
                        outbox.close()
                        outbox = None
                if self._finishing.is_set():
                    break
                self._wait(self._work, pause)
                self._work.clear()
        except Exception as error:  # noqa: BLE001 - a thread's error goes nowhere else; it is shown
            self.problem = f"a defect in the upload: {type(error).__name__}: {_line(str(error))}"
        finally:
            self._service.close()
            if outbox is not None:
                outbox.close()

    def _round(self, outbox: Outbox) -> float | None:
        """Send all there is. Returns how long to wait for the next round; None for until there is more."""
        if outbox.empty():
            if self._behind:  # another process has sent what waited
                self._behind, self.problem = False, ""
                self._changed(outbox)
            return None
        left = self._not_before - self._clock()
        if left > 0 and not self._finishing.is_set():
            return left
        try:
            with outbox.sending() as ours:
                if not ours:
                    self._behind = True
                    return _LOCKED_PAUSE
                self._connect(outbox)
                while batch := outbox.batch(_BATCH_ROWS, _BATCH_BYTES):
                    self._send(outbox, batch)
                    self.problem, self._failures, self._behind = "", 0, False
                    self._changed(outbox)
        except Failed as error:
            self.problem, self._behind = str(error), True
            self._failures += 1
            if error.passing:
                pause = _COOLING[min(self._failures, len(_COOLING)) - 1]
                pause = max(pause, min(error.retry_after or 0.0, _COOLING[-1]))
            else:
                pause = _REFUSED_PAUSE
            self._not_before = self._clock() + pause
            self._changed(outbox)
            return pause
        return None

    def _connect(self, outbox: Outbox) -> None:
        if not self._connected:
            place = self._tried(self._service.connect)
            if not outbox.bind(place):
                self._moved()
            self.place, self._connected = place, True

    def _send(self, outbox: Outbox, batch: Sequence[Waiting]) -> None:
        """Send a batch; find the rows at fault in one that is refused, and set them aside."""
        refused: list[tuple[Waiting, Failed]] = []
        parts, accepted = [batch], False
        while parts:
            part = parts.pop()
            try:
                self._tried(partial(self._service.insert, part))
            except Failed as error:
                if not error.row:
                    raise
                if len(part) > 1:
                    middle = len(part) // 2
                    parts += [part[middle:], part[:middle]]
                    continue
                refused.append((part[0], error))
                if len(refused) >= _ALL_REFUSED and not accepted:
                    raise Failed(f"Braintrust refuses every row ({error.status})", status=404) from None
            else:
                accepted = True
                outbox.sent(part)
        for row, why in refused:
            outbox.refuse(row, why.status, str(why))

    def _tried(self, request: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever the request returns
        """Make a request, again where the failure may pass."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return request()
            except Failed as error:
                if not error.passing or attempt == ATTEMPTS:
                    raise
                self.problem = f"{error}, trying again"
                pause = _BACKOFF * 2 ** (attempt - 1) * (0.5 + _RANDOM.random() / 2)
                self._rest(max(pause, min(error.retry_after or 0.0, _RETRY_AFTER_LIMIT)), error)
        raise AssertionError("the last attempt returns or raises")

    def _rest(self, seconds: float, error: Failed) -> None:
        """Wait before a retry; at the end not beyond the time there is, and not for a server long gone."""
        if not self._finishing.is_set():
            self._wait(self._finishing, seconds)
        elif not self._failures and self._clock() + seconds < self._until:
            self._wait(self._never, seconds)
        else:
            raise error
