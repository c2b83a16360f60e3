"""A session as spans: session → turn → model request, tool use, child thread, outcome, workflow run.

Owns which rows there are and what is in the session's and the turn's. Pure: the same session gives the same
rows. Invariants: every row but the session's has its parent among the rows of its turn or is the turn itself;
a child lies within its parent's time; the tokens of the model requests of a turn add up to the turn's.
"""

from __future__ import annotations

from collections.abc import Set
from typing import Any

import msgspec

from cma_tui.content import as_dict, as_text
from cma_tui.mirror import cost, messages
from cma_tui.mirror.calls import call_rows, token_metrics
from cma_tui.mirror.cut import Cut, Head, Index, identity_of, index_of, take, take_head
from cma_tui.mirror.row import FIRST_TOKEN, Row, known, metrics, seconds
from cma_tui.session.book import Book
from cma_tui.session.errors import TurnError, ended_badly, errors_of, failures
from cma_tui.session.figures import waiting_us, wall_us
from cma_tui.session.members import Agent
from cma_tui.session.model import ModelRequest, Session, ToolUse, Turn
from cma_tui.session.sums import Sums, used

SESSION = "session"
_ERRORS = 20
"""Errors of one turn that its span lists."""
_API = {"provider": "anthropic", "endpoint": "/v1/sessions/{id}/events", "api_version": "beta"}


def session_row(session: Session) -> Row | None:
    """The row of the whole session; None while nothing tells which session it is."""
    identity = identity_of(session)
    return None if identity is None else head_row(take_head(session, identity))


def turn_rows(session: Session, turn: Turn, book: Book, index: Index | None = None) -> list[Row]:
    """All rows of one turn, its own first.

    Args:
        session: the session it is in.
        turn: which one.
        book: the session's figures.
        index: the session's index; without it one is made, which looks at the whole session.
    """
    identity = identity_of(session)
    if identity is None:
        return []
    return cut_rows(take(session, turn, take_head(session, identity), index or index_of(session), book))


def head_row(head: Head) -> Row:
    """The session's row, from what was taken of it."""
    error = f"session {head.status}" if head.status == "terminated" else None
    return Row(
        SESSION,
        "anthropic.beta.sessions.session",
        "task",
        None,
        input=[messages.heard(event) for event in head.asked] or None,
        output=_answer(head),
        error=error,
        metadata=_session_facts(head, head.agent)
        | {"status": head.status, "stop_reason": head.stop_reason, "turns": head.turns}
        | known(title=head.title),
        metrics=metrics(
            start=seconds(_earliest(head.created_at, head.first_at)),
            end=seconds(head.last_at),
            turns=head.turns,
        ),
        tags=["cma"],
        rank=1 + round(1000 * (head.last_at or 0)),  # an older log does not undo a newer one
    )


def cut_rows(cut: Cut, *, provisional: bool = False, only: Set[int] | None = None) -> list[Row]:
    """All rows of a turn that was taken, its own first.

    Args:
        cut: the turn.
        provisional: the turn runs, or only some of its items were taken: the turn's own row says only
            what it begins with.
        only: rows of these items alone, beside the turn's.
    """
    key, found = f"turn:{cut.key}", failures(cut.events, cut.items)
    if provisional:
        rows = call_rows(cut, key, {}, found, only)
        for row in rows:
            row.rank = 0
            row.metadata.pop("unfinished", None)  # what is merged stays, and this will not hold
        return [_opening(cut, key), *rows]
    parts = cost.shares(cut)
    rows = call_rows(cut, key, parts, found)
    own = _turn_row(cut, key, errors_of(found, cut.items), cost.own_cost(cut, parts))
    _embrace(own, rows)
    if not cut.turn.ended:
        for row in (own, *rows):
            row.rank = 0
    return [own, *rows]


def _turn_row(cut: Cut, key: str, errors: list[TurnError], own_cost: float) -> Row:
    turn = cut.turn
    uses = [item for item in cut.items.values() if isinstance(item, ToolUse)]
    sums, requests, first_token = _counts(cut)
    names: dict[str, int] = {}
    for use in uses:
        names[use.name] = names.get(use.name, 0) + 1
    refused, wall = turn.stop_reason == "refusal", wall_us(turn)
    return Row(
        key,
        "anthropic.beta.sessions.turn",
        "task",
        SESSION,
        input=messages.turn_input(cut) or None,
        output=messages.turn_output(cut) or None,
        error=ended_badly(turn, errors),
        metadata=_turn_facts(cut)
        | known(
            stop_reason=turn.stop_reason,
            cost_mark=None if cut.bill.cost.nano is None else cut.bill.cost.mark,
            interrupted=turn.interrupted or None,
            tools_used=names or None,
            confirmations=sums.confirmations or None,
            errors=[msgspec.to_builtins(error) for error in errors[:_ERRORS]] or None,
            errors_left_out=max(0, len(errors) - _ERRORS) or None,
            error_category=errors[-1].category if errors else None,
        ),
        metrics=metrics(
            start=seconds(turn.started_at),
            end=seconds(turn.ended_at if turn.ended else None),
            tool_calls=sums.tool_uses,
            tool_errors=sums.tool_errors,
            model_requests=sums.model_requests,
            errors=len(errors),
            running_seconds=None if wall is None else wall / 1_000_000,
            waiting_seconds=waiting_us(turn) / 1_000_000,
            turn_cost_usd=cut.bill.cost.usd,
            estimated_cost=own_cost,
        )
        | (token_metrics(sums) if requests else {})
        | metrics(**{FIRST_TOKEN: seconds(first_token)}),
        tags=["cma", "refusal"] if refused else ["cma"],
    )


def _opening(cut: Cut, key: str) -> Row:
    """What a turn begins with: true of it whatever follows, so it may arrive late."""
    return Row(
        key,
        "anthropic.beta.sessions.turn",
        "task",
        SESSION,
        input=messages.turn_input(cut) or None,
        metadata=_turn_facts(cut),
        metrics=metrics(start=seconds(cut.turn.started_at)),
        tags=["cma"],
        rank=0,
    )


def _counts(cut: Cut) -> tuple[Sums, int, float | None]:
    """What adds up over the turn, child threads included; how many requests ended; the first token's time."""
    sums, requests = Sums(), 0
    for item in cut.items.values():
        if isinstance(item, ToolUse):
            sums.tool_uses += 1
            sums.tool_errors += item.is_error
            sums.confirmations += item.confirmation is not None
        elif isinstance(item, ModelRequest) and item.end >= 0:
            sums.model_requests += 1
            if item.usage is not None:
                requests += 1
                sums.add(used(item.usage))
    first = min(cut.first_tokens, default=None)
    return sums, requests, None if first is None else cut.first_tokens[first]


def _session_facts(head: Head, agent: Agent) -> dict[str, Any]:
    return _API | known(
        session_id=head.id,
        agent_id=agent.id,
        agent_name=agent.name,
        agent_version=agent.version,
        environment_id=head.environment,
        tools=[name for name in map(_tool_name, agent.tools) if name] or None,
    )


def _turn_facts(cut: Cut) -> dict[str, Any]:
    agent = cut.agent(cut.first)
    return _session_facts(cut.head, agent) | known(model=agent.model, turn=cut.turn.index + 1)


def _tool_name(tool: object) -> str | None:
    fields = as_dict(tool)
    return (
        as_text(fields.get("name")) or as_text(fields.get("mcp_server_name")) or as_text(fields.get("type"))
    )


def _answer(head: Head) -> list[messages.Message] | None:
    if head.answered is None:
        return None
    return [{"role": "assistant", "content": messages.content(head.answered)}]


def _embrace(own: Row, rows: list[Row]) -> None:
    """Stretch each parent over its children: results may come, and child threads work on, after an idle."""
    by_key = {row.key: row for row in [own, *rows]}
    for row in reversed(rows):
        above = by_key.get(row.parent or "")
        if above is None:
            continue
        for name, better in (("start", min), ("end", max)):
            value = row.metrics.get(name)
            if value is not None and (name in above.metrics or name == "start"):
                above.metrics[name] = better(above.metrics.get(name, value), value)


def _earliest(*moments: float | None) -> float | None:
    return min((moment for moment in moments if moment is not None), default=None)
