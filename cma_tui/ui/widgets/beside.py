"""Beside the timeline, where the screen is wide: the turns, the threads, and where the time went.

Owns what of them fits, and which place a click means. Invariants: it takes no key and moves nothing by
itself; a drawing costs the lines it has and the threads, whatever the length of the log, and is made four
times a second at most.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.cells import cell_len, set_cell_size
from textual import events
from textual.message import Message

from cma_tui.report.threads import Branch, tree
from cma_tui.session.cost import Amount
from cma_tui.session.elapsed import seconds
from cma_tui.session.figures import wall_us
from cma_tui.session.model import Session, Turn
from cma_tui.text import duration
from cma_tui.ui import plots
from cma_tui.ui.cells import fit
from cma_tui.ui.counting import Counting, amount
from cma_tui.ui.soon import Slices
from cma_tui.ui.widgets.headings import outcome, title
from cma_tui.ui.widgets.page import Line, Page

_PAUSE: Final = 0.25
"""Seconds between two drawings."""
_FEW_THREADS, _MOST_THREADS = 3, 12
"""Lines of the tree of threads: with less room there is none, and of more the rest is counted."""
_WENT: Final = (
    ("model", "model"),
    ("tools", "tools"),
    ("program", "answer"),
    ("you", "you"),
    ("other", "other"),
)
"""The words of what time went into, and their names in `Split`."""
_WORTH: Final = 100_000
"""Microseconds of idleness that are worth a line."""
_WORD: Final = 8
"""Cells of these words."""


class Beside(Page, can_focus=False):
    """Drawn line by line."""

    DEFAULT_CSS = """
    Beside { width: 32; padding: 0 1; border-right: solid $panel; display: none; }
    """

    class Turned(Message):
        """The user wants to see a turn."""

        def __init__(self, turn: int) -> None:
            self.turn = turn
            super().__init__()

    class Threaded(Message):
        """The user wants the timeline of a thread; None is the session's."""

        def __init__(self, thread: str | None) -> None:
            self.thread = thread
            super().__init__()

    def __init__(self, session: Session, counting: Counting) -> None:
        super().__init__(session, counting)
        self.turn = -1
        """The turn that is read."""
        self.slices = Slices(self, self.show, _PAUSE)
        self._places: dict[int, Message] = {}
        """By line: what a click there asks for."""

    def look(self, session: Session, counting: Counting, turn: int) -> None:
        """Show this session, these figures and that turn, soon."""
        self.session, self.counting, self.turn = session, counting, turn
        if self.display and self.size.width:
            self.slices.plan()

    def lines(self, width: int, height: int) -> list[Line]:
        """The turns have the room that threads and time leave."""
        self._places.clear()
        time = self._time(width)
        branches = self._branches(max(0, (height - len(time)) // 2 - 2))
        threads = self._threads(branches, width)
        turns = self._turns(width, height - len(time) - len(threads))
        for at, branch in enumerate(branches, len(turns) + 1):
            if branch.run is None:
                self._places[at] = self.Threaded(branch.key)
        return [*turns, *threads, *time]

    def _turns(self, width: int, height: int) -> list[Line]:
        """Two lines a turn, the one that is read among them."""
        turns = self.session.turns
        room = max(1, (height - 2) // 2)
        first = max(0, min(len(turns) - room, self.turn - room // 2))
        lines: list[Line] = [_head("turns", width)]
        for turn in turns[first : first + room]:
            self._places |= dict.fromkeys((len(lines), len(lines) + 1), self.Turned(turn.index))
            lines += self._turn(turn, width)
        return [*lines, [("", "")]]

    def _turn(self, turn: Turn, width: int) -> list[Line]:
        here = turn.index == self.turn
        under = "cursor" if here else ""
        number = f"{'▸' if here else ' '}{turn.index + 1} "
        said, tone = outcome(turn)
        book, wall = self.counting.book, wall_us(turn)
        counted = book.grows_with is self.session and turn.index < len(book.turns)
        cost = book.cost(turn.index) if counted else Amount()
        figures = [] if wall is None else [duration(seconds(wall))]
        figures += [amount(cost)] if cost.nano or cost.mark == "exact" else []
        told = " ".join(figures)
        words = fit(said, width - len(number) - len(told) - 1)
        gap = " " * (width - len(number) - cell_len(words) - len(told))
        return [
            [(set_cell_size(fit(number + title(self.session, turn), width), width), under)],
            [(" " * len(number), under), (words, f"{under} {tone}"), (gap, under), (told, f"{under} quiet")],
        ]

    def _branches(self, room: int) -> list[Branch]:
        """The tree; nothing where there are no threads, or hardly any room."""
        if not self.session.threads or room < _FEW_THREADS:
            return []
        return tree(self.session, self.counting.book.threads)[: min(room, _MOST_THREADS)]

    def _threads(self, branches: Sequence[Branch], width: int) -> list[Line]:
        if not branches:
            return []
        lines: list[Line] = [_head("threads", width)]
        for branch in branches:
            indent = "  " * max(0, branch.depth - 1) + ("└ " if branch.depth else "")
            name = fit(indent + branch.name, width - len(branch.status) - 1)
            gap = " " * (width - cell_len(name) - len(branch.status))
            tone = "thread" if branch.depth else "agent"
            lines.append([(name, tone), (gap, ""), (branch.status, branch.tone)])
        left = len(self.session.threads) + len(self.session.runs) + 1 - len(branches)
        return [*lines, [(f"and {left:,} more" if left > 0 else "", "quiet")]]

    def _time(self, width: int) -> list[Line]:
        """A line for each thing that time went into; shares are those of the time that was not idle."""
        split = self.counting.book.split
        if split is None or not split.total:
            return []
        lines: list[Line] = [_head("time", width)]
        active = split.total - split.idle
        for word, name in _WENT:
            if us := getattr(split, name):
                told = f"{duration(seconds(us)):>8}{us / active:>5.0%}"
                bar = plots.meter(us / active, width - _WORD - len(told))
                lines.append([(word.ljust(_WORD), ""), (bar, "plot"), (told, "quiet")])
        if split.idle >= _WORTH:
            idle = duration(seconds(split.idle)).rjust(width - _WORD - len("100% "))
            lines.append([("idle".ljust(_WORD), "quiet"), (idle, "quiet")])
        return lines

    def on_click(self, event: events.Click) -> None:
        """Go to the turn, or to the thread's timeline."""
        asked = self._places.get(event.get_content_offset_capture(self).y)
        if asked is not None:
            self.post_message(asked)


def _head(word: str, width: int) -> Line:
    return [(f"{word} ", "quiet"), ("─" * (width - len(word) - 1), "note")]
