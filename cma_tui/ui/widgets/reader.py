"""Reading a session: its timeline, the detail of a row, and finding one's way in both.

Owns what is looked for, the filter that was written, the places one came from, and the line that says so.
Invariants: looking never blocks a key and never moves the reading position by itself once the user has moved;
Esc leaves the innermost thing first and ends where it began.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal

from cma_tui.places import FORMS, Named, PlaceError, Share
from cma_tui.report.filter import Filter, FilterError
from cma_tui.report.filter import parse as parse_filter
from cma_tui.report.find import Pattern, PatternError, TooSlowError
from cma_tui.report.places import find_place
from cma_tui.session.model import Change, Session
from cma_tui.ui.entries import counterpart
from cma_tui.ui.keys import bindings, keymap_of
from cma_tui.ui.search import Search
from cma_tui.ui.soon import SLICE, Slices
from cma_tui.ui.widgets.carrying import Carrying
from cma_tui.ui.widgets.detail import Detail
from cma_tui.ui.widgets.findline import TOO_SLOW, FindLine, filter_line, found_words, search_line
from cma_tui.ui.widgets.listing import Place
from cma_tui.ui.widgets.prompt import Prompt
from cma_tui.ui.widgets.timeline import Timeline

_CAME_FROM = 100
"""Places that are remembered."""


class Reader(Carrying):
    """The timeline, the detail and the line below them."""

    DEFAULT_CSS = """
    Reader { height: 1fr; width: 1fr; }
    Reader > #body { height: 1fr; width: 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = bindings(
        {
            "find.text": "ask_search",
            "find.next": "next(1)",
            "find.previous": "next(-1)",
            "find.filter": "ask_filter",
            "find.place": "ask_place",
            "find.back": "came_from",
            "find.leave": "leave",
        }
    )

    def __init__(self, timeline: Timeline, detail: Detail, filters: Mapping[str, str] | None = None) -> None:
        super().__init__()
        self._timeline = timeline
        self._detail = detail
        self._prompt = Prompt()
        self._prompt.offer("filter", [*(filters or {}).values()])
        self._filter_line = FindLine()
        self._search_line = FindLine()
        self._filter: Filter | None = None
        self._search: Search | None = None
        self._hit: int | None = None
        """The hit that is shown."""
        self._wanted = 0
        """Which way the next hit is wanted as soon as it is found; 0 when none is."""
        self._origin: Place | None = None
        """What was read before anything was looked for."""
        self._asked_at: Place | None = None
        """What was read when the line was opened."""
        self._came_from: list[Place] = []
        self.slices = Slices(self, lambda: self._look_on(SLICE))
        """How a long session is searched."""
        self.known_place: Callable[[Share | Named], int | None] = lambda place: None
        """Gives the event of a place that the session does not know: a share, words of a note."""

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        with Horizontal(id="body"):
            yield self._timeline
            yield self._detail
        yield self._filter_line
        yield self._search_line
        yield self._prompt

    def current(self) -> tuple[Session, int] | None:
        """The row under the cursor; on a heading what began the turn."""
        session, item = self._timeline.session, self._timeline.item
        if item is None:
            turn = self._timeline.turn
            item = next(iter(session.turns[turn].inputs), None) if turn >= 0 else None
        return None if item is None else (session, item)

    def update(self, session: Session, change: Change) -> None:
        """Take in what changed."""
        before = self._timeline.session
        if session is not before:
            self._came_from = [self._anew(before, session, place) for place in self._came_from]
            self._origin = self._anew(before, session, self._origin) if self._origin else None
            self._hit = counterpart(before, session, self._hit) if self._hit is not None else None
        self._timeline.update(session, change)
        if self._detail.has_class("-open"):
            self._detail.refresh_item(session, change)
        if self._search is not None:
            self._search.update(session, change)
            self._look_on()
        self._say_filter()

    @staticmethod
    def _anew(old: Session, new: Session, place: Place) -> Place:
        entry = counterpart(old, new, place.entry) if place.entry is not None else None
        return Place(entry, place.line, place.following)

    # -- the line that is written on ------------------------------------------------------------------

    def action_ask_search(self) -> None:
        """Ask what to look for."""
        if self._search is None:
            self._origin = self._timeline.place
        self._search_line.hide()
        self._prompt.ask("search", "/", said="text, or /expression/")

    def action_ask_filter(self) -> None:
        """Ask which rows to list."""
        self._asked_at = self._timeline.place
        self._filter_line.hide()
        text = self._filter.source if self._filter is not None else ""
        self._prompt.ask("filter", "filter", text, "tool:bash error >5s !kind:model text · ↑ earlier ones")

    def action_ask_place(self) -> None:
        """Ask where to go."""
        self._prompt.ask("place", ":", said=FORMS)

    def on_prompt_changed(self, message: Prompt.Changed) -> None:
        """What is looked for is found while it is written."""
        message.stop()
        if message.kind == "search" and self._prompt.is_open:
            self._begin_search(message.text)
        elif message.kind == "filter":
            self._check_filter(message.text)

    def on_prompt_accepted(self, message: Prompt.Accepted) -> None:
        """Stay with what was found, list what was asked for, or go there."""
        message.stop()
        if message.kind == "search":
            if message.text and self._search is None:
                self._begin_search(message.text)
                if self._search is None:
                    return  # it is no expression, and the line says so
            self._close_prompt()
            if self._search is None:
                self._end_search()
        elif message.kind == "filter":
            if self._check_filter(message.text):
                self._close_prompt()
                self.filter(message.text)
        elif message.kind == "place":
            self._go_to_place(message.text)

    def on_prompt_cancelled(self, message: Prompt.Cancelled) -> None:
        """Back to what was."""
        message.stop()
        self._close_prompt()
        if message.kind == "search":
            self._end_search()

    def _close_prompt(self) -> None:
        self._prompt.close()
        (self._detail if self._detail.has_class("-open") else self._timeline).focus()
        self._say_filter()
        self._say_search()

    # -- looking for text -------------------------------------------------------------------------------

    def _begin_search(self, text: str) -> None:
        self._search = self._hit = None
        self._wanted = 0
        try:
            pattern = Pattern(text) if text else None
        except PatternError as error:
            self._prompt.say(str(error), wrong=True)
            pattern = None
        else:
            self._prompt.say("")
        self._mark(pattern)
        if pattern is None:
            return
        timeline, origin = self._timeline, self._origin
        # From the end, what was said last is nearest; from anywhere else, what comes next.
        self._wanted = -1 if origin is not None and origin.following else 1
        self._search = Search(pattern, timeline.session, self._start())
        self._look_on(SLICE)

    def _start(self) -> int:
        """The item from which is looked: where one was when it began."""
        session = self._timeline.session
        entry = self._origin.entry if self._origin is not None and not self._origin.following else None
        if entry is None:
            return len(session.items)
        return entry if entry >= 0 else session.turns[-1 - entry].first_item

    def _mark(self, pattern: Pattern | None) -> None:
        self._timeline.look_for(pattern)
        self._detail.look_for(pattern)

    def _look_on(self, budget: float = 0.0) -> None:
        """Look further, show a hit that is waited for, and come back for the rest."""
        search = self._search
        if search is None:
            return
        if budget:
            search.scan(budget)
        if self._wanted:
            self._show_hit(search)
        self._say_search()
        if not search.done:
            self.slices.plan()

    def _show_hit(self, search: Search) -> None:
        base = self._hit if self._hit is not None else self._start() - (1 if self._wanted > 0 else 0)
        found = search.after(base, self._wanted)
        if found is None:
            if search.done:
                self._wanted = 0
            return
        by, self._wanted = self._wanted, 0
        again = found == self._hit or self._prompt.is_open  # while it is written, the first one is shown
        self._hit = found
        self._timeline.show_item(found)
        if self._detail.has_class("-open") and not self._detail.shows(found):
            self._detail.show(self._timeline.session, found)  # from its first hit
        elif self._detail.has_class("-open"):
            self._detail.next_hit(by, again=again)

    def action_next(self, by: int) -> None:
        """Go to the next or previous hit: inside the detail first."""
        if self._search is None:
            self.app.bell()
            return
        if self._detail.has_focus:
            self._detail.next_hit(by)  # where there is none, it says so
            return
        if self._timeline.item is not None:
            self._hit = self._timeline.item  # from where one is, not from where one was
        self._next_item(by)

    def on_detail_exhausted(self, message: Detail.Exhausted) -> None:
        """The open detail holds no further hit: the next row that does is shown."""
        message.stop()
        if self._search is not None:
            self._next_item(message.by)

    def _next_item(self, by: int) -> None:
        self._wanted = by
        self._look_on()

    def on_detail_taken(self, message: Detail.Taken) -> None:
        """Copy a value of the tree."""
        message.stop()
        self.carry(message.text)

    def _end_search(self) -> None:
        """Nothing is looked for any more, and one is where one was."""
        self._search = self._hit = None
        self._wanted = 0
        self._mark(None)
        origin, self._origin = self._origin, None
        self._timeline.entries.revealed.clear()
        self._timeline.relist()
        if origin is not None:
            self._remember(self._timeline.place)
            self._timeline.return_to(origin)
        self._say_search()

    def _say_search(self) -> None:
        """The count, and where the hit is when its row does not show it."""
        search = self._search
        if search is None:
            self._search_line.hide()
            return
        rank = search.rank(self._hit) if self._hit is not None and not search.failed else None
        said = found_words(search, rank)
        if self._prompt.kind == "search":
            self._prompt.say(said, wrong=search.failed)
            return
        inside = self._inside(search.pattern) if rank else ""
        self._search_line.show(search_line(search, said, inside, keymap_of(self)))

    def _inside(self, pattern: Pattern) -> str:
        """The text around the hit, when neither the row nor an open detail shows it."""
        item = self._timeline.item
        if (
            item is None
            or item != self._hit
            or self._detail.has_class("-open")
            or self._timeline.shows(pattern)
        ):
            return ""
        try:
            return pattern.context(self._timeline.session, item)
        except TooSlowError:
            return ""

    # -- filter -----------------------------------------------------------------------------------------

    def filter(self, text: str) -> None:
        """List what the text asks for; everything for an empty one."""
        self._filter = parse_filter(text) if text.strip() else None
        self._timeline.set_filter(self._filter, self._asked_at)
        self._asked_at = None
        self._say_filter()

    def _check_filter(self, text: str) -> bool:
        try:
            parse_filter(text)
        except FilterError as error:
            self._prompt.say(f"at {error.position + 1}: {error}", wrong=True)
            return False
        self._prompt.say("")
        return True

    def _say_filter(self) -> None:
        entries = self._timeline.entries
        if self._filter is not None and entries.failed:
            self.filter("")
            self.app.notify(f"{TOO_SLOW}: the filter is off", markup=False, severity="warning")
        if self._filter is None or self._prompt.kind == "filter":
            self._filter_line.hide()
            return
        self._filter_line.show(filter_line(self._filter, entries, keymap_of(self)))

    def on_timeline_scanned(self) -> None:
        """More has been looked at under the filter."""
        self._say_filter()

    # -- places -----------------------------------------------------------------------------------------

    def _go_to_place(self, text: str) -> None:
        timeline = self._timeline
        try:
            item = find_place(timeline.session, text, timeline.item, self.known_place)
        except PlaceError as error:
            self._prompt.say(str(error), wrong=True)
            return
        self._remember(timeline.place)
        self._close_prompt()
        timeline.show_item(item)

    def on_timeline_jumped(self, message: Timeline.Jumped) -> None:
        """Remember where one was."""
        self._remember(message.place)

    def _remember(self, place: Place) -> None:
        if place not in self._came_from[-1:]:
            self._came_from.append(place)
            del self._came_from[:-_CAME_FROM]

    def action_came_from(self) -> None:
        """Back to where one was before the last jump; again, forth."""
        if not self._came_from:
            self.app.bell()
            return
        now = self._timeline.place
        self._timeline.return_to(self._came_from.pop())
        self._came_from.insert(0, now)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Esc is others' where there is nothing to leave here."""
        return action != "leave" or self._search is not None or self._filter is not None

    def action_leave(self) -> None:
        """Leave the search, then the filter."""
        if self._search is not None:
            self._end_search()
        elif self._filter is not None:
            self.filter("")
