"""Drawing a session, for its screen.

Owns what a drawing takes in and shows, and how much time that may have; `beat` says when. Invariant: nothing
is drawn while nothing changes, but a clock cell once a second on a live session.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

from cma_tui.feed import Feed
from cma_tui.session.model import Change
from cma_tui.ui import bulk
from cma_tui.ui.beat import Beat
from cma_tui.ui.counting import Counting
from cma_tui.ui.keys import writes
from cma_tui.ui.notices import Notices, Told
from cma_tui.ui.screens.driving import Driving
from cma_tui.ui.screens.panel import Panel
from cma_tui.ui.shell import Shell
from cma_tui.ui.widgets.detail import Detail
from cma_tui.ui.widgets.hints import Hints
from cma_tui.ui.widgets.minimap import MinimapLine
from cma_tui.ui.widgets.playbar import PlayBar
from cma_tui.ui.widgets.reader import Reader

if TYPE_CHECKING:
    from cma_tui.mirror import Mirror

TICK = 1 / 40
"""Seconds between two drawings while events arrive, at least."""
BUDGET = 0.012
"""Seconds a tick may spend on folding: the keys are never further away than that and a drawing."""


class Drawing(Driving):
    """A screen that draws a session on its beat."""

    _notices: Notices
    _minimap: MinimapLine
    _reader: Reader
    _detail: Detail
    _playbar: PlayBar
    _hints: Hints

    def __init__(self, feed: Feed, name: str) -> None:
        super().__init__(name=name)
        self.feed = feed
        self._beat = Beat(self, self._draw, lambda: 0.0 if self._reading else TICK)
        self._bulk = bulk.Bulk()
        self._unseen: Change | None = None
        """What has been folded and not drawn while a saved log is read."""
        self._counting = Counting(self._beat.wake)
        self._past = Counting(self._beat.wake)
        """The figures of an earlier moment, while one is looked at."""
        self._figures_were = (True, False)
        self._mirror_behind = False
        """Whether the mirror has more to take in than it did."""

    def _said_elsewhere(self, text: str) -> None:
        """Called on the thread of the notices."""
        try:
            self.app.call_later(self._hints.say, text, "$warning")
        except RuntimeError:  # the app has ended
            return

    def _draw(self) -> None:
        reading = self._reading
        if not reading:
            self._bulk.end()
        else:
            shell = cast(Shell, self.app)
            self._bulk.begin(alone=shell.terminal is not None)
            if self._bulk.holds(shell.touched_at):
                self._beat.plan(bulk.PAUSE)
                return
        framing = reading and self._unseen is not None and self._beat.age >= bulk.LOOK
        change = None if framing else self.feed.take(bulk.STRETCH if reading else BUDGET)
        passing = bulk.COUNTING if reading and not self.feed.finished else None
        counted = self._counting.update(self.feed.session, change, passing)
        if self._mirror is not None and (counted or change is not None or self._mirror_behind):
            self._trace(self._mirror, change)
        if counted and not self._counting.behind and not self.feed.behind:
            self.mind_cost()
        self._notices.look(cast(Told, self.app))
        if self._unseen is not None:
            if change is not None:
                self._unseen.join(change)
            change, self._unseen = self._unseen, None
        wait = bulk.LOOK - self._beat.age
        if reading and self._reading and change is not None and wait > 0 and not self._playing_on:
            self._unseen = change
            self.player.read_on(change)
            behind = self.feed.behind
            self._beat.plan(bulk.PAUSE if behind else wait, loose=not behind)
            return
        self._show(self.player.update(change), counted)

    def _show(self, change: Change | None, counted: bool) -> None:
        """Show what has changed of the moment that is looked at."""
        session = self.player.session
        if self.player.rewound:
            counted = self._past.update(session, change)
        self._header.counting = self.figures
        if isinstance(self.app.screen, Panel) and (change is not None or counted):
            self.app.screen.update_session(session, change or Change())
        if change is None:
            self._show_figures()
            self.show_beside()
            self.show_source()
            self._plan()
            return
        self._reader.update(session, change)
        self._show_figures()  # of the rows that are there
        self._minimap.update_session(change)
        self.show_beside()
        self.show_source()
        self._beat.drawn()
        self._bulk.framed()
        self._plan()

    def _plan(self) -> None:
        """When to draw next, if nothing arrives before."""
        if (self._counting.behind or self.figures.behind) and not self.feed.behind:
            self._beat.plan(TICK / 2)
        elif self.feed.behind:
            self._beat.plan(bulk.PAUSE if self._reading else TICK / 4)
        elif self._mirror_behind:
            self._beat.plan(TICK)
        elif (due := self.player.due()) is not None:
            self._beat.plan(max(TICK, due), loose=True)

    def _show_figures(self) -> None:
        """Headings are set again where prices were found, or counting has caught up."""
        figures = self.figures
        state = (figures.book.prices is None, figures.behind)
        self._timeline.show_figures(figures.book, anew=state != self._figures_were)
        self._figures_were = state

    @property
    def _reading(self) -> bool:
        """Whether a saved log is read: folding then has most of the time."""
        source, feed = self.feed.source, self.feed
        return source is not None and not source.live and (feed.behind or not feed.finished)

    @property
    def _playing_on(self) -> bool:
        """Whether an earlier moment is looked at, and it is time for the next."""
        due = self.player.due()
        return due is not None and due <= 0

    @property
    def figures(self) -> Counting:
        """The figures of the moment that is looked at."""
        return self._past if self.player.rewound else self._counting

    def _trace(self, mirror: Mirror, change: Change | None) -> None:
        """Let the mirror pick the turns that have ended, once the session's beginning is there."""
        line = self.feed.source.line if self.feed.source is not None else None
        whole = line is None or (line.checked_at is not None and not self.feed.behind)
        counting = self._counting
        self._mirror_behind = mirror.update(
            self.feed.session, counting.book, change, whole=whole and counting.priced
        )

    def show_source(self) -> None:
        """What the source is and how it is decides what can be done."""
        source = self.feed.source
        if self._drive is not None:
            self._drive.away = self.player.rewound
            self._drive.show()
        if source is not None:
            self._header.shape = getattr(source, "shape", "")
        self._header.traced = self._mirror.status if self._mirror is not None else None
        self.show_recording()
        whole = source is not None and (source.live or self.feed.finished)
        if source is not None and (whole or self.feed.session.id is not None):
            self.load_notes(self.feed.session.id or str(Path(source.name).absolute()))
        self._playbar.show()
        self._header.notes = self.place_notes()
        self._header.show()
        self._show_hints()

    def _show_hints(self) -> None:
        """Which keys matter depends on where they go."""
        drive = self._drive
        can_send = drive is not None and drive.controls is not None
        place = self.drive_place() or ("detail" if self.focused is self._detail else None)
        place = place or ("prompt" if writes(self.focused) else None)
        if place is None and self.player.rewound:  # nothing is sent from there
            place = "replay"
        self._hints.show(can_send=can_send, place=place, error=self.feed.error)

    def _second(self) -> None:
        """The only timer: the clock cells of a live session, and what is sent while nothing arrives."""
        source = self.feed.source
        live = source is not None and source.live and not self.feed.finished
        if self._recording is not None:
            self._header.recorded = self._recording.status
        if self._mirror is not None:
            self._trace(self._mirror, Change())
            self._header.traced = self._mirror.status
        silent = bool(self._counting.silence)
        if live or silent:  # what has ended is silent no more
            self._mind_silence()
        if live or silent or self._mirror is not None:
            self._header.show()
        if live:
            self._timeline.tick()

    def _mind_silence(self) -> None:
        """Silence is no event: what it means is looked for each second."""
        self._notices.look(cast(Told, self.app))
        before, self._counting.silence = self._counting.silence, self._notices.silence
        if before != self._counting.silence and isinstance(self.app.screen, Panel):
            self.app.screen.update_session(self.player.session, Change())
