"""Rows of the overview in words: for the screen, for pipes, as JSON.

Owns how a session is told in one line. Invariants: what comes from outside has passed `printable`; a figure
that is not known is empty, or absent from JSON; the columns of plain lines keep their place.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NamedTuple

from cma_tui.report.words import input_summary, stop_words
from cma_tui.session import entry as standings
from cma_tui.session.entry import Entry
from cma_tui.session.tally import Totals
from cma_tui.text import count, first_line, money, printable

_TONES = {
    standings.NEEDS_YOU: "wait",
    standings.NEEDS_HOST: "tool",
    standings.FAILED: "bad",
    standings.RUNNING: "ok",
    standings.RETRYING: "wait",
    standings.SAVED: "thread",
}
BARS = " ▁▂▃▄▅▆▇█"
SPARK_STEP = 10.0
"""Seconds of one cell of the sparkline."""


class Summary(NamedTuple):
    """One session in words."""

    state: str
    tone: str
    agent: str
    title: str
    tool: str
    """The tool that waits or runs, or why it failed; with what it is given, in the words of a row."""
    age: str
    tokens: str
    cost: str
    rate: str
    threads: str


def summary(entry: Entry, now: float) -> Summary:
    """A session in words."""
    standing = entry.standing
    burn = entry.burn
    at = entry.last_at
    return Summary(
        entry.word,
        _TONES.get(standing, "note"),
        first_line(entry.agent, 60),
        first_line(entry.title, 300)
        or printable(entry.id if entry.path is None else "", strict=True, cap=80),
        doing(entry),
        "" if at is None else age(max(0.0, now - at)),
        "" if entry.tokens is None else count(entry.tokens),
        "" if entry.cost is None else money(entry.cost),
        "" if not burn else money(burn),
        str(entry.threads) if entry.threads else "",
    )


def doing(entry: Entry) -> str:
    """What a session waits for or does, or why it stopped."""
    tool = entry.tool
    if tool is not None and entry.log is not None:
        given = input_summary(tool.name, entry.log.events[tool.event].data.get("input"))
        return f"{first_line(tool.name, 40)}  {given}".rstrip()
    if entry.standing == standings.FAILED and entry.log is not None:
        return stop_words(entry.log.stop_reason, entry.log.stop_details)
    return "model" if entry.thinks else ""


def age(seconds: float) -> str:
    """A length of time in at most four characters: 12s, 4m, 5h, 3d."""
    for limit, unit, size in ((60, "s", 1), (3600, "m", 60), (2 * 86_400, "h", 3600)):
        if seconds < limit:
            return f"{int(seconds // size)}{unit}"
    return f"{min(9999, int(seconds // 86_400))}d"


def spark(entry: Entry, now: float, cells: int) -> str:
    """How much happened in each stretch of the last minutes; empty where nothing did."""
    since = (now // SPARK_STEP + 1) * SPARK_STEP - cells * SPARK_STEP
    counts = entry.active(since, SPARK_STEP, cells)
    most = max(counts)
    if not most:
        return ""
    return "".join(BARS[-(-number * (len(BARS) - 1) // max(4, most))] for number in counts)


def totals_words(totals: Totals) -> list[tuple[int, str, str]]:
    """What all sessions come to: the most urgent first, each with its weight (0 the most) and its tone."""
    parts = []
    if totals.waiting:
        parts.append((0, f"{totals.waiting} need{'s' if totals.waiting == 1 else ''} you", "wait"))
    if totals.running:
        parts.append((2, f"{totals.running} running", "ok"))
    if totals.failed:
        parts.append((1, f"{totals.failed} failed", "bad"))
    parts.append((4, f"{totals.sessions:,} session{'' if totals.sessions == 1 else 's'}", "note"))
    if totals.unread:
        parts.append((6, f"{totals.unread:,} not read yet", "note"))
    parts.append((3, f"today {'at least ' if totals.at_least else ''}{money(totals.today)}", "note"))
    return parts


def plain(entry: Entry) -> str:
    """A session as a line of stable columns: id, state, last activity, cost, tokens, agent, tool, title."""
    told = summary(entry, 0.0)
    tool = entry.tool
    columns = (
        f"{printable(entry.id, strict=True, cap=60):<29}",
        f"{told.state.replace(' ', '-'):<10}",
        _moment(entry.last_at),
        f"{told.cost or '-':>9}",
        f"{told.tokens or '-':>6}",
        f"{told.agent.replace(' ', '_') or '-':<20}",
        f"{first_line(tool.name, 40) if tool is not None else '-':<12}",
        first_line(entry.title, 300),
    )
    return "  ".join(columns).rstrip()


def as_json(entry: Entry) -> dict[str, Any]:
    """A session as an object: numbers are numbers, what is not known is absent."""
    tool = entry.tool
    log = entry.log
    told: dict[str, Any] = {
        "id": entry.id,
        "state": entry.word.replace(" ", "_").rstrip("?"),
        "title": entry.title or None,
        "agent": entry.agent or None,
        "model": entry.model or None,
        "metadata": entry.metadata or None,
        "created_at": _stamp(entry.created_at),
        "last_at": _stamp(entry.last_at),
        "tokens": entry.tokens,
        "cost_usd": entry.cost,
        "stop_reason": log.stop_reason if log is not None and log.status == "idle" else None,
        "tool": tool.name if tool is not None else None,
        "needs": [{"id": use.key, "tool": use.name, "what": use.awaited} for use in entry.asks] or None,
    }
    return {name: value for name, value in told.items() if value is not None}


def _stamp(at: float | None) -> str | None:
    if at is None:
        return None
    try:
        return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    except (OverflowError, ValueError, OSError):
        return None


def _moment(at: float | None) -> str:
    if at is not None:
        try:
            return f"{datetime.fromtimestamp(at, UTC).astimezone():%Y-%m-%d %H:%M:%S}"
        except (OverflowError, ValueError, OSError):
            pass
    return f"{'-':<19}"
