"""What went wrong, formatted: for the detail of a row, and for everything of one turn.

Owns the words for it. Invariant: every text is printable, and says what it left out.
"""

from __future__ import annotations

import json

from cma_tui.event import stamp_text
from cma_tui.report.words import agent_name
from cma_tui.session.errors import TurnError
from cma_tui.session.model import Session
from cma_tui.text import clock, first_line, printable

_RETRY = {
    "retrying": "the server tries again",
    "exhausted": "the server gave up after retries",
    "terminal": "the server does not try again",
}
_CAP = 4000
"""Characters of an input or an output."""


def error_title(session: Session, error: TurnError) -> str:
    """It in one line: its kind, and what failed."""
    what = error.tool or error.code
    where = f" ({agent_name(session, error.thread)})" if error.thread else ""
    return first_line(f"{error.category}: {what}{where}", 200)


def error_facts(error: TurnError) -> str:
    """Kind, code, time and ids, a line each."""
    lines = [f"category    {error.category}", f"code        {printable(error.code, strict=True, cap=200)}"]
    if error.at is not None:
        lines.append(f"at          {stamp_text(error.at)}  ({clock(error.at)} here)")
    for name, value in (
        ("event", error.event_id),
        ("tool use", error.tool_use_id if error.tool_use_id != error.event_id else None),
        ("thread", error.thread),
        ("server", error.server),
    ):
        if value:
            lines.append(f"{name:<11} {printable(value, strict=True, cap=200)}")
    if error.retry is not None:
        lines.append(f"retry       {_RETRY.get(error.retry) or printable(error.retry, cap=60)}")
    return "\n".join(lines)


def error_text(error: TurnError) -> str:
    """All of it: the facts, then what was said; of a tool its input and its output."""
    parts = [error_facts(error)]
    if error.tool is None:
        parts += _block("message", error.message)
    else:
        parts += _block("input", _arguments(error.input))
        parts += _block("output", error.output or error.message)
    return "\n".join(parts)


def _block(name: str, text: str) -> list[str]:
    if not text.strip():
        return []
    shown = printable(text, lines=True, cap=_CAP).strip("\n")
    left = len(text) - _CAP
    more = [f"            … {left:,} more characters"] if left > 0 else []
    first, *rest = shown.split("\n")
    return [f"{name:<11} {first}", *(f"            {line}" for line in rest), *more]


def _arguments(value: object) -> str:
    if isinstance(value, dict) and len(value) == 1 and isinstance(only := next(iter(value.values())), str):
        return only
    try:
        return json.dumps(value, indent=2, ensure_ascii=False) if value not in (None, {}) else ""
    except (RecursionError, ValueError):
        return "(nested too deeply to show; see the raw event)"
