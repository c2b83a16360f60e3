"""Owns the events of a tool use: what the model asks, what the tool gives, what the scene learns of it.

Invariant: a result names its call by the key of its own type, and a denied call's result repeats the reason.
"""

from __future__ import annotations

from cma_tui.simulator.script import Answer, Custom, Use
from cma_tui.simulator.store import RESULT_KEYS, Call, Event, Session

_INTERRUPTED = "Tool execution was interrupted before completion. Please retry."


def denied(call: Call) -> bool:
    """Somebody said no."""
    return call.confirmation is not None and call.confirmation["result"] == "deny"


def use_event(session: Session, block: Use | Custom) -> Event:
    """The event of a tool use."""
    event: Event = {"id": session.ids.new("sevt"), "name": block.name, "input": block.input}
    if isinstance(block, Custom):
        return {**event, "type": "agent.custom_tool_use"}
    event["evaluated_permission"] = "ask" if block.ask else "allow"
    event["evaluation"] = {"type": "always_ask" if block.ask else "always_allow"}
    if block.server is not None:
        return {**event, "type": "agent.mcp_tool_use", "mcp_server_name": block.server}
    return {**event, "type": "agent.tool_use"}


def interrupted_result(call: Call) -> Event:
    """The result of a call that an interrupt caught."""
    return _result_event(call, _INTERRUPTED, is_error=True)


def script_result(block: Use, call: Call) -> Event:
    """The result the script has for a call, or the refusal of whoever denied it."""
    if not denied(call):
        return _result_event(call, block.result, is_error=block.fails)
    text = f"Permission to use {call.full_name} has been rejected."
    if reason := _deny_message(call):
        text += f" Rejection message: {reason}"
    return _result_event(call, text, is_error=True)


def _result_event(call: Call, text: str, *, is_error: bool) -> Event:
    """The event of a built-in or MCP tool's result."""
    kind = "agent.mcp_tool_result" if call.kind == "mcp" else "agent.tool_result"
    return {
        "type": kind,
        RESULT_KEYS[kind]: call.id,
        "content": [{"type": "text", "text": text}],
        "is_error": is_error,
    }


def _deny_message(call: Call) -> str:
    return str((call.confirmation or {}).get("deny_message") or "")


def answer(call: Call) -> Answer:
    """What the scene learns of a call that has ended."""
    result = call.result or {}
    text = "\n".join(b["text"] for b in result.get("content") or [] if b["type"] == "text")
    return Answer(text, bool(result.get("is_error")), _deny_message(call) if denied(call) else None)
