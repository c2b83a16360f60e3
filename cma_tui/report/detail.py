"""All that is known of one item, as titled sections of text.

Owns the choice of sections. Invariants: the text of a section is whole, as it came: whoever shows it makes it
printable, or takes `shown`; every event of an item can be read as raw JSON and as a tree.
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
from cma_tui.report.words import agent_name, policy_words, result_text, stop_words, tokens
from cma_tui.session.errors import item_error
from cma_tui.session.model import Item, ModelRequest, Session, ToolUse
from cma_tui.session.moments import Moments
from cma_tui.session.previews import fragment
from cma_tui.text import clock, count, duration, printable, size

CAP = 1_000_000
LINES = 20_000
"""Characters and lines of a section in a document, which is not read a window at a time."""
INDENTED = 1_000_000
"""Bytes of an event up to which its raw JSON is indented; a larger one is shown as it came."""


class Section(msgspec.Struct):
    """A titled piece of text; `language` is `json`, `markdown`, `diff` or empty for plain lines."""

    title: str
    text: str
    """As it came: not yet printable."""
    language: str = ""

    @property
    def shown(self) -> str:
        """The text, printable, with a last line that says what was left out of a very long one."""
        return capped(self.text)


def title(session: Session, index: int) -> str:
    """One line that names the item."""
    shown = row(session, index)
    if shown is None:
        return ""
    return " ".join(part for part in (shown.word, shown.name, shown.outcome) if part)


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
        Section(_heading(event), pretty(event.raw), "json")
        for event in (session.events[n] for n in ordinals(session.items[index]))
    ]


def documents(session: Session, index: int) -> list[tuple[str, object]]:
    """Every event of the item by its type and id, as the value that its JSON is; what is none as its text."""
    found: list[tuple[str, object]] = []
    for event in (session.events[n] for n in ordinals(session.items[index])):
        value = decode(event.raw)
        found.append((_heading(event), event.raw.decode("utf-8", "replace") if value is None else value))
    return found


def _heading(event: Event) -> str:
    return printable(f"{event.type}  {event.key}")


def pretty(raw: bytes) -> str:
    """JSON text indented; bytes that are no JSON, and very much JSON, as they are."""
    value = decode(raw) if len(raw) <= INDENTED else None
    if value is not None:
        try:
            return json.dumps(value, indent=2, ensure_ascii=False)
        except RecursionError:
            pass  # too deep to be written anew: shown as it came
    return raw.decode("utf-8", "replace")


def pieces(session: Session, index: int, moments: Moments | None) -> list[Section]:
    """How the text of an item arrived: its previews, with the time of each since the first."""
    item = session.items[index]
    event = session.events[item.event]
    if not item.type.startswith("agent."):
        return [Section("as it arrived", "only what the agent writes is streamed")]
    told = moments.previews_of(event.key) if moments is not None else []
    if not told:
        said = "no previews of it are here: only a stream has them, and recordings made without --no-previews"
        return [Section("as it arrived", said)]
    first = told[0].received_at
    lines, length, before = [], 0, first
    for preview in told:
        at = preview.received_at
        text = fragment(preview)[1]
        length += len(text)
        since = f"{at - first:8.3f}s" if at is not None and first is not None else f"{'':9}"
        gap = f"+{at - before:.3f}s" if at is not None and before is not None else ""
        said = compact_json(text) if preview.type == "event_delta" else "begins"
        lines.append(f"{since}  {gap:>9}  {said}")
        before = at if at is not None else before
    took = f" in {duration(before - first)}" if before is not None and first is not None else ""
    after = f", whole after {duration(event.received_at - first)}" if event.received_at and first else ""
    number = sum(preview.type == "event_delta" for preview in told)
    words = f"{count(number)} {'piece' if number == 1 else 'pieces'}, {count(length)} characters{took}{after}"
    return [Section(f"as it arrived: {words}", "\n".join(lines))]


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
        made.append(Section(f"{heading}, error" if use.is_error else heading, text))
    return made


def _asked(arguments: object) -> list[Section]:
    """A tool's input: an edit of a file as the lines that come and go."""
    edit = edits(arguments)
    if edit is None:
        return [Section("input", *_input(arguments))]
    path, lines, rest = edit
    made = [Section(f"edit of {printable(path, strict=True, cap=200)}", "\n".join(lines), "diff")]
    return [*made, Section("input", *_input(rest))] if rest else made


def _input(arguments: object) -> tuple[str, str]:
    """A tool's input: a lone text as it is, anything else as JSON."""
    fields = as_dict(arguments)
    if len(fields) == 1:
        ((name, value),) = fields.items()
        if isinstance(value, str):
            return f"{printable(name)}:\n{value}", ""
    try:
        text = json.dumps(arguments, indent=2, ensure_ascii=False)
    except (RecursionError, ValueError):
        text = "(nested too deeply to show; see the raw event)"
    return text, "json"


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
        return [Section("text", text.strip("\n"), language)]
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
        how = policy_words(event)
        lines.append(f"permission  {printable(use.permission)}{f': {how}' if how else ''}")
    if use.confirmation is not None:
        reason = as_text(session.events[use.confirmed].data.get("deny_message"))
        lines.append(f"answer      {use.confirmation}{f': {printable(reason)}' if reason else ''}")
        if use.confirmed_at is not None and use.at is not None:
            lines.append(f"waited      {duration(use.confirmed_at - use.at)}")
    if use.duration is not None:
        lines.append(f"took        {duration(use.duration)}")
    return lines
