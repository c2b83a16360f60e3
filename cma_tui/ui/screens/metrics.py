"""The metrics panel: a session in figures, plots and tables.

Owns what is drawn of the figures. Invariants: every figure comes from the book, none is worked out here; a
drawing costs what fits on the screen, whatever the number of turns; text from outside is made printable.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Final, NamedTuple

from textual.binding import BindingType

from cma_tui.session.agents import model_of
from cma_tui.session.cost import NANO, burn, time_left
from cma_tui.session.elapsed import seconds
from cma_tui.session.figures import TurnFigures
from cma_tui.session.model import Session
from cma_tui.session.requests import RequestFigures
from cma_tui.text import count, duration, money
from cma_tui.ui import plots
from cma_tui.ui.cells import fit, joined
from cma_tui.ui.counting import Counting, amount, notices, tells_tokens
from cma_tui.ui.keys import bindings, hint_of
from cma_tui.ui.screens.figures import (
    COLUMNS,
    Order,
    Value,
    context,
    output,
    request_at,
    request_table,
    spent,
    thread_table,
    tool_table,
    turn_table,
    wall,
)
from cma_tui.ui.screens.panel import PagePanel
from cma_tui.ui.widgets.page import Line, Page, spread

_TABS: Final = ("turns", "requests", "tools", "threads")
_TALL: Final = 36
"""From so many lines on the plots have an axis."""
_LOW: Final = 16
"""On fewer lines there are no plots."""

PLOTS: Final[tuple[tuple[str, Callable[[MetricsView, TurnFigures], Value], Callable[[Value], str]], ...]] = (
    ("output tokens", output, count),
    ("cost, US dollars", spent, money),
    ("wall time", wall, duration),
    ("context, tokens", context, count),
)
WENT: Final = (
    ("█", "model", "model"),
    ("▓", "tools", "tools"),
    ("▒", "program", "answer"),
    ("░", "you", "you"),
    ("-", "other", "other"),
    ("·", "idle", "idle"),
)
"""The parts of the bar of time: the character, the word, and the name in `Split`."""


BY_REQUEST: Final[tuple[tuple[str, Callable[[RequestFigures], Value], Callable[[Value], str]], ...]] = (
    ("output tokens", lambda one: one.output_tokens if one.metered else None, count),
    ("cost, US dollars", lambda one: one.cost.usd, money),
    ("time", lambda one: None if one.length_us is None else seconds(one.length_us), duration),
    ("context, tokens", lambda one: one.prompt_tokens or None, count),
)
"""The same of requests."""
_FEW: Final = 3
"""So few turns say little."""


class Series(NamedTuple):
    """What one plot shows."""

    title: str
    by: str
    first: int
    """The number of the first value among all."""
    values: list[Value]
    write: Callable[[Value], str]

    @property
    def top(self) -> str:
        """The highest, in words."""
        return self.write(max((value for value in self.values if value is not None), default=None))


class MetricsView(Page):
    """All of the panel, drawn line by line."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(
        {
            "panel.leave": "close",
            "view.metrics": "close",
            "move.down": "move(1)",
            "move.up": "move(-1)",
            "move.page-down": "move(10)",
            "move.page-up": "move(-10)",
            "move.first": "move(-1000000000)",
            "move.last": "move(1000000000)",
            "metrics.next": "tab(1)",
            "metrics.previous": "tab(-1)",
            "metrics.sort-right": "sort(1)",
            "metrics.sort-left": "sort(-1)",
            "metrics.reverse": "turn_round",
            "metrics.open": "open",
        }
    )

    def __init__(self, session: Session, counting: Counting) -> None:
        super().__init__(session, counting)
        self.tab: int = 0
        self.cursor: int = 0
        self.order: Order = Order()

    @property
    def window(self) -> int | None:
        """How many tokens the model's context holds."""
        return self.window_of(None)

    def window_of(self, thread: str | None, ordinal: int | None = None) -> int | None:
        """The same of a thread's model, at that event or now."""
        prices, model = self.counting.book.prices, model_of(self.session, thread, ordinal)
        return prices.window(model) if prices is not None and model is not None else None

    # -- drawing -----------------------------------------------------------------------------------------

    def on_mount(self) -> None:
        """Draw at once; a silence grows although nothing comes."""
        self.show()
        self.set_interval(5.0, self.show)

    def lines(self, width: int, height: int) -> list[Line]:
        """The page."""
        lines = [*self._head(width), *self._went(width), *self._plots(width, height)]
        tabs: Line = []
        for number, name in enumerate(_TABS):
            tabs += [(f" {name} ", "in" if number == self.tab else "quiet"), (" ", "")]
        sort = [("sort by", "metrics.sort-left", "metrics.sort-right")] if self.tab == 0 else []
        keys = hint_of(
            self,
            width,
            ("help", "app.help"),
            ("table", "metrics.next"),
            *sort,
            ("order", "metrics.reverse"),
            ("go to", "metrics.open"),
            ("back", "panel.leave"),
        )
        lines += [[("", "")], tabs]
        room = max(1, height - len(lines) - 2)
        table = (turn_table, request_table, tool_table, thread_table)[self.tab]
        lines += table(self, width, room)
        return [*lines, *[[("", "")]] * (height - len(lines) - 1), keys]

    def _head(self, width: int) -> list[Line]:
        session, book = self.session, self.counting.book
        cost, rate = book.session_cost(), burn(session.usages)
        said = [f"cost {amount(cost)}"]
        if session.budget_usd:
            said[0] += (
                f" of {money(session.budget_usd)} {plots.meter((cost.usd or 0) / session.budget_usd, 8)}"
            )
        if rate is not None:
            said.append(f"{money(rate.usd_per_hour)} an hour")
        left = time_left(session.budget_usd, cost.usd, rate)
        if left is not None:
            said.append(f"budget lasts {duration(left)}")
        total = book.total
        if total.saved > 0 and total.priced and not total.unpriced:
            said.append(f"cache saved {money(total.saved / NANO, exact=False)}")
        if self.counting.behind:
            said.append("counting")
        errors = ", ".join(f"{word} {times}" for word, times in total.by_category.items())
        share = total.cached_share
        least = "≥" if book.at_least() else ""
        tokens = [f"in {least}{count(total.prompt_tokens)}", f"out {least}{count(total.output_tokens)}"]
        requests = f"requests {least}{count(total.model_requests)}"
        if not tells_tokens(session, total):
            tokens = ["tokens not told"]
            requests = requests if total.model_requests else "requests not told"
        figures = [
            *tokens,
            *([f"cache {share:.0%}"] if share is not None else []),
            requests,
            f"tools {least}{count(total.tool_uses)}",
            *([f"retries ≥{total.retries}"] if total.retries else []),
            *([f"compactions {total.compactions}"] if total.compactions else []),
            *([f"graded {total.evaluations}"] if total.evaluations else []),
            *([f"interrupts {total.interrupts}"] if total.interrupts else []),
            *([errors] if errors else []),
        ]
        lines = [
            spread([(joined(said, "  ·  ", width - 10), "title")], [("figures", "quiet")], width),
            [(joined(figures, "  ", width), "")],
        ]
        notice = notices(session, self.counting)
        return [*lines, [(fit("notice: " + notice, width), "title")]] if notice else lines

    def _went(self, width: int) -> list[Line]:
        split = self.counting.book.split
        if split is None or not split.total:
            return [[("no stamps tell where the time went", "quiet")]]
        shares = [(character, float(getattr(split, name))) for character, _, name in WENT]
        words = [
            f"{character} {word} {duration(seconds(us))} {us / split.total:.0%}"
            for character, word, name in WENT
            if (us := getattr(split, name))
        ]
        return [
            [(plots.parts(shares, width), "quiet")],
            [(joined([f"{duration(seconds(split.total))}:", *words], "  ", width), "quiet")],
        ]

    def _plots(self, width: int, height: int) -> list[Line]:
        if height < _LOW:
            return []
        tall = height >= _TALL
        across = 4 if width >= 150 else 2
        room = width // across - 10 if tall else max(4, width - 38)
        drawn = self._series(room)
        if not drawn or not drawn[0].values:
            return []
        if not tall:
            return [
                [
                    (f"{series.title:17}", "quiet"),
                    (plots.spark(series.values, len(series.values)), "plot"),
                    (f"  to {series.top} a {series.by}", "quiet"),
                ]
                for series in drawn
            ]
        lines = []
        for begin in range(0, len(drawn), across):
            beside = [_plot(series, room) for series in drawn[begin : begin + across]]
            lines += [[part for plot in beside for part in plot[row]] for row in range(len(beside[0]))]
        return lines

    def _series(self, room: int) -> list[Series]:
        """What is plotted: the latest turns, or requests where these are looked at or there are few turns."""
        book = self.counting.book
        number = len(book.requests)
        begin = max(0, len(book.turns) - room)
        turns = [
            Series(title, "turn", begin, [value(self, turn) for turn in book.turns[begin:]], write)
            for title, value, write in PLOTS
        ]
        if not number or (self.tab != 1 and (len(book.turns) >= _FEW or number <= len(book.turns))):
            return turns
        first = max(0, number - room)
        ones = [book.request(index) for index in book.requests[first:]]
        requests = [
            Series(title, "request", first, [value(one) for one in ones], write)
            for title, value, write in BY_REQUEST
        ]
        return [  # of requests that nothing is known of, the turns may tell
            one if any(value is not None for value in one.values) else other
            for one, other in zip(requests, turns, strict=True)
        ]

    # -- keys --------------------------------------------------------------------------------------------

    def action_move(self, by: int) -> None:
        """Move the cursor."""
        self.cursor += by
        self.show()

    def action_tab(self, by: int) -> None:
        """The next table."""
        self.tab, self.cursor = (self.tab + by) % len(_TABS), 0
        self.show()

    def action_sort(self, by: int) -> None:
        """Sort the turns by the next column."""
        if self.tab == 0:
            self.order.column, self.cursor = (self.order.column + by) % len(COLUMNS), 0
            self.show()

    def action_turn_round(self) -> None:
        """Lowest or highest first."""
        self.order.falling, self.cursor = not self.order.falling, 0
        self.show()

    def action_open(self) -> None:
        """Go to the turn, or the request, in the timeline."""
        size, at = self.order.rows(self)
        if self.tab == 0 and size and at(self.cursor) < len(self.session.turns):
            turn = self.session.turns[at(self.cursor)]
            item = turn.inputs[0] if turn.inputs else turn.first_item
            self.screen.dismiss(item if item < len(self.session.items) else None)
        elif self.tab == 1 and self.counting.book.requests:
            self.screen.dismiss(request_at(self, self.cursor))


def _plot(series: Series, width: int) -> list[Line]:
    """One plot with its axes: the height in its unit, turns or requests from left to right."""
    number = len(series.values)
    thick = plots.thickness(number, width)
    drawn = plots.columns(series.values, width, 5, thick=thick)
    label = f"{series.top:>7} ┤"
    title = f"{'':8} {series.title} by {series.by}"
    lines: list[Line] = [[(title.ljust(width + 10), "title")]]
    for row, line in enumerate(drawn):
        lines.append([(label if row == 0 else "        │", "quiet"), (line + " ", "plot")])
    first, last = str(series.first + 1), str(series.first + number)
    gap = (number - 1) * thick + 1 - len(first) - len(last) if thick > 1 else number - len(first) - len(last)
    ends = first if first == last else f"{first}{' ' * gap if gap > 0 else ' to '}{last}"
    axis = f"      0 └{ends}"
    lines.append([(axis.ljust(width + 10), "quiet")])
    return lines


class Metrics(PagePanel):
    """The panel."""

    def __init__(self, session: Session, counting: Counting) -> None:
        super().__init__(MetricsView(session, counting))
