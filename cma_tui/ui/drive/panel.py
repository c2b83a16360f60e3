"""The lower part of the session screen: what waits for an answer, what is not sent yet, what is written.

Owns the way from a key to a request. Invariants: what is sent always refers to the live session, whatever
is looked at; a message is on disk before it is sent and until the server has it; an answer is checked
against the session right before it is sent, and is not sent while the line is down.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from textual.app import ComposeResult
from textual.message import Message
from textual.timer import Timer

from cma_tui.feed import Feed
from cma_tui.redact import Redactor
from cma_tui.rules import NONE, Rules
from cma_tui.source import SourceError
from cma_tui.source.blocks import AttachError, content
from cma_tui.source.delivery import Attempt, UnclearError
from cma_tui.source.drafts import Draft, Drafts
from cma_tui.ui.drive import slash
from cma_tui.ui.drive.answers import Answering
from cma_tui.ui.drive.byrule import ByRule
from cma_tui.ui.drive.editor import edited
from cma_tui.ui.drive.hosting import Host
from cma_tui.ui.drive.wording import kept, restored
from cma_tui.ui.keys import keymap_of
from cma_tui.ui.widgets.composer import Composer, How
from cma_tui.ui.widgets.outbox import Entry, Outbox

_KEEP_AFTER = 0.5
"""Seconds after a key until what is written is on disk."""


class DrivePanel(Answering):
    """Approval bar, outbox and composer, and what they do."""

    DEFAULT_CSS = """
    DrivePanel { height: auto; width: 1fr; }
    DrivePanel > #line { height: auto; width: 1fr; padding: 0 1; display: none; color: $cma-quiet; }
    """

    class Commanded(Message):
        """A command was written, for whoever knows what it does."""

        def __init__(self, written: str, command: slash.Parsed) -> None:
            self.written, self.command = written, command
            super().__init__()

    def __init__(
        self,
        feed: Feed,
        *,
        state_dir: Path | None = None,
        tools: Path | None = None,
        chat: bool = False,
        rules: Rules = NONE,
        redactor: Callable[[], Redactor] = Redactor,
    ) -> None:
        super().__init__(feed, chat=chat)
        self.redactor = redactor
        """Makes what masks a document."""
        self.outbox = Outbox()
        self._state_dir = state_dir
        self._drafts: Drafts | None = None
        self._saving: Timer | None = None
        self._results: dict[str, dict[str, Any]] = {}
        """Results of tools that the server does not have yet."""
        self.byrule = ByRule(self, rules, state_dir) if rules and state_dir is not None else None
        """What is answered without asking; None where no rules hold."""
        self._host = Host(self, tools, lambda: self._results) if tools is not None else None

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        yield self.approval
        yield self.outbox
        yield self._line
        yield self.composer

    def on_mount(self) -> None:
        """Nothing can be sent before there is a source; whoever comes to talk may write before that."""
        self.composer.display = self.chat
        if self.byrule is not None:  # what was too old to be answered is looked at again
            self.set_interval(1.0, self.byrule.step)

    def on_unmount(self) -> None:
        """What is written is on disk when the screen is gone."""
        if self._host is not None:
            self._host.close()
        if self._drafts is not None:
            self._save()
            self._drafts.close()

    def switch_rules(self) -> None:
        """Answer by rule no more, or again, in this session."""
        if self.byrule is None:
            self.say("there are no rules: they belong into config.toml, below [rules]", "$warning")
            return
        self.byrule.on = not self.byrule.on
        self.say(self.byrule.words(), "$warning")
        self.byrule.step()

    # -- what the session does --------------------------------------------------------------------------

    def show(self) -> None:
        """Take in what changed in the session: what waits, what can be sent now."""
        if self.controls is None:
            if self.feed.finished:
                self._finish()
            return
        if not self.outbox.reached:
            self.outbox.reached = self.composer.display = True
            self._open_drafts()
            if self._host is not None:
                self._host.save = self._keep
                self.run_worker(self._open_host(self._host))
        if self._host is not None:
            self.approval.hosted = self._host.runs
            for asked in self._host.due():
                self.run_worker(self._host.answer(asked))
        self.show_waiting()
        if self.byrule is not None:
            self.byrule.step()
        self.drop_aim()
        for entry in list(self.outbox.entries):  # the log may show later what no reply told
            if entry.state == "unclear" and entry.attempt is not None and entry.attempt.found is not None:
                self._done(entry)
        self._pump()

    def show_asked(self) -> None:
        """Draw the bars anew: their words depend on where the keys go."""
        if self.controls is not None:
            self.show_waiting()
            self.outbox.show()

    async def _open_host(self, host: Host) -> None:
        await host.open()
        self.show()

    def _finish(self) -> None:
        """The source has ended: the bars go, a draft stays to be seen."""
        self.approval.set_class(False, "-asking")
        if self.composer.display and not self.composer.text:
            self.composer.display = False

    # -- messages ---------------------------------------------------------------------------------------

    def on_composer_sent(self, message: Composer.Sent) -> None:
        """Hand a message to the outbox, run a command, or give an answer."""
        message.stop()
        text = self.clean(message.text)
        command = slash.parse(text)
        if message.aim is not None:
            self.answer_in_words(message.aim, text, command)
        elif command is not None:
            self.post_message(self.Commanded(message.text, command))
        else:
            self.post(message.text, slash.message(text), message.how)

    def post(self, written: str, text: str, how: How) -> None:
        """Put a message into the outbox; it leaves the composer when it can be sent as it is."""
        try:
            events: list[dict[str, Any]] = [{"type": "user.message", "content": content(text)}]
        except AttachError as error:
            self.say(f"not sent: {error}", "$error")
            return
        if how == "redirect":
            events.insert(0, {"type": "user.interrupt"})
        self.put(Entry(text, events, "idle" if how == "idle" else "now"))
        self.composer.taken(written)

    def put(self, entry: Entry) -> None:
        """Send an entry when its time has come."""
        self.outbox.entries.append(entry)
        self._show_outbox()
        self._pump()

    def _pump(self) -> None:
        entry = self.outbox.next_due(self.feed.session)
        if entry is not None and self.controls is not None:
            self._start(entry)

    def _start(self, entry: Entry) -> None:
        entry.state, entry.why = "sending", ""
        self._show_outbox()
        self.run_worker(self._deliver(entry))

    async def _deliver(self, entry: Entry) -> None:
        def note(attempt: Attempt) -> None:  # on the feed's thread, before the request
            entry.attempt = attempt
            if attempt.state == "looking":
                entry.state = "looking"
            self._save()
            self.app.call_later(self.outbox.show)

        try:
            await self.on_source(self.reach().send(entry.events, note))
        except UnclearError as error:
            entry.state, entry.attempt = "unclear", error.attempt
            entry.why = "it is not in the log" if error.looked else "the log cannot be read"
            self.say(str(error), "$error")
        except SourceError as error:
            entry.state, entry.why, entry.attempt = "refused", str(error), None
            self.say(str(error), "$error")
            if not self.composer.text and self.composer.aim is None:
                self._take_back(entry)
        else:
            self._done(entry)
        self._show_outbox()
        self._pump()

    def _done(self, entry: Entry) -> None:
        if entry in self.outbox.entries:
            self.outbox.entries.remove(entry)
        self._show_outbox()
        self.post_message(self.Delivered())

    def _take_back(self, entry: Entry) -> None:
        self.outbox.entries.remove(entry)
        self.composer.write(f"/{entry.text}" if entry.text.startswith("/") else entry.text)

    def on_composer_take_back(self, message: Composer.TakeBack) -> None:
        """The last entry that is not on its way goes back into the composer."""
        message.stop()
        entry = next((e for e in reversed(self.outbox.entries) if e.ours), None)
        if entry is not None:
            self._edit(entry)

    def on_outbox_edit(self, message: Outbox.Edit) -> None:
        """Change an entry."""
        message.stop()
        self._edit(message.entry)

    def _edit(self, entry: Entry) -> None:
        if self.composer.text or self.composer.aim is not None:
            self.say("first send or clear what is being written", "$warning")
            return
        if entry.state == "unclear":
            self.say("it may have been sent: look at the timeline before sending it again", "$warning")
        self._take_back(entry)
        self._show_outbox()
        self.composer.focus()
        self._pump()

    def on_outbox_cancel(self, message: Outbox.Cancel) -> None:
        """Do not send an entry; ↑ recalls its text."""
        message.stop()
        self.outbox.entries.remove(message.entry)
        self.composer.remember(message.entry.text)
        self._show_outbox()
        self._pump()

    def on_outbox_now(self, message: Outbox.Now) -> None:
        """Send an entry now; one that may have been sent is looked for first."""
        message.stop()
        entry = message.entry
        entry.when = "now"
        if entry.state == "unclear":
            self.run_worker(self._send_again(entry))
        elif self.outbox.next_due(self.feed.session) is not None or entry.state == "refused":
            self._start(entry)
        else:
            self.say("it is sent when what waits is answered", "$warning")

    async def _send_again(self, entry: Entry) -> None:
        if await self._was_sent(entry):
            self.say("it was sent: it is in the log", "$success")
            return
        if entry.state == "unclear" and entry in self.outbox.entries and entry.why == "it is not in the log":
            self._start(entry)

    async def _was_sent(self, entry: Entry) -> bool:
        """Look in the log for an entry that may have been sent; it is done when it is there."""
        controls, attempt = self.controls, entry.attempt
        if controls is None or attempt is None:
            return False
        try:
            found = await self.on_source(controls.look(attempt))
        except SourceError as error:
            entry.why = "the log cannot be read"
            self.say(str(error), "$error")
            found = False
        else:
            entry.why = "it is not in the log"
        if found:
            self._done(entry)
        self._show_outbox()
        return bool(found)

    # -- what is on disk --------------------------------------------------------------------------------

    def _open_drafts(self) -> None:
        """What was written before comes back, and is looked for if it may have been sent."""
        if self._state_dir is None or self.feed.source is None:
            return
        try:
            self._drafts = Drafts(self._state_dir, self.feed.source.name)
        except OSError as error:
            self.say(f"drafts are not kept on disk: {error}", "$warning")
            return
        draft = self._drafts.draft
        self._results.update(draft.results)
        if not self.composer.text:
            self.composer.write(draft.text)
        else:  # what is being written stays, and ↑ brings what was written before
            self.composer.remember(draft.text)
        for one in draft.outbox:
            entry = restored(one, keymap_of(self))
            self.outbox.entries.append(entry)
            if entry.attempt is not None:
                self.run_worker(self._was_sent(entry))
        self.outbox.show()

    def _save(self) -> None:
        if self._drafts is None:
            return
        self._drafts.draft = Draft(
            self.composer.message,
            [kept(entry) for entry in list(self.outbox.entries)],
            dict(self._results),
        )
        try:
            self._drafts.save()
        except OSError as error:
            self.app.call_later(self.say, f"the draft is not on disk: {error}", "$error")

    async def _keep(self) -> None:
        await asyncio.to_thread(self._save)

    def _save_soon(self) -> None:
        if self._drafts is not None and self._saving is None:
            self._saving = self.set_timer(_KEEP_AFTER, self._save_now)

    def _save_now(self) -> None:
        self._saving = None
        self.run_worker(self._keep())

    # -- what is shown ----------------------------------------------------------------------------------

    def on_text_area_changed(self) -> None:
        """The line above says what a text will be; the disk has it a moment later."""
        self.show_line()
        self._save_soon()

    def _show_outbox(self) -> None:
        self.composer.waiting = sum(entry.ours for entry in self.outbox.entries)
        self.outbox.show()
        self._save_soon()

    # -- where the keys go ------------------------------------------------------------------------------

    def action_answer(self) -> None:
        """Put the keys into the bar of what waits."""
        if self.approval.has_class("-asking"):
            self.take_keys(self.approval)
        elif self.feed.session.awaited_unseen and not self.feed.session.pending:
            self.say("what the session waits for is not in this log: it cannot be answered here", "$warning")

    def action_outbox(self) -> None:
        """Put the keys into what is not sent yet."""
        if self.outbox.entries:
            self.take_keys(self.outbox)

    def on_outbox_left(self) -> None:
        """Back to where one was."""
        self.go_back()

    def on_composer_left(self) -> None:
        """Back to the timeline."""
        self.reading = False
        self.post_message(self.Left())

    def on_composer_editor(self, message: Composer.Editor) -> None:
        """Write in an editor."""
        message.stop()
        self.edit()

    def edit(self) -> None:
        """Write what the composer holds in an editor."""
        try:
            with self.app.suspend():
                text = edited(self.composer.text, self._state_dir)
        except Exception as error:  # noqa: BLE001 - whatever the editor or the terminal cannot do is said
            self.say(f"no editor: {error}", "$error")
            return
        self.composer.write(text)
