"""The threads: who works for whom, what each does now, and what it has used.

Owns the keys and the columns. Invariant: a drawing costs the threads, whatever the length of the log.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Final

from rich.cells import cell_len, set_cell_size
from textual import events
from textual.binding import BindingType

from cma_tui.report.threads import Branch, tree
from cma_tui.session.model import Session
from cma_tui.text import NOT_KNOWN, count, duration, money
from cma_tui.ui.cells import fit
from cma_tui.ui.counting import Counting
from cma_tui.ui.keys import bindings, hint_of
from cma_tui.ui.screens.panel import PagePanel
from cma_tui.ui.widgets.headings import plural
from cma_tui.ui.widgets.page import Line, Page, spread

Choose = Callable[[str | None, bool], None]
"""Shows the timeline of one thread (None: the session's), or, with True, that of all of them."""
_FIGURES: Final = (("tokens", 8), ("with all below", 17), ("cost", 9), ("worked", 8))
_WIDEST: Final = 140
"""Cells of the table, however wide the screen: what belongs together is not far apart."""


class ThreadsView(Page):
    """All of the panel, drawn line by line."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(
        {
            "panel.leave": "close",
            "view.threads": "close",
            "move.down": "move(1)",
            "move.up": "move(-1)",
            "move.page-down": "move(10)",
            "move.page-up": "move(-10)",
            "move.first": "move(-1000000)",
            "move.last": "move(1000000)",
            "threads.open": "open",
            "threads.all": "all",
        }
    )

    def __init__(self, session: Session, counting: Counting, choose: Choose, at: str | None) -> None:
        super().__init__(session, counting)
        self._choose = choose
        self._branches = tree(session, counting.book.threads)
        self._cursor = next((n for n, branch in enumerate(self._branches) if branch.key == at), 0)
        self._top = 0

    def lines(self, width: int, height: int) -> list[Line]:
        """The page."""
        self._branches = tree(self.session, self.counting.book.threads)
        branches = self._branches
        self._cursor = max(0, min(self._cursor, len(branches) - 1))
        figures = _FIGURES if width >= 96 else (_FIGURES[0], *_FIGURES[2 : 4 if width >= 70 else 3])
        right = sum(wide for _, wide in figures)
        table = min(width, _WIDEST)
        longest = max(cell_len(_indent(branch) + _name(branch)) for branch in branches)
        names = max(12, min(longest + 2, 48, table - right - 18))
        status = max(12, table - names - right - 2)
        room = max(1, height - 4)
        self._top = min(max(self._top, self._cursor - room + 1), self._cursor)
        threads = plural(len(self.session.threads), "thread") if self.session.threads else "no threads"
        running = sum(branch.key is not None and branch.status == "running" for branch in branches)
        waiting = sum(branch.tone == "wait" for branch in branches)
        said = f"{threads} beside the primary" + (f", {running} running" if running else "")
        head: Line = [(said, "title")]
        if waiting:
            head.append((f", {waiting} waiting", "wait"))
        long, short = "status, and what it does now", "status"
        titles = f"  {'thread'.ljust(names)}{(long if len(long) < status else short).ljust(status)}"
        titles += "".join(title.rjust(wide) for title, wide in figures)
        lines = [spread(head, [("threads", "quiet")], width), [(titles, "quiet")]]
        for number, branch in enumerate(branches[self._top : self._top + room], self._top):
            line = self._line(branch, names, status, figures, number == self._cursor)
            lines.append([*line, (" " * (width - table), "cursor" if number == self._cursor else "")])
        lines += [[("", "")]] * (room - len(lines) + 3)
        return [
            *lines,
            hint_of(
                self,
                width,
                ("help", "app.help"),
                ("its timeline", "threads.open"),
                ("all of them in one", "threads.all"),
                ("choose", "move.down", "move.up"),
                ("back", "panel.leave"),
            ),
        ]

    def _line(
        self, branch: Branch, names: int, status: int, figures: tuple[tuple[str, int], ...], here: bool
    ) -> Line:
        under = "cursor " if here else ""
        indent = _indent(branch)
        cost = NOT_KNOWN if branch.cost is None else money(branch.cost, exact=not branch.estimated)
        told = {
            "tokens": count(branch.tokens),
            "with all below": count(branch.subtree),
            "cost": cost,
            "worked": duration(branch.seconds),
        }
        if branch.run:
            told["tokens"] = told["cost"] = ""
        doing = f"  {branch.doing}" if branch.doing else ""
        said = fit(branch.status, status - 1)
        return [
            ("▸ " if here else "  ", under.strip()),
            (indent, f"{under}quiet"),
            (_padded(_name(branch), names - len(indent)), f"{under}{'thread' if branch.depth else 'agent'}"),
            (said, f"{under}{branch.tone}"),
            (_padded(doing, status - cell_len(said)), f"{under}tool"),
            ("".join(told[title].rjust(wide) for title, wide in figures), under.strip()),
        ]

    def action_move(self, by: int) -> None:
        """Move the cursor."""
        self._cursor += by
        self.show()

    def action_open(self) -> None:
        """Show the timeline of the thread under the cursor."""
        branch = self._branches[self._cursor]
        if branch.run is not None:
            self.app.bell()
            return
        self.screen.dismiss(None)
        self._choose(branch.key, False)

    def action_all(self) -> None:
        """Show one timeline of all threads."""
        self.screen.dismiss(None)
        self._choose(None, True)

    def on_click(self, event: events.Click) -> None:
        """Put the cursor on a thread; a second click opens it."""
        at = event.get_content_offset_capture(self).y - 2 + self._top
        if self._top <= at < len(self._branches):
            self._cursor = at
            self.show()
            if event.chain > 1:
                self.action_open()


def _indent(branch: Branch) -> str:
    return "  " * max(0, branch.depth - 1) + ("└ " if branch.depth else "")


def _name(branch: Branch) -> str:
    return f"{'workflow ' if branch.run else ''}{branch.name}"


def _padded(text: str, width: int) -> str:
    return set_cell_size(fit(text, max(0, width - 1)), max(0, width))


class Threads(PagePanel):
    """The panel."""

    def __init__(self, session: Session, counting: Counting, choose: Choose, at: str | None = None) -> None:
        super().__init__(ThreadsView(session, counting, choose, at))
