"""A workspace with many sessions: most at rest with a past, some at work, a few that wait for somebody.

Owns who they are and what they do. Invariants: the same seed makes the same workspace; those at rest have a
log that a fold understands; those at work go on for as long as the simulator runs.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cma_tui.simulator import meter
from cma_tui.simulator.clock import stamp

if TYPE_CHECKING:
    from cma_tui.simulator.simulator import Simulator

_AGENTS = ("incident-responder", "release-notes", "support-triage", "code-reviewer", "data-analyst")
_THINGS = ("orders", "cart", "billing", "search", "checkout", "catalogue", "payments", "shipping")
_TITLES = (
    "p99 latency on {} is ten times the baseline",
    "Summarise the changes of {} since the last release",
    "Why do refunds on {} fail?",
    "Review the retry logic of {}",
    "Weekly figures of {}",
    "Migrate {} to the new queue",
)
_TASKS = (
    "investigate the incident",
    "delegate it to a helper",
    "run a workflow",
    "compact, then go on",
    "search the runbooks",
    "what is the impact on customers?",
)
_ASK = "roll it back"
_DAY = 86_400_000_000
_REST = (8.0, 25.0)
"""Seconds between two turns of a session at work."""


class Crowd:
    """Many sessions of one simulator."""

    def __init__(self, sim: Simulator, count: int, *, running: int | None = None, seed: int = 1) -> None:
        """Create them.

        Args:
            sim: where they live.
            count: how many there are.
            running: how many of them work; a tenth, when it is not said.
            seed: makes another workspace.
        """
        self._sim = sim
        self._random = random.Random(seed)  # noqa: S311 - a scene, not a secret
        working = min(count, max(1, count // 10) if running is None else running)
        self.agents = [self._agent(name) for name in _AGENTS]
        self.resting = [self._create(n) for n in range(count - working)]
        self.working = [self._create(n, at_work=True) for n in range(working)]

    def start(self) -> None:
        """Let those at work begin. Called in the simulator's loop."""
        for number, session in enumerate(self.working):
            self._sim.tasks.start(self._work(session, asks=number % 5 == 4))

    def _agent(self, name: str) -> str:
        whole = self._sim.agents[self._sim.agent_id]
        if name == whole["name"]:
            return str(self._sim.agent_id)
        return str(self._sim.add_agent({**whole, "name": name})["id"])

    def _create(self, number: int, *, at_work: bool = False) -> str:
        choose = self._random.choice
        sim, thing = self._sim, choose(_THINGS)
        session = sim.create_session(
            title=choose(_TITLES).format(thing) if number % 9 else None,
            metadata={"team": thing} | ({"ticket": f"INC-{4000 + number}"} if number % 3 == 0 else {}),
            agent_id=choose(self.agents),
            agent="scripted",
        )
        now = sim.clock.now()
        ago = int(_DAY / 48 + _DAY * (number % 997) / 16 + self._random.random() * _DAY / 16)
        sim.sessions[session].created_at = now - (int(ago / 200) if at_work else ago)
        if not at_work:
            self._give_past(session, now - ago)
        return session

    def _give_past(self, session: str, began: int) -> None:
        """A short turn that ended some time ago, now and then badly."""
        choice = self._random.random()
        reason = "end_turn" if choice < 0.92 else "retries_exhausted" if choice < 0.96 else "budget_reached"
        past: Sequence[dict[str, Any]] = (
            {"type": "user.message", "content": [{"type": "text", "text": self._random.choice(_TASKS)}]},
            {"type": "session.status_running"},
            {"type": "agent.message", "content": [{"type": "text", "text": "Done; the summary is above."}]},
            {"type": "session.status_idle", "stop_reason": {"type": reason}},
        )
        at = began + 2_000_000
        for event in past:
            event["processed_at"] = stamp(at)
            at += self._random.randrange(1_000_000, 40_000_000)
        of = self._sim.sessions[session]
        self._sim.emit_batch(session, past)
        tokens = self._random.randrange(2_000, 400_000)
        of.primary.usage.add(meter.Usage(12, tokens // 40, tokens, tokens // 3))
        of.updated_at = at

    async def _work(self, session: str, *, asks: bool) -> None:
        """Turn after turn; one that asks waits at its first question until somebody answers."""
        sim, of = self._sim, self._sim.sessions[session]
        await sim.clock.timer(self._random.uniform(0.0, _REST[0]))
        while of.alive:
            text = _ASK if asks else self._random.choice(_TASKS)
            sim.accept(of, [{"type": "user.message", "content": [{"type": "text", "text": text}]}])
            while of.status != "idle" or of.blocking_ids or of.queued:
                await sim.changed.wait()
            if of.over_budget():
                return
            await sim.clock.timer(self._random.uniform(*_REST))
