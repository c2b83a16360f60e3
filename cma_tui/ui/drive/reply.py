"""Answering from the list of all sessions: what one of them asks, below its rows.

Owns one session from the key that asks for it until nothing waits any more or the user leaves. Invariants:
the session is attached to as its own screen would be, and what is shown, asked and checked is the same; the
bar has the keys only because the user asked for it.
"""

from __future__ import annotations

from textual import events
from textual.app import ComposeResult
from textual.content import Content

from cma_tui.feed import Feed
from cma_tui.text import first_line
from cma_tui.ui.beat import Beat
from cma_tui.ui.drive import slash
from cma_tui.ui.drive.answers import Answering
from cma_tui.ui.keys import keymap_of
from cma_tui.ui.widgets.composer import Composer

TICK = 1 / 30


class Reply(Answering):
    """The bar of what one session asks, with a line for words."""

    DEFAULT_CSS = """
    Reply { height: auto; max-height: 70%; width: 1fr; }
    Reply > #line { height: auto; width: 1fr; padding: 0 1; display: none; color: $cma-quiet; }
    """

    def __init__(self, feed: Feed, session: str, title: str) -> None:
        """Prepare the bar of a feed that has not been started.

        Args:
            feed: the session's; `close` closes it.
            session: its id.
            title: what it is called, for the frame.
        """
        super().__init__(feed)
        self.session = session
        self.approval.border_title = Content(first_line(title, 100))
        self._beat = Beat(self, self._draw, lambda: TICK)

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        yield self.approval
        yield self._line
        yield self.composer

    def on_mount(self) -> None:
        """Attach to the session; the user has asked for the bar and gets the keys to it."""
        self.composer.display = False
        back = keymap_of(self).hint("back", "approval.leave")
        self.approval.look_out(f"looking at what it asks   {back}")
        self.approval.focus()
        self.feed.wake = self._beat.wake
        self.feed.start()

    def on_unmount(self) -> None:
        """What still arrives is for nobody."""
        self.feed.wake = lambda: None

    def close(self) -> str:
        """Let go of the session; it goes on."""
        self.feed.close()
        return ""

    def _draw(self) -> None:
        self.feed.take()
        self._beat.drawn()
        if self.feed.behind:
            self._beat.plan(TICK / 4)
            return
        if self.feed.finished:
            error = self.feed.error
            self.say(first_line(str(error), 300) if error is not None else "it has ended", "$error")
            self.post_message(self.Left())
        elif self.feed.session.pending or self.approval.asked is not None:
            self.drop_aim()
            self.show_waiting()
            if self.composer.aim is None:
                self._no_words()
        elif self.is_known():
            self.run_worker(self._conclude(), exclusive=True)

    async def _conclude(self) -> None:
        """Nothing seems to wait: once all is there, that is so."""
        if await self.all_there() and not self.feed.session.pending:
            self.say("nothing waits there any more", "$warning")
            self.post_message(self.Left())

    def on_descendant_focus(self) -> None:
        """The words of the bar depend on where the keys go."""
        self._show_asked()

    def on_descendant_blur(self) -> None:
        """The words of the bar depend on where the keys go."""
        self._show_asked()

    def on_resize(self, event: events.Resize) -> None:
        """What is asked is as wide as the screen."""
        self._show_asked()

    def _show_asked(self) -> None:
        if self.approval.asked is not None:
            self.show_waiting()

    def on_composer_sent(self, message: Composer.Sent) -> None:
        """Send a reason or a result."""
        message.stop()
        if message.aim is not None:
            text = self.clean(message.text)
            self.answer_in_words(message.aim, text, slash.parse(text))

    def on_composer_back(self) -> None:
        """No words after all."""
        self._no_words()

    def on_text_area_changed(self) -> None:
        """The line above says what a text will be."""
        self.show_line()

    def _no_words(self) -> None:
        if self.composer.display:
            self.composer.display = False
            self.show_line()
            self.approval.focus()

    def go_back(self) -> None:
        """Words that were sent leave the bar to what else waits; from the bar one goes back to the list."""
        if self.composer.display:
            self._no_words()
        else:
            super().go_back()
