"""The tables of the metrics panel: turns, model requests, tools, threads.

Owns the columns and the order of rows. Invariants: every figure comes from the book; a drawing costs the rows
on the screen, whatever their number; a glyph that marks a figure is in the figure's column.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple, Protocol

from rich.cells import cell_len

from cma_tui.report.stats import by_use
from cma_tui.session.cost import NANO
from cma_tui.session.elapsed import seconds
from cma_tui.session.errors import request_error
from cma_tui.session.figures import TurnFigures
from cma_tui.session.model import Session
from cma_tui.session.sums import Sums
from cma_tui.text import NOT_KNOWN, count, duration, first_line, money
from cma_tui.ui.cells import fit
from cma_tui.ui.counting import Counting, amount
from cma_tui.ui.widgets.headings import title as turn_title
from cma_tui.ui.widgets.page import Line

Value = float | None
Lines = list[Line]
_WIDE: Final = 110
_MINOR: Final = frozenset({"first", "reqs", "tok/s"})
"""Columns that are left out of a narrower table, unless it is sorted by one."""


class Shown(Protocol):
    """The view that a table is in."""

    session: Session
    counting: Counting
    order: Order
    cursor: int
    """The row under the cursor."""

    @property
    def window(self) -> int | None:
        """How many tokens the model's context holds."""
        ...

    def window_of(self, thread: str | None, ordinal: int | None = None) -> int | None:
        """The same of a thread's model, at that event or now."""
        ...


class Column(NamedTuple):
    """A column of the table of turns."""

    title: str
    width: int
    value: Callable[[Shown, TurnFigures], Value]
    write: Callable[[Shown, TurnFigures], str]


def _count(name: str) -> Callable[[Shown, TurnFigures], Value]:
    return lambda view, turn: getattr(turn, name)


def _written(value: Callable[[Shown, TurnFigures], Value]) -> Callable[[Shown, TurnFigures], str]:
    return lambda view, turn: count(value(view, turn))


def _number(title: str, name: str, width: int = 6) -> Column:
    return Column(title, width, _count(name), _written(_count(name)))


def wall(view: Shown, turn: TurnFigures) -> Value:
    """How long it ran, in seconds."""
    return None if turn.wall_us < 0 else seconds(turn.wall_us)


def _first(view: Shown, turn: TurnFigures) -> Value:
    """The first token where it was measured, else the first block."""
    measured = view.session.first_tokens.get(turn.first_request)
    if measured is None and turn.first_block_us >= 0:
        return seconds(turn.first_block_us)
    return measured


def _first_words(view: Shown, turn: TurnFigures) -> str:
    block = turn.first_request not in view.session.first_tokens and turn.first_block_us >= 0
    return duration(_first(view, turn)) + (" block" if block else "")


def context(view: Shown, turn: TurnFigures) -> Value:
    """What filled the context, in tokens."""
    return turn.prompt or None


def _fill_words(view: Shown, turn: TurnFigures) -> str:
    if not turn.prompt:
        return NOT_KNOWN
    return f"{turn.prompt / view.window:.0%}" if view.window else count(turn.prompt)


def output(view: Shown, turn: TurnFigures) -> Value:
    """Tokens the model wrote."""
    return turn.output_tokens


def spent(view: Shown, turn: TurnFigures) -> Value:
    """What it cost, in dollars."""
    return view.counting.book.cost(turn.index).usd


COLUMNS: Final = (
    Column("turn", 7, lambda view, turn: turn.index, lambda view, turn: str(turn.index + 1)),
    Column("wall", 7, wall, lambda view, turn: duration(wall(view, turn))),
    Column("first", 12, _first, _first_words),
    _number("reqs", "model_requests", 5),
    _number("tools", "tool_uses"),
    _number("failed", "tool_errors", 7),
    _number("in", "prompt_tokens"),
    _number("out", "output_tokens"),
    Column("context", 8, context, _fill_words),
    Column("cost", 8, spent, lambda view, turn: amount(view.counting.book.cost(turn.index))),
    Column(
        "tok/s",
        6,
        lambda view, turn: turn.tokens_per_second,
        lambda view, turn: count(turn.tokens_per_second),
    ),
)


class Order:
    """The turns by one of their columns."""

    def __init__(self) -> None:
        self.column, self.falling = 0, True
        self._rows: list[tuple[float, int]] = []
        """Turns but the last, lowest first."""
        self._made_of: object = None

    def rows(self, view: Shown) -> tuple[int, Callable[[int], int]]:
        """How many turns there are, and which stands in which row."""
        turns = view.counting.book.turns
        size = len(turns)
        if not turns or self.column == 0:
            return size, (lambda row: size - 1 - row) if self.falling else (lambda row: row)
        if self._made_of != (id(turns), self.column) or len(self._rows) > size - 1:
            self._rows, self._made_of = (
                sorted(self._key(view, turn) for turn in turns[:-1]),
                (
                    id(turns),
                    self.column,
                ),
            )
        for turn in turns[len(self._rows) : -1]:
            insort(self._rows, self._key(view, turn))
        rows, newest = self._rows, turns[-1].index
        place = bisect_left(rows, self._key(view, turns[-1]))  # it still changes: it is not kept among them

        def at(row: int) -> int:
            rank = size - 1 - row if self.falling else row
            return newest if rank == place else rows[rank - (rank > place)][1]

        return size, at

    def _key(self, view: Shown, turn: TurnFigures) -> tuple[float, int]:
        value = COLUMNS[self.column].value(view, turn)
        return (float("-inf") if value is None else value, turn.index)


_SAID = 10
"""The fewest cells in which it is worth saying what began a turn, or whose a request is."""
_NAME = 20
"""The fewest cells for the name of a tool or a thread."""


def turn_table(view: Shown, width: int, room: int) -> Lines:
    """Turn by turn."""
    size, at = view.order.rows(view)
    view.cursor = max(0, min(view.cursor, size - 1))
    first = max(0, min(view.cursor - room // 2, size - room))
    head = ""
    shown = [
        (number, column)
        for number, column in enumerate(COLUMNS)
        if width >= _WIDE or column.title not in _MINOR or number == view.order.column
    ]
    while sum(column.width for _, column in shown) > width:
        shown.remove(next(each for each in reversed(shown) if each[0] != view.order.column))
    for number, column in shown:
        mark = ("▼" if view.order.falling else "▲") if number == view.order.column else ""
        head += f"{mark + column.title:>{column.width}}"
    said = width - len(head) >= _SAID
    lines = [[(head + "  input" if said else head, "title")]]
    for row in range(first, min(size, first + room)):
        turn = view.counting.book.turns[at(row)]
        cells = "".join(f"{column.write(view, turn):>{column.width}}" for _, column in shown)
        line = fit(f"{cells}  {_said(view, turn.index)}", width) if said else cells
        lines.append(_row(line, width, here=row == view.cursor))
    return lines


def _row(line: str, width: int, *, here: bool) -> Line:
    """A row, under the cursor or not: its first column leaves room for the mark."""
    return [(f"▸{line[1:]}{' ' * (width - cell_len(line))}", "cursor")] if here else [(line, "")]


def _said(view: Shown, index: int) -> str:
    if index >= len(view.session.turns):
        return ""
    return turn_title(view.session, view.session.turns[index])


REQUESTS: Final = (
    ("turn", 7),
    ("ended", 9),
    ("took", 8),
    ("first", 13),
    ("in", 8),
    ("cache", 7),
    ("out", 8),
    ("context", 9),
    ("tok/s", 7),
    ("cost", 9),
)


def request_table(view: Shown, width: int, room: int) -> Lines:
    """Model request by model request, the newest first."""
    book = view.counting.book
    size = len(book.requests)
    view.cursor = max(0, min(view.cursor, size - 1))
    first = max(0, min(view.cursor - room // 2, size - room))
    shown = _fitting(REQUESTS, width, ("first", "tok/s", "cache", "context", "in"), _SAID)
    lines: Lines = [_titles(shown, "thread", width)]
    for row in range(first, min(size, first + room)):
        written = _request(view, request_at(view, row))
        line = fit(f"{_cells(shown, written)}  {written['thread']}", width)
        lines.append(_row(line, width, here=row == view.cursor))
    return lines


def request_at(view: Shown, row: int) -> int:
    """The item of the request in a row."""
    requests: Sequence[int] = view.counting.book.requests
    return requests[len(requests) - 1 - row if view.order.falling else row]


def _request(view: Shown, index: int) -> dict[str, str]:
    one = view.counting.book.request(index)
    child = view.session.threads.get(one.thread) if one.thread is not None else None
    name = "primary" if one.thread is None else (child and child.agent_name) or one.thread
    first = one.first_token_s
    block = "" if first is not None or one.first_block_us is None else " block"
    if first is None and one.first_block_us is not None:
        first = seconds(one.first_block_us)
    asked = view.session.items[one.item].event
    prompt, window = one.prompt_tokens, view.window_of(one.thread, asked)
    fill = f"{prompt / window:.0%}" if window else count(prompt)
    known, error = one.metered, request_error(view.session, index)
    return {
        "turn": str(one.turn + 1) if one.turn >= 0 else NOT_KNOWN,
        "ended": "running" if one.state == "running" else {"done": "well"}.get(one.state, one.state),
        "took": duration(None if one.length_us is None else seconds(one.length_us)),
        "first": duration(first) + block,
        "in": count(prompt) if known else NOT_KNOWN,
        "cache": f"{one.cache_read_tokens / prompt:.0%}" if prompt else NOT_KNOWN,
        "out": count(one.output_tokens) if known else NOT_KNOWN,
        "context": fill if prompt else NOT_KNOWN,
        "tok/s": count(one.tokens_per_second),
        "cost": amount(one.cost),
        "thread": first_line(name, 60) + ("" if error is None else f"  {first_line(error.line, 200)}"),
    }


TOOLS: Final = (("uses", 7), ("failed", 8), ("denied", 8), ("p50", 8), ("p95", 8), ("cost", 9))


def tool_table(view: Shown, width: int, room: int) -> Lines:
    """Tool by tool, and what each server's add up to."""
    book = view.counting.book
    shown = _fitting(TOOLS, width, ("denied", "p50"))
    lines = [_titles(shown, "tool", width)]
    tables = [*by_use(book.tools.values()), *by_use(book.servers.values())]
    view.cursor = max(0, min(view.cursor, max(0, len(tables) - room)))
    for tool in tables[view.cursor : view.cursor + room]:
        name = (
            "/".join(part for part in (tool.server, tool.name) if part)
            if tool.name
            else f"all of {tool.server}"
        )
        told = {
            "uses": str(tool.uses),
            "failed": str(tool.errors),
            "denied": str(tool.denied),
            "p50": duration(tool.percentile(0.5)),
            "p95": duration(tool.percentile(0.95)),
            "cost": money(tool.estimate / NANO, exact=False) if tool.estimate else NOT_KNOWN,
        }
        lines.append([(fit(f"{_cells(shown, told)}  {first_line(name, 80)}  {tool.kind}", width), "")])
    return lines


THREADS: Final = (
    ("reqs", 7),
    ("tools", 7),
    ("failed", 8),
    ("in", 8),
    ("out", 8),
    ("model", 8),
    ("tool", 8),
    ("cost", 9),
)


def thread_table(view: Shown, width: int, room: int) -> Lines:
    """Thread by thread."""
    shown = _fitting(THREADS, width, ("tool", "model", "failed", "out"))
    lines = [_titles(shown, "thread", width)]
    threads = [(None, "primary"), *((key, "") for key in view.session.threads)]
    view.cursor = max(0, min(view.cursor, max(0, len(threads) - room)))
    for key, name in threads[view.cursor : view.cursor + room]:
        sums = view.counting.book.threads.get(key, Sums())
        child = view.session.threads.get(key) if key is not None else None
        if child is not None:
            name = first_line(f"{child.agent_name or ''} {child.id}  {child.status}", 100)
        if child is not None and not child.read:
            unread = "not read".rjust(sum(wide for _, wide in shown))
            lines.append([(fit(f"{unread}  {name}", width), "quiet")])
            continue
        told = {
            "reqs": str(sums.model_requests),
            "tools": str(sums.tool_uses),
            "failed": str(sums.tool_errors),
            "in": count(sums.prompt_tokens),
            "out": count(sums.output_tokens),
            "model": duration(seconds(sums.model_us)),
            "tool": duration(seconds(sums.tool_us)),
            "cost": money(sums.estimate / NANO, exact=False) if sums.priced else NOT_KNOWN,
        }
        lines.append([(fit(f"{_cells(shown, told)}  {name}", width), "")])
    return lines


Columns = Sequence[tuple[str, int]]


def _fitting(columns: Columns, width: int, minor: Sequence[str], name: int = _NAME) -> Columns:
    """The columns that leave room for a name; of the minor ones the first is left out first."""
    shown = list(columns)
    for title in minor:
        if sum(wide for _, wide in shown) + 2 + name <= width:
            break
        shown = [column for column in shown if column[0] != title]
    return shown


def _titles(shown: Columns, name: str, width: int) -> Line:
    titles = "".join(f"{title:>{wide}}" for title, wide in shown)
    return [(fit(f"{titles}  {name}", width), "title")]


def _cells(shown: Columns, told: Mapping[str, str]) -> str:
    return "".join(f"{told[title]:>{wide}}" for title, wide in shown)
