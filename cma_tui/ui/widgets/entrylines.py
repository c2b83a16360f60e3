"""A window on a session's entries: what each of its lines shows.

Owns the window and the lines that are on the screen; `strips` sets them. Invariants: there is no widget per
event; what did not change is not drawn again.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest

from rich.segment import Segment
from rich.style import Style
from textual.app import RenderResult
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from cma_tui.report.find import Pattern
from cma_tui.report.words import Density
from cma_tui.session.book import Book
from cma_tui.session.model import Session
from cma_tui.ui.entries import Entries, heading
from cma_tui.ui.keys import keymap_of
from cma_tui.ui.viewport import Viewport
from cma_tui.ui.widgets.rowview import Look, found
from cma_tui.ui.widgets.strips import Lead, Strips

_FIRST, _MORE = "▸", "│"
"""The marks of the cursor: of the first line of its row that is seen, and of the others."""


class EntryLines(Widget, can_focus=True):
    """The entries of a session, seen through a window."""

    times: str
    """Which time is shown."""

    def __init__(self, session: Session, density: Density, times: str) -> None:
        super().__init__()
        self.entries = Entries(session, density)
        self.times = times
        self.view: Viewport[Strip] = Viewport(self.__len__, self._lines, self._covers)
        self.instead: tuple[str, ...] = ("no event yet",)
        """What stands in the place of rows while there are none."""
        self.book = Book()
        """The figures of the headings."""
        self.pattern: Pattern | None = None
        """What is marked wherever it is seen."""
        self._expanded: set[int] = set()
        self._tail: list[tuple[str, str]] = []
        """What is not in the log yet: previews and queued inputs, by their keys."""
        self._strips: Strips | None = None
        """Made when the width is known."""
        self._window: list[tuple[str, Strip]] = []
        """The strips on the screen, each with its mark of the cursor."""
        self._filtered: dict[int, tuple[Strip, Strip]] = {}
        """By identity: those that were drawn last, and what the filters made of them."""

    # -- what is there ------------------------------------------------------------------------------

    @property
    def session(self) -> Session:
        """The session it shows."""
        return self.entries.session

    def __len__(self) -> int:
        return len(self.entries.list) + len(self._tail)

    @property
    def following(self) -> bool:
        """Whether it stays at the end as events arrive."""
        return self.view.following

    def _entry(self, position: int) -> int | None:
        return self.entries.list[position] if 0 <= position < len(self.entries.list) else None

    def show_figures(self, book: Book, *, anew: bool) -> None:
        """Take the headings' figures from this book; `anew` where those that are shown may differ."""
        anew = anew or self.book is not book
        self.book = book
        if anew and self._strips is not None:
            self._strips.forget_headings()
            self.lay_out()

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
        return any(found(line, pattern) for line in self._strips.of(self.session, entry))

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
        for begin, end in _runs(old, self._window):
            self.refresh(Region(0, begin, self.size.width, end - begin))

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

    def render_lines(self, crop: Region) -> list[Strip]:
        """The strips of the window, as they pass the app's filters.

        There is no border, padding or tint around them to draw, and what has only moved is not made again.
        """
        filters, background = self.get_line_filters(), self.background_colors[1]
        before, self._filtered = self._filtered, {}
        lines = []
        for y in crop.line_range:
            strip = self.render_line(y)
            held, line = before.get(id(strip), (None, strip))
            if held is not strip:
                segments = list(strip)
                for line_filter in filters:
                    segments = line_filter.apply(segments, background)
                line = Strip(segments, strip.cell_length)
            self._filtered[id(strip)] = strip, line
            lines.append(line)
        whole = crop.column_span == (0, self.size.width)
        return lines if whole else [line.crop(*crop.column_span) for line in lines]

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
            expand=keymap_of(self).of("timeline.expand")[0],
        )
        made = Strips(look, self.size.width, self.times, self.entries, self._expanded, lambda: self.book)
        made.look_for(self.pattern)
        return made

    def repaint(self) -> None:
        """Draw everything anew: the width, the theme or the columns changed."""
        self._strips = self._typesetter()
        self._window = []
        self._filtered = {}
        self.lay_out()
        self.refresh()

    def tick(self) -> None:
        """A second has passed: only a running thought shows time."""
        if any(p.type == "agent.thinking" for p in self.session.previews.values()):
            self.lay_out()

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


def _runs(old: list[tuple[str, Strip]], new: list[tuple[str, Strip]]) -> Iterator[tuple[int, int]]:
    """Where lines differ: from which to before which."""
    begin: int | None = None
    for y, (was, will) in enumerate(zip_longest(old, new)):
        differs = was is not will and was != will
        if differs and begin is None:
            begin = y
        elif not differs and begin is not None:
            yield begin, y
            begin = None
    if begin is not None:
        yield begin, max(len(old), len(new))
