"""The agent of each moment: what it was when something happened.

Owns which agent, and which model, an event belongs to. Invariant: an update changes nothing of the time
before it, whenever it is read.
"""

from __future__ import annotations

from bisect import bisect_right

from cma_tui.session.members import Agent
from cma_tui.session.model import Item, Session


def first_agent(session: Session) -> Agent:
    """The agent from the log's beginning on.

    A description that was read after a change does not tell the version and the tools of the time before it.
    """
    if not session.agents:
        return session.agent
    changed_at = session.events[session.agents[0][0]].at
    if session.described is not None:
        read_at, agent = session.described
        if read_at is not None and changed_at is not None and read_at < changed_at:
            return agent
    return Agent(id=session.agent.id, name=session.agent.name, model=session.agent.model)


def changes_before(session: Session, ordinal: int) -> int:
    """How often the agent had been changed when that event came."""
    return bisect_right(session.agents, ordinal, key=lambda known: known[0]) if session.agents else 0


def agent_after(session: Session, changes: int) -> Agent:
    """The agent after it was changed so often."""
    return session.agents[changes - 1][1] if changes else first_agent(session)


def model_after(session: Session, thread: str | None, changes: int) -> str | None:
    """The model a thread asked after the agent was changed so often: its own where that is known."""
    child = session.threads.get(thread) if thread is not None else None
    own = child.model if child is not None else None
    return own if own is not None else agent_after(session, changes).model


def model_of(session: Session, thread: str | None, ordinal: int | None = None) -> str | None:
    """The model a thread asked when that event came; by default the one that it asks now."""
    if ordinal is not None:
        return model_after(session, thread, changes_before(session, ordinal))
    child = session.threads.get(thread) if thread is not None else None
    return (child.model if child is not None else None) or session.agent.model


class Asked:
    """Which models are taken to have been asked, as long as that stands."""

    def __init__(self) -> None:
        self._models: dict[tuple[str | None, int], str | None] = {}
        """By thread, and by how often the agent had been changed."""

    def of(self, session: Session, item: Item) -> str | None:
        """The model that is taken to have been asked for an item."""
        key = (item.thread, changes_before(session, item.event))
        if key not in self._models:
            self._models[key] = model_after(session, *key)
        return self._models[key]

    def stands(self, session: Session) -> bool:
        """Whether nothing has shown since that it was another."""
        return all(model_after(session, *key) == model for key, model in self._models.items())
