"""The rows of the overview: as many as fit, however many there are.

Owns the window on the roster's order and the cursor, which stays on its session wherever that goes.
Invariants: a line is drawn when it differs from what is there, and not otherwise; what a row costs does not
grow with the number of sessions.
"""

from __future__ import annotations

from time import time
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.app import RenderResult
from textual.binding import BindingType
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from cma_tui.report.overview import Summary, spark, summary
from cma_tui.session.entry import RETRYING, RUNNING, Entry
from cma_tui.session.roster import Roster
from cma_tui.ui.keys import bindings

_SPARK = 12
_TONES = ("quiet", "head", "wait", "ok", "bad", "tool", "thread", "note", "cursor")


class _Columns:
    """Which columns there are in a width, and how wide."""

    def __init__(self, width: int) -> None:
        room = width - 3  # the cursor's mark, and a margin
        self.state = 10
        self.age = 4
        self.cost = 7
        self.agent = 18 if width >= 110 else 12 if width >= 70 else 0
        self.tokens = 6 if width >= 100 else 0
        self.rate = 6 if width >= 120 else 0
        self.spark = _SPARK if width >= 132 else 0
        self.threads = 3 if width >= 140 else 0
        fixed = (
            self.state,
            self.age,
            self.cost,
            self.agent,
            self.tokens,
            self.rate,
            self.spark,
            self.threads,
        )
        room -= sum(w + 2 for w in fixed if w)
        self.tool = max(12, min(48, int(room * 0.38))) if room >= 30 else 0
        self.title = max(0, room - (self.tool + 2 if self.tool else 0))

    def line(self, told: Summary, bars: str) -> list[tuple[str, str]]:
        """The cells of a row: texts of the right width, each with its tone."""
        cells = [(_left(told.state, self.state), told.tone)]
        for text, width, tone in (
            (told.agent, self.agent, "note"),
            (told.title, self.title, "head"),
            (told.tool, self.tool, told.tone if told.tone in ("wait", "bad") else "tool"),
        ):
            if width:
                cells.append((_left(text, width), tone))
        for text, width in (
            (bars, self.spark),
            (told.threads, self.threads),
            (told.tokens, self.tokens),
            (told.rate, self.rate),
            (told.cost, self.cost),
            (told.age, self.age),
        ):
            if width:
                cells.append((text.rjust(width)[-width:], "note"))
        return cells


class Rows(Widget, can_focus=True):
    """The sessions."""

    DEFAULT_CSS = """
    Rows { height: 1fr; width: 1fr; background: $background; color: $foreground; }
    Rows > .rows--quiet, Rows > .rows--note { color: $cma-quiet; }
    Rows > .rows--head { color: $foreground; }
    Rows > .rows--wait { color: $warning; text-style: bold; }
    Rows > .rows--ok { color: $success; }
    Rows > .rows--bad { color: $error; }
    Rows > .rows--tool { color: $cma-tool; }
    Rows > .rows--thread { color: $cma-thread; }
    Rows > .rows--cursor { background: $cma-cursor; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"rows--{name}" for name in _TONES}
    BINDINGS: ClassVar[list[BindingType]] = bindings(
        {
            "move.down": "move(1)",
            "move.up": "move(-1)",
            "move.page-down": "page(1)",
            "move.page-up": "page(-1)",
            "move.first": "first",
            "move.last": "last",
            "overview.next-needy": "needy",
            "overview.open": "open",
        }
    )

    class Opened(Message):
        """The user asks for a session."""

        def __init__(self, entry: Entry) -> None:
            self.entry = entry
            super().__init__()

    class Moved(Message):
        """The cursor or the window moved."""

    def __init__(self, roster: Roster) -> None:
        super().__init__()
        self.roster = roster
        self.top = 0
        self.cursor: str | None = None
        """The id of the row under the cursor; None at the first row, whichever that is."""
        self._at = 0
        """Where the cursor's row was."""
        self._shown: list[tuple[tuple[tuple[str, str], ...], bool]] = []
        self._columns = _Columns(80)
        self._styles: dict[str, Style] = {}

    @property
    def entry(self) -> Entry | None:
        """The session under the cursor."""
        order = self.roster.order
        return self.roster.entries.get(order[self._at]) if self._at < len(order) else None

    @property
    def window(self) -> list[str]:
        """Ids of the rows on the screen."""
        return list(self.roster.order[self.top : self.top + self.size.height])

    def lay_out(self) -> None:
        """Find out what each line shows, and draw those that differ."""
        height, order = self.size.height, self.roster.order
        if not height or not self._styles:
            return
        at = 0 if self.cursor is None else self.roster.position(self.cursor)
        if at is None:  # it is gone, or filtered out
            at = min(self._at, max(0, len(order) - 1))
            self.cursor = order[at] if at else None
        self.top += at - self._at if self.cursor is not None and self.top else 0
        self._at = at
        self.top = max(0, min(self.top, at, len(order) - height))
        if at >= self.top + height:
            self.top = at - height + 1
        now = time()
        shown = []
        for number in range(self.top, min(self.top + height, len(order))):
            entry = self.roster.entries[order[number]]
            moving = self._columns.spark and entry.standing in (RUNNING, RETRYING)
            bars = spark(entry, now, _SPARK) if moving else ""
            shown.append((tuple(self._columns.line(summary(entry, now), bars)), number == at))
        old, self._shown = self._shown, shown
        for y in range(max(len(old), len(shown))):
            if y >= len(old) or y >= len(shown) or old[y] != shown[y]:
                self.refresh(Region(0, y, self.size.width, 1))

    def heading(self) -> str:
        """The names of the columns, as wide as they are."""
        names = Summary("state", "", "agent", "title", "tool", "age", "tokens", "cost", "$/min", "thr")
        return "  " + "  ".join(text for text, _ in self._columns.line(names, "activity"))

    def render(self) -> RenderResult:
        """Not used: `render_line` draws."""
        return ""

    def render_line(self, y: int) -> Strip:
        """One row."""
        width = self.size.width
        if y >= len(self._shown):
            return Strip.blank(width, self.rich_style)
        cells, here = self._shown[y]
        base = self.rich_style
        over = Style(bgcolor=self._styles["cursor"].bgcolor) if here else Style()
        mark = ("▸ " if self.has_focus else "· ") if here else "  "
        segments = [Segment(mark, base + over)]
        for number, (text, tone) in enumerate(cells):
            if number:
                segments.append(Segment("  ", base + over))
            segments.append(Segment(text, base + self._styles[tone] + over))
        strip = Strip(segments)
        return strip.adjust_cell_length(width, base + over)

    def repaint(self) -> None:
        """Draw everything anew: the width or the theme changed."""
        self._columns = _Columns(self.size.width)
        styles = {name: self.get_component_rich_style(f"rows--{name}") for name in _TONES}
        self._styles = {
            name: style if name == "cursor" else Style(color=style.color, bold=style.bold)
            for name, style in styles.items()
        }
        self._shown = []
        self.lay_out()
        self.refresh()

    # -- the user's moves ------------------------------------------------------------------------------

    def go(self, at: int) -> None:
        """Put the cursor on the row at a place in the order."""
        order = self.roster.order
        if order:
            at = max(0, min(at, len(order) - 1))
            self.cursor = order[at] if at or self.top else None
            if self.cursor is not None:
                self._at = at
            self.lay_out()
            self.post_message(self.Moved())

    def action_move(self, by: int) -> None:
        """The next or previous row."""
        self.go(self._at + by)

    def action_page(self, by: int) -> None:
        """A window further, less a line to keep one's place."""
        step = max(1, self.size.height - 1)
        self.top = max(0, self.top + by * step)
        self.go(self._at + by * step)

    def action_first(self) -> None:
        """The first row, whichever that is from now on."""
        self.top = 0
        self.go(0)

    def action_last(self) -> None:
        """The last row."""
        self.go(len(self.roster.order) - 1)

    def action_needy(self) -> None:
        """The next row that needs an answer, from the cursor on and around."""
        order, entries = self.roster.order, self.roster.entries
        for number in [*range(self._at + 1, len(order)), *range(self._at + 1)]:
            if entries[order[number]].standing == 0:
                self.go(number)
                return
        self.app.bell()

    def action_open(self) -> None:
        """Ask for the session."""
        if (entry := self.entry) is not None:
            self.hold()
            self.post_message(self.Opened(entry))

    def hold(self) -> None:
        """Stay on this session, also where it is the first of the list: one comes back to it."""
        if (entry := self.entry) is not None:
            self.cursor = entry.id

    # -- events of the screen ----------------------------------------------------------------------------

    def on_resize(self) -> None:
        """Set everything anew for the width."""
        self.repaint()

    def on_focus(self) -> None:
        """The mark of the cursor tells where the keys go."""
        self.refresh()

    def on_blur(self) -> None:
        """The mark of the cursor tells where the keys go."""
        self.refresh()

    def on_mouse_scroll_down(self) -> None:
        """Three rows down."""
        self.go(self._at + 3)

    def on_mouse_scroll_up(self) -> None:
        """Three rows up."""
        self.go(self._at - 3)

    def on_click(self, event: events.Click) -> None:
        """The row that is clicked; a second click opens it."""
        if self.top + event.y < len(self.roster.order):
            self.go(self.top + event.y)
            if event.chain == 2:
                self.action_open()


def _left(text: str, width: int) -> str:
    """A text in exactly so many cells."""
    if cell_len(text) > width:
        return set_cell_size(text, width - 1) + "…"
    return set_cell_size(text, width)
