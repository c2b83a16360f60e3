"""What a session has beside its turns and items: agents, threads, outcomes, workflow runs, usage, previews.

Owns their shape, in the API's own words; `fold` is the only writer. Invariant: each is found by the server's
own id; what the server has not told is None, or `unknown`.
"""

from __future__ import annotations

from array import array
from typing import Any

import msgspec


class Agent(msgspec.Struct):
    """The agent's snapshot, as the session's resource gives it."""

    id: str | None = None
    name: str | None = None
    version: int | None = None
    model: str | None = None
    tools: list[Any] = msgspec.field(default_factory=list)


class SessionThread(msgspec.Struct):
    """An agent thread below the primary one. Its own events are here only if its stream was read."""

    id: str
    agent_name: str | None = None
    parent: str | None = None
    model: str | None = None
    workflow_run: str | None = None
    created_at: float | None = None
    status: str = "unknown"
    stop_reason: str | None = None
    items: array[int] = msgspec.field(default_factory=lambda: array("q"))
    """Indexes in `Session.items` of what its own stream showed, and of its asks."""
    created: array[int] = msgspec.field(default_factory=lambda: array("q"))
    """Indexes in `Session.items` of the rows that tell of its beginning: they say how it stands."""
    first: int = -1
    """Ordinal of the first event of its own stream; -1 while none is in the log."""
    usage: UsageSnapshot | None = None
    """What the API last said that it has used, its own events seen or not."""

    @property
    def read(self) -> bool:
        """Whether events of its own stream are in the log."""
        return self.first >= 0


class UsageSnapshot(msgspec.Struct, gc=False):
    """A `session.usage` event: what the whole session, children included, has used so far."""

    event: int
    at: float | None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_5m_tokens: int | None = None
    cache_write_1h_tokens: int | None = None
    cost_usd: float | None = None
    active_seconds: float | None = None
    web_searches: int | None = None
    charged_usd: float | None = None
    """The highest cost told up to here: what was charged stays charged, though a snapshot falls back."""


class Outcome(msgspec.Struct):
    """A defined outcome and how its evaluations went."""

    id: str
    event: int
    evaluations: list[int] = msgspec.field(default_factory=list)
    """Item indexes of its evaluations."""
    result: str | None = None


class WorkflowRun(msgspec.Struct):
    """A dynamic workflow run."""

    id: str
    name: str | None = None
    status: str = "unknown"
    phases: dict[str, str] = msgspec.field(default_factory=dict)
    """Names by phase id."""
    open_phases: list[str] = msgspec.field(default_factory=list)
    result: str | None = None
    error: str | None = None
    created_at: float | None = None
    ended_at: float | None = None


class Preview(msgspec.Struct):
    """Text that streams in before its event exists, or thinking that has begun."""

    id: str
    type: str
    stream: str | None
    started_at: float | None
    """When it reached us."""
    parts: list[list[str]] = msgspec.field(default_factory=list)
    """Fragments by content index."""
    partial: bool = False
    """True when its beginning was not seen."""

    @property
    def text(self) -> str:
        """What has arrived so far."""
        return "\n".join("".join(part) for part in self.parts)
