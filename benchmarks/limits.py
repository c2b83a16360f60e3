"""The limits: the least work that any program with the same task has to do.

Owns them all: counting the lines of a log, finding its lines and parsing each one without keeping anything,
splitting a stream at its frames by hand, and the least a fold can do. Parsing is msgspec's generic decoder,
which is the class of orjson; the standard library's `json` is measured beside it, and `orjson` itself where
it can be imported. It is no dependency, so goals are judged by msgspec.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import msgspec

from cma_tui.event import Event

Parse = Callable[[bytes], object]

PARSER = "msgspec"
"""The parser that goals are judged by."""
_CHUNK = 1 << 20
_FIELD = b"data: "


def parsers() -> dict[str, Parse]:
    """JSON parsers by name: text to plain objects."""
    found: dict[str, Parse] = {PARSER: msgspec.json.Decoder().decode, "json": json.loads}
    with suppress(ImportError):  # measured where it happens to be installed
        found["orjson"] = importlib.import_module("orjson").loads
    return found


def count_lines(path: Path) -> int:
    """How many lines a file has."""
    lines = 0
    with path.open("rb", buffering=0) as file:
        while chunk := file.read(_CHUNK):
            lines += chunk.count(b"\n")
    return lines


def parse_lines(path: Path, parse: Parse) -> int:
    """Parse every line of a file, keep nothing, and return how many there were."""
    lines = 0
    with path.open("rb") as file:
        for lines, line in enumerate(file, 1):  # noqa: B007 - the last number is the count
            parse(line)
    return lines


def split_frames(stream: bytes) -> list[bytes]:
    """The data of every frame, where each is an `event:` line, one `data:` line and an empty one."""
    return [frame[frame.index(_FIELD) + len(_FIELD) :] for frame in stream.split(b"\n\n") if _FIELD in frame]


def parse_frames(stream: bytes, parse: Parse) -> None:
    """Parse the data of every frame and keep nothing."""
    for data in split_frames(stream):
        parse(data)


def least_fold(events: Iterable[Event]) -> None:
    """Keep each event once, by its key and in its order: what a fold does at the very least."""
    kept: list[Event] = []
    ordinals: dict[str, int] = {}
    for event in events:
        if event.key not in ordinals:
            ordinals[event.key] = len(kept)
            kept.append(event)
