"""The logs that are measured: real recordings, multiplied.

Owns their making. Each copy of a recording has its own ids and later stamps than the one before, so that a
log is one session with many turns. Texts are drawn out to the lengths that they have in long sessions: about
1.5 kB an event in a log, about 0.65 kB on a stream that also carries previews. Invariant: the same numbers
give the same bytes.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import count, cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Self

from cma_tui.event import Event, parse, parse_stamp, stamp_text

RECORDINGS = Path(__file__).parent.parent / "tests" / "data" / "recordings"
TASK = "Task number"
"""How every message of the user begins: when it is on the screen, there is a row to read."""
LAST = "That was the whole log."
"""What the last event of a file says."""

_BEGIN = 1_780_000_000.0
_PAUSE = 20.0
"""Seconds between two turns."""
_VARIANTS = 16
"""Copies of one recording that differ in the length of their texts."""
_COPY, _STAMP = b"%COPY%", b"%STAMP%"
_THREAD = "sthr_01Benchmark0000000000000"
_PIECE = 55
"""Characters in one preview."""
_id = re.compile(r"\b(sevt_[0-9A-Za-z]{16})[0-9A-Za-z]+")
_thread = re.compile(r"\bsthr_[0-9A-Za-z]+")
_PROSE = (
    "The pool holds 20 connections and each of them is taken for as long as the slowest query runs.",
    "2026-06-01T08:31:07Z orders-7c9d WARN pool exhausted, waited 5.0 s for a connection (20 of 20 in use)",
    '  File "/srv/orders/repository.py", line 44, in load: item.wrapping = db.one(WRAPPING, item.id)',
    "- `9f2c1e` loads the **wrapping** of every line item with a query of its own",
    "Größenänderung übernommen: 3 Pods → 6 Pods, Bereitschaft nach 4,2 s",
)


@dataclass(frozen=True, slots=True)
class Mix:
    """How long the texts are, in characters on average, and whether previews come with them."""

    result: float
    message: float
    previews: bool = False


LOG = Mix(result=16_500, message=900)
LIVE = Mix(result=13_000, message=900, previews=True)
SHORT = Mix(result=0, message=0)
"""As recorded: for timelines of a million rows, whose texts would fill the memory."""


@dataclass(frozen=True, slots=True)
class _Line:
    """An event of a recording, to be filled in."""

    text: bytes
    after: float
    """Seconds since the recording's first event."""


def lines(number: int | None, mix: Mix) -> Iterator[bytes]:
    """The first `number` events of an endless session, as JSON text; None for all."""
    return islice(_endless(mix), number)


def events(number: int, mix: Mix) -> list[Event]:
    """The same, parsed."""
    return [parse(line) for line in lines(number, mix)]


def stream(number: int, mix: Mix) -> bytes:
    """The same as the body of an event stream."""
    frames = (b"event: message\ndata: %b\n\n" % line for line in lines(number, mix))
    return b": connected\n\n" + b"".join(frames)


class Logs:
    """Log files, each made when it is first asked for, in a folder that goes when they are done with."""

    def __init__(self) -> None:
        self._folder = TemporaryDirectory(prefix="cma-top-benchmarks-")
        self._made: dict[int, Path] = {}

    def file(self, number: int) -> Path:
        """A file of so many events."""
        if number not in self._made:
            path = Path(self._folder.name) / f"{number}.jsonl"
            with path.open("wb") as file:
                for line in lines(number - 1, LOG):
                    file.write(line + b"\n")
                content = [{"type": "text", "text": LAST}]
                file.write(_json({"type": "agent.message", "id": "sevt_last", "content": content}) + b"\n")
            self._made[number] = path
        return self._made[number]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._folder.cleanup()


def _endless(mix: Mix) -> Iterator[bytes]:
    now = _BEGIN
    for number, template in zip(count(), cycle(_templates(mix)), strict=False):
        copy = b"%08d" % number
        for line in template:
            stamp = stamp_text(now + line.after).encode()
            yield line.text.replace(_COPY, copy).replace(_STAMP, stamp)
        now += template[-1].after + _PAUSE


@cache
def _templates(mix: Mix) -> list[list[_Line]]:
    """Every recording in every variant, so mixed that any stretch of the session holds all kinds."""
    rng = random.Random(7)
    recordings = [path.read_text("utf-8") for path in sorted(RECORDINGS.glob("*/*/events.jsonl"))]
    return [_template(text, mix, rng) for _ in range(_VARIANTS) for text in recordings]


def _template(recording: str, mix: Mix, rng: random.Random) -> list[_Line]:
    text = _thread.sub(_THREAD, _id.sub(lambda match: f"{match[1]}%COPY%", recording))
    template: list[_Line] = []
    first = latest = None
    for event in map(json.loads, text.splitlines()):
        at = parse_stamp(event.get("processed_at"))
        latest = at if at is not None else latest
        first = latest if first is None else first
        after = 0.0 if latest is None or first is None else latest - first
        if "processed_at" in event:
            event["processed_at"] = "%STAMP%"
        _lengthen(event, mix, rng)
        together = (*_previews(event), event) if mix.previews else (event,)
        template += [_Line(_json(each), after) for each in together]
    return template


def _json(event: dict[str, Any]) -> bytes:
    """As servers write it: on one line, without spaces."""
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()


def _lengthen(event: dict[str, Any], mix: Mix, rng: random.Random) -> None:
    """Give a text the length that it may have in a long session: most are short, few are very long."""
    if event["type"] == "user.message":
        event["content"][0]["text"] = f"{TASK} %COPY%: {event['content'][0]['text']}"
        return
    mean = mix.message if event["type"] == "agent.message" else mix.result
    if not mean or "content" not in event:
        return
    wanted = rng.lognormvariate(0.0, 1.0) * mean / 1.65  # e^½: the mean of that distribution
    block = next((block for block in event["content"] if block["type"] == "text"), None)
    if block is None:
        return
    while len(block["text"]) < wanted:
        block["text"] += "\n" + rng.choice(_PROSE)


def _previews(event: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What streams in before a message is whole."""
    if event["type"] != "agent.message":
        return
    yield {"type": "event_start", "event": {"type": "agent.message", "id": event["id"]}}
    text = event["content"][0]["text"]
    for begin in range(0, len(text), _PIECE):
        content = {"type": "text", "text": text[begin : begin + _PIECE]}
        delta = {"type": "content_delta", "index": 0, "content": content}
        yield {"type": "event_delta", "event_id": event["id"], "delta": delta}
