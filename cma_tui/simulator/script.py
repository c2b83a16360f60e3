"""Owns the language scenes are written in: steps that a thread plays one after the other.

A scene is a generator. It yields a step, and gets back the answers to the tool uses of that step (or the
messages of the child threads it joined), in order, so it can react to what a person allowed, denied or
returned:

    def restart(turn: Turn) -> Scene:
        (answer,) = yield Request(Say("I'll restart it."), Use("bash", {"command": "…"}, "done", ask=True))
        yield Request(Say("Restarted." if answer.ok else f"Left alone: {answer.denied}"))

Invariant: a scene knows nothing of time, ids, logs or clients; `performer` turns its steps into events.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Turn:
    """What a scene may know: what was asked, and how the session stands."""

    text: str = ""
    number: int = 1
    cents_left: float | None = None
    max_iterations: int = 3


@dataclass(frozen=True, slots=True)
class Answer:
    """How a tool use ended, or what a child thread reported."""

    text: str
    is_error: bool = False
    denied: str | None = None

    @property
    def ok(self) -> bool:
        """It ran and worked."""
        return not self.is_error


Answers = tuple[Answer, ...]
Scene = Generator["Step", Answers, None]


# --- what a model request writes ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Think:
    """The model thinks; no text of it is shown."""

    seconds: float = 1.0


@dataclass(frozen=True, slots=True)
class Say:
    """The model writes a message, streamed as previews to whoever asked for them."""

    text: str


@dataclass(frozen=True, slots=True)
class Use:
    """The model calls a built-in tool, or one of an MCP server; the script knows the result."""

    name: str
    input: dict[str, Any]
    result: str
    fails: bool = False
    ask: bool = False
    seconds: float = 0.5
    server: str | None = None


@dataclass(frozen=True, slots=True)
class Custom:
    """The model calls a tool that the client runs."""

    name: str
    input: dict[str, Any]


Block = Think | Say | Use | Custom


# --- steps --------------------------------------------------------------------------------------------------


class Request:
    """One model request, and then its tools."""

    def __init__(self, *blocks: Block, reads: int = 0, wait: float = 0.8) -> None:
        self.blocks = blocks
        self.reads = reads  # prompt tokens on top of the conversation
        self.wait = wait  # seconds to the first token


@dataclass(frozen=True, slots=True)
class Failure:
    """A model request that fails, perhaps in mid-message; `retry` is the error's `retry_status`."""

    error: str
    message: str
    retry: str = "retrying"
    said: str = ""
    pause: float = 2.0


@dataclass(frozen=True, slots=True)
class Delegate:
    """Start a child thread on a task; it runs beside its parent."""

    agent_name: str
    task: str
    scene: Callable[[Turn], Scene]


@dataclass(frozen=True, slots=True)
class Join:
    """Wait for all child threads; the answers are their last messages."""


@dataclass(frozen=True, slots=True)
class Compact:
    """The context is summarised and starts again from the summary."""

    summary: str


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of a workflow run: threads that work side by side."""

    name: str
    description: str
    workers: tuple[Delegate, ...]


@dataclass(frozen=True, slots=True)
class Workflow:
    """A workflow run, phase by phase; the answers are its workers' last messages. An error ends it."""

    name: str
    description: str
    phases: tuple[Phase, ...]
    error: dict[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Evaluate:
    """A grader looks at the outcome."""

    result: str
    explanation: str
    heartbeats: int = 2


@dataclass(frozen=True, slots=True)
class WriteFile:
    """A file appears under the session's outputs."""

    name: str
    content: str


@dataclass(frozen=True, slots=True)
class Stop:
    """The turn ends, and not in the ordinary way."""

    reason: str
    details: dict[str, Any] | None = None


Step = Request | Failure | Delegate | Join | Compact | Workflow | Evaluate | WriteFile | Stop
END_TURN = Stop("end_turn")
