"""A session as a file to keep or to share: one small module a format.

    session = fold(masked(events, redactor))          # `masking`: before anything else sees them
    for text in FORMATS["html"](session, part, figures): ...

Owns the table of formats. Invariants: a format reads the folded session and nothing else, so what was masked
before the fold is in no format; it yields text piece by piece; text from outside is escaped by the rules of
the format and passes `printable`, or stands in JSON with every dangerous character as its escape.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any, NamedTuple

from cma_tui.report.export.part import Part
from cma_tui.report.prices import prices_for
from cma_tui.report.stats import stats
from cma_tui.session.model import Session

Writer = Callable[[Session, Part, dict[str, Any]], Iterator[str]]
"""Session, what of it is wanted, and its figures as `stats` gives them: to pieces of text."""


class Format(NamedTuple):
    """One format: where it is made, and the endings of file names that mean it."""

    module: str
    endings: tuple[str, ...]


FORMATS = {
    "md": Format("markdown", (".md", ".markdown")),
    "html": Format("html", (".html", ".htm")),
    "json": Format("events:whole", (".json",)),
    "jsonl": Format("events:lines", (".jsonl", ".ndjson")),
    "text": Format("plain", (".txt", ".text")),
    "csv": Format("spreadsheet", (".csv",)),
    "asciicast": Format("asciicast", (".cast",)),
    "perfetto": Format("perfetto", (".perfetto.json", ".trace.json")),
    "otlp-json": Format("otlp", (".otlp.json",)),
}


def writer(name: str) -> Writer:
    """What writes that format. Its module is imported now."""
    module, _, function = FORMATS[name].module.partition(":")
    found: Writer = getattr(import_module(f"{__name__}.{module}"), function or "write")
    return found


def document(session: Session, part: Part, name: str) -> Iterator[bytes]:
    """A session, or a part of it, in a format: pieces of the file."""
    figures = stats(session, prices_for(session))
    return (piece.encode("utf-8", "replace") for piece in writer(name)(session, part, figures))


def format_of(path: str) -> str | None:
    """The format that a file's name asks for; None when it asks for none."""
    fits = [
        (len(ending), name)
        for name, form in FORMATS.items()
        for ending in form.endings
        if path.lower().endswith(ending)
    ]
    return max(fits)[1] if fits else None
