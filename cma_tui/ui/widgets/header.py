"""The three lines at the top: what is watched, how the turn goes, how alive the connection is.

Owns the choice of what is said when there is little room. Invariants: every state is a word; a figure
that is not known is left out, never guessed; what the connection says comes from its bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from cma_tui.feed import Feed
from cma_tui.keymap import Keymap
from cma_tui.log.index import LogEvents
from cma_tui.player import Player
from cma_tui.report.words import stop_words
from cma_tui.session.figures import TurnFigures
from cma_tui.session.model import Session
from cma_tui.session.sums import Sums
from cma_tui.source import Line
from cma_tui.text import ago, count, duration, first_line, money, printable
from cma_tui.ui.cells import fit
from cma_tui.ui.counting import CostLimits, Counting, amount, notices, tells_tokens
from cma_tui.ui.keys import keymap_of
from cma_tui.ui.plots import meter
from cma_tui.ui.widgets.headings import plural

if TYPE_CHECKING:
    from cma_tui.mirror import Status
    from cma_tui.recording import Status as Recorded

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


_TITLE = 16
"""Cells from which on a part of a title says something."""
_SOON = 2.0
"""Seconds of a pause that is too short to be told."""
_LEGIBLE = 4
"""Cells that are worth beginning a text in."""
_COARSE = 5.0
"""Seconds from which on, and in steps of which, the age of the last byte is told."""


class Header(Vertical):
    """Three lines, each cut to the width from its least important part, each drawn only when it changes."""

    DEFAULT_CSS = """
    Header { height: 3; width: 1fr; background: $background; padding: 0 1; }
    Header > Static { height: 1; width: 1fr; }
    """

    def __init__(self, player: Player, name: str, counting: Counting, limits: CostLimits) -> None:
        super().__init__()
        self.counting, self._limits = counting, limits
        """The figures of the moment that is looked at."""
        self._player = player
        self.source_name = name
        self.shape = ""
        """What kind of file it is; empty for live sessions."""
        self.recorded: Recorded | None = None
        """How the recording stands; None when there is none."""
        self.traced: Status | None = None
        """How the mirror stands; None when nothing is traced."""
        self.by_rule: Callable[[], str] = str
        """Tells what is answered without asking; nothing when nothing is."""
        self.notes: list[Part] = []
        """What the third line adds: which timeline is seen, the rows that came while scrolled up."""
        self._lines = [Static(markup=False) for _ in range(3)]
        self._shown = [Content("")] * 3

    def compose(self) -> ComposeResult:
        """The lines."""
        yield from self._lines

    def show(self) -> None:
        """Draw the figures of this moment."""
        width = max(10, self.size.width)
        feed, session = self._player.feed, self._player.session
        state = _state(session, feed if session is feed.session else None)
        lines = [
            _spread(_who(session, self._called, width - _length(state)), state, width),
            _spread(_turn(session, self.counting, self._limits.words, width), [], width),
            _spread(
                _line(
                    feed,
                    session,
                    self._kind(width),
                    self.recorded,
                    self.traced,
                    self.by_rule(),
                    keymap_of(self),
                ),
                self.notes,
                width,
            ),
        ]
        for place, line in enumerate(lines):
            if not line.is_same(self._shown[place]):
                self._shown[place] = line
                self._lines[place].update(line, layout=False)

    @property
    def _called(self) -> str:
        """The source's name; of a path its last part."""
        return Path(self.source_name).name or self.source_name

    def _kind(self, width: int) -> str:
        """What kind of file it is, and its place where the first line does not say all of that."""
        kind, shown = self.shape or "saved log", _place(self.source_name, width // 3)
        said = self._player.session.id is None and shown == self._called
        return kind if said else f"{kind} {shown}"

    def on_resize(self) -> None:
        """Cut the lines anew."""
        self.show()


@lru_cache(maxsize=8)
def _place(path: str, room: int) -> str:
    """As much of the end of a path as fits; at least its last part."""
    parts = Path(path).parts
    names = [path, *(str(Path("…", *parts[at:])) for at in range(1, len(parts)))]
    return next((name for name in names if cell_len(name) <= room), parts[-1] if parts else path)


def _who(session: Session, name: str, room: int) -> list[Part]:
    """Agent, model, title and id, in this order whatever there is room for; a long title is cut."""
    agent = session.agent
    parts: list[Part] = []
    if agent.name:
        parts.append((first_line(agent.name, 40), "bold"))
    if agent.model:
        parts.append((first_line(agent.model, 40), "$cma-quiet"))
    title = first_line(session.title or "", 80)
    if title:
        parts.append((fit(title, max(_TITLE, room - _length(parts))), "$cma-quiet"))
    return [*parts, (printable(session.id or name, strict=True, cap=80), "" if not parts else "$cma-quiet")]


def _length(parts: list[Part]) -> int:
    """Cells that parts take, with what is between them."""
    return sum(cell_len(text) + 3 for text, _ in parts)


def _state(session: Session, feed: Feed | None) -> list[Part]:
    word, style = STATES.get(session.state, (printable(session.state, cap=20), ""))
    if session.state == "waiting":
        uses = session.asks
        yours = any(use.awaited == "confirmation" for use in uses)
        word = "waiting for you" if yours or not uses else "waiting for host"
    elif session.state == "idle" and session.stop_reason not in (None, "end_turn"):
        word, style = stop_words(session.stop_reason, session.stop_details)[:40], "$error"
    if session.state in ("running", "rescheduling") and feed is not None and _cut_off(feed):
        word, style = f"was {word}", "$cma-quiet"
    parts = [(word, style)]
    if session.first_at is not None and session.last_at is not None:
        parts.append((duration(max(0.0, session.last_at - session.first_at)), "$cma-quiet"))
    return parts


def _cut_off(feed: Feed) -> bool:
    """Whether what is known of a live session may be out of date."""
    source = feed.source
    if source is None or not source.live:
        return False
    return feed.finished or (source.line is not None and source.line.state != "live")


def _turn(session: Session, counting: Counting, limit: str, width: int) -> list[Part]:
    if not session.turns:
        return [("no turn yet", "$cma-quiet")]
    turn = session.turns[-1]
    book = counting.book
    parts: list[Part] = [(f"turn {turn.index + 1}", "")]
    if turn.index < len(book.turns):  # the figures come after the rows
        parts += _figures(session, book.turns[turn.index])
    parts += _spent(session, counting)
    if limit:
        parts.append((limit, "$warning"))
    notice = notices(session, counting)
    if notice:
        parts.append((notice, "$warning"))
    total = book.total
    if len(session.turns) > 1 and width >= 110:
        said = f"session: {_tokens(total)}  " if tells_tokens(session, total) else "session: "
        parts.append((f"{said}{plural(total.tool_uses, 'tool')}", "$cma-quiet"))
    return parts


def _figures(session: Session, turn: TurnFigures) -> list[Part]:
    """Of one turn, as far as it has been counted."""
    parts: list[Part] = []
    first = session.first_tokens.get(turn.first_request)
    if first is not None:
        parts.append((f"ttft {duration(first)}", "$cma-quiet"))
    share = f"  cache {turn.cached_share:.0%}" if turn.cached_share else ""
    told = tells_tokens(session, turn, turn.index)
    parts.append((f"{_tokens(turn)}{share}" if told else "tokens not told", "$cma-quiet"))
    parts.append((plural(turn.tool_uses, "tool"), "$cma-quiet"))
    if turn.tool_errors:
        parts.append((f"{turn.tool_errors} failed", "$error"))
    return parts


def _tokens(sums: Sums) -> str:
    return f"in {count(sums.prompt_tokens)}  out {count(sums.output_tokens)}"


def _spent(session: Session, counting: Counting) -> list[Part]:
    """What the session has cost, of what it may cost; nothing where nothing is known."""
    cost = counting.book.session_cost()
    if not cost.nano and cost.mark != "exact":
        return []
    if not session.budget_usd or cost.usd is None:
        return [(amount(cost), "")]
    share = cost.usd / session.budget_usd
    style = "$error" if share >= 1 else "$warning" if share >= 0.8 else ""
    return [(f"{amount(cost)} of {money(session.budget_usd)}", style), (meter(share, 8), style)]


def _line(
    feed: Feed,
    session: Session,
    kind: str,
    recorded: Recorded | None,
    traced: Status | None,
    by_rule: str,
    keymap: Keymap,
) -> list[Part]:
    events = plural(len(session.events), "event")
    if feed.error is not None:
        return [*_recording(recorded), (f"stopped: {first_line(str(feed.error), 200)}", "$error")]
    source = feed.source
    if source is None:
        return [("connecting", "$cma-quiet")]
    live = None
    if source.live and source.line is not None:
        live = _liveness(source.line, feed.finished, keymap.hint("now", "session.hurry"))
    parts: list[Part] = [live or (first_line(kind, 80), "$cma-quiet"), *_recording(recorded)]
    if by_rule:  # that nobody is asked is always to be seen
        parts.append((by_rule, "bold"))
    parts += _tracing(traced, keymap.hint("links", "view.tracing"))
    parts.append((events, "$cma-quiet"))
    reading = not source.live and (feed.behind or not feed.finished)
    if reading and isinstance(session.events, LogEvents):
        parts.append((f"{session.events.share:.0%} read", "$warning"))
    if live is not None and source.line is not None and source.line.gaps:
        parts.append((f"gap of {plural(source.line.gaps, 'event')} found and filled", "$warning"))
    if session.bad_frames:
        parts.append((f"{session.bad_frames} broken", "$error"))
    if session.unknown_types:
        parts.append((f"{sum(session.unknown_types.values())} of unknown type", "$warning"))
    return parts


def _recording(status: Recorded | None) -> list[Part]:
    """Whether it is recorded is always to be seen."""
    if status is None:
        return []
    style = {"recording": "bold", "stopped": "$error"}.get(status.state, "$warning")
    return [(first_line(status.words, 160), style)]


def _tracing(status: Status | None, links: str) -> list[Part]:
    """What goes to Braintrust is always to be seen, and why it does not."""
    if status is None or not status.on:
        return []
    stuck = bool(status.problem or status.failed or status.lost)
    return [(f"{first_line(status.short, 120)}, {links}", "$warning" if stuck else "$cma-quiet")]


def _liveness(line: Line, finished: bool, hurry: str) -> Part:
    """How alive the connection is, from its bytes and from the last look at the history."""
    now = monotonic()
    if finished:
        return ("ended", "$cma-quiet")
    if line.retry_at is not None:
        return (f"reconnecting in {max(0.0, line.retry_at - now):.0f}s, {hurry}", "$warning")
    if line.state != "live":
        return (line.state, "$warning")
    if line.list_retry_at is not None and line.list_retry_at - now > _SOON:
        wait = max(0.0, line.list_retry_at - now)
        return (f"live, history refused, again in {wait:.0f}s, {hurry}", "$warning")
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
            if not line and room >= _LEGIBLE:
                line = piece.truncate(room, ellipsis=True)
            break
        line = joined
    gap = max(0, width - line.cell_length - end.cell_length)
    return Content.assemble(line, " " * gap, end)
