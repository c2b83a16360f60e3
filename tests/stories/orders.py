"""The orders of events that the API's reference names, one story each.

The first four follow public recordings of real sessions; the others are composed from the documentation.
"""

from __future__ import annotations

from cma_tui.event import Event, local
from tests.stories.write import PRIMARY, Log


def simple() -> list[Event]:
    """A question, one tool, an answer: the order every recording of 2026 shows."""
    log = Log()
    log.begin("List the files", run="run", user="ask")
    start = log.start(id="request1")
    log.wait(1)
    log.thinking()
    log.tool(id="use")
    log.end(start, fresh=2192, out=127, read=0, written=0)
    log.wait(2.5)
    log.result("use", id="result")
    log.wait(0.1)
    start = log.start(id="request2")
    log.wait(0.5)
    log.message("a.txt", id="answer")
    log.end(start, fresh=2333, out=4, read=0, written=0)
    log.rest(cents="1", idle="idle")
    return log.events


def approval() -> list[Event]:
    """A tool asks, a person allows it 4 s later, the tool runs; recorded for an MCP tool."""
    log = Log()
    log.begin("Deploy", run="run", user="ask")
    start = log.start()
    log.wait(2)
    log.tool(permission="ask", id="use")
    log.end(start)
    log.rest("requires_action", "use", idle="blocked")
    log.wait(4)
    log.confirm("use", id="yes")
    log.wait(0.13)
    log.runs(id="again")
    log.wait(1.5)
    log.result("use", id="result")
    log.wait(0.1)
    log.answer()
    log.rest(idle="idle")
    return log.events


def denial() -> list[Event]:
    """An MCP call is denied with a reason; the server writes the error result itself. Recorded."""
    log = Log()
    log.begin("Search", run="run")
    start = log.start()
    log.wait(2)
    log.mcp(id="use")
    log.end(start)
    log.rest("requires_action", "use", idle="blocked")
    log.wait(0.5)
    log.confirm("use", "deny", id="no", deny_message="This tool is not allowed in this demo.")
    log.wait(0.13)
    log.runs()
    log.wait(0.1)
    text = "Permission to use mcp__exa__web_search_exa has been rejected. Rejection message: not allowed"
    log.mcp_result("use", text, is_error=True, id="result")
    log.wait(0.1)
    log.answer()
    log.rest(idle="idle")
    return log.events


def custom_tool() -> list[Event]:
    """A tool of the host's own is called and answered half a second later. Recorded."""
    log = Log()
    log.begin("Weather?", run="run")
    start = log.start()
    log.wait(6)
    log.custom(id="use")
    log.end(start)
    log.rest("requires_action", "use", idle="blocked")
    log.wait(0.5)
    log.custom_result("use", id="result")
    log.wait(0.13)
    log.runs(id="again")
    log.wait(0.13)
    log.answer()
    log.rest(idle="idle")
    return log.events


def interrupt() -> list[Event]:
    """A person interrupts the model; the idle says end_turn as if nothing had happened."""
    log = Log()
    log.begin("Write a novel", run="run")
    start = log.start(id="request")
    log.wait(3)
    log.end(start, 0, 0, 0, 0, is_error=True)
    log.interrupt(id="stop")
    log.rest(idle="idle")
    return log.events


def error_recovering() -> list[Event]:
    """The model is overloaded, the server reschedules, runs again and answers."""
    log = Log()
    log.begin(run="run")
    start = log.start()
    log.wait(1)
    log.end(start, 0, 0, 0, 0, is_error=True)
    log.error("retrying", id="error")
    log.rescheduled(id="again")
    log.wait(5)
    log.runs(id="run2")
    log.wait(0.1)
    log.answer()
    log.rest(idle="idle")
    return log.events


def error_exhausted() -> list[Event]:
    """The errors do not end: the turn is dead, the session is not."""
    log = Log()
    log.begin(run="run")
    log.start(id="orphan")
    log.wait(1)
    log.error("retrying", id="error1")
    log.wait(1)
    log.error("exhausted", id="error2")
    log.rest("retries_exhausted", idle="dead")
    log.wait(10)
    log.begin("Once more", run="run2")
    log.answer()
    log.rest(idle="idle")
    return log.events


def error_terminal() -> list[Event]:
    """An unrecoverable error ends the session; it is deleted a day later."""
    log = Log()
    log.begin(run="run")
    log.start(id="orphan")
    log.wait(1)
    log.error("terminal", id="error")
    log.thread_status("terminated")
    log.terminated(id="dead")
    log.wait(86_400)
    log.deleted(id="gone")
    return log.events


def budget() -> list[Event]:
    """The budget is reached, raised by an update, and the session goes on without an input."""
    log = Log()
    limit = {"type": "limit", "max_list_cost": {"amount": "500", "currency": "USD"}}
    log.begin(run="run")
    log.answer()
    log.wait(0.1)
    log.thread_idle("budget_reached")
    log.add(
        "session.usage", usage={"list_cost": {"amount": "502", "currency": "USD"}}, budget=limit, id="usage1"
    )
    log.idle("budget_reached", id="capped")
    log.wait(60)
    limit = {"type": "limit", "max_list_cost": {"amount": "900", "currency": "USD"}}
    log.add("session.updated", budget=limit, id="raised")
    log.wait(0.1)
    log.runs(id="resumed")
    log.answer()
    log.rest(cents="510", idle="idle")
    log.wait(1)
    log.add("session.updated", budget=None, id="removed")
    return log.events


def budget_set_at_rest() -> list[Event]:
    """The resource, read first, tells a budget that was set after a turn without one, and raised after it."""
    log = Log()
    log.begin(run="run")
    log.answer()
    log.add(
        "session.usage", usage={"list_cost": {"amount": "3", "currency": "USD"}}, budget=None, id="usage1"
    )
    log.idle(id="idle1")
    log.wait(60)
    limit = {"type": "limit", "max_list_cost": {"amount": "500", "currency": "USD"}}
    resource = local(
        "local.session",
        {"session": {"id": "sesn_b", "updated_at": log.stamp(), "budget": limit}},
        key="resource",
    )
    log.wait(60)
    limit = {"type": "limit", "max_list_cost": {"amount": "900", "currency": "USD"}}
    log.add("session.updated", budget=limit, id="raised")
    return [resource, *log.events]


def subagent() -> list[Event]:
    """The primary hands work to a child thread, waits, and takes its answer. Session stream only."""
    log = Log()
    log.begin(run="run")
    log.answer("I ask the reviewer.")
    log.thread_created("sthr_c", id="created")
    log.thread_status("running", "sthr_c", id="child_runs")
    log.sent("sthr_c")
    log.thread_idle(id="primary_idle")
    log.wait(20)
    log.received("sthr_c")
    log.thread_idle(thread="sthr_c", id="child_idle")
    log.thread_status("running", PRIMARY)
    log.answer("The reviewer says it is fine.")
    log.rest(idle="idle")
    return log.events


def outcome() -> list[Event]:
    """An outcome is graded twice: needs revision, then satisfied. One turn holds it all."""
    log = Log()
    log.outcome(id="define")
    log.runs(id="run")
    log.answer("A first draft.")
    log.wait(0.000_002)
    grade = log.grade_start(id="grade1")
    for number in range(3):
        log.wait(30)
        log.grading(id=f"beat{number}")
    log.grade_end(grade, "needs_revision", id="graded1")
    log.answer("A better draft.")
    grade = log.grade_start(iteration=1, id="grade2")
    log.wait(20)
    log.grade_end(grade, "satisfied", iteration=1, id="graded2", explanation="all sections covered")
    log.rest(idle="idle")
    return log.events
