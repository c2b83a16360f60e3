"""What the timeline lists: which items, under which turn headings, at a density.

Owns the list of entries. An entry is an int: an item's index, or for the heading of turn `t` the
number `-1 - t`. Invariants: entries are in the order of the items; a heading stands before the first
item of its turn; an update costs what it changes, not what there is.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable
from time import perf_counter
from typing import Protocol

from cma_tui.report.find import TooSlowError
from cma_tui.report.rows import level
from cma_tui.report.words import Density
from cma_tui.session.model import Change, Session, ToolUse

_SLICE = 64
"""Items matched between two looks at the clock."""
_PLAIN = 4096
"""Items listed between two looks at the clock where no text is read for it."""


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


class Wanted(Protocol):
    """What tells the items that are wanted: a filter, or what is looked for."""

    def matches(self, session: Session, index: int) -> bool:
        """Whether the item is wanted."""
        ...


class Entries:
    """The entries of one session, kept up to date.

    With a `filter` it lists what the filter wants, at any density and of any thread, and the headings of
    their turns. Whatever is more than a few thousand items, and all matching, which may read texts, is done
    in slices: from where one reads, both ways.
    """

    def __init__(self, session: Session, density: Density = Density.NORMAL) -> None:
        self.session = session
        self.density = density
        self.thread: str | None = None
        """The child thread whose timeline is shown; None for the session's."""
        self.merged = False
        """Whether the items of all threads are listed together."""
        self.folded: set[int] = set()
        """Turns of which only the heading shows."""
        self.revealed: set[int] = set()
        """Items that show whatever the density, the filter and the folding."""
        self.filter: Wanted | None = None
        """What is listed; None for what the density shows. Takes effect with `rebuild`."""
        self.headings = True
        """Whether headings are listed."""
        self.count = self.rows = 0
        """With a filter: the items listed, and those of the items looked at that show anything."""
        self.failed = False
        """Whether matching took too long on some text: nothing more is matched then."""
        self.list: array[int] = array("i")
        self._low = self._high = 0
        """The items from `_low` to below `_high` have been looked at."""

    def rebuild(self, session: Session, at: int = 0) -> None:
        """List everything anew, from the item `at`; what is not done at once, in later slices."""
        self.session = session
        self.list = array("i")
        self.count = self.rows = 0
        self.failed = False
        self._low = self._high = min(at, len(session.items))
        self.scan(0.0)

    def update(self, session: Session, change: Change, at: int | None = None) -> None:
        """Take in what changed; should that be everything, begin at the item `at`, or at the end."""
        if session is not self.session and change.since is None:
            self.folded = {-1 - turn for turn in self._anew(session, map(heading, self.folded))}
            self.revealed = self._anew(session, self.revealed)
        if change.since is not None and self._stands(change, len(session.items)):
            self._cut(session, change.since)
        elif change.reset or change.since is not None or session is not self.session or not self._high:
            self.rebuild(session, len(session.items) if at is None else at)
            return
        for index in change.redrawn:
            if self._low <= index < self._high:
                self._recheck(index)
        self.scan(0.0)

    def _stands(self, change: Change, count: int) -> bool:
        """Whether another moment of the same log is looked at, most of which is listed."""
        since = change.since
        if since is None or change.reset or self.filter is not None:
            return False
        return self._low < since and count - since <= _PLAIN

    def _cut(self, session: Session, since: int) -> None:
        """What is listed up to that item stands, the rest is listed anew."""
        del self.list[bisect_left(self.list, since - 0.5, key=self._rank) :]
        self._high = min(self._high, since)
        self.session = session

    def _anew(self, session: Session, entries: Iterable[int]) -> set[int]:
        found = (counterpart(self.session, session, entry) for entry in entries)
        return {entry for entry in found if entry is not None}

    @property
    def behind(self) -> bool:
        """Whether there are items that have not been looked at."""
        return self._low > 0 or self._high < len(self.session.items)

    @property
    def looked_at(self) -> int:
        """How many items have been looked at."""
        return self._high - self._low

    def covers(self, item: int) -> bool:
        """Whether an item's neighbours have been looked at."""
        return not self.behind or self._low <= item + 1 <= self._high + 1

    def reveal(self, item: int) -> None:
        """Show this item whatever the density, the filter and the folding."""
        self.revealed.add(item)
        if self._low <= item < self._high:
            self._recheck(item)

    def position(self, entry: int) -> int:
        """Where an entry is, or where it would be: the place of the first entry not before it."""
        return bisect_left(self.list, self._rank(entry), key=self._rank)

    def _rank(self, entry: int) -> float:
        """A key that orders headings just before their turn's first item."""
        return entry if entry >= 0 else self.session.turns[-1 - entry].first_item - 0.5

    def scan(self, budget: float) -> bool:
        """Look at more items, for about `budget` seconds. Says if any entry came."""
        before = len(self.list)
        deadline = perf_counter() + budget
        while self.behind:
            self._scan_down()
            if self._low > 0:
                self._scan_up()
            if perf_counter() >= deadline:
                break
        return len(self.list) != before

    def _scan_down(self) -> None:
        start, stop = self._high, min(self._high + self._slice, len(self.session.items))
        if self.filter is None:
            turn = self.session.items[start - 1].turn if start else -1
        else:
            turn = self._turn(self.list[-1]) if self.list else -1
        self.list.extend(self._listing(start, stop, turn))
        self._high = stop

    def _scan_up(self) -> None:
        start = max(0, self._low - self._slice)
        turn = self.session.items[start - 1].turn if start and self.filter is None else -1
        found = self._listing(start, self._low, turn)
        lone = self.filter is not None and found and self.list and self.list[0] < 0
        if lone and self._turn(found[-1]) == self._turn(self.list[0]):
            del self.list[0]  # the turn begins further up
        self.list = found + self.list
        self._low = start

    @property
    def _slice(self) -> int:
        return _SLICE if self.filter is not None else _PLAIN

    def _listing(self, start: int, stop: int, turn: int) -> array[int]:
        """The entries of a range of items, given the last turn whose heading stands before it."""
        found = array("i")
        items = self.session.items
        headings = self.headings and self.thread is None
        for index in range(start, stop):
            shown = self._shown(index)
            if headings and items[index].turn > turn and (shown or self.filter is None):
                first = turn + 1 if self.filter is None else items[index].turn
                found.extend(map(heading, range(first, items[index].turn + 1)))
                turn = items[index].turn
            if shown:
                found.append(index)
                self.count += 1
            if self.filter is not None and level(self.session, index) is not None:
                self.rows += 1
        return found

    def _turn(self, entry: int) -> int:
        return self.session.items[entry].turn if entry >= 0 else -1 - entry

    def _shown(self, index: int) -> bool:
        item = self.session.items[index]
        if index in self.revealed:
            return level(self.session, index) is not None
        if (
            item.thread != self.thread
            and not self.merged
            and not (
                self.thread is None
                and (self.filter is not None or (isinstance(item, ToolUse) and item.on_session))
            )
        ):
            return False
        if self.thread is None and item.turn in self.folded:
            return False
        if self.filter is not None:
            return self._matches(self.filter, index)
        least = level(self.session, index)
        return least is not None and least <= self.density

    def _matches(self, wanted: Wanted, index: int) -> bool:
        if self.failed or level(self.session, index) is None:
            return False
        try:
            return wanted.matches(self.session, index)
        except TooSlowError:
            self.failed = True
            return False

    def _recheck(self, index: int) -> None:
        """An item that changed may come or go: a request that failed shows at every density."""
        place = bisect_left(self.list, float(index), key=self._rank)
        listed = place < len(self.list) and self.list[place] == index
        shown = self._shown(index)
        lone = self.filter is not None and self.headings and self.thread is None
        turn = self.session.items[index].turn
        if shown and not listed:
            self.list.insert(place, index)
            self.count += 1
            if lone and turn >= 0 and (place == 0 or self._turn(self.list[place - 1]) != turn):
                self.list.insert(place, heading(turn))
        elif listed and not shown:
            del self.list[place]
            self.count -= 1
            last = place == len(self.list) or self._turn(self.list[place]) != turn
            if lone and last and place and self.list[place - 1] == heading(turn):
                del self.list[place - 1]
