"""The overview: every session of the workspace, those that need somebody first.

Owns what a drawing of the list takes in, its filter and its order, and the way into a session and back to
the same row. Invariants: nothing is drawn while nothing changes, but ages once a second; what is not up to
date says so; a session that is left is closed, its feed and its mirror, before the app ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from time import monotonic
from typing import ClassVar, NamedTuple

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Input, Static

from cma_tui.feed import Feed
from cma_tui.overview import Overview
from cma_tui.report.overview import totals_words
from cma_tui.session.entry import NEEDS_HOST, NEEDS_YOU, Entry
from cma_tui.session.roster import Roster
from cma_tui.source import SourceError
from cma_tui.text import ago, first_line
from cma_tui.ui.beat import Beat
from cma_tui.ui.cells import weightiest
from cma_tui.ui.drive.reply import Reply
from cma_tui.ui.drive.sender import Sender
from cma_tui.ui.keys import bindings, hint_content, keymap_of, writes
from cma_tui.ui.screens.session import SessionScreen
from cma_tui.ui.widgets.hints import hint_line
from cma_tui.ui.widgets.sessions import Rows

TICK = 0.1
"""Seconds between two drawings while something happens somewhere."""
STALE = 10.0
"""Seconds without a list after which what is shown is said to be old."""
_BETWEEN = " · "
_COLOURS = {"wait": "$warning bold", "ok": "$success", "bad": "$error", "note": "$cma-quiet"}


class Opened(NamedTuple):
    """A session that was opened from the list."""

    screen: SessionScreen
    close: Callable[[], str]
    """Closes what the screen was on, and says what there is to say; may take seconds."""


class Ways(NamedTuple):
    """What can be done with a row."""

    show: Callable[[Entry], Opened]
    """Makes the screen of it."""
    attach: Callable[[Entry], Feed]
    """Makes what feeds the bar of what it asks."""


class OverviewScreen(Screen[str | None]):
    """All sessions."""

    DEFAULT_CSS = """
    OverviewScreen { background: $background; layers: base; }
    OverviewScreen > Static { height: 1; width: 1fr; padding: 0 1; }
    OverviewScreen > #columns { color: $cma-quiet; padding: 0; background: $surface; }
    OverviewScreen > #asked { display: none; background: $surface; }
    OverviewScreen > #keys { color: $cma-quiet; }
    OverviewScreen > Input { height: 1; border: none; padding: 0 1; display: none; background: $panel; }
    OverviewScreen > Input:focus { border: none; }
    OverviewScreen.-low > #line, OverviewScreen.-low > #columns { display: none; }
    """
    VERTICAL_BREAKPOINTS = [(0, "-low"), (10, "-high")]  # noqa: RUF012 - as Textual declares it
    BINDINGS: ClassVar[list[BindingType]] = bindings(
        {
            "overview.filter": "filter",
            "overview.order": "order",
            "overview.reverse": "reverse",
            "session.answer": "answer",
            "overview.clear": "clear",
            "overview.leave": "leave",
        }
    )

    def __init__(self, overview: Overview, ways: Ways | None) -> None:
        """Prepare.

        Args:
            overview: what feeds the list; started when the first frame is there.
            ways: how a session is opened and answered; None when one is to be chosen only.
        """
        super().__init__()
        self.overview = overview
        self._ways = ways
        self._rows = Rows(overview.roster)
        self._head = Static(markup=False)
        self._line = Static(markup=False, id="line")
        self._columns = Static(markup=False, id="columns")
        self._asked = Static(markup=False, id="asked")
        self._keys = Static(markup=False, id="keys")
        self._filter = Input(placeholder="title, agent, id, metadata, state", select_on_focus=False)
        self._shown: dict[Static, Content] = {}
        self._beat = Beat(self, self._draw, lambda: TICK)
        self._window: list[str] = []
        self._said = ""
        self.closers: list[Callable[[], str]] = []
        """What closes the sessions that are open: each is called once, when it is left or at the end."""
        self._reply: Reply | None = None
        """The bar of what a session asks, while it is there."""

    @property
    def roster(self) -> Roster:
        """What is shown."""
        return self.overview.roster

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        yield self._head
        yield self._line
        yield self._columns
        yield self._rows
        yield self._asked
        yield self._filter
        yield self._keys

    def on_mount(self) -> None:
        """Begin to read once the first frame is on the screen: what the source imports is slow."""
        self._rows.focus()
        self._words()
        self.overview.wake = self._beat.wake
        self.call_after_refresh(self.overview.start)
        self.set_interval(1.0, self._second)

    def on_unmount(self) -> None:
        """What still arrives is for nobody."""
        self.overview.wake = lambda: None

    # -- the beat --------------------------------------------------------------------------------------

    def _draw(self) -> None:
        self.overview.take()
        self._beat.drawn()
        if self.is_current:
            self._show()
        if self.overview.behind:
            self._beat.plan(TICK / 4)

    def _show(self) -> None:
        self._rows.lay_out()
        self._words()
        window = self._rows.window
        if window != self._window:
            self._window = window
            self.overview.look_at(window)

    def _second(self) -> None:
        """Ages change, and what has become old is said to be."""
        if self.is_current:
            self._show()

    def on_screen_resume(self) -> None:
        """Back from a session: show what happened meanwhile."""
        self._show()

    def on_resize(self) -> None:
        """Cut the lines anew."""
        self.call_after_refresh(self._show)

    # -- the lines around the rows ---------------------------------------------------------------------

    def _words(self) -> None:
        day = datetime.now().astimezone().replace(hour=0, minute=0, second=0, microsecond=0).timestamp()
        parts = [(5, "sessions", "bold")]
        if self.overview.listed_at is not None:
            totals = totals_words(self.roster.totals(day))
            parts += [(weight, text, _COLOURS[tone]) for weight, text, tone in totals]
        kept = weightiest(parts, _BETWEEN, self.size.width - 2)
        self._put(self._head, _joined([(text, style) for _, text, style in kept]))
        self._put(self._line, _joined(self._state()))
        self._put(self._columns, Content(self._rows.heading()))
        entry = self._rows.entry
        asks = entry is not None and entry.standing == NEEDS_YOU and self._ways is not None
        asks = asks and self._reply is None
        self._asked.display = asks
        if entry is not None and asks:
            self._put(self._asked, self._ask(entry))
        place = "narrow" if writes(self.focused) else "pick" if self._ways is None else "overview"
        keys = hint_content(hint_line(place, keymap_of(self), self.size.width - 2))
        self._put(self._keys, Content.styled(self._said, "$warning") if self._said else keys)

    def _state(self) -> list[tuple[str, str]]:
        overview = self.overview
        if overview.error is not None:
            return [(f"stopped: {first_line(str(overview.error), 200)}", "$error")]
        if overview.listed_at is None:
            trouble = first_line(overview.trouble, 200)
            return [(trouble or "connecting", "$warning" if trouble else "$cma-quiet")]
        parts = []
        old = monotonic() - overview.listed_at
        if old > STALE:
            parts.append((f"as of {ago(old - old % 5)}", "$warning"))
        if overview.trouble:
            parts.append((first_line(overview.trouble, 120), "$warning"))
        roster = self.roster
        parts.append((f"by {roster.sort}{', reversed' if roster.reverse else ''}", "$cma-quiet"))
        if roster.filter:
            parts.append((f"{len(roster.order):,} match {first_line(roster.filter, 60)!r}", "$accent"))
        return parts

    def _ask(self, entry: Entry) -> Content:
        from cma_tui.report.overview import doing

        answers = keymap_of(self).of("session.answer")[0]
        return Content.assemble(
            Content.styled("asks  ", "$warning bold"),
            Content(first_line(doing(entry), 400)),
            Content.styled(f"   {answers} answers", "$warning"),
        )

    def _put(self, place: Static, line: Content) -> None:
        line = line.truncate(
            max(8, self.size.width - (2 if place is not self._columns else 0)), ellipsis=True
        )
        if place not in self._shown or not line.is_same(self._shown[place]):
            self._shown[place] = line
            place.update(line, layout=False)

    # -- filter and order ------------------------------------------------------------------------------

    def action_filter(self) -> None:
        """Type what to look for; the list follows each key."""
        self._filter.display = True
        self._filter.focus()

    def on_input_changed(self, message: Input.Changed) -> None:
        """Show what matches."""
        self.roster.arrange(filter_=message.value)
        self._show()

    def on_input_submitted(self) -> None:
        """Keep the filter and go to the rows."""
        self._filter.display = bool(self._filter.value)
        self._rows.focus()

    def action_clear(self) -> None:
        """Show everything again."""
        self._filter.value = ""
        self._filter.display = False
        self._said = ""
        self._rows.focus()
        self._show()

    def action_order(self) -> None:
        """Sort by the next key."""
        sorts = list(Roster.SORTS)
        self.roster.arrange(sort=sorts[(sorts.index(self.roster.sort) + 1) % len(sorts)])
        self._show()

    def action_reverse(self) -> None:
        """Sort the other way round."""
        self.roster.arrange(reverse=not self.roster.reverse)
        self._show()

    # -- sessions --------------------------------------------------------------------------------------

    def on_rows_moved(self) -> None:
        """What was said is read."""
        self._said = ""
        self._show()

    def on_rows_opened(self, message: Rows.Opened) -> None:
        """Go into a session, or choose it."""
        if self._ways is None:
            if message.entry.path is None:
                self.dismiss(message.entry.id)
            return
        try:
            opened = self._ways.show(message.entry)
        except SourceError as error:
            self._say(str(error))
            return
        self.closers.append(opened.close)
        self.app.push_screen(opened.screen, lambda _: self._left(opened.close))

    def _left(self, close: Callable[[], str]) -> None:
        self.run_worker(self._close(close))

    async def _close(self, close: Callable[[], str]) -> None:
        self.closers.remove(close)
        farewell = await asyncio.to_thread(close)
        if farewell:
            self.app.notify(farewell, markup=False)

    # -- answering -------------------------------------------------------------------------------------

    def action_answer(self) -> None:
        """Put the keys into the bar of what the row's session asks."""
        entry = self._rows.entry
        if entry is None or self._ways is None or entry.standing not in (NEEDS_YOU, NEEDS_HOST):
            self._say("nothing waits for an answer there")
        elif self._reply is not None and self._reply.session == entry.id:
            self._reply.approval.focus()
        else:
            self._leave_reply()
            try:
                feed = self._ways.attach(entry)
            except SourceError as error:
                self._say(str(error))
                return
            self._rows.hold()
            self._reply = Reply(feed, entry.id, entry.title or entry.id)
            self.closers.append(self._reply.close)
            self.mount(self._reply, before=self._filter)
            self._show()

    def on_sender_said(self, message: Sender.Said) -> None:
        """The last line says it."""
        self._say(message.text)

    def on_sender_left(self) -> None:
        """Back to the list."""
        self._leave_reply()
        self._rows.focus()
        self._show()

    def _leave_reply(self) -> None:
        reply, self._reply = self._reply, None
        if reply is not None:
            reply.remove()
            self._left(reply.close)

    def _say(self, text: str) -> None:
        self._said = first_line(text, 300)
        self._words()

    def action_leave(self) -> None:
        """Leave; the sessions go on."""
        self.app.exit()


def _joined(parts: list[tuple[str, str]]) -> Content:
    return Content.styled(_BETWEEN, "$cma-quiet").join(Content.styled(text, style) for text, style in parts)
