"""What the API's resources tell about a session: its agent, its budget, its usage.

Owns the fields of `Session` that are not made of the conversation. Invariant: a field that is absent
changes nothing; a budget that is null removes it; what an event tells of the budget holds unless the
session's resource is newer.
"""

from __future__ import annotations

from typing import Any

from cma_tui.content import as_dict, as_list, as_number, as_text, model_name
from cma_tui.event import Event, ModelUsage, count, parse_stamp
from cma_tui.session import own
from cma_tui.session.cost import usd
from cma_tui.session.members import Agent, UsageSnapshot
from cma_tui.session.model import Change, Item, Session
from cma_tui.session.place import own_stream, place, renamed
from cma_tui.session.turns import current

_HEAD = 3
"""A log's description of its session is among so many first events."""


def model_usage(value: object) -> ModelUsage | None:
    """Tokens of a request or a grader; None when there is no such object."""
    if not isinstance(value, dict):
        return None
    return ModelUsage(**{name: count(value.get(name)) or 0 for name in ModelUsage.__struct_fields__})


def session_resource(session: Session, event: Event, ordinal: int, change: Change) -> None:
    """`local.session`: the session as the API, or the head of a saved log, described it."""
    fields = as_dict(event.data.get("session"))
    session.id = as_text(fields.get("id")) or session.id
    session.environment = as_text(fields.get("environment_id")) or session.environment
    session.created_at = parse_stamp(fields.get("created_at")) or session.created_at
    _describe(session, fields)
    if "budget" in fields:
        session.budget_at = parse_stamp(fields.get("updated_at"))
    if ordinal < _HEAD and session.described is None:
        session.described = (event.received_at, session.agent)
    status = as_text(fields.get("status"))
    if status is not None and not session.has_status:
        session.status = status
    change.header = True


def thread_resources(session: Session, event: Event, ordinal: int, change: Change) -> None:
    """`local.threads`: the session's threads as the API described them; the primary is one of them.

    A status that an event told stays: the resource may lag behind it.
    """
    for fields in map(as_dict, as_list(event.data.get("threads"))):
        thread = as_text(fields.get("id"))
        parent = as_text(fields.get("parent_thread_id"))
        if thread is None or thread == session.primary or parent is None:
            continue
        held = own.thread(session, thread)
        agent = as_dict(fields.get("agent"))
        if held.agent_name is None and (name := as_text(agent.get("name"))) is not None:
            held.agent_name = name
            renamed(session, thread, change)
        held.model = model_name(agent.get("model")) or held.model
        held.parent = held.parent or (None if parent == session.primary else parent)
        held.workflow_run = held.workflow_run or as_text(fields.get("workflow_run_id"))
        held.created_at = held.created_at or parse_stamp(fields.get("created_at"))
        if held.status == "unknown":
            held.status = as_text(fields.get("status")) or "unknown"
            change.lean(held.created)
        if isinstance(fields.get("usage"), dict):
            held.usage = _snapshot(ordinal, event.received_at, fields["usage"])
    change.header = True


def session_updated(session: Session, event: Event, ordinal: int, change: Change) -> None:
    """Only what changed is in the event."""
    _describe(session, event.data, event.at)
    if isinstance(event.data.get("agent"), dict):
        session.agents.append((ordinal, session.agent))
    item = Item(ordinal, event.type, event.at, current(session), own_stream(session, event))
    place(session, item, change)
    change.header = True


def session_usage(session: Session, event: Event, ordinal: int, change: Change) -> None:
    """A snapshot of the whole session's usage; its figures do not always grow."""
    data = event.data
    before = session.usages[-1] if session.usages else None
    session.usages.append(_snapshot(ordinal, event.at, as_dict(data.get("usage")), before))
    turn = own.open_turn(session)
    if turn is not None:
        turn.snapshot = len(session.usages) - 1
    _budget(session, data, event.at)
    item = Item(ordinal, event.type, event.at, current(session), own_stream(session, event))
    place(session, item, change)
    change.header = True


def _snapshot(
    ordinal: int, at: float | None, usage: dict[str, Any], before: UsageSnapshot | None = None
) -> UsageSnapshot:
    cache = as_dict(usage.get("cache_creation"))
    told = usd(usage.get("list_cost"))
    charged = before.charged_usd if before is not None else None
    return UsageSnapshot(
        ordinal,
        at,
        input_tokens=count(usage.get("input_tokens")),
        output_tokens=count(usage.get("output_tokens")),
        cache_read_tokens=count(usage.get("cache_read_input_tokens")),
        cache_write_5m_tokens=count(cache.get("ephemeral_5m_input_tokens")),
        cache_write_1h_tokens=count(cache.get("ephemeral_1h_input_tokens")),
        cost_usd=told,
        active_seconds=as_number(usage.get("active_seconds")),
        web_searches=count(as_dict(usage.get("server_tool_use")).get("web_search_requests")),
        charged_usd=charged if told is None else max(told, charged or 0.0),
    )


def agent_of(fields: dict[str, Any]) -> Agent:
    """The agent's snapshot in a session's resource or in an update of it."""
    version = fields.get("version")
    return Agent(
        id=as_text(fields.get("id")),
        name=as_text(fields.get("name")),
        version=version if isinstance(version, int) else None,
        model=model_name(fields.get("model")),
        tools=as_list(fields.get("tools")),
    )


def _describe(session: Session, fields: dict[str, Any], at: float | None = None) -> None:
    session.title = as_text(fields.get("title")) or session.title
    if isinstance(fields.get("metadata"), dict):
        session.metadata = fields["metadata"]
    agent = fields.get("agent")
    if isinstance(agent, dict):
        session.agent = agent_of(agent)
    _budget(session, fields, at)


def _budget(session: Session, fields: dict[str, Any], at: float | None) -> None:
    """Events are in their order; the resource, which has no place in it, is compared by its stamp."""
    older = at is not None and session.budget_at is not None and at < session.budget_at
    if "budget" in fields and not older:
        session.budget_usd = usd(as_dict(fields["budget"]).get("max_list_cost"))
