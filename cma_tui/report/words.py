"""The words of the screen, plain lines and exports: one vocabulary, in one place.

Owns the shape of a row and every word for an outcome or a reason. Invariant: what comes from outside
has passed `printable` before it is in a row. Lengths are characters, durations seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any

import msgspec

from cma_tui.content import as_dict, as_text, compact_json, plain_text
from cma_tui.event import Event
from cma_tui.session.model import ModelRequest, Session, ToolUse
from cma_tui.text import count, first_line, printable

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
    at: float | None
    head: str = ""
    """The name that stands out: a tool's, a thread's."""
    thread: str = ""
    """Whose it is, where it happened in an agent thread beside the primary."""
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
    beyond: int = 0
    """Characters of a message that are not in `text`: it is longer than `BODY_CAP`."""

    @property
    def name(self) -> str:
        """Whose it is, and the name that stands out."""
        return f"{self.thread} {self.head}" if self.thread and self.head else self.thread or self.head


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
    return ("unfinished", "bad") if use.unfinished else ("running", "note")


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
    if item.is_error and not prompt:
        return ""
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


def advice(reason: str | None) -> str:
    """What can be done about a turn that stopped so; empty where nothing needs to be done."""
    return _ADVICE.get(reason or "", "")


_ADVICE = {
    "retries_exhausted": "write to it, and it tries again",
    "budget_reached": "raise it with /budget, then write to go on",
    "refusal": "ask differently: the same words are refused again",
    "terminated": "it has ended: go on in a new session",
}


def _pairs(fields: Mapping[str, Any]) -> list[str]:
    return [f"{k}={v if isinstance(v, str) else compact_json(v)}" for k, v in fields.items()]


def message(word: str, tone: str, at: float | None, text: str) -> Row:
    """The row of a message: its text, printable, as far as a row may hold it."""
    return Row(word, tone, at, text=prose(text), prose=True, beyond=max(0, len(text) - BODY_CAP))


def prose(text: str) -> str:
    """A message for a row: all its lines, printable, without the empty ones around it."""
    return printable(text, lines=True, cap=BODY_CAP).strip("\n")


def policy_words(event: Event) -> str:
    """How the policy decided; empty when the server does not say."""
    evaluation = as_dict(event.data.get("evaluation"))
    kind = as_text(evaluation.get("type"))
    if kind is None:
        return ""
    found = as_dict(evaluation.get("evaluated_permission"))
    reason = as_text(found.get("reason_code")) or as_text(evaluation.get("reason_code"))
    words = {
        "always_ask": "this tool always asks",
        "always_allow": "this tool is always allowed",
        "auto": "decided by the automatic policy",
    }.get(kind, kind)
    return printable(f"{words}{f' ({reason})' if reason else ''}", strict=True, cap=200)
