"""Owns one session's agent: it takes inputs, plays a scene for each turn, and answers for the client's tools.

Invariant: at most one turn is played at a time; inputs that arrive meanwhile wait in the log without a stamp,
and each starts a turn of its own when the one before has come to rest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cma_tui.simulator import host, scenes
from cma_tui.simulator.clock import Tasks
from cma_tui.simulator.performer import Performer, Stage
from cma_tui.simulator.rest import Posts, wake
from cma_tui.simulator.script import Scene, Turn
from cma_tui.simulator.store import Call, Event, Session, Thread

_DEFAULT_ITERATIONS = 3


class Agent:
    """The agent of one session; with `scripted` false it takes inputs and leaves all else to the test."""

    def __init__(
        self,
        session: Session,
        tasks: Tasks,
        *,
        scripted: bool,
        host_answers: bool,
        write_file: Callable[[str, str], None],
    ) -> None:
        self.session = session
        self._tasks = tasks
        self._scripted, self._host_answers = scripted, host_answers
        self._performers: dict[str, Performer] = {}
        self._outcomes: list[Event] = []
        self._turns = 0
        self._working = False
        self._stage = Stage(
            session,
            tasks,
            self._performers,
            self._ask_host,
            self._take_interrupts,
            write_file,
            self._flush_queue,
        )

    @property
    def busy(self) -> bool:
        """A turn is being played or about to be, or the host is about to answer."""
        session = self.session
        if not self._scripted or not session.alive:
            return False
        if any(event["type"] == "user.interrupt" for event in session.queued):
            return True
        if session.blocking_ids:
            return any(self._is_hosts(session.calls[i]) for i in session.blocking_ids)
        return self._working and not (session.status == "idle" and session.over_budget())

    # --- what clients send ----------------------------------------------------------------------------------

    def accept(self, events: Sequence[Event]) -> list[Event]:
        """Take events that were found to fit; the echoes have a stamp where the service stamps at receipt."""
        return [self._accept({**event, "id": self.session.ids.new("sevt")}) for event in events]

    def _accept(self, event: Event) -> Event:
        session = self.session
        match event["type"]:
            case "user.message" | "system.message":
                session.queue(dict(event))
                self._work()
                return event
            case "user.define_outcome":
                return self._accept_outcome(event)
            case "user.interrupt":
                return self._accept_interrupt(event)
            case "user.tool_confirmation":
                echo = dict(event)
                # Too late, after an interrupt, it is accepted without effect and without record.
                if session.calls[event["tool_use_id"]].needs is not None:
                    self._route(event, event["tool_use_id"])
                return echo
            case "user.custom_tool_result":
                return self._route({"is_error": False, **event}, event["custom_tool_use_id"])
            case _:
                return self._route({"is_error": False, **event}, event["tool_use_id"])

    def _accept_outcome(self, event: Event) -> Event:
        event.setdefault("max_iterations", _DEFAULT_ITERATIONS)
        event["outcome_id"] = self.session.ids.new("outc")
        self.session.outcomes.append(
            {
                "type": "outcome_evaluation",
                "outcome_id": event["outcome_id"],
                "description": event["description"],
                "iteration": 0,
                "result": "pending",
                "explanation": None,
                "completed_at": None,
            }
        )
        self.session.post(event)
        self._outcomes.append(event)
        self._work()
        return event

    def _route(self, event: Event, call_id: str) -> Event:
        """Write an answer where its call is known: a child's answer is on its log too, under another id."""
        session, thread = self.session, self.session.calls[call_id].thread
        if thread is session.primary:
            session.post(event)
            return event
        copy = {**event, "id": session.ids.new("sevt")}
        event["session_thread_id"] = thread.id
        session.emit((session.primary, event), (thread, copy))
        return event

    def _accept_interrupt(self, event: Event) -> Event:
        session = self.session
        if session.over_budget() and session.status == "idle":
            return event
        target = event.get("session_thread_id")
        hit = [p for p in self._performers.values() if target in (None, p.thread.id)]
        if hit:
            session.queue(dict(event))
            for performer in hit:
                performer.interrupt()
        elif self._scripted:
            session.post(dict(event))
        else:
            session.queue(dict(event))
        return event

    def _take_interrupts(self, thread: Thread) -> Posts:
        """The interrupts this thread carries out: those without a target are the primary thread's."""
        session = self.session
        posts: Posts = []
        for event in session.queued:
            target = event.get("session_thread_id", session.primary.id)
            if event["type"] == "user.interrupt" and target == thread.id:
                if thread is not session.primary:
                    posts.append((thread, dict(event)))
                posts.append((session.primary, dict(event)))
        return posts

    # --- turns ----------------------------------------------------------------------------------------------

    def _work(self) -> None:
        if self._scripted and not self._working:
            self._working = True
            self._tasks.start(self._play_turns())

    async def _play_turns(self) -> None:
        try:
            while self.session.alive and (self._outcomes or self._next_inputs()):
                await self._play_turn()
        finally:
            self._working = False
            self.session.changed.fire()

    async def _play_turn(self) -> None:
        session = self.session
        self._turns += 1
        performer = Performer(self._stage, session.primary)
        wake(session, session.primary)
        await performer.play(self._take_up)
        # An interrupt that came too late to be carried out is still recorded.
        late = [e for e in session.queued if e["type"] == "user.interrupt"]
        if late and session.alive:
            session.post(*(dict(event) for event in late))

    def _next_inputs(self) -> list[Event]:
        """The first queued message with the system text that directly follows it."""
        inputs = [e for e in self.session.queued if e["type"] in ("user.message", "system.message")]
        count = next((n for n, e in enumerate(inputs) if n and e["type"] != "system.message"), len(inputs))
        return inputs[:count]

    def _take_up(self) -> Scene:
        session = self.session
        if self._outcomes:
            event = self._outcomes.pop(0)
            session.primary.context.read(event["description"])
            return scenes.outcome(
                Turn(event["description"], self._turns, session.cents_left, event["max_iterations"])
            )
        inputs = self._next_inputs()
        session.post(*(dict(event) for event in inputs))
        texts = [_text(event) for event in inputs if event["type"] == "user.message"]
        session.primary.context.read("\n".join(texts))
        return scenes.choose(Turn("\n".join(texts), self._turns, session.cents_left))

    def _flush_queue(self) -> None:
        """The turn is dead: what waited for it is recorded and gets no turn of its own."""
        waiting = [dict(event) for event in self.session.queued if event["type"] != "user.interrupt"]
        if waiting:
            self.session.post(*waiting)

    def stop(self) -> None:
        """The session is archived or deleted: whatever is being played ends where it is."""
        for performer in list(self._performers.values()):
            performer.abandon()

    # --- the client's tools ---------------------------------------------------------------------------------

    def _is_hosts(self, call: Call) -> bool:
        return self._host_answers and self._scripted and call.needs == "result"

    def _ask_host(self, calls: Sequence[Call]) -> None:
        if any(self._is_hosts(call) for call in calls):
            self._tasks.start(self._answer_as_host(calls))

    async def _answer_as_host(self, calls: Sequence[Call]) -> None:
        await self.session.clock.timer(host.SECONDS_TO_ANSWER)
        results = [host.result(call) for call in calls if self._is_hosts(call)]
        if self.session.alive:
            self.accept(results)


def _text(event: Event) -> str:
    return "\n".join(block["text"] for block in event["content"] if block["type"] == "text")
