"""The player: what keeping every moment of a log costs, and how long a moment takes to be looked at.

Measured: CPU time of folding a saved log with its past kept; then, when a feed has read the log, of seeking
to random moments of it, back and forth. Limit of the fold: the same without a past. The goal of a seek is
milliseconds.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from time import process_time

from benchmarks.figures import Figure, Goal, Scale, alternate, percentile
from benchmarks.logs import Logs
from cma_tui.feed import Feed
from cma_tui.log.formats import SavedLog, open_log
from cma_tui.player import Player
from cma_tui.session.fold import apply
from cma_tui.session.model import Change, Session
from cma_tui.session.moments import keep_past
from cma_tui.source.saved import Saved

_SEEKS = 50


def run(scale: Scale, logs: Logs) -> Iterator[Figure]:
    """The fold first, then the views of each log."""
    small = min(scale.file_events)
    with open_log(logs.file(small)) as log:
        functions = {"alone": lambda: _folded(log, past=False), "past": lambda: _folded(log, past=True)}
        taken = alternate(functions, min(3, scale.rounds))
    what = f"fold of {small:,} events with its past, an event"
    yield Figure(
        what,
        taken["past"].cpu / small * 1e6,
        "µs",
        taken["alone"].cpu / small * 1e6,
        "without",
        Goal("ratio", 1.3),
    )
    for number in scale.file_events:
        with open_log(logs.file(number)) as log:
            late = _seeks(log)
        for share, word in ((0.5, "p50"), (1.0, "most")):
            value = percentile(late, share) * 1e3
            yield Figure(f"a seek in {number:,} events: {word}", value, "ms", goal=Goal("value", 250.0))


def _folded(log: SavedLog, *, past: bool) -> None:
    session, change = Session(events=log.kept()), Change()
    if past:
        keep_past(session)
    for event in log.events():
        apply(session, event, change)


def _seeks(log: SavedLog) -> list[float]:
    async def opened() -> Saved:
        return Saved(log)

    feed = Feed(opened, session=Session(events=log.kept()))
    player, chance, late = Player(feed), random.Random(7), []
    feed.start()
    while not feed.finished or feed.behind:
        player.update(feed.take())
    for _ in range(_SEEKS):
        begun = process_time()
        player.seek(chance.randrange(player.total + 1))
        late.append(process_time() - begun)
    feed.close()
    return late
