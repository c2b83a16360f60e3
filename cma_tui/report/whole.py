"""An item to take along: all its text, or its events as JSON.

Owns what is taken. Invariant: text is whole, as it was meant rather than as it is drawn, and nothing in it
can control a terminal or hide in a paste.
"""

from __future__ import annotations

import json

from cma_tui.content import as_dict, as_text, plain_text
from cma_tui.event import decode
from cma_tui.report.find import WHOLE, ordinals, uncut
from cma_tui.report.rows import row
from cma_tui.report.words import result_text
from cma_tui.session.model import Session, ToolUse
from cma_tui.text import DANGEROUS, printable


def whole_text(session: Session, index: int) -> str:
    """A message as it was written; of a tool use its input and its result; of anything else its row."""
    item = session.items[index]
    event = session.events[item.event]
    shown = row(session, index)
    if shown is None:
        return ""
    if isinstance(item, ToolUse):
        result = result_text(session, item)
        parts = [_input(event.data.get("input")), result]
        return uncut("\n\n".join(part.strip("\n") for part in parts if part))
    text = plain_text(event.content)
    if shown.prose and text:
        return uncut(text)
    said = " ".join(part for part in (shown.name, shown.text, shown.outcome) if part)
    return "\n".join(part for part in (said, shown.aside) if part)


def whole_json(session: Session, index: int) -> str:
    """The events of an item, one JSON object a line, as they came."""
    return "\n".join(_json(session.events[n].raw) for n in ordinals(session.items[index]))


def _input(arguments: object) -> str:
    """A lone text as it is, anything else as JSON."""
    values = list(as_dict(arguments).values())
    if len(values) == 1 and (lone := as_text(values[0])) is not None:
        return lone
    try:
        return json.dumps(arguments, indent=2, ensure_ascii=False) if arguments else ""
    except RecursionError:
        return "(nested too deeply to show)"


def _json(raw: bytes) -> str:
    text = raw.decode("utf-8", "replace")
    if DANGEROUS.search(text) is None:
        return text
    value = decode(raw)
    try:
        return json.dumps(value) if value is not None else printable(text, cap=WHOLE)
    except RecursionError:
        return printable(text, cap=WHOLE)
