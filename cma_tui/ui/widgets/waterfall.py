"""The waterfall: a turn on a time axis, lane by lane.

Owns the keys, the cursor and what part of the axis is seen. Invariants: a drawing costs the lanes on the
screen and the columns of each; while the user has not zoomed, all of the turn is seen, however it grows.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from typing import ClassVar, Final

from textual import events
from textual.binding import BindingType

from cma_tui.report import waterfall
from cma_tui.report.axis import Axis
from cma_tui.report.lanes import Lane, Lanes, Span
from cma_tui.report.waterfall import Bar
from cma_tui.session.elapsed import seconds
from cma_tui.session.model import Change, Session
from cma_tui.text import duration
from cma_tui.ui.cells import fit, joined
from cma_tui.ui.counting import Counting
from cma_tui.ui.keys import Hint, bindings, hint_of, keymap_of
from cma_tui.ui.soon import Slices
from cma_tui.ui.widgets.bars import CURSOR, backdrop, lane_line
from cma_tui.ui.widgets.headings import title
from cma_tui.ui.widgets.page import Line, Page, spread

AT_ONCE: Final = 1500
"""Items of a turn that are read at once."""
_ZOOM: Final = 1.6
_LEAST: Final = 0.01
"""The shortest time that all columns together may show, in seconds."""
_NAMES: Final = (12, 20)
"""Columns of the lanes' names, on the narrowest and on a wide screen."""
_WENT: Final = (
    ("model", "model"),
    ("tools", "tools"),
    ("answer", "program"),
    ("you", "you"),
    ("other", "other"),
)


class WaterfallView(Page):
    """All of the panel, drawn line by line."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(
        {
            "panel.leave": "close",
            "view.waterfall": "close",
            "move.down": "lane(1)",
            "move.up": "lane(-1)",
            "waterfall.next": "span(1)",
            "waterfall.previous": "span(-1)",
            "waterfall.next-error": "bad(1)",
            "waterfall.previous-error": "bad(-1)",
            "waterfall.later": "pan(1)",
            "waterfall.earlier": "pan(-1)",
            "waterfall.zoom-in": "zoom(1)",
            "waterfall.zoom-out": "zoom(-1)",
            "waterfall.all": "fit",
            "waterfall.next-turn": "turn(1)",
            "waterfall.previous-turn": "turn(-1)",
            "waterfall.open": "open",
        }
    )

    def __init__(
        self,
        session: Session,
        turn: int,
        item: int | None,
        counting: Counting,
        now: Callable[[], float | None],
    ) -> None:
        """Look at a turn.

        Args:
            session: what is looked at.
            turn: the turn, -1 for the last.
            item: what the cursor is on, if it is drawn.
            counting: the figures.
            now: the server's time of this moment; None where no time passes.
        """
        super().__init__(session, counting)
        self._now_there = now
        last = len(session.turns) - 1
        self.made = Lanes(session, turn if 0 <= turn <= last else last, AT_ONCE)
        self._wanted = item
        """What the cursor goes to when it has been taken in."""
        self._slices = Slices(self, self._go_on)
        self._shown: tuple[float, float] | None = None
        """The part of the axis that is seen; None for all."""
        self._top = 0
        """The first lane that is seen."""
        self._cursor: tuple[int, int] | None = None
        """The span under the cursor: its item, and which part of it."""
        self._hit: dict[int, tuple[Lane, list[Bar]]] = {}
        """By line of the screen: the bars on it."""
        self._axis: Axis | None = None

    # -- what is there ---------------------------------------------------------------------------------

    def update(self, session: Session, change: Change) -> None:
        """Take in what changed."""
        before, self.session = self.session, session
        if session is not before and self._cursor is not None:
            self._cursor = _again(before, session, self._cursor)
        last = len(before.turns) - 1
        followed = self._shown is None and self.made.turn == last and len(session.turns) - 1 > last
        self.made = self.made.update(session, change)
        if followed and self._cursor is None:
            self.made = Lanes(session, len(session.turns) - 1, AT_ONCE)
        self.show()

    def show(self) -> None:
        """Draw it; of a long turn what has been read, which goes on between keys."""
        if self._wanted is not None and self.made.span(self._wanted) is not None:
            self._cursor, self._wanted = (self._wanted, 0), None
        elif self.made.whole:
            self._wanted = None
        super().show()
        if not self.made.whole and self.is_mounted:
            self._slices.plan()

    def _go_on(self) -> None:
        self.made.read()
        self.show()

    @property
    def now(self) -> float:
        """Until when the axis goes."""
        live = self._now_there() if self.made.going_on else None
        turns, last = self.session.turns, self.made.last_at
        if live is not None:
            last = max(last, live)
        elif self.made.going_on and self.session.last_at is not None:
            last = max(last, self.session.last_at)
        ended = turns[self.made.turn].ended_at if turns else None
        return max(last, ended) if ended is not None else last

    @property
    def began(self) -> float:
        """Where the axis begins."""
        turn = self.session.turns[self.made.turn]
        first = self.made.order[0][0] if self.made.order else turn.started_at or 0.0
        return min(first, turn.started_at) if turn.started_at is not None else first

    def _span(self) -> Span | None:
        return self.made.span(*self._cursor) if self._cursor is not None else None

    # -- drawing ---------------------------------------------------------------------------------------

    def lines(self, width: int, height: int) -> list[Line]:
        """The page."""
        span = self._span()
        turns: Hint = ("turn", "waterfall.previous-turn", "waterfall.next-turn")
        leave: Hint = ("back", "panel.leave")
        keys = hint_of(
            self,
            width,
            ("help", "app.help"),
            ("span", "waterfall.next"),
            ("lane", "move.down", "move.up"),
            ("pan", "waterfall.earlier", "waterfall.later"),
            ("zoom", "waterfall.zoom-in", "waterfall.zoom-out", "waterfall.all"),
            turns,
            ("go to", "waterfall.open"),
            leave,
        )
        self._hit.clear()
        if not self.session.turns or not self.made.order:
            said = "nothing in this turn has a time" if self.session.turns else "no turn yet"
            return [*self._head(width), [("", "")], [(said, "quiet")], hint_of(self, width, turns, leave)]
        names = min(max(width // 6, _NAMES[0]), _NAMES[1])
        now, began = self.now, self.began
        axis = Axis(self.made.busy(now), began, now, width - names - 1)
        if self._shown is not None:
            axis.look(*self._shown)
        self._axis = axis
        head = self._head(width)
        room = max(1, height - len(head) - 5)
        rows = self.made.rows()
        self._keep_in_sight([lane for _, lane in rows], room)
        seen = rows[self._top : self._top + room]
        back = backdrop(axis)
        lines: list[Line] = [*head, [(" " * (names + 1), ""), (axis.line(), "quiet")]]
        for group, lane in seen:
            drawn = waterfall.bars(lane, axis)
            self._hit[len(lines)] = (lane, drawn)
            said = fit(waterfall.name(self.session, group, lane), names)
            here = span if span is not None and _holds(lane, span) else None
            beside = drawn and not drawn[0].first and drawn[0].holds(here)
            tone = "thread" if group.kind == "run" else "quiet"
            columns = lane_line(self.session, drawn, here, back, now)
            lines.append([(said.ljust(names), tone), (CURSOR if beside else " ", ""), *columns])
        lines += [[("", "")]] * (room - len(seen))
        hidden = len(rows) - len(seen)
        more = f"{hidden} more lanes" if hidden else ""
        more = more if self.made.whole else "being read"
        lines.append(spread(keys, [(more, "quiet")] if more else [], width))
        return [*lines[:-1], *self._words(width, began, now), lines[-1]]

    def _keep_in_sight(self, lanes: list[Lane], room: int) -> None:
        self._top = max(0, min(self._top, len(lanes) - room))
        at = self._lane_of(lanes, self._span())
        if at is not None:
            self._top = min(max(self._top, at - room + 1), at)

    def _lane_of(self, lanes: list[Lane], span: Span | None) -> int | None:
        return next((at for at, lane in enumerate(lanes) if span is not None and _holds(lane, span)), None)

    def _head(self, width: int) -> list[Line]:
        session, turns = self.session, self.session.turns
        if not turns:
            return [[("waterfall", "title")]]
        turn = turns[self.made.turn]
        line = spread(
            [(f"turn {turn.index + 1} of {len(turns)}  ", "title"), (title(session, turn), "title")],
            [("waterfall", "quiet")],
            width,
        )
        figures = self.counting.book.turns
        split = figures[turn.index].split if turn.index < len(figures) else None
        if split is None or not split.total:
            return [line]
        parts = [f"{word} {duration(seconds(us))}" for part, word in _WENT if (us := getattr(split, part))]
        return [
            line,
            [(joined([f"{duration(seconds(split.total - split.idle))}:", *parts], "  ", width), "quiet")],
        ]

    def _words(self, width: int, began: float, now: float) -> list[Line]:
        """Two lines for the span under the cursor."""
        span = self._span()
        if span is None:
            said = f"{keymap_of(self).of('waterfall.next')[0]} or a click on a bar says what it is"
            return [[("─" * width, "quiet")], [(fit(said, width), "quiet")], [("", "")]]
        words = waterfall.words(self.session, span, began, now)
        return [
            [("─" * width, "quiet")],
            spread(
                [(f"{words.word}  ", words.tone), (words.text, "")],
                [(words.outcome, words.outcome_tone)] if words.outcome else [],
                width,
            ),
            [(fit(words.aside, width), "quiet")],
        ]

    # -- keys ------------------------------------------------------------------------------------------

    def _go(self, item: int, part: int) -> None:
        """Put the cursor on a span, and see it."""
        self._cursor, self._wanted = (item, part), None
        span, axis = self._span(), self._axis
        if span is not None and axis is not None and self._shown is not None:
            left, right = axis.column(span.start), axis.column(span.end)
            if right < 1 or left >= axis.width - 1:
                self._look(axis, left - axis.width / 4, left + axis.width * 3 / 4)
        self.show()

    def action_span(self, by: int) -> None:
        """Go to the next or previous span by time."""
        self._step(by, lambda span: True)

    def action_bad(self, by: int) -> None:
        """Go to the next or previous span that went wrong."""
        self._step(by, lambda span: span.bad)

    def _step(self, by: int, wanted: Callable[[Span], bool]) -> None:
        order, span = self.made.order, self._span()
        if span is None or self._cursor is None:
            at = -1 if by > 0 else len(order)
        else:
            at = bisect_left(order, (span.start, *self._cursor))
        at += by
        while 0 <= at < len(order):
            _, item, part = order[at]
            found = self.made.span(item, part)
            if found is not None and wanted(found):
                self._go(item, part)
                return
            at += by
        self.app.bell()

    def action_lane(self, by: int) -> None:
        """Go to the lane below or above, to what went on there at the same time."""
        lanes = [lane for _, lane in self.made.rows()]
        span = self._span()
        at = self._lane_of(lanes, span)
        if span is None or at is None:
            self.action_span(1)
        elif 0 <= at + by < len(lanes):
            lane = lanes[at + by]
            self._choose(lane.spans[lane.nearest(span.start)])

    def _choose(self, span: Span) -> None:
        held = next(part for part in range(4) if self.made.span(span.item, part) is span)
        self._go(span.item, held)

    def action_zoom(self, by: int) -> None:
        """See less or more of the time, around the cursor."""
        axis, span = self._axis, self._span()
        if axis is None:
            return
        middle = axis.width / 2
        if span is not None:
            middle = min(max((axis.column(span.start) + axis.column(span.end)) / 2, 0), axis.width)
        share = 1 / _ZOOM if by > 0 else _ZOOM
        self._look(axis, middle - middle * share, middle + (axis.width - middle) * share)
        self.show()

    def action_pan(self, by: int) -> None:
        """See what is later or earlier."""
        axis = self._axis
        if axis is not None and not axis.whole:
            self._look(axis, by * axis.width / 4, axis.width + by * axis.width / 4)
            self.show()

    def _look(self, axis: Axis, first: float, last: float) -> None:
        """See these columns of what is seen now, as far as there is anything."""
        left, right = axis.column(axis.start), axis.column(axis.end)
        if last - first >= right - left:
            self._shown = None
            return
        first, last = (left, left + last - first) if first < left else (first, last)
        first, last = (right - (last - first), right) if last > right else (first, last)
        start, end = axis.moment(first), axis.moment(last)
        if end - start >= _LEAST:
            self._shown = (start, end)

    def action_fit(self) -> None:
        """See all of the turn."""
        self._shown = None
        self.show()

    def action_turn(self, by: int) -> None:
        """Look at another turn."""
        turn = self.made.turn + by
        if not 0 <= turn < len(self.session.turns):
            self.app.bell()
            return
        self.made = Lanes(self.session, turn, AT_ONCE)
        self._wanted = None
        self._shown, self._cursor, self._top = None, None, 0
        self.show()

    def action_open(self) -> None:
        """Go to the row of the span under the cursor."""
        if self._cursor is not None:
            self.screen.dismiss(self._cursor[0])

    def on_click(self, event: events.Click) -> None:
        """Put the cursor on a bar; a second click goes to its row."""
        place = event.get_content_offset_capture(self)
        hit, axis = self._hit.get(place.y), self._axis
        if hit is None or axis is None:
            return
        column = place.x - (self.content_size.width - axis.width)
        bar = next((bar for bar in hit[1] if bar.first <= column < bar.last), None)
        if bar is not None:
            self._choose(bar.span)
            if event.chain > 1:
                self.action_open()


def _holds(lane: Lane, span: Span) -> bool:
    return bool(lane.spans) and lane.spans[lane.nearest(span.start)] is span


def _again(old: Session, new: Session, cursor: tuple[int, int]) -> tuple[int, int] | None:
    """The same span in a session that was folded anew."""
    ordinal = new.ordinals.get(old.events[old.items[cursor[0]].event].key)
    index = -1 if ordinal is None else new.owners[ordinal]
    return (index, cursor[1]) if index >= 0 else None
