"""A session's turns as OpenTelemetry spans in OTLP's JSON encoding, named by the GenAI conventions.

Owns the names: `invoke_agent` for a turn and a child thread, `chat` for a model request, `execute_tool` for a
tool. The spans are those of the mirror. Invariants: the same log gives the same ids; an input's tokens
include those of the cache, as the conventions want it; what is unknown is absent.

Any collector takes the file: `curl -H 'content-type: application/json' -d @FILE http://HOST:4318/v1/traces`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cma_tui import __version__
from cma_tui.content import as_dict, as_list, as_text, compact_json
from cma_tui.mirror.cut import identity_of, index_of
from cma_tui.mirror.row import Row, span_id, trace_id
from cma_tui.mirror.spans import SESSION, session_row, turn_rows
from cma_tui.report.export.part import Part
from cma_tui.report.lines import harmless_json
from cma_tui.report.stats import known
from cma_tui.session.book import Book
from cma_tui.session.model import Session

_INTERNAL, _CLIENT = 1, 3
_ERROR = 2
_TEXT_CAP = 64_000
"""Characters of one attribute: collectors refuse more than a few megabytes in all."""


def write(session: Session, part: Part, figures: dict[str, Any]) -> Iterator[str]:
    """One `ExportTraceServiceRequest`."""
    resource = harmless_json(_attributes({"service.name": "cma-top", "service.version": __version__}))
    yield f'{{"resourceSpans":[{{"resource":{{"attributes":{resource}}},"scopeSpans":[{{"scope":'
    yield harmless_json({"name": "cma-top", "version": __version__})
    yield ',"spans":['
    comma = "\n"
    for span in _spans(session, part, figures):
        yield f"{comma}{harmless_json(span)}"
        comma = ",\n"
    yield "\n]}]}]}\n"


def _spans(session: Session, part: Part, figures: dict[str, Any]) -> Iterator[dict[str, Any]]:
    identity, head = identity_of(session), session_row(session)
    if identity is None or head is None:
        return
    yield from _span(session, identity, head)
    index, book = index_of(session), Book()
    book.update(session)
    for turn, wanted in zip(session.turns, part.figures(session.turns), strict=True):
        if wanted:
            cost = known(turn_cost_usd=figures["turns"][turn.index].get("cost_usd"))
            own, *below = turn_rows(session, turn, book, index)
            own.metrics = own.metrics | cost
            for row in (own, *below):
                if part.thread is None or row.metadata.get("session_thread_id") == part.thread:
                    yield from _span(session, identity, row)


def _span(session: Session, identity: str, row: Row) -> Iterator[dict[str, Any]]:
    start = row.metrics.get("start")
    if start is None:
        return  # a span without a beginning is none
    end = row.metrics.get("end", start)
    operation, subject = _operation(session, row)
    span = {
        "traceId": trace_id(identity),
        "spanId": span_id(identity, row.key),
        "name": f"{operation} {subject}" if subject else operation,
        "kind": _CLIENT if row.type == "llm" else _INTERNAL,
        "startTimeUnixNano": _nanos(start),
        "endTimeUnixNano": _nanos(max(start, end)),
        "attributes": _attributes(_facts(session, row, operation)),
        "status": {} if row.error is None else {"code": _ERROR, "message": row.error[:_TEXT_CAP]},
    }
    if row.parent is not None:
        span["parentSpanId"] = span_id(identity, row.parent)
    yield span


def _operation(session: Session, row: Row) -> tuple[str, str]:
    if row.type == "llm":
        return "chat", as_text(row.metadata.get("model")) or ""
    if row.type == "tool":
        return "execute_tool", row.name
    if row.type == "score":
        return "evaluate", ""
    if row.key.startswith("wf:"):
        return "invoke_workflow", row.name.removeprefix("workflow: ")
    if row.key == SESSION:
        return "session", session.agent.name or ""
    return "invoke_agent", as_text(row.metadata.get("agent_name")) or session.agent.name or ""


def _facts(session: Session, row: Row, operation: str) -> dict[str, Any]:
    known, metrics = row.metadata, row.metrics
    facts: dict[str, Any] = {
        "gen_ai.operation.name": operation,
        "gen_ai.provider.name": "anthropic",
        "gen_ai.conversation.id": session.id,
        "gen_ai.request.model": known.get("model"),
        "gen_ai.usage.input_tokens": metrics.get("prompt_tokens"),
        "gen_ai.usage.output_tokens": metrics.get("completion_tokens"),
        "gen_ai.usage.cache_read.input_tokens": metrics.get("prompt_cached_tokens"),
        "gen_ai.usage.cache_creation.input_tokens": metrics.get("prompt_cache_creation_tokens"),
        "gen_ai.response.time_to_first_chunk": metrics.get("time_to_first_token"),
        "error.type": (known.get("error_category") or "_OTHER") if row.error is not None else None,
        "cma.stop_reason": known.get("stop_reason"),
        "cma.thread.id": known.get("session_thread_id"),
        "cma.cost_usd": metrics.get("turn_cost_usd"),
    }
    if operation == "execute_tool":
        facts |= {
            "gen_ai.tool.name": row.name,
            "gen_ai.tool.call.id": known.get("tool_use_id"),
            "gen_ai.tool.type": "extension" if known.get("mcp_server_name") else "function",
            "gen_ai.tool.call.arguments": _content(row.input),
            "gen_ai.tool.call.result": _content(row.output),
        }
        return facts
    if operation == "invoke_agent":
        facts |= {
            "gen_ai.agent.id": known.get("agent_id"),
            "gen_ai.agent.name": known.get("agent_name"),
            "gen_ai.agent.version": known.get("agent_version"),
        }
    if operation in ("chat", "invoke_agent", "session"):
        facts["gen_ai.input.messages"] = _messages(row.input)
        facts["gen_ai.output.messages"] = _messages(row.output)
    if operation == "evaluate":
        facts["gen_ai.evaluation.name"] = "outcome"
        facts["gen_ai.evaluation.score.label"] = known.get("result")
        facts["gen_ai.evaluation.score.value"] = row.scores.get("outcome")
    return facts


def _messages(value: object) -> str | None:
    """Messages in the shape of the conventions: a role, and parts of a type."""
    told = [value] if isinstance(value, dict) else as_list(value)
    made = [
        {
            "role": as_text(message.get("role")) or "user",
            "parts": [_part(as_dict(block)) for block in as_list(message.get("content"))],
        }
        for message in map(as_dict, told)
    ]
    return _content(made) if made else None


def _part(block: dict[str, Any]) -> dict[str, Any]:
    match block.get("type"):
        case "text":
            return {"type": "text", "content": block.get("text")}
        case "tool_use":
            return {
                "type": "tool_call",
                "id": block.get("id"),
                "name": block.get("name"),
                "arguments": block.get("input"),
            }
        case "tool_result":
            return {
                "type": "tool_call_response",
                "id": block.get("tool_use_id"),
                "response": block.get("content"),
            }
    return block


def _content(value: object) -> str | None:
    if value is None:
        return None
    text = value if isinstance(value, str) else compact_json(value)
    return text if len(text) <= _TEXT_CAP else f"{text[:_TEXT_CAP]}… [cut: {len(text):,} characters in all]"


def _attributes(facts: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": name, "value": _value(value)} for name, value in facts.items() if value is not None]


def _value(value: object) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    return {"stringValue": str(value)}


def _nanos(moment: float) -> str:
    return str(round(moment * 1_000_000) * 1000)
