"""The session as a terminal recording: asciicast version 2, for asciinema and its players.

Owns the recording: rows as `tail` words them, set to a width, each when it was complete. Invariants: the
only control characters in it are line ends and our own colours, since every text in a row is printable; times
never run backwards; where nothing happens for long is for the player to cut, by the limit in the header.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator
from typing import Any, Final

from cma_tui.report.export import facts
from cma_tui.report.export.part import Part, chapters
from cma_tui.report.export.steps import APPROVAL, COMPACTION, ERROR, TURN, Steps
from cma_tui.report.rows import row
from cma_tui.report.words import Row
from cma_tui.session.model import Session
from cma_tui.text import duration, first_line, offset

WIDTH: Final = 100
HEIGHT: Final = 30
IDLE_LIMIT: Final = 2.0
"""Seconds that a player is asked to cut pauses to."""
_MOST_LINES: Final = 200
"""Lines of one message: what scrolls by unread is of no use."""
_WORD: Final = 8
_MARGIN: Final = 10
"""Cells before the text of a row."""
_NAMES: Final = {ERROR: "error", APPROVAL: "approval", COMPACTION: "compaction"}
_TONES: Final = {
    "you": "1;34",
    "agent": "33",
    "tool": "35",
    "model": "2",
    "thread": "36",
    "error": "31",
    "note": "2",
    "ok": "32",
    "bad": "31",
    "wait": "33",
}


def write(session: Session, part: Part, figures: dict[str, Any]) -> Iterator[str]:
    """The header, then what is written to the terminal, with a marker for each turn and what stands out."""
    header = {
        "version": 2,
        "width": WIDTH,
        "height": HEIGHT,
        "idle_time_limit": IDLE_LIMIT,
        "title": facts.title(session),
        "env": {"TERM": "xterm-256color"},
    }
    if session.first_at is not None:
        header["timestamp"] = int(session.first_at)
    yield f"{json.dumps(header, ensure_ascii=False)}\n"
    steps = Steps(session, [index for chapter in chapters(session, part) for index in chapter.items])
    told = steps.figures()
    marks: dict[int, list[int]] = {}
    for step, kind in told.marks:
        marks.setdefault(step - 1, []).append(kind)
    for number, (index, over) in enumerate(steps.told()):
        at = told.times[number]
        for kind in marks.get(number, ()):
            turn = told.turns[number]
            if kind == TURN:
                rule = f"\u2500\u2500 turn {turn} ".ljust(WIDTH - 1, "\u2500")
                yield _written(at, f"\r\n{_coloured(rule, 'note')}\r\n")
            yield _event(at, "m", f"turn {turn}" if kind == TURN else _NAMES[kind])
        shown = row(session, index) if over else None
        if shown is not None:
            yield _written(at, "".join(f"{line}\r\n" for line in _lines(shown, at)))


def _event(at: float, kind: str, text: str) -> str:
    return f"{json.dumps([round(at, 6), kind, text], ensure_ascii=False)}\n"


def _written(at: float, text: str) -> str:
    return _event(at, "o", text)


def _coloured(text: str, tone: str) -> str:
    code = _TONES.get(tone)
    return f"\x1b[{code}m{text}\x1b[0m" if code and text else text


def _lines(shown: Row, at: float) -> Iterator[str]:
    """A row: its word, then its text set to the width, then how it ended."""
    word = _coloured(f"{shown.word:<{_WORD}}", shown.tone)
    room = WIDTH - _MARGIN - 1
    if shown.prose:
        head = f"{shown.name}: " if shown.name else ""
        lines = list(_set(f"{head}{shown.text}", room))
        left = len(lines) - _MOST_LINES
        lines = [*lines[:_MOST_LINES], f"… {left} more lines"] if left > 0 else lines
    else:
        said = " ".join(filter(None, (shown.name, shown.text)))
        lines = [_with_end(said, shown, offset(at), room)]
    yield f"{word}  {lines[0] if lines else ''}"
    for line in lines[1:]:
        yield f"{' ' * _MARGIN}{line}"
    if shown.aside:
        yield f"{' ' * _MARGIN}{_coloured(_cut(first_line(shown.aside, 400), room), 'note')}"


def _with_end(said: str, shown: Row, when: str, room: int) -> str:
    """A line with how it ended at its right."""
    took = "" if shown.duration is None else duration(shown.duration)
    figures = "  ".join(filter(None, (took, shown.figure, when)))
    ended = f"{shown.outcome}  {figures}" if shown.outcome else figures
    said = _cut(said, max(_MARGIN, room - _cells(ended) - 2))
    space = " " * max(2, room - _cells(said) - _cells(ended))
    outcome = f"{_coloured(shown.outcome, shown.outcome_tone)}  " if shown.outcome else ""
    return f"{said}{space}{outcome}{figures}"


def _cells(text: str) -> int:
    """How wide a terminal draws it."""
    return len(text) if text.isascii() else sum(map(_width, text))


def _width(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _fits(text: str, room: int) -> int:
    """How many characters of a text fit."""
    if text.isascii():
        return min(len(text), room)
    used = 0
    for number, character in enumerate(text):
        used += _width(character)
        if used > room:
            return number
    return len(text)


def _cut(text: str, room: int) -> str:
    """The beginning of a line that is too long."""
    return text if _cells(text) <= room else f"{text[: _fits(text, room - 1)]}…"


def _set(text: str, room: int) -> Iterator[str]:
    """A message in lines of that many cells, broken between words where it can be."""
    for paragraph in text.split("\n"):
        line = ""
        for word in paragraph.split(" "):
            joined = f"{line} {word}" if line else word
            if _cells(joined) <= room:
                line = joined
                continue
            if line:
                yield line
            line = word
            while _cells(line) > room:
                end = _fits(line, room)
                yield line[:end]
                line = line[end:]
        yield line
