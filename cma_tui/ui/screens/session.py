"""The session screen: one for watching, chatting and replaying.

Owns the beat: what has arrived is folded and drawn at once when nothing was drawn for a tick, and
gathered until the next tick otherwise. Invariants: nothing is drawn while nothing changes, but a
clock cell once a second on a live session; no handler here knows how events are made or sent beyond
`Feed` and `Controls`.
"""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.screen import Screen
from textual.timer import Timer

from cma_tui.feed import Feed
from cma_tui.report.words import Density
from cma_tui.session.model import Change
from cma_tui.source import Controls, SourceError
from cma_tui.text import printable
from cma_tui.ui.screens.help import Help
from cma_tui.ui.widgets.approval import Approval, still_asked
from cma_tui.ui.widgets.composer import Composer
from cma_tui.ui.widgets.detail import Detail
from cma_tui.ui.widgets.header import Header
from cma_tui.ui.widgets.hints import Hints
from cma_tui.ui.widgets.playbar import PlayBar
from cma_tui.ui.widgets.timeline import Timeline

if TYPE_CHECKING:
    from cma_tui.mirror import Mirror

Mode = Literal["watch", "chat", "replay", "demo"]

TICK = 1 / 30
"""Seconds between two drawings while events arrive."""
BUDGET = 0.012
"""Seconds a tick may spend on folding: the keys are never further away than that and a drawing."""
_TWICE = 2.0
"""Seconds in which a second `x` interrupts."""


class SessionScreen(Screen[None]):
    """Everything about one session."""

    DEFAULT_CSS = """
    SessionScreen { background: $background; layers: base; }
    SessionScreen > #body { height: 1fr; width: 1fr; border-top: solid $panel; }
    SessionScreen.-narrow.-detail Timeline { display: none; }
    """
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (120, "-wide")]  # noqa: RUF012 - as Textual declares it
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("i", "write", "write to the agent", show=False),
        Binding("exclamation_mark", "answer", "answer what waits", show=False),
        Binding("x", "interrupt", "interrupt the agent", show=False),
        Binding("question_mark,f1", "help", "help", show=False),
        Binding("q", "leave", "leave", show=False),
        Binding("space", "play", "play or pause", show=False, priority=True),
        Binding("full_stop", "step", "one event further", show=False),
        Binding("plus,equals_sign", "speed(2)", "faster", show=False),
        Binding("minus", "speed(0.5)", "slower", show=False),
    ]

    def __init__(
        self,
        feed: Feed,
        *,
        mode: Mode,
        name: str,
        density: str = "normal",
        times: str = "offset",
        mirror: Mirror | None = None,
    ) -> None:
        super().__init__()
        self.feed = feed
        self._mirror = mirror
        self._mirror_behind = False
        self.mode = mode
        self._header = Header(feed, name)
        self._timeline = Timeline(feed.session, density=Density[density.upper()], times=times)
        self._detail = Detail()
        self._approval = Approval()
        self._composer = Composer()
        self._playbar = PlayBar()
        self._hints = Hints(replay=mode == "replay")
        self._drawn_at = 0.0
        self._planned: Timer | None = None
        self._interrupt_until = 0.0
        self._sending = False
        """Whether a message is under way to the server."""

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        yield self._header
        with Horizontal(id="body"):
            yield self._timeline
            yield self._detail
        yield self._approval
        if self.mode != "replay":
            yield self._composer
        else:
            yield self._playbar
        yield self._hints

    def on_mount(self) -> None:
        """Begin to read once the first frame is on the screen: what the source imports is slow."""
        self._composer.display = False
        self._timeline.focus()
        self._header.show()
        self.feed.wake = self._wake
        self.call_after_refresh(self.feed.start)
        self.set_interval(1.0, self._second)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The player's keys exist in a replay only: elsewhere Space expands."""
        return self.mode == "replay" if action in ("play", "step", "speed") else True

    # -- the beat -------------------------------------------------------------------------------------

    def _wake(self) -> None:
        """Called on the feed's thread."""
        try:
            self.app.call_later(self._arrived)
        except RuntimeError:  # the app has ended between two batches: nobody is there to draw
            return

    def _arrived(self) -> None:
        if self._planned is not None:
            return
        wait = self._drawn_at + TICK - monotonic()
        if wait <= 0:
            self._draw()
        else:
            self._planned = self.set_timer(wait, self._draw)

    def _draw(self) -> None:
        self._planned = None
        change = self.feed.take(BUDGET)
        if self._mirror is not None and (change is not None or self._mirror_behind):
            self._trace(self._mirror, change)
        if change is None:
            self._show_source()
            return
        session = self.feed.session
        self._timeline.update(session, change)
        if self._detail.has_class("-open"):
            self._detail.refresh_item(session, change.items, change.reset)
        if change.header or change.reset:
            self._show_asked()
        self._show_source()
        self._drawn_at = monotonic()
        if self.feed.behind or self._mirror_behind:
            self._planned = self.set_timer(TICK / 4, self._draw)

    def _trace(self, mirror: Mirror, change: Change | None) -> None:
        """Let the mirror pick the turns that have ended, once the session's beginning is there."""
        line = self.feed.source.line if self.feed.source is not None else None
        whole = line is None or (line.checked_at is not None and not self.feed.behind)
        self._mirror_behind = mirror.update(self.feed.session, change, whole=whole)

    def _show_source(self) -> None:
        """What the source is and how it is decides what can be done."""
        source = self.feed.source
        controls = source.controls if source is not None else None
        if controls is not None and not self._composer.display and not self.feed.finished:
            self._composer.display = True
            if self.mode in ("chat", "demo") and self.focused is self._timeline:
                self._composer.focus()
        elif self.feed.finished and self._composer.display and not self._composer.text:
            self._composer.display = False
        if source is not None:
            self._header.shape = getattr(source, "shape", "")
            self._playbar.show(source)
        self._header.traced = self._mirror.status.words if self._mirror is not None else ""
        self._header.note = self._follow_note()
        self._header.show()
        self._show_hints()

    def _show_hints(self) -> None:
        """Which keys matter depends on where they go."""
        can_send = self._controls() is not None
        self._hints.show(can_send=can_send, detail=self._detail.has_focus, error=self.feed.error)

    def _show_asked(self) -> None:
        """What waits for an answer, where one can be given."""
        if self._controls() is not None:
            self._approval.show(self.feed.session)

    def _follow_note(self) -> tuple[str, str] | None:
        timeline = self._timeline
        source = self.feed.source
        if timeline.following or source is None or self.feed.finished:
            return None
        return (f"+{timeline.news} new, End follows" if timeline.news else "paused, End follows", "$accent")

    def _second(self) -> None:
        """The only timer: the clock cells of a live session."""
        source = self.feed.source
        if source is not None and source.live and not self.feed.finished:
            if self._mirror is not None:
                self._header.traced = self._mirror.status.words
            self._header.show()
            self._timeline.tick()

    # -- what the parts of the screen ask for ------------------------------------------------------------

    def on_timeline_moved(self) -> None:
        """The reading position changed: what was said is read."""
        self._hints.say("", "")
        self._show_source()

    def on_timeline_opened(self, message: Timeline.Opened) -> None:
        """Show the detail of a row."""
        self._detail.add_class("-open")
        self.add_class("-detail")
        self._detail.show(self.feed.session, message.item)
        self._detail.focus()

    def on_detail_left(self) -> None:
        """Back to the timeline."""
        self._detail.remove_class("-open")
        self.remove_class("-detail")
        self._timeline.focus()

    def on_composer_left(self) -> None:
        """Back to the timeline."""
        self._timeline.focus()

    def on_approval_left(self) -> None:
        """Back to where one writes or reads."""
        (
            self._composer if self.mode in ("chat", "demo") and self._composer.display else self._timeline
        ).focus()

    def on_descendant_focus(self) -> None:
        """The words of the bar and of the last line depend on where the keys go."""
        self._show_asked()
        self._show_hints()

    def on_descendant_blur(self) -> None:
        """The words of the bar and of the last line depend on where the keys go."""
        self._show_asked()
        self._show_hints()

    # -- acting on the session -----------------------------------------------------------------------------

    # What is sent is awaited by workers: a handler that waits for the server would stop the drawing.

    def on_composer_sent(self, message: Composer.Sent) -> None:
        """Send a message, unless one is under way; the draft stays until the server has it."""
        if not self._sending:
            self._sending = True
            self._hints.say("sending", "$cma-quiet")
            self.run_worker(self._say(message.text))

    async def _say(self, text: str) -> None:
        event = {"type": "user.message", "content": [{"type": "text", "text": text}]}
        try:
            if await self._send([event]):
                self._composer.accepted(text)
                self._timeline.action_follow()
        finally:
            self._sending = False

    def on_approval_decided(self, message: Approval.Decided) -> None:
        """Answer a tool use, if it still waits as it was drawn."""
        session = self.feed.session
        if not still_asked(session, self._approval.asked, message.key):
            self._hints.say("not sent: it does not wait any more, or it changed", "$warning")
            self._approval.failed(message.key)
        else:
            self.run_worker(self._answer(message.key, message.verdict))
        self._show_asked()

    async def _answer(self, key: str, verdict: str) -> None:
        event = {"type": "user.tool_confirmation", "tool_use_id": key, "result": verdict}
        if not await self._send([event]):
            self._approval.failed(key)
            self._show_asked()

    def action_interrupt(self) -> None:
        """The first `x` asks, the second within two seconds interrupts every thread."""
        if self._controls() is None:
            return
        if monotonic() < self._interrupt_until:
            self._interrupt_until = 0.0
            self.run_worker(self._interrupt())
        else:
            self._interrupt_until = monotonic() + _TWICE
            self._hints.say("x again interrupts the agent, all threads", "$warning")

    async def _interrupt(self) -> None:
        if await self._send([{"type": "user.interrupt"}]):
            self._hints.say("interrupt sent, for every thread", "$warning")

    async def _send(self, events: list[dict[str, Any]]) -> bool:
        controls = self._controls()
        if controls is None:
            self._hints.say("nothing can be sent here", "$error")
            return False
        try:
            await asyncio.wrap_future(self.feed.submit(controls.send(events)))
        except SourceError as error:
            self._hints.say(printable(str(error)), "$error")
            return False
        self._hints.say("", "")
        return True

    def _controls(self) -> Controls | None:
        source = self.feed.source
        return source.controls if source is not None and not self.feed.finished else None

    # -- keys ---------------------------------------------------------------------------------------

    def action_write(self) -> None:
        """Put the keys into the composer."""
        if self._composer.display:
            self._composer.focus()

    def action_answer(self) -> None:
        """Put the keys into the bar of what waits."""
        if self._approval.has_class("-asking"):
            self._approval.focus()

    def action_help(self) -> None:
        """Show every key."""
        self.app.push_screen(Help())

    def action_leave(self) -> None:
        """Leave; the session goes on."""
        self.app.exit()

    def action_step(self) -> None:
        """Replay: one event."""
        self._playbar.step()

    def action_speed(self, by: float) -> None:
        """Replay: faster or slower."""
        self._playbar.speed(by)

    def action_play(self) -> None:
        """Replay: play or pause."""
        self._playbar.toggle()
