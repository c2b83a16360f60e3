"""Owns the playing of a scene on one thread: steps become events, in the order the service writes them.

Invariant: however a performance ends, its open model request gets its end and its running tools get a result
before the thread rests. Every wait is cut short by an interrupt.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass

from cma_tui.simulator import meter, special
from cma_tui.simulator.calls import answer, denied, interrupted_result, script_result, use_event
from cma_tui.simulator.clock import Tasks
from cma_tui.simulator.rest import Posts, rest, terminate, wake
from cma_tui.simulator.script import (
    END_TURN,
    Answer,
    Answers,
    Compact,
    Custom,
    Delegate,
    Evaluate,
    Failure,
    Join,
    Request,
    Say,
    Scene,
    Step,
    Stop,
    Think,
    Use,
    Workflow,
    WriteFile,
)
from cma_tui.simulator.store import Call, Event, Session, Thread

_WORDS_PER_PREVIEW = 2
_SECONDS_PER_PREVIEW = 0.09
_THINKING_TOKENS_PER_SECOND = 40
_SECONDS_TO_NOTICE = 0.15  # between an input and the agent's taking it up


class StoppedError(Exception):
    """Raised from the wait that an interrupt, or the session's end, cuts short."""


@dataclass(frozen=True, slots=True)
class Stage:
    """What all performers of a session share."""

    session: Session
    tasks: Tasks
    performers: dict[str, Performer]
    ask_host: Callable[[Sequence[Call]], None]
    take_interrupts: Callable[[Thread], Posts]
    write_file: Callable[[str, str], None]
    flush_queue: Callable[[], None]


class Performer:
    """Plays scenes on one thread."""

    def __init__(self, stage: Stage, thread: Thread, parent: Performer | None = None) -> None:
        self.stage, self.thread, self._parent = stage, thread, parent
        self.session = stage.session
        self.done = False
        self.report = Answer("The thread ended without a message.", is_error=True)
        self.children: list[Performer] = []
        self._waiting: asyncio.Future[None] | None = None
        self.abandoned = False
        self._interrupted = self._joining = False
        self.evaluation = ""  # the open `span.outcome_evaluation_start`, if any
        self._request: str | None = None
        self._held: list[Event] = []
        self._calls: list[Call] = []
        stage.performers[thread.id] = self

    # --- from outside ---------------------------------------------------------------------------------------

    def interrupt(self) -> None:
        """Stop at once, tidily."""
        self._interrupted = True
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def abandon(self) -> None:
        """Stop at once and write nothing: the session is gone."""
        self.abandoned = True
        self.interrupt()

    # --- the performance ------------------------------------------------------------------------------------

    async def play(self, take_up: Callable[[], Scene]) -> None:
        """Take up the thread's input, play the scene for it to the end, and let the thread rest."""
        try:
            stop = await self._play(await self._take_up(take_up))
            await self.join()
            self._finish(stop)
        except StoppedError:
            while self._children_left():
                await self.session.changed.wait()
            if not self.abandoned:
                self._close()
        finally:
            self.done = True
            self.stage.performers.pop(self.thread.id, None)
            self.session.changed.fire()

    async def _take_up(self, take_up: Callable[[], Scene]) -> Scene:
        """The scene for the input; what was sent before an interrupt is taken up before it is carried out."""
        try:
            await self.pause(_SECONDS_TO_NOTICE)
        except StoppedError:
            if not self.abandoned:
                take_up().close()
            raise
        return take_up()

    async def _play(self, scene: Scene) -> Stop:
        answers: Answers | None = None
        with closing(scene):
            while True:
                try:
                    step = next(scene) if answers is None else scene.send(answers)
                except StopIteration:
                    return END_TURN
                if isinstance(step, Stop):
                    return step
                answers = await self._step(step)

    async def _step(self, step: Step) -> Answers:
        match step:
            case Request():
                return await self.request(step)
            case Failure():
                await special.failure(self, step)
            case Delegate():
                special.delegate(self, step)
            case Join():
                return await self.join()
            case Compact():
                await special.compact(self, step)
            case Workflow():
                return await special.workflow(self, step)
            case Evaluate():
                await special.evaluate(self, step)
            case WriteFile():
                self.stage.write_file(step.name, step.content)
        return ()

    def start_child(self, thread: Thread, take_up: Callable[[], Scene]) -> None:
        """Let another thread play beside this one."""
        child = Performer(self.stage, thread, self)
        self.children.append(child)
        self.stage.tasks.start(child.play(take_up))

    def _finish(self, stop: Stop) -> None:
        session, thread = self.session, self.thread
        self.flush()
        if stop.reason == "terminated":
            terminate(session)
            return
        if stop.reason == "retries_exhausted":
            self.stage.flush_queue()
        if self._parent is not None:
            session.emit(*special.report(self))
            self._parent.child_finishes(self)
        rest(session, thread, {"type": stop.reason}, stop.details)

    def _close(self) -> None:
        """Leave no model request and no tool use open behind an interrupt."""
        self.flush()
        posts: Posts = []
        if self._request is not None:
            posts.append((self.thread, self._request_end(meter.Usage(), is_error=True)))
        for call in self._calls:
            if call.result is None:
                call.needs = None
                if call.kind != "custom":
                    posts.append((self.thread, interrupted_result(call)))
        if self.thread is self.session.primary:
            posts += special.interrupted_outcome(self)
        posts += self.stage.take_interrupts(self.thread)
        self.report = Answer(f"{self.thread.name} was interrupted.", is_error=True)
        if self._parent is not None:
            self._parent.child_finishes(self)
        rest(self.session, self.thread, {"type": "end_turn"}, after=posts)

    # --- waiting --------------------------------------------------------------------------------------------

    async def pause(self, seconds: float) -> None:
        """Let scripted time pass; what was written before it is out by then."""
        self.flush()
        await self.until(self.session.clock.timer(seconds))

    async def until(self, future: asyncio.Future[None]) -> None:
        """Wait for something, unless an interrupt comes first."""
        if not self._interrupted:
            self._waiting = future
            await future
            self._waiting = None
        if self._interrupted:
            raise StoppedError

    async def join(self) -> Answers:
        """Rest until the child threads are done; the last of them wakes this one before it rests itself."""
        if self._children_left():
            rest(self.session, self.thread, {"type": "end_turn"})
            self._joining = True
            while self._children_left():
                await self.until(self.session.changed.wait())
        reports = tuple(child.report for child in self.children)
        for report in reports:
            self.thread.context.read(report.text)
        self.children = []
        return reports

    def _children_left(self) -> list[Performer]:
        return [child for child in self.children if not child.done]

    def child_finishes(self, child: Performer) -> None:
        """A child is about to rest; the last one first wakes the thread that waits for it."""
        if self._joining and not self._interrupted and self._children_left() == [child]:
            self._joining = False
            wake(self.session, self.thread)

    # --- writing --------------------------------------------------------------------------------------------

    def post(self, *events: Event) -> None:
        """Write events to this thread's log, after those held back."""
        held, self._held = self._held, []
        if held or events:
            self.session.post(*held, *events, thread=self.thread)

    def flush(self) -> None:
        """Write what was held back to share its batch with what follows."""
        self.post()

    def start_request(self) -> None:
        """Open a model request."""
        self._request = self.session.ids.new("sevt")
        self.post({"type": "span.model_request_start", "id": self._request})

    def end_request(self, usage: meter.Usage, *before: Event, is_error: bool = False) -> None:
        """Close it, with the tool uses it wrote in the same batch."""
        self.thread.usage.add(usage)
        self.post(*before, self._request_end(usage, is_error=is_error))
        self._request = None

    def _request_end(self, usage: meter.Usage, *, is_error: bool) -> Event:
        return {
            "type": "span.model_request_end",
            "model_request_start_id": self._request,
            "is_error": is_error,
            "model_usage": usage.model_usage(),
        }

    async def say(self, text: str) -> Event:
        """Stream previews of a message; returns its event, which is for the caller to write."""
        message_id = self.session.ids.new("sevt")
        self._preview_start("agent.message", message_id)
        for piece in pieces(text):
            await self.pause(_SECONDS_PER_PREVIEW)
            delta = {"type": "content_delta", "index": 0, "content": {"type": "text", "text": piece}}
            preview: Event = {"type": "event_delta", "event_id": message_id, "delta": delta}
            self.session.preview(self.thread, "agent.message", message_id, preview)
        self.report = Answer(text)
        return {"type": "agent.message", "id": message_id, "content": [{"type": "text", "text": text}]}

    async def _think(self, seconds: float) -> Event:
        thinking_id = self.session.ids.new("sevt")
        self._preview_start("agent.thinking", thinking_id)
        await self.pause(seconds)
        return {"type": "agent.thinking", "id": thinking_id}

    def _preview_start(self, about: str, event_id: str) -> None:
        self.flush()
        preview: Event = {"type": "event_start", "event": {"type": about, "id": event_id}}
        self.session.preview(self.thread, about, event_id, preview)

    # --- a model request and its tools ----------------------------------------------------------------------

    async def request(self, step: Request) -> Answers:
        """Play one model request, run its tools, and give their answers."""
        await self._within_budget()
        self.thread.context.grow(step.reads)
        self.start_request()
        await self.pause(step.wait)
        uses: list[tuple[Use | Custom, Event]] = []
        written = 0
        for block in step.blocks:
            match block:
                case Think(seconds):
                    thought = await self._think(seconds)
                    self._held.append(thought)
                    written += int(seconds * _THINKING_TOKENS_PER_SECOND)
                case Say(text):
                    message = await self.say(text)
                    self._held.append(message)
                    written += meter.tokens(text)
                case Use() | Custom():
                    uses.append((block, use_event(self.session, block)))
                    written += meter.tokens(str(block.input))
        self.end_request(self.thread.context.request(written), *(event for _, event in uses))
        self._calls = [self.session.calls[event["id"]] for _, event in uses]
        answers = await self._run_tools([block for block, _ in uses])
        self._calls = []
        return answers

    async def _run_tools(self, blocks: Sequence[Use | Custom]) -> Answers:
        calls = self._calls
        await self._clients_answer(calls)
        mine = [(b, c) for b, c in zip(blocks, calls, strict=True) if isinstance(b, Use) and c.result is None]
        ran = [block.seconds for block, call in mine if not denied(call)]
        if ran:
            await self.pause(max(ran))
        self.post(*(script_result(block, call) for block, call in mine))
        answers = tuple(answer(call) for call in calls)
        for each in answers:
            self.thread.context.read(each.text)
        return answers

    async def _clients_answer(self, calls: Sequence[Call]) -> None:
        """Rest until clients have answered what they are asked; say so again when less is left."""
        told: list[str] = []
        while waiting := [call.id for call in calls if call.needs is not None]:
            if waiting != told:
                reason: Event = {"type": "requires_action", "event_ids": waiting}
                rest(self.session, self.thread, reason)
                if not told and len(waiting) < len(calls):
                    # A call that needs no client runs meanwhile: the service wakes for it and asks again.
                    wake(self.session, self.thread)
                    rest(self.session, self.thread, reason)
                told = waiting
                self.stage.ask_host(calls)
            await self.until(self.session.changed.wait())
        if told:
            await self.pause(_SECONDS_TO_NOTICE)
            wake(self.session, self.thread)

    async def _within_budget(self) -> None:
        """Rest while the session has no money left."""
        if not self.session.over_budget():
            return
        rest(self.session, self.thread, {"type": "budget_reached"})
        while self.session.over_budget():
            await self.until(self.session.changed.wait())
        wake(self.session, self.thread)


def pieces(text: str) -> list[str]:
    """The text in preview-sized pieces; joined, they are the text."""
    words = re.findall(r"\s*\S+\s*|\s+", text)
    step = _WORDS_PER_PREVIEW
    return ["".join(words[n : n + step]) for n in range(0, len(words), step)]
