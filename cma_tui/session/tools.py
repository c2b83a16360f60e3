"""Tool uses: joined with their confirmations and results, and what waits for an answer.

Owns `Session.tools` and `Session.pending`. Invariants: a tool use counts once however many streams
show it and however many copies of its result come; what is awaited is what has no answer yet, never
what the last idle listed; an unknown permission counts as `ask`.
"""

from __future__ import annotations

from sys import intern

from cma_tui.content import as_text
from cma_tui.event import Event
from cma_tui.session import own, turns
from cma_tui.session.model import Awaited, Change, Item, Session, ToolKind, ToolUse
from cma_tui.session.place import own_stream, place

KINDS: dict[str, ToolKind] = {
    "agent.tool_use": "builtin",
    "agent.mcp_tool_use": "mcp",
    "agent.custom_tool_use": "custom",
}


def use(session: Session, event: Event, ordinal: int, turn: int, change: Change) -> None:
    """A tool is called. An ask of a child is shown on the session's stream too, under the child's id."""
    stream = None if event.stream is None else own_stream(session, event)
    subject = event.session_thread_id
    thread = stream or (subject if subject != session.primary else None)
    kind = KINDS[event.type]
    permission = None if event.evaluated_permission is None else intern(event.evaluated_permission)
    awaited = _owed(kind, permission)
    item = ToolUse(
        ordinal,
        event.type,
        event.at,
        turn,
        thread,
        key=event.key,
        name=intern(event.name or "unnamed"),  # interned: many uses, few names
        server=None if event.mcp_server_name is None else intern(event.mcp_server_name),
        kind=kind,
        permission=permission,
        awaited=awaited,
        request=session.open_requests.get(thread, -1),
        on_session=stream is None,
    )
    index = place(session, item, change)
    session.tools[event.key] = index
    if thread is None:
        session.running_uses.add(index)
    if awaited is not None:
        session.pending[event.key] = index
    names = [event.key]
    if event.tool_use_id and event.tool_use_id != event.key:
        own.set_alias(session, event.tool_use_id, event.key)
        names.append(event.tool_use_id)
    for name in names if session.awaited_unseen or session.waiting_results else ():
        if name in session.awaited_unseen:  # the idle that asks for it came first
            session.awaited_unseen.discard(name)
            asked(session, [name], change)
        for early in session.waiting_results.pop(name, ()):
            held = session.events[early]
            change.touch(session.owners[early])  # its row goes: the use shows it
            (confirmation if held.type == "user.tool_confirmation" else result)(session, held, early, change)
    change.header = True


def result(session: Session, event: Event, ordinal: int, change: Change) -> None:
    """A result, by whichever name its type gives the use it answers."""
    key = event.tool_use_id or event.mcp_tool_use_id or event.custom_tool_use_id
    index = find(session, key)
    if index < 0:
        _early(session, key, event, ordinal, change)
        return
    item = session.items[index]
    assert isinstance(item, ToolUse)
    own.set_owner(session, ordinal, index)
    if item.result >= 0:
        return  # the copy of a child's result on the other stream, or an answer given twice
    item = _use(session, index)
    item.result, item.result_at, item.is_error = ordinal, event.at, bool(event.is_error)
    if event.type == "user.tool_result":
        item.by_host = True
    session.running_uses.discard(index)
    _answered(session, item, change)
    change.touch(index)


def confirmation(session: Session, event: Event, ordinal: int, change: Change) -> None:
    """A person's, or another program's, yes or no. An unknown verdict is shown and counts as no answer."""
    key = event.tool_use_id
    index = find(session, key)
    if index < 0:
        _early(session, key, event, ordinal, change)
        return
    item = session.items[index]
    assert isinstance(item, ToolUse)
    own.set_owner(session, ordinal, index)
    if item.confirmation is not None:
        return
    verdict = as_text(event.data.get("result"))
    if verdict not in ("allow", "deny"):
        return
    item = _use(session, index)
    item.confirmation, item.confirmed, item.confirmed_at = verdict, ordinal, event.at
    _answered(session, item, change)
    change.touch(index)


def asked(session: Session, listed: list[str], change: Change) -> bool:
    """The session stands still for these uses. Returns whether any of them still has no answer."""
    open_ = False
    for key in listed:
        index = find(session, key)
        if index < 0:
            if key not in session.waiting_results:  # an answer of it was seen all the same
                session.awaited_unseen.add(key)
                open_ = True
            continue
        item = session.items[index]
        assert isinstance(item, ToolUse)
        if item.done or item.confirmation is not None:
            continue
        if item.awaited is None:  # allowed, yet waited for: a worker of ours must run it
            item = _use(session, index)
            item.awaited = _owed(item.kind, item.permission) or "host_result"
            session.pending[item.key] = index
            change.touch(index)
        open_ = True
    return open_


def forget_pending(session: Session, change: Change, thread: str | None = None) -> None:
    """Nothing waits any more: in the whole session, or in one thread that ended."""
    for key, index in list(session.pending.items()):
        item = session.items[index]
        if isinstance(item, ToolUse) and thread in (None, item.thread):
            _use(session, index).awaited = None
            del session.pending[key]
            change.touch(index)
    if thread is None:
        session.awaited_unseen.clear()
    else:
        _go_on(session)


def restamp(item: ToolUse, ordinal: int, event: Event) -> None:
    """The better copy of a use, its confirmation or its result tells another time."""
    if item.event == ordinal:
        item.at = event.at
    if item.confirmed == ordinal:
        item.confirmed_at = event.at
    if item.result == ordinal:
        item.result_at = event.at


def cross_posted(session: Session, index: int) -> None:
    """The same use was seen on its thread's stream and on the session's."""
    if index >= 0 and isinstance(session.items[index], ToolUse):
        _use(session, index).on_session = True


def _use(session: Session, index: int) -> ToolUse:
    """A tool use, to be changed."""
    item = own.item(session, index)
    assert isinstance(item, ToolUse)
    return item


def find(session: Session, key: str | None) -> int:
    """The item of the tool use of that name, -1 when it has not been seen."""
    if key is None:
        return -1
    index = session.tools.get(key, -1)
    return index if index >= 0 else session.tools.get(session.tool_aliases.get(key, ""), -1)


def _early(session: Session, key: str | None, event: Event, ordinal: int, change: Change) -> None:
    """A result before its use: an item of its own until the use comes and takes it over."""
    if key is not None:
        session.waiting_results.setdefault(key, []).append(ordinal)
        if key in session.awaited_unseen:
            session.awaited_unseen.discard(key)
            _go_on(session)
            change.header = True
    item = Item(ordinal, event.type, event.at, turns.current(session), own_stream(session, event))
    place(session, item, change)


def _answered(session: Session, item: ToolUse, change: Change) -> None:
    item.awaited = None
    if session.pending.pop(item.key, None) is not None:
        change.header = True
        _go_on(session)


def _go_on(session: Session) -> None:
    """With the last answer the session runs; its own word for that comes a moment later, or never."""
    if not session.pending and not session.awaited_unseen and session.stop_reason == "requires_action":
        session.status, session.stop_reason = "running", None


def _owed(kind: ToolKind, permission: str | None) -> Awaited | None:
    """What a use of that kind and permission waits for from the start."""
    if kind == "custom":
        return "custom_result"
    return None if permission in (None, "allow", "deny") else "confirmation"
