"""The session screen: one for watching, chatting and replaying.

Owns its parts from top to bottom, how it begins and ends, and what the parts ask for. Invariants: nothing is
read before the first frame is there; what it was on is closed once; no handler here knows how events are made
or sent beyond `Feed` and `Controls`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, ClassVar, Final, Literal, cast

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal

from cma_tui.feed import Feed
from cma_tui.player import Player
from cma_tui.redact import Redactor
from cma_tui.report.tracing import traced
from cma_tui.report.words import Density
from cma_tui.rules import NONE, Rules
from cma_tui.ui.counting import CostLimits
from cma_tui.ui.keys import bindings, keymap_of
from cma_tui.ui.notices import Notices, Told, Wishes
from cma_tui.ui.screens.drawing import Drawing
from cma_tui.ui.screens.viewing import BROAD
from cma_tui.ui.widgets.beside import Beside
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


class SessionScreen(Drawing):
    """Everything about one session."""

    DEFAULT_CSS = """
    SessionScreen { background: $background; layers: base; }
    SessionScreen.-narrow.-detail Timeline { display: none; }
    SessionScreen > #middle { height: 1fr; }
    SessionScreen.-broad.-begun Beside { display: block; }
    SessionScreen.-broad.-alone Beside, SessionScreen.-broad.-detail Beside { display: none; }
    SessionScreen.-low Header { height: 1; }
    SessionScreen.-low MinimapLine { display: none; }
    """
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (_WIDE, "-wide"), (BROAD, "-broad")]  # noqa: RUF012 - Textual's way
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
        beside: bool = True,
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
            name: what is said while the session's own id is not known; of a file's path, its last part.
            density: how much of the log is shown.
            times: what the first column tells.
            beside: whether turns, threads and time stand beside the timeline where there is room.
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
        super().__init__(feed, name)
        self.played_on = self
        self.player = Player(feed) if player is None else player
        self.replaying = mode == "replay"
        self.notes_folder = state_dir
        self._among = among
        self._mirror = mirror
        self._recording = recording
        self._recorded = set()
        self.mode = mode
        self._limits = limits or CostLimits()
        self._notices = Notices(feed, Path(name).name or name, wishes or Wishes(), self._said_elsewhere)
        self._header = Header(self.player, name, self._counting, self._limits)
        self._timeline = Timeline(self.player.session, density=Density[density.upper()], times=times)
        self._minimap = MinimapLine(feed, self._timeline)
        self._detail = Detail()
        self._detail.moments = lambda: self.feed.moments
        if mirror is not None:
            self._detail.more = lambda session, item: traced(mirror, session, item)
        self._reader = Reader(self._timeline, self._detail, filters)
        self._reader.known_place = self.player.ordinal
        self._beside = Beside(self.player.session, self._counting)
        self.set_class(not beside, "-alone")
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

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        width, height = self.app.size
        across = "-broad" if width >= BROAD else "-wide" if width >= _WIDE else "-narrow"
        self.add_class(across, "-high" if height >= _HIGH else "-low")
        yield self._header
        yield self._minimap
        with Horizontal(id="middle"):
            yield self._beside
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

    # -- what the parts of the screen ask for ------------------------------------------------------------

    def on_timeline_moved(self) -> None:
        """The reading position changed: what was said is read."""
        if self._drive is not None:
            self._drive.reading = True
        self._hints.say("", "")
        self._minimap.show()
        self.show_beside()
        self.show_source()

    def on_reader_said(self, message: Reader.Said) -> None:
        """Say it in the last line."""
        self._hints.say(message.text, message.tone)

    def on_timeline_opened(self, message: Timeline.Opened) -> None:
        """Show the detail of a row."""
        if self._drive is not None:
            self._drive.reading = True
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

    on_descendant_blur = on_descendant_focus

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
