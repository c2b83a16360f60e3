"""Events as the messages of a conversation: role and content, the shape that Braintrust's views read.

Owns what a model request was given and what it gave. Invariant: a request's input is only what is new
since the request before it in the same thread, so that a long session is not sent over and over.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from cma_tui.content import as_dict, as_text, compact_json
from cma_tui.event import Event, decode
from cma_tui.mirror.cut import Cut
from cma_tui.session.model import Item, ModelRequest, ToolUse

Message = dict[str, Any]

_HEARD = frozenset({"user.message", "user.define_outcome", "system.message", "agent.thread_message_received"})
_SAID = frozenset({"agent.message", "agent.thread_message_sent"})


class Exchange(msgspec.Struct):
    """What one model request was given and what it gave."""

    given: list[Message] = msgspec.field(default_factory=list)
    gave: list[Any] = msgspec.field(default_factory=list)


def content(event: Event) -> Any:  # noqa: ANN401 - JSON is any
    """The content of an event, block by block; a bare string becomes a block."""
    raw = bytes(event.content)
    value = decode(raw) if raw else None
    if isinstance(value, str):
        return [{"type": "text", "text": value}]
    return value if isinstance(value, list) else [] if value is None else [value]


def heard(event: Event) -> Message:
    """A message that the model reads."""
    if event.type == "user.define_outcome":
        return {"role": "user", "content": [{"type": "text", "text": outcome_text(event)}]}
    role = "system" if event.type == "system.message" else "user"
    return {"role": role, "content": content(event)}


def outcome_text(event: Event) -> str:
    """What an outcome asks for."""
    data = event.data
    rubric = data.get("rubric")
    text = as_text(rubric) or as_text(as_dict(rubric).get("content")) or as_text(as_dict(rubric).get("text"))
    if text is None and rubric:
        text = compact_json(rubric)
    parts = [as_text(data.get("description")), text]
    return "\n\n".join(part for part in parts if part)


def tool_input(event: Event) -> Any:  # noqa: ANN401 - JSON is any
    """What a tool was called with."""
    return event.data.get("input")


def use_block(cut: Cut, use: ToolUse) -> dict[str, Any]:
    """A tool use, as it stands in a message."""
    return {
        "type": "tool_use",
        "id": use.key,
        "name": use.name,
        "input": tool_input(cut.events[use.event]),
    }


def result_block(cut: Cut, use: ToolUse) -> dict[str, Any]:
    """A tool's result, as it stands in a message."""
    block: dict[str, Any] = {
        "type": "tool_result",
        "tool_use_id": use.key,
        "content": content(cut.events[use.result]),
    }
    return block | {"is_error": True} if use.is_error else block


def exchanges(cut: Cut) -> dict[int, Exchange]:
    """For each model request of the turn, by its item index, what it was given and what it gave."""
    threads: dict[str | None, list[tuple[int, int, bool]]] = {}
    for position, item in cut.items.items():
        events = threads.setdefault(item.thread, [])
        events.append((item.event, position, False))
        if isinstance(item, ToolUse) and item.result >= 0:
            events.append((item.result, position, True))
    found: dict[int, Exchange] = {}
    for events in threads.values():
        events.sort()
        _walk(cut, events, found)
    return found


def _walk(cut: Cut, events: Iterable[tuple[int, int, bool]], found: dict[int, Exchange]) -> None:
    waiting: list[Message] = []
    now: Exchange | None = None
    for _, position, is_result in events:
        item = cut.items[position]
        if is_result and isinstance(item, ToolUse):
            _add(waiting, "user", [result_block(cut, item)])
        elif isinstance(item, ModelRequest):
            now = found[position] = Exchange(given=waiting)
            waiting = []
        elif isinstance(item, ToolUse):
            if now is not None:
                now.gave.append(use_block(cut, item))
        elif item.type in _HEARD:
            message = heard(cut.events[item.event])
            _add(waiting, message["role"], message["content"])
        elif item.type in _SAID and now is not None:
            now.gave.extend(content(cut.events[item.event]))


def turn_input(cut: Cut) -> list[Message]:
    """What the user said in the turn; what other threads said, where the user said nothing."""
    asked = [cut.items[index] for index in cut.turn.inputs if index in cut.items]
    if not asked:
        asked = [
            item
            for item in cut.items.values()
            if item.type == "agent.thread_message_received" and item.thread is None
        ]
    return [heard(cut.events[item.event]) for item in sorted(asked, key=_place)]


def turn_output(cut: Cut, thread: str | None = None) -> list[Message]:
    """What the agent said and did in the turn, with what its tools said, in order."""
    events: list[tuple[int, int, bool]] = []
    for position, item in cut.items.items():
        if item.thread == thread and (item.type == "agent.message" or isinstance(item, ToolUse)):
            events.append((item.event, position, False))
            if isinstance(item, ToolUse) and item.result >= 0:
                events.append((item.result, position, True))
    messages: list[Message] = []
    for _, position, is_result in sorted(events):
        item = cut.items[position]
        if not isinstance(item, ToolUse):
            _add(messages, "assistant", content(cut.events[item.event]))
        elif is_result:
            _add(messages, "user", [result_block(cut, item)])
        else:
            _add(messages, "assistant", [use_block(cut, item)])
    return messages


def _add(messages: list[Message], role: str, blocks: list[Any]) -> None:
    """Append blocks; consecutive ones of one role are one message."""
    if messages and messages[-1]["role"] == role:
        messages[-1]["content"] = [*messages[-1]["content"], *blocks]
    else:
        messages.append({"role": role, "content": blocks})


def _place(item: Item) -> int:
    return item.event
