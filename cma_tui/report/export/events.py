"""The events themselves: one JSON object a line, or one document with the session's description.

Owns both shapes. Invariant: cma-top and `jq` read them back: folding what is written gives the session that
was exported, as far as it was wanted.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from cma_tui.event import Event
from cma_tui.report.export.part import Part, events_of
from cma_tui.report.lines import harmless, one_line
from cma_tui.report.stats import stats_json
from cma_tui.session.model import Session, ToolUse
from cma_tui.session.place import own_stream


def lines(session: Session, part: Part, figures: dict[str, Any]) -> Iterator[str]:
    """Each event of the session's own stream, or of the thread that is wanted, on a line of its own.

    A line does not tell on which thread's stream it was: what belongs to threads is in the document.
    """
    for event in events_of(session, part):
        if part.thread is not None or _on_session(session, event):
            yield f"{_text(event)}\n"


def whole(session: Session, part: Part, figures: dict[str, Any]) -> Iterator[str]:
    """`{"session": …, "stats": …, "events": […], "threads": [{"id": …, "events": […]}]}`."""
    yield "{"
    described = _described(session)
    if described is not None:
        yield f'"session":{described},\n'
    yield f'"stats":{stats_json(figures)},\n"events":['
    threads: dict[str, list[Event]] = {}
    comma = "\n"
    for event in events_of(session, part):
        if event.stream is not None:
            threads.setdefault(event.stream, []).append(event)
            continue
        yield f"{comma}{_text(event)}"
        comma = ",\n"
    yield '],\n"threads":['
    for number, (thread, events) in enumerate(threads.items()):
        name = harmless(msgspec.json.encode(thread)).decode()
        yield f'{"," if number else ""}\n{{"id":{name},"events":['
        for place, event in enumerate(events):
            yield f"{',' if place else ''}\n{_text(event)}"
        yield "]}"
    yield "]}\n"


def _on_session(session: Session, event: Event) -> bool:
    """Whether the session's own stream shows it, be it that a thread's does too and its copy is kept."""
    if own_stream(session, event) is None or event.type.startswith("session.thread_"):
        return True
    ordinal = session.ordinals.get(event.key, -1)
    owner = session.owners[ordinal] if ordinal >= 0 else -1
    item = session.items[owner] if owner >= 0 else None
    return isinstance(item, ToolUse) and item.on_session


def _text(event: Event) -> str:
    return harmless(one_line(event.raw)).decode("utf-8", "replace")


def _described(session: Session) -> str | None:
    """The session's resource as it was last described."""
    for event in reversed(session.events):
        if event.type == "local.session":
            resource = event.data.get("session")
            return None if resource is None else harmless(msgspec.json.encode(resource)).decode()
    return None
