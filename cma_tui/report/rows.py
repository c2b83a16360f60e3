"""What a timeline row says, in words: the one vocabulary of the screen, plain lines and exports.

Owns the choice of words, summaries and outcomes for every kind of item. Invariants: a row carries a
word, never only a colour; every text from outside has passed `printable`; reading a row reads only
the events of its item. Lengths are characters, times Unix seconds, durations seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import IntEnum
from typing import Any

import msgspec

from cma_tui.content import as_dict, as_list, as_number, as_text, compact_json, plain_text
from cma_tui.event import Event
from cma_tui.session.model import (
    Evaluation,
    Failure,
    Item,
    ModelRequest,
    Session,
    StatusChange,
    ToolUse,
)
from cma_tui.text import count, first_line, printable, size

BODY_CAP = 64_000
"""Characters of one text that a row may hold; the rest is in the detail."""
LINE_CAP = 400


class Density(IntEnum):
    """How much of a session is on the screen: only what was said and done, the work too, or everything."""

    QUIET = 0
    NORMAL = 1
    FULL = 2


class Row(msgspec.Struct, gc=False):
    """One row, before it has a width or a colour."""

    word: str
    """What it is: you, agent, tool, model, error, thread…"""
    tone: str
    """Which family of colours it belongs to: you, agent, tool, model, error, thread, note."""
    level: Density
    """The least density that shows it."""
    at: float | None
    head: str = ""
    """The name that stands out: a tool's, a thread's."""
    text: str = ""
    """One line; for messages the whole text, with line ends."""
    prose: bool = False
    """Whether `text` is a message, to be wrapped, rather than a line, to be cut."""
    outcome: str = ""
    outcome_tone: str = "note"
    """ok, bad, wait or note."""
    duration: float | None = None
    figure: str = ""
    """Size or tokens."""
    aside: str = ""
    """A second line: why it failed, what was answered."""


def row(session: Session, index: int) -> Row | None:
    """What the item says; None when it has nothing to show (another item took its event over)."""
    item = session.items[index]
    if session.owners[item.event] != index:
        return None
    event = session.events[item.event]
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
    return _PLAIN.get(item.type, _other)(session, item, event)


def input_summary(name: str, arguments: object) -> str:
    """A tool's input on one printable line: the command of a shell, the path of a file, else its fields."""
    fields = as_dict(arguments)
    lead = next(
        (
            fields[k]
            for k in ("command", "file_path", "path", "pattern", "query", "url")
            if as_text(fields.get(k))
        ),
        None,
    )
    if lead is not None:
        rest = {k: v for k, v in fields.items() if v is not lead} if name != "bash" else {}
        return first_line(" ".join([str(lead), *_pairs(rest)]), LINE_CAP)
    if fields:
        return first_line(" ".join(_pairs(fields)), LINE_CAP)
    return "" if arguments in ({}, None) else first_line(compact_json(arguments), LINE_CAP)


def result_text(session: Session, use: ToolUse) -> str:
    """The text of a tool's result as it came; empty while there is none."""
    return plain_text(session.events[use.result].content) if use.result >= 0 else ""


def tool_outcome(session: Session, use: ToolUse) -> tuple[str, str]:
    """How a tool use stands: a word and its tone."""
    if use.result >= 0:
        if use.confirmation == "deny" or use.permission == "deny":
            return "denied", "bad"
        return ("failed", "bad") if use.is_error else ("ok", "ok")
    match use.awaited:
        case "confirmation":
            return "needs your answer", "wait"
        case "custom_result":
            return "waits for host", "wait"
        case "host_result":
            return "waits for worker", "wait"
    if use.confirmation == "deny":
        return "denied", "bad"
    ended = use.turn >= 0 and session.turns[use.turn].ended
    return ("unfinished", "bad") if ended and use.thread is None else ("running", "note")


def agent_name(session: Session, thread: str | None) -> str:
    """A thread's agent, printable, for a badge."""
    held = session.threads.get(thread or "")
    name = held.agent_name if held is not None else None
    return first_line(name or thread or "", 40)


def tokens(item: ModelRequest) -> str:
    """What a model request read and wrote, as `18.2k → 412`."""
    usage = item.usage
    if usage is None:
        return ""
    prompt = usage.input_tokens + usage.cache_read_input_tokens + usage.cache_creation_input_tokens
    return f"{count(prompt)} → {count(usage.output_tokens)}"


def stop_words(reason: str | None, details: Mapping[str, Any] | None = None) -> str:
    """Why a turn stopped, in words; a reason we do not know is shown as it is."""
    if reason == "refusal" and details:
        parts = [as_text(details.get("category")), as_text(details.get("explanation"))]
        said = ": ".join(part for part in parts if part)
        return first_line(f"refused, {said}" if said else "refused", LINE_CAP)
    return _STOP_WORDS.get(reason or "") or first_line(reason or "unknown", 60)


_STOP_WORDS = {
    "end_turn": "end of turn",
    "requires_action": "needs an answer",
    "retries_exhausted": "gave up after retries",
    "budget_reached": "budget reached",
    "refusal": "refused",
    "terminated": "terminated",
    "deleted": "deleted",
}


def _pairs(fields: Mapping[str, Any]) -> list[str]:
    return [f"{k}={v if isinstance(v, str) else compact_json(v)}" for k, v in fields.items()]


def _prose(text: str) -> str:
    return printable(text, lines=True, cap=BODY_CAP).strip("\n")


# -- items that join several events ------------------------------------------------------------------


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
        Density.QUIET,
        use.at,
        head=first_line(f"{agent_name(session, use.thread)} {name}" if use.thread else name, 80),
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
        text = f"{round(100 * usage.cache_read_input_tokens / prompt)}% cached" if prompt else "nothing read"
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
        Density.QUIET if failed else Density.NORMAL,
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
        Density.QUIET,
        item.at,
        head=first_line(kind, 60),
        text=first_line(item.message, LINE_CAP),
        outcome=outcome,
        outcome_tone=tone,
    )


def _status(session: Session, item: StatusChange) -> Row:
    if item.subject is not None and item.subject != session.primary:
        return _thread_status(session, item)
    level, tone = Density.FULL, "note"
    words = item.status
    if item.status == "idle":
        details = as_dict(session.events[item.event].data.get("stop_details"))
        words = stop_words(item.stop_reason, details)
        if item.subject is None and item.stop_reason not in ("end_turn", "requires_action"):
            level, tone = Density.QUIET, "bad"
    elif item.subject is None and item.status in ("terminated", "deleted"):
        level = Density.QUIET
    elif item.subject is None and item.status == "rescheduling":
        level, words = Density.NORMAL, "interrupted, the server will go on by itself"
    word = "thread" if item.subject is not None else "session"
    head = "primary" if item.subject is not None else ""
    return Row(word, "note", level, item.at, head=head, text=words, outcome_tone=tone)


def _thread_status(session: Session, item: StatusChange) -> Row:
    thread = session.threads.get(item.subject or "")
    created = item.type == "session.thread_created"
    text, outcome, tone = item.status, "", "note"
    duration = None
    if created and thread is not None:
        events = len(thread.items)
        text = f"{events} rows" if thread.read else "its own events are not loaded"
        outcome, tone = _thread_outcome(thread.status, thread.stop_reason)
    elif item.status == "idle":
        text = stop_words(item.stop_reason)
    return Row(
        "thread",
        "thread",
        Density.NORMAL if created else Density.FULL,
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
        Density.QUIET,
        item.at,
        head=f"iteration {item.iteration + 1}",
        text=first_line(said or "", LINE_CAP),
        outcome=first_line(outcome, 40),
        outcome_tone=tone,
        duration=duration,
    )


# -- items of one event ----------------------------------------------------------------------------------


def _user(session: Session, item: Item, event: Event) -> Row:
    return Row("you", "you", Density.QUIET, item.at, text=_prose(plain_text(event.content)), prose=True)


def _agent(session: Session, item: Item, event: Event) -> Row:
    word = agent_name(session, item.thread) if item.thread else "agent"
    return Row(word, "agent", Density.QUIET, item.at, text=_prose(plain_text(event.content)), prose=True)


def _system(session: Session, item: Item, event: Event) -> Row:
    return Row("system", "note", Density.NORMAL, item.at, text=_prose(plain_text(event.content)), prose=True)


def _outcome(session: Session, item: Item, event: Event) -> Row:
    data = event.data
    held = session.outcomes.get(as_text(data.get("outcome_id")) or event.key)
    result = held.result if held is not None else None
    said = as_text(data.get("description")) or ""
    return Row(
        "you",
        "you",
        Density.QUIET,
        item.at,
        head="outcome",
        text=_prose(said),
        prose=True,
        outcome=first_line((result or "").replace("_", " "), 40),
    )


def _interrupt(session: Session, item: Item, event: Event) -> Row:
    subject = event.session_thread_id
    whom = "everything" if subject is None else agent_name(session, subject)
    return Row("you", "you", Density.QUIET, item.at, head="interrupt", text=whom, outcome_tone="bad")


def _thinking(session: Session, item: Item, event: Event) -> Row:
    return Row(
        "thinks",
        "model",
        Density.FULL,
        item.at,
        text=_prose(as_text(event.data.get("text")) or ""),
        prose=True,
    )


def _between_threads(session: Session, item: Item, event: Event) -> Row:
    sent = item.type.endswith("_sent")
    data = event.data
    name = as_text(data.get("to_agent_name" if sent else "from_agent_name")) or "the primary agent"
    return Row(
        "thread",
        "thread",
        Density.NORMAL,
        item.at,
        head=first_line(("to " if sent else "from ") + name, 60),
        text=first_line(plain_text(event.content), LINE_CAP),
    )


def _compacted(session: Session, item: Item, event: Event) -> Row:
    return Row(
        "context", "note", Density.NORMAL, item.at, text="compacted: earlier conversation was summarised"
    )


def _usage(session: Session, item: Item, event: Event) -> Row:
    usage = as_dict(event.data.get("usage"))
    cost = as_dict(usage.get("list_cost")).get("amount")
    text = f"in {count(as_number(usage.get('input_tokens')))}, out {count(as_number(usage.get('output_tokens')))}"
    return Row("usage", "note", Density.FULL, item.at, text=first_line(f"{text}, list cost {cost}", LINE_CAP))


def _updated(session: Session, item: Item, event: Event) -> Row:
    changed = [k for k in event.data if k not in ("id", "type", "processed_at")]
    return Row(
        "session",
        "note",
        Density.NORMAL,
        item.at,
        head="updated",
        text=first_line(", ".join(changed), LINE_CAP),
    )


def _workflow(session: Session, item: Item, event: Event) -> Row:
    data = event.data
    run = session.runs.get(as_text(data.get("workflow_run_id")) or "")
    name = first_line((run.name if run else None) or "workflow", 60)
    step = item.type.removeprefix("workflow_run.")
    words, level, tone = step.replace("status_", "").replace("_", " "), Density.NORMAL, "note"
    text = ""
    if step.startswith("phase"):
        phase = as_text(data.get("workflow_run_phase_id")) or ""
        text = (run.phases.get(phase) if run else None) or phase
    elif step == "created":
        text = ", ".join(str(as_dict(p).get("name")) for p in as_list(data.get("phases")))
    elif step == "error":
        text, level, tone = as_text(as_dict(data.get("error")).get("message")) or "", Density.QUIET, "bad"
    elif step == "status_ended":
        words = as_text(as_dict(data.get("result")).get("type")) or "ended"
        tone = "bad" if words == "error" else "ok"
    elif step in ("status_running", "status_idle"):
        level = Density.FULL
    return Row(
        "workflow",
        "thread",
        level,
        item.at,
        head=name,
        text=first_line(text, LINE_CAP),
        outcome=first_line(words, 40),
        outcome_tone=tone,
    )


def _connection(session: Session, item: Item, event: Event) -> Row:
    data = event.data
    up = item.type == "local.connected"
    text = "connected" if up else f"connection lost: {as_text(data.get('reason')) or 'no reason given'}"
    return Row("stream", "note", Density.FULL, event.received_at, text=first_line(text, LINE_CAP))


def _bad_frame(session: Session, item: Item, event: Event) -> Row:
    sample = event.raw[:200].decode("utf-8", "replace")
    return Row(
        "broken",
        "error",
        Density.QUIET,
        event.received_at,
        head=event.name or "not an event",
        text=first_line(sample, 200),
        figure=size(len(event.raw)),
    )


def _early_answer(session: Session, item: Item, event: Event) -> Row:
    """A result or confirmation whose tool use is not in the log."""
    return Row(
        "tool",
        "tool",
        Density.QUIET,
        item.at,
        head="answer to an unseen call",
        text=first_line(plain_text(event.content), LINE_CAP),
        outcome="failed" if event.is_error else "",
        outcome_tone="bad" if event.is_error else "note",
    )


def _other(session: Session, item: Item, event: Event) -> Row:
    fields = {k: v for k, v in event.data.items() if k not in ("type", "id", "processed_at")}
    return Row(
        "other",
        "note",
        Density.QUIET,
        item.at,
        head=first_line(item.type, 60),
        text=first_line(compact_json(fields), LINE_CAP),
    )


_PLAIN: Mapping[str, Callable[[Session, Item, Event], Row]] = {
    "agent.custom_tool_result": _early_answer,
    "agent.mcp_tool_result": _early_answer,
    "agent.message": _agent,
    "agent.thinking": _thinking,
    "agent.thread_context_compacted": _compacted,
    "agent.thread_message_received": _between_threads,
    "agent.thread_message_sent": _between_threads,
    "agent.tool_result": _early_answer,
    "local.bad_frame": _bad_frame,
    "local.connected": _connection,
    "local.disconnected": _connection,
    "session.updated": _updated,
    "session.usage": _usage,
    "system.message": _system,
    "user.custom_tool_result": _early_answer,
    "user.define_outcome": _outcome,
    "user.interrupt": _interrupt,
    "user.message": _user,
    "user.tool_confirmation": _early_answer,
    "user.tool_result": _early_answer,
    **{
        f"workflow_run.{step}": _workflow
        for step in (
            "created",
            "error",
            "phase_ended",
            "phase_started",
            "status_ended",
            "status_idle",
            "status_running",
        )
    },
}
