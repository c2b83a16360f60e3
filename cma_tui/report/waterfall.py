"""A turn's lanes as columns of characters, and the words of a span.

Owns what a lane looks like on an axis. Invariants: drawing a lane costs its columns, whatever the number of
its spans; one that is too short to be seen still takes a column, and what went wrong is seen in whichever
column it falls; text from outside is made printable.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from cma_tui.report.axis import Axis
from cma_tui.report.lanes import Group, Lane, Span
from cma_tui.report.rows import row
from cma_tui.report.words import Row, agent_name, tokens
from cma_tui.session.model import Evaluation, Failure, ModelRequest, Session, StatusChange, ToolUse
from cma_tui.text import duration, first_line

FILL: Final = {
    "model": "█", "grader": "█", "tool": "█", "you": "░", "host": "▒", "run": "─", "mark": "|",
}  # fmt: skip
"""The character of each kind of span."""
TONE: Final = {
    "model": "agent", "grader": "thread", "tool": "tool", "you": "wait", "host": "wait", "run": "thread",
    "mark": "you",
}  # fmt: skip
"""The family of colours of each kind of span."""
_MARK: Final = {"user.message": ">", "user.interrupt": "x", "agent.thread_context_compacted": "c"}


class Bar(NamedTuple):
    """A stretch of columns that one or more spans take."""

    first: int
    last: int
    """The column after it."""
    span: Span
    """The first of them."""
    others: int
    """How many more are too short to be seen by themselves."""
    bad: bool
    until: float
    """When the last of them began."""

    def holds(self, span: Span | None) -> bool:
        """Whether a span is among them, if it is of this lane."""
        return span is not None and self.span.start <= span.start <= self.until


def bars(lane: Lane, axis: Axis) -> list[Bar]:
    """A lane's bars, from left to right."""
    found: list[Bar] = []
    spans, width, column = lane.spans, axis.width, 0
    at = lane.after(axis.moment(-0.5))
    while at < len(spans) and column < width:
        span = spans[at]
        place = axis.column(span.start)
        if place > width:
            break
        first = max(column, min(int(place), width - 1))
        last = max(first + 1, min(width, round(axis.column(span.end))))
        after = max(at + 1, lane.after(axis.moment(last)))
        found.append(
            Bar(first, last, span, after - at - 1, lane.any_bad(at, after - 1), spans[after - 1].start)
        )
        column, at = last, after
    return found


def name(session: Session, group: Group, lane: Lane) -> str:
    """What stands before a lane."""
    if lane is not group.lanes[0]:
        last = lane is group.lanes[-1]
        return f"+{len(group.crowded_out):,} at once" if last and group.crowded_out else ""
    if group.kind == "run":
        return agent_name(session, group.thread)
    if group.kind == "work":
        child = session.threads.get(group.thread)
        return "  its work" if child is not None else ""
    return {"mark": "events", "model": "model", "grader": "grader", "tool": "tools", "you": "you"}.get(
        group.kind, "host"
    )


def fill(session: Session, bar: Bar) -> str:
    """The character that a bar is made of."""
    if bar.span.kind != "mark":
        return FILL[bar.span.kind]
    item = session.items[bar.span.item]
    return "!" if bar.bad or isinstance(item, Failure) else _MARK.get(item.type, "|")


def label(session: Session, bar: Bar, now: float) -> str:
    """What is written into a bar, or after it."""
    if bar.others:
        return f"{bar.others + 1} in a row"
    span = bar.span
    item = session.items[span.item]
    long = duration(length(span, now))
    match item:
        case ToolUse():
            return f"{first_line(item.name, 40)} {long}"
        case ModelRequest():
            said = tokens(item)
            return f"{long}  {said}" if said else long
        case Evaluation():
            return f"{(item.result or 'evaluating').replace('_', ' ')[:40]} {long}"
        case StatusChange():
            return long
        case Failure():
            return first_line(item.error_type.removesuffix("_error").replace("_", " "), 30)
    return ""


def length(span: Span, now: float) -> float:
    """How long it has gone on."""
    return max(0.0, min(span.end, now) - span.start)


class Words(NamedTuple):
    """A span in words."""

    word: str
    tone: str
    text: str
    outcome: str
    outcome_tone: str
    aside: str


def words(session: Session, span: Span, began: float, now: float) -> Words:
    """What a span is, how long it took, and what came of it."""
    said = row(session, span.item) or Row("", "note", span.start)
    item = session.items[span.item]
    times = (
        f"{duration(length(span, now))}{' so far' if span.open else ''} from {duration(span.start - began)}"
    )
    outcome, tone = said.outcome, said.outcome_tone
    if span.kind == "you":
        verdict = item.confirmation if isinstance(item, ToolUse) else None
        times = f"waited for you {times}"
        outcome = {"allow": "allowed", "deny": "denied"}.get(verdict or "", outcome)
        tone = {"allow": "ok", "deny": "bad"}.get(verdict or "", tone)
    elif span.kind == "mark":
        times = f"at {duration(span.start - began)}"
    elif span.kind == "run":
        times, outcome = f"ran {times}", "running" if span.open else "came to rest"
    shown = "" if span.kind == "run" else first_line(said.text, 400)
    text = "  ".join(part for part in (said.head, times, shown, said.figure) if part)
    return Words(said.word, said.tone, text, outcome, tone, said.aside)
