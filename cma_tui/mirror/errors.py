"""What went wrong in a turn, in one form for the screen and for the span.

Owns the categories. Invariant: every error has one, and text that came from outside never decides more
than which; how a turn ended is told apart from what it recovered from.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from cma_tui.content import as_dict, as_text
from cma_tui.mirror.cut import Cut, Index, identity_of, index_of, take, take_head
from cma_tui.mirror.messages import result_text, tool_input
from cma_tui.session.model import Failure, ModelRequest, Session, ToolUse, Turn

BAD_ENDS: Final = frozenset({"retries_exhausted", "budget_reached", "terminated"})
"""The reasons for which a turn that stops has failed. A refusal is an answer."""
LIMIT: Final = 20
"""Errors of one turn that its span lists."""
_TEXT = 2000

_SANDBOX = ("repository_", "environment_", "container_", "sandbox_")
_TOOLS = ("mcp_", "credential_", "tool_")
_API = (
    "model_",
    "billing_",
    "compaction_",
    "api_",
    "rate_limit",
    "overloaded",
    "authentication_",
    "invalid_",
)


class TurnError(msgspec.Struct, omit_defaults=True):
    """One thing that went wrong."""

    category: str
    """timeout, api_error, tool_error, sandbox_error or unknown."""
    code: str
    message: str
    at: float | None = None
    event_id: str = ""
    fatal: bool = False
    """Whether the server gave up over it."""
    retry: str | None = None
    tool: str | None = None
    tool_use_id: str | None = None
    server: str | None = None
    thread: str | None = None
    input: Any = None
    output: str | None = None

    @property
    def line(self) -> str:
        """It in one line."""
        where = f"{self.tool}: " if self.tool else ""
        return (
            f"{self.category}: {where}{self.code}: {self.message}"
            if self.message
            else (f"{self.category}: {where}{self.code}")
        )


def category(code: str, message: str) -> str:
    """Which of the five kinds an error of that code and text is."""
    code = code.lower()
    if "timeout" in code or _timed_out(message):
        return "timeout"
    if code.startswith(_SANDBOX):
        return "sandbox_error"
    if code.startswith(_TOOLS):
        return "tool_error"
    return "api_error" if code.startswith(_API) else "unknown"


def tool_category(text: str) -> str:
    """Which kind the failure of a tool is, by what it said."""
    head = text[:_TEXT].lower()
    if _timed_out(head):
        return "timeout"
    lost = ("sandbox", "container", "no space left on device", "environment is not")
    return "sandbox_error" if any(word in head for word in lost) else "tool_error"


def _timed_out(text: str) -> bool:
    head = text[:_TEXT].lower()
    return any(word in head for word in ("timed out", "timeout", "deadline exceeded", "time limit"))


def denied(use: ToolUse) -> bool:
    """Whether the use was forbidden: its result is an error then, and nothing has failed."""
    return use.confirmation == "deny" or use.permission == "deny"


def tool_failure(cut: Cut, use: ToolUse) -> TurnError | None:
    """The error of a tool use that failed."""
    if not use.is_error or denied(use):
        return None
    text = result_text(cut, use)
    return TurnError(
        tool_category(text),
        "tool_error",
        text.strip()[:_TEXT] or "the tool reports an error and says nothing",
        use.result_at,
        use.key,
        tool=use.name,
        tool_use_id=use.key,
        server=use.server,
        thread=use.thread,
        input=tool_input(cut.events[use.event]),
        output=text[:_TEXT],
    )


def session_failure(cut: Cut, failure: Failure) -> TurnError:
    """A `session.error`."""
    event = cut.events[failure.event]
    fields = as_dict(event.data.get("error"))
    return TurnError(
        category(failure.error_type, failure.message),
        failure.error_type,
        failure.message[:_TEXT],
        failure.at,
        event.key,
        fatal=failure.retry in ("exhausted", "terminal"),
        retry=failure.retry,
        server=as_text(fields.get("mcp_server_name")),
        thread=failure.thread,
    )


def request_failures(cut: Cut) -> dict[int, TurnError]:
    """The errors of the model requests that failed, by item index.

    The session's own word for it follows the request's end, before the thread's next request.
    """
    found: dict[int, TurnError] = {}
    failed: dict[str | None, int] = {}
    for position, item in sorted(cut.items.items(), key=lambda pair: pair[1].event):
        if isinstance(item, ModelRequest):
            failed.pop(item.thread, None)
            if item.is_error:
                failed[item.thread] = position
                key = cut.events[item.end if item.end >= 0 else item.event].key
                message = "the model request failed"
                found[position] = TurnError(
                    "api_error", "model_request_failed", message, item.ended_at, key, thread=item.thread
                )
        elif isinstance(item, Failure) and item.thread in failed:
            found[failed.pop(item.thread)] = session_failure(cut, item)
    return found


def cut_errors(cut: Cut) -> list[TurnError]:
    """Everything that went wrong in a turn, in order."""
    found: list[tuple[int, TurnError]] = []
    said = any(isinstance(item, Failure) for item in cut.items.values())
    requests = {} if said else request_failures(cut)
    for position, item in cut.items.items():
        error: TurnError | None = None
        if isinstance(item, Failure):
            error = session_failure(cut, item)
        elif isinstance(item, ToolUse):
            error = tool_failure(cut, item)
        else:
            error = requests.get(position)
        if error is not None:
            found.append((item.event, error))
    return [error for _, error in sorted(found, key=lambda pair: pair[0])]


def ended_badly(cut: Cut, errors: list[TurnError]) -> str | None:
    """Why the turn has failed, in one line; None when it has not, whatever it recovered from."""
    reason = cut.turn.stop_reason
    session_errors = [error for error in errors if error.tool is None]
    last = session_errors[-1] if session_errors else None
    if reason in BAD_ENDS:
        return last.line if last is not None and last.fatal else f"{_end_category(reason)}: {reason}"
    return last.line if cut.turn.ended and last is not None and last.fatal else None


def _end_category(reason: str | None) -> str:
    return "api_error" if reason in ("retries_exhausted", "budget_reached") else "unknown"


def turn_errors(session: Session, turn: Turn, index: Index | None = None) -> list[TurnError]:
    """Everything that went wrong in a turn of a session, in order."""
    identity = identity_of(session)
    if identity is None:
        return []
    return cut_errors(take(session, turn, take_head(session, identity), index or index_of(session)))
