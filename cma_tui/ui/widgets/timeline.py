"""The timeline: a session's entries under the user's keys.

Owns the keys, the density and the kind of time; `listing` owns the window. Invariants: only the user's keys
move the reading position; no key waits for a long list.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.message import Message

from cma_tui.report.filter import waited
from cma_tui.report.places import is_slow
from cma_tui.report.rows import is_wrong
from cma_tui.report.words import Density
from cma_tui.ui.entries import heading
from cma_tui.ui.keys import bindings
from cma_tui.ui.soon import PAUSE, SLICE, soon
from cma_tui.ui.widgets.listing import Listing, Place

TIMES = ("offset", "clock", "relative", "off")


class Timeline(Listing):
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
    Timeline > .timeline--found { background: $warning; color: $cma-on-mark; text-style: bold; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        f"timeline--{name}"
        for name in (
            "time", "quiet", "head", "you", "agent", "tool", "model", "thread", "error", "note", "ok", "bad",
            "wait", "turn", "cursor", "found",
        )
    }  # fmt: skip
    BINDINGS: ClassVar[list[BindingType]] = bindings(
        {
            "move.down": "move(1)",
            "move.up": "move(-1)",
            "move.page-down": "page(1)",
            "move.page-up": "page(-1)",
            "move.first": "first",
            "move.last": "follow",
            "timeline.open": "open",
            "timeline.expand": "expand",
            "timeline.follow": "follow",
            "timeline.next-turn": "turn(1)",
            "timeline.previous-turn": "turn(-1)",
            "timeline.next-error": "error(1)",
            "timeline.previous-error": "error(-1)",
            "timeline.next-wait": "wait(1)",
            "timeline.previous-wait": "wait(-1)",
            "timeline.next-slow": "gap(1)",
            "timeline.previous-slow": "gap(-1)",
            "timeline.density": "density",
            "timeline.times": "times",
            "timeline.leave-thread": "leave_thread",
        }
    )

    class Opened(Message):
        """The user asks for the detail of an item."""

        def __init__(self, item: int) -> None:
            self.item = item
            super().__init__()

    class Jumped(Message):
        """The cursor went far; `place` is where it was."""

        def __init__(self, place: Place) -> None:
            self.place = place
            super().__init__()

    class Followed(Message):
        """The user asks for the end."""

    class Left(Message):
        """The user leaves the timeline of a thread."""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Esc is others' while the session's timeline is seen."""
        return action != "leave_thread" or self.entries.merged or self.entries.thread is not None

    def action_leave_thread(self) -> None:
        """Back to the session's timeline."""
        self.post_message(self.Left())

    def list_thread(self, thread: str | None, *, merged: bool = False) -> None:
        """List a thread's items, None for the session's, or those of all; where one was is kept for each."""
        entries = self.entries
        if (thread, merged) == (entries.thread, entries.merged):
            return
        self._left[entries.thread, entries.merged] = self.place
        entries.thread, entries.merged = thread, merged
        self.relist()
        self.return_to(self._left.get((thread, merged), Place(None, 0, following=True)))

    # -- the user's moves ---------------------------------------------------------------------------

    def go_to(self, item: int) -> None:
        """Put the cursor on an item; on its turn's heading where it is folded away."""
        turn = self.session.items[item].turn
        folded = turn in self.entries.folded
        self.go(self.entries.position(heading(turn) if folded else item))

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
            self._aim = None
            self.view.scroll(by)
            self._moved()

    def action_first(self) -> None:
        """Go to the first row."""
        self.list_from(0)
        self.go(0)

    def follow(self) -> None:
        """Go to the end and stay there."""
        self.list_from(len(self.session.items))
        self.view.follow()
        self.news = 0
        self._moved()

    def action_follow(self) -> None:
        """Go to the end, as the user asked for."""
        self.follow()
        self.post_message(self.Followed())

    def action_turn(self, by: int) -> None:
        """Go to the next or previous turn's heading."""
        self._seek(by, lambda entry: entry < 0, self.view.show_at_top)

    def action_error(self, by: int) -> None:
        """Go to the next or previous row that went wrong."""
        self._seek(by, lambda entry: entry >= 0 and is_wrong(self.session, entry))

    def action_wait(self, by: int) -> None:
        """Go to the next or previous tool use that waits, or waited, for an answer."""
        self._seek(by, lambda entry: entry >= 0 and waited(self.session, entry))

    def action_gap(self, by: int) -> None:
        """Go to the next or previous row that took long, or that nothing happened before for long."""
        self._seek(by, lambda entry: entry >= 0 and is_slow(self.session, entry))

    def _seek(
        self, by: int, wanted: Callable[[int], bool], show: Callable[[int], None] | None = None
    ) -> None:
        """Go to the nearest entry before or after the cursor that is wanted.

        The list may be long: it is looked through in slices, until one is found or the user moves.
        """
        entries, cursor = self.entries.list, self.view.cursor
        steps = iter(
            range(cursor + 1, len(entries)) if by > 0 else range(min(cursor, len(entries)) - 1, -1, -1)
        )

        def seek() -> bool:
            deadline = perf_counter() + SLICE
            for position in steps:
                if position < len(entries) and wanted(entries[position]):
                    (show or self.view.go)(position)
                    self.post_message(self.Jumped(before))
                    self._moved()
                    return True
                if perf_counter() > deadline:
                    return False
            self.app.bell()
            self._seeking = None
            return True

        before = self.place
        self._seeking = seek
        self._seek_on(seek)

    def _seek_on(self, seek: Callable[[], bool]) -> None:
        if self._seeking is seek and not seek():
            soon(self, PAUSE, lambda: self._seek_on(seek))

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
        self.relist()

    def action_density(self) -> None:
        """Show less, or more, of everything."""
        self.entries.density = Density((self.entries.density + 1) % len(Density))
        self.relist()

    def action_times(self) -> None:
        """Show the next kind of time."""
        self.times = TIMES[(TIMES.index(self.times) + 1) % len(TIMES)]
        self.repaint()
        self.post_message(self.Moved())

    # -- events of the screen -------------------------------------------------------------------------

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
        elif y == 0 and self.view.covered:
            self.view.show_at_top(self.entries.position(heading(self._turn_of(position))))
            self._moved()
        else:
            self.go(position)
