"""What waits for an answer, and what exactly is asked.

Owns when an answer still fits: it holds for the tool use as it was drawn, and for no other. Invariant: all
that a tool would be given is said, in words that are safe to show.
"""

from __future__ import annotations

import json
from typing import NamedTuple

from cma_tui.content import as_dict
from cma_tui.event import Event
from cma_tui.session.model import Session, ToolUse
from cma_tui.text import printable
from cma_tui.ui.cells import wrap

LONGEST = 200_000
"""Characters of a payload that are shown; a longer one is read in its row's detail, and is never allowed."""


class Asked(NamedTuple):
    """What was on the screen: an answer holds for exactly that."""

    key: str
    raw: bytes


def waiting_uses(session: Session) -> tuple[list[ToolUse], list[ToolUse]]:
    """What waits for a confirmation, and what for the result of a custom tool; oldest first."""
    uses = session.asks
    return (
        [use for use in uses if use.awaited == "confirmation"],
        [use for use in uses if use.awaited == "custom_result"],
    )


def asked_of(session: Session, use: ToolUse) -> Asked:
    """What is asked, as it stands now."""
    return Asked(use.key, session.events[use.event].raw)


def still_asked(session: Session, asked: Asked | None) -> bool:
    """Whether the tool use still waits, unchanged since it was drawn: looked at right before sending."""
    if asked is None:
        return False
    use = awaited_use(session, asked.key)
    return use is not None and session.events[use.event].raw == asked.raw and use.confirmation is None


def awaited_use(session: Session, key: str) -> ToolUse | None:
    """The tool use of that key, while it waits."""
    index = session.pending.get(key)
    use = session.items[index] if index is not None else None
    return use if isinstance(use, ToolUse) else None


def tool_name(use: ToolUse) -> str:
    """The tool, with its server."""
    return f"{use.server}/{use.name}" if use.server else use.name


def payload_lines(event: Event, width: int) -> list[str]:
    """Everything the tool would be given, one field a line, wrapped."""
    return wrap(printable(_payload(event.data.get("input")), lines=True, strict=True, cap=LONGEST), width)


def _payload(arguments: object) -> str:
    fields = as_dict(arguments)
    if not fields:
        return json.dumps(arguments, ensure_ascii=False)
    return "\n".join(
        f"{name}: {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"
        for name, value in fields.items()
    )
