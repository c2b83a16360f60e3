"""A small model of the server: plans of a session, drawn at random, and the log it would write for one.

A plan is plain data, so that a failing example shrinks to the few steps that matter. The log keeps the
rules of the real one: statuses around every turn, stamps in batches, blocking asks before their idle,
results after their use, children on streams of their own with their asks cross-posted.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from cma_tui.event import Event
from tests.stories.write import Log


@dataclass(frozen=True)
class Tool:
    kind: str
    permission: str
    verdict: str
    failed: bool
    late: bool
    """Its result is written after the next request, as parallel calls are seen to do."""


@dataclass(frozen=True)
class Request:
    tools: tuple[Tool, ...]
    thinks: bool
    failed: bool
    tokens: int


@dataclass(frozen=True)
class Step:
    """One thing within a turn."""

    what: str
    request: Request
    number: int


@dataclass(frozen=True)
class TurnPlan:
    opener: str
    steps: tuple[Step, ...]
    end: str
    usage: bool
    pause: int


@dataclass
class Story:
    """What the server wrote: the session's list, each child's own, and the stampless early copies."""

    history: list[Event] = field(default_factory=list)
    children: dict[str, list[Event]] = field(default_factory=dict)
    drafts: dict[str, tuple[int, Event]] = field(default_factory=dict)
    """By event key: from which position of the history on it may stream, and the copy without a stamp."""

    @property
    def everything(self) -> list[Event]:
        """All streams in one, by time."""
        return sorted(
            [*self.history, *(event for child in self.children.values() for event in child)],
            key=lambda event: (event.at is None, event.at),
        )


TOOLS = st.builds(
    Tool,
    kind=st.sampled_from(["builtin", "mcp", "custom"]),
    permission=st.sampled_from(["allow", "allow", "ask", "deny"]),
    verdict=st.sampled_from(["allow", "deny"]),
    failed=st.booleans(),
    late=st.booleans(),
)
REQUESTS = st.builds(
    Request,
    tools=st.lists(TOOLS, max_size=3).map(tuple),
    thinks=st.booleans(),
    failed=st.booleans(),
    tokens=st.integers(0, 1000),
)
STEPS = st.builds(
    Step,
    what=st.sampled_from(
        [
            "request",
            "request",
            "request",
            "error",
            "rescheduled",
            "message",
            "child",
            "child ask",
            "grade",
            "compaction",
            "stale idle",
            "unknown",
            "orphan",
            "backwards",
            "system",
            "answers at once",
        ]
    ),
    request=REQUESTS,
    number=st.integers(0, 2),
)
TURNS = st.builds(
    TurnPlan,
    opener=st.sampled_from(["message", "message", "two messages", "bare", "outcome", "early"]),
    steps=st.lists(STEPS, max_size=5).map(tuple),
    end=st.sampled_from(
        ["end_turn", "end_turn", "interrupt", "retries_exhausted", "budget_reached", "twice"]
    ),
    usage=st.booleans(),
    pause=st.sampled_from([0, 1, 60]),
)
PLANS = st.lists(TURNS, min_size=1, max_size=2) | st.lists(TURNS, min_size=2, max_size=6)


def write(plans: list[TurnPlan]) -> Story:
    """The log the server would write."""
    return _Writer().session(plans)


def stories() -> st.SearchStrategy[Story]:
    """Random sessions, in their written form."""
    return PLANS.map(write)


class _Writer:
    def __init__(self) -> None:
        self.log = Log()
        self.children: dict[str, Log] = {}
        self.story = Story(history=self.log.events)
        self.late: list[tuple[str, Tool]] = []
        self.turn_began = 0
        self.usage = 0

    def session(self, plans: list[TurnPlan]) -> Story:
        for plan in plans:
            self.turn(plan)
        self.story.children = {name: log.events for name, log in self.children.items()}
        return self.story

    def turn(self, plan: TurnPlan) -> None:
        log = self.log
        log.wait(plan.pause)
        self.turn_began = len(log.events)
        if plan.opener == "outcome":
            log.outcome(f"outc_{len(log.events)}")
        if plan.opener == "early":  # some servers list the message before the status
            self.message()
        log.runs()
        log.wait(0.15)
        if plan.opener in ("message", "two messages"):
            self.message()
        if plan.opener == "two messages":
            self.message()
        for step in plan.steps:
            self.step(step)
        if plan.end == "interrupt":
            self.draft(log.interrupt())
        self.results()
        reason = plan.end if plan.end in ("retries_exhausted", "budget_reached") else "end_turn"
        for _ in range(2 if plan.end == "twice" else 1):
            self.usage += 1
            log.rest(reason, cents=str(self.usage) if plan.usage else None)

    def message(self) -> None:
        self.draft(self.log.user(f"message {len(self.log.events)}"))

    def draft(self, key: str) -> None:
        """The event may have streamed without a stamp since the turn before began."""
        event = self.log.events[-1]
        early = Log()
        early.add(**{"type_": event.type, "id": key, "at": None, **rest(event)})
        self.story.drafts[key] = (self.turn_began, early.events[0])

    def step(self, step: Step) -> None:
        log = self.log
        match step.what:
            case "request":
                self.request(log, step.request)
            case "answers at once":
                self.request(log, step.request, idles=False)
            case "error":
                log.error()
            case "rescheduled":
                log.start()
                log.rescheduled()
                log.wait(1)
                log.runs()
            case "message":
                self.message()
            case "system":
                self.draft(log.system())
            case "child":
                child = self.child(step.number)
                self.request(child, step.request, idles=False)
                child.thread_idle()
                log.thread_idle(thread=child.thread)
            case "child ask":
                self.child_ask(step)
            case "grade":
                start = log.grade_start(iteration=len(log.events))
                log.wait(30)
                log.grading(iteration=len(log.events) - 1)
                log.grade_end(start, "satisfied", iteration=len(log.events) - 2)
            case "compaction":
                log.compacted()
            case "stale idle":
                answered = [e.custom_tool_use_id for e in log.events if e.type == "user.custom_tool_result"]
                if answered:
                    log.idle("requires_action", *answered[-2:])
            case "unknown":
                log.add("agent.dreams")
            case "orphan":
                log.start()
            case "backwards":
                log.wait(-0.074)
                log.usage(str(self.usage))
                log.wait(0.074)

    def request(self, log: Log, request: Request, *, idles: bool = True) -> None:
        """A model request with its tools. `idles`: whether the session stands still for what blocks."""
        start = log.start()
        log.wait(1)
        if request.thinks:
            log.thinking()
        uses = [(self.use(log, tool), tool) for tool in request.tools if not request.failed]
        if not uses:
            log.message()
        log.end(start, request.tokens, request.tokens // 2, 3, 4, is_error=request.failed)
        self.results()
        blocking = [(use, tool) for use, tool in uses if tool.kind == "custom" or tool.permission == "ask"]
        if blocking and idles:
            log.rest("requires_action", *(use for use, _ in blocking))
        for use, tool in blocking:
            log.wait(2)
            if tool.kind == "custom":
                log.custom_result(use, is_error=tool.failed)
                self.draft_answer(log)
            else:
                log.confirm(use, tool.verdict)
                self.draft_answer(log)
        if blocking and idles:
            log.runs()
        for use, tool in uses:
            if tool.kind == "custom":
                continue
            if tool.late and log is self.log:
                self.late.append((use, tool))
            else:
                self.result(log, use, tool)

    def draft_answer(self, log: Log) -> None:
        """Answers too are told without a stamp at first, by some."""
        if log is self.log:
            self.draft(log.events[-1].key)
            self.story.drafts[log.events[-1].key] = (
                len(log.events) - 1,
                self.story.drafts[log.events[-1].key][1],
            )

    def use(self, log: Log, tool: Tool, **fields: Any) -> str:
        if tool.kind == "custom":
            return log.custom(**fields)
        write_ = log.mcp if tool.kind == "mcp" else log.tool
        return write_(permission=tool.permission, **fields)

    def result(self, log: Log, use: str, tool: Tool) -> None:
        log.wait(0.5)
        failed = (
            tool.failed or tool.permission == "deny" or (tool.permission == "ask" and tool.verdict == "deny")
        )
        (log.mcp_result if tool.kind == "mcp" else log.result)(use, is_error=failed)

    def results(self) -> None:
        for use, tool in self.late:
            self.result(self.log, use, tool)
        self.late.clear()

    def child(self, number: int) -> Log:
        name = f"sthr_{number}"
        if name not in self.children:
            self.children[name] = self.log.child(name)
            self.log.thread_created(name)
        self.log.thread_status("running", name)
        self.children[name].thread_status("running")
        return self.children[name]

    def child_ask(self, step: Step) -> None:
        """A child's custom call: the same id on both streams, its result with two ids."""
        child = self.child(step.number)
        start = child.start()
        child.wait(1)
        use = child.custom()
        child.end(start, step.request.tokens)
        child.thread_idle("requires_action", use)
        log = self.log
        log.wait(0.08)
        log.thread_idle("requires_action", use, thread=child.thread)
        log.custom(id=use, session_thread_id=child.thread)
        log.idle("requires_action", use)
        log.wait(3)
        log.custom_result(use, session_thread_id=child.thread)
        child.custom_result(use, session_thread_id=child.thread)
        log.runs()
        child.answer()
        child.thread_idle()
        log.thread_idle(thread=child.thread)


def rest(event: Event) -> dict[str, Any]:
    """The event's own fields, without its envelope."""
    return {k: v for k, v in event.data.items() if k not in ("type", "id", "processed_at")}
