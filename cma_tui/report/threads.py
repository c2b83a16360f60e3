"""The threads of a session as a tree, and which messages between them belong together.

Owns the order and the figures of the tree. Invariants: a figure that nobody told is None; a thread is listed
once, whatever its parents say of one another; the cost is that of the threads, not of the log.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from cma_tui.content import as_text, plain_text
from cma_tui.report.words import stop_words
from cma_tui.session.elapsed import seconds
from cma_tui.session.members import SessionThread
from cma_tui.session.model import Item, ModelRequest, Session, ToolUse
from cma_tui.session.sums import Sums
from cma_tui.text import first_line

_BACK: Final = 200
"""Items that are looked at for what a thread does now."""
_FAR: Final = 20_000
"""Items that are looked at on each side for the other end of a message."""
SENT, RECEIVED = "agent.thread_message_sent", "agent.thread_message_received"


class Branch(msgspec.Struct):
    """One line of the tree: a thread or a workflow run."""

    key: str | None
    """The thread; None for the primary and for a run."""
    name: str
    depth: int
    run: str | None = None
    """The workflow run, where it is one."""
    status: str = ""
    tone: str = "note"
    doing: str = ""
    """What it does now."""
    tokens: int | None = None
    """What it read and wrote."""
    subtree: int | None = None
    """The same, with all below it."""
    cost: float | None = None
    estimated: bool = False
    seconds: float | None = None
    """How long it worked."""


def tree(session: Session, figures: Mapping[str | None, Sums]) -> list[Branch]:
    """The primary thread, and below it what it began."""
    below: dict[tuple[str, str], list[str]] = {}
    for key, thread in session.threads.items():
        at = (
            ("run", thread.workflow_run) if thread.workflow_run in session.runs else ("", thread.parent or "")
        )
        known = at[0] or not at[1] or at[1] in session.threads
        below.setdefault((at[0], at[1] or "") if known else ("", ""), []).append(key)
    done: set[str] = set()

    def under(place: tuple[str, str], depth: int) -> Iterator[Branch]:
        for key in below.get(place, ()):
            if key not in done:
                done.add(key)
                yield _thread(session, key, session.threads[key], figures.get(key), depth)
                yield from under(("", key), depth + 1)

    found = [_primary(session, figures.get(None))]
    found += under(("", ""), 1)
    for key, run in session.runs.items():
        status = run.result or run.status
        doing = ", ".join(run.phases.get(phase, phase) for phase in run.open_phases)
        tone = "bad" if run.error or run.result == "error" else "ok" if run.result else "note"
        name = first_line(run.name or "workflow", 60)
        began, ended = run.created_at, run.ended_at or session.last_at
        long = None if began is None or ended is None else max(0.0, ended - began)
        said = first_line(run.error or doing, 200)
        found.append(Branch(None, name, 1, key, first_line(status, 30), tone, said, seconds=long))
        found += under(("run", key), 2)
    for key in session.threads:  # whose parents name one another
        if key not in done:
            found.append(_thread(session, key, session.threads[key], figures.get(key), 1))
    _add_up(found)
    return found


def _add_up(found: list[Branch]) -> None:
    for at, branch in enumerate(found):
        depth = branch.depth if at else -1
        tokens = [branch.tokens]
        for other in found[at + 1 :]:
            if other.depth <= depth:
                break
            tokens.append(other.tokens)
        told = [number for number in tokens if number is not None]
        branch.subtree = sum(told) if told else None


def _primary(session: Session, sums: Sums | None) -> Branch:
    name = first_line(session.agent.name or "primary", 60)
    status, tone = session.state, "note"
    if session.state == "waiting":
        status, tone = "needs an answer", "wait"
    elif session.status == "idle" and session.stop_reason not in (None, "end_turn"):
        status, tone = stop_words(session.stop_reason), "bad"
    branch = Branch(None, name, 0, status=first_line(status, 30), tone=tone)
    branch.doing = _doing(session, range(len(session.items) - 1, -1, -1), None)
    return _figures(branch, sums)


def _thread(session: Session, key: str, thread: SessionThread, sums: Sums | None, depth: int) -> Branch:
    status, tone = first_line(thread.status, 30), "note"
    asks = any(session.items[index].thread == key for index in session.pending.values())
    if asks:
        status, tone = "needs an answer", "wait"
    elif thread.status == "idle":
        done = thread.stop_reason in (None, "end_turn")
        status, tone = ("came to rest", "ok") if done else (stop_words(thread.stop_reason), "bad")
    branch = Branch(key, first_line(thread.agent_name or key, 60), depth, status=status, tone=tone)
    if thread.status not in ("idle", "terminated") or asks:
        branch.doing = _doing(session, (thread.items[at] for at in range(len(thread.items) - 1, -1, -1)), key)
    _figures(branch, sums if thread.read else None)
    usage = thread.usage
    if usage is not None:
        parts = (
            usage.input_tokens,
            usage.output_tokens,
            usage.cache_read_tokens,
            usage.cache_write_5m_tokens,
        )
        told = [part for part in (*parts, usage.cache_write_1h_tokens) if part is not None]
        branch.tokens = sum(told) if told else branch.tokens
        if usage.cost_usd is not None:
            branch.cost, branch.estimated = usage.cost_usd, False
        branch.seconds = usage.active_seconds if usage.active_seconds is not None else branch.seconds
    return branch


def _figures(branch: Branch, sums: Sums | None) -> Branch:
    if sums is not None:
        branch.tokens = sums.prompt_tokens + sums.output_tokens
        branch.cost, branch.estimated = (sums.estimate / 1e9 if sums.priced else None), True
        branch.seconds = seconds(sums.model_us + sums.tool_us)
    return branch


def _doing(session: Session, newest_first: Iterator[int] | range, thread: str | None) -> str:
    """What a thread does now: the tool that runs or waits, else its model."""
    for _, index in zip(range(_BACK), newest_first, strict=False):
        item = session.items[index]
        if item.thread != thread:
            continue
        if isinstance(item, ToolUse) and not item.done and session.state not in ("idle", "terminated"):
            return first_line(item.name, 60)
        if isinstance(item, ModelRequest):
            return "" if item.closed else "model"
    return ""


# -- messages ------------------------------------------------------------------------------------------------


def other_thread(session: Session, index: int) -> tuple[bool, str | None]:
    """The thread that a row leads to, and whether it leads to one; None is the primary."""
    item = session.items[index]
    event = session.events[item.event]
    if item.type in (SENT, RECEIVED):
        name = "to_session_thread_id" if item.type == SENT else "from_session_thread_id"
        thread = as_text(event.data.get(name))
        return True, thread if thread in session.threads else None
    subject = event.session_thread_id
    if subject in session.threads and subject != item.thread:
        return True, subject
    return (True, item.thread) if item.thread is not None else (False, None)


def other_end(session: Session, index: int) -> int | None:
    """The item that shows the same message at its other end: they share no id, only threads and words."""
    item = session.items[index]
    if item.type not in (SENT, RECEIVED):
        return None
    there = other_thread(session, index)[1]
    words = plain_text(session.events[item.event].content)
    like = [
        at for at in _of_thread(session, index, item.thread) if _same(session, at, item.type, there, words)
    ]
    other = RECEIVED if item.type == SENT else SENT
    ends = [at for at in _of_thread(session, index, there) if _same(session, at, other, item.thread, words)]
    number = like.index(index) if index in like else 0
    return ends[min(number, len(ends) - 1)] if ends else None


def _same(session: Session, index: int, type_: str, there: str | None, words: str) -> bool:
    item = session.items[index]
    return (
        item.type == type_
        and other_thread(session, index)[1] == there
        and plain_text(session.events[item.event].content) == words
    )


def _of_thread(session: Session, near: int, thread: str | None) -> Iterator[int]:
    if thread is not None:
        held = session.threads.get(thread)
        yield from held.items if held is not None else ()
        return
    for index in range(max(0, near - _FAR), min(len(session.items), near + _FAR)):
        item: Item = session.items[index]
        if item.thread is None:
            yield index
