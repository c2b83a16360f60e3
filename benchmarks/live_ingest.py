"""Live ingest: from the bytes of an event stream to folded events.

Measured: CPU time from the bytes, cut as a network cuts them, through `source.frames` (httpx-sse and
`event.parse`) and `merge.arrive`, as a feed brings them in, previews included; and each of the three steps
alone. Limit: the frames found by splitting at empty lines and parsed, nothing kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial

from benchmarks import limits
from benchmarks.figures import Figure, Goal, Scale, alternate
from benchmarks.logs import LIVE, LOG, Logs, Mix, stream
from cma_tui.event import Event, parse
from cma_tui.session.merge import arrive
from cma_tui.session.model import Change, Session
from cma_tui.source import frames

_CHUNK = 16_384
"""What one read of a socket brings."""
_GOAL = Goal("ratio", 0.3, least=True)


def run(scale: Scale, logs: Logs) -> Iterator[Figure]:
    """Both mixes, whole and step by step."""
    yield from _figures("live mix", LIVE, scale)
    yield from _figures("log mix", LOG, scale)


def _figures(name: str, mix: Mix, scale: Scale) -> Iterator[Figure]:
    data = stream(scale.live_events, mix)
    split = limits.split_frames(data)
    parsed = [parse(frame) for frame in split]
    parsers = limits.parsers()
    functions: dict[str, Callable[[], object]] = {
        "whole": lambda: asyncio.run(_ingest(data)),
        "framing": lambda: _frame(data),
        "parse": lambda: [parse(frame) for frame in split],
        "fold": lambda: _fold(parsed),
        "splitting": lambda: limits.split_frames(data),
        **{f"limit {key}": partial(limits.parse_frames, data, parser) for key, parser in parsers.items()},
    }
    cpu = {key: taken.cpu for key, taken in alternate(functions, scale.rounds).items()}
    limit = cpu[f"limit {limits.PARSER}"]

    def rate(what: str, seconds: float, against: float, against_is: str, goal: Goal | None = None) -> Figure:
        return Figure(
            f"{name}: {what}",
            scale.live_events / seconds,
            "events/s",
            scale.live_events / against,
            against_is,
            goal,
        )

    yield rate("bytes → folded", cpu["whole"], limit, f"split + {limits.PARSER}", _GOAL)
    for key in parsers.keys() - {limits.PARSER}:
        yield rate("bytes → folded", cpu["whole"], cpu[f"limit {key}"], f"split + {key}")
    yield rate("frames alone", cpu["framing"], cpu["splitting"], "split by hand")
    yield rate("event.parse alone", cpu["parse"], limit - cpu["splitting"], f"{limits.PARSER}, untyped")
    yield rate("fold alone", cpu["fold"], limit, f"split + {limits.PARSER}")


def _pieces(data: bytes) -> Iterator[bytes]:
    return (data[begin : begin + _CHUNK] for begin in range(0, len(data), _CHUNK))


async def _chunks(data: bytes) -> AsyncIterator[bytes]:
    for piece in _pieces(data):
        yield piece


async def _ingest(data: bytes) -> None:
    session, change = Session(), Change()
    async for read in frames.events(_chunks(data), _alive, _told):
        session = arrive(session, read, change)


def _frame(data: bytes) -> None:
    decoder = frames.Frames()
    for piece in _pieces(data):
        for _ in decoder.take(piece):
            pass


def _fold(events: list[Event]) -> None:
    arrive(Session(), events, Change())


def _told(seconds: float) -> None:
    """Nobody waits here."""


def _alive() -> None:
    """Nobody watches the line here."""
