"""What a timeline row says: from an item of the session to words.

Owns the rows of items that join several events, and `level`: which density shows what, told without
reading any text. Invariants: a row carries a word, never only a colour; reading a row reads only the
events of its item. Times are Unix seconds.
"""

from __future__ import annotations

from cma_tui.content import as_dict, as_text
from cma_tui.event import Event
from cma_tui.report.notes import NOTES, other
from cma_tui.report.words import (
    LINE_CAP,
    Density,
    Row,
    advice,
    agent_name,
    input_summary,
    result_text,
    stop_words,
    tokens,
    tool_outcome,
)
from cma_tui.session.model import Evaluation, Failure, Item, ModelRequest, Session, StatusChange, ToolUse
from cma_tui.text import first_line, size


def row(session: Session, index: int) -> Row | None:
    """What the item says; None when it has nothing to show (another item took its event over)."""
    item = session.items[index]
    if session.owners[item.event] != index:
        return None
    said = _said(session, item, session.events[item.event])
    if item.thread and said.head != (whose := agent_name(session, item.thread)):
        said.thread = whose
    return said


def _said(session: Session, item: Item, event: Event) -> Row:
    if event.type == "local.bad_frame":  # it was one from the start, or its file has lost it since
        return NOTES[event.type](session, item, event)
    match item:
        case ToolUse():
            return _tool(session, item, event)
        case ModelRequest():
            return _model(session, item)
        case Failure():
            return _failure(item)
        case StatusChange():
            return _status(session, item)
        case Evaluation():
            return _evaluation(session, item)
    return NOTES.get(item.type, other)(session, item, event)


def level(session: Session, index: int) -> Density | None:
    """The least density that shows the item; None when nothing does. Reads no text, so it is cheap."""
    item = session.items[index]
    if session.owners[item.event] != index:
        return None
    if isinstance(item, ModelRequest):
        return Density.QUIET if item.is_error else Density.NORMAL
    if isinstance(item, StatusChange):
        return _status_level(item)
    return _LEVELS.get(item.type, Density.QUIET)


def _status_level(item: StatusChange) -> Density:
    if item.type == "session.thread_created":
        return Density.NORMAL
    if item.subject is not None:
        return Density.FULL
    if item.status == "idle":
        return Density.FULL if item.stop_reason in ("end_turn", "requires_action") else Density.QUIET
    return {"running": Density.FULL, "rescheduling": Density.NORMAL}.get(item.status, Density.QUIET)


def is_wrong(session: Session, index: int) -> bool:
    """Whether the item is something that went wrong."""
    item = session.items[index]
    match item:
        case ModelRequest():
            return item.is_error
        case ToolUse():
            return tool_outcome(session, item)[1] == "bad"
        case Failure():
            return True
    if item.type in _HARMLESS:
        return False
    said = row(session, index)
    return said is not None and (said.tone == "error" or said.outcome_tone == "bad")


_HARMLESS = frozenset({"agent.message", "agent.thinking", "system.message", "user.message"})
"""Types whose rows are never of something wrong, so that their texts need not be read."""

_LEVELS = {
    "agent.thinking": Density.FULL,
    "agent.thread_context_compacted": Density.NORMAL,
    "agent.thread_message_received": Density.NORMAL,
    "agent.thread_message_sent": Density.NORMAL,
    "local.connected": Density.FULL,
    "local.disconnected": Density.NORMAL,
    "local.gap": Density.NORMAL,
    "session.updated": Density.NORMAL,
    "session.usage": Density.FULL,
    "system.message": Density.NORMAL,
    "workflow_run.created": Density.NORMAL,
    "workflow_run.phase_ended": Density.FULL,
    "workflow_run.phase_started": Density.NORMAL,
    "workflow_run.status_ended": Density.NORMAL,
    "workflow_run.status_idle": Density.FULL,
    "workflow_run.status_running": Density.FULL,
}
"""Types that are not shown at the least density."""


def _tool(session: Session, use: ToolUse, event: Event) -> Row:
    outcome, tone = tool_outcome(session, use)
    result = result_text(session, use)
    name = f"{use.server}/{use.name}" if use.server else use.name
    aside = ""
    if outcome == "denied":
        reason = (
            as_text(session.events[use.confirmed].data.get("deny_message")) if use.confirmed >= 0 else None
        )
        aside = first_line(reason or result, LINE_CAP)
    elif use.is_error:
        aside = first_line(result, LINE_CAP)
    return Row(
        "tool",
        "tool",
        use.at,
        head=first_line(name, 80),
        text=input_summary(use.name, event.data.get("input")),
        outcome=outcome,
        outcome_tone=tone,
        duration=use.duration,
        figure=size(len(result.encode("utf-8", "replace"))) if use.result >= 0 else "",
        aside=aside,
    )


def _model(session: Session, request: ModelRequest) -> Row:
    usage = request.usage
    text = ""
    if usage is not None:
        prompt = usage.input_tokens + usage.cache_read_input_tokens + usage.cache_creation_input_tokens
        nothing = "" if request.is_error else "nothing read"
        text = f"{round(100 * usage.cache_read_input_tokens / prompt)}% cached" if prompt else nothing
    first = session.first_tokens.get(session.owners[request.event])
    if first is not None:
        text += f"{', ' if text else ''}first token {first:.1f}s"
    failed = request.is_error
    outcome = "failed" if failed else "" if request.closed else "working"
    if request.closed and request.end < 0:
        outcome = "no end seen"
    duration = None
    if request.at is not None and request.ended_at is not None:
        duration = max(0.0, request.ended_at - request.at)
    return Row(
        "model",
        "model",
        request.at,
        text=text,
        outcome=outcome,
        outcome_tone="bad" if failed else "note",
        duration=duration,
        figure=tokens(request),
    )


def _failure(item: Failure) -> Row:
    kind = item.error_type.removesuffix("_error").replace("_", " ")
    outcome, tone = {
        "retrying": ("retrying", "wait"),
        "exhausted": ("gave up", "bad"),
        "terminal": ("terminal", "bad"),
    }.get(item.retry or "", (first_line(item.retry or "", 20), "bad"))
    return Row(
        "error",
        "error",
        item.at,
        head=first_line(kind, 60),
        text=first_line(item.message, LINE_CAP),
        outcome=outcome,
        outcome_tone=tone,
    )


def _status(session: Session, item: StatusChange) -> Row:
    if item.subject is not None and item.subject != session.primary:
        return _thread_status(session, item)
    tone = "note"
    words = item.status
    if item.status == "idle":
        details = as_dict(session.events[item.event].data.get("stop_details"))
        words = stop_words(item.stop_reason, details)
        if item.subject is None and item.stop_reason not in ("end_turn", "requires_action"):
            tone = "bad"
    elif item.subject is None and item.status == "rescheduling":
        words = "interrupted, the server will go on by itself"
    word = "thread" if item.subject is not None else "session"
    head = "primary" if item.subject is not None else ""
    reason = item.status if item.status == "terminated" else item.stop_reason
    aside = advice(reason) if item.subject is None else ""
    return Row(word, "note", item.at, head=head, text=words, outcome_tone=tone, aside=aside)


def _thread_status(session: Session, item: StatusChange) -> Row:
    thread = session.threads.get(item.subject or "")
    created = item.type == "session.thread_created"
    text, outcome, tone = item.status, "", "note"
    duration = None
    if created and thread is not None:
        events = len(thread.items)
        text = f"{events:,} {'row' if events == 1 else 'rows'}" if thread.read else ""
        outcome, tone = _thread_outcome(thread.status, thread.stop_reason)
    elif item.status == "idle":
        text = stop_words(item.stop_reason)
    return Row(
        "thread",
        "thread",
        item.at,
        head=agent_name(session, item.subject),
        text=text,
        outcome=outcome,
        outcome_tone=tone,
        duration=duration,
    )


def _thread_outcome(status: str, reason: str | None) -> tuple[str, str]:
    if status == "idle":
        return ("ok", "ok") if reason in (None, "end_turn") else (stop_words(reason), "wait")
    return ("running", "note") if status in ("running", "unknown") else (status, "note")


def _evaluation(session: Session, item: Evaluation) -> Row:
    outcome, tone = (item.result or "evaluating").replace("_", " "), "note"
    if item.result is not None:
        tone = "ok" if item.result == "satisfied" else "wait" if item.result == "needs_revision" else "bad"
    said = as_text(session.events[item.end].data.get("explanation")) if item.end >= 0 else None
    duration = None if item.at is None or item.ended_at is None else max(0.0, item.ended_at - item.at)
    return Row(
        "outcome",
        "thread",
        item.at,
        head=f"iteration {item.iteration + 1}",
        text=first_line(said or "", LINE_CAP),
        outcome=first_line(outcome, 40),
        outcome_tone=tone,
        duration=duration,
    )
