"""A window on a session's entries: what is listed, what is seen of it, and the lines that are drawn.

Owns the window, the filter and the places one comes back to; `strips` sets the lines. Invariants: there is no
widget per event; what did not change is not drawn again; a long list is looked through in slices.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from rich.segment import Segment
from rich.style import Style
from textual.app import RenderResult
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from cma_tui.report.find import Pattern, TooSlowError
from cma_tui.report.words import Density
from cma_tui.session.book import Book
from cma_tui.session.model import Change, Session
from cma_tui.ui.entries import Entries, Wanted, counterpart, heading
from cma_tui.ui.viewport import Viewport
from cma_tui.ui.widgets.rowview import Look
from cma_tui.ui.widgets.strips import Lead, Strips

_FIRST, _MORE = "▸", "│"
"""The marks of the cursor: of the first line of its row that is seen, and of the others."""
AT_ONCE = 0.02
"""Seconds that a filter may take before the screen is drawn for the first time."""
SLICE, PAUSE = 0.01, 0.003
"""Seconds of looking through a long list, and of the pause after them, in which keys are answered."""


class Place(msgspec.Struct, frozen=True):
    """What is read: the entry under the cursor, the line of the window it begins on, and the following."""

    entry: int | None
    line: int
    following: bool


class Listing(Widget, can_focus=True):
    """The entries of a session, seen through a window."""

    class Moved(Message, namespace="timeline"):
        """The cursor, the following, the density or the filter changed."""

    class Scanned(Message, namespace="timeline"):
        """More entries have been looked at under the filter."""

    times: str
    """Which time is shown."""

    def __init__(self, session: Session, *, density: Density = Density.NORMAL, times: str = "offset") -> None:
        super().__init__()
        self.entries = Entries(session, density)
        self.times = times
        self.view: Viewport[Strip] = Viewport(self.__len__, self._lines, self._covers)
        self.instead: tuple[str, ...] = ("no event yet",)
        """What stands in the place of rows while there are none."""
        self.news = 0
        """Entries that came since it stopped following."""
        self._left: dict[tuple[str | None, bool], Place] = {}
        """By thread: what was read of it when another one was chosen."""
        self._expanded: set[int] = set()
        self._slice_planned = False
        self._tail: list[tuple[str, str]] = []
        self.pattern: Pattern | None = None
        """What is marked wherever it is seen."""
        self._unfiltered: set[int] = set()
        """The turns that are folded while no filter is in force."""
        self._before_filter = Place(None, 0, following=True)
        """What was read before a filter came into force."""
        self._aim: Place | None = None
        """What is read, until the entries around it have been looked at."""
        self._seeking: Callable[[], bool] | None = None
        self.book = Book()
        """The figures of the headings."""
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
        if session is not self.session and change.since is None:
            marks = (self._found(session, marks[0]), self._found(session, marks[1]))
            found = (self._found(session, entry) for entry in self._expanded)
            kept = {entry for entry in found if entry is not None}
            self._expanded.clear()
            self._expanded |= kept
        if self._strips is not None:
            self._strips.forget(session, change, anew=session is not self.session)
        self.entries.update(session, change, None if self.following else self._item_in(session, marks[1]))
        self._keep_whole(session)
        self._tail = [("preview", key) for key in session.previews] + [
            ("queued", key) for key in session.queued
        ]
        if not self.view.following:
            self.news += max(0, len(self) - before)
            self._restore(marks)
        self.lay_out()
        self._go_on()

    def _keep_whole(self, session: Session) -> None:
        """A message that was seen as it was written is not cut short when it is there."""
        for kind, key in self._tail:
            if kind == "preview" and (ordinal := session.ordinals.get(key)) is not None:
                self._expanded.add(session.owners[ordinal])

    def show_figures(self, book: Book, *, anew: bool) -> None:
        """Take the headings' figures from this book; `anew` where those that are shown may differ."""
        anew = anew or self.book is not book
        self.book = book
        if anew and self._strips is not None:
            self._strips.forget_headings()
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
    def turn(self) -> int:
        """The turn under the cursor, -1 before the first; of what is not in the log yet the last one."""
        entry = self._entry(self.view.cursor)
        if entry is None:
            return len(self.session.turns) - 1
        return -1 - entry if entry < 0 else self.session.items[entry].turn

    @property
    def seen(self) -> tuple[int, int]:
        """The first and the last item in the window."""
        window = self.view.layout() if self._strips is not None and self.size.height else []
        if not window:
            return 0, 0
        return self._item_at(self._entry(window[0][0])), self._item_at(self._last(window[-1][0]))

    def _last(self, position: int) -> int | None:
        """The entry there, or the last one before what is not in the log yet."""
        return self._entry(min(position, len(self.entries.list) - 1))

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

    # -- filter and search -----------------------------------------------------------------------------

    def set_filter(self, wanted: Wanted | None, place: Place | None = None) -> None:
        """List what the filter wants, or what the density shows.

        The row under the cursor stays on its line, or comes back to the line that it has in `place`.
        """
        entries = self.entries
        if place is None or place.entry != self.place.entry:
            place = self.place
        if (entries.filter is None) != (wanted is None):
            entries.folded, self._unfiltered = self._unfiltered, entries.folded
        if entries.filter is None:
            self._before_filter = place
        elif wanted is None and self._before_filter.entry == place.entry:
            place = self._before_filter
        entries.filter = wanted
        at = len(self.session.items) if place.following else self._item_at(place.entry)
        entries.rebuild(self.session, at)
        entries.scan(AT_ONCE)
        if self._strips is not None:
            self._strips.clear()
        self._aim = place
        self._hold(place)
        self._moved()
        self._go_on()

    def relist(self) -> None:
        """List everything anew; what is read stays where it is."""
        marks = self._marks()
        self.entries.rebuild(self.session, self._item_at(marks[1]))
        self.entries.scan(AT_ONCE)
        if self._strips is not None:
            self._strips.clear()
        self._restore(marks)
        self._moved()
        self._go_on()

    def look_for(self, pattern: Pattern | None) -> None:
        """Mark this wherever it is seen."""
        self.pattern = pattern
        if self._strips is not None:
            self._strips.look_for(pattern)
        self.lay_out()

    def shows(self, pattern: Pattern) -> bool:
        """Whether the row under the cursor shows this, rather than holding it in its detail."""
        entry = self._entry(self.view.cursor)
        if entry is None or self._strips is None:
            return False
        try:
            return any(pattern.holds(line.text) for line in self._strips.of(self.session, entry))
        except TooSlowError:
            return False

    def _go_on(self) -> None:
        """Look at more entries, a slice at a time, so that keys are answered in between."""
        if self.entries.behind and not self._slice_planned:
            self._slice_planned = True
            self.set_timer(PAUSE, self._slice)

    def _slice(self) -> None:
        self._slice_planned = False
        following, marks = self.following, self._marks()
        if self.entries.scan(SLICE) and not following:
            if self._aim is not None:
                self._hold(self._aim)
            else:
                self._restore(marks)
        if not self.entries.behind:
            self._aim = None
        self.lay_out()
        self.post_message(self.Scanned())
        self._go_on()

    def _item_at(self, entry: int | None) -> int:
        return self._item_in(self.session, entry)

    def _item_in(self, session: Session, entry: int | None) -> int:
        if entry is None:
            return 0
        return entry if entry >= 0 else session.turns[-1 - entry].first_item

    def list_from(self, item: int) -> None:
        """List anew from there, if what is there has not been looked at."""
        if not self.entries.covers(item):
            self.entries.rebuild(self.session, item)
            self._go_on()

    # -- places ---------------------------------------------------------------------------------------

    @property
    def place(self) -> Place:
        """What is read now, to come back to."""
        return Place(self._entry(self.view.cursor), self.view.cursor_line(), self.following)

    def return_to(self, place: Place) -> None:
        """Go back to what was read."""
        self._aim = None
        self._hold(place)
        self._moved()

    def _hold(self, place: Place) -> None:
        """Keep a place's row, or the one nearest to it, on its line of the window."""
        if place.following:
            self.view.follow()
        elif place.entry is not None:
            self.view.place(self._position(place.entry, self.view.cursor), place.line)

    def show_item(self, item: int) -> None:
        """Put the cursor on an item, shown whatever the density, the filter and the folding."""
        if item not in self.entries.list[(at := self.entries.position(item)) : at + 1]:
            self.entries.reveal(item)
        position = self.entries.position(item)
        if any(at == position for at, _ in self.view.layout()):
            self.go(position)
            return
        self._aim = None
        self.view.place(position, self.view.height // 4)  # with what came before it
        self._moved()

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
            self._draw(self.view.layout() or self._instead())

    def _draw(self, window: list[tuple[int, Strip]]) -> None:
        """Refresh the lines whose strip, or whose cursor mark, is not the one on the screen."""
        old, self._window = self._window, []
        mark = _FIRST
        above = self._heading_above()
        for at, strip in window:
            here = at == self.view.cursor and not isinstance(strip, Lead)
            if above is not None and not self._window:
                self._window.append(("", above))
                continue
            self._window.append((mark if here else "", strip))
            if here:
                mark = _MORE
        width = self.size.width
        for y in range(max(len(old), len(self._window))):
            was = old[y] if y < len(old) else None
            will = self._window[y] if y < len(self._window) else None
            if was is not will and was != will:
                self.refresh(Region(0, y, width, 1))

    def _instead(self) -> list[tuple[int, Strip]]:
        """Words in the middle, while there are no rows."""
        assert self._strips is not None
        if self.entries.behind:
            return []
        words = ("no row matches the filter",) if self.entries.filter is not None else self.instead
        width, quiet = self.size.width, self._strips.look.quiet
        above = [Strip.blank(width, quiet)] * max(0, (self.size.height - len(words)) // 3)
        lines = [Strip([Segment(text.center(width), quiet)], width).crop(0, width) for text in words]
        return [(-1, strip) for strip in above + lines]

    def _covers(self, position: int, line: int) -> bool:
        """Whether the heading of its turn, which is above the window, is drawn over this line."""
        turn = self._turn_of(position)
        if turn < 0 or (position < len(self.entries.list) and self.entries.list[position] < 0):
            return False
        # The last line of a turn stays: a heading of its own follows.
        return line + 1 < len(self._lines(position)) or self._turn_of(position + 1) == turn

    def _turn_of(self, position: int) -> int:
        """The turn of what is listed there; -1 where there is none, or no heading."""
        if not self.entries.headings or self.entries.thread is not None:
            return -1
        entry = self._entry(position)
        if entry is None:
            return (
                len(self.session.turns) - 1 if position < len(self) and self.session.turn is not None else -1
            )
        return -1 - entry if entry < 0 else self.session.items[entry].turn

    def _heading_above(self) -> Strip | None:
        """The heading of the turn at the top of the window, while it is above the window."""
        if not self.view.covered or self._strips is None:
            return None
        return self._strips.of(self.session, heading(self._turn_of(self.view.top)))[-1]

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
        found = look.found.bgcolor
        rest = [
            Segment(text, style if style and style.bgcolor == found else (style or look.base) + over)
            for text, style, _ in strip.crop(1)
        ]
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
            found=style("timeline--found"),
            tones={name: style(f"timeline--{name}") for name in tones},
        )
        made = Strips(look, self.size.width, self.times, self.entries, self._expanded, lambda: self.book)
        made.look_for(self.pattern)
        return made

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

    def go(self, position: int) -> None:
        """Put the cursor on an entry and scroll just so far that it is seen."""
        self._aim = None
        self.view.go(position)
        self._moved()

    def _moved(self) -> None:
        self._seeking = None
        self.lay_out()
        # Without a sender of its own a move that a parent causes would not be told beyond that parent.
        self.post_message(self.Moved().set_sender(self))

    def on_resize(self) -> None:
        """Set everything anew for the width; the cursor stays in the window."""
        seen = any(mark for mark, _ in self._window)
        self.repaint()
        if seen and not any(mark for mark, _ in self._window):
            self.view.go(self.view.cursor)
            self.lay_out()

    def on_focus(self) -> None:
        """Show where the keys go."""
        self.refresh()

    def on_blur(self) -> None:
        """Show where the keys go."""
        self.refresh()
