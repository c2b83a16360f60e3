"""Owns the steps beyond a model request: failures, child threads, workflow runs, compaction, grading.

Invariant: what a child thread does is on its own log; its session's log has only its creation, its status,
the messages between the two, and what it asks of a client.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cma_tui.simulator import meter
from cma_tui.simulator.clock import stamp
from cma_tui.simulator.rest import Posts, about_thread, wake
from cma_tui.simulator.script import Answers, Compact, Delegate, Evaluate, Failure, Turn, Workflow
from cma_tui.simulator.store import Event

if TYPE_CHECKING:
    from cma_tui.simulator.performer import Performer

_SECONDS_TO_FIRST_TOKEN = 0.8
_SECONDS_BETWEEN_HEARTBEATS = 1.5
_GRADER_USAGE = meter.Usage(input_tokens=900, output_tokens=120)


def _text(text: str) -> list[Event]:
    return [{"type": "text", "text": text}]


async def failure(performer: Performer, step: Failure) -> None:
    """A model request that fails; a retried one reschedules the session for a moment."""
    session, thread = performer.session, performer.thread
    performer.start_request()
    await performer.pause(_SECONDS_TO_FIRST_TOKEN)
    if step.said:
        await performer.say(step.said)  # previewed, and never written: the request failed under it
    error: Event = {"type": step.error, "message": step.message, "retry_status": {"type": step.retry}}
    performer.end_request(meter.Usage(), is_error=True)
    session.post({"type": "session.error", "error": error}, thread=thread)
    if step.retry != "retrying":
        return
    posts = about_thread(session, thread, "status_rescheduled")
    if not _others_run(performer):
        posts.append((session.primary, {"type": "session.status_rescheduled"}))
    session.emit(*posts)
    await performer.pause(step.pause)
    wake(session, thread)


def _others_run(performer: Performer) -> bool:
    threads = performer.session.threads.values()
    return any(thread.status == "running" for thread in threads if thread is not performer.thread)


# --- child threads ------------------------------------------------------------------------------------------


def delegate(performer: Performer, step: Delegate, run_id: str | None = None) -> None:
    """Create a child thread, give it its task, and let it run."""
    session = performer.session
    agent = dict(session.agent, name=step.agent_name, description=None, multiagent=None)
    agent["id"] = session.ids.new("agent")
    if run_id is not None:
        agent = {**agent, "type": "inline"}
        del agent["id"]
    child = session.add_thread(agent, performer.thread, run_id)
    created: Event = {"session_thread_id": child.id, "agent_name": child.name}
    if run_id is not None:
        created["workflow_run_id"] = run_id
    performer.post({"type": "session.thread_created", **created})
    wake(session, child)
    sent: Event = {"to_session_thread_id": child.id, "to_agent_name": child.name, "content": _text(step.task)}
    received: Event = {"from_session_thread_id": performer.thread.id, "content": _text(step.task)}
    session.emit(
        (performer.thread, {"type": "agent.thread_message_sent", **sent}),
        (child, {"type": "agent.thread_message_received", **received}),
    )
    child.context.read(step.task)
    performer.start_child(child, lambda: step.scene(Turn(text=step.task)))


def report(performer: Performer) -> Posts:
    """A child's last message, sent to the thread that created it."""
    session, child = performer.session, performer.thread
    parent = session.threads[child.parent_id or session.primary.id]
    content = _text(performer.report.text)
    sent: Event = {"to_session_thread_id": parent.id, "content": content}
    received: Event = {"from_session_thread_id": child.id, "from_agent_name": child.name, "content": content}
    return [
        (child, {"type": "agent.thread_message_sent", **sent}),
        (parent, {"type": "agent.thread_message_received", **received}),
    ]


# --- workflow runs ------------------------------------------------------------------------------------------


async def workflow(performer: Performer, step: Workflow) -> Answers:
    """Run the phases one after the other; the workers of a phase work side by side."""
    session = performer.session
    run: Event = {"workflow_run_id": session.ids.new("wrun")}
    phases = [
        {"id": session.ids.new("wrph"), "name": phase.name, "description": phase.description}
        for phase in step.phases
    ]
    session.open_workflow_runs.add(run["workflow_run_id"])
    head: Event = {**run, "name": step.name, "description": step.description, "phases": phases}
    performer.post({"type": "workflow_run.created", **head}, {"type": "workflow_run.status_running", **run})
    reports: Answers = ()
    ended: Event = {"result": {"type": "stopped"}}
    try:
        for n, (phase, about) in enumerate(zip(step.phases, phases, strict=True)):
            if n:
                # Between phases nothing of the run works: it is idle until the next one is scheduled.
                performer.post({"type": "workflow_run.status_idle", **run})
                await performer.pause(0.5)
                performer.post({"type": "workflow_run.status_running", **run})
            where: Event = {**run, "workflow_run_phase_id": about["id"]}
            started = session.ids.new("sevt")
            performer.post({"type": "workflow_run.phase_started", "id": started, **where})
            for worker in phase.workers:
                delegate(performer, worker, run["workflow_run_id"])
            reports += await performer.join()
            performer.post({"type": "workflow_run.phase_ended", **where, "phase_started_id": started})
        ended = {"result": {"type": "completed"}}
        if step.error is not None:
            performer.post({"type": "workflow_run.error", **run, "error": step.error})
            ended = {"result": {"type": "error", "error": step.error}}
    finally:
        session.open_workflow_runs.discard(run["workflow_run_id"])
        if not performer.abandoned:
            performer.post({"type": "workflow_run.status_ended", **run, **ended})
    return reports


# --- compaction and grading ---------------------------------------------------------------------------------


async def compact(performer: Performer, step: Compact) -> None:
    """A request that finds the context too long, one that summarises it, and the mark of it."""
    performer.start_request()
    await performer.pause(0.3)
    performer.end_request(meter.Usage())
    performer.start_request()
    await performer.pause(2.5)
    summary_tokens = meter.tokens(step.summary)
    performer.end_request(performer.thread.context.request(summary_tokens))
    performer.thread.context.compact(summary_tokens)
    performer.post({"type": "agent.thread_context_compacted"})


async def evaluate(performer: Performer, step: Evaluate) -> None:
    """Grade the outcome that is being worked on; the grader's tokens are the session's, not the thread's."""
    session = performer.session
    outcome = session.outcomes[-1]
    about = _about(outcome)
    performer.evaluation = session.ids.new("sevt")
    performer.post({"type": "span.outcome_evaluation_start", "id": performer.evaluation, **about})
    for _ in range(step.heartbeats):
        await performer.pause(_SECONDS_BETWEEN_HEARTBEATS)
        performer.post({"type": "span.outcome_evaluation_ongoing", **about})
    await performer.pause(_SECONDS_BETWEEN_HEARTBEATS)
    session.grading.add(_GRADER_USAGE)
    performer.post(_graded(performer, outcome, step.result, step.explanation, _GRADER_USAGE))


def interrupted_outcome(performer: Performer) -> Posts:
    """What an interrupt leaves of an outcome: its last evaluation, which may have had no start."""
    session = performer.session
    if not session.outcomes or session.outcomes[-1]["completed_at"] is not None:
        return []
    end = _graded(performer, session.outcomes[-1], "interrupted", "Interrupted by the user.", meter.Usage())
    return [(session.primary, end)]


def _graded(performer: Performer, outcome: Event, result: str, explanation: str, usage: meter.Usage) -> Event:
    """Keep a verdict in the session, and give its event."""
    event: Event = {
        "type": "span.outcome_evaluation_end",
        "outcome_evaluation_start_id": performer.evaluation,
        **_about(outcome),
        "result": result,
        "explanation": explanation,
        "usage": usage.model_usage(),
    }
    performer.evaluation = ""
    outcome.update(result=result, explanation=explanation)
    if result == "needs_revision":
        outcome["iteration"] += 1
    else:
        outcome["completed_at"] = stamp(performer.session.clock.now())
    return event


def _about(outcome: Event) -> Event:
    return {"outcome_id": outcome["outcome_id"], "iteration": outcome["iteration"]}
