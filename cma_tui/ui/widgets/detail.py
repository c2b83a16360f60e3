"""The detail of one row: all its text, its facts, and its events as raw JSON.

Owns nothing but what is drawn. Invariant: the text is set once for a width and drawn line by line,
so its length does not matter once it is there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import ClassVar

from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual.binding import BindingType
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from cma_tui.report import detail
from cma_tui.report.detail import Section
from cma_tui.report.find import Pattern, TooSlowError
from cma_tui.session.model import Change, Session
from cma_tui.ui.entries import counterpart
from cma_tui.ui.keys import bindings
from cma_tui.ui.widgets.rowview import Look, fit, highlight, is_markdown, markdown_console, set_markdown, wrap

_JSON_NAME = re.compile(r' *"(?:[^"\\]|\\.)*"(?=:)')


class Detail(ScrollView, can_focus=True):
    """Sections of text, scrolled."""

    DEFAULT_CSS = """
    Detail { width: 1fr; height: 1fr; display: none; background: $background; color: $foreground;
             border-left: solid $panel; padding: 0 1; scrollbar-size-vertical: 1; overflow-x: hidden;
             scrollbar-gutter: stable; }
    Detail.-open { display: block; }
    Detail:focus { border-left: solid $accent; }
    Detail > .detail--title { text-style: bold; color: $accent; }
    Detail > .detail--quiet { color: $cma-quiet; }
    Detail > .detail--name { color: $cma-tool; }
    Detail > .detail--came { color: $success; }
    Detail > .detail--went { color: $error; }
    Detail > .detail--found { background: $warning; color: $background; text-style: bold; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        f"detail--{name}" for name in ("title", "quiet", "name", "came", "went", "found")
    }
    BINDINGS: ClassVar[list[BindingType]] = bindings(
        {
            "move.down": "scroll_down",
            "move.up": "scroll_up",
            "move.page-down": "page_down",
            "move.page-up": "page_up",
            "move.first": "scroll_home",
            "move.last": "scroll_end",
            "detail.raw": "raw",
            "detail.leave": "leave",
        }
    )

    class Left(Message):
        """The user has seen enough."""

    def __init__(self) -> None:
        super().__init__()
        self._session: Session | None = None
        self._item = -1
        self._raw = False
        self._lines: list[Strip] = []
        self.more: Callable[[Session, int], list[Section]] = lambda session, item: []
        """What others than the log know of an item."""
        self._pattern: Pattern | None = None

    def look_for(self, pattern: Pattern | None) -> None:
        """Mark this wherever it is seen."""
        self._pattern = pattern
        self.refresh()

    def next_hit(self, by: int) -> bool:
        """Scroll to the next or previous line that holds what is looked for; False when there is none."""
        at = round(self.scroll_offset.y)
        lines = range(at + 1, len(self._lines)) if by > 0 else range(min(at, len(self._lines)) - 1, -1, -1)
        found = next((y for y in lines if self._spans(self._lines[y])), None)
        if found is None or (by > 0 and at >= self.max_scroll_y):
            return False
        self.scroll_to(y=found, animate=False)
        return True

    def _spans(self, line: Strip) -> list[tuple[int, int]]:
        try:
            return list(self._pattern.spans(line.text)) if self._pattern is not None else []
        except TooSlowError:
            return []

    def show(self, session: Session, item: int) -> None:
        """Show an item, from its beginning."""
        fresh = item != self._item
        self._session, self._item = session, item
        self._set()
        if fresh:
            self.scroll_home(animate=False)
            if self._pattern is not None:
                self.call_after_refresh(self.next_hit, 1)

    def refresh_item(self, session: Session, change: Change) -> None:
        """The session went on: draw the item again if it changed."""
        if self._session is not None and session is not self._session:
            again = counterpart(self._session, session, self._item)
            if again is None:
                self.action_leave()
                return
            self._item = again
        elif not change.reset and self._item not in change.redrawn:
            return
        self.show(session, self._item)

    def action_raw(self) -> None:
        """Change between words and raw JSON."""
        self._raw = not self._raw
        self._set()
        self.scroll_home(animate=False)

    def action_leave(self) -> None:
        """Close."""
        self.post_message(self.Left())

    def on_resize(self) -> None:
        """Set the text anew for the width."""
        self._set()

    def _set(self) -> None:
        width = self.scrollable_content_region.width
        if self._session is None or width < 4:
            return
        title = self.get_component_rich_style("detail--title")
        quiet = self.get_component_rich_style("detail--quiet")
        names = self.get_component_rich_style("detail--name")
        lines = [_line(fit(detail.title(self._session, self._item), width), title)]
        tones = {"tool": names, "you": title}
        base = self.rich_style
        console = markdown_console(Look(base, quiet, quiet, base, base, base, base, tones))
        made = detail.raw_sections if self._raw else detail.sections
        for section in [*made(self._session, self._item), *self.more(self._session, self._item)]:
            lines.append(_line("", self.rich_style))
            lines.append(_line(fit(section.title, width), quiet + Style(bold=True)))
            if section.language == "diff":
                lines.extend(self._diff_lines(section.text, width, quiet))
            else:
                lines.extend(_set_section(section, width, self.rich_style, names, console))
        self._lines = lines
        self.virtual_size = Size(width, len(lines))
        self.refresh()

    def _diff_lines(self, text: str, width: int, quiet: Style) -> Iterator[Strip]:
        """Lines that come and go; what is wrapped keeps the sign of its line."""
        styles = {
            "+": self.get_component_rich_style("detail--came"),
            "-": self.get_component_rich_style("detail--went"),
            "@": quiet,
        }
        for line in text.split("\n"):
            sign, style = line[:2], styles.get(line[:1], self.rich_style)
            for piece in wrap(line[2:], max(1, width - 2)):
                yield _line(f"{sign}{piece}", style)

    def render_line(self, y: int) -> Strip:
        """One line of the text."""
        width = self.scrollable_content_region.width
        at = y + self.scroll_offset.y
        if at >= len(self._lines):
            return Strip.blank(width, self.rich_style)
        line = self._lines[at]
        found = self._spans(line)
        if found:
            line = highlight(line, found, self.get_component_rich_style("detail--found"))
        return line.adjust_cell_length(width, self.rich_style)


def _line(text: str, style: Style) -> Strip:
    return Strip([Segment(text, style)])


def _set_section(section: Section, width: int, style: Style, names: Style, console: Console) -> list[Strip]:
    if section.language == "markdown" and is_markdown(section.text):
        return [Strip(line) for line in set_markdown(section.text, width, style, console)]
    if section.language == "json":
        return [_json_line(line, style, names) for line in wrap(section.text, width)]
    return [_line(line, style) for line in wrap(section.text, width)]


def _json_line(line: str, style: Style, names: Style) -> Strip:
    """A line of indented JSON; the name that begins it stands out."""
    named = _JSON_NAME.match(line)
    if named is None:
        return _line(line, style)
    return Strip([Segment(named[0], names), Segment(line[named.end() :], style)])
