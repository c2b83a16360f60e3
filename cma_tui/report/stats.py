"""A session's figures, as JSON for programs and as a table for people.

Owns version 1 of the figures' shape. Invariants: numbers are numbers, seconds and US dollars; what is
unknown is absent, never zero and never null, except a built-in tool's `server`, which is known to be
none; the same log gives the same figures whatever way it came.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from cma_tui.content import as_text, plain_text
from cma_tui.event import stamp_text
from cma_tui.report.lines import harmless
from cma_tui.session.agents import model_of
from cma_tui.session.book import Book, figures_of
from cma_tui.session.cost import NANO, Amount, Prices, burn, session_list_cost, snapshots
from cma_tui.session.elapsed import Split, seconds
from cma_tui.session.errors import request_error
from cma_tui.session.figures import ToolFigures, TurnFigures, waiting_us
from cma_tui.session.model import Failure, ModelRequest, Session, Turn
from cma_tui.session.requests import RequestFigures
from cma_tui.session.signals import burst as errors_at_once
from cma_tui.session.signals import longest_silence, repeats
from cma_tui.session.sums import Sums
from cma_tui.text import first_line

VERSION = 1
_INPUT_CAP = 200


def stats(session: Session, prices: Prices | None = None, *, whole: bool = True) -> dict[str, Any]:
    """The figures of a session.

    Args:
        session: the session.
        prices: for what the server tells no cost of.
        whole: every model request too, and all that is known of each turn; without it, of the turns what a
            table says, for a long log has very many.
    """
    figures = _Figures(session, figures_of(session, prices))
    return known(
        version=VERSION,
        session_id=session.id,
        agent=known(id=session.agent.id, name=session.agent.name, model=session.agent.model),
        status=None if session.status == "unknown" else session.status,
        stop_reason=session.stop_reason,
        events=len(session.events) - session.local_events + len(session.queued),
        unknown_events=sum(session.unknown_types.values()),
        bad_frames=session.bad_frames,
        totals=figures.totals(),
        turns=figures.turns(whole=whole),
        requests=figures.requests() if whole else None,
        tools=figures.tools(),
        servers=figures.servers(),
        threads=figures.threads(),
        signals=figures.signals(),
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

    def __init__(self, session: Session, book: Book) -> None:
        self._session = session
        self._book = book
        requests = [item for item in session.items if isinstance(item, ModelRequest) and item.end >= 0]
        self._metered = not requests or any(request.usage is not None for request in requests)
        """Whether the server tells tokens."""

    def totals(self) -> dict[str, Any]:
        """What the turns, the threads and what lies between them add up to."""
        session, book, total = self._session, self._book, self._book.total
        told = session_list_cost(session) is not None
        cost, rate = book.session_cost(), burn(session.usages)
        stamped = session.stamped
        waits = sum(waiting_us(turn) for turn in session.turns)
        return known(
            turns=len(session.turns),
            model_requests=total.model_requests,
            model_errors=total.model_errors,
            tool_uses=total.tool_uses,
            tool_errors=total.tool_errors,
            confirmations=total.confirmations,
            errors=total.errors,
            compactions=total.compactions,
            threads=len(session.threads),
            outcomes=len(session.outcomes),
            **self._tokens(total, cached=True),
            **self._split(book.split),
            cost_usd=cost.usd,
            cost_source=None if cost.nano is None else "list_cost" if told else "estimate",
            cost_mark=None if cost.nano is None else cost.mark,
            budget_usd=session.budget_usd,
            burn_usd_per_hour=None if rate is None else rate.usd_per_hour,
            wall_s=None if book.wall_us is None else seconds(book.wall_us),
            model_s=seconds(total.model_us) if stamped else None,
            tool_s=seconds(total.tool_us) if stamped else None,
            waiting_s=seconds(waits) if stamped else None,
            longest_silence_s=longest_silence(session),
            disconnects=book.disconnects,
            disconnected_s=seconds(book.gap_us),
            error_types=book.error_types,
            **self._more(total, short=book.at_least()),
        )

    def turns(self, *, whole: bool) -> list[dict[str, Any]]:
        """One entry a turn, oldest first."""
        book = self._book
        return [
            self._brief(turn, figures, cost) | (self._more_of(turn, figures) if whole else {})
            for turn, figures, cost in zip(self._session.turns, book.turns, book.costs(), strict=True)
        ]

    def requests(self) -> list[dict[str, Any]]:
        """One entry a model request, all threads', in the order of the log."""
        return [self._request(self._book.request(index)) for index in self._book.requests]

    def threads(self) -> list[dict[str, Any]]:
        """One entry a child thread, in order of appearance."""
        return [
            known(
                id=thread.id,
                agent_name=thread.agent_name,
                status=None if thread.status == "unknown" else thread.status,
                **(self._thread(self._book.threads.get(thread.id, Sums())) if thread.read else {}),
            )
            for thread in self._session.threads.values()
        ]

    def tools(self) -> list[dict[str, Any]]:
        """One entry a tool, most used first."""
        return [self._tool(tool, name=tool.name) for tool in by_use(self._book.tools.values())]

    def servers(self) -> list[dict[str, Any]]:
        """One entry an MCP server, most used first."""
        return [self._tool(server) for server in by_use(self._book.servers.values())]

    def signals(self) -> list[dict[str, Any]]:
        """What may be wrong."""
        found: list[dict[str, Any]] = [
            {"kind": "same_call", "tool": repeat.name, "times": repeat.times}
            for repeat in repeats(self._session)
        ]
        if times := errors_at_once(self._book.failed_at):
            found.append({"kind": "errors", "times": times})
        return found

    def _tool(self, tool: ToolFigures, **name: str) -> dict[str, Any]:
        return {
            **name,
            "server": tool.server,
            "kind": tool.kind,
            "uses": tool.uses,
            "errors": tool.errors,
            **known(
                p50_s=tool.percentile(0.5),
                p95_s=tool.percentile(0.95),
                denied=tool.denied or None,
                cost_estimate_usd=tool.estimate / NANO if tool.estimate else None,
            ),
        }

    def _thread(self, sums: Sums) -> dict[str, Any]:
        priced = bool(sums.priced)
        return known(
            model_requests=sums.model_requests,
            tool_uses=sums.tool_uses,
            **self._tokens(sums, cached=False),
            model_s=seconds(sums.model_us) if self._session.stamped else None,
            tool_s=seconds(sums.tool_us) if self._session.stamped else None,
            cost_estimate_usd=sums.estimate / NANO if priced else None,
        )

    def _request(self, one: RequestFigures) -> dict[str, Any]:
        tokens = ("input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens")
        asked = self._session.items[one.item].event
        prompt, window = one.prompt_tokens, self._window(one.thread, asked)
        block, failure = one.first_block_us, request_error(self._session, one.item)
        return known(
            id=self._session.events[self._session.items[one.item].event].key,
            turn=one.turn + 1 if one.turn >= 0 else None,
            thread=one.thread,
            state=one.state,
            error=None if failure is None else first_line(failure.line, 400),
            started_at=None if one.at is None else stamp_text(one.at),
            duration_s=None if one.length_us is None else seconds(one.length_us),
            ttft_s=one.first_token_s,
            first_block_s=None if block is None else seconds(block),
            **({name: getattr(one, name) for name in tokens} if one.metered else {}),
            prompt_tokens=prompt or None,
            context_share=prompt / window if window and prompt else None,
            output_tokens_per_s=one.tokens_per_second,
            cost_usd=one.cost.usd,
            cost_mark=None if one.cost.nano is None else one.cost.mark,
        )

    def _brief(self, turn: Turn, figures: TurnFigures, cost: Amount) -> dict[str, Any]:
        """What a table says of a turn."""
        return known(
            id=turn.key,
            index=turn.index + 1,
            stop_reason=turn.stop_reason,
            input=self._input(turn),
            wall_s=None if figures.wall_us < 0 else seconds(figures.wall_us),
            model_requests=figures.model_requests,
            tool_uses=figures.tool_uses,
            tool_errors=figures.tool_errors,
            **self._tokens(figures, cached=True),
            cost_usd=cost.usd,
            cost_mark=None if cost.nano is None else cost.mark,
        )

    def _more_of(self, turn: Turn, figures: TurnFigures) -> dict[str, Any]:
        """The rest of what is known of it."""
        first = self._session.first_tokens.get(figures.first_request)
        window = self._window(None, self._last_of(turn))
        return known(
            started_at=None if turn.started_at is None else stamp_text(turn.started_at),
            ended_at=None if turn.ended_at is None else stamp_text(turn.ended_at),
            ttft_s=first,
            first_block_s=None if figures.first_block_us < 0 else seconds(figures.first_block_us),
            **self._tiers(turn.index),
            prompt_tokens=figures.prompt or None,
            context_share=figures.prompt / window if window and figures.prompt else None,
            **self._split(figures.split),
            interrupted=turn.interrupted,
            errors=[self._error(index) for index in turn.failures],
            **self._more(figures, short=self._book.at_least(figures)),
        )

    def _more(self, sums: Sums, *, short: bool) -> dict[str, Any]:
        """What there is only sometimes."""
        return known(
            tokens_mark="at_least" if short and self._metered else None,
            output_tokens_per_s=sums.tokens_per_second if self._metered else None,
            approval_wait_s=seconds(sums.approval_us) if sums.approvals else None,
            queue_wait_s=seconds(sums.queue_us) if sums.queued else None,
            denied=sums.denied or None,
            retries_at_least=sums.retries or None,
            interrupts=sums.interrupts or None,
            evaluations=sums.evaluations or None,
            grader_tokens=sums.grader_tokens or None,
            errors_by_category=sums.by_category or None,
            cost_estimate_usd=sums.estimate / NANO if sums.priced and not sums.unpriced else None,
            cache_saved_usd=sums.saved / NANO if sums.priced and not sums.unpriced else None,
        )

    def _last_of(self, turn: Turn) -> int:
        """The last event before the next turn's first."""
        turns, items = self._session.turns, self._session.items
        following = turns[turn.index + 1].first_item if turn.index + 1 < len(turns) else len(items)
        return items[following].event - 1 if following < len(items) else len(self._session.events) - 1

    def _window(self, thread: str | None, ordinal: int) -> int | None:
        model, prices = model_of(self._session, thread, ordinal), self._book.prices
        return prices.window(model) if prices is not None and model is not None else None

    def _tiers(self, index: int) -> dict[str, int]:
        """Cache writes by how long they are kept: only snapshots tell, so children are in it."""
        span = snapshots(self._session, index)
        if not span:
            return {}
        usages = self._session.usages
        after, before = usages[span.stop - 1], usages[span.start - 1] if span.start else None
        tiers = {}
        for tier in ("5m", "1h"):
            name = f"cache_write_{tier}_tokens"
            number = getattr(after, name)
            if number is not None:
                tiers[name] = max(0, number - (getattr(before, name) or 0 if before else 0))
        return tiers

    def _split(self, split: Split | None) -> dict[str, Any]:
        if split is None:
            return {}
        return {
            "elapsed_s": seconds(split.total),
            "time": {f"{name}_s": seconds(us) for name, us in split._asdict().items()},
        }

    def _tokens(self, sums: Sums, *, cached: bool) -> dict[str, int]:
        if not self._metered:
            return {}
        tokens = {"input_tokens": sums.input_tokens, "output_tokens": sums.output_tokens}
        if cached:
            tokens["cache_read_tokens"] = sums.cache_read_tokens
            tokens["cache_write_tokens"] = sums.cache_write_tokens
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


def by_use(tools: Iterable[ToolFigures]) -> list[ToolFigures]:
    """Most used first."""
    return sorted(tools, key=lambda tool: (-tool.uses, tool.name, tool.server or ""))
