"""A session's entries as a list: which of them are listed, and where one is in it.

Owns the filter and the places one comes back to; `entrylines` draws. Invariant: a long list is looked through
in slices, between keys, and what is read stays where it is meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from textual.message import Message

from cma_tui.report.words import Density
from cma_tui.session.model import Change, Session
from cma_tui.session.place import own_stream
from cma_tui.ui.entries import Wanted, counterpart
from cma_tui.ui.soon import SLICE, Slices
from cma_tui.ui.widgets.entrylines import EntryLines

AT_ONCE = 0.02
"""Seconds that a filter may take before the screen is drawn for the first time."""


class Place(msgspec.Struct, frozen=True):
    """What is read: the entry under the cursor, the line of the window it begins on, and the following."""

    entry: int | None
    line: int
    following: bool


class Listing(EntryLines):
    """The entries of a session, as far as they are wanted."""

    class Moved(Message, namespace="timeline"):
        """The cursor, the following, the density or the filter changed."""

    class Scanned(Message, namespace="timeline"):
        """More entries have been looked at under the filter."""

    def __init__(self, session: Session, *, density: Density = Density.NORMAL, times: str = "offset") -> None:
        super().__init__(session, density, times)
        self.news = 0
        """Entries that came since it stopped following."""
        self._left: dict[tuple[str | None, bool], Place] = {}
        """By thread: what was read of it when another one was chosen."""
        self.slices = Slices(self, self._slice)
        """How a long list is looked through."""
        self._unfiltered: set[int] = set()
        """The turns that are folded while no filter is in force."""
        self._before_filter = Place(None, 0, following=True)
        """What was read before a filter came into force."""
        self._put: int | None = None
        """The entry that a filter put the cursor on; on another one the user did."""
        self._aim: Place | None = None
        """What is read, until the entries around it have been looked at."""
        self._seeking: Callable[[], bool] | None = None

    # -- what it shows -----------------------------------------------------------------------------

    def update(self, session: Session, change: Change) -> None:
        """Take in what changed, and draw what looks different."""
        before = len(self)
        marks = self._marks()
        if session is not self.session and change.since is None:
            marks = (self._found(session, marks[0]), self._found(session, marks[1]))
            found = (self._found(session, entry) for entry in self._expanded)
            kept = {entry for entry in found if entry is not None}
            self._expanded.clear()
            self._expanded |= kept
            read = self._before_filter
            self._before_filter = Place(self._found(session, read.entry), read.line, read.following)
            self._put = self._found(session, self._put)
        if self._strips is not None:
            self._strips.forget(session, change, anew=session is not self.session)
        self.entries.update(session, change, None if self.following else self._item_in(session, marks[1]))
        self._keep_whole(session)
        self._tail = self._waiting(session)
        if not self.view.following:
            self.news += max(0, len(self) - before)
            self._restore(marks)
        self.lay_out()
        self._go_on()

    def _waiting(self, session: Session) -> list[tuple[str, str]]:
        """What is not in the log yet, of the thread that is listed."""
        thread, merged = self.entries.thread, self.entries.merged
        previews = session.previews.values()
        queued = session.queued.items()
        return [
            *(("preview", each.id) for each in previews if merged or each.stream == thread),
            *(("queued", key) for key, each in queued if merged or own_stream(session, each) == thread),
        ]

    def _keep_whole(self, session: Session) -> None:
        """A message that was seen as it was written is not cut short when it is there."""
        for kind, key in self._tail:
            if kind == "preview" and (ordinal := session.ordinals.get(key)) is not None:
                self._expanded.add(session.owners[ordinal])

    def _found(self, session: Session, entry: int | None) -> int | None:
        """The entry in a session that was folded anew."""
        return None if entry is None else counterpart(self.session, session, entry)

    @property
    def item(self) -> int | None:
        """The item under the cursor; None on a heading or on what is not in the log yet."""
        entry = self._entry(self.view.cursor)
        return entry if entry is not None and entry >= 0 else None

    @property
    def turn(self) -> int:
        """The turn under the cursor, -1 before the first; of what is not in the log yet the last one."""
        entry = self._entry(self.view.cursor)
        if entry is None:
            return len(self.session.turns) - 1
        return -1 - entry if entry < 0 else self.session.items[entry].turn

    @property
    def seen(self) -> tuple[int, int]:
        """The first and the last item in the window; where it has no lines, the one under the cursor."""
        window = self.view.layout() if self._strips is not None and self.size.height else []
        if not window:
            here = self._item_at(self._last(self.view.cursor))
            return here, here
        return self._item_at(self._entry(window[0][0])), self._item_at(self._last(window[-1][0]))

    def _last(self, position: int) -> int | None:
        """The entry there, or the last one before what is not in the log yet."""
        return self._entry(min(position, len(self.entries.list) - 1))

    def _position(self, entry: int | None, fallback: int) -> int:
        if entry is None or (entry < 0 and -1 - entry >= len(self.session.turns)):
            return max(0, min(fallback, len(self) - 1))
        return max(0, min(self.entries.position(entry), len(self) - 1))

    def _marks(self) -> tuple[int | None, int | None]:
        """What is at the top and under the cursor, to find again after the list has changed."""
        return self._entry(self.view.top), self._entry(self.view.cursor)

    # -- filter and search -----------------------------------------------------------------------------

    def set_filter(self, wanted: Wanted | None, place: Place | None = None) -> None:
        """List what the filter wants, or what the density shows.

        The row under the cursor stays on its line, or comes back to the line that it has in `place`.
        The cursor comes back to a row that a filter hid, unless the user went to another one meanwhile.
        """
        entries = self.entries
        if place is None or place.entry != self.place.entry:
            place = self.place
        if (entries.filter is None) != (wanted is None):
            entries.folded, self._unfiltered = self._unfiltered, entries.folded
        if entries.filter is None:
            self._before_filter = place
        elif place.entry == self._put:
            place = self._before_filter
        entries.filter = wanted
        at = len(self.session.items) if place.following else self._item_at(place.entry)
        entries.rebuild(self.session, at)
        entries.scan(AT_ONCE)
        if self._strips is not None:
            self._strips.clear()
        self._aim = place
        self._hold(place)
        self._put = self.place.entry
        self._moved()
        self._go_on()

    def relist(self) -> None:
        """List everything anew; what is read stays where it is."""
        marks = self._marks()
        self._tail = self._waiting(self.session)
        self.entries.rebuild(self.session, self._item_at(marks[1]))
        self.entries.scan(AT_ONCE)
        if self._strips is not None:
            self._strips.clear()
        self._restore(marks)
        self._moved()
        self._go_on()

    def _go_on(self) -> None:
        """Look at more entries, a slice at a time, so that keys are answered in between."""
        if self.entries.behind:
            self.slices.plan()

    def _slice(self) -> None:
        following, marks = self.following, self._marks()
        if self.entries.scan(SLICE) and not following:
            if self._aim is not None:
                self._hold(self._aim)
                self._put = self.place.entry
            else:
                self._restore(marks)
        if not self.entries.behind:
            self._aim = None
        self.lay_out()
        self.post_message(self.Scanned())
        self._go_on()

    def _item_at(self, entry: int | None) -> int:
        return self._item_in(self.session, entry)

    def _item_in(self, session: Session, entry: int | None) -> int:
        if entry is None:
            return 0
        return entry if entry >= 0 else session.turns[-1 - entry].first_item

    def list_from(self, item: int) -> None:
        """List anew from there, if what is there has not been looked at."""
        if not self.entries.covers(item):
            self.entries.rebuild(self.session, item)
            self._go_on()

    # -- places ---------------------------------------------------------------------------------------

    @property
    def place(self) -> Place:
        """What is read now, to come back to."""
        return Place(self._entry(self.view.cursor), self.view.cursor_line(), self.following)

    def return_to(self, place: Place) -> None:
        """Go back to what was read."""
        self._aim = None
        self._hold(place)
        self._moved()

    def _hold(self, place: Place) -> None:
        """Keep a place's row, or the one nearest to it, on its line of the window."""
        if place.following:
            self.view.follow()
        elif place.entry is not None:
            self.view.place(self._position(place.entry, self.view.cursor), place.line)

    def show_item(self, item: int) -> None:
        """Put the cursor on an item, shown whatever the density, the filter and the folding."""
        if item not in self.entries.list[(at := self.entries.position(item)) : at + 1]:
            self.entries.reveal(item)
        position = self.entries.position(item)
        if any(at == position for at, _ in self.view.layout()):
            self.go(position)
            return
        self._aim = None
        self.view.place(position, self.view.height // 4)  # with what came before it
        self._moved()

    def _restore(self, marks: tuple[int | None, int | None]) -> None:
        view = self.view
        view.top, view.cursor = self._position(marks[0], view.top), self._position(marks[1], view.cursor)
        if marks[0] is not None and self._entry(view.top) != marks[0]:
            view.top_line = 0  # what was at the top is not listed any more

    def go(self, position: int) -> None:
        """Put the cursor on an entry and scroll just so far that it is seen."""
        self._aim = None
        self.view.go(position)
        self._moved()

    def _moved(self) -> None:
        self._seeking = None
        self.lay_out()
        # Without a sender of its own a move that a parent causes would not be told beyond that parent.
        self.post_message(self.Moved().set_sender(self))
