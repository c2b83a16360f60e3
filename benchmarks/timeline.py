"""The timeline: first frame, one more row, one line of scroll, with N rows there.

Measured, headless (`App.run_test`, 120 × 40; the compositor works, the terminal does not): CPU time of the
first frame of a session that is already folded; of folding one more event, updating the timeline and drawing;
and of scrolling by one line. Limit for the first N: a widget that shows plain lines from a list and refreshes
whole, which the timeline can beat where fewer lines change; for a larger N: the figure of the first, because
the cost must not grow. A session of short texts is folded once and used by its first N rows.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from statistics import median
from time import process_time
from typing import NamedTuple

from rich.segment import Segment
from textual.app import App, ComposeResult
from textual.strip import Strip
from textual.widget import Widget

from benchmarks.figures import Figure, Goal, Scale, percentile
from benchmarks.logs import SHORT, Logs, lines
from cma_tui.event import Event, parse
from cma_tui.session.fold import apply
from cma_tui.session.model import Change, Session
from cma_tui.ui.entries import Entries
from cma_tui.ui.shell import look_for_garbage
from cma_tui.ui.theme import FALLBACKS, THEMES
from cma_tui.ui.widgets.timeline import Timeline

_SIZE = (120, 40)
_WARM = 10
"""Steps before those that count."""


class _Plain(Widget, can_focus=True):
    """A window on the end of a list of plain lines."""

    DEFAULT_CSS = "_Plain { height: 1fr; width: 1fr; }"

    def __init__(self) -> None:
        super().__init__()
        self.strips = [_plain_strip(n) for n in range(1_000)]
        self.end = len(self.strips)

    def render_line(self, y: int) -> Strip:
        """One line of the window."""
        return self.strips[self.end - self.size.height + y]


def _plain_strip(number: int) -> Strip:
    return Strip([Segment(f" {number:7} a plain line".ljust(_SIZE[0]))], _SIZE[0])


class _Host(App[None]):
    """An app that shows one widget, with our themes."""

    def __init__(self, widget: Widget) -> None:
        super().__init__()
        self._widget = widget
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = THEMES[0].name

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """What our names mean in themes that are not ours."""
        return FALLBACKS

    def compose(self) -> ComposeResult:
        """Only that widget."""
        yield self._widget


class _Taken(NamedTuple):
    """CPU time in milliseconds: of the first frame, and of each step."""

    frame: float
    appends: list[float]
    scrolls: list[float]


def run(scale: Scale, logs: Logs) -> Iterator[Figure]:
    """The plain widget, then the timeline at each number of rows."""
    plain = asyncio.run(_plain(scale))
    first: _Taken | None = None
    for rows, taken in _timelines(scale):
        against, name = (plain, "plain lines") if first is None else (first, f"at {scale.rows[0]:,} rows")
        flat, frame = (None, None) if first is None else (Goal("ratio", 1.3), Goal("ratio", 1.2))
        at = f"at {rows:,} rows"
        yield Figure(f"first frame {at}", taken.frame, "ms CPU", against.frame, name, frame)
        for what, mine, theirs in (
            ("append and draw", taken.appends, against.appends),
            ("scroll a line", taken.scrolls, against.scrolls),
        ):
            yield Figure(f"{what} {at}", median(mine), "ms CPU", median(theirs), name, flat)
            worst, least = percentile(mine, 0.99), percentile(theirs, 0.99)
            yield Figure(f"{what} {at}, p99", worst, "ms CPU", least, name, Goal("value", 16.0))
        first = first or taken


def _timelines(scale: Scale) -> Iterator[tuple[int, _Taken]]:
    """Each number of rows, with the CPU time of the first frame, of each append and of each scroll."""
    session, change = Session(), Change()
    counted = Entries(session)
    endless = map(parse, lines(None, SHORT))
    for rows in scale.rows:
        while len(counted.list) < rows:
            for _, event in zip(range(1_000), endless, strict=False):
                apply(session, event, change)
            counted.update(session, Change())
        yield rows, asyncio.run(_timeline(session, endless, scale))


async def _timeline(session: Session, more: Iterator[Event], scale: Scale) -> _Taken:
    frames = []
    for _ in range(scale.rounds):
        before = process_time()
        async with _shown(timeline := Timeline(session)):
            timeline.update(session, Change())
            await _drawn(timeline)
            frames.append((process_time() - before) * 1e3)
    async with _shown(timeline := Timeline(session)):
        timeline.update(session, Change())
        while timeline.entries.behind:  # all rows are there when the first step is taken
            await _drawn(timeline)

        async def append() -> None:
            rows, change = len(timeline), Change()
            while len(timeline) == rows:  # not every event is a row
                apply(session, next(more), change)
                timeline.update(session, change)

        async def scroll() -> None:
            timeline.scroll_lines(-1)

        appended = await _steps(timeline, append, scale.steps)
        return _Taken(median(frames), appended, await _steps(timeline, scroll, scale.steps))


async def _plain(scale: Scale) -> _Taken:
    frames = []
    for _ in range(scale.rounds):
        before = process_time()
        async with _shown(_Plain()):
            frames.append((process_time() - before) * 1e3)
    plain = _Plain()
    async with _shown(plain):

        async def append() -> None:
            plain.strips.append(_plain_strip(plain.end))
            plain.end += 1
            plain.refresh()

        async def scroll() -> None:
            plain.end -= 1
            plain.refresh()

        appended = await _steps(plain, append, scale.steps)
        return _Taken(median(frames), appended, await _steps(plain, scroll, scale.steps))


@asynccontextmanager
async def _shown(widget: Widget) -> AsyncIterator[None]:
    """The widget in an app, once the first frame of it is drawn; garbage is looked for as in the program."""
    often = gc.get_threshold()
    gc.disable()
    try:
        async with _Host(widget).run_test(size=_SIZE):
            await _drawn(widget)
            look_for_garbage()
            yield
    finally:
        gc.set_threshold(*often)
        gc.unfreeze()
        gc.enable()


async def _steps(widget: Widget, step: Callable[[], Awaitable[None]], number: int) -> list[float]:
    """CPU time of each step and the drawing after it, in milliseconds."""
    taken = []
    for _ in range(number + _WARM):
        before = process_time()
        await step()
        await _drawn(widget)
        taken.append((process_time() - before) * 1e3)
    return taken[_WARM:]


async def _drawn(widget: Widget) -> None:
    """Wait until everything that was asked for is on the screen."""
    done = asyncio.Event()
    widget.call_after_refresh(done.set)
    await done.wait()
