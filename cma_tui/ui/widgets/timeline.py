"""The timeline: a session's entries, seen through a viewport and drawn line by line.

Owns the window, the density and the kind of time; `strips` sets the lines. Invariants: there is no widget
per event; only the user's own keys move the reading position; what did not change is not drawn again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.app import RenderResult
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from cma_tui.report.rows import row as words
from cma_tui.report.words import Density
from cma_tui.session.model import Change, ModelRequest, Session
from cma_tui.ui.entries import Entries, counterpart
from cma_tui.ui.viewport import Viewport
from cma_tui.ui.widgets.rowview import Look
from cma_tui.ui.widgets.strips import Strips

_FIRST, _MORE = "▸", "│"
"""The marks of the cursor: of the first line of its row that is seen, and of the others."""
TIMES = ("offset", "clock", "relative", "off")


class Timeline(Widget, can_focus=True):
    """The rows of a session."""

    DEFAULT_CSS = """
    Timeline { height: 1fr; width: 1fr; background: $background; color: $foreground; }
    Timeline > .timeline--time { color: $cma-quiet; }
    Timeline > .timeline--quiet { color: $cma-quiet; }
    Timeline > .timeline--head { text-style: bold; }
    Timeline > .timeline--you { color: $cma-you; }
    Timeline > .timeline--agent { color: $cma-agent; }
    Timeline > .timeline--tool { color: $cma-tool; }
    Timeline > .timeline--model { color: $cma-model; }
    Timeline > .timeline--thread { color: $cma-thread; }
    Timeline > .timeline--error { color: $error; }
    Timeline > .timeline--note { color: $cma-quiet; }
    Timeline > .timeline--ok { color: $success; }
    Timeline > .timeline--bad { color: $error; text-style: bold; }
    Timeline > .timeline--wait { color: $warning; text-style: bold; }
    Timeline > .timeline--turn { background: $surface; text-style: bold; }
    Timeline > .timeline--cursor { background: $cma-cursor; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        f"timeline--{name}"
        for name in (
            "time", "quiet", "head", "you", "agent", "tool", "model", "thread", "error", "note", "ok", "bad",
            "wait", "turn", "cursor",
        )
    }  # fmt: skip
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "move(1)", "down", show=False),
        Binding("k,up", "move(-1)", "up", show=False),
        Binding("pagedown,ctrl+d", "page(1)", "page down", show=False),
        Binding("pageup,ctrl+u", "page(-1)", "page up", show=False),
        Binding("g,home", "first", "first row", show=False),
        Binding("G,end,F", "follow", "follow the end", show=False),
        Binding("right_square_bracket", "turn(1)", "next turn", show=False),
        Binding("left_square_bracket", "turn(-1)", "previous turn", show=False),
        Binding("e", "error(1)", "next error", show=False),
        Binding("E", "error(-1)", "previous error", show=False),
        Binding("enter", "open", "detail", show=False),
        Binding("space", "expand", "expand or fold", show=False),
        Binding("ctrl+o", "density", "density", show=False),
        Binding("T", "times", "times", show=False),
    ]

    class Opened(Message):
        """The user asks for the detail of an item."""

        def __init__(self, item: int) -> None:
            self.item = item
            super().__init__()

    class Moved(Message):
        """The cursor, the following or the density changed."""

    def __init__(self, session: Session, *, density: Density = Density.NORMAL, times: str = "offset") -> None:
        super().__init__()
        self.entries = Entries(session, density)
        self.times = times
        self.view: Viewport[Strip] = Viewport(self.__len__, self._lines)
        self.news = 0
        """Entries that came since it stopped following."""
        self._expanded: set[int] = set()
        self._tail: list[tuple[str, str]] = []
        self._strips: Strips | None = None
        """Made when the width is known."""
        self._window: list[tuple[str, Strip]] = []
        """The strips on the screen, each with its mark of the cursor."""

    # -- what it shows -----------------------------------------------------------------------------

    @property
    def session(self) -> Session:
        """The session it shows."""
        return self.entries.session

    def update(self, session: Session, change: Change) -> None:
        """Take in what changed, and draw what looks different."""
        before = len(self)
        marks = self._marks()
        if session is not self.session:
            marks = (self._found(session, marks[0]), self._found(session, marks[1]))
            found = (self._found(session, entry) for entry in self._expanded)
            kept = {entry for entry in found if entry is not None}
            self._expanded.clear()
            self._expanded |= kept
        if self._strips is not None:
            self._strips.forget(session, change, anew=session is not self.session)
        self.entries.update(session, change)
        self._tail = [("preview", key) for key in session.previews] + [
            ("queued", key) for key in session.queued
        ]
        if not self.view.following:
            self.news += max(0, len(self) - before)
            self._restore(marks)
        self.lay_out()

    def _found(self, session: Session, entry: int | None) -> int | None:
        """The entry in a session that was folded anew."""
        return None if entry is None else counterpart(self.session, session, entry)

    def __len__(self) -> int:
        return len(self.entries.list) + len(self._tail)

    @property
    def item(self) -> int | None:
        """The item under the cursor; None on a heading or on what is not in the log yet."""
        entry = self._entry(self.view.cursor)
        return entry if entry is not None and entry >= 0 else None

    @property
    def following(self) -> bool:
        """Whether it stays at the end as events arrive."""
        return self.view.following

    def _entry(self, position: int) -> int | None:
        return self.entries.list[position] if 0 <= position < len(self.entries.list) else None

    def _position(self, entry: int | None, fallback: int) -> int:
        if entry is None or (entry < 0 and -1 - entry >= len(self.session.turns)):
            return max(0, min(fallback, len(self) - 1))
        return max(0, min(self.entries.position(entry), len(self) - 1))

    def _marks(self) -> tuple[int | None, int | None]:
        """What is at the top and under the cursor, to find again after the list has changed."""
        return self._entry(self.view.top), self._entry(self.view.cursor)

    def _restore(self, marks: tuple[int | None, int | None]) -> None:
        view = self.view
        view.top, view.cursor = self._position(marks[0], view.top), self._position(marks[1], view.cursor)
        if marks[0] is not None and self._entry(view.top) != marks[0]:
            view.top_line = 0  # what was at the top is not listed any more

    # -- layout -------------------------------------------------------------------------------------

    def lay_out(self) -> None:
        """Find out what each line of the window shows, and draw those that differ from what is there."""
        if self._strips is not None and self.size.height:
            self.view.height = self.size.height
            self._draw(self.view.layout())

    def _draw(self, window: list[tuple[int, Strip]]) -> None:
        """Refresh the lines whose strip, or whose cursor mark, is not the one on the screen."""
        old, self._window = self._window, []
        mark = _FIRST
        for at, strip in window:
            self._window.append((mark if at == self.view.cursor else "", strip))
            if at == self.view.cursor:
                mark = _MORE
        width = self.size.width
        for y in range(max(len(old), len(self._window))):
            was = old[y] if y < len(old) else None
            will = self._window[y] if y < len(self._window) else None
            if was is not will and was != will:
                self.refresh(Region(0, y, width, 1))

    def render(self) -> RenderResult:
        """Not used: `render_line` draws."""
        return ""

    def render_line(self, y: int) -> Strip:
        """The strip of one line of the window."""
        width = self.size.width
        if y >= len(self._window) or self._strips is None:
            return Strip.blank(width, self.rich_style)
        mark, strip = self._window[y]
        if not mark:
            return strip
        look = self._strips.look
        if mark == _MORE:
            return Strip([Segment(_MORE, look.quiet), *strip.crop(1)], width)
        over = Style(bgcolor=look.cursor.bgcolor)
        first = Segment(_FIRST if self.has_focus else "·", look.base + over)
        rest = [Segment(text, (style or look.base) + over) for text, style, _ in strip.crop(1)]
        return Strip([first, *rest], width)

    # -- strips -------------------------------------------------------------------------------------

    def _lines(self, position: int) -> list[Strip]:
        entry = self._entry(position)
        assert self._strips is not None
        if entry is not None:
            return self._strips.of(self.session, entry)
        return self._strips.of_tail(self.session, *self._tail[position - len(self.entries.list)])

    def _typesetter(self) -> Strips:
        """What sets entries as strips, in the width and the theme in force."""
        style = self.get_component_rich_style
        tones = ("you", "agent", "tool", "model", "thread", "error", "note", "ok", "bad", "wait")
        look = Look(
            base=self.rich_style,
            time=style("timeline--time"),
            quiet=style("timeline--quiet"),
            head=style("timeline--head"),
            turn=style("timeline--turn"),
            cursor=style("timeline--cursor"),
            tones={name: style(f"timeline--{name}") for name in tones},
        )
        return Strips(look, self.size.width, self.times, self.entries, self._expanded)

    def repaint(self) -> None:
        """Draw everything anew: the width, the theme or the columns changed."""
        self._strips = self._typesetter()
        self._window = []
        self.lay_out()
        self.refresh()

    def tick(self) -> None:
        """A second has passed: only a running thought shows time."""
        if any(p.type == "agent.thinking" for p in self.session.previews.values()):
            self.lay_out()

    # -- the user's moves ---------------------------------------------------------------------------

    def go(self, position: int) -> None:
        """Put the cursor on an entry and scroll just so far that it is seen."""
        self.view.go(position)
        self._moved()

    def _moved(self) -> None:
        self.lay_out()
        self.post_message(self.Moved())

    def action_move(self, by: int) -> None:
        """Move the cursor by entries."""
        if by < 0 or not self.following:
            self.go(self.view.cursor + by)

    def action_page(self, by: int) -> None:
        """Scroll by a window, less two lines to keep one's place."""
        self.scroll_lines(by * max(1, self.size.height - 2))

    def scroll_lines(self, by: int) -> None:
        """Move the window by lines and keep the cursor inside it."""
        if by < 0 or not self.following:
            self.view.scroll(by)
            self._moved()

    def action_first(self) -> None:
        """Go to the first row."""
        self.go(0)

    def action_follow(self) -> None:
        """Go to the end and stay there."""
        self.view.follow()
        self.news = 0
        self._moved()

    def action_turn(self, by: int) -> None:
        """Go to the next or previous turn's heading."""
        position = self._find(by, lambda entry: entry < 0)
        if position is not None:
            self.view.show_at_top(position)
            self._moved()

    def action_error(self, by: int) -> None:
        """Go to the next or previous row that went wrong."""
        position = self._find(by, lambda entry: entry >= 0 and is_wrong(self.session, entry))
        if position is None:
            self.app.bell()
        else:
            self.go(position)

    def _find(self, by: int, wanted: Callable[[int], bool]) -> int | None:
        """The nearest entry before or after the cursor that is wanted."""
        entries, cursor = self.entries.list, self.view.cursor
        steps = range(cursor + 1, len(entries)) if by > 0 else range(min(cursor, len(entries)) - 1, -1, -1)
        return next((position for position in steps if wanted(entries[position])), None)

    def action_open(self) -> None:
        """Ask for the detail of the row, or fold the turn."""
        entry = self._entry(self.view.cursor)
        if entry is None:
            return
        if entry < 0:
            self._fold(-1 - entry)
        else:
            self.post_message(self.Opened(entry))

    def action_expand(self) -> None:
        """Show all lines of a message, or fold a turn."""
        entry = self._entry(self.view.cursor)
        if entry is None:
            return
        if entry < 0:
            self._fold(-1 - entry)
            return
        self._expanded ^= {entry}
        if self._strips is not None:
            self._strips.drop(entry)
        self.go(self.view.cursor)

    def _fold(self, turn: int) -> None:
        self.view.following = False
        self.entries.folded ^= {turn}
        self._relist()

    def action_density(self) -> None:
        """Show less, or more, of everything."""
        self.entries.density = Density((self.entries.density + 1) % len(Density))
        self._relist()

    def _relist(self) -> None:
        marks = self._marks()
        self.entries.rebuild(self.session)
        if self._strips is not None:
            self._strips.clear()
        self._restore(marks)
        self._moved()

    def action_times(self) -> None:
        """Show the next kind of time."""
        self.times = TIMES[(TIMES.index(self.times) + 1) % len(TIMES)]
        self.repaint()
        self.post_message(self.Moved())

    # -- events of the screen -------------------------------------------------------------------------

    def on_resize(self) -> None:
        """Set everything anew for the width."""
        self.repaint()

    def on_focus(self) -> None:
        """Show where the keys go."""
        self.refresh()

    def on_blur(self) -> None:
        """Show where the keys go."""
        self.refresh()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Scroll three lines."""
        event.stop()
        self.scroll_lines(3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Scroll three lines."""
        event.stop()
        self.scroll_lines(-3)

    def on_click(self, event: events.Click) -> None:
        """Put the cursor where the mouse is; a second click opens."""
        y = event.get_content_offset_capture(self).y
        position = self.view.at(y)
        if position is None:
            return
        if event.chain > 1:
            self.action_open()
        else:
            self.go(position)


def is_wrong(session: Session, index: int) -> bool:
    """Whether an item is something that went wrong."""
    item = session.items[index]
    if isinstance(item, ModelRequest):
        return item.is_error
    said = words(session, index)
    return said is not None and (said.tone == "error" or said.outcome_tone == "bad")
