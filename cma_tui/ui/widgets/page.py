"""A page of a panel: a session as lines of styled text, drawn one by one.

Owns the drawing. Invariants: only lines that differ from what is on the screen are drawn; a page costs what
fits on the screen.
"""

from __future__ import annotations

from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from cma_tui.session.model import Change, Session
from cma_tui.ui.cells import fit
from cma_tui.ui.counting import Counting

Part = tuple[str, str]
"""Text, and the names of its styles; after `in` the colour is behind the text, not of it."""
Line = list[Part]

_TONES = ("you", "agent", "tool", "model", "thread", "error", "note", "ok", "bad", "wait", "plot")


class Page(Widget, can_focus=True):
    """Drawn line by line from `lines`."""

    DEFAULT_CSS = """
    Page { width: 1fr; height: 1fr; padding: 0 1; background: $background; color: $foreground; }
    Page > .page--quiet { color: $cma-quiet; }
    Page > .page--cursor { background: $cma-cursor; }
    Page > .page--you { color: $cma-you; }
    Page > .page--agent { color: $primary; }
    Page > .page--tool { color: $cma-tool; }
    Page > .page--model { color: $cma-model; }
    Page > .page--thread { color: $cma-thread; }
    Page > .page--error { color: $error; }
    Page > .page--note { color: $cma-quiet; }
    Page > .page--ok { color: $success; }
    Page > .page--bad { color: $error; text-style: bold; }
    Page > .page--wait { color: $warning; }
    Page > .page--plot { color: $accent; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"page--{name}" for name in (*_TONES, "quiet", "cursor")}

    def __init__(self, session: Session, counting: Counting) -> None:
        super().__init__()
        self.session: Session = session
        self.counting: Counting = counting
        self._lines: list[Line] = []
        self._styles: dict[str, Style] = {}

    def lines(self, width: int, height: int) -> list[Line]:
        """What is to be seen now."""
        raise NotImplementedError

    def update(self, session: Session, change: Change) -> None:
        """Take in what changed."""
        self.session = session
        self.show()

    def action_close(self) -> None:
        """Back to the timeline."""
        self.screen.dismiss(None)

    def show(self) -> None:
        """Draw what differs."""
        if not self.size.width:
            return
        before, self._lines = self._lines, self.lines(max(20, self.size.width), max(4, self.size.height))
        for y in range(max(len(self._lines), len(before))):
            was = before[y] if y < len(before) else None
            if was != (self._lines[y] if y < len(self._lines) else None):
                self.refresh(Region(0, y, self.size.width, 1))

    def repaint(self) -> None:
        """Draw everything anew: the theme changed."""
        self._styles.clear()
        self.refresh()

    def on_resize(self) -> None:
        """Draw anew."""
        self.show()
        self.refresh()

    def style(self, names: str) -> Style:
        """The style of a part."""
        held = self._styles.get(names)
        if held is None:
            held = self.rich_style
            for name in names.split():
                if name in ("in", "title"):
                    held += Style(reverse=True) if name == "in" else Style(bold=True)
                    continue
                made = self.get_component_rich_style(f"page--{name}")
                held += (
                    Style(bgcolor=made.bgcolor)
                    if name == "cursor"
                    else Style(color=made.color, bold=made.bold)
                )
            self._styles[names] = held
        return held

    def render_line(self, y: int) -> Strip:
        """One line."""
        parts = self._lines[y] if y < len(self._lines) else []
        strip = Strip([Segment(text, self.style(style)) for text, style in parts])
        return strip.adjust_cell_length(self.size.width, self.style(""))


def spread(left: Line, right: Line, width: int) -> Line:
    """Parts from the left and from the right of one line; the left ones are cut."""
    room = width - sum(len(text) for text, _ in right) - (1 if right else 0)
    line: Line = []
    for text, style in left:
        said = fit(text, room)
        room -= Segment(said).cell_length
        line.append((said, style))
    return [*line, (" " * max(1, room + 1), ""), *right] if right else line
