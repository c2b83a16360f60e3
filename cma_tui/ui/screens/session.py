"""The session screen: one for watching, chatting and replaying.

Owns what a drawing takes in and shows, and how much time that may have; `beat` says when. Invariants: nothing
is drawn while nothing changes, but a clock cell once a second on a live session; no handler here knows how
events are made or sent beyond `Feed` and `Controls`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, ClassVar, Final, Literal, cast

from textual.app import ComposeResult
from textual.binding import BindingType

from cma_tui.feed import Feed
from cma_tui.player import Player
from cma_tui.redact import Redactor
from cma_tui.report.tracing import traced
from cma_tui.report.words import Density
from cma_tui.rules import NONE, Rules
from cma_tui.session.model import Change
from cma_tui.ui import bulk
from cma_tui.ui.beat import Beat
from cma_tui.ui.counting import CostLimits, Counting
from cma_tui.ui.keys import bindings, keymap_of, writes
from cma_tui.ui.notices import Notices, Told, Wishes
from cma_tui.ui.screens.driving import Driving
from cma_tui.ui.screens.panel import Panel
from cma_tui.ui.shell import Shell
from cma_tui.ui.widgets.detail import Detail
from cma_tui.ui.widgets.header import Header
from cma_tui.ui.widgets.hints import Hints
from cma_tui.ui.widgets.minimap import MinimapLine
from cma_tui.ui.widgets.playbar import PlayBar
from cma_tui.ui.widgets.reader import Reader
from cma_tui.ui.widgets.timeline import Timeline

if TYPE_CHECKING:
    from cma_tui.mirror import Mirror
    from cma_tui.recording import Switch

Mode = Literal["watch", "chat", "replay", "demo"]

TICK = 1 / 40
"""Seconds between two drawings while events arrive, at least."""
BUDGET = 0.012
"""Seconds a tick may spend on folding: the keys are never further away than that and a drawing."""
_WIDE, _HIGH = 120, 10
"""Cells from which on the detail has room beside the timeline, and the header for all of its lines."""
_LEAVING: Final = 2.0
"""Seconds that source and mirror have to end."""
_INVITATION: Final[dict[Mode, tuple[str, ...]]] = {
    "chat": ("nothing has been said yet", "", "write below, {send} sends"),
    "demo": (
        "nothing has been said yet",
        "",
        "type “debug my incident” below and press {send}",
        "“roll it back” asks for your approval, “help” tells what else there is",
    ),
}
"""What stands in the place of rows of a session in which nothing has happened; `{send}` is a key."""


class SessionScreen(Driving):
    """Everything about one session."""

    DEFAULT_CSS = """
    SessionScreen { background: $background; layers: base; }
    SessionScreen.-narrow.-detail Timeline { display: none; }
    SessionScreen.-low Header { height: 1; }
    SessionScreen.-low MinimapLine { display: none; }
    """
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (_WIDE, "-wide")]  # noqa: RUF012 - as Textual declares it
    VERTICAL_BREAKPOINTS = [(0, "-low"), (_HIGH, "-high")]  # noqa: RUF012 - as Textual declares it
    BINDINGS: ClassVar[list[BindingType]] = bindings(
        {"session.sessions": "sessions", "session.leave": "leave"}
    )

    def __init__(
        self,
        feed: Feed,
        *,
        mode: Mode,
        name: str,
        density: str = "normal",
        times: str = "offset",
        mirror: Mirror | None = None,
        recording: Switch | None = None,
        among: bool = False,
        state_dir: Path | None = None,
        tools: Path | None = None,
        filters: Mapping[str, str] | None = None,
        limits: CostLimits | None = None,
        wishes: Wishes | None = None,
        player: Player | None = None,
        rules: Rules = NONE,
        redactor: Callable[[], Redactor] = Redactor,
    ) -> None:
        """Prepare the screen of a feed that has not been started.

        Args:
            feed: what it shows; `close` closes it.
            mode: what it is for.
            name: what is said while the session's own id is not known.
            density: how much of the log is shown.
            times: what the first column tells.
            mirror: where the turns go.
            recording: what `R` turns on and off; without it the session cannot be recorded.
            among: whether the list of all sessions is below, to go back to.
            state_dir: where drafts and marks by hand are kept; without it they are not.
            tools: a Python file with custom tools to run for the session.
            filters: the user's own filters by name.
            limits: what the user wants to be told of the cost, and what is to end a turn.
            wishes: what the user wants to be told while looking elsewhere.
            player: what looks at the feed's session; one that looks at its newest moment if not given.
            rules: what is answered without asking.
            redactor: makes what masks a document.
        """
        super().__init__(name=name)
        self.played_on = self
        self.feed = feed
        self.player = Player(feed) if player is None else player
        self.replaying = mode == "replay"
        self.notes_folder = state_dir
        self._among = among
        self._mirror = mirror
        self._mirror_behind = False
        self._recording = recording
        self._recorded = set()
        self.mode = mode
        self._beat = Beat(self, self._draw, lambda: 0.0 if self._reading else TICK)
        self._counting = Counting(self._beat.wake)
        self._past = Counting(self._beat.wake)
        """The figures of an earlier moment, while one is looked at."""
        self._figures_were = (True, False)
        self._limits = limits or CostLimits()
        self._notices = Notices(feed, name, wishes or Wishes(), self._said_elsewhere)
        self._header = Header(self.player, name, self._counting, self._limits)
        self._timeline = Timeline(self.player.session, density=Density[density.upper()], times=times)
        self._minimap = MinimapLine(feed, self._timeline)
        self._detail = Detail()
        self._detail.moments = lambda: self.feed.moments
        if mirror is not None:
            self._detail.more = lambda session, item: traced(mirror, session, item)
        self._reader = Reader(self._timeline, self._detail, filters)
        self._reader.known_place = self.player.ordinal
        if not self.replaying:
            from cma_tui.ui.drive.panel import DrivePanel

            chat = mode in ("chat", "demo")
            self._drive = DrivePanel(
                feed, state_dir=state_dir, tools=tools, chat=chat, rules=rules, redactor=redactor
            )
            if self._drive.byrule is not None:
                self._header.by_rule = self._drive.byrule.words
        self._playbar = PlayBar(self.player, replay=self.replaying)
        self._hints = Hints(replay=mode == "replay")
        self._unseen: Change | None = None
        """What has been folded and not drawn while a saved log is read."""
        self._bulk = bulk.Bulk()

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        width, height = self.app.size
        self.add_class("-wide" if width >= _WIDE else "-narrow", "-high" if height >= _HIGH else "-low")
        yield self._header
        yield self._minimap
        yield self._reader
        if self._drive is not None:
            yield self._drive
        yield self._playbar
        yield self._hints

    def on_mount(self) -> None:
        """Begin to read once the first frame is on the screen: what the source imports is slow."""
        if self.mode in _INVITATION:
            send = keymap_of(self).of("composer.send")[0]
            self._timeline.instead = tuple(line.format(send=send) for line in _INVITATION[self.mode])
        drive = self._drive
        (drive.composer if drive is not None and drive.chat else self._timeline).focus()
        self._header.show()
        self.feed.wake = self._beat.wake
        if self._recording is not None:
            self._recording.wake = self._beat.wake
        self.call_after_refresh(self.feed.start)
        self.set_interval(1.0, self._second)

    def on_unmount(self) -> None:
        """What still arrives is for nobody."""
        self.feed.wake = lambda: None
        self._bulk.end()
        self._notices.close(cast(Told, self.app))

    def close(self) -> str:
        """Close what the screen was on, once it is left. Returns what there is to say.

        Source and mirror have two seconds together; a recording has its own, as only it would be missed.
        """
        until = monotonic() + _LEAVING
        self.feed.close(_LEAVING)
        said = []
        ended = self._recording.off() if self._recording is not None else None
        if ended is not None:
            said.append(ended.farewell)
        if self._mirror is not None:
            self._mirror.close(max(0.0, until - monotonic()))
            said.append(self._mirror.farewell)
        return "; ".join(line for line in said if line)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Some keys mean something only at times: where nothing is played, Space expands."""
        if action == "sessions":
            return self._among or self.others > 0
        playable = self.playable(action)
        return True if playable is None else playable

    # -- the beat -------------------------------------------------------------------------------------

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
            behind = self.feed.behind
            self._beat.plan(bulk.PAUSE if behind else wait, loose=not behind)
            return
        change = self.player.update(change)
        session = self.player.session
        if self.player.rewound:
            counted = self._past.update(session, change)
        self._header.counting = self.figures
        if isinstance(self.app.screen, Panel) and (change is not None or counted):
            self.app.screen.update_session(session, change or Change())
        if change is None:
            self._show_figures()
            self.show_source()
            self._plan()
            return
        self._reader.update(session, change)
        self._show_figures()  # of the rows that are there
        self._minimap.update_session(change)
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
        if live:
            self._mind_silence()
        if live or self._mirror is not None:
            self._header.show()
        if live:
            self._timeline.tick()

    def _mind_silence(self) -> None:
        """Silence is no event: what it means is looked for each second."""
        self._notices.look(cast(Told, self.app))
        before, self._counting.silence = self._counting.silence, self._notices.silence
        if before != self._counting.silence and isinstance(self.app.screen, Panel):
            self.app.screen.update_session(self.player.session, Change())

    # -- what the parts of the screen ask for ------------------------------------------------------------

    def on_timeline_moved(self) -> None:
        """The reading position changed: what was said is read."""
        self._hints.say("", "")
        self._minimap.show()
        self.show_source()

    def on_reader_said(self, message: Reader.Said) -> None:
        """Say it in the last line."""
        self._hints.say(message.text, message.tone)

    def on_timeline_opened(self, message: Timeline.Opened) -> None:
        """Show the detail of a row."""
        self._detail.add_class("-open")
        self.add_class("-detail")
        self._detail.show(self.player.session, message.item)
        self._detail.focus()

    def on_detail_left(self) -> None:
        """Back to the timeline."""
        self._detail.remove_class("-open")
        self.remove_class("-detail")
        self._timeline.focus()

    def on_descendant_focus(self) -> None:
        """The words of the bar and of the last line depend on where the keys go."""
        if self._drive is not None:
            self._drive.show_asked()
        self._show_hints()

    def on_descendant_blur(self) -> None:
        """The words of the bar and of the last line depend on where the keys go."""
        if self._drive is not None:
            self._drive.show_asked()
        self._show_hints()

    def action_sessions(self) -> None:
        """Back to all sessions; this one goes on."""
        self.dismiss(None)

    def action_leave(self) -> None:
        """Leave; the session goes on."""
        self.app.exit()

    # -- the player ---------------------------------------------------------------------------------------

    def moved(self) -> None:
        """The player looks at another moment: its latest row is what one wants to see."""
        self._hints.say("", "")
        if not self._timeline.following:
            self._timeline.follow()
        self._beat.draw()

    def say(self, text: str, style: str) -> None:
        """Say it in the last line."""
        self._hints.say(text, style)

    def marked_row(self) -> str | None:
        """The event of the row under the cursor, or the latest of the moment."""
        session, item = self.player.session, self._timeline.item
        if item is not None and not self._timeline.following:
            return session.events[session.items[item].event].key
        return session.events[-1].key if len(session.events) else None

    def marked(self) -> None:
        """The marks differ: draw them; what is read stays where it is."""
        self.show_source()

    def show_event(self, ordinal: int) -> None:
        """Go to the row of an event."""
        owner = self.player.session.owners[ordinal] if ordinal >= 0 else -1
        if owner >= 0:
            self._go_to(owner)

    def rows_shown(self) -> int:
        """The density."""
        return self._timeline.entries.density
