"""The player: any moment of what a feed has read, and the clock that moves through it.

Owns where one looks: at the newest moment, which is the feed's own session, or at an earlier one, which is a
view of it (`session.moments`). A saved log is played this way from its beginning, a live session is rewound
this way and caught up with. Invariants: the feed goes on reading and folding whatever is played; nothing here
changes its session; nothing is polled: `due` says when there is something to do; a pause costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import inf, isnan
from time import monotonic
from typing import Final

from cma_tui import places
from cma_tui.feed import Feed
from cma_tui.marks import Mark, Marks
from cma_tui.pace import Pace
from cma_tui.session.model import Change, Session
from cma_tui.session.moments import Moments

SPEEDS: Final = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, None)
"""Seconds of the log in one of ours; None for no waiting."""
_LATE: Final = 0.1
"""Seconds it may catch up on; who looks later than that has made a pause."""
_FAR: Final = 1024
"""Steps from which on a view is made anew and not folded on."""


class Player:
    """Looks at a feed's session, now or as it was."""

    def __init__(
        self,
        feed: Feed,
        *,
        from_start: bool = False,
        speed: float | None = 1.0,
        idle_limit: float | None = 2.0,
        start_at: str = "",
        loop: bool = False,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """Prepare to play.

        Args:
            feed: what reads the log.
            from_start: play from the beginning; otherwise the newest moment is looked at.
            speed: how many seconds of the log pass in one of ours; None for no waiting at all.
            idle_limit: seconds of the log that a gap in it lasts at most; None for as long as it was.
            start_at: where to begin, in the words of `find`; when the log has been read so far.
            loop: begin again after the end.
            clock: our time, in seconds.
        """
        self.feed = feed
        self.marks = Marks()
        self.loop = loop
        self.pause_at: tuple[str, ...] = ()
        """Kinds of marks to stop at."""
        self.playing = from_start
        self.speed = _checked(speed)
        self._start_at = start_at
        self._clock = clock
        self._moments = feed.moments
        self._view: Session | None = None
        """What is looked at; None for the newest moment."""
        self._step = 0
        self._pace = Pace(feed.moments, idle_limit)
        self.idle_cut = 2.0 if idle_limit is None else idle_limit
        """What idle time is cut to, whenever it is cut."""
        self._offset = 0.0
        """Seconds played so far."""
        self._at = clock()
        """When it was played on last."""
        self._change: Change | None = None
        if from_start and (speed is not None or start_at):
            self._view = self._moments.view(0)

    @property
    def moments(self) -> Moments:
        """What it plays."""
        return self._moments

    # -- where it is ---------------------------------------------------------------------------------------

    @property
    def session(self) -> Session:
        """What is looked at."""
        return self.feed.session if self._view is None else self._view

    @property
    def rewound(self) -> bool:
        """Whether an earlier moment than the newest is looked at."""
        return self._view is not None

    @property
    def step(self) -> int:
        """How many steps of the log have happened at the moment looked at."""
        return len(self._moments) if self._view is None else self._step

    @property
    def total(self) -> int:
        """How many steps there are so far."""
        return len(self._moments)

    @property
    def ended(self) -> bool:
        """Whether the end of a log that does not grow is looked at."""
        return self.step >= self.total and self._whole

    @property
    def _whole(self) -> bool:
        """Whether everything has been read."""
        return self.feed.finished and not self.feed.behind

    @property
    def time(self) -> float | None:
        """When the latest event of the moment happened."""
        return self._time(self.step - 1)

    @property
    def began(self) -> float | None:
        """When the log's first event happened."""
        return self._time(0)

    @property
    def newest(self) -> float | None:
        """When the latest event that has been read happened."""
        return self._time(self.total - 1)

    @property
    def lag(self) -> float:
        """Seconds between the moment looked at and the newest."""
        now, newest = self.time if self.step else self.began, self.newest
        return 0.0 if now is None or newest is None else max(0.0, newest - now)

    @property
    def idle_limit(self) -> float | None:
        """Seconds of the log that a gap in it lasts at most; None for as long as it was."""
        return self._pace.idle_limit

    @property
    def share(self) -> float:
        """How much of the playing time is over, 0 to 1."""
        return self._pace.share(self.step)

    def step_at(self, share: float) -> int:
        """The moment at which so much of the playing time is over."""
        return self._pace.step_at(share)

    def _time(self, step: int) -> float | None:
        times = self._moments.times
        at = times[min(max(0, step), len(times) - 1)] if times else None
        return None if at is None or isnan(at) else at

    # -- the beat --------------------------------------------------------------------------------------------

    def read_on(self, change: Change | None) -> None:
        """Take in what the feed has read, between two calls of `update`: the next has less to do then."""
        if self.feed.moments is self._moments:
            self.marks.update(self._moments, change)
            self._pace.until(self.total)

    def update(self, change: Change | None) -> Change | None:
        """What is different in `session` since the last call; `change` is what the feed has just taken in."""
        if self.feed.moments is not self._moments:
            self._found_anew()
        self.marks.update(self._moments, change)
        if self._start_at and not self._started():
            return self._taken(None)
        if self._view is not None:
            change = None
            if self.playing:
                self._play_on()
        return self._taken(change)

    def _started(self) -> bool:
        """Go to where it is to begin, once that has been read; a share of the log needs the whole of it."""
        found = self.find(self._start_at)
        if not self._whole and (found is None or found >= self.total or "%" in self._start_at):
            return False
        self._start_at = ""
        if found is not None:
            self._go(found)
        return True

    def due(self) -> float | None:
        """Seconds until there is something to do; None when only a key or the feed brings it."""
        if not self.playing or self._view is None or self._start_at:
            return 0.0 if self._change is not None else None
        if self._step >= self.total:
            return 0.0 if self._whole else None
        if self.speed is None:
            return 0.0
        waited = self._clock() - self._at
        return max(0.0, (self._pace.before(self._step) - self._offset) / self.speed - waited)

    def _taken(self, change: Change | None) -> Change | None:
        own, self._change = self._change, None
        if own is not None and change is not None:
            own.join(change)
        return own or change

    def _note(self, change: Change) -> None:
        if self._change is None:
            self._change = change
        else:
            self._change.join(change)

    def _play_on(self) -> None:
        now = self._clock()
        passed, self._at = now - self._at, now
        if self._step < self.total:
            stop = self.total
            if self.speed is not None:
                late = self._pace.before(self._step) + _LATE * self.speed
                self._offset = min(self._offset + passed * self.speed, max(late, self._offset))
                stop = self._pace.step_after(self._offset, self._step)
            mark = self.marks.after(self._step, self.pause_at) if self.pause_at else None
            if mark is not None and mark.step <= stop:
                stop, self.playing = mark.step, False
            self._go(stop, keep=True)
        if self._step >= self.total and self._whole:
            if self.loop:
                self._go(0)
            else:
                self.playing = False

    def _go(self, step: int, *, keep: bool = False) -> None:
        """Look at another moment; with `keep` the time that has been played counts on."""
        moments, before = self._moments, self.step
        step = max(0, min(step, len(moments)))
        if self._view is not None and before <= step < before + _FAR:
            if step == before:
                return
            change = Change(header=True, previews=True, queued=True)
            moments.forward(self._view, before, step, change)
            change.header = change.previews = change.queued = True
        else:
            self._view = moments.view(step)
            change = moments.between(before, step)
        self._step = step
        self._note(change)
        if not keep:
            self._offset, self._at = self._pace.until(step), self._clock()

    def _found_anew(self) -> None:
        """The order of the events was mended: find the moment again by its last event."""
        old, self._moments = self._moments, self.feed.moments
        self._pace = Pace(self._moments, self.idle_limit)
        if self._view is None:
            return
        step = 0
        for before in range(self._step - 1, -1, -1):
            ordinal = old.ordinal(before)
            if ordinal >= 0:
                there = self.feed.session.ordinals.get(old.session.events[ordinal].key)
                if there is not None:
                    step = self._moments.step_of(there)
                    break
        self._view, self._step = self._moments.view(step), step
        self._offset, self._at = self._pace.until(step), self._clock()
        self._note(Change(reset=True, header=True, previews=True, queued=True))

    # -- the buttons -----------------------------------------------------------------------------------------

    def play(self) -> None:
        """Go on; from the beginning, when the end of a whole log is looked at."""
        if self.ended:
            self._go(0)
        self.playing, self._at = True, self._clock()
        self._offset = max(self._offset, self._pace.until(self._step))

    def pause(self) -> None:
        """Stand still; on a session that goes on, at what is now its newest moment."""
        if self._view is None and not self._whole:
            self._go(self.total)
        self.playing = False

    def toggle(self) -> None:
        """Play or pause."""
        if self.playing or (self._view is None and not self._whole):
            self.pause()
        else:
            self.play()

    def set_speed(self, speed: float | None) -> None:
        """Change the speed, from this moment on."""
        self.speed, self._at = _checked(speed), self._clock()

    def faster(self, by: int) -> None:
        """The next speed up or down."""
        now = inf if self.speed is None else self.speed
        speeds = [inf if speed is None else speed for speed in SPEEDS]
        wanted = [s for s in speeds if (s > now if by > 0 else s < now)]
        if wanted:
            chosen = wanted[0 if by > 0 else -1]
            self.set_speed(None if chosen == inf else chosen)

    def set_idle_limit(self, limit: float | None) -> None:
        """Change how long a gap lasts at most."""
        self.idle_cut = self.idle_cut if limit is None else limit
        self._pace = Pace(self._moments, limit)
        self._offset, self._at = self._pace.until(self.step), self._clock()

    def to_newest(self) -> None:
        """Back to what the feed's session is now."""
        if self._view is not None:
            change = self._moments.between(self._step, self.total)
            self._view, self.playing = None, False
            self._note(change)

    def seek(self, step: int) -> None:
        """Look at the moment after so many steps. Playing goes on from there."""
        self._go(step)

    def seek_share(self, share: float) -> None:
        """Go to a share of the playing time, 0 to 1."""
        self._go(self.step_at(share))

    def skip(self, seconds: float) -> None:
        """Go forwards or backwards by seconds of playing time: by one step at least."""
        now = self._pace.until(self.step)
        there = self._pace.step_after(now + seconds)
        self._go(max(there, self.step + 1) if seconds >= 0 else min(there, self.step - 1))

    def step_event(self, by: int) -> None:
        """Pause, and go one event of the log further or back."""
        self._step_to(by, lambda ordinal: True)

    def step_row(self, by: int, shown: Callable[[int], bool]) -> None:
        """Pause, and go one row further or back; `shown` tells which items have rows."""
        session = self.feed.session

        def begins(ordinal: int) -> bool:
            item = session.owners[ordinal]
            return item >= 0 and session.items[item].event == ordinal and shown(item)

        self._step_to(by, begins)

    def _step_to(self, by: int, wanted: Callable[[int], bool]) -> None:
        self.playing = False
        step, moments = self.step, self._moments
        if by > 0:
            for at in range(step, self.total):
                if (ordinal := moments.ordinal(at)) >= 0 and wanted(ordinal):
                    self._go(at + 1)
                    return
            self._go(self.total)
        else:
            for at in range(step - 1, -1, -1):
                if (ordinal := moments.ordinal(at)) >= 0 and wanted(ordinal):
                    self._go(at)
                    return
            self._go(0)

    def to_mark(self, by: int, kinds: Iterable[str]) -> Mark | None:
        """Go to the next or previous mark of these kinds, if there is one."""
        mark = self.marks.after(self.step, kinds) if by > 0 else self.marks.before(self.step, kinds)
        if mark is not None:
            self._go(mark.step)
        return mark

    # -- going where somebody says ------------------------------------------------------------------------

    def find(self, words: str) -> int | None:
        """The moment that words name, in the language of `places`; None for no such one."""
        try:
            place = places.read(words)
            if isinstance(place, places.Share):
                return self.step_at(place.share)
            if isinstance(place, places.Nth | places.Named):
                return self._step_of(place)
            began = self.began
            here = self.time if self.step else began
            return None if began is None else self._pace.step_by(places.time_of(place, began, here))
        except places.PlaceError:
            return None

    def ordinal(self, place: places.Share | places.Named) -> int | None:
        """The event of a place that only the player knows: of a share of the playing time, or of a note."""
        step = self.step_at(place.share) if isinstance(place, places.Share) else self.marks.named(place.name)
        if step is None:
            return None
        moments = self._moments
        while step > 0 and moments.ordinal(step - 1) < 0:
            step -= 1
        return moments.ordinal(step - 1) if step else 0

    def _step_of(self, place: places.Nth | places.Named) -> int | None:
        try:
            return self._moments.step_of(places.ordinal_of(self.feed.session, place))
        except places.PlaceError:
            return self.marks.named(place.name) if isinstance(place, places.Named) else None


def _checked(speed: float | None) -> float | None:
    if speed is not None and not 0 < speed < inf:
        raise ValueError("speed must be a number above 0")
    return speed
