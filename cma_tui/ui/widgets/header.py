"""The three lines at the top: what is watched, how the turn goes, how alive the connection is.

Owns the choice of what is said when there is little room. Invariants: every state is a word; a figure
that is not known is left out, never guessed; what the connection says comes from its bytes.
"""

from __future__ import annotations

from time import monotonic

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from cma_tui.feed import Feed
from cma_tui.report.words import stop_words
from cma_tui.session import metrics
from cma_tui.session.model import Session, ToolUse
from cma_tui.source import Line
from cma_tui.text import ago, count, duration, first_line, money, printable
from cma_tui.ui.widgets.headings import plural

Part = tuple[str, str]
"""A text and the style it is shown in."""

STATES = {
    "running": ("running", "$success"),
    "idle": ("idle", "$cma-quiet"),
    "waiting": ("waiting", "$warning bold"),
    "rescheduling": ("rescheduling", "$warning"),
    "terminated": ("terminated", "$error"),
    "deleted": ("deleted", "$error"),
    "unknown": ("unknown", "$cma-quiet"),
}


_QUIET = 45.0
"""Seconds without a byte after which a line is called quiet: keep-alives come every 30."""


_COARSE = 5.0
"""Seconds from which on, and in steps of which, the age of the last byte is told."""


class Header(Vertical):
    """Three lines, each cut to the width from its least important part, each drawn only when it changes."""

    DEFAULT_CSS = """
    Header { height: 3; width: 1fr; background: $background; padding: 0 1; }
    Header > Static { height: 1; width: 1fr; }
    """

    def __init__(self, feed: Feed, name: str) -> None:
        super().__init__()
        self.feed = feed
        self.source_name = name
        self.shape = ""
        """What kind of file it is; empty for live sessions."""
        self.traced = ""
        """How the mirror stands, in words; empty when nothing is traced."""
        self.note: Part | None = None
        """What the mode adds to the third line: the rows that came while scrolled up."""
        self._lines = [Static(markup=False) for _ in range(3)]
        self._shown = [Content("")] * 3

    def compose(self) -> ComposeResult:
        """The lines."""
        yield from self._lines

    def show(self) -> None:
        """Draw the figures of this moment."""
        width = max(10, self.size.width)
        session = self.feed.session
        lines = [
            _spread(_who(session, self.source_name), _state(session), width),
            _spread(_turn(session, width), [], width),
            _spread(_line(self.feed, self.shape, self.traced), [self.note] if self.note else [], width),
        ]
        for place, line in enumerate(lines):
            if not line.is_same(self._shown[place]):
                self._shown[place] = line
                self._lines[place].update(line, layout=False)

    def on_resize(self) -> None:
        """Cut the lines anew."""
        self.show()


def _who(session: Session, name: str) -> list[Part]:
    agent = session.agent
    parts: list[Part] = []
    if agent.name:
        parts.append((first_line(agent.name, 40), "bold"))
    if agent.model:
        parts.append((first_line(agent.model, 40), "$cma-quiet"))
    parts.append((printable(session.id or name, strict=True, cap=80), "" if not parts else "$cma-quiet"))
    if session.title:
        parts.append((first_line(session.title, 80), "$cma-quiet"))
    return parts


def _state(session: Session) -> list[Part]:
    word, style = STATES.get(session.state, (printable(session.state, cap=20), ""))
    if session.state == "waiting":
        uses = [session.items[index] for index in session.pending.values()]
        yours = any(isinstance(use, ToolUse) and use.awaited == "confirmation" for use in uses)
        word = "waiting for you" if yours or not uses else "waiting for host"
    elif session.state == "idle" and session.stop_reason not in (None, "end_turn"):
        word, style = stop_words(session.stop_reason, session.stop_details)[:40], "$error"
    parts = [(word, style)]
    if session.first_at is not None and session.last_at is not None:
        parts.append((duration(max(0.0, session.last_at - session.first_at)), "$cma-quiet"))
    return parts


def _turn(session: Session, width: int) -> list[Part]:
    if not session.turns:
        return [("no turn yet", "$cma-quiet")]
    turn = session.turns[-1]
    tally = metrics.turn_tally(session, turn)
    parts: list[Part] = [(f"turn {turn.index + 1}", "")]
    first = metrics.first_token_seconds(session, turn)
    if first is not None:
        parts.append((f"ttft {duration(first)}", "$cma-quiet"))
    cached = metrics.cached_share(tally)
    share = f"  cache {cached:.0%}" if cached else ""
    parts.append((f"in {count(tally.prompt_tokens)}  out {count(tally.output_tokens)}{share}", "$cma-quiet"))
    parts.append((plural(tally.tool_uses, "tool"), "$cma-quiet"))
    if tally.tool_errors:
        parts.append((f"{tally.tool_errors} failed", "$error"))
    cost = metrics.session_cost(session)
    if cost is not None:
        of = f" of {money(session.budget_usd)}" if session.budget_usd else ""
        parts.append((f"{money(cost)}{of}", ""))
    total = session.tally
    if len(session.turns) > 1 and width >= 110:
        said = f"session: in {count(total.prompt_tokens)}  out {count(total.output_tokens)}"
        parts.append((f"{said}  {plural(total.tool_uses, 'tool')}", "$cma-quiet"))
    return parts


def _line(feed: Feed, shape: str, traced: str) -> list[Part]:
    session = feed.session
    events = plural(len(session.events), "event")
    if feed.error is not None:
        return [(f"stopped: {first_line(str(feed.error), 200)}", "$error")]
    source = feed.source
    if source is None:
        return [("connecting", "$cma-quiet")]
    if not source.live:
        parts: list[Part] = [(shape or "saved log", "$cma-quiet"), (events, "$cma-quiet")]
    else:
        parts = [_liveness(source.line or Line(), feed.finished), (events, "$cma-quiet")]
        if source.line is not None and source.line.gaps:
            parts.append((f"gap of {plural(source.line.gaps, 'event')} found and filled", "$warning"))
    if traced:
        parts.append((traced, "$cma-quiet"))
    if session.bad_frames:
        parts.append((f"{session.bad_frames} broken", "$error"))
    if session.unknown_types:
        parts.append((f"{sum(session.unknown_types.values())} of unknown type", "$warning"))
    return parts


def _liveness(line: Line, finished: bool) -> Part:
    """How alive the connection is, from its bytes and from the last look at the history."""
    now = monotonic()
    if finished:
        return ("ended", "$cma-quiet")
    if line.retry_at is not None:
        return (f"reconnecting in {max(0.0, line.retry_at - now):.0f}s", "$warning")
    if line.state != "live":
        return (line.state, "$warning")
    if line.checked_at is None:
        return (f"live, reading the history: {count(line.listed)} events", "$warning")
    quiet = now - (line.last_byte_at or now)
    if quiet >= _COARSE:
        quiet -= quiet % _COARSE  # a line that says something else each second is written each second
    if quiet < _QUIET:
        return (f"live, last byte {ago(quiet)}", "$success")
    return (f"quiet {duration(quiet)}, checked {ago(now - line.checked_at)}", "$warning")


def _spread(left: list[Part], right: list[Part], width: int) -> Content:
    """Parts from the left and from the right of one line; what does not fit is left out, last first."""
    end = Content("  ").join(Content.styled(text, style) for text, style in right)
    room = width - end.cell_length - (2 if right else 0)
    line = Content("")
    for text, style in left:
        piece = Content.styled(text, style)
        joined = Content.assemble(line, Content.styled(" · ", "$cma-quiet"), piece) if line else piece
        if joined.cell_length > room:
            if not line:
                line = piece.truncate(max(1, room), ellipsis=True)
            break
        line = joined
    gap = max(0, width - line.cell_length - end.cell_length)
    return Content.assemble(line, " " * gap, end)
