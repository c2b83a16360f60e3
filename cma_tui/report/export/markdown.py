"""A transcript in Markdown.

Owns its shape. Invariants: what anybody in the session wrote stands in quotes or in fences it cannot leave,
so no message looks like a heading or a turn of ours; it brings neither HTML nor pictures into the page.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from cma_tui.report.detail import sections
from cma_tui.report.export import facts
from cma_tui.report.export.part import Part, chapters
from cma_tui.report.rows import row
from cma_tui.report.words import Row
from cma_tui.session.model import Session, ToolUse
from cma_tui.text import duration, offset

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~!&$])")


def write(session: Session, part: Part, figures: dict[str, Any]) -> Iterator[str]:
    """Head, table of turns, then turn by turn and thread by thread."""
    yield f"# {plain(facts.title(session))}\n\n"
    yield "| | |\n|---|---|\n"
    yield "".join(f"| {name} | {plain(value)} |\n" for name, value in facts.facts(session, figures))
    rows = [
        facts.turn_cells(turn)
        for turn, wanted in zip(figures["turns"], part.figures(session.turns), strict=True)
        if wanted
    ]
    if rows:
        yield f"\n| {' | '.join(facts.COLUMNS)} |\n|{'---|' * len(facts.COLUMNS)}\n"
        yield "".join(f"| {' | '.join(map(plain, cells))} |\n" for cells in rows)
    for chapter in chapters(session, part):
        number, name, said = facts.heading(session, chapter, figures)
        yield f"\n## {number} · {plain(name)}\n"
        if said:
            yield f"\n{plain(said)}\n"
        start = chapter.turn.started_at if chapter.turn is not None else session.first_at
        for index in chapter.items:
            shown = row(session, index)
            if shown is not None:
                yield f"\n{_item(session, index, shown, start)}\n"


def _item(session: Session, index: int, shown: Row, start: float | None) -> str:
    when = offset(shown.at - start) if shown.at is not None and start is not None else ""
    said = [f"**{plain(shown.word)}**"]
    if shown.name:
        said.append(_code(shown.name))
    if not shown.prose and shown.text:
        said.append(plain(shown.text))
    took = "" if shown.duration is None else duration(shown.duration)
    line = " · ".join(
        part for part in (" ".join(said), plain(shown.outcome), took, plain(shown.figure), when) if part
    )
    parts = [line]
    if shown.prose:
        parts.append(quoted(shown.text))
    if shown.aside:
        parts.append(quoted(shown.aside))
    if isinstance(session.items[index], ToolUse):
        parts += [_folded(part.title, part.shown, part.language) for part in sections(session, index)[:-1]]
    return "\n\n".join(parts)


def plain(text: str) -> str:
    """Text as it is, in a line of Markdown."""
    return _SPECIAL.sub(r"\\\1", text.replace("\n", " "))


def quoted(text: str) -> str:
    """A message as a quotation, its own Markdown at work but for HTML and pictures."""
    return "\n".join(f"> {line}".rstrip() for line in defused(text).split("\n"))


def defused(text: str) -> str:
    """Markdown without HTML and pictures: where there is any, signs that could begin it are escaped."""
    if "<" not in text and "![" not in text:
        return text
    kinds, lines = _read(text)
    if not kinds & {"html_block", "html_inline", "image"}:
        return text
    return "\n".join(
        line if number in lines else line.replace("<", "\\<").replace("![", "!\\[")
        for number, line in enumerate(text.split("\n"))
    )


def _read(text: str) -> tuple[set[str], set[int]]:
    """The kinds of what is in it, and which lines are code."""
    tokens = _parser()(text)
    kinds = {inner.type for token in tokens for inner in (token, *(token.children or ()))}
    lines = {
        line
        for token in tokens
        if token.type in ("fence", "code_block") and token.map
        for line in range(*token.map)
    }
    return kinds, lines


@cache
def _parser() -> Any:  # noqa: ANN401 - imported where a text needs it
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark").parse


def _code(text: str) -> str:
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    space = " " if "`" in text else ""
    return f"{fence}{space}{text}{space}{fence}"


def _folded(title: str, text: str, language: str) -> str:
    fence = "`" * max(3, max(map(len, re.findall("`+", text)), default=0) + 1)
    return (
        f"<details><summary>{_summary(title)}</summary>\n\n{fence}{language}\n{text}\n{fence}\n\n</details>"
    )


def _summary(title: str) -> str:
    from html import escape

    return escape(title)
