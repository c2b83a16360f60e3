"""Answering: yes, no, why not, and results by hand.

Owns the last look before an answer is sent. Invariants: an answer holds for exactly what was on the
screen, and is not sent when that changed, was answered elsewhere, the line is down, or the log has not been
looked at for a minute and cannot be looked at now; the words of a reason or a result stay in the composer
until the server has them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from cma_tui.feed import Feed
from cma_tui.session.model import Session, ToolUse
from cma_tui.source.blocks import AttachError
from cma_tui.text import printable
from cma_tui.ui.drive import slash
from cma_tui.ui.drive.asked import Asked, still_asked, tool_name
from cma_tui.ui.drive.sender import Sender
from cma_tui.ui.drive.several import Several
from cma_tui.ui.drive.wording import confirmation_event, line_words, result_event
from cma_tui.ui.keys import keymap_of
from cma_tui.ui.widgets.approval import Approval
from cma_tui.ui.widgets.composer import Aim, Composer, cleaned


class Answering(Sender):
    """The approval bar and the composer, as far as they answer."""

    def __init__(self, feed: Feed, *, chat: bool = False) -> None:
        super().__init__(feed, chat=chat)
        self.approval = Approval()
        self.composer = Composer()
        self._line = Static("", markup=False, id="line")
        self._busy = False
        """Whether a reason or a result is on its way."""
        self._before: Widget | None = None
        """What had the keys before they were asked for here."""
        self.reading = True
        """Whether anything was read since one wrote: who writes comes by way of the timeline."""
        self.away = False
        """Whether the past is looked at: what waits now is not answered beside it."""

    def show_waiting(self) -> None:
        """Draw what waits for an answer."""
        self.approval.show(Session() if self.away else self.feed.session)

    def on_approval_decided(self, message: Approval.Decided) -> None:
        """Answer tool uses."""
        message.stop()
        self._answer(message.asked, message.verdict)

    def on_approval_wanted(self, message: Approval.Wanted) -> None:
        """Write a reason or a result."""
        message.stop()
        self._aim(message.asked, "reason" if message.kind == "reason" else "result")

    def on_approval_summary(self, message: Approval.Summary) -> None:
        """List what is marked, then decide."""
        message.stop()

        def decided(how: str | None) -> None:
            if how == "reason":
                self._aim(message.asked, "reason")
            elif how is not None:
                self._answer(message.asked, how)

        self.app.push_screen(Several(self.feed.session, message.asked, message.verdict), decided)

    def _aim(self, asked: Sequence[Asked], kind: str) -> None:
        session = self.feed.session
        uses = [session.items[session.pending[a.key]] for a in asked if a.key in session.pending]
        names = [tool_name(use) for use in uses if isinstance(use, ToolUse)]
        what = ", ".join(printable(name, strict=True, cap=60) for name in names)
        if kind == "reason":
            self.composer.aim_at(Aim("reason", list(asked), f"why {what} is denied"))
        else:
            self.composer.aim_at(Aim("result", list(asked), f"the result of {what}"))
        self.composer.display = True
        self.show_line()
        self.composer.focus()

    def drop_aim(self) -> None:
        """What is being written is for nobody any more once nothing of it waits."""
        aim = self.composer.aim
        if aim is None or self._busy or any(still_asked(self.feed.session, a) for a in aim.asked):
            return
        self.composer.aim_at(None)
        self.say(f"{aim.words}: it does not wait any more", "$warning")

    def clean(self, text: str) -> str:
        """A text as it is sent; what is left out is said."""
        text, removed = cleaned(text)
        if removed:
            self.notify(f"{removed} control characters are left out", severity="warning", markup=False)
        return text

    def answer_in_words(self, aim: Aim, text: str, command: slash.Parsed | None) -> None:
        """Send a reason or a result; it stays in the composer until the server has it."""
        if self._busy:
            return
        if aim.kind == "reason":
            if len(text) > 10_000:
                self.say("a reason has at most 10,000 characters", "$error")
                return
            events = [confirmation_event(asked.key, "deny", text.strip()) for asked in aim.asked]
        else:
            try:
                events = [result_event(aim.asked[0].key, text, command)]
            except (AttachError, ValueError) as error:
                self.say(f"not sent: {error}", "$error")
                return
        self._busy = True
        self.run_worker(self._send_words(aim, text, events))

    async def _send_words(self, aim: Aim, text: str, events: list[dict[str, Any]]) -> None:
        try:
            sent = [await self.send_answer(a, e) for a, e in zip(aim.asked, events, strict=True)]
        finally:
            self._busy = False
        if self.composer.aim is not aim:
            return
        session = self.feed.session
        left = [a for a, done in zip(aim.asked, sent, strict=True) if not done and still_asked(session, a)]
        if left:  # who has an answer gets no second one
            self._aim(left, aim.kind)
        elif all(sent):
            self.composer.text = ""
            self.composer.aim_at(None)
            self.show_line()
            self.go_back()

    def _answer(self, asked: Sequence[Asked], verdict: str) -> None:
        self.approval.sending([a.key for a in asked])
        self.run_worker(self._send_answers(asked, verdict))

    async def _send_answers(self, asked: Sequence[Asked], verdict: str) -> None:
        for one in asked:  # a request each: one that is refused does not refuse the others
            await self.send_answer(one, confirmation_event(one.key, verdict))

    async def send_answer(self, asked: Asked, event: dict[str, Any]) -> bool:
        """Send one answer, if what it answers still waits as it was drawn and the line is up."""
        why = await self._why_not(asked)
        if not why and await self.send([event]):
            return True
        self.approval.failed(asked.key)
        if why:
            self.say(why, "$warning")
        self.show_waiting()
        return False

    async def _why_not(self, asked: Asked) -> str:
        """Why an answer is not sent; empty when what it answers waits as it was drawn."""
        line = self.feed.source.line if self.feed.source is not None else None
        if still_asked(self.feed.session, asked):
            if line is None or line.state != "live":
                return "not sent: the line to the session is down, it may have changed"
            if not await self.look_again():
                return "not sent: the session's log cannot be looked at, it may have changed"
        if not still_asked(self.feed.session, asked):
            return "not sent: it does not wait any more, or it changed"
        return ""

    def show_line(self) -> None:
        """What is being written, when it is more than words."""
        words = line_words(self.composer.text, self.composer.aim, keymap_of(self))
        self._line.display = bool(words)
        self._line.update(Content(words))

    def on_approval_left(self) -> None:
        """The user leaves the bar."""
        self.go_back()

    def take_keys(self, part: Widget) -> None:
        """Put the keys into a part of this, from where they are."""
        focused = self.screen.focused
        if focused is not self.approval:
            reads = self.reading or not self.composer.display
            self._before = focused if reads else self.composer
        part.focus()

    def go_back(self) -> None:
        """Back to a message that has been begun, else to where one wrote or read."""
        before, self._before = self._before, None
        if self.composer.display and (self.composer.message or (self.chat and before is None)):
            self.composer.focus()
        elif before is not None and before.focusable:
            before.focus()
        else:
            self.post_message(self.Left())
