"""What other people's servers write, who speak most of the API: one story for each deviation."""

from __future__ import annotations

from cma_tui.event import Event, local
from tests.stories.write import Log


def no_status_events() -> list[Event]:
    """No status events: turns are told apart by the next message. The resource is polled."""
    log = Log()
    log.events.append(local("local.session", {"session": {"id": "sess-1", "status": "idle"}}, key="poll0"))
    log.user("One", id="ask1")
    log.events.append(local("local.session", {"session": {"status": "running"}}, key="poll1"))
    log.answer()
    log.events.append(local("local.session", {"session": {"status": "idle"}}, key="poll2"))
    log.wait(60)
    log.user("Two", id="ask2")
    log.user("and a half", id="ask2b")
    log.answer("I heard both.")
    log.wait(60)
    log.user("Three", id="ask3")
    log.error(None, id="error")
    log.wait(60)
    log.user("Four", id="ask4")
    return log.events


def no_ids_no_stamps() -> list[Event]:
    """No `id` and no `processed_at`; `ts` and `seq` instead. Contents and errors are strings."""
    log = Log()

    def plain(type_: str, **fields: object) -> None:
        number = len(log.events) + 1
        log.add(type_, id=None, at=..., seq=number, ts=1_787_000_000_000 + number, **fields)

    plain("user.message", content="One")
    log.add("span.model_request_start", id="sevt-1", at=...)
    plain("agent.thinking", text="hm")
    log.add("agent.tool_use", id="toolu_1", at=..., name="bash", input={})
    plain("agent.tool_result", tool_use_id="toolu_1", content="a.txt")
    plain("agent.message", content="There is a.txt.", message_id="msg_1")
    usage = {"input_tokens": 5, "output_tokens": 3}
    log.add("span.model_request_end", id="sevt-2", at=..., model_request_start_id="sevt-1", model_usage=usage)
    plain("user.message", content="One")
    plain("agent.message", content="There is a.txt.", message_id="msg_2")
    plain("session.error", error="out of credit")
    return log.events


def no_spans() -> list[Event]:
    """No spans, no usage, no thread events; any error ends the session, without a retry status."""
    log = Log()
    log.user(id="ask", at="2026-08-17T16:00:00.661397298Z")
    log.wait(1)
    log.running(id="run")
    log.tool(permission=None, id="use")
    log.result("use")
    log.message()
    log.idle(id="idle")
    log.wait(1)
    log.user(id="ask2")
    log.running()
    log.error(None, kind="api_error")
    log.terminated(id="dead")
    return log.events


def aliased_results() -> list[Event]:
    """Results name the use by the model's id, which stands in the use's `tool_use_id`."""
    log = Log()
    log.begin(run="run")
    start = log.start()
    log.tool(id="evt_1", tool_use_id="toolu_1")
    log.tool(id="evt_2", tool_use_id="toolu_2")
    log.end(start)
    log.wait(1)
    log.result("toolu_2", is_error=True)
    log.result("toolu_1")
    log.rest("requires_action", "evt_1", idle="stale")
    log.answer()
    log.rest(idle="idle")
    return log.events


def results_of_another_kind() -> list[Event]:
    """A custom tool answered by an `agent.tool_result`, an MCP call by a result with `tool_use_id`."""
    log = Log()
    log.begin(run="run")
    log.custom(id="custom")
    log.mcp(permission="allow", id="mcp")
    log.wait(1)
    log.result("custom", id="custom_result")
    log.add("agent.mcp_tool_result", tool_use_id="mcp", content="text alone", is_error=True)
    log.rest(idle="idle")
    return log.events


def custom_without_idle() -> list[Event]:
    """While a custom result is awaited the session stays running."""
    log = Log()
    log.begin(run="run")
    start = log.start()
    log.custom(id="use")
    log.end(start)
    log.wait(5)
    log.custom_result("use", id="answer")
    log.answer()
    log.rest(idle="idle")
    return log.events


def killed_brain() -> list[Event]:
    """The model's process is killed: spans are orphaned, everything runs and starts again."""
    log = Log()
    log.begin(run="run")
    log.start(id="orphan1")
    log.wait(1)
    log.thread_status("rescheduled")
    log.rescheduled(id="again")
    log.wait(1)
    log.runs(id="run2")
    log.start(id="orphan2")
    log.wait(1)
    log.start(id="request")
    log.message()
    log.end("request")
    log.rest(idle="idle")
    return log.events


def stamped_by_history_alone() -> tuple[list[Event], list[Event]]:
    """A message streams with a null stamp and never again; the history has its time.

    The time is later than that of the events after it: the list is in the log's order, not in that of
    the stamps. Returns the stream and the history.
    """
    stream, history = [], []
    for streamed in (True, False):
        log = Log()
        log.running(id="run")
        log.thread_status("running", id="thread")
        log.wait(2)
        stamp = log.stamp()
        log.wait(-1)
        log.user("One", id="ask", at=None if streamed else stamp)
        log.start(id="request")
        log.wait(0.5)
        log.message(id="answer")
        log.end("request", id="end")
        log.wait(2)
        log.idle(id="idle")
        (stream if streamed else history).extend(log.events)
    return stream, history


def never_stamped() -> list[Event]:
    """No event ever has a time, status events are there."""
    log = Log()
    for number in (1, 2):
        log.user(id=f"ask{number}", at=None)
        log.running(id=f"run{number}", at=...)
        log.start(id=f"request{number}", at=None)
        log.message(id=f"answer{number}", at=None)
        log.end(f"request{number}", id=f"end{number}", at=None)
        log.idle(id=f"idle{number}", at=None)
    return log.events


def idle_during_a_parallel_turn() -> list[Event]:
    """Two turns run at once: the first one's idle comes while the second works; then it is terminated.

    A terminated session still takes messages and comes back to running.
    """
    log = Log()
    log.running(id="run1")
    log.user("One", id="ask1")
    log.start(id="request1")
    log.running(id="run2")
    log.user("Two", id="ask2")
    log.start(id="request2")
    log.message("one")
    log.end("request1")
    log.idle(id="idle1")
    log.message("two", id="late")
    log.end("request2")
    log.idle(id="idle2")
    log.error(None)
    log.terminated(id="dead")
    log.running(id="run3")
    log.user("Three", id="ask3")
    log.message("three")
    log.idle(id="idle3")
    return log.events
