"""A session's figures, as JSON for programs and as a table for people.

Owns version 1 of the figures' shape. Invariants: numbers are numbers, seconds and US dollars; what is
unknown is absent, never zero and never null, except a built-in tool's `server`, which is known to be
none; the same log gives the same figures whatever way it came.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from cma_tui.content import as_text, plain_text
from cma_tui.event import stamp_text
from cma_tui.report.lines import harmless
from cma_tui.report.words import stop_words
from cma_tui.session import metrics
from cma_tui.session.model import Failure, ModelRequest, Session, Tally, Turn
from cma_tui.text import count, duration, first_line, money

VERSION = 1
_INPUT_CAP = 200
_NAME_CAP = 300


def stats(session: Session) -> dict[str, Any]:
    """The figures of a session."""
    figures = _Figures(session)
    return known(
        version=VERSION,
        session_id=session.id,
        agent=known(id=session.agent.id, name=session.agent.name, model=session.agent.model),
        status=None if session.status == "unknown" else session.status,
        stop_reason=session.stop_reason,
        events=sum(not e.type.startswith("local.") for e in session.events) + len(session.queued),
        unknown_events=sum(session.unknown_types.values()),
        bad_frames=session.bad_frames,
        totals=figures.totals(),
        turns=figures.turns(),
        tools=_tools(session),
        threads=figures.threads(),
    )


def stats_json(figures: dict[str, Any]) -> str:
    """The figures as JSON on one line, safe to print."""
    return harmless(json.dumps(figures, ensure_ascii=False).encode("utf-8", "surrogatepass")).decode()


def known(**fields: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON is any
    """The fields whose value is known; times and amounts to the microsecond and the microdollar."""
    return {
        name: round(value, 6) if isinstance(value, float) else value
        for name, value in fields.items()
        if value is not None
    }


class _Figures:
    """The parts of one session's figures."""

    def __init__(self, session: Session) -> None:
        self._session = session
        requests = [item for item in session.items if isinstance(item, ModelRequest) and item.end >= 0]
        self._metered = not requests or any(request.usage is not None for request in requests)
        """Whether the server tells tokens."""

    def totals(self) -> dict[str, Any]:
        """What the turns, the threads and what lies between them add up to."""
        session, tally = self._session, self._session.tally
        walls = [wall for turn in session.turns if (wall := metrics.wall_seconds(turn)) is not None]
        cost = metrics.session_cost(session)
        return known(
            turns=len(session.turns),
            model_requests=tally.model_requests,
            model_errors=tally.model_errors,
            tool_uses=tally.tool_uses,
            tool_errors=tally.tool_errors,
            confirmations=tally.confirmations,
            errors=tally.errors,
            compactions=tally.compactions,
            threads=len(session.threads),
            outcomes=len(session.outcomes),
            **self._tokens(tally, cached=True),
            cost_usd=cost,
            cost_source=None if cost is None else "list_cost",
            wall_s=float(sum(walls)) if walls else None,
            model_s=float(tally.model_s) if session.stamped else None,
            tool_s=float(tally.tool_s) if session.stamped else None,
            waiting_s=float(sum(map(metrics.waiting_seconds, session.turns))) if session.stamped else None,
        )

    def turns(self) -> list[dict[str, Any]]:
        """One entry a turn, oldest first."""
        tallies = metrics.turn_tallies(self._session)
        return [self._turn(turn, tally) for turn, tally in zip(self._session.turns, tallies, strict=True)]

    def threads(self) -> list[dict[str, Any]]:
        """One entry a child thread, in order of appearance."""
        return [
            known(
                id=thread.id,
                agent_name=thread.agent_name,
                status=None if thread.status == "unknown" else thread.status,
                **(self._thread(thread.tally) if thread.read else {}),
            )
            for thread in self._session.threads.values()
        ]

    def _thread(self, tally: Tally) -> dict[str, Any]:
        tokens = self._tokens(tally, cached=False)
        return {"model_requests": tally.model_requests, "tool_uses": tally.tool_uses, **tokens}

    def _turn(self, turn: Turn, tally: Tally) -> dict[str, Any]:
        session = self._session
        return known(
            id=turn.key,
            index=turn.index + 1,
            started_at=None if turn.started_at is None else stamp_text(turn.started_at),
            ended_at=None if turn.ended_at is None else stamp_text(turn.ended_at),
            stop_reason=turn.stop_reason,
            input=self._input(turn),
            wall_s=metrics.wall_seconds(turn),
            ttft_s=metrics.first_token_seconds(session, turn),
            model_requests=tally.model_requests,
            tool_uses=tally.tool_uses,
            tool_errors=tally.tool_errors,
            **self._tokens(tally, cached=True),
            cost_usd=metrics.turn_cost(session, turn),
            interrupted=turn.interrupted,
            errors=[self._error(index) for index in turn.failures],
        )

    def _tokens(self, tally: Tally, *, cached: bool) -> dict[str, int]:
        if not self._metered:
            return {}
        tokens = {"input_tokens": tally.input_tokens, "output_tokens": tally.output_tokens}
        if cached:
            tokens["cache_read_tokens"] = tally.cache_read_tokens
            tokens["cache_write_tokens"] = tally.cache_write_tokens
        return tokens

    def _input(self, turn: Turn) -> str | None:
        """The first line of what the turn was asked."""
        if not turn.inputs:
            return None
        event = self._session.events[self._session.items[turn.inputs[0]].event]
        said = plain_text(event.content) or as_text(event.data.get("description")) or ""
        return first_line(said, _INPUT_CAP) or None

    def _error(self, index: int) -> str:
        item = self._session.items[index]
        assert isinstance(item, Failure)
        return first_line(f"{item.error_type}: {item.message}" if item.message else item.error_type, 400)


def _tools(session: Session) -> list[dict[str, Any]]:
    return [
        {
            "name": tool.name,
            "server": tool.server,
            "kind": tool.kind,
            "uses": tool.uses,
            "errors": tool.errors,
            **known(p50_s=tool.percentile(0.5), p95_s=tool.percentile(0.95)),
        }
        for tool in metrics.tool_figures(session)
    ]


# -- for people ------------------------------------------------------------------------------------------


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
    yield f"  tokens: {_tokens_line(totals)}; cost {money(totals.get('cost_usd'))}"
    seconds = (
        ("wall", "wall_s"),
        ("model", "model_s"),
        ("tools", "tool_s"),
        ("waiting for you", "waiting_s"),
    )
    yield "  time: " + ", ".join(f"{word} {duration(totals.get(key))}" for word, key in seconds)


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
    if figures["turns"]:
        yield ""
        yield from _columns(
            ("turn", "wall", "requests", "tools", "failed", "in", "out", "cost", "stop", "input"),
            (
                (
                    str(turn["index"]),
                    duration(turn.get("wall_s")),
                    str(turn["model_requests"]),
                    str(turn["tool_uses"]),
                    str(turn["tool_errors"]),
                    count(turn.get("input_tokens")),
                    count(turn.get("output_tokens")),
                    money(turn.get("cost_usd")),
                    stop_words(turn["stop_reason"]) if "stop_reason" in turn else "open",
                    turn.get("input", ""),
                )
                for turn in figures["turns"]
            ),
            left=2,
        )


def _tool_table(figures: dict[str, Any]) -> Iterator[str]:
    if figures["tools"]:
        yield ""
        yield from _columns(
            ("uses", "failed", "p50", "p95", "kind", "tool"),
            (
                (
                    str(tool["uses"]),
                    str(tool["errors"]),
                    duration(tool.get("p50_s")),
                    duration(tool.get("p95_s")),
                    tool["kind"],
                    first_line("/".join(part for part in (tool["server"], tool["name"]) if part), 80),
                )
                for tool in figures["tools"]
            ),
            left=2,
        )


def _thread_table(figures: dict[str, Any]) -> Iterator[str]:
    if figures["threads"]:
        yield ""
        yield from _columns(
            ("requests", "tools", "in", "out", "status", "thread"),
            (
                (
                    count(thread.get("model_requests")),
                    count(thread.get("tool_uses")),
                    count(thread.get("input_tokens")),
                    count(thread.get("output_tokens")),
                    first_line(thread.get("status", "unknown"), 40),
                    first_line(f"{thread.get('agent_name', '')} {thread['id']}", 100),
                )
                for thread in figures["threads"]
            ),
            left=2,
        )


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
