"""The rows below a turn's: model requests, tool uses, child threads, outcomes, workflow runs.

Owns what is in them. Invariants: a request or a tool that two streams show is one row, below its own
thread; what never ended ends with its turn and says so; a denied tool is no error; a verdict that is not
final is no score.
"""

from __future__ import annotations

from collections.abc import Mapping, Set

from cma_tui.content import as_text
from cma_tui.event import ModelUsage
from cma_tui.mirror import messages
from cma_tui.mirror.cut import Cut, other_end
from cma_tui.mirror.messages import Exchange
from cma_tui.mirror.row import FIRST_TOKEN, Row, known, metrics, seconds
from cma_tui.session.cost import NANO
from cma_tui.session.errors import Events, TurnError, denied
from cma_tui.session.model import Evaluation, Item, ModelRequest, ToolUse
from cma_tui.session.sums import Sums, used

_SCORES = {"satisfied": 1.0, "max_iterations_reached": 0.0}
"""Final verdicts. All others leave the outcome open."""


def token_metrics(sums: Sums) -> dict[str, float]:
    """Tokens by the names that Braintrust adds up."""
    return metrics(
        prompt_tokens=sums.prompt_tokens,
        completion_tokens=sums.output_tokens,
        tokens=sums.prompt_tokens + sums.output_tokens,
        prompt_cached_tokens=sums.cache_read_tokens,
        prompt_cache_creation_tokens=sums.cache_write_tokens,
    )


def _usage_metrics(usage: ModelUsage | None) -> dict[str, float]:
    return {} if usage is None else token_metrics(Sums(**used(usage)))


def call_rows(
    cut: Cut,
    turn: str,
    parts: Mapping[int, int],
    found: Mapping[int, TurnError],
    only: Set[int] | None = None,
) -> list[Row]:
    """The rows below a turn's, parents before their children.

    Args:
        cut: the turn.
        turn: the key of its row.
        parts: each request's and grader's part of its cost, by item index, in billionths of a dollar.
        found: what went wrong with each item, by its index.
        only: calls of these items alone; the others are there to tell what was said before.
    """
    rows = [_run_row(cut, run, turn) for run in cut.runs]
    threads = _thread_rows(cut, turn)
    rows += threads.values()
    exchanges = messages.exchanges(cut)
    for position, item in cut.items.items():
        if only is not None and position not in only:
            continue
        above = threads[item.thread].key if item.thread in threads else turn
        if isinstance(item, ModelRequest):
            row = _request_row(cut, position, item, above, exchanges[position])
            if position in found:
                row.error = found[position].line
        elif isinstance(item, ToolUse):
            row = _tool_row(cut, item, above, found.get(position))
        elif isinstance(item, Evaluation):
            row = _outcome_row(cut, item, above)
        else:
            continue
        if position in parts:
            row.metrics["estimated_cost"] = parts[position] / NANO
        rows.append(row)
    return rows


def call_key(events: Events, item: Item) -> str | None:
    """What names the row of a model request, a tool use or a grading; None of what has no row."""
    first = events[item.event]
    match item:
        case ToolUse():
            return f"tool:{item.key}"
        case ModelRequest():
            begun = first.model_request_start_id if first.type == "span.model_request_end" else None
            return f"model:{begun or first.key}"
        case Evaluation():
            verdict = events[item.end].data if item.end >= 0 else {}
            return f"outcome:{as_text(verdict.get('outcome_evaluation_start_id')) or first.key}"
    return None


def _request_row(cut: Cut, position: int, request: ModelRequest, above: str, exchange: Exchange) -> Row:
    thread = cut.threads.get(request.thread or "")
    model = (
        cut.agent(request.event).model
        if request.thread is None
        else thread.model
        if thread is not None
        else None
    )
    start, end = _times(cut, request, request.at, request.ended_at)
    return Row(
        call_key(cut.events, request) or "",
        "anthropic.messages.create",
        "llm",
        above,
        input=exchange.given or None,
        output={"role": "assistant", "content": exchange.gave} if exchange.gave else None,
        metadata=known(
            provider="anthropic",
            model=model,
            session_thread_id=request.thread,
            unfinished=request.end < 0,
        ),
        metrics=metrics(start=start, end=end)
        | _usage_metrics(request.usage)
        | metrics(**{FIRST_TOKEN: seconds(cut.first_tokens.get(position))}),
    )


def _tool_row(cut: Cut, use: ToolUse, above: str, failure: TurnError | None) -> Row:
    start, end = _times(cut, use, use.at, use.result_at)
    answered = use.confirmed_at
    asked = None if answered is None or use.at is None else max(0.0, answered - use.at)
    approval = {"allow": "approved", "deny": "denied"}.get(use.confirmation or "")
    return Row(
        call_key(cut.events, use) or "",
        use.name,
        "tool",
        above,
        input=messages.tool_input(cut.events[use.event]),
        output=messages.content(cut.events[use.result]) if use.result >= 0 else None,
        error=None if failure is None else failure.message,
        metadata=known(
            tool_use_id=use.key,
            tool_call_type=use.kind,
            mcp_server_name=use.server,
            session_thread_id=use.thread,
            evaluated_permission=use.permission,
            tool_approval=approval or ("denied" if denied(use) else None),
            error_category=None if failure is None else failure.category,
            unfinished=use.result < 0,
        ),
        metrics=metrics(start=start, end=end, approval_wait=seconds(asked)),
    )


def _outcome_row(cut: Cut, grading: Evaluation, above: str) -> Row:
    verdict = cut.events[grading.end].data if grading.end >= 0 else {}
    defined = cut.outcomes.get(grading.outcome)
    asked = messages.outcome_text(defined) if defined is not None else ""
    start, end = _times(cut, grading, grading.at, grading.ended_at)
    said = known(result=grading.result, explanation=as_text(verdict.get("explanation")))
    return Row(
        call_key(cut.events, grading) or "",
        f"outcome: {grading.iteration}",
        "score",
        above,
        input=asked or None,
        output=said or None,
        metadata=known(
            outcome_id=grading.outcome or None,
            iteration=grading.iteration,
            result=grading.result,
            unfinished=grading.end < 0,
        ),
        metrics=metrics(start=start, end=end)
        | _usage_metrics(grading.usage)
        | ({"estimated_cost": 0.0} if grading.usage is not None else {}),
        scores={"outcome": _SCORES[grading.result]} if grading.result in _SCORES else {},
    )


def _thread_rows(cut: Cut, turn: str) -> dict[str | None, Row]:
    """A row for each child thread that shows in the turn, parents first."""
    times: dict[str, list[float]] = {name: [] for name in cut.threads}
    sent: dict[str, list[messages.Message]] = {}
    came: dict[str, list[messages.Message]] = {}
    sums: dict[str, Sums] = {}
    for item in cut.items.values():
        event = cut.events[item.event]
        name = item.thread
        if name is None and item.type.startswith("agent.thread_message_"):
            name = other_end(event)
            if name is not None:
                told = sent if item.type.endswith("_sent") else came
                role = "user" if item.type.endswith("_sent") else "assistant"
                told.setdefault(name, []).append({"role": role, "content": messages.content(event)})
        elif item.type == "session.thread_created":
            name = event.session_thread_id
        if name is None or name not in times:
            continue
        times[name] += [moment for moment in (item.at, _end_of(item)) if moment is not None]
        if isinstance(item, ModelRequest) and item.usage is not None:
            sums.setdefault(name, Sums()).add(used(item.usage))
    rows: dict[str | None, Row] = {}
    for name in sorted(cut.threads, key=lambda name: _depth(cut, name)):
        thread, moments = cut.threads[name], times[name]
        above = turn
        if thread.workflow_run is not None and thread.workflow_run in cut.runs:
            above = _run_key(thread.workflow_run)
        elif thread.parent in rows:
            above = rows[thread.parent].key
        rows[name] = Row(
            f"thread:{name}:{cut.key}",
            f"subagent: {thread.agent_name or name}",
            "task",
            above,
            input=sent.get(name),
            output=came.get(name) or messages.turn_output(cut, name) or None,
            metadata=known(
                session_thread_id=name,
                agent_name=thread.agent_name,
                workflow_run_id=thread.workflow_run,
            ),
            metrics=metrics(
                start=seconds(min(moments, default=None)), end=seconds(max(moments, default=None))
            )
            | (token_metrics(sums[name]) | {"estimated_cost": 0.0} if name in sums else {}),
        )
    return rows


def _run_row(cut: Cut, name: str, turn: str) -> Row:
    run, began = cut.runs[name]
    return Row(
        _run_key(name),
        f"workflow: {run.name or name}",
        "task",
        f"turn:{began}" if began else turn,
        output=run.result,
        error=run.error,
        metadata=known(
            workflow_run_id=name,
            status=run.status,
            result=run.result,
            phases=list(run.phases.values()) or None,
        ),
        metrics=metrics(start=seconds(run.created_at), end=seconds(run.ended_at)),
    )


def _run_key(name: str) -> str:
    return f"wf:{name}"


def _depth(cut: Cut, name: str) -> int:
    depth, above = 0, cut.threads[name].parent
    while above is not None and above in cut.threads and depth < len(cut.threads):
        depth, above = depth + 1, cut.threads[above].parent
    return depth


def _times(cut: Cut, item: Item, start: float | None, end: float | None) -> tuple[float | None, float | None]:
    """When a call began and ended. Of one whose beginning was not seen nothing but the end is known."""
    if start is None:
        start = end
    if end is None and cut.turn.ended and item.thread is None:
        end = cut.turn.ended_at
    if start is not None and end is not None:
        end = max(start, end)
    return seconds(start), seconds(end)


def _end_of(item: Item) -> float | None:
    if isinstance(item, ToolUse):
        return item.result_at
    return item.ended_at if isinstance(item, ModelRequest | Evaluation) else None
