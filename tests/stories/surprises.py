"""What real sessions do beside the reference. Each story says what was seen, and in what kind of log."""

from __future__ import annotations

from cma_tui.event import Event, local
from tests.stories.write import PRIMARY, Log

# -- 1, 2: stamps -----------------------------------------------------------------------------------


def one_instant() -> list[Event]:
    """A whole model request within 4 µs: how logs of May 2026 were stamped."""
    log = Log()
    log.begin()
    start = log.start(id="request")
    log.thinking()
    log.tool(id="use")
    log.end(start)
    log.wait(3)
    log.result("use")
    log.answer(seconds=0)
    log.rest()
    return log.events


def parallel_results() -> list[Event]:
    """Three calls of one request; their results arrive together, 1 µs apart, in another order."""
    log = Log()
    log.begin()
    start = log.start(id="request")
    log.wait(1)
    for name in ("a", "b", "c"):
        log.tool(id=name)
    log.end(start)
    log.wait(2)
    log.result("c", is_error=True)
    log.result("a")
    log.result("b")
    log.answer()
    log.rest()
    return log.events


def backwards() -> list[Event]:
    """Stamps run backwards in the list's own order.

    `session.usage` was stamped 74 ms before the thinking it follows; in another log the last event
    was 3 s older than the two errors before it.
    """
    log = Log()
    log.begin(run="run")
    start = log.start()
    log.wait(1)
    log.thinking(id="thought")
    log.wait(-0.074)
    log.usage("3")
    log.wait(0.2)
    log.message()
    log.end(start)
    log.error()
    log.error("exhausted", id="error")
    log.wait(-3)
    log.idle("retries_exhausted", id="idle")
    return log.events


# -- 3: cross-posts ---------------------------------------------------------------------------------


def cross_posted() -> tuple[list[Event], list[Event]]:
    """A child calls a custom tool: the session's stream and the child's own.

    The use has one id on both streams and two times; its result has two ids. The idle of the child's
    thread, which names the use, stands before it.
    """
    log = Log()
    log.begin(run="run")
    log.answer("I ask the analyst.")
    log.thread_created("sthr_c", "analyst")
    log.thread_status("running", "sthr_c")
    log.thread_idle(id="primary_idle")
    child = log.child("sthr_c")
    child.thread_status("running")
    log.wait(1)
    start = child.start(id="child_request")
    log.wait(2)
    child.custom(id="use")
    child.end(start, 7, 3, 11, 13)
    child.thread_idle("requires_action", "use")
    log.wait(0.08)
    log.thread_idle("requires_action", "use", thread="sthr_c", id="child_idle")
    log.custom(id="use", session_thread_id="sthr_c")
    log.usage("4")
    log.idle("requires_action", "use", id="blocked")
    log.wait(5)
    log.custom_result("use", id="result_here", session_thread_id="sthr_c")
    log.wait(0.02)
    child.custom_result("use", id="result_there", session_thread_id="sthr_c")
    log.running(id="again")
    log.thread_status("running", "sthr_c")
    child.answer("It is commit 9f2c1e.", fresh=1, out=2, read=3, written=4)
    child.thread_idle()
    log.received("sthr_c")
    log.thread_idle(thread="sthr_c")
    log.thread_status("running", PRIMARY)
    log.answer("Done.")
    log.rest(idle="idle")
    return log.events, child.events


# -- 4: idles that repeat what was answered -----------------------------------------------------------


def stale_idle() -> list[Event]:
    """After the answer was posted the idle that asks for it comes again, though the child runs."""
    log = Log()
    log.begin(run="run")
    log.thread_created("sthr_c")
    log.thread_status("running", "sthr_c")
    log.custom(id="use", session_thread_id="sthr_c")
    log.rest("requires_action", "use", idle="blocked")
    log.wait(1)
    log.custom_result("use", id="answer")
    log.wait(0.1)
    log.thread_status("running", PRIMARY)
    log.thread_idle(id="primary_idle")
    log.usage("5")
    log.idle("requires_action", "use", id="stale")
    log.wait(20)
    log.received("sthr_c")
    log.runs(id="again")
    log.answer()
    log.rest(idle="idle")
    return log.events


def repeated_idle() -> list[Event]:
    """A built-in and a custom call in parallel: the same idle twice within 1.1 s, before any answer.

    The built-in result is written only after the custom one, 2 s later, out of call order.
    """
    log = Log()
    log.begin(run="run")
    start = log.start()
    log.wait(1)
    log.tool(id="builtin")
    log.custom(id="custom")
    log.end(start)
    log.rest("requires_action", "custom", idle="blocked1")
    log.wait(0.5)
    log.runs(id="between")
    log.wait(0.3)
    log.rest("requires_action", "custom", idle="blocked2")
    log.wait(3)
    log.custom_result("custom", id="answer")
    log.wait(0.1)
    log.runs(id="again")
    log.wait(2)
    log.result("builtin", id="late")
    log.answer()
    log.rest(idle="idle")
    return log.events


def partly_answered() -> list[Event]:
    """Two calls wait, one is answered: the server goes idle again with the rest."""
    log = Log()
    log.begin(run="run")
    start = log.start()
    log.custom(id="a")
    log.custom(id="b")
    log.end(start)
    log.rest("requires_action", "a", "b", idle="blocked1")
    log.wait(1)
    log.custom_result("a", id="answer_a")
    log.runs(id="between")
    log.rest("requires_action", "b", idle="blocked2")
    log.wait(1)
    log.custom_result("b", id="answer_b")
    log.runs(id="again")
    log.answer()
    log.rest(idle="idle")
    return log.events


def result_after_idle() -> list[Event]:
    """A built-in result is written after the turn's idle: it belongs to its use, not to a new turn."""
    log = Log()
    log.begin(run="run")
    start = log.start()
    log.tool(id="use")
    log.end(start)
    log.rest(idle="idle")
    log.wait(2)
    log.result("use", is_error=True, id="late")
    return log.events


# -- 5: statuses that do not pair ---------------------------------------------------------------------


def idle_after_idle() -> list[Event]:
    """An interrupt while an answer is awaited: idle follows idle with no running between."""
    log = Log()
    log.begin(run="run")
    start = log.start()
    log.tool(permission="ask", id="use")
    log.end(start)
    log.rest("requires_action", "use", idle="blocked", cents="2")
    log.wait(4)
    log.interrupt(id="stop")
    log.rest(idle="idle1", cents="2")
    log.wait(1)
    log.rest(idle="idle2", cents="3")
    log.wait(10)
    log.begin("And now?", run="run2")
    log.answer()
    log.rest(idle="idle3", cents="7")
    return log.events


def thread_runs_alone() -> list[Event]:
    """The primary thread runs and nobody says that the session does, twice: for a turn and for a leg."""
    log = Log()
    log.begin(run="run")
    start = log.start()
    log.custom(id="use")
    log.end(start)
    log.rest("requires_action", "use", idle="blocked")
    log.wait(2)
    log.custom_result("use", id="answer")
    log.thread_status("running")
    log.wait(0.5)
    log.answer()
    log.rest(idle="idle")
    log.wait(5)
    log.thread_status("running", id="thread_only")
    log.user("More", id="ask2")
    log.start(id="request2")
    log.wait(1)
    log.message()
    log.end("request2")
    log.rest(idle="idle2")
    return log.events


def message_mid_run() -> list[Event]:
    """A person writes while the agent works; the message is taken up between two requests of the turn."""
    log = Log()
    log.begin("First", run="run", user="first")
    log.answer()
    log.user("And also", id="second")
    log.answer()
    log.rest(idle="idle")
    return log.events


# -- 6: silence ---------------------------------------------------------------------------------------


def silent_child() -> list[Event]:
    """19 min 48 s without an event while a child works; the session never went idle."""
    log = Log()
    log.begin(run="run")
    log.answer("I start the analyst.")
    log.thread_created("sthr_c")
    log.thread_status("running", "sthr_c")
    log.thread_idle(id="primary_idle")
    log.wait(1188)
    log.received("sthr_c", id="late")
    log.thread_idle(thread="sthr_c")
    log.thread_status("running", PRIMARY)
    log.answer("Here it is.")
    log.rest(idle="idle")
    return log.events


def unasked_turn() -> list[Event]:
    """The session went idle; 19 min 48 s later a child's message begins a turn nobody asked for."""
    log = Log()
    log.begin(run="run")
    log.answer()
    log.rest(idle="idle")
    log.wait(1188)
    log.received("sthr_c", id="late")
    log.runs(id="run2")
    log.answer("News from the child.")
    log.rest(idle="idle2")
    return log.events


# -- 7: turns and requests with nothing in them ---------------------------------------------------------


def empty_turn() -> list[Event]:
    """A turn without any agent event: 0 output tokens, end_turn."""
    log = Log()
    log.begin(run="run")
    start = log.start()
    log.wait(1)
    log.end(start, 900, 0, 0, 0)
    log.rest(idle="idle")
    return log.events


def delegation() -> list[Event]:
    """Delegating is a model request with no tool use; a too long one ends with four zeros."""
    log = Log()
    log.begin(run="run")
    start = log.start()
    log.end(start, 0, 0, 0, 0, is_error=True)
    start = log.start()
    log.wait(1)
    log.end(start, 50, 9, 0, 0)
    log.thread_created("sthr_c")
    log.rest(idle="idle")
    return log.events


# -- 8, 9: outcomes and usage ---------------------------------------------------------------------------


def outcome_first() -> list[Event]:
    """A session that begins with an outcome and no message.

    The grader shows no model spans and uses 0 tokens; a model request starts 2 µs after the grade; a
    usage snapshot falls inside a model request; `active_seconds` goes down.
    """
    log = Log()
    log.runs(id="run")
    log.outcome(id="define")
    log.answer("A draft.")
    grade = log.grade_start(id="grade")
    log.wait(17)
    log.grade_end(grade, "needs_revision", id="graded")
    log.wait(0.000_001)
    start = log.start(id="request")
    log.usage("3", active_seconds=193.601)
    log.wait(2)
    log.message()
    log.end(start)
    log.thread_idle()
    log.usage("4", active_seconds=179.777)
    log.idle(id="idle")
    return log.events


def grade_without_start() -> list[Event]:
    """An evaluation that ends with an empty start id, after heartbeats nobody announced."""
    log = Log()
    log.outcome(id="define")
    log.runs(id="run")
    log.answer()
    log.grading(id="beat")
    log.wait(30)
    log.grade_end("", "max_iterations_reached", iteration=2, id="graded")
    log.rest(idle="idle")
    return log.events


def grade_named_by_outcome() -> list[Event]:
    """The start is there, but the end names it by outcome and iteration only."""
    log = Log()
    log.outcome(id="define")
    log.runs(id="run")
    log.answer()
    log.grade_start(id="grade")
    log.wait(30)
    log.grading()
    log.grade_end("", "failed", id="graded")
    log.rest(idle="idle")
    return log.events


def money_drift() -> list[Event]:
    """`list_cost` in decimal dollars as on 2026-08-04, in whole cents ever since."""
    log = Log()
    for number, amount in enumerate(("0.02", "3", "716")):
        log.begin(run=f"run{number}")
        log.answer()
        log.rest(cents=amount)
    return log.events


# -- 10, 11, 12: tools ------------------------------------------------------------------------------------


def interrupted_tool() -> list[Event]:
    """An error result is written BEFORE the interrupt that caused it; the idle says end_turn."""
    log = Log()
    log.begin(run="run")
    start = log.start()
    log.tool(id="use")
    log.end(start)
    log.wait(4)
    text = "Tool execution was interrupted before completion. Please retry."
    log.result("use", text, is_error=True, id="cut")
    log.interrupt(id="stop")
    log.rest(idle="idle")
    return log.events


def self_hosted() -> list[Event]:
    """Every built-in call idles with `allow` and is answered by a worker, 150 s later."""
    log = Log()
    log.begin(run="run")
    start = log.start()
    log.tool(id="use")
    log.end(start)
    log.rest("requires_action", "use", idle="blocked")
    log.wait(150)
    log.host_result("use", id="answer")
    log.runs(id="again")
    log.answer()
    log.rest(idle="idle")
    return log.events


# -- 13, 15: texts, and the resource ---------------------------------------------------------------------

LONG_FAILURE = '{"stderr": "' + "no such file\\n" * 800 + '"}'


def failing_commands() -> list[Event]:
    """Failing shell commands: once an error with 10 KB of JSON text, once none; results full of tabs."""
    log = Log()
    log.begin()
    start = log.start()
    for use in ("a", "b", "c"):
        log.tool(id=use)
    log.end(start)
    log.wait(1)
    log.result("a", LONG_FAILURE, is_error=True)
    log.result("b", "     1\tgrep: app.log: No such file\n     2\texit status 2\n")
    log.add("agent.tool_result", tool_use_id="c", content=None, is_error=None)
    log.answer()
    log.rest()
    return log.events


def resource_says_idle() -> list[Event]:
    """`GET session` says idle before the first turn, and again before the list has the idle event."""
    resource = {
        "id": "sesn_1",
        "status": "idle",
        "agent": {"id": "agent_1", "name": "coder", "version": 3, "model": {"id": "claude-opus-5"}},
    }
    log = Log()
    log.events.append(local("local.session", {"session": resource}, key="first"))
    log.begin()
    log.answer()
    log.events.append(local("local.session", {"session": resource}, key="second"))
    log.rest()
    return log.events


# -- 14, and what the types allow ----------------------------------------------------------------------------


def compaction() -> list[Event]:
    """The context is compacted: two extra spans around it, one of 0/0 tokens, and the cache starts anew."""
    log = Log()
    log.begin(run="run")
    log.answer(read=828_000)
    start = log.start()
    log.end(start, 0, 0, 0, 0)
    log.compacted(id="compacted")
    start = log.start()
    log.wait(9)
    log.end(start, 4000, 900, 0, 0)
    log.answer(read=0)
    log.rest(idle="idle")
    return log.events


def end_without_start() -> list[Event]:
    """A late listener: the first it sees of the turn is the end of a model request."""
    log = Log()
    log.end("sevt_never_seen", id="end")
    log.tool(id="use", permission="allow")
    log.result("use")
    log.answer()
    log.rest(idle="idle")
    return log.events


def start_without_end() -> list[Event]:
    """Two requests start and only the second ends."""
    log = Log()
    log.begin(run="run")
    log.start(id="orphan")
    log.wait(1)
    log.start(id="request")
    log.wait(1)
    log.message()
    log.end("request", id="end")
    log.rest(idle="idle")
    return log.events


def unknown_words() -> list[Event]:
    """Words that this version does not know: types, a stop reason, a permission, a verdict."""
    log = Log()
    log.begin(run="run")
    log.add("agent.dreams", id="dream", content="of sheep")
    start = log.start()
    log.tool(id="use", permission="ask_twice")
    log.end(start)
    log.rest("requires_action", "use", idle="blocked")
    log.confirm("use", "perhaps", id="perhaps")
    log.confirm("use", "allow", id="yes")
    log.runs()
    log.result("use")
    log.add("agent.dreams", id="dream2")
    log.rest("out_of_patience", idle="idle")
    return log.events


def refusal() -> list[Event]:
    """The model refuses; the details are on the idle."""
    log = Log()
    log.begin(run="run")
    log.answer()
    log.thread_idle("refusal")
    details = {"type": "refusal", "category": "cyber", "explanation": "declined"}
    log.idle("refusal", id="idle", stop_details=details)
    return log.events


def asks_without_naming() -> list[Event]:
    """An action is required that no tool use stands for: the memory store could not be mounted."""
    log = Log()
    log.begin(run="run")
    log.rest("requires_action", idle="blocked")
    log.wait(5)
    log.interrupt(id="stop")
    log.rest(idle="idle")
    return log.events


def idle_before_use() -> list[Event]:
    """The session's idle names a use that comes only after it, as children's idles are seen to do."""
    log = Log()
    log.begin(run="run")
    log.rest("requires_action", "use", idle="blocked")
    log.custom(id="use")
    log.wait(1)
    log.custom_result("use", id="answer")
    log.runs(id="again")
    log.answer()
    log.rest(idle="idle")
    return log.events


def result_before_use() -> list[Event]:
    """Confirmation and result stand before the use they answer: streams and pages that cross."""
    log = Log()
    log.begin(run="run")
    log.wait(1)
    log.confirm("use", id="yes")
    log.wait(2)
    log.result("use", is_error=True, id="result")
    log.wait(-3)
    log.tool(id="use", permission="ask")
    log.wait(3)
    log.rest(idle="idle")
    return log.events


def answered_unseen() -> list[Event]:
    """A late listener sees an idle and the answer to it, never the use."""
    log = Log()
    log.idle("requires_action", "sevt_never_seen", id="blocked")
    log.custom_result("sevt_never_seen", id="answer")
    log.idle("requires_action", "sevt_never_seen", id="stale")
    return log.events


def absent_stamps() -> list[Event]:
    """A message comes without a stamp while it waits, and again with one when it is taken up."""
    log = Log()
    log.begin("First", run="run", user="first")
    log.user("Second", id="second", at=...)
    log.answer()
    log.rest(idle="idle")
    log.wait(0.1)
    log.runs(id="run2")
    log.user("Second", id="second")
    log.answer()
    log.rest(idle="idle2")
    return log.events


def queued_before_anything() -> list[Event]:
    """A session made with a message: it is listed without a stamp before anything else exists."""
    log = Log()
    log.add("local.session", id=None, at=..., session={"id": "sesn_1", "status": "idle"})
    log.add("local.connected", id=None, at=..., connection=1)
    log.user(id="ask", at=...)
    log.begin(run="run", user="ask")
    log.answer()
    log.rest(idle="idle")
    return log.events


def workflow_turn() -> list[Event]:
    """A workflow run keeps the session running after the primary's end_turn and wakes it again."""
    log = Log()
    log.begin(run="run")
    log.answer("I start the run.")
    phases = [{"id": "wrph_1", "name": "collect", "description": None}]
    log.add("workflow_run.created", workflow_run_id="wrun_1", name="triage", phases=phases, id="made")
    log.add("workflow_run.status_running", workflow_run_id="wrun_1")
    log.add("workflow_run.phase_started", workflow_run_id="wrun_1", workflow_run_phase_id="wrph_1", id="p")
    log.thread_idle(id="primary_idle")
    log.wait(600)
    log.add("workflow_run.phase_ended", workflow_run_id="wrun_1", workflow_run_phase_id="wrph_1")
    log.add("workflow_run.status_ended", workflow_run_id="wrun_1", result={"type": "completed"}, id="over")
    log.thread_status("running", PRIMARY)
    log.answer("The run has ended.")
    log.rest(idle="idle")
    return log.events
