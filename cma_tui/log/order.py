"""The order of a recording's events, where the server's list told another one than they came in.

Owns the reading of the lines that tell an order. Invariant: what comes out, folded one after the other,
is the session that the deliveries made while it was recorded. Most recordings have no such line, and
are read as they are; the others are folded once, by the same rules that a live session uses.
"""

from __future__ import annotations

from collections.abc import Iterator

from cma_tui.content import as_dict, as_text
from cma_tui.event import PREVIEW_TYPES, Event, decode
from cma_tui.log.contents import Contents
from cma_tui.log.origin import Lines
from cma_tui.log.record import Line, event_of, read_line
from cma_tui.session.fold import apply
from cma_tui.session.merge import arrive, merge
from cma_tui.session.model import Change, Session

MARK = b'"runs":['
"""What a line that tells an order holds. Within an event's text the quotes are escaped."""


def in_order(lines: Lines) -> Iterator[Event | bytes]:
    """The events of a recording in their order; other lines come before them, as they are."""
    order = _Order(None)
    number = 0
    for batch in lines.batches():
        where = lines.at
        for number, text in enumerate(batch, number + 1):  # noqa: B020 - line numbers go on
            line = _line(text)
            if line is None or (line.runs is None and line.raw is None and line.raw64 is None):
                session_id = as_text(as_dict(decode(text)).get("session_id"))
                if session_id is not None and session_id != order.session_id:
                    yield from order.events()
                    order = _Order(session_id)
                if text.strip():
                    yield text
            elif line.runs is not None:
                order.listed(line)
            elif line.src != "rest":
                event = event_of(line, number, line.text)
                event.where = where
                if line.src != "send" or event.id is not None:
                    order.add(event, line)
            where += len(text) + 1
    yield from order.events()


def _line(text: bytes) -> Line | None:
    try:
        return read_line(text)
    except (ValueError, RecursionError):
        return None


class _Order:
    """The events of one session."""

    def __init__(self, session_id: str | None) -> None:
        self.session_id = session_id
        self._session = Session()
        self._change = Change()
        self._contents = Contents()
        self._latest: dict[tuple[str | None, str], Event] = {}
        self._held: list[Event] = []
        """Listed events whose place is told further on."""
        self._versions: dict[str, list[Event]] = {}
        """All that was recorded of an event, in order."""
        self._previews: list[Event] = []
        self._before: dict[str, list[Event]] = {}
        """Previews, by the key of the event that came after them."""

    def add(self, event: Event, line: Line) -> None:
        """An event, as it was recorded."""
        if event.type in PREVIEW_TYPES:
            self._flush()
            self._previews.append(event)
            apply(self._session, event, self._change)
            return
        if self._previews:
            self._before.setdefault(event.key, []).extend(self._previews)
            self._previews = []
        self._versions.setdefault(event.key, []).append(event)
        self._contents.add(event, fact=line.src == "local")
        self._latest[event.stream, event.key] = event
        if line.placed:
            self._held.append(event)
        else:
            self._flush()
            self._session = arrive(self._session, [event], self._change)

    def listed(self, line: Line) -> None:
        """A stretch of the server's list, of events that were recorded before."""
        self._held = []  # it names them
        keys = self._contents.keys(line.thread, line.runs or [])
        stretch = [self._latest[line.thread, key] for key in keys]
        self._session = merge(self._session, stretch, self._change, after=line.after or "")

    def events(self) -> Iterator[Event]:
        """Everything, in the order of the session."""
        self._flush()
        for event in (*self._session.events, *self._session.queued.values()):
            yield from self._before.pop(event.key, ())
            yield event
            for version in self._versions.pop(event.key, ()):
                if version is not event:
                    yield version
        yield from self._previews

    def _flush(self) -> None:
        if self._held:
            self._session = arrive(self._session, self._held, self._change)
            self._held = []
