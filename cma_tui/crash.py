"""What a defect leaves behind: a private file that says where, and one line that names it.

Owns crash reports. Invariant: a report holds types, files, lines and functions of ours and of libraries, and
nothing that a program was working on: no message, no value, no local variable, since any could be a secret.
"""

from __future__ import annotations

import os
import platform
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from cma_tui import __version__
from cma_tui.private import PrivateError, open_private, private_folder

_MOST = 20
"""How many reports are kept."""


def defect(error: BaseException, folder: Path | None = None, doing: str = "") -> str:
    """Write a report. Returns what to tell the user, in one line.

    Args:
        error: what was raised.
        folder: the state folder; where this system keeps state if not given.
        doing: what was at work, where that is not the screen or the command itself.
    """
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    line = f"a defect in cma-top{doing and f' ({doing})'}, please report it: {type(error).__name__}{place}"
    try:
        return f"{line}; where it was: {_write(error, _state(folder) / 'crashes')}"
    except (PrivateError, OSError):  # the line alone has to do
        return line


def _state(folder: Path | None) -> Path:
    folder = folder or (Path(named) if (named := os.environ.get("CMA_TOP_STATE_DIR")) else None)
    if folder is None:
        import platformdirs

        return Path(platformdirs.user_state_path("cma-top", appauthor=False))
    return folder


def _write(error: BaseException, folder: Path) -> Path:
    private_folder(folder)
    now = datetime.now(UTC)
    path = folder / f"{now:%Y%m%dT%H%M%S}-{now.microsecond:06}-{os.getpid()}.txt"
    with os.fdopen(open_private(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL), "w", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in _told(error, now))
    for old in sorted(folder.glob("*.txt"))[:-_MOST]:
        old.unlink(missing_ok=True)
    return path


def _told(error: BaseException, now: datetime) -> Iterator[str]:
    yield f"cma-top {__version__} on Python {platform.python_version()}, {platform.platform(terse=True)}"
    yield f"{now:%Y-%m-%dT%H:%M:%SZ}"
    seen: set[int] = set()
    waiting: list[tuple[str, BaseException]] = [("", error)]
    while waiting:
        how, each = waiting.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        yield f"{how}{type(each).__module__}.{type(each).__qualname__}"
        for frame in traceback.extract_tb(each.__traceback__):
            yield f"  {frame.filename}:{frame.lineno} in {frame.name}"
        if isinstance(each, BaseExceptionGroup):
            waiting += [("among them ", part) for part in each.exceptions]
        if each.__cause__ is not None:
            waiting.append(("caused by ", each.__cause__))
        elif each.__context__ is not None and not each.__suppress_context__:
            waiting.append(("while handling ", each.__context__))
