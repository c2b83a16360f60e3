"""A transcript as one HTML page that needs nothing but a browser, and plays the session there.

Owns its shape. Invariants: every text from outside is printable and escaped where it is put in; messages are
read as Markdown without HTML and pictures; a link shows where it goes; what the script reads is numbers; at a
step of the replay nothing is seen that was not known then, but for the head of the page.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from html import escape
from typing import Any

import msgspec

from cma_tui.report.detail import Section, sections
from cma_tui.report.export import facts
from cma_tui.report.export.page import POLICY, SCRIPT, STYLE
from cma_tui.report.export.part import Chapter, Part, chapters
from cma_tui.report.export.steps import Steps
from cma_tui.report.rows import row
from cma_tui.report.words import Row
from cma_tui.session.model import Session, ToolUse
from cma_tui.text import duration, offset, printable

_READ_AS_MARKDOWN = 40_000
"""Characters of a message beyond which it is shown as it was written."""


def write(session: Session, part: Part, figures: dict[str, Any]) -> Iterator[str]:
    """Head, figures, table of turns, then turn by turn and thread by thread."""
    title = escape(facts.title(session))
    yield (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}">'
        '<meta name="referrer" content="no-referrer"><meta name="robots" content="noindex">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{title}</title><style>{STYLE}</style></head>\n<body><h1>{title}</h1>\n<dl>"
    )
    yield "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>"
        for name, value in facts.facts(session, figures)
    )
    yield "</dl>\n"
    shown = list(chapters(session, part))
    yield _turns(session, part, figures, {c.turn.index for c in shown if c.turn is not None})
    steps = Steps(session, [index for chapter in shown for index in chapter.items])
    for chapter in shown:
        yield from _chapter(session, chapter, figures, steps)
    yield "<footer>Made by cma-top. The page is whole: it loads nothing.</footer>\n"
    told = msgspec.json.encode(steps.figures()).decode()
    yield (
        f'{_PLAYER}\n<script type="application/json" id="steps">{told}</script>\n'
        f"<script>{SCRIPT}</script>\n</body></html>\n"
    )


_SPEEDS = ("0.25", "0.5", "1", "2", "4", "8", "16", "32", "64")
_PLAYER = (
    '<div id="player" role="group" aria-label="Replay" hidden><span class="track">'
    '<input type="range" class="place" min="0" aria-label="Place in the session">'
    '<span class="marks" aria-hidden="true"></span></span><div class="bar"><b>REPLAY</b>'
    '<button type="button" class="turn-back" title="{">« turn</button>'
    '<button type="button" class="back" title=",">‹ step</button>'
    '<button type="button" class="play" title="Space">Play</button>'
    '<button type="button" class="on" title=".">step ›</button>'
    '<button type="button" class="turn-on" title="}">turn »</button>'
    '<select class="speed" aria-label="Speed" title="+ -">'
    + "".join(f'<option value="{n}"{" selected" if n == "1" else ""}>{n}×</option>' for n in _SPEEDS)
    + '<option value="0">instant</option></select>'
    '<label><input type="checkbox" class="idle" checked> idle time cut to 2 s</label>'
    '<label><input type="checkbox" class="stops"> stop at marks</label>'
    '<output class="told"></output></div></div>'
)


def _turns(session: Session, part: Part, figures: dict[str, Any], linked: set[int]) -> str:
    lines = []
    for turn, figure, wanted in zip(
        session.turns, figures["turns"], part.figures(session.turns), strict=True
    ):
        if wanted:
            number, said, *rest = map(escape, facts.turn_cells(figure))
            said = f'<a href="#turn-{number}">{said or "(no input)"}</a>' if turn.index in linked else said
            lines.append(f"<tr><td>{number}</td><td>{said}</td>{''.join(f'<td>{c}</td>' for c in rest)}</tr>")
    if not lines:
        return ""
    head = "".join(f'<th scope="col">{name}</th>' for name in facts.COLUMNS)
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>"
    return f'<div class="scroll">{table}</div>\n'


def _chapter(session: Session, chapter: Chapter, figures: dict[str, Any], steps: Steps) -> Iterator[str]:
    number, name, said = map(escape, facts.heading(session, chapter, figures))
    place = f' id="turn-{number}"' if chapter.turn is not None else ""
    yield (
        f'<details class="turn" open{place}><summary><b>{number} · {name}</b>'
        f'<span class="said" data-t="{steps.last(chapter.items)}">{said}</span></summary>\n'
        '<div class="rows">\n'
    )
    start = chapter.turn.started_at if chapter.turn is not None else session.first_at
    for index in chapter.items:
        shown = row(session, index)
        if shown is not None:
            yield _row(session, index, shown, start, steps)
    yield "</div></details>\n"


def _row(session: Session, index: int, shown: Row, start: float | None, steps: Steps) -> str:
    begin, end = steps.begin(index), steps.end(index)
    when = offset(shown.at - start) if shown.at is not None and start is not None else ""
    took = "" if shown.duration is None else duration(shown.duration)
    outcome = f'<span class="{shown.outcome_tone}">{escape(shown.outcome)}</span>' if shown.outcome else ""
    ended = " &nbsp;".join(part for part in (outcome, took, escape(shown.figure)) if part)
    if end is not None:
        going = "running" if isinstance(session.items[index], ToolUse) else "working"
        ended = f'<span class="wait" data-u="{end}" hidden>{going}</span><span data-t="{end}">{ended}</span>'
    figures = " &nbsp;".join(part for part in (ended, when) if part)
    kind = f"{shown.tone} said-by" if shown.prose else shown.tone
    aside = f'<span class="aside"{_from(end)}>{escape(shown.aside)}</span>' if shown.aside else ""
    return (
        f'<div class="row {kind}" data-t="{begin}"><span class="w">{escape(shown.word)}</span>'
        f'<div class="body">{_body(session, index, shown, end)}{aside}</div>'
        f'<span class="fig">{figures}</span></div>\n'
    )


def _from(step: int | None) -> str:
    """The attribute of what is known only from a step on."""
    return "" if step is None else f' data-t="{step}"'


def _body(session: Session, index: int, shown: Row, end: int | None) -> str:
    name = f'<span class="name">{escape(shown.name)}</span>' if shown.name else ""
    if shown.prose:
        return name + _message(shown)
    line = f"{name}<code>{escape(shown.text)}</code>" if shown.tone == "tool" else name + escape(shown.text)
    if not isinstance(session.items[index], ToolUse):
        return line if end is None else f"<span{_from(end)}>{line}</span>"
    inside = "".join(_section(part, end) for part in sections(session, index)[:-1])
    return f"<details><summary>{line}</summary>{inside}</details>"


def _section(part: Section, end: int | None) -> str:
    text = _diff(part.shown) if part.language == "diff" else escape(part.shown)
    made = f"<h4>{escape(part.title)}</h4><pre>{text}</pre>"
    return f"<div{_from(end)}>{made}</div>" if part.title.startswith(_LATE) else made


_LATE = ("result, ", "what went wrong")
"""How the titles of those sections begin that are known only at the end of a tool use."""


def _message(shown: Row) -> str:
    if shown.tone != "agent" or len(shown.text) > _READ_AS_MARKDOWN:
        return f'<div class="plain">{escape(shown.text)}</div>'
    made: str = _parser().render(shown.text)
    return f'<div class="md">{made}</div>'


def _diff(text: str) -> str:
    kinds = {"+": "add", "-": "cut"}
    return "\n".join(
        f'<i class="{kinds[line[0]]}">{escape(line)}</i>' if line[:1] in kinds else escape(line)
        for line in text.split("\n")
    )


def _is_web(url: str) -> bool:
    return url.lower().startswith(("https://", "http://"))


@cache
def _parser() -> Any:  # noqa: ANN401 - imported where a message needs it
    """Markdown without HTML and pictures, whose links are to the web and say where they go."""
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
    setattr(parser, "validateLink", _is_web)  # noqa: B010 - its own way to say which links there are

    def link_open(renderer: Any, tokens: Any, place: int, options: Any, env: Any) -> str:  # noqa: ANN401
        return f'<a rel="noreferrer noopener nofollow" href="{escape(str(tokens[place].attrGet("href")))}">'

    def link_close(renderer: Any, tokens: Any, place: int, options: Any, env: Any) -> str:  # noqa: ANN401
        opened = next(t for t in reversed(tokens[:place]) if t.type == "link_open")
        address = str(opened.attrGet("href"))
        inside = tokens[tokens.index(opened) + 1 : place]
        if len(inside) == 1 and inside[0].content == address:
            return "</a>"
        return f'</a> <span class="address">({escape(printable(address, strict=True))})</span>'

    parser.add_render_rule("link_open", link_open)
    parser.add_render_rule("link_close", link_close)
    return parser
