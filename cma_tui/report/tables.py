"""A session's figures as tables for people: the same figures as the JSON, in words.

Owns the words. Invariant: each figure says what it is: exact as it stands, `~` estimated, `≥` at least, n/a
unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from cma_tui.report.words import stop_words
from cma_tui.text import count, duration, first_line, money

_NAME_CAP = 300


def table(figures: dict[str, Any], name: str) -> list[str]:
    """The figures as lines of text, under the name of the log."""
    return [*_head(figures, name), *_turn_table(figures), *_tool_table(figures), *_thread_table(figures)]


def _head(figures: dict[str, Any], name: str) -> Iterator[str]:
    totals, agent = figures["totals"], figures["agent"]
    about = (figures.get("session_id"), agent.get("name"), agent.get("model"))
    yield "  ".join(first_line(part, _NAME_CAP) for part in (name, *about) if part)
    reason = figures.get("stop_reason")
    status = first_line(figures.get("status", "status unknown"), 40)
    standing = f"{status}, {stop_words(reason)}" if reason and reason != status else status
    odd = f", {figures['unknown_events']} of unknown type" if figures["unknown_events"] else ""
    bad = f", {figures['bad_frames']} bad frames" if figures["bad_frames"] else ""
    yield f"  {standing}; {figures['events']} events{odd}{bad}"
    yield "  " + ", ".join(_counts(totals))
    yield f"  tokens: {_tokens_line(totals)}; cost {cost(totals)}{_rate(totals)}"
    seconds = (
        ("wall", "wall_s"),
        ("model", "model_s"),
        ("tools", "tool_s"),
        ("waiting for answers", "waiting_s"),
    )
    yield "  time: " + ", ".join(f"{word} {duration(totals.get(key))}" for word, key in seconds)
    if "time" in totals:
        yield f"  of {duration(totals['elapsed_s'])}: " + ", ".join(went(totals))
    yield from _wrong(figures)


def cost(row: dict[str, Any]) -> str:
    """An amount, and how well it is known."""
    mark = row.get("cost_mark")
    return f"{'≥' if mark == 'at_least' else ''}{money(row.get('cost_usd'), exact=mark != 'estimated')}"


WENT = (
    ("model", "model_s"),
    ("tools", "tools_s"),
    ("waiting for a program", "answer_s"),
    ("waiting for you", "you_s"),
    ("other", "other_s"),
    ("idle", "idle_s"),
)
"""Where the time went: the words, and the names in the JSON."""


def went(row: dict[str, Any]) -> Iterator[str]:
    """Where the time went, in parts of the whole."""
    whole = row["elapsed_s"]
    for word, key in WENT:
        part = row["time"][key]
        if part and whole:
            yield f"{word} {duration(part)} ({part / whole:.0%})"


def _rate(totals: dict[str, Any]) -> str:
    parts = []
    if "budget_usd" in totals:
        parts.append(f" of {money(totals['budget_usd'])}")
    if "burn_usd_per_hour" in totals:
        parts.append(f", {money(totals['burn_usd_per_hour'])} an hour at the end")
    if "cache_saved_usd" in totals:
        parts.append(f", the cache saved {money(totals['cache_saved_usd'], exact=False)}")
    return "".join(parts)


def _wrong(figures: dict[str, Any]) -> Iterator[str]:
    totals = figures["totals"]
    kinds = [f"{kind} {times}" for kind, times in totals.get("errors_by_category", {}).items()]
    kinds += [f"{first_line(kind, 60)} {times}" for kind, times in totals["error_types"].items()]
    if totals.get("retries_at_least"):
        kinds.append(f"retries ≥{totals['retries_at_least']}")
    if kinds:
        yield "  went wrong: " + ", ".join(kinds)
    for signal in figures["signals"]:
        if signal["kind"] == "same_call":
            tool = first_line(signal["tool"], 60)
            yield f"  notice: the same call of {tool}, {signal['times']} times in a row"
        else:
            yield f"  notice: {signal['times']} things went wrong within a minute"


def _counts(totals: dict[str, Any]) -> Iterator[str]:
    yield f"turns {totals['turns']}"
    for word, key, failed in (
        ("model requests", "model_requests", "model_errors"),
        ("tool uses", "tool_uses", "tool_errors"),
    ):
        yield f"{word} {totals[key]}" + (f" ({totals[failed]} failed)" if totals[failed] else "")
    for key in ("confirmations", "errors", "compactions", "threads", "outcomes"):
        if totals[key]:
            yield f"{key} {totals[key]}"


def _tokens_line(totals: dict[str, Any]) -> str:
    words = (
        ("in", "input_tokens"),
        ("out", "output_tokens"),
        ("cache read", "cache_read_tokens"),
        ("cache write", "cache_write_tokens"),
    )
    return ", ".join(f"{word} {count(totals.get(key))}" for word, key in words)


def _turn_table(figures: dict[str, Any]) -> Iterator[str]:
    return _table(
        ("turn", "wall", "requests", "tools", "failed", "in", "out", "cost", "stop", "input"),
        [
            (
                str(turn["index"]),
                duration(turn.get("wall_s")),
                str(turn["model_requests"]),
                str(turn["tool_uses"]),
                str(turn["tool_errors"]),
                count(turn.get("input_tokens")),
                count(turn.get("output_tokens")),
                cost(turn),
                stop_words(turn["stop_reason"]) if "stop_reason" in turn else "open",
                turn.get("input", ""),
            )
            for turn in figures["turns"]
        ],
    )


def _tool_table(figures: dict[str, Any]) -> Iterator[str]:
    return _table(
        ("uses", "failed", "p50", "p95", "kind", "tool"),
        [
            (
                str(tool["uses"]),
                str(tool["errors"]),
                duration(tool.get("p50_s")),
                duration(tool.get("p95_s")),
                tool["kind"],
                first_line("/".join(part for part in (tool["server"], tool["name"]) if part), 80),
            )
            for tool in figures["tools"]
        ],
    )


def _thread_table(figures: dict[str, Any]) -> Iterator[str]:
    return _table(
        ("requests", "tools", "in", "out", "status", "thread"),
        [
            (
                count(thread.get("model_requests")),
                count(thread.get("tool_uses")),
                count(thread.get("input_tokens")),
                count(thread.get("output_tokens")),
                first_line(thread.get("status", "unknown"), 40),
                first_line(f"{thread.get('agent_name', '')} {thread['id']}", 100),
            )
            for thread in figures["threads"]
        ],
    )


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """A table of its own, whose last two columns are words; nothing where there are no rows."""
    if rows:
        yield ""
        yield from _columns(titles, rows, left=2)


def _columns(titles: Sequence[str], rows: Iterable[Sequence[str]], *, left: int) -> Iterator[str]:
    """Rows under their titles; the last `left` columns begin at the left, the others end at the right."""
    lines = [titles, *rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(titles))]
    for line in lines:
        cells = [
            cell.ljust(width) if i >= len(titles) - left else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        yield f"  {'  '.join(cells)}".rstrip()


# -- many logs at once -----------------------------------------------------------------------------------

_ADDED = (
    ("turns", "turns", count),
    ("requests", "model_requests", count),
    ("tools", "tool_uses", count),
    ("failed", "tool_errors", count),
    ("in", "input_tokens", count),
    ("out", "output_tokens", count),
    ("wall", "wall_s", duration),
)


def together(logs: Sequence[tuple[str, dict[str, Any]]]) -> list[str]:
    """One line a log, and what they add up to."""
    rows = [
        [*_line(figures["totals"]), cost(figures["totals"]), first_line(name, 80)] for name, figures in logs
    ]
    totals = [figures["totals"] for _, figures in logs]
    sums = {key: sum(total.get(key, 0) for total in totals) for _, key, _ in _ADDED}
    known = [total for total in totals if "cost_usd" in total]
    marks = {total["cost_mark"] for total in known}
    mark = "estimated" if "estimated" in marks else "exact"
    if len(known) < len(totals) or "at_least" in marks:
        mark = "at_least"
    if known:
        sums |= {"cost_usd": sum(total["cost_usd"] for total in known), "cost_mark": mark}
    rows.append([*_line(sums), cost(sums), f"together, {len(logs)} sessions"])
    titles = [*(title for title, _, _ in _ADDED), "cost", "session"]
    return ["", *_columns(titles, rows, left=1)]


def _line(totals: dict[str, Any]) -> list[str]:
    return [write(totals.get(key)) for _, key, write in _ADDED]


_COMPARED = (
    ("turns", "turns", count),
    ("model requests", "model_requests", count),
    ("model errors", "model_errors", count),
    ("tool uses", "tool_uses", count),
    ("tool errors", "tool_errors", count),
    ("errors", "errors", count),
    ("input tokens", "input_tokens", count),
    ("output tokens", "output_tokens", count),
    ("cache read tokens", "cache_read_tokens", count),
    ("cache write tokens", "cache_write_tokens", count),
    ("output tokens/s", "output_tokens_per_s", count),
    ("wall", "wall_s", duration),
    ("model time", "model_s", duration),
    ("tool time", "tool_s", duration),
    ("cost", "cost_usd", money),
)


def compare(first: tuple[str, dict[str, Any]], second: tuple[str, dict[str, Any]]) -> list[str]:
    """Two logs side by side, and by how much the second differs."""
    one, other = first[1]["totals"], second[1]["totals"]
    rows = []
    for title, key, write in _COMPARED:
        before, after = one.get(key), other.get(key)
        shown = [write(before), write(after)]
        if key == "cost_usd":
            shown = [cost(one), cost(other)]
        rows.append([title, *shown, _change(before, after)])
    lines = [f"A  {first_line(first[0], _NAME_CAP)}", f"B  {first_line(second[0], _NAME_CAP)}", ""]
    return [*lines, *_columns(("", "A", "B", "B to A"), rows, left=0)]


def _change(before: float | None, after: float | None) -> str:
    if before is None or after is None:
        return "n/a"
    if before == after:
        return "same"
    return "new" if not before else f"{(after - before) / before:+.0%}"
