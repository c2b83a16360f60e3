"""What the timeline lists: which items, under which turn headings, at a density.

Owns the list of entries. An entry is an int: an item's index, or for the heading of turn `t` the
number `-1 - t`. Invariants: entries are in the order of the items; a heading stands before the first
item of its turn; an update costs what it changes, not what there is.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left

from cma_tui.report.rows import level
from cma_tui.report.words import Density
from cma_tui.session.model import Change, Item, Session, ToolUse


def heading(turn: int) -> int:
    """The entry of a turn's heading."""
    return -1 - turn


def counterpart(old: Session, new: Session, entry: int) -> int | None:
    """The entry that shows in `new`, which was folded anew, what `entry` shows in `old`."""
    item = old.items[entry if entry >= 0 else old.turns[-1 - entry].first_item]
    ordinal = new.ordinals.get(old.events[item.event].key)
    index = -1 if ordinal is None else new.owners[ordinal]
    if index < 0:
        return None
    return index if entry >= 0 else heading(new.items[index].turn)


def leans_on_others(item: Item) -> bool:
    """Whether what an item says depends on more than its own events: a thread's state, a turn's end.

    A change does not name such an item, so it is read again with every change while it is near the window.
    """
    if isinstance(item, ToolUse) and not item.done:
        return True
    return item.thread is not None or item.type.startswith(_LEANING)


_LEANING = ("session.thread_", "user.define_outcome", "workflow_run.")


class Entries:
    """The entries of one session, kept up to date."""

    def __init__(self, session: Session, density: Density = Density.NORMAL) -> None:
        self.session = session
        self.density = density
        self.thread: str | None = None
        """The child thread whose timeline is shown; None for the session's."""
        self.folded: set[int] = set()
        """Turns of which only the heading shows."""
        self.list: array[int] = array("q")
        self._scanned = 0
        self._turn = -1

    def rebuild(self, session: Session) -> None:
        """List everything anew."""
        self.session = session
        self.list = array("q")
        self._scanned, self._turn = 0, -1
        self._scan()

    def update(self, session: Session, change: Change) -> None:
        """Take in what changed."""
        if session is not self.session:
            anew = {counterpart(self.session, session, heading(turn)) for turn in self.folded}
            self.folded = {-1 - entry for entry in anew if entry is not None and entry < 0}
        if change.reset or session is not self.session:
            self.rebuild(session)
            return
        for index in change.items:
            if index < self._scanned:
                self._recheck(index)
        self._scan()

    def position(self, entry: int) -> int:
        """Where an entry is, or where it would be: the place of the first entry not before it."""
        return bisect_left(self.list, self._rank(entry), key=self._rank)

    def _rank(self, entry: int) -> float:
        """A key that orders headings just before their turn's first item."""
        return entry if entry >= 0 else self.session.turns[-1 - entry].first_item - 0.5

    def _scan(self) -> None:
        session = self.session
        items = session.items
        for index in range(self._scanned, len(items)):
            turn = items[index].turn
            if self.thread is None and turn > self._turn and items[index].thread is None:
                for begun in range(self._turn + 1, turn + 1):
                    self.list.append(heading(begun))
                self._turn = turn
            if self._shown(index):
                self.list.append(index)
        self._scanned = len(items)

    def _shown(self, index: int) -> bool:
        item = self.session.items[index]
        if item.thread != self.thread and not (
            self.thread is None and isinstance(item, ToolUse) and item.on_session
        ):
            return False
        if self.thread is None and item.turn in self.folded:
            return False
        least = level(self.session, index)
        return least is not None and least <= self.density

    def _recheck(self, index: int) -> None:
        """An item that changed may come or go: a request that failed shows at every density."""
        place = bisect_left(self.list, float(index), key=self._rank)
        listed = place < len(self.list) and self.list[place] == index
        shown = self._shown(index)
        if shown and not listed:
            self.list.insert(place, index)
        elif listed and not shown:
            del self.list[place]
