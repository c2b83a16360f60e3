"""Owns what the API refuses: it reads request bodies and says 400 before anything is changed.

Invariant: a request is accepted as a whole or not at all, and only known keys are accepted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cma_tui.simulator.meter import cents
from cma_tui.simulator.store import Session

ERROR_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}

# What `types[]` may name: every event of the list but `session.deleted`.
_NAMES = {
    "user": "message interrupt tool_confirmation custom_tool_result tool_result define_outcome",
    "system": "message",
    "agent": "message thinking tool_use tool_result mcp_tool_use mcp_tool_result custom_tool_use"
    " thread_message_sent thread_message_received thread_context_compacted",
    "session": "status_running status_rescheduled status_terminated status_idle usage updated error"
    " thread_created thread_status_running thread_status_rescheduled thread_status_terminated"
    " thread_status_idle",
    "span": "model_request_start model_request_end outcome_evaluation_start"
    " outcome_evaluation_ongoing outcome_evaluation_end",
    "workflow_run": "created status_running status_idle phase_started phase_ended error status_ended",
}
LISTABLE = frozenset(f"{group}.{name}" for group, names in _NAMES.items() for name in names.split())

_ID_LIMIT = 128
_DENY_LIMIT = 10_000
_RUBRIC_LIMIT = 262_144
_ITERATION_LIMIT = 20


class ApiError(Exception):
    """An answer with the API's error envelope."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        kind: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.headers = status, code, dict(headers or {})
        self.kind = kind or ERROR_TYPES.get(status, "api_error" if status >= 500 else "invalid_request_error")


def refuse(message: str, code: str | None = None) -> ApiError:
    """A 400."""
    return ApiError(400, message, code=code)


def mapping(value: object, where: str) -> dict[str, Any]:
    """A JSON object."""
    if not isinstance(value, dict):
        raise refuse(f"{where}: must be an object")
    return value


def keys(body: Mapping[str, object], allowed: str, where: str, required: str = "") -> None:
    """No key that is not allowed, and all that are required."""
    for key in body:
        if key not in allowed.split():
            raise refuse(f"{where}.{key}: Extra inputs are not permitted")
    for key in required.split():
        if key not in body:
            raise refuse(f"{where}.{key}: Field required")


def text(value: object, where: str, limit: int | None = None) -> str:
    """A text that is not empty."""
    if not isinstance(value, str):
        raise refuse(f"{where}: must be a string")
    if not value.strip():
        raise refuse(f"{where}: must not be empty")
    if limit is not None and len(value) > limit:
        raise refuse(f"{where}: must be at most {limit} characters")
    return value


def _blocks(value: object, where: str, allowed: str, *, may_be_empty: bool = False) -> None:
    if not isinstance(value, list) or not (value or may_be_empty):
        raise refuse(f"{where}: must be a list of content blocks")
    for n, item in enumerate(value):
        block = mapping(item, f"{where}.{n}")
        kind = block.get("type")
        if kind not in allowed.split():
            raise refuse(f"{where}.{n}.type: must be one of {allowed}")
        if kind == "text":
            keys(block, "type text", f"{where}.{n}", "text")
            if not may_be_empty:
                text(block["text"], f"{where}.{n}.text")
            elif not isinstance(block["text"], str):
                raise refuse(f"{where}.{n}.text: must be a string")


def _message(body: dict[str, Any], where: str) -> None:
    keys(body, "type content", where, "content")
    _blocks(body["content"], f"{where}.content", "text image document")


def _system(body: dict[str, Any], where: str) -> None:
    keys(body, "type content", where, "content")
    _blocks(body["content"], f"{where}.content", "text")


def _interrupt(body: dict[str, Any], where: str) -> None:
    keys(body, "type session_thread_id", where)


def _confirmation(body: dict[str, Any], where: str) -> None:
    keys(body, "type tool_use_id result deny_message", where, "tool_use_id result")
    text(body["tool_use_id"], f"{where}.tool_use_id", _ID_LIMIT)
    if body["result"] not in ("allow", "deny"):
        raise refuse(f"{where}.result: must be allow or deny")
    if body.get("deny_message") is not None:
        if body["result"] != "deny":
            raise refuse(f"{where}.deny_message: only allowed with deny")
        text(body["deny_message"], f"{where}.deny_message", _DENY_LIMIT)


def _result(key: str) -> Callable[[dict[str, Any], str], None]:
    def check(body: dict[str, Any], where: str) -> None:
        keys(body, f"type {key} content is_error", where, key)
        text(body[key], f"{where}.{key}", _ID_LIMIT)
        if body.get("content") is not None:
            allowed = "text image document search_result"
            _blocks(body["content"], f"{where}.content", allowed, may_be_empty=True)
        if body.get("is_error") not in (None, True, False):
            raise refuse(f"{where}.is_error: must be a boolean")

    return check


def _outcome(body: dict[str, Any], where: str) -> None:
    keys(body, "type description rubric max_iterations", where, "description rubric")
    text(body["description"], f"{where}.description")
    rubric = mapping(body["rubric"], f"{where}.rubric")
    if rubric.get("type") == "text":
        keys(rubric, "type content", f"{where}.rubric", "content")
        text(rubric["content"], f"{where}.rubric.content", _RUBRIC_LIMIT)
    elif rubric.get("type") == "file":
        keys(rubric, "type file_id", f"{where}.rubric", "file_id")
    else:
        raise refuse(f"{where}.rubric.type: must be text or file")
    count = body.get("max_iterations", 3)
    if not isinstance(count, int) or not 1 <= count <= _ITERATION_LIMIT:
        raise refuse(f"{where}.max_iterations: must be between 1 and {_ITERATION_LIMIT}")


_SENDABLE: dict[str, Callable[[dict[str, Any], str], None]] = {
    "user.message": _message,
    "user.interrupt": _interrupt,
    "user.tool_confirmation": _confirmation,
    "user.custom_tool_result": _result("custom_tool_use_id"),
    "user.tool_result": _result("tool_use_id"),
    "user.define_outcome": _outcome,
    "system.message": _system,
}


def events(body: object, *, initial: bool = False) -> list[dict[str, Any]]:
    """The events of a request, well formed; whether they fit the session is `fits`' question."""
    if not isinstance(body, list) or not body:
        raise refuse("events: must be a list of at least one event")
    sendable = {"user.message", "user.define_outcome"} if initial else set(_SENDABLE)
    for n, item in enumerate(body):
        where = f"events.{n}"
        event = mapping(item, where)
        if event.get("type") not in sendable:
            raise refuse(f"{where}.type: Input should be one of {', '.join(sorted(sendable))}")
        _SENDABLE[event["type"]](event, where)
    systems = [n for n, event in enumerate(body) if event["type"] == "system.message"]
    if systems and systems != [len(body) - 1]:
        raise refuse("events: system.message is allowed once per request, as the last event")
    return body


def fits(session: Session, batch: Sequence[Mapping[str, Any]]) -> None:
    """Refuse what the session cannot take in its present state."""
    if not session.alive:
        raise refuse("The session is terminated and accepts no more events")
    answered: set[str] = set()
    interrupted = False
    for event in batch:
        match event["type"]:
            case "user.interrupt":
                interrupted = True
                _fits_interrupt(session, event)
            case "user.tool_confirmation" | "user.custom_tool_result" | "user.tool_result":
                _fits_answer(session, event, answered)
            case kind:
                _fits_input(session, kind, interrupted=interrupted, answered=answered)


def _fits_input(session: Session, kind: str, *, interrupted: bool, answered: set[str]) -> None:
    waiting = [i for i in session.blocking_ids if i not in answered]
    if waiting and not interrupted:
        raise refuse(f"{kind}: the session requires action on {', '.join(waiting)} first")
    if session.over_budget():
        raise refuse(f"{kind}: the session has reached its budget; raise or remove it first")
    if kind == "user.define_outcome" and any(o["completed_at"] is None for o in session.outcomes):
        raise refuse("user.define_outcome: another outcome is still being worked on")


def _fits_interrupt(session: Session, event: Mapping[str, Any]) -> None:
    thread_id = event.get("session_thread_id")
    if thread_id is None:
        return
    thread = session.threads.get(thread_id)
    if thread is None:
        raise refuse(f"user.interrupt: no thread {thread_id} in this session")
    if thread.status == "terminated":
        raise refuse(f"user.interrupt: thread {thread_id} is terminated")


def _fits_answer(session: Session, event: Mapping[str, Any], answered: set[str]) -> None:
    kind = event["type"]
    call_id = event["custom_tool_use_id" if kind == "user.custom_tool_result" else "tool_use_id"]
    call = session.calls.get(call_id)
    if call is None:
        raise refuse(f"{kind}: no tool use {call_id} in this session")
    if kind == "user.tool_confirmation":
        if not call.asks:
            raise refuse(f"{kind}: tool use {call_id} does not ask for a confirmation")
        taken = call.confirmation is not None
    else:
        if (kind == "user.custom_tool_result") != (call.kind == "custom"):
            raise refuse(f"{kind}: tool use {call_id} is not of this kind")
        if kind == "user.tool_result" and not session.self_hosted:
            raise refuse(f"{kind}: tool use {call_id} is not run by the client")
        taken = call.needs != "result"
    if taken or call_id in answered:
        raise refuse(f"{kind}: tool use {call_id} has already been answered")
    answered.add(call_id)


def changes(session: Session, body: Mapping[str, Any]) -> dict[str, Any]:
    """What an update really changes, in the form `session.updated` shows it."""
    changed: dict[str, Any] = {}
    if "title" in body and body["title"] != session.title:
        changed["title"] = body["title"]
    if "metadata" in body:
        patch = mapping(body["metadata"], "metadata")
        merged = {key: value for key, value in {**session.metadata, **patch}.items() if value is not None}
        if merged != session.metadata:
            changed["metadata"] = merged
    if "budget" in body and not body["budget"] is session.budget is None:
        changed["budget"] = _budget(session, body["budget"])
    if "agent" in body:
        patch = mapping(body["agent"], "agent")
        keys(patch, "tools mcp_servers", "agent")
        if session.status != "idle":
            raise refuse("agent: tools can only be changed while the session is idle")
        changed["agent"] = {**session.agent, **patch}
    return changed


def _budget(session: Session, wanted: object) -> dict[str, Any] | None:
    if wanted is None:
        return None
    if session.budget is None:
        raise refuse("budget: a budget is set when the session is created", "budget_create_only")
    budget = mapping(wanted, "budget")
    try:
        amount = int(mapping(budget["max_list_cost"], "budget.max_list_cost")["amount"])
    except (KeyError, ValueError):
        raise refuse("budget.max_list_cost.amount: must be whole cents") from None
    if amount <= cents(session.usage, session.active_seconds):
        raise refuse("budget: must be above what has been spent", "budget_not_raised")
    return budget
