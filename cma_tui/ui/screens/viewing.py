"""The views of a session, for its screen: panels, and the timelines of its threads.

Owns which of them is seen, and the words of where one is. Invariants: a panel leaves to the row that was
chosen in it, in the timeline that lists it, and is imported when it is opened; a thread whose own events are
not in the log is asked for when its timeline is opened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final, Protocol

from textual.binding import BindingType

from cma_tui.feed import Feed
from cma_tui.report.threads import other_end, other_thread
from cma_tui.report.words import agent_name
from cma_tui.session.model import ToolUse
from cma_tui.source import Attached
from cma_tui.source.saved import Saved
from cma_tui.text import duration
from cma_tui.ui.counting import Counting
from cma_tui.ui.keys import bindings, keymap_of
from cma_tui.ui.screens.panel import Panel
from cma_tui.ui.screens.playing import PlayedOn, Playing
from cma_tui.ui.widgets.beside import Beside
from cma_tui.ui.widgets.timeline import Timeline

if TYPE_CHECKING:
    from cma_tui.mirror import Mirror

BROAD: Final = 150
"""Cells from which on there is room beside the timeline."""
Note = tuple[str, str]
"""Words of the header, and their style."""


class Viewed(PlayedOn, Protocol):
    """What the views need of the screen they are opened from."""

    @property
    def figures(self) -> Counting:
        """The figures of the moment that is looked at."""
        ...


class Viewing(Playing):
    """A screen with more than one view."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(
        {
            "view.beside": "beside",
            "view.waterfall": "waterfall",
            "view.threads": "threads",
            "view.outline": "outline",
            "view.metrics": "metrics",
            "view.tracing": "tracing",
            "view.link": "link",
        }
    )
    played_on: Viewed
    feed: Feed
    _among: bool
    """Whether the list of all sessions is below, to go back to."""
    _timeline: Timeline
    _beside: Beside
    _mirror: Mirror | None

    def open_panel(self, panel: Panel) -> None:
        """Show a panel until it is left; then go to the row that was chosen there."""
        self.app.push_screen(panel, self._go_to)

    def _go_to(self, item: int | None) -> None:
        if item is None:
            return
        chosen = self._timeline.session.items[item]
        listed = isinstance(chosen, ToolUse) and chosen.on_session
        entries = self._timeline.entries
        if chosen.thread != entries.thread and not entries.merged and not (listed and entries.thread is None):
            self.show_thread(None if listed else chosen.thread)
        self._timeline.post_message(Timeline.Jumped(self._timeline.place))
        self._timeline.show_item(item)

    # -- beside the timeline -------------------------------------------------------------------------------

    def action_beside(self) -> None:
        """Show turns, threads and time beside the timeline, or leave the room to it."""
        if not self.has_class("-broad"):
            self.played_on.say(f"there is room for that on {BROAD} columns or more", "$cma-quiet")
        else:
            self.toggle_class("-alone")
            self.show_beside()

    def show_beside(self) -> None:
        """Draw what is beside the timeline; without a turn there is nothing to tell."""
        at = self._timeline
        self.set_class(bool(at.session.turns), "-begun")
        self._beside.look(at.session, self.played_on.figures, at.turn)

    def on_beside_turned(self, message: Beside.Turned) -> None:
        """Go to a turn."""
        turn = self._timeline.session.turns[message.turn]
        self._go_to(turn.inputs[0] if turn.inputs else turn.first_item)

    def on_beside_threaded(self, message: Beside.Threaded) -> None:
        """Show a thread's timeline."""
        self.show_thread(message.thread)

    # -- panels ------------------------------------------------------------------------------------------

    def action_tracing(self) -> None:
        """Show how the session stands in Braintrust, and where the turn under the cursor is."""
        from cma_tui.ui.screens.tracing import Tracing

        at = self._timeline
        self.open_panel(Tracing(at.session, at.turn, at.item, self._mirror, replay=self.replaying))

    def action_waterfall(self) -> None:
        """Show the turn under the cursor on a time axis."""
        from cma_tui.ui.screens.waterfall import Waterfall

        at = self._timeline
        item = None if at.following else at.item
        self.open_panel(Waterfall(at.session, at.turn, item, self.played_on.figures, self.feed))

    def action_outline(self) -> None:
        """Show the turns, to go to one."""
        from cma_tui.ui.screens.outline import Outline

        at = self._timeline
        self.open_panel(Outline(at.session, at.turn, self.played_on.figures))

    def action_threads(self) -> None:
        """Show the threads."""
        from cma_tui.ui.screens.threads import Threads

        at = self._timeline
        self.open_panel(Threads(at.session, self.played_on.figures, self.show_thread, at.entries.thread))

    def action_metrics(self) -> None:
        """Show the figures."""
        from cma_tui.ui.screens.metrics import Metrics

        self.open_panel(Metrics(self.player.session, self.played_on.figures))

    # -- the timelines of threads ------------------------------------------------------------------------

    def show_thread(self, thread: str | None, merged: bool = False) -> None:
        """Show the timeline of a thread, None for the session's; or that of all threads."""
        source: object = self.feed.source
        if isinstance(source, Attached) and not self.feed.finished:
            for wanted in self.feed.session.threads if merged else [thread] if thread is not None else []:
                self.feed.submit(source.watch_thread(wanted))
        self._timeline.list_thread(thread, merged=merged)

    def on_timeline_left(self) -> None:
        """Back to the session's timeline."""
        self.show_thread(None)

    def action_link(self) -> None:
        """Go to the other end of a message between threads, or to the thread that a row speaks of."""
        session, item = self._timeline.session, self._timeline.item
        leads, thread = (False, None) if item is None else other_thread(session, item)
        if item is None or not leads:
            goes = keymap_of(self).hint("goes", "view.link")
            said = f"{goes} from a message between threads, or a thread's row, to the thread"
            self.played_on.say(said, "$cma-quiet")
            return
        end = other_end(session, item)
        merged = self._timeline.entries.merged
        if not merged:
            self.show_thread(thread)
        if end is not None:
            self._timeline.show_item(end)
        elif merged:
            self.show_thread(thread)

    # -- where one is --------------------------------------------------------------------------------------

    def on_timeline_followed(self) -> None:
        """The end was asked for: of a session that goes on, that is what happens now."""
        if not self.replaying or (self.feed.source is not None and self.feed.source.live):
            self.to_newest()

    @property
    def others(self) -> int:
        """How many other sessions the log holds, as far as is known."""
        source = self.feed.source
        return source.sessions - 1 if isinstance(source, Saved) else 0

    def place_notes(self) -> list[Note]:
        """What the header says of where one is, where that is not the session's end."""
        return [note for note in (self._thread_note(), self._follow_note(), self._others_note()) if note]

    def _thread_note(self) -> Note | None:
        """Which timeline is seen, unless it is the session's."""
        entries = self._timeline.entries
        leaves = keymap_of(self).hint("leaves", "timeline.leave-thread")
        if entries.merged:
            return (f"all threads, {leaves}", "$cma-thread bold")
        if entries.thread is None:
            return None
        name = agent_name(self._timeline.session, entries.thread)
        return (f"thread {name}, {leaves}", "$cma-thread bold")

    def _follow_note(self) -> Note | None:
        timeline = self._timeline
        source = self.feed.source
        if self.player.rewound and (not self.replaying or (source is not None and source.live)):
            waiting = ", something waits for you" if self.feed.session.pending else ""
            returns = self._last_key("returns")
            return (f"{duration(self.player.lag)} behind{waiting}, {returns}", "$warning bold")
        if timeline.following or source is None or self.feed.finished:
            return None
        follows = self._last_key("follows")
        return (f"+{timeline.news} new, {follows}" if timeline.news else f"paused, {follows}", "$accent")

    def _last_key(self, does: str) -> str:
        """The key that goes to the end, End where it does."""
        keys = keymap_of(self).of("move.last")
        return f"{'End' if 'End' in keys else keys[0]} {does}"

    def _others_note(self) -> Note | None:
        source = self.feed.source
        if not self.others or not isinstance(source, Saved):
            return None
        chooses = "" if self._among else f", {keymap_of(self).hint('chooses', 'session.sessions')}"
        return (f"session {source.session + 1} of {self.others + 1}{chooses}", "$accent")
