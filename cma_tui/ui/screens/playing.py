"""The keys of the player, for the screen of a session.

Owns what a key means for the player: in a replay always, on a session that goes on once it is rewound.
Invariants: nothing here acts on the session; each key ends in one drawing; marks by hand are written to
their own file, and a file that cannot be written is said.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from time import monotonic
from typing import ClassVar, NamedTuple, Protocol

from textual.binding import BindingType
from textual.screen import Screen

from cma_tui.marks import KINDS, notes_file, read_notes, write_notes
from cma_tui.places import FORMS
from cma_tui.player import SPEEDS, Player
from cma_tui.private import PrivateError
from cma_tui.report.find import Pattern, PatternError, TooSlowError, holds
from cma_tui.report.rows import level
from cma_tui.text import duration, first_line
from cma_tui.ui.keys import bindings, keymap_of, writes
from cma_tui.ui.soon import PAUSE, SLICE
from cma_tui.ui.widgets.playbar import PlayBar

_REWOUND_ONLY = frozenset(
    {"play", "tenth", "speed", "instant", "real", "loop", "idle", "stops", "row", "step_turn"}
)
"""Actions that mean something only where there is something to play."""
_REWINDS = frozenset({"step", "skip", "pause", "seek", "mark", "marks"})
"""Actions that may also begin the rewinding of a session that goes on."""
_STOPS = ("error", "approval", "compaction", "note")
_IDLE_LIMITS = (0.5, 1.0, 2.0, 5.0, 10.0, 60.0, None)


class Offer(NamedTuple):
    """A command for the palette."""

    says: str
    about: str
    run: Callable[[], None]


class PlayedOn(Protocol):
    """What the keys of the player need of the screen they are pressed on."""

    def moved(self) -> None:
        """The player looks at another moment, or plays differently: draw."""
        ...

    def say(self, text: str, style: str) -> None:
        """Say a line to the user."""
        ...

    def marked_row(self) -> str | None:
        """The key of the event that a mark by hand is for."""
        ...

    def rows_shown(self) -> int:
        """The density that tells which items have rows."""
        ...

    def show_event(self, ordinal: int) -> None:
        """Go to the row of an event."""
        ...

    def marked(self) -> None:
        """The marks differ: draw them."""
        ...


class Playing(Screen[None]):
    """A screen with a player."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(
        {
            "player.play": "play",
            "player.pause": "pause",
            "player.step": "step(1)",
            "player.step-back": "step(-1)",
            "player.row": "row(1)",
            "player.row-back": "row(-1)",
            "player.turn": "step_turn(1)",
            "player.turn-back": "step_turn(-1)",
            "player.skip": "skip(5)",
            "player.skip-back": "skip(-5)",
            "player.faster": "speed(1)",
            "player.slower": "speed(-1)",
            "player.real-speed": "real",
            "player.instant": "instant",
            "player.to-start": "tenth(0)",
            **{f"player.to-{n}0": f"tenth({n})" for n in range(1, 10)},
            "player.seek": "seek",
            "player.mark": "mark",
            "player.marks": "marks",
            "player.stops": "stops",
            "player.loop": "loop",
            "player.idle": "idle",
        },
        priority=("player.play",),
    )
    played_on: PlayedOn
    """The screen itself, as far as the keys need it."""
    player: Player
    replaying = False
    """Whether a saved log is shown, which is all there is to it."""
    notes_folder: Path | None = None
    """The state folder, where marks by hand are kept; None keeps them as long as the screen."""
    _notes: Path | None = None

    def playable(self, action: str) -> bool | None:
        """Whether an action of the player means something now; None when it is none of the player's."""
        if action in _REWOUND_ONLY:
            return (self.replaying or self.player.rewound) and not writes(self.focused)
        return True if action in _REWINDS else None

    # -- playing ------------------------------------------------------------

    def action_play(self) -> None:
        """Play or pause."""
        self.player.toggle()
        self.played_on.moved()

    def action_pause(self) -> None:
        """Play or pause; a session that goes on stands still on the screen."""
        self.player.toggle()
        self.played_on.moved()

    def action_step(self, by: int) -> None:
        """One event."""
        self.player.step_event(by)
        self.played_on.moved()

    def action_row(self, by: int) -> None:
        """One row."""
        session, most = self.player.feed.session, self.played_on.rows_shown()

        def shown(item: int) -> bool:
            least = level(session, item)
            return least is not None and least <= most

        self.player.step_row(by, shown)
        self.played_on.moved()

    def action_step_turn(self, by: int) -> None:
        """One turn."""
        if self.player.to_mark(by, ("turn",)) is None:
            self.player.seek(self.player.total if by > 0 else 0)
        self.played_on.moved()

    def action_skip(self, seconds: int) -> None:
        """Some seconds."""
        if seconds < 0 or self.player.rewound:
            self.player.skip(seconds)
            self.played_on.moved()

    def action_tenth(self, tenths: int) -> None:
        """A share of the log."""
        self.player.seek_share(tenths / 10)
        self.played_on.moved()

    def to_newest(self) -> None:
        """Back to now, where an earlier moment is looked at."""
        if self.player.rewound:
            self.player.to_newest()
            self.played_on.moved()

    def on_play_bar_clicked(self, message: PlayBar.Clicked) -> None:
        """The place that was clicked."""
        self.player.seek_share(message.share)
        self.played_on.moved()

    # -- how it plays ------------------------------------------------------------

    def action_speed(self, by: int) -> None:
        """Faster or slower."""
        self.player.faster(by)
        self.played_on.moved()

    def action_real(self) -> None:
        """At the log's own speed."""
        self.player.set_speed(1.0)
        self.played_on.moved()

    def action_instant(self) -> None:
        """Without waiting."""
        self.player.set_speed(None)
        self.played_on.moved()

    def action_loop(self) -> None:
        """Begin again at the end, or not."""
        self.player.loop = not self.player.loop
        self.played_on.moved()

    def action_idle(self) -> None:
        """Keep the time in which nothing happens, or cut it."""
        self.player.set_idle_limit(self.player.idle_cut if self.player.idle_limit is None else None)
        self.played_on.moved()

    def action_stops(self) -> None:
        """Stop at errors, approvals, compactions and notes, or not."""
        self.player.pause_at = () if self.player.pause_at else _STOPS
        self.played_on.moved()

    def offers(self) -> Iterator[Offer]:
        """What the palette offers beside the keys."""
        player = self.player
        if not (self.replaying or player.rewound):
            return
        for speed in SPEEDS:
            name = "without waiting" if speed is None else f"at {speed:g}x"
            yield Offer(f"Play {name}", "speed", partial(self._play_with, player.set_speed, speed))
        for limit in _IDLE_LIMITS:
            name = "Keep idle time" if limit is None else f"Cut idle time to {duration(limit)}"
            yield Offer(name, "idle time", partial(self._play_with, player.set_idle_limit, limit))
        for kind in KINDS:
            words = "Play on at" if kind in player.pause_at else "Stop at"
            yield Offer(f"{words} each {kind}", "while playing", partial(self._stop_at, kind))
            yield Offer(f"To the next {kind}", "mark", partial(self._to_mark, 1, kind))
            yield Offer(f"To the {kind} before", "mark", partial(self._to_mark, -1, kind))

    def _play_with(self, setting: Callable[[float | None], None], value: float | None) -> None:
        setting(value)
        self.played_on.moved()

    def _stop_at(self, kind: str) -> None:
        self.player.pause_at = tuple(k for k in KINDS if (k in self.player.pause_at) != (k == kind))
        self.played_on.moved()

    def _to_mark(self, by: int, kind: str) -> None:
        if self.player.to_mark(by, (kind,)) is None:
            self.played_on.say(f"there is no {kind} {'further on' if by > 0 else 'before'}", "$warning")
        else:
            self.played_on.moved()

    # -- going somewhere ------------------------------------------------------------

    def action_seek(self) -> None:
        """Ask for a moment."""
        self._ask(f"go to: {FORMS} · /text (?text back)", self._seek)

    def _ask(self, question: str, answered: Callable[[str | None], None]) -> None:
        from cma_tui.ui.screens.question import Question

        self.app.push_screen(Question(question), answered)

    def _seek(self, words: str | None) -> None:
        if not words:
            return
        if words[0] in "/?" and len(words) > 1:
            self.run_worker(self._seek_text(words[1:], 1 if words[0] == "/" else -1), exclusive=True)
            return
        found = self.player.find(words)
        if found is None:
            self.played_on.say(f"there is no moment called {first_line(words, 60)}", "$warning")
        else:
            self.player.seek(found)
            self.played_on.moved()

    async def _seek_text(self, text: str, by: int) -> None:
        """Go to the next or previous moment at which a text has come; looked for a slice at a time."""
        try:
            pattern = Pattern(text)
            moments = self.player.moments
            start = self.player.step
            looked = monotonic()
            for step in range(start + 1, len(moments) + 1) if by > 0 else range(start - 1, 0, -1):
                if monotonic() - looked > SLICE:
                    await asyncio.sleep(PAUSE)
                    looked = monotonic()
                    if self.player.moments is not moments:
                        break
                if holds(moments.session, moments.ordinal(step - 1), pattern):
                    self.player.seek(step)
                    self.played_on.moved()
                    return
            self.played_on.say(
                f"{first_line(text, 60)} is not {'further on' if by > 0 else 'before this'}", "$warning"
            )
        except PatternError as error:
            self.played_on.say(f"{first_line(str(error), 100)}", "$warning")
        except TooSlowError:
            self.played_on.say("the expression takes too long", "$warning")

    def action_marks(self) -> None:
        """Choose a mark to go to."""
        from cma_tui.ui.screens.marks import MarkList

        self.app.push_screen(MarkList(self.player), self._go_to_mark)

    def _go_to_mark(self, step: int | None) -> None:
        """To its moment; on a session that goes on to its row, for nothing is to be rewound for that."""
        if step is None:
            return
        if self.replaying or self.player.rewound:
            self.player.seek(step)
            self.played_on.moved()
        else:
            self.played_on.show_event(self.player.moments.ordinal(step - 1))

    # -- marks by hand ------------------------------------------------------------

    def load_notes(self, name: str) -> None:
        """Read the marks that were set by hand, once it is known what the session is called."""
        if self.notes_folder is None or self._notes is not None:
            return
        self._notes = notes_file(self.notes_folder, name)
        try:
            noted = read_notes(self._notes)
        except (OSError, PrivateError) as error:
            self.played_on.say(f"the marks cannot be read: {_reason(error)}", "$warning")
            return
        for key, note in noted.items():
            self.player.marks.note(key, note)

    def action_mark(self) -> None:
        """Mark the row under the cursor with a note; a row that is marked loses its mark."""
        key = self.played_on.marked_row()
        if key is None:
            return
        if key in self.player.marks.noted:
            self._mark(key, None)
        else:
            self._ask(
                f"a note for this mark; Enter sets it, {keymap_of(self).hint('does not', 'prompt.leave')}",
                lambda note: None if note is None else self._mark(key, note),
            )

    def _mark(self, key: str, note: str | None) -> None:
        marks = self.player.marks
        marks.note(key, note)
        self.played_on.marked()
        self.played_on.say("mark removed" if note is None else "mark set", "$accent")
        if self._notes is not None:
            try:
                write_notes(self._notes, marks.noted, self.player.feed.session.id)
            except (OSError, PrivateError) as error:
                self.played_on.say(f"the mark is not kept: {_reason(error)}", "$warning")


def _reason(error: OSError | PrivateError) -> str:
    """Why a file of notes cannot be used."""
    return f"its file {error}" if isinstance(error, PrivateError) else error.strerror or str(error)
