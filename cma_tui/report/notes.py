"""Rows of items that are one event: messages, notes of status, answers to unseen calls, the unknown.

Owns one small function a kind, in `NOTES`. Invariant: every function is total over damaged events.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cma_tui.content import as_dict, as_list, as_number, as_text, compact_json, plain_text
from cma_tui.event import Event
from cma_tui.report.words import LINE_CAP, Row, agent_name, message, prose
from cma_tui.session.cost import usd
from cma_tui.session.model import Item, Session
from cma_tui.text import count, first_line, money, size


def _user(session: Session, item: Item, event: Event) -> Row:
    return message("you", "you", item.at, plain_text(event.content))


def _agent(session: Session, item: Item, event: Event) -> Row:
    return message("agent", "agent", item.at, plain_text(event.content))


def _system(session: Session, item: Item, event: Event) -> Row:
    return message("system", "note", item.at, plain_text(event.content))


def _outcome(session: Session, item: Item, event: Event) -> Row:
    data = event.data
    held = session.outcomes.get(as_text(data.get("outcome_id")) or event.key)
    result = held.result if held is not None else None
    said = as_text(data.get("description")) or ""
    return Row(
        "you",
        "you",
        item.at,
        head="outcome",
        text=prose(said),
        prose=True,
        outcome=first_line((result or "").replace("_", " "), 40),
    )


def _interrupt(session: Session, item: Item, event: Event) -> Row:
    subject = event.session_thread_id
    whom = "everything" if subject is None else agent_name(session, subject)
    return Row("you", "you", item.at, head="interrupt", text=whom, outcome_tone="bad")


def _thinking(session: Session, item: Item, event: Event) -> Row:
    return message("thinks", "model", item.at, as_text(event.data.get("text")) or "")


def _between_threads(session: Session, item: Item, event: Event) -> Row:
    sent = item.type.endswith("_sent")
    data = event.data
    name = as_text(data.get("to_agent_name" if sent else "from_agent_name")) or "the primary agent"
    return Row(
        "thread",
        "thread",
        item.at,
        head=first_line(("to " if sent else "from ") + name, 60),
        text=first_line(plain_text(event.content), LINE_CAP),
    )


def _compacted(session: Session, item: Item, event: Event) -> Row:
    return Row("context", "note", item.at, text="compacted: earlier conversation was summarised")


def _usage(session: Session, item: Item, event: Event) -> Row:
    usage = as_dict(event.data.get("usage"))
    read, wrote = (count(as_number(usage.get(name))) for name in ("input_tokens", "output_tokens"))
    text = f"in {read}, out {wrote}"
    return Row("usage", "note", item.at, text=f"{text}, list cost {money(usd(usage.get('list_cost')))}")


def _updated(session: Session, item: Item, event: Event) -> Row:
    data = event.data
    changed = [k for k in data if k not in ("id", "type", "processed_at", "title", "budget")]
    if "title" in data:
        changed.insert(0, f"title: {as_text(data['title']) or 'none'}")
    if "budget" in data:
        limit = usd(as_dict(data["budget"]).get("max_list_cost"))
        changed.append(f"budget: {money(limit) if limit is not None else 'none'}")
    return Row(
        "session",
        "note",
        item.at,
        head="updated",
        text=first_line(", ".join(changed), LINE_CAP),
    )


def _workflow(session: Session, item: Item, event: Event) -> Row:
    data = event.data
    run = session.runs.get(as_text(data.get("workflow_run_id")) or "")
    name = first_line((run.name if run else None) or "workflow", 60)
    step = item.type.removeprefix("workflow_run.")
    words, tone = step.replace("status_", "").replace("_", " "), "note"
    text = ""
    if step.startswith("phase"):
        phase = as_text(data.get("workflow_run_phase_id")) or ""
        text = (run.phases.get(phase) if run else None) or phase
    elif step == "created":
        text = ", ".join(str(as_dict(p).get("name")) for p in as_list(data.get("phases")))
    elif step == "error":
        text, tone = as_text(as_dict(data.get("error")).get("message")) or "", "bad"
    elif step == "status_ended":
        text, words = "ended", as_text(as_dict(data.get("result")).get("type")) or ""
        tone = "bad" if words == "error" else "ok"
    return Row(
        "workflow",
        "thread",
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
    return Row("stream", "note", event.received_at, text=first_line(text, LINE_CAP))


def _gap(session: Session, item: Item, event: Event) -> Row:
    found = as_number(event.data.get("found")) or 0
    text = f"gap of {found:.0f} {'event' if found == 1 else 'events'} found in the history and filled"
    return Row("stream", "note", event.received_at, text=text)


def _notice(session: Session, item: Item, event: Event) -> Row:
    return Row("stream", "note", event.received_at, text=first_line(str(event.data.get("text")), LINE_CAP))


def _bad_frame(session: Session, item: Item, event: Event) -> Row:
    sample = event.raw[:200].decode("utf-8", "replace")
    return Row(
        "broken",
        "error",
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
        item.at,
        head="answer to an unseen call",
        text=first_line(plain_text(event.content), LINE_CAP),
        outcome="failed" if event.is_error else "",
        outcome_tone="bad" if event.is_error else "note",
    )


def other(session: Session, item: Item, event: Event) -> Row:
    """A type we do not know: its name and its fields."""
    fields = {k: v for k, v in event.data.items() if k not in ("type", "id", "processed_at")}
    return Row(
        "other",
        "note",
        item.at,
        head=first_line(item.type, 60),
        text=first_line(compact_json(fields), LINE_CAP),
    )


NOTES: Mapping[str, Callable[[Session, Item, Event], Row]] = {
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
    "local.gap": _gap,
    "local.notice": _notice,
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
