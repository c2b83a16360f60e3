"""The fold: one event in, the session changed, and what changed said.

Owns every rule that turns events into a session. Invariants: `apply` never raises on content, needs
no clock and no I/O, costs the same whatever came before, and is idempotent: an event seen before may
improve its item, never opens or closes a turn, and counts once. The order it is called in is the
order of the session; `merge` is what repairs an order that turns out wrong.

The rules follow the API's reference and, where real sessions differ, what they do: results may come
after an idle or before their use, an idle may repeat a request that was answered, an idle of the
primary thread is not an idle of the session, times may run backwards or be missing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set

from cma_tui.content import as_dict, as_text
from cma_tui.event import PREVIEW_TYPES, Event
from cma_tui.session import (
    model_requests,
    outcomes,
    own,
    previews,
    resources,
    status,
    tools,
    turns,
    workflows,
)
from cma_tui.session.model import Change, Failure, Item, Session, ToolUse
from cma_tui.session.place import child, own_stream, place, speaks_of

QUEUEABLE = frozenset({"user.message", "user.interrupt", "system.message"})
"""Types that wait in the server's queue, without a stamp, until the agent picks them up."""

SESSION_ONLY = frozenset(
    {
        "session.status_idle",
        "session.status_rescheduled",
        "session.status_running",
        "session.status_terminated",
        "session.updated",
        "session.usage",
        "user.define_outcome",
        "user.interrupt",
        "user.message",
    }
)
"""Types that speak of the whole session: on a child's own stream they are shown and mean nothing."""

_SOON = 17
"""Events after another one, itself included, that may tell the time since it."""

Step = Callable[[Session, Event, int, Change], None]


def apply(session: Session, event: Event, change: Change) -> bool:
    """Fold one event into the session and note in `change` what it changed.

    Returns:
        True when the event is new to the session's log; False for one seen before, for a preview,
        and for a message that still waits in the server's queue.
    """
    if event.type in PREVIEW_TYPES:
        previews.grow(session, event, change)
        return _aside(session, event)
    if event.key in session.ordinals:
        return _again(session, event, change) and _aside(session, event)
    if event.at is not None:
        if not session.stamped:
            session.stamped = True
    elif queues(session, event):
        session.queued[event.key] = event
        change.queued = True
        return _aside(session, event)
    if session.queued:
        _unqueue(session, event, change)
    else:
        _accept(session, event, change)
    kept = session.kept
    if kept is not None and kept.moments is not None:
        kept.moments.accepted(event)
    return True


def withdraw(session: Session, keys: frozenset[str], change: Change) -> None:
    """Take messages out of the queue: the list tells their place."""
    for key in keys:
        if session.queued.pop(key, None) is not None:
            change.queued = True
    if session.kept is not None and session.kept.moments is not None:
        session.kept.moments.beside(keys)


def _aside(session: Session, event: Event) -> bool:
    """What was taken in is no new event of the log; it is noted where a past is kept."""
    if session.kept is not None and session.kept.moments is not None:
        session.kept.moments.beside(event)
    return False


def queues(session: Session, event: Event) -> bool:
    """Whether an event that is not in the log yet would only wait in the queue.

    On a server that never gives a time nothing does, once it has said anything.
    """
    return event.at is None and event.type in QUEUEABLE and (session.stamped or not session.heard)


def _unqueue(session: Session, event: Event, change: Change) -> None:
    """Accept an event while others wait in the queue: it may be one of them, or show that they were heard."""
    held = session.queued.pop(event.key, None)
    if held is not None:
        change.queued = True
    if not session.stamped and not event.type.startswith(("user.", "local.")):
        _release(session, QUEUEABLE, change)  # a server that never stamps: what was said has been heard
    elif event.type == "span.model_request_start":
        _adopt(session, event, change)
    _accept(session, event, change)
    if held is not None and held.received_at is not None and event.received_at is not None:
        wait = max(0.0, event.received_at - held.received_at)
        session.queue_waits[session.owners[session.ordinals[event.key]]] = wait


def _accept(session: Session, event: Event, change: Change) -> None:
    """Give the event its ordinal and let its type's step act on it.

    Nearly every event is a stamped one of the session's own stream and of a known type: that way is short.
    """
    ordinal = len(session.owners)
    session.events.append(event)
    session.ordinals[event.key] = ordinal
    session.owners.append(-1)
    step = STEPS.get(event.type)
    if step is None:
        step = other_step(session, event.type)
    stream = None if event.stream is None else own_stream(session, event)
    if stream is not None:
        thread = child(session, stream)
        if not thread.read:
            own.thread(session, stream).first = ordinal
            session.several = True
            change.lean(thread.created)
        if event.type in SESSION_ONLY:
            step = _plain
    step(session, event, ordinal, change)
    at = event.at
    if at is not None:
        last = session.last_at
        if last is not None and at > last:
            session.last_at = at
        else:
            stretch(session, at)
        if stream is None and (turn := own.open_turn(session)) is not None:
            turns.touch(turn, at)
    if session.previews and session.previews.pop(event.key, None) is not None:
        change.previews = True


def other_step(session: Session, type_: str) -> Step:
    """The step of a fact of our own, which is counted apart, or of a type that is not known."""
    if type_.startswith("local."):
        session.local_events += 1
    return LOCAL_STEPS.get(type_, _unknown)


def _again(session: Session, event: Event, change: Change) -> bool:
    """An event whose key is known: keep the better version. Returns whether that changed anything."""
    ordinal = session.ordinals[event.key]
    held = session.events[ordinal]
    if held.raw == event.raw and held.stream == event.stream:
        return False
    owner = session.owners[ordinal]
    item = session.items[owner] if owner >= 0 else None
    if own_stream(session, held) != own_stream(session, event):
        # A child's event on both streams: its own stream's copy tells the child's time.
        tools.cross_posted(session, owner)
        if own_stream(session, event) is None:
            return True
    elif event.at is None or (held.at is not None and event.at <= held.at):
        return False
    own.set_event(session, ordinal, event)
    if event.at is not None:
        stretch(session, event.at)
    if item is not None:
        _restamp(session, own.item(session, owner), ordinal, event, change)
        change.touch(owner)
    return True


def stretch(session: Session, at: float) -> None:
    """Stretch the session's times to an event's."""
    if session.first_at is None or session.last_at is None:
        session.first_at = session.last_at = at
    elif at > session.last_at:
        session.last_at = at
    elif at < session.first_at:
        session.first_at = at


def _restamp(session: Session, item: Item, ordinal: int, event: Event, change: Change) -> None:
    """An event's better copy has another time: note it wherever the first one was noted.

    What comes soon after it tells how long nothing happened before; a turn's items, when they came in it.
    """
    if isinstance(item, ToolUse):
        tools.restamp(item, ordinal, event)
    elif item.event == ordinal:
        item.at = event.at
    if own_stream(session, event) is None and 0 <= item.turn < len(session.turns):
        turn = own.turn(session, item.turn)
        began = turn.started_at
        turns.restamp(turn, event)
        if turn.started_at != began:
            following = session.turns[turn.index + 1 :]
            change.lean(range(turn.first_item, following[0].first_item if following else len(session.items)))
    change.lean(owner for owner in session.owners[ordinal + 1 : ordinal + _SOON] if owner >= 0)


def _release(session: Session, types: Set[str], change: Change) -> None:
    """What waits in the queue has been picked up."""
    change.queued = True
    for event in list(session.queued.values()):
        if event.type in types:
            del session.queued[event.key]
            _accept(session, event, change)


def _adopt(session: Session, event: Event, change: Change) -> None:
    """The model begins a turn without any input while messages wait: they are its input.

    Some servers stamp a message in the history only; its stamped version will improve the item. An
    interrupt is no input: what is asked now goes on in spite of it.
    """
    turn = session.turn
    if own_stream(session, event) is None and (turn is None or not turn.inputs):
        _release(session, QUEUEABLE - {"user.interrupt"}, change)


# -- messages, thinking, and other single events ----------------------------------------------------


def _input(session: Session, event: Event, ordinal: int, change: Change) -> None:
    turns.end_silent(session, change)
    turn = turns.opened(session, event, change)
    item = place(session, Item(ordinal, event.type, event.at, turn.index, None), change)
    turn.inputs = turns.grown(turn.inputs, item)
    change.header = True
    if event.type == "user.define_outcome":
        data = event.data
        outcome = as_text(data.get("outcome_id")) or event.key
        own.outcome(session, outcome, ordinal).event = ordinal
        speaks_of(session, item, outcome)


def _interrupt(session: Session, event: Event, ordinal: int, change: Change) -> None:
    subject = event.session_thread_id
    index = place(session, Item(ordinal, event.type, event.at, turns.current(session), None), change)
    if subject is not None:
        speaks_of(session, index, subject)
    turn = own.open_turn(session)
    if turn is not None and (subject is None or subject == session.primary):
        turn.interrupted = True
    change.header = True


def _agent_item(session: Session, event: Event, ordinal: int, change: Change) -> None:
    """A message, a thought, a message between threads: it shows that the agent works."""
    stream = None if event.stream is None else own_stream(session, event)
    index = turns.active(session, event, change)
    place(session, Item(ordinal, event.type, event.at, index, stream), change)
    model_requests.first_block(session, event, stream)


def _plain(session: Session, event: Event, ordinal: int, change: Change) -> None:
    stream = None if event.stream is None else own_stream(session, event)
    item = Item(ordinal, event.type, event.at, turns.current(session), stream)
    place(session, item, change)


def _unknown(session: Session, event: Event, ordinal: int, change: Change) -> None:
    if not event.type.startswith("local."):
        session.unknown_types[event.type] = session.unknown_types.get(event.type, 0) + 1
    _plain(session, event, ordinal, change)


def _bad_frame(session: Session, event: Event, ordinal: int, change: Change) -> None:
    session.bad_frames += 1
    change.header = True
    _plain(session, event, ordinal, change)


# -- tools: the joining is in `tools` --------------------------------------------------------------------


def _tool_use(session: Session, event: Event, ordinal: int, change: Change) -> None:
    index = turns.active(session, event, change)
    stream = None if event.stream is None else own_stream(session, event)
    model_requests.first_block(session, event, stream)
    tools.use(session, event, ordinal, index, change)


# -- errors, and facts of our own ------------------------------------------------------------------------


def _error(session: Session, event: Event, ordinal: int, change: Change) -> None:
    error = event.data.get("error")
    fields = as_dict(error)
    retry = as_text(as_dict(fields.get("retry_status")).get("type"))
    item = Failure(
        ordinal,
        event.type,
        event.at,
        turns.current(session),
        own_stream(session, event),
        error_type=as_text(fields.get("type")) or "unknown_error",
        message=as_text(error) or as_text(fields.get("message")) or "",
        retry=retry,
    )
    index = place(session, item, change)
    turn = own.open_turn(session)
    if turn is not None and item.thread is None:
        turn.failures = turns.grown(turn.failures, index)
        turn.worked = True
    change.header = True


def _connection(session: Session, event: Event, ordinal: int, change: Change) -> None:
    """Previews are never sent twice: a new or lost connection ends those that are open on its stream."""
    thread = as_text(event.data.get("thread"))
    if thread is None:
        session.connected = event.type == "local.connected"
    for key in [preview.id for preview in session.previews.values() if preview.stream == thread]:
        del session.previews[key]
        change.previews = True
    _plain(session, event, ordinal, change)
    change.header = True


STEPS: Mapping[str, Step] = {
    "agent.custom_tool_use": _tool_use,
    "agent.mcp_tool_result": tools.result,
    "agent.mcp_tool_use": _tool_use,
    "agent.message": _agent_item,
    "agent.thinking": _agent_item,
    "agent.thread_context_compacted": _plain,
    "agent.thread_message_received": _agent_item,
    "agent.thread_message_sent": _agent_item,
    "agent.tool_result": tools.result,
    "agent.tool_use": _tool_use,
    "session.deleted": status.ended,
    "session.error": _error,
    "session.status_idle": status.idle,
    "session.status_rescheduled": status.rescheduled,
    "session.status_running": status.running,
    "session.status_terminated": status.ended,
    "session.thread_created": status.thread,
    "session.thread_status_idle": status.thread,
    "session.thread_status_rescheduled": status.thread,
    "session.thread_status_running": status.thread,
    "session.thread_status_terminated": status.thread,
    "session.updated": resources.session_updated,
    "session.usage": resources.session_usage,
    "span.model_request_end": model_requests.end,
    "span.model_request_start": model_requests.start,
    "span.outcome_evaluation_end": outcomes.end,
    "span.outcome_evaluation_ongoing": outcomes.ongoing,
    "span.outcome_evaluation_start": outcomes.start,
    "system.message": _plain,
    "user.custom_tool_result": tools.result,
    "user.define_outcome": _input,
    "user.interrupt": _interrupt,
    "user.message": _input,
    "user.tool_confirmation": tools.confirmation,
    "user.tool_result": tools.result,
    "workflow_run.created": workflows.step,
    "workflow_run.error": workflows.step,
    "workflow_run.phase_ended": workflows.step,
    "workflow_run.phase_started": workflows.step,
    "workflow_run.status_ended": workflows.step,
    "workflow_run.status_idle": workflows.step,
    "workflow_run.status_running": workflows.step,
}
"""What each of the server's types does. A type that is not here is shown as it is."""

LOCAL_STEPS: Mapping[str, Step] = {
    "local.bad_frame": _bad_frame,
    "local.connected": _connection,
    "local.disconnected": _connection,
    "local.gap": _plain,
    "local.notice": _plain,
    "local.session": resources.session_resource,
    "local.threads": resources.thread_resources,
}
"""What facts of our own do."""
