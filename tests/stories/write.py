"""Writing logs the way the server does: stable ids, stamps in batches a microsecond apart.

A story is a list of events. `Log` is what it is written with: every method appends one event and
returns its id; `wait` lets time pass, so that the next events are another batch.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from cma_tui.event import Event, parse

BEGIN = datetime(2026, 8, 17, 16, 0, 0, tzinfo=UTC)
PRIMARY = "sthr_primary"
NOW = object()
"""The default stamp: the log's clock."""


class Log:
    """A log in the making. `stream` is the child thread whose own stream it is; None for the session's."""

    def __init__(self, *, stream: str | None = None, beside: Log | None = None) -> None:
        self.events: list[Event] = []
        self.stream = stream
        self.thread = stream or PRIMARY
        self._clock = beside._clock if beside else [0]
        self._counter = beside._counter if beside else [0]

    def child(self, thread: str) -> Log:
        """The own stream of a child thread, written at the same clock."""
        return Log(stream=thread, beside=self)

    # -- time ------------------------------------------------------------------------------------

    def wait(self, seconds: float) -> None:
        """Let time pass (or run backwards)."""
        self._clock[0] += round(seconds * 1_000_000)

    @property
    def seconds(self) -> float:
        """Seconds since the log's beginning."""
        return self._clock[0] / 1_000_000

    def stamp(self) -> str:
        """The clock as the server writes it."""
        at = BEGIN + timedelta(microseconds=self._clock[0])
        return at.isoformat(timespec="microseconds").replace("+00:00", "Z")

    # -- one event -------------------------------------------------------------------------------

    def add(self, type_: str, *, id: str | None = "", at: Any = NOW, **fields: Any) -> str:  # noqa: A002
        """Append an event. `id=None` leaves the id out, `at=...` the stamp; `at=None` writes null."""
        self._counter[0] += 1
        value: dict[str, Any] = {"type": type_}
        if id is not None:
            value["id"] = id or f"sevt_{self._counter[0]:05}"
        if at is NOW:
            value["processed_at"] = self.stamp()
            self._clock[0] += 1
        elif at is not ...:
            value["processed_at"] = at
        value.update(fields)
        event = parse(json.dumps(value, sort_keys=True).encode(), stream=self.stream)
        self.events.append(event)
        return event.key

    # -- what the user and other programs send ---------------------------------------------------

    def user(self, text: str = "Hi", **fields: Any) -> str:
        return self.add("user.message", content=text_blocks(text), **fields)

    def system(self, text: str = "Be brief.", **fields: Any) -> str:
        return self.add("system.message", content=text_blocks(text), **fields)

    def interrupt(self, **fields: Any) -> str:
        return self.add("user.interrupt", **fields)

    def confirm(self, use: str, verdict: str = "allow", **fields: Any) -> str:
        return self.add("user.tool_confirmation", tool_use_id=use, result=verdict, **fields)

    def custom_result(self, use: str, text: str = "42", **fields: Any) -> str:
        fields.setdefault("is_error", False)
        return self.add(
            "user.custom_tool_result", custom_tool_use_id=use, content=text_blocks(text), **fields
        )

    def host_result(self, use: str, text: str = "ok", **fields: Any) -> str:
        return self.add("user.tool_result", tool_use_id=use, content=text_blocks(text), **fields)

    def outcome(self, outcome: str = "outc_1", **fields: Any) -> str:
        fields = {"description": "Write summary.md", "max_iterations": 3, **fields}
        return self.add("user.define_outcome", outcome_id=outcome, **fields)

    # -- what the agent does ---------------------------------------------------------------------

    def message(self, text: str = "Hello.", **fields: Any) -> str:
        return self.add("agent.message", content=text_blocks(text), **fields)

    def thinking(self, **fields: Any) -> str:
        return self.add("agent.thinking", **fields)

    def tool(self, name: str = "bash", permission: str | None = "allow", **fields: Any) -> str:
        fields.setdefault("input", {"command": "ls"})
        return self.add("agent.tool_use", name=name, evaluated_permission=permission, **fields)

    def mcp(self, name: str = "web_search_exa", permission: str = "ask", **fields: Any) -> str:
        fields = {"input": {"query": "q"}, "mcp_server_name": "exa", **fields}
        return self.add("agent.mcp_tool_use", name=name, evaluated_permission=permission, **fields)

    def custom(self, name: str = "get_weather", **fields: Any) -> str:
        fields.setdefault("input", {"city": "Oslo"})
        return self.add("agent.custom_tool_use", name=name, **fields)

    def result(self, use: str, text: str = "ok", is_error: bool = False, **fields: Any) -> str:
        return self.add(
            "agent.tool_result", tool_use_id=use, content=text_blocks(text), is_error=is_error, **fields
        )

    def mcp_result(self, use: str, text: str = "ok", is_error: bool = False, **fields: Any) -> str:
        return self.add(
            "agent.mcp_tool_result",
            mcp_tool_use_id=use,
            content=text_blocks(text),
            is_error=is_error,
            **fields,
        )

    def sent(self, to: str, text: str = "Review the diff.", **fields: Any) -> str:
        return self.add(
            "agent.thread_message_sent", to_session_thread_id=to, content=text_blocks(text), **fields
        )

    def received(self, from_: str, text: str = "LGTM", **fields: Any) -> str:
        return self.add(
            "agent.thread_message_received",
            from_session_thread_id=from_,
            content=text_blocks(text),
            **fields,
        )

    def compacted(self, **fields: Any) -> str:
        return self.add("agent.thread_context_compacted", **fields)

    # -- model requests and graders --------------------------------------------------------------

    def start(self, **fields: Any) -> str:
        return self.add("span.model_request_start", **fields)

    def end(
        self,
        start: str,
        fresh: int = 10,
        out: int = 5,
        read: int = 100,
        written: int = 20,
        is_error: bool = False,
        **fields: Any,
    ) -> str:
        usage = {
            "input_tokens": fresh,
            "output_tokens": out,
            "cache_read_input_tokens": read,
            "cache_creation_input_tokens": written,
        }
        return self.add(
            "span.model_request_end",
            model_request_start_id=start,
            model_usage=usage,
            is_error=is_error,
            **fields,
        )

    def answer(self, text: str = "Hello.", seconds: float = 1.0, **figures: Any) -> None:
        """One whole model request that ends in a message."""
        start = self.start()
        self.wait(seconds)
        self.message(text)
        self.end(start, **figures)

    def grade_start(self, outcome: str = "outc_1", iteration: int = 0, **fields: Any) -> str:
        return self.add("span.outcome_evaluation_start", outcome_id=outcome, iteration=iteration, **fields)

    def grading(self, outcome: str = "outc_1", iteration: int = 0, **fields: Any) -> str:
        return self.add("span.outcome_evaluation_ongoing", outcome_id=outcome, iteration=iteration, **fields)

    def grade_end(
        self, start: str, result: str, outcome: str = "outc_1", iteration: int = 0, **fields: Any
    ) -> str:
        zero = {
            "input_tokens": 0,
            "output_tokens": 0,
            "cache_read_input_tokens": 0,
            "cache_creation_input_tokens": 0,
        }
        fields = {"explanation": "section 3 is missing", "usage": zero, **fields}
        return self.add(
            "span.outcome_evaluation_end",
            outcome_evaluation_start_id=start,
            outcome_id=outcome,
            iteration=iteration,
            result=result,
            **fields,
        )

    # -- status ----------------------------------------------------------------------------------

    def running(self, **fields: Any) -> str:
        return self.add("session.status_running", **fields)

    def idle(self, reason: Any = "end_turn", *uses: str, **fields: Any) -> str:
        return self.add("session.status_idle", stop_reason=stop_reason(reason, uses), **fields)

    def rescheduled(self, **fields: Any) -> str:
        return self.add("session.status_rescheduled", **fields)

    def terminated(self, **fields: Any) -> str:
        return self.add("session.status_terminated", **fields)

    def deleted(self, **fields: Any) -> str:
        return self.add("session.deleted", **fields)

    def thread_created(self, thread: str, agent: str = "reviewer", **fields: Any) -> str:
        return self.add("session.thread_created", session_thread_id=thread, agent_name=agent, **fields)

    def thread_status(self, word: str, thread: str | None = None, **fields: Any) -> str:
        """`word` is running, rescheduled or terminated."""
        return self.add(
            f"session.thread_status_{word}",
            session_thread_id=thread or self.thread,
            **{"agent_name": "coder", **fields},
        )

    def thread_idle(
        self, reason: Any = "end_turn", *uses: str, thread: str | None = None, **fields: Any
    ) -> str:
        return self.add(
            "session.thread_status_idle",
            session_thread_id=thread or self.thread,
            stop_reason=stop_reason(reason, uses),
            **{"agent_name": "coder", **fields},
        )

    def usage(self, cents: str | None = None, **figures: Any) -> str:
        if cents is not None:
            figures["list_cost"] = {"amount": cents, "currency": "USD"}
        return self.add("session.usage", usage=figures)

    def error(
        self, retry: str | None = "retrying", kind: str = "model_overloaded_error", **fields: Any
    ) -> str:
        error: dict[str, Any] = {"type": kind, "message": "Overloaded"}
        if retry is not None:
            error["retry_status"] = {"type": retry}
        return self.add("session.error", **{"error": error, **fields})

    # -- the batches the server writes together --------------------------------------------------

    def runs(self, **fields: Any) -> str:
        """Session and primary thread run; returns the id of the session's event."""
        key = self.running(**fields)
        self.thread_status("running")
        return key

    def begin(self, text: str = "Hi", *, run: str = "", user: str = "") -> str:
        """A turn begins: running, then the message that caused it. Returns the id of the first event."""
        key = self.runs(id=run)
        self.wait(0.15)
        self.user(text, id=user)
        return key

    def rest(self, reason: Any = "end_turn", *uses: str, cents: str | None = None, idle: str = "") -> str:
        """Thread and session go idle, with the usage between. Returns the id of the session's idle."""
        self.wait(0.15)
        self.thread_idle(reason, *uses)
        if cents is not None:
            self.usage(cents)
        return self.idle(reason, *uses, id=idle)


def text_blocks(text: str) -> list[dict[str, str]]:
    return [{"type": "text", "text": text}]


def stop_reason(reason: Any, uses: tuple[str, ...] = ()) -> Any:
    if not isinstance(reason, str):
        return reason
    return {"type": reason, "event_ids": list(uses)} if reason == "requires_action" else {"type": reason}


def preview_start(key: str, type_: str = "agent.message", received_at: float | None = None) -> Event:
    """A preview begins; it has no id and no stamp of its own."""
    raw = json.dumps({"type": "event_start", "event": {"type": type_, "id": key}})
    return parse(raw.encode(), received_at=received_at)


def preview_delta(key: str, text: str, index: int = 0, received_at: float | None = None) -> Event:
    """A fragment of a preview."""
    delta = {"type": "content_delta", "index": index, "content": {"type": "text", "text": text}}
    raw = json.dumps({"type": "event_delta", "event_id": key, "delta": delta})
    return parse(raw.encode(), received_at=received_at)
