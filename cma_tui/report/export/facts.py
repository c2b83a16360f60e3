"""What stands at the head of a transcript and of its turns, in words.

Owns the choice of facts and figures. Invariant: every text is one printable line.
"""

from __future__ import annotations

from typing import Any

from cma_tui.event import stamp_text
from cma_tui.report.export.part import Chapter
from cma_tui.report.tables import cost
from cma_tui.report.words import agent_name, stop_words
from cma_tui.session.model import Session
from cma_tui.text import count, duration, first_line

COLUMNS = ("turn", "input", "time", "requests", "tools", "failed", "in", "out", "cost", "end")
"""Of the table of turns."""


def title(session: Session) -> str:
    """What the transcript is called."""
    return first_line(session.title or "", 200) or first_line(session.id or "", 100) or "A session"


def facts(session: Session, figures: dict[str, Any]) -> list[tuple[str, str]]:
    """What there is to know about the session: names and values, the unknown left out."""
    totals, agent = figures["totals"], figures["agent"]
    status = first_line(figures.get("status", ""), 40)
    reason = figures.get("stop_reason")
    errors = totals["errors"]
    written = [
        ("session", session.id),
        ("agent", agent.get("name")),
        ("model", agent.get("model")),
        (
            "begun",
            None
            if session.first_at is None
            else stamp_text(session.first_at)[:19].replace("T", " ") + " UTC",
        ),
        ("status", f"{status}, {stop_words(reason)}" if status and reason else status),
        ("turns", str(totals["turns"])),
        ("model requests", _failing(totals["model_requests"], totals["model_errors"])),
        ("tool uses", _failing(totals["tool_uses"], totals["tool_errors"])),
        ("errors", str(errors) if errors else None),
        ("tokens in", _tokens(totals, "input_tokens", "cache_read_tokens", "cache_write_tokens")),
        ("tokens out", _tokens(totals, "output_tokens")),
        ("time at work", duration(totals["wall_s"]) if "wall_s" in totals else None),
        ("cost", cost(totals) if "cost_usd" in totals else None),
    ]
    return [(name, first_line(value, 200)) for name, value in written if value]


def turn_cells(turn: dict[str, Any]) -> tuple[str, ...]:
    """A turn's figures in the order of `COLUMNS`."""
    return (
        str(turn["index"]),
        first_line(turn.get("input", ""), 120),
        duration(turn.get("wall_s")),
        str(turn["model_requests"]),
        str(turn["tool_uses"]),
        str(turn["tool_errors"]),
        _tokens(turn, "input_tokens", "cache_read_tokens", "cache_write_tokens") or "n/a",
        _tokens(turn, "output_tokens") or "n/a",
        cost(turn),
        stop_words(turn["stop_reason"]) if "stop_reason" in turn else "open",
    )


def heading(session: Session, chapter: Chapter, figures: dict[str, Any]) -> tuple[str, str, str]:
    """A chapter's number or kind, its name, and its figures."""
    if chapter.thread is not None:
        thread = session.threads.get(chapter.thread)
        status = first_line(thread.status, 40) if thread is not None else ""
        return "thread", agent_name(session, chapter.thread), status
    if chapter.turn is None:
        return "before", "before the first turn", ""
    turn = figures["turns"][chapter.turn.index]
    _, said, wall, requests, tools, failed, read, wrote, spent, end = turn_cells(turn)
    calls = (f"model requests {requests}", f"tool uses {tools}")
    parts = [wall, *calls, f"{read} → {wrote}", spent, end]
    if failed != "0":
        parts.insert(3, f"{failed} failed")
    return str(turn["index"]), said or "(no input)", " · ".join(part for part in parts if part != "n/a")


def _failing(number: int, failed: int) -> str:
    return f"{number} ({failed} failed)" if failed else str(number)


def _tokens(row: dict[str, Any], *names: str) -> str | None:
    known = [row[name] for name in names if name in row]
    return count(sum(known)) if known else None
