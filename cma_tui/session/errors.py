"""What went wrong in a turn, in one form for the screen, the figures and the spans.

Owns the categories. Invariants: every error has one, and text that came from outside never decides more
than which; how a turn ended is told apart from what it recovered from. Texts are as they came: whoever shows
them makes them printable.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from itertools import accumulate
from sys import maxsize
from typing import Any, Final, Protocol

import msgspec

from cma_tui.content import as_dict, as_text, plain_text
from cma_tui.event import Event
from cma_tui.session.model import Failure, Item, ModelRequest, Session, ToolUse, Turn

BAD_ENDS: Final = frozenset({"retries_exhausted", "budget_reached", "terminated"})
"""The reasons for which a turn that stops has failed. A refusal is an answer."""
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


class Events(Protocol):
    """The log, or as much of it as is there: events by their ordinals."""

    def __getitem__(self, ordinal: int, /) -> Event: ...


def tool_failure(events: Events, use: ToolUse) -> TurnError | None:
    """The error of a tool use that failed."""
    if not use.is_error or denied(use):
        return None
    text = plain_text(events[use.result].content) if use.result >= 0 else ""
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
        input=events[use.event].data.get("input"),
        output=text[:_TEXT],
    )


def session_failure(events: Events, failure: Failure) -> TurnError:
    """A `session.error`."""
    event = events[failure.event]
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


def request_failure(events: Events, request: ModelRequest) -> TurnError | None:
    """The error of a model request that failed, as far as its own events tell."""
    if not request.is_error:
        return None
    key = events[request.end if request.end >= 0 else request.event].key
    said = "the model request failed"
    return TurnError("api_error", "model_request_failed", said, request.ended_at, key, thread=request.thread)


def item_error(session: Session, index: int) -> TurnError | None:
    """What went wrong with one item; None when nothing did."""
    match session.items[index]:
        case ToolUse() as use:
            return tool_failure(session.events, use)
        case Failure() as failure:
            return session_failure(session.events, failure)
        case ModelRequest() as request:
            return request_failure(session.events, request)
    return None


def request_failures(events: Events, items: Mapping[int, Item]) -> dict[int, TurnError]:
    """The errors of the model requests that failed, by item index.

    The session's own word for it follows the request's end, before the thread's next request.
    """
    found: dict[int, TurnError] = {}
    failed: dict[str | None, int] = {}
    for position, item in sorted(items.items(), key=lambda pair: pair[1].event):
        if isinstance(item, ModelRequest):
            failed.pop(item.thread, None)
            error = request_failure(events, item)
            if error is not None:
                failed[item.thread], found[position] = position, error
        elif isinstance(item, Failure) and item.thread in failed:
            found[failed.pop(item.thread)] = session_failure(events, item)
    return found


def request_error(session: Session, index: int) -> TurnError | None:
    """Why the model request that is that item failed; None when it did not."""
    request = session.items[index]
    if not isinstance(request, ModelRequest) or not request.is_error:
        return None
    near: dict[int, Item] = {index: request}
    thread = session.threads.get(request.thread) if request.thread is not None else None
    own = range(index + 1, len(session.items)) if thread is None else thread.items
    for place in range(bisect_right(own, index), len(own)):
        item = session.items[own[place]]
        if isinstance(item, ModelRequest | Failure) and item.thread == request.thread:
            near[own[place]] = item
            break
        if thread is None and item.turn != request.turn:
            break
    return request_failures(session.events, near).get(index)


def failures(events: Events, items: Mapping[int, Item]) -> dict[int, TurnError]:
    """What went wrong with each of the items of a turn, by item index."""
    found = request_failures(events, items)
    for position, item in items.items():
        error: TurnError | None = None
        if isinstance(item, Failure):
            error = session_failure(events, item)
        elif isinstance(item, ToolUse):
            error = tool_failure(events, item)
        if error is not None:
            found[position] = error
    return found


def errors_of(found: Mapping[int, TurnError], items: Mapping[int, Item]) -> list[TurnError]:
    """Everything that went wrong in a turn, in order; of its requests what the session says, if anything."""
    said = any(isinstance(item, Failure) for item in items.values())
    told = [
        (items[position].event, error)
        for position, error in found.items()
        if not (said and isinstance(items[position], ModelRequest))
    ]
    return [error for _, error in sorted(told, key=lambda pair: pair[0])]


def turn_errors(session: Session, turn: Turn, latest: int = maxsize) -> list[TurnError]:
    """Everything that went wrong in a turn, what its child threads did in its time included, in order.

    Args:
        session: where it is.
        turn: which.
        latest: of the turn's items so many are looked at, the last.
    """
    following = turn.index + 1
    end = session.turns[following].first_item if following < len(session.turns) else len(session.items)
    items = {
        position: session.items[position]
        for position in range(max(turn.first_item, end - latest), end)
        if session.items[position].thread is None
    }
    floor = float("-inf")
    starts = list(
        accumulate(
            (floor if held.started_at is None else held.started_at for held in session.turns),
            max,
        )
    )
    for thread in session.threads.values():
        for position in thread.items:
            at = session.items[position].at
            if turn.index == (0 if at is None else max(0, bisect_right(starts, at) - 1)):
                items[position] = session.items[position]
    owned = {n: item for n, item in sorted(items.items()) if session.owners[item.event] == n}
    return errors_of(failures(session.events, owned), owned)


def ended_badly(turn: Turn, errors: list[TurnError]) -> str | None:
    """Why the turn has failed, in one line; None when it has not, whatever it recovered from."""
    reason = turn.stop_reason
    session_errors = [error for error in errors if error.tool is None]
    last = session_errors[-1] if session_errors else None
    if reason in BAD_ENDS:
        return last.line if last is not None and last.fatal else f"{_end_category(reason)}: {reason}"
    return last.line if turn.ended and last is not None and last.fatal else None


def _end_category(reason: str | None) -> str:
    return "api_error" if reason in ("retries_exhausted", "budget_reached") else "unknown"
