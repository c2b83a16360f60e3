"""A session as lines for pipes and plain terminals: rows in words, or each event's JSON.

Owns what `tail` prints and when. Invariants: each event is printed once however often and in whatever
order it comes, and none is lost; a row that joins several events is printed when it says how that ended,
or that somebody has to answer; no line holds a line end or, where a terminal reads it, a control
character.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Protocol

import msgspec

from cma_tui.content import as_dict, as_text, plain_text
from cma_tui.event import PREVIEW_TYPES, Event
from cma_tui.report.rows import level, row
from cma_tui.report.select import Selection
from cma_tui.report.words import Density, Row, prose, tool_outcome
from cma_tui.session.model import Evaluation, Item, ModelRequest, Session, ToolUse
from cma_tui.text import DANGEROUS, duration

ALL = Selection()
"""Everything."""


class Lines(Protocol):
    """What turns a growing session into lines."""

    def update(self, session: Session) -> Iterator[bytes]:
        """The lines that are new since the last call. Each call is to be used up before the next."""
        ...

    def preview(self, session: Session, event: Event) -> Iterator[bytes]:
        """The line of an event that is no part of the log."""
        ...

    def finish(self, session: Session) -> Iterator[bytes]:
        """What has not come to its end yet, when nothing more will come."""
        ...


class JsonLines:
    """Each event's JSON on a line of its own, facts of ours left out."""

    def __init__(self, *, terminal: bool = False, wanted: Selection = ALL) -> None:
        """Prepare; for a terminal, what it could obey is written as JSON escapes."""
        self._terminal = terminal
        self._wanted = wanted
        self._session = Session()
        self._printed = 0

    def update(self, session: Session) -> Iterator[bytes]:
        """The events that are new, wherever in the log they belong."""
        if session is self._session:
            fresh = session.events[self._printed :]
        else:
            before = self._session.ordinals
            fresh = [e for e in session.events if before.get(e.key, self._printed) >= self._printed]
        self._session, self._printed = session, len(session.events)
        return self._lines(fresh)

    def preview(self, session: Session, event: Event) -> Iterator[bytes]:
        """The preview as it came; nothing when the event itself has been printed."""
        key = event.event_id or as_text(as_dict(event.data.get("event")).get("id"))
        return self._lines(() if key in session.ordinals else (event,))

    def finish(self, session: Session) -> Iterator[bytes]:
        """The events that still wait in the server's queue."""
        return self._lines(session.queued.values())

    def _lines(self, events: Iterable[Event]) -> Iterator[bytes]:
        for event in events:
            if not event.type.startswith("local.") and (
                event.type in PREVIEW_TYPES or self._wanted.event(self._session, event)
            ):
                line = one_line(event.raw)
                yield harmless(line) if self._terminal else line


class PlainLines:
    """Rows in words, at normal density."""

    def __init__(self, *, encoding: str = "utf-8", wanted: Selection = ALL) -> None:
        self._encoding = encoding
        self._wanted = wanted
        self._session = Session()
        self._seen = 0
        """Items looked at."""
        self._open: dict[int, str] = {}
        """Items that have more to say: index to the outcome last printed, empty for none."""

    def update(self, session: Session) -> Iterator[bytes]:
        """The rows that have become complete, those that were waited for first."""
        if session is not self._session:
            self._follow(session)
        for index in (*self._open, *range(self._seen, len(session.items))):
            yield from self._look(session, index)
        self._seen = len(session.items)

    def preview(self, session: Session, event: Event) -> Iterator[bytes]:
        """Nothing: text is printed when it is whole."""
        return iter(())

    def finish(self, session: Session) -> Iterator[bytes]:
        """The rows of what goes on, and the messages in the server's queue."""
        for index, said in sorted(self._open.items()):
            if not said:
                yield from self._shown(session, index)
        for event in session.queued.values():
            text = "interrupt" if event.type == "user.interrupt" else prose(plain_text(event.content))
            word = "system" if event.type == "system.message" else "you"
            yield from self._encoded(Row(word, "you", None, text=text, prose=True, outcome="queued"))

    def _follow(self, session: Session) -> None:
        """Go on with a session that was folded anew: its items have other indexes."""
        old = self._session
        before = {old.events[old.items[i].event].key: self._open.get(i) for i in range(self._seen)}
        self._session, self._seen, self._open = session, 0, {}
        if before:
            for index, item in enumerate(session.items):
                said = before.get(session.events[item.event].key, "")
                if said is not None:
                    self._open[index] = said
            self._seen = len(session.items)

    def _look(self, session: Session, index: int) -> Iterator[bytes]:
        """Print the item if it has come to something new."""
        said = self._open.pop(index, "")
        density = level(session, index)
        if density is None or density > Density.NORMAL:
            return
        words, final = _standing(session, session.items[index])
        if not final:
            self._open[index] = words or said
        if words and words != said:
            yield from self._shown(session, index)

    def _shown(self, session: Session, index: int) -> Iterator[bytes]:
        if not self._wanted.item(session, index):
            return
        shown = row(session, index)
        if shown is not None:
            yield from self._encoded(shown)

    def _encoded(self, shown: Row) -> Iterator[bytes]:
        for line in text_lines(shown):
            yield line.encode(self._encoding, "replace")


def text_lines(shown: Row) -> list[str]:
    """A row as one line: time, word, head, text, outcome, duration, figure. More of it stands indented."""
    margin = " " * (len(_NO_TIME) + 2 + _WORD + 2)
    text, *more = shown.text.split("\n")
    fields = [shown.name, text, shown.outcome, "" if shown.duration is None else duration(shown.duration)]
    line = "  ".join(field for field in (*fields, shown.figure) if field)
    first = f"{_time(shown.at)}  {shown.word:<{_WORD}}  {line}"
    if shown.aside:
        more.append(shown.aside)
    return [first.rstrip(), *((margin + rest).rstrip() for rest in more)]


def one_line(raw: bytes) -> bytes:
    """JSON on one line: as it came where it is one, else without the white space between its parts."""
    raw = raw.strip()
    if b"\n" not in raw and b"\r" not in raw:
        return raw
    try:
        return msgspec.json.format(raw, indent=-1)
    except msgspec.MsgspecError:  # tolerated by us, refused by it; a string holds no raw line end
        return b" ".join(part.strip() for part in raw.splitlines())


def harmless(line: bytes) -> bytes:
    """The same JSON with every character that a terminal could obey or hide as its escape."""
    line = line.replace(b"\t", b" ")  # white space between parts: strings hold no raw tab
    if line.isascii() and b"\x7f" not in line:
        return line
    return DANGEROUS.sub(_escaped, line.decode("utf-8", "replace")).encode()


def harmless_json(value: object) -> str:
    """A value as such JSON."""
    return harmless(json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")).decode()


def _escaped(match: re.Match[str]) -> str:
    units = match[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))


_WORD = 8
"""Cells for the word: as long as the longest of ours."""
_NO_TIME = " " * len("2026-10-12 09:00:00")


def _time(at: float | None) -> str:
    """A moment as local date and time."""
    if at is None:
        return _NO_TIME
    try:
        return f"{datetime.fromtimestamp(at, UTC).astimezone():%Y-%m-%d %H:%M:%S}"
    except (OverflowError, ValueError, OSError):  # beyond the calendar
        return _NO_TIME


def _standing(session: Session, item: Item) -> tuple[str, bool]:
    """What there is to say of an item, empty for nothing yet, and whether that is the last of it."""
    match item:
        case ToolUse():
            outcome, _ = tool_outcome(session, item)
            return "" if outcome == "running" else outcome, item.done
        case ModelRequest() if item.end < 0:
            over = item.closed and (item.turn < 0 or session.turns[item.turn].ended)
            return "no end seen" if over else "", over
        case Evaluation() if item.end < 0:
            return "", False
    return "done", True
