"""Acting on the session, for its screen: writing, answering, interrupting, recording.

Owns what these keys do, and what the cost the user named does by itself. Invariants: what is sent is awaited
by workers of the panel below, for a handler that waits would stop the drawing; a recording is of the whole
session, its threads' own events too.
"""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import TYPE_CHECKING, ClassVar, Protocol

from textual.binding import BindingType
from textual.widget import Widget

from cma_tui.source import Attached
from cma_tui.text import first_line
from cma_tui.ui.counting import CostLimits, Counting, amount
from cma_tui.ui.keys import bindings, keymap_of
from cma_tui.ui.screens.viewing import Viewed, Viewing
from cma_tui.ui.widgets.header import Header

if TYPE_CHECKING:
    from cma_tui.recording import Switch
    from cma_tui.ui.drive.panel import DrivePanel
    from cma_tui.ui.drive.sender import Sender

_TWICE = 2.0
"""Seconds in which a second `x` interrupts."""


class Driven(Viewed, Protocol):
    """What acting on the session needs of the screen it is done from."""

    def show_source(self) -> None:
        """Say how the source is, and with it what can be done."""
        ...


class Driving(Viewing):
    """A screen from which a session is acted on."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(
        {
            "session.write": "write",
            "session.answer": "answer",
            "session.outbox": "outbox",
            "session.rules": "rules",
            "session.interrupt": "interrupt",
            "session.record": "record",
            "session.hurry": "hurry",
        }
    )
    played_on: Driven
    _drive: DrivePanel | None = None
    """The panel below; None where nothing can be sent: for a replay it is not even imported."""
    _header: Header
    _counting: Counting
    _limits: CostLimits
    _recording: Switch | None
    _recorded: set[str]
    """Threads that are attached to because the session is recorded."""
    _interrupt_until = 0.0

    # -- what is sent ------------------------------------------------------------------------------------

    def on_sender_said(self, message: Sender.Said) -> None:
        """The last line says it; the header may have to say something else then."""
        self.played_on.say(message.text, message.style)
        self._header.show()

    def on_drive_panel_commanded(self, message: DrivePanel.Commanded) -> None:
        """Do what was written as a command."""
        from cma_tui.ui.drive.deeds import run

        if self._drive is not None:
            self.run_worker(run(self._drive, message.written, message.command))

    def on_sender_left(self) -> None:
        """Back to the timeline."""
        self._timeline.focus()

    def on_sender_delivered(self) -> None:
        """The server has a message: what comes of it is at the end."""
        self.played_on.say("", "")
        self._timeline.action_follow()
        self.to_newest()

    def action_write(self) -> None:
        """Put the keys into the composer."""
        if self._drive is not None and self._drive.composer.display:
            self._drive.composer.focus()

    def action_answer(self) -> None:
        """Put the keys into the bar of what waits."""
        if self._drive is not None:
            self._drive.action_answer()

    def action_outbox(self) -> None:
        """Put the keys into what is not sent yet."""
        if self._drive is not None:
            self._drive.action_outbox()

    def action_rules(self) -> None:
        """Answer by rule no more, or again."""
        if self._drive is not None:
            self._drive.switch_rules()
            self.played_on.show_source()

    def action_interrupt(self) -> None:
        """The first `x` asks, the second within two seconds interrupts every thread."""
        if self._drive is None or self._drive.controls is None:
            return
        if monotonic() < self._interrupt_until:
            self._interrupt_until = 0.0
            self.run_worker(self._drive.interrupt())
        else:
            self._interrupt_until = monotonic() + _TWICE
            key = keymap_of(self).of("session.interrupt")[0]
            self.played_on.say(f"{key} again interrupts the agent, all threads", "$warning")

    def drive_place(self) -> str | None:
        """Where in the panel below the keys go; None where they go elsewhere."""
        if self._drive is None:
            return None
        places: dict[Widget | None, str] = {
            self._drive.approval: "approvals" if self._drive.approval.several else "approval",
            self._drive.outbox: "outbox",
            self._drive.composer: "composer",
        }
        return places.get(self.focused)

    def mind_cost(self) -> None:
        """Say so, or interrupt, at the cost the user named; of a live session, once it is all there."""
        source, drive = self.feed.source, self._drive
        if drive is None or source is None or not source.live:
            return
        if source.line is None or source.line.checked_at is None:
            return
        controls = drive.controls
        cost = self._counting.book.session_cost()
        running = self.feed.session.state in ("running", "rescheduling") and controls is not None
        due = self._limits.due(cost, running=running)
        if due == "stop":
            self.run_worker(drive.interrupt())
            self.notify(f"{amount(cost)} spent: interrupted, as --stop-cost says", markup=False, timeout=30)
        elif due == "warn":
            self.notify(f"{amount(cost)} spent", severity="warning", markup=False, timeout=30)

    # -- the line, and recording it ------------------------------------------------------------------------

    def action_hurry(self) -> None:
        """Connect again and look at the history now, not when it is due."""
        source: object = self.feed.source
        if isinstance(source, Attached) and not self.feed.finished:
            self.feed.submit(source.hurry())
            self.played_on.say("looking at the history again", "$cma-quiet")

    def action_record(self) -> None:
        """Begin or end a recording."""
        source = self.feed.source
        if self._recording is None or source is None or not source.live:
            self.played_on.say("only a live session is recorded", "$warning")
        elif self._recording.status is None:
            self._recording.on()
        else:
            self.run_worker(self._end_recording(self._recording))
        self.played_on.show_source()

    def show_recording(self) -> None:
        """Let the header say how the recording is; while there is one, threads are attached to."""
        self._header.recorded = self._recording.status if self._recording is not None else None
        if self._header.recorded is not None:
            self._attach_to_threads()

    def _attach_to_threads(self) -> None:
        source: object = self.feed.source
        threads = self.feed.session.threads
        if isinstance(source, Attached) and not self.feed.finished and len(threads) > len(self._recorded):
            for thread in threads.keys() - self._recorded:
                self._recorded.add(thread)
                self.feed.submit(source.watch_thread(thread))

    async def _end_recording(self, recording: Switch) -> None:
        status = await asyncio.to_thread(recording.off)
        if status is not None:
            style = "$cma-quiet" if status.state == "ended" else "$error"
            self.played_on.say(first_line(status.farewell, 300), style)
        self.played_on.show_source()
