"""Saved logs that may be wanted again: the recordings, and the files that were replayed.

Owns the list of the latter, in the state folder. Invariants: names are kept and nothing of what is in the
files, for their owner alone; a list that cannot be read or written keeps nobody from a log.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from time import time
from typing import TYPE_CHECKING, NamedTuple

from cma_tui.commands.sinks import recordings
from cma_tui.private import PrivateError, private_folder, write_private

if TYPE_CHECKING:
    from cma_tui.settings import Settings

MOST = 100
_MOST_BYTES = 1 << 20


class Recent(NamedTuple):
    """One of them."""

    path: Path
    kind: str
    """`recording` or `replay`."""
    at: float
    """When it was last written to, or replayed."""


def replayed(settings: Settings, name: str) -> None:
    """Note that a file is being replayed."""
    path = Path(name).absolute()
    if not path.is_file() or path.parent == recordings(settings):
        return
    noted = {**_noted(settings), str(path): time()}
    newest = sorted(noted.items(), key=lambda item: -item[1])[:MOST]
    with suppress(OSError, PrivateError):
        private_folder(settings.state_dir)
        write_private(_list(settings), [json.dumps(dict(newest)).encode()])


def recent(settings: Settings) -> Iterator[Recent]:
    """The newest of both that are still there."""
    found = []
    with suppress(OSError):  # there are none
        for path in recordings(settings).iterdir():
            with suppress(OSError):
                if path.is_file():
                    found.append(Recent(path, "recording", path.stat().st_mtime))
    yield from sorted(found, key=lambda one: -one.at)[:MOST]
    for name, at in _noted(settings).items():
        with suppress(OSError, ValueError):
            if Path(name).is_file():
                yield Recent(Path(name), "replay", at)


def _list(settings: Settings) -> Path:
    return settings.state_dir / "replayed.json"


def _noted(settings: Settings) -> dict[str, float]:
    try:
        with _list(settings).open("rb") as file:
            noted = json.loads(file.read(_MOST_BYTES))
    except (OSError, ValueError):
        return {}
    if not isinstance(noted, dict):
        return {}
    return {name: float(at) for name, at in noted.items() if isinstance(at, (int, float))}
