"""All that is known of one item, as titled sections of text.

Owns the choice of sections. Invariant: the text of a section is whole and printable up to `CAP`, and
says what it left out; every event of an item can be read as raw JSON.
"""

from __future__ import annotations

import json

import msgspec

from cma_tui.content import as_dict, as_text, compact_json, plain_text
from cma_tui.event import Event, decode, stamp_text
from cma_tui.report.edits import edits
from cma_tui.report.errors import error_facts
from cma_tui.report.find import ordinals
from cma_tui.report.rows import row
from cma_tui.report.words import agent_name, prose, result_text, stop_words, tokens
from cma_tui.session.errors import item_error
from cma_tui.session.model import Item, ModelRequest, Session, ToolUse
from cma_tui.text import clock, count, duration, printable, size

CAP = 1_000_000
"""Characters of one section."""
LINES = 20_000
"""Lines of one section: each is set when the section is opened, and at each new width."""


class Section(msgspec.Struct):
    """A titled piece of text; `language` is `json`, `markdown`, `diff` or empty for plain lines."""

    title: str
    text: str
    language: str = ""


def title(session: Session, index: int) -> str:
    """One line that names the item."""
    shown = row(session, index)
    if shown is None:
        return ""
    return " ".join(part for part in (shown.word, shown.head, shown.outcome) if part)


def sections(session: Session, index: int) -> list[Section]:
    """What a person wants to know of the item, the most wanted first."""
    item = session.items[index]
    event = session.events[item.event]
    match item:
        case ToolUse():
            made = _tool(session, item, event)
        case ModelRequest():
            made = [Section("figures", _request(session, item))]
        case _:
            made = _single(session, index, item, event)
    error = item_error(session, index)
    if error is not None:
        made.append(Section("what went wrong", error_facts(error)))
    return [*made, Section("facts", _facts(session, item, event))]


def raw_sections(session: Session, index: int) -> list[Section]:
    """Every event of the item as indented JSON, in the log's order."""
    return [
        Section(printable(f"{event.type}  {event.key}"), pretty(event.raw), "json")
        for event in (session.events[n] for n in ordinals(session.items[index]))
    ]


def pretty(raw: bytes) -> str:
    """JSON text indented; bytes that are no JSON as they are."""
    value = decode(raw)
    if value is None:
        text = raw.decode("utf-8", "replace")
    else:
        try:
            text = json.dumps(value, indent=2, ensure_ascii=False)
        except RecursionError:
            text = raw.decode("utf-8", "replace")
    return capped(text)


def capped(text: str) -> str:
    """The text printable, with a last line that says what was left out."""
    end = _end(text)
    shown = printable(text[:end], lines=True, cap=CAP)
    left = len(text) - end
    return f"{shown}\n… {count(left)} more characters" if left > 0 else shown


def _end(text: str) -> int:
    """Where a text is cut that has too many characters or lines."""
    at = -1
    for _ in range(LINES):
        at = text.find("\n", at + 1, CAP)
        if at < 0:
            return min(len(text), CAP)
    return at


def _tool(session: Session, use: ToolUse, event: Event) -> list[Section]:
    made = _asked(event.data.get("input"))
    if use.result >= 0:
        text = result_text(session, use)
        heading = f"result, {size(len(text.encode('utf-8', 'replace')))}"
        made.append(Section(f"{heading}, error" if use.is_error else heading, capped(text)))
    return made


def _asked(arguments: object) -> list[Section]:
    """A tool's input: an edit of a file as the lines that come and go."""
    edit = edits(arguments)
    if edit is None:
        return [Section("input", *_input(arguments))]
    path, lines, rest = edit
    made = [Section(f"edit of {printable(path, strict=True, cap=200)}", capped("\n".join(lines)), "diff")]
    return [*made, Section("input", *_input(rest))] if rest else made


def _input(arguments: object) -> tuple[str, str]:
    """A tool's input: a lone text as it is, anything else as JSON."""
    fields = as_dict(arguments)
    if len(fields) == 1:
        ((name, value),) = fields.items()
        if isinstance(value, str):
            return f"{printable(name)}:\n{capped(value)}", ""
    try:
        text = json.dumps(arguments, indent=2, ensure_ascii=False)
    except (RecursionError, ValueError):
        text = "(nested too deeply to show; see the raw event)"
    return capped(text), "json"


def _request(session: Session, request: ModelRequest) -> str:
    usage = request.usage
    lines = [f"tokens      {tokens(request) or 'n/a'}"]
    if usage is not None:
        lines += [
            f"fresh       {usage.input_tokens:,}",
            f"from cache  {usage.cache_read_input_tokens:,}",
            f"into cache  {usage.cache_creation_input_tokens:,}",
            f"written     {usage.output_tokens:,}",
        ]
    if request.at is not None:
        if request.ended_at is not None:
            lines.append(f"took        {duration(request.ended_at - request.at)}")
        if request.first_block_at is not None:
            lines.append(f"first block {duration(request.first_block_at - request.at)}")
    first = session.first_tokens.get(session.owners[request.event])
    lines.append(f"first token {duration(first) if first is not None else 'n/a (no previews were read)'}")
    return "\n".join(lines)


def _single(session: Session, index: int, item: Item, event: Event) -> list[Section]:
    text = plain_text(event.content)
    if text:
        language = "markdown" if item.type == "agent.message" else ""
        return [Section("text", prose(text) if _end(text) == len(text) else capped(text), language)]
    shown = row(session, index)
    if shown is None:
        return []
    said = "\n".join(part for part in (shown.text, shown.aside) if part)
    return [Section(shown.head or shown.word, said)] if said else []


def _facts(session: Session, item: Item, event: Event) -> str:
    lines = [f"type        {printable(item.type)}", f"id          {printable(event.key, strict=True)}"]
    if item.at is not None:
        lines.append(f"at          {stamp_text(item.at)}  ({clock(item.at)} here)")
    elif event.type.startswith("local."):
        lines.append(f"at          {clock(event.received_at)} here")
    if item.thread is not None:
        lines.append(f"thread      {agent_name(session, item.thread)}  {printable(item.thread, strict=True)}")
    if isinstance(item, ToolUse):
        lines += _tool_facts(session, item, event)
    details = as_dict(event.data.get("stop_details"))
    if details:
        lines.append(f"details     {stop_words('refusal', details)}")
    return "\n".join(lines)


def _tool_facts(session: Session, use: ToolUse, event: Event) -> list[str]:
    server = f" on {use.server}" if use.server else ""
    lines = [f"tool        {printable(use.name + server, strict=True)} ({use.kind})"]
    if use.permission is not None:
        decided = event.data.get("evaluation")
        how = f", decided by {printable(compact_json(decided))}" if isinstance(decided, dict) else ""
        lines.append(f"permission  {printable(use.permission)}{how}")
    if use.confirmation is not None:
        reason = as_text(session.events[use.confirmed].data.get("deny_message"))
        lines.append(f"answer      {use.confirmation}{f': {printable(reason)}' if reason else ''}")
        if use.confirmed_at is not None and use.at is not None:
            lines.append(f"waited      {duration(use.confirmed_at - use.at)}")
    if use.duration is not None:
        lines.append(f"took        {duration(use.duration)}")
    return lines
