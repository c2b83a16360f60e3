"""The session screen: one for watching, chatting and replaying.

Owns what a drawing takes in and shows, and how much time that may have; `beat` says when. Invariants: nothing
is drawn while nothing changes, but a clock cell once a second on a live session; no handler here knows how
events are made or sent beyond `Feed` and `Controls`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, ClassVar, Final, Literal, cast

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.widget import Widget

from cma_tui.feed import Feed
from cma_tui.player import Player
from cma_tui.redact import Redactor
from cma_tui.report.tracing import traced
from cma_tui.report.words import Density
from cma_tui.rules import NONE, Rules
from cma_tui.session.model import Change
from cma_tui.source import Attached
from cma_tui.source.saved import Saved
from cma_tui.text import duration, first_line
from cma_tui.ui.beat import Beat
from cma_tui.ui.counting import CostLimits, Counting, amount
from cma_tui.ui.drive.panel import DrivePanel
from cma_tui.ui.drive.sender import Sender
from cma_tui.ui.keys import bindings, keymap_of, writes
from cma_tui.ui.notices import Notices, Told, Wishes
from cma_tui.ui.screens.panel import Panel
from cma_tui.ui.screens.viewing import Viewing
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

TICK = 1 / 30
"""Seconds between two drawings while events arrive."""
BUDGET = 0.012
"""Seconds a tick may spend on folding: the keys are never further away than that and a drawing."""
_READING = 0.03
"""Seconds spent on folding between two looks at the keys while a saved log is read."""
_PAUSE = 0.004
"""Seconds between two of these: whatever keys came go all their way."""
_LOOK = 0.25
"""Seconds between two drawings meanwhile."""
_INVITATION: Final[dict[Mode, tuple[str, ...]]] = {
    "chat": ("nothing has been said yet", "", "write below, Enter sends"),
    "demo": (
        "nothing has been said yet",
        "",
        "type “debug my incident” below and press Enter",
        "“roll it back” asks for your approval, “help” tells what else there is",
    ),
}
"""What stands in the place of rows of a session in which nothing has happened."""
_TWICE = 2.0
"""Seconds in which a second `x` interrupts."""


class SessionScreen(Viewing):
    """Everything about one session."""

    DEFAULT_CSS = """
    SessionScreen { background: $background; layers: base; }
    SessionScreen.-narrow.-detail Timeline { display: none; }
    SessionScreen.-map Reader > #body { border-top: none; }
    """
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (120, "-wide")]  # noqa: RUF012 - as Textual declares it
    BINDINGS: ClassVar[list[BindingType]] = bindings(
        {
            "session.write": "write",
            "session.answer": "answer",
            "session.outbox": "outbox",
            "session.rules": "rules",
            "session.interrupt": "interrupt",
            "session.record": "record",
            "session.hurry": "hurry",
            "session.sessions": "sessions",
            "session.leave": "leave",
        }
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
            feed: what it shows. Whoever made it closes it when the screen is left.
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
        super().__init__()
        self.played_on = self
        self.feed = feed
        self.player = Player(feed) if player is None else player
        self.replaying = mode == "replay"
        self.notes_folder = state_dir
        self._among = among
        self._mirror = mirror
        self._mirror_behind = False
        self._recording = recording
        self._recorded: set[str] = set()
        """Threads that are attached to because the session is recorded."""
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
        self._timeline.instead = _INVITATION.get(mode, self._timeline.instead)
        chat = mode in ("chat", "demo")
        self._drive = DrivePanel(
            feed, state_dir=state_dir, tools=tools, chat=chat, rules=rules, redactor=redactor
        )
        if self._drive.byrule is not None and mode != "replay":
            self._header.by_rule = self._drive.byrule.words
        self._approval, self._composer = self._drive.approval, self._drive.composer
        self._playbar = PlayBar(self.player, replay=self.replaying)
        self._hints = Hints(replay=mode == "replay")
        self._unseen: Change | None = None
        """What has been folded and not drawn while a saved log is read."""
        self._interrupt_until = 0.0

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        yield self._header
        yield self._minimap
        yield self._reader
        if self.mode != "replay":
            yield self._drive
        yield self._playbar
        yield self._hints

    def on_mount(self) -> None:
        """Begin to read once the first frame is on the screen: what the source imports is slow."""
        (self._composer if self._drive.chat else self._timeline).focus()
        self._header.show()
        self.feed.wake = self._beat.wake
        if self._recording is not None:
            self._recording.wake = self._beat.wake
        self.call_after_refresh(self.feed.start)
        self.set_interval(1.0, self._second)

    def on_unmount(self) -> None:
        """What still arrives is for nobody."""
        self.feed.wake = lambda: None
        self._notices.close(cast(Told, self.app))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Some keys mean something only at times: where nothing is played, Space expands."""
        if action == "sessions":
            return self._among or self._others > 0
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
        change = self.feed.take(_READING if reading else BUDGET)
        source = self.feed.source
        attached = source is not None and source.live and source.line is not None
        self._counting.live = attached and not self.feed.finished  # the silence of a file tells nothing
        counted = self._counting.update(self.feed.session, change, in_passing=reading and self.feed.behind)
        if self._mirror is not None and (counted or change is not None or self._mirror_behind):
            self._trace(self._mirror, change)
        if counted and not self._counting.behind and not self.feed.behind:
            self._mind_cost()
        self._notices.look(cast(Told, self.app))
        if self._unseen is not None:
            if change is not None:
                self._unseen.join(change)
            change, self._unseen = self._unseen, None
        wait = _LOOK - self._beat.age
        if reading and self._reading and change is not None and wait > 0 and not self._playing_on:
            self._unseen = change
            self._beat.plan(_PAUSE if self.feed.behind else wait, loose=True)
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
            self._show_source()
            self._plan()
            return
        self._reader.update(session, change)
        self._show_figures()  # of the rows that are there
        self._minimap.update_session(change)
        self._show_source()
        self._beat.drawn()
        self._plan()

    def _plan(self) -> None:
        """When to draw next, if nothing arrives before."""
        if (self._counting.behind or self.figures.behind) and not self.feed.behind:
            self._beat.plan(TICK / 2)
        elif self.feed.behind or self._mirror_behind:
            self._beat.plan(_PAUSE if self._reading else TICK / 4)
        elif (due := self.player.due()) is not None:
            self._beat.plan(max(TICK, due), loose=True)

    def _show_figures(self) -> None:
        """Headings are set again where prices were found, or counting has caught up."""
        figures = self.figures
        state = (figures.book.prices is None, figures.behind)
        self._timeline.show_figures(figures.book, anew=state != self._figures_were)
        self._figures_were = state

    @property
    def _others(self) -> int:
        """How many other sessions the log holds, as far as is known."""
        source = self.feed.source
        return source.sessions - 1 if isinstance(source, Saved) else 0

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

    def _mind_cost(self) -> None:
        """Say so, or interrupt, at the cost the user named; of a live session, once it is all there."""
        source = self.feed.source
        if source is None or not source.live or source.line is None or source.line.checked_at is None:
            return
        controls = self._drive.controls
        cost = self._counting.book.session_cost()
        running = self.feed.session.state in ("running", "rescheduling") and controls is not None
        due = self._limits.due(cost, running=running)
        if due == "stop":
            self.run_worker(self._drive.interrupt())
            self.notify(f"{amount(cost)} spent: interrupted, as --stop-cost says", markup=False, timeout=30)
        elif due == "warn":
            self.notify(f"{amount(cost)} spent", severity="warning", markup=False, timeout=30)

    def _trace(self, mirror: Mirror, change: Change | None) -> None:
        """Let the mirror pick the turns that have ended, once the session's beginning is there."""
        line = self.feed.source.line if self.feed.source is not None else None
        whole = line is None or (line.checked_at is not None and not self.feed.behind)
        counting = self._counting
        self._mirror_behind = mirror.update(
            self.feed.session, counting.book, change, whole=whole and counting.priced
        )

    def _show_source(self) -> None:
        """What the source is and how it is decides what can be done."""
        source = self.feed.source
        if self.mode != "replay":
            self._drive.away = self.player.rewound
            self._drive.show()
        if source is not None:
            self._header.shape = getattr(source, "shape", "")
        self._header.traced = self._mirror.status if self._mirror is not None else None
        self._header.recorded = self._recording.status if self._recording is not None else None
        if self._header.recorded is not None:
            self._attach_to_threads()
        whole = source is not None and (source.live or self.feed.finished)
        if source is not None and (whole or self.feed.session.id is not None):
            self.load_notes(self.feed.session.id or str(Path(source.name).absolute()))
        self._playbar.show()
        notes = [self.thread_note(), self._follow_note(), self._others_note()]
        self._header.notes = [note for note in notes if note is not None]
        self._header.show()
        self._show_hints()

    def _show_hints(self) -> None:
        """Which keys matter depends on where they go."""
        can_send = self._drive.controls is not None
        places: dict[Widget | None, str] = {
            self._detail: "detail",
            self._approval: "approval",
            self._drive.outbox: "outbox",
            self._composer: "composer",
        }
        place = places.get(self.focused) or ("prompt" if writes(self.focused) else None)
        self._hints.show(can_send=can_send, place=place, error=self.feed.error)

    def _follow_note(self) -> tuple[str, str] | None:
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

    def _others_note(self) -> tuple[str, str] | None:
        source = self.feed.source
        if not self._others or not isinstance(source, Saved):
            return None
        chooses = "" if self._among else f", {keymap_of(self).hint('chooses', 'session.sessions')}"
        return (f"session {source.session + 1} of {self._others + 1}{chooses}", "$accent")

    def _second(self) -> None:
        """The only timer: the clock cells of a live session, and what is sent while nothing arrives."""
        source = self.feed.source
        live = source is not None and source.live and not self.feed.finished
        if self._recording is not None:
            self._header.recorded = self._recording.status
        if self._mirror is not None:
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
        self._show_source()

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
        if self.mode != "replay":
            self._drive.show_asked()
        self._show_hints()

    def on_descendant_blur(self) -> None:
        """The words of the bar and of the last line depend on where the keys go."""
        if self.mode != "replay":
            self._drive.show_asked()
        self._show_hints()

    # -- acting on the session -----------------------------------------------------------------------------

    # What is sent is awaited by workers of the panel below: a handler that waits would stop the drawing.

    def on_sender_said(self, message: Sender.Said) -> None:
        """The last line says it; the header may have to say something else then."""
        self._hints.say(message.text, message.style)
        self._header.show()

    def on_sender_left(self) -> None:
        """Back to the timeline."""
        self._timeline.focus()

    def on_sender_delivered(self) -> None:
        """The server has a message: what comes of it is at the end."""
        self._hints.say("", "")
        self._timeline.action_follow()
        self._to_newest()

    def action_interrupt(self) -> None:
        """The first `x` asks, the second within two seconds interrupts every thread."""
        if self._drive.controls is None:
            return
        if monotonic() < self._interrupt_until:
            self._interrupt_until = 0.0
            self.run_worker(self._drive.interrupt())
        else:
            self._interrupt_until = monotonic() + _TWICE
            key = keymap_of(self).of("session.interrupt")[0]
            self._hints.say(f"{key} again interrupts the agent, all threads", "$warning")

    # -- keys ---------------------------------------------------------------------------------------

    def action_write(self) -> None:
        """Put the keys into the composer."""
        if self._composer.display:
            self._composer.focus()

    def action_answer(self) -> None:
        """Put the keys into the bar of what waits."""
        self._drive.action_answer()

    def action_rules(self) -> None:
        """Answer by rule no more, or again."""
        self._drive.switch_rules()
        self._show_source()

    def action_outbox(self) -> None:
        """Put the keys into what is not sent yet."""
        self._drive.action_outbox()

    def action_hurry(self) -> None:
        """Connect again and look at the history now, not when it is due."""
        source: object = self.feed.source
        if isinstance(source, Attached) and not self.feed.finished:
            self.feed.submit(source.hurry())
            self._hints.say("looking at the history again", "$cma-quiet")

    def action_record(self) -> None:
        """Begin or end a recording."""
        source = self.feed.source
        if self._recording is None or source is None or not source.live:
            self._hints.say("only a live session is recorded", "$warning")
        elif self._recording.status is None:
            self._recording.on()
        else:
            self.run_worker(self._end_recording(self._recording))
        self._show_source()

    def _attach_to_threads(self) -> None:
        """What is recorded is all of a session: its threads' own events too."""
        source: object = self.feed.source
        threads = self.feed.session.threads
        if isinstance(source, Attached) and not self.feed.finished and len(threads) > len(self._recorded):
            for thread in threads.keys() - self._recorded:
                self._recorded.add(thread)
                self.feed.submit(source.watch_thread(thread))

    async def _end_recording(self, recording: Switch) -> None:
        status = await asyncio.to_thread(recording.off)
        if status is not None:
            self._hints.say(
                first_line(status.farewell, 300), "$cma-quiet" if status.state == "ended" else "$error"
            )
        self._show_source()

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
        self._show_source()

    def show_event(self, ordinal: int) -> None:
        """Go to the row of an event."""
        owner = self.player.session.owners[ordinal] if ordinal >= 0 else -1
        if owner >= 0:
            self._go_to(owner)

    def rows_shown(self) -> int:
        """The density."""
        return self._timeline.entries.density

    def on_timeline_followed(self) -> None:
        """The end was asked for: of a session that goes on, that is what happens now."""
        if not self.replaying or (self.feed.source is not None and self.feed.source.live):
            self._to_newest()

    def _to_newest(self) -> None:
        if self.player.rewound:
            self.player.to_newest()
            self.moved()
