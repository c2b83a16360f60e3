"""The fold: what one more event costs when many are there, and what a history in pages costs.

Measured: CPU time of `fold.apply` for a thousand events after N others, without parsing. Limit for the first
N: the same events kept by key and order and nothing else; for a larger N: the figure of the first, because
the cost must not grow. Then `merge` of a history in pages of a thousand, into an empty session and once more
into the session that already holds it, as after a reconnect. Limit: the same events folded at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from benchmarks import limits
from benchmarks.figures import Figure, Goal, Scale, alternate
from benchmarks.logs import SHORT, Logs, events
from cma_tui.event import Event
from cma_tui.feed import fold_all
from cma_tui.session.fold import apply
from cma_tui.session.merge import START, merge
from cma_tui.session.model import Change, Session

_MORE = 1_000
"""Events that are timed, and the events of a page."""


def run(scale: Scale, logs: Logs) -> Iterator[Figure]:
    """Flat cost first, then the pages."""
    yield from _flat(scale)
    yield from _pages(scale)


def _flat(scale: Scale) -> Iterator[Figure]:
    known = events(max(scale.fold_events) + _MORE, SHORT)
    more = known[:_MORE]
    functions: dict[str, Callable[[], object]] = {"least": lambda: limits.least_fold(more)}
    kept = []  # so that no repetition pays for the end of a session
    for number in scale.fold_events:
        # A session cannot forget what it has folded: each repetition has one of its own.
        sessions = [fold_all(known[:number]) for _ in range(scale.rounds)]
        kept.append(sessions)
        functions[str(number)] = partial(_fold_on, iter(sessions), known[number : number + _MORE])
    cpu = {name: taken.cpu / _MORE * 1e6 for name, taken in alternate(functions, scale.rounds).items()}
    first, *others = scale.fold_events
    yield Figure(f"one event after {first:,}", cpu[str(first)], "µs", cpu["least"], "keep by key and order")
    for number in others:
        what = f"one event after {number:,}"
        yield Figure(what, cpu[str(number)], "µs", cpu[str(first)], f"after {first:,}", Goal("ratio", 1.3))


def _fold_on(sessions: Iterator[Session], more: list[Event]) -> None:
    session, change = next(sessions), Change()
    for event in more:
        apply(session, event, change)


def _pages(scale: Scale) -> Iterator[Figure]:
    listed = events(scale.history_events, SHORT)
    whole = fold_all(listed)
    functions = {
        "fold": lambda: fold_all(listed),
        "first": lambda: _merge(Session(), listed),
        "again": lambda: _merge(whole, listed),
    }
    cpu = {name: taken.cpu / len(listed) * 1e6 for name, taken in alternate(functions, scale.rounds).items()}
    yield Figure("history in pages, an event", cpu["first"], "µs", cpu["fold"], "folded at once")
    yield Figure("the same after a reconnect", cpu["again"], "µs", cpu["fold"], "folded at once")


def _merge(session: Session, listed: list[Event]) -> None:
    after, change = START, Change()
    for begin in range(0, len(listed), _MORE):
        page = listed[begin : begin + _MORE]
        session = merge(session, page, change, after=after)
        after = page[-1].key
