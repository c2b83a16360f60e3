"""The border: where bytes from outside become an `Event` of ours.

Owns the names of all event types and the reading of one event. Invariant: `parse` never raises on
content and never loses it. What is not a JSON object with a string `type` becomes a `local.bad_frame`,
and `raw` always holds the text as it came. Nothing here trusts a field: a value of the wrong shape
reads as absent, and is still there in `raw`.

Source of the names and fields: the session events of the Managed Agents API, beta 2026-04-01.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import blake2b
from math import modf
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

PREVIEW_TYPES: Final = frozenset({"event_start", "event_delta"})
"""Live only: never in the history, never part of the session's log."""

EVENT_TYPES: Final = PREVIEW_TYPES | frozenset(
    {
        "agent.custom_tool_use",
        "agent.mcp_tool_result",
        "agent.mcp_tool_use",
        "agent.message",
        "agent.thinking",
        "agent.thread_context_compacted",
        "agent.thread_message_received",
        "agent.thread_message_sent",
        "agent.tool_result",
        "agent.tool_use",
        "session.deleted",
        "session.error",
        "session.status_idle",
        "session.status_rescheduled",
        "session.status_running",
        "session.status_terminated",
        "session.thread_created",
        "session.thread_status_idle",
        "session.thread_status_rescheduled",
        "session.thread_status_running",
        "session.thread_status_terminated",
        "session.updated",
        "session.usage",
        "span.model_request_end",
        "span.model_request_start",
        "span.outcome_evaluation_end",
        "span.outcome_evaluation_ongoing",
        "span.outcome_evaluation_start",
        "system.message",
        "user.custom_tool_result",
        "user.define_outcome",
        "user.interrupt",
        "user.message",
        "user.tool_confirmation",
        "user.tool_result",
        "workflow_run.created",
        "workflow_run.error",
        "workflow_run.phase_ended",
        "workflow_run.phase_started",
        "workflow_run.status_ended",
        "workflow_run.status_idle",
        "workflow_run.status_running",
    }
)
"""The 44 types of the stream that this version knows. Others are shown, counted and kept all the same."""

LOCAL_TYPES: Final = frozenset(
    {
        "local.bad_frame",  # bytes that are no event: `reason`, `text`
        "local.connected",  # a stream is open: `connection`
        "local.disconnected",  # it ended or broke: `reason`
        "local.gap",  # the list had what the stream had not brought: `found`, a number of events
        "local.notice",  # something of ours that the user should know: `text`
        "local.session",  # the session as the API or a file's head described it: `session`
        "local.threads",  # its child threads as the API described them: `threads`
    }
)
"""Facts of our own, kept in the log beside the server's so that they are recorded, replayed and seen."""


Tokens = Annotated[int, Meta(ge=0)]


class ModelUsage(msgspec.Struct, gc=False):
    """Tokens of one model request. `input_tokens` excludes what was read from or written to the cache."""

    input_tokens: Tokens = 0
    output_tokens: Tokens = 0
    cache_read_input_tokens: Tokens = 0
    cache_creation_input_tokens: Tokens = 0


class StopReason(msgspec.Struct, gc=False):
    """Why a session or a thread stands still."""

    type: str | None = None
    event_ids: list[str] = []
    """The tool uses that it waits for."""


_NO_CONTENT: Final = msgspec.Raw()


OurTime = Annotated[float, Meta(gt=0, lt=0)] | None
OurName = Annotated[str, Meta(min_length=1, max_length=0)] | None
OurPlace = Annotated[int, Meta(ge=-1, le=-1)]
"""Types of the fields that are ours: nothing that JSON can hold fits them, so that no server can set them."""


class Event(msgspec.Struct, gc=False, eq=False):
    """One event: what every fold step looks at, read in a single pass; the rest through `data`.

    The fields up to `where` are ours; those below are the server's, by its own names, and None when absent or
    of another type.
    """

    type: str = ""
    raw: Annotated[bytes, Meta(max_length=0)] = msgspec.field(name="~raw", default=b"")
    """The JSON text, untouched."""
    key: Annotated[str, Meta(max_length=0)] = msgspec.field(name="~key", default="")
    """The server's `id`, or a stable key of ours (it begins with `~`) for an event without one."""
    at: OurTime = msgspec.field(name="~at", default=None)
    """`processed_at` in Unix seconds, to the microsecond; None while the event is queued."""
    received_at: OurTime = msgspec.field(name="~received", default=None)
    """When it reached us, in Unix seconds; None for history and for files that do not tell."""
    stream: OurName = msgspec.field(name="~stream", default=None)
    """The child thread whose own stream or list it came from; None for the session's."""
    where: OurPlace = msgspec.field(name="~where", default=-1)
    """Where its line begins in the file it was read from; -1 for one that is no line of its own there."""

    id: str | None = None
    processed_at: datetime | None = None
    session_thread_id: str | None = None
    content: msgspec.Raw = msgspec.field(default=_NO_CONTENT)
    name: str | None = None
    tool_use_id: str | None = None
    mcp_tool_use_id: str | None = None
    custom_tool_use_id: str | None = None
    mcp_server_name: str | None = None
    evaluated_permission: str | None = None
    is_error: bool | None = None
    model_request_start_id: str | None = None
    model_usage: ModelUsage | None = None
    event_id: str | None = None
    agent_name: str | None = None
    stop_reason: StopReason | str | None = None
    stop_details: dict[str, Any] | None = None

    @property
    def reason(self) -> str | None:
        """The word for why it stands still."""
        said = self.stop_reason
        return (said.type if isinstance(said, StopReason) else said) or None

    @property
    def data(self) -> dict[str, Any]:
        """The whole event as a dictionary, read anew from `raw`; empty for what is no object."""
        value = decode(self.raw)
        return value if isinstance(value, dict) else {}


_served: Final = {name: name for name in EVENT_TYPES}
_names: Final = _served | {name: name for name in LOCAL_TYPES}
_read = msgspec.json.Decoder(Event).decode
_read_any = msgspec.json.Decoder().decode


def decode(raw: bytes | msgspec.Raw) -> Any:  # noqa: ANN401 - JSON is any
    """JSON text to plain values; None for what is no JSON. Lone surrogates and NaN are tolerated."""
    try:
        return _read_any(raw)
    except (ValueError, RecursionError, TypeError):
        try:
            return json.loads(bytes(raw).decode())
        except (ValueError, RecursionError):
            return None


def parse(
    raw: bytes, *, received_at: float | None = None, stream: str | None = None, position: int = 0
) -> Event:
    """One event from its JSON text. Never raises.

    Args:
        raw: the JSON text of one event, kept as it is.
        received_at: our clock at its arrival, in Unix seconds.
        stream: the child thread whose stream it came from.
        position: line or frame number, which tells equal pieces of rubbish apart.
    """
    try:
        event = _read(raw)
    except (ValueError, RecursionError):
        event = _salvage(raw, position)
    type_ = _names.get(event.type)  # one string for all of a type
    if type_ is not None:
        event.type = type_
    elif not event.type:
        event = _bad(raw, "no type", position)
    event.raw = raw
    if event.id:
        event.key = event.id
    elif event.type in PREVIEW_TYPES:
        event.key = f"~{event.type}:{event.event_id}"  # no part of any log: nothing is told apart by it
    elif not event.key:
        event.key = f"~{event.type}:{_digest(_canonical(raw))}"
    if received_at is not None:
        event.received_at = received_at
    if stream is not None:
        event.stream = stream
    stamp = event.processed_at
    if stamp is not None:
        event.at = stamp.timestamp() if stamp.tzinfo is UTC else _seconds(stamp)
    return event


def parse_lines(lines: Iterable[bytes], at: int) -> list[Event | None]:
    """What `parse` makes of lines: of each that is an event of a server's known type with an id; else None.

    Args:
        lines: the JSON texts, without their ends.
        at: where the first of them begins in its file.
    """
    found: list[Event | None] = []
    known, read, keep, utc = _served.get, _read, found.append, UTC
    for line in lines:
        raw = line.strip()
        try:
            event = read(raw)
        except (ValueError, RecursionError):
            keep(None)
        else:
            type_ = known(event.type)
            key = event.id
            if type_ is None or not key:
                keep(None)
            else:
                event.type = type_
                event.raw = raw
                event.key = key
                event.where = at
                stamp = event.processed_at
                if stamp is not None:
                    event.at = stamp.timestamp() if stamp.tzinfo is utc else _seconds(stamp)
                keep(event)
        at += len(line) + 1
    return found


def local(type_: str, fields: Mapping[str, Any], *, received_at: float | None = None, key: str = "") -> Event:
    """A fact of our own as an event: `type_` begins with `local.`, `fields` must be JSON values."""
    raw = msgspec.json.encode({"type": type_, **fields})
    event = parse(raw, received_at=received_at)
    if key:
        event.key = f"~{key}"
    return event


def bad_frame(
    raw: bytes,
    reason: str,
    *,
    received_at: float | None = None,
    stream: str | None = None,
    position: int = 0,
) -> Event:
    """What stands in the log for bytes that are no event; `raw` stays what came."""
    event = _bad(raw, reason, position)
    event.raw = raw
    event.received_at = received_at
    event.stream = stream
    return event


def stamp_text(at: float) -> str:
    """Unix seconds as the API writes them: ISO 8601 in UTC with microseconds and `Z`."""
    part, whole = modf(at)
    micros = round(part * 1_000_000)
    if not 0 <= micros < 1_000_000:  # below zero, or rounded up to the next second
        whole, micros = whole + micros // 1_000_000, micros % 1_000_000
    return f"{_second_text(int(whole))}.{micros:06}Z"


@lru_cache(maxsize=64)  # what is written at once is of few seconds
def _second_text(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat().removesuffix("+00:00")


def parse_stamp(text: object) -> float | None:
    """An ISO 8601 stamp in Unix seconds, to the microsecond; None for anything else."""
    stamp = _stamp(text)
    return None if stamp is None else _seconds(stamp)


def _stamp(text: object) -> datetime | None:
    """A stamp as the typed reader takes it (it rounds nanoseconds), else as the standard library does."""
    if not isinstance(text, str):
        return None
    try:
        return msgspec.convert(text, datetime)
    except ValueError:
        pass
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _seconds(stamp: datetime) -> float | None:
    """Unix seconds of a stamp; one without a zone is taken for UTC."""
    try:
        return (stamp if stamp.tzinfo is not None else stamp.replace(tzinfo=UTC)).timestamp()
    except (OverflowError, ValueError):
        return None


def _salvage(raw: bytes, position: int) -> Event:
    """The slow way, for what the typed reader refuses: take each field whose value has the right type."""
    value = decode(raw)
    if not isinstance(value, dict):
        return _bad(raw, "not an object" if value is not None else "not JSON", position)
    type_ = value.get("type")
    if not isinstance(type_, str) or not type_:
        return _bad(raw, "no type", position)
    event = Event(type_)
    for name in (
        "id",
        "session_thread_id",
        "name",
        "tool_use_id",
        "mcp_tool_use_id",
        "custom_tool_use_id",
        "mcp_server_name",
        "evaluated_permission",
        "model_request_start_id",
        "event_id",
        "agent_name",
    ):
        if isinstance(value.get(name), str):
            setattr(event, name, value[name])
    event.processed_at = _stamp(value.get("processed_at"))
    if isinstance(value.get("is_error"), bool):
        event.is_error = value["is_error"]
    event.stop_reason = _stop_reason(value.get("stop_reason"))
    if isinstance(value.get("stop_details"), dict):
        event.stop_details = value["stop_details"]
    if "content" in value:
        event.content = msgspec.Raw(_dumps(value["content"]))
    usage = value.get("model_usage")
    if isinstance(usage, dict):
        event.model_usage = ModelUsage(
            **{name: count(usage.get(name)) or 0 for name in ModelUsage.__struct_fields__}
        )
    return event


def _stop_reason(value: object) -> StopReason | str | None:
    """A reason as the typed reader takes it, of whatever in it has the right type."""
    if not isinstance(value, dict):
        return value if isinstance(value, str) else None
    type_, listed = value.get("type"), value.get("event_ids")
    return StopReason(
        type_ if isinstance(type_, str) else None,
        [key for key in listed if isinstance(key, str)] if isinstance(listed, list) else [],
    )


def count(value: object) -> int | None:
    """A number of things as JSON may spell it; None for what is no finite number of at least zero."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if 0 <= value < 2**63 else None


def _bad(raw: bytes, reason: str, position: int) -> Event:
    key = f"~bad:{position}:{_digest(raw)}"
    return Event(type="local.bad_frame", key=key, name=reason)


def _digest(data: bytes) -> str:
    return blake2b(data, digest_size=8).hexdigest()


def _canonical(raw: bytes) -> bytes:
    """The same object in the same bytes, whatever the order of its keys and its white space."""
    value = decode(raw)
    return raw if value is None else _dumps(value, sort_keys=True) or raw


def _dumps(value: object, *, sort_keys: bool = False) -> bytes:
    """JSON without white space; nothing for what is nested too deeply."""
    try:
        return json.dumps(value, sort_keys=sort_keys, separators=(",", ":")).encode()
    except RecursionError:
        return b""
