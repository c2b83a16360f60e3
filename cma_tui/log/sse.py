"""Captured event streams: the frames of a `curl -N` or `curl -i` written to a file.

Owns the line rules of server-sent events, as the HTML standard has them: comments and unknown fields
(HTTP headers too) mean nothing, data lines are joined by LF, a blank line ends a frame. Invariant: no
frame grows beyond the line cap.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from cma_tui.log.origin import LINE_CAP, Lines, TooLong


class Frame(NamedTuple):
    """The data of one frame, and the line that ended it."""

    data: bytes
    line: int
    too_long: bool = False
    whole: bool = True
    """False for the last frame of a capture that ends before its blank line."""


def frames(lines: Lines) -> Iterator[Frame]:
    """The frames that carry data, in order."""
    data: list[bytes] = []
    size = number = 0
    for batch in lines.batches():
        for number, line in enumerate(batch, number + 1):  # noqa: B020 - goes on where it was
            if not line:
                if data:
                    yield _frame(data, size, number)
                    data, size = [], 0
            else:
                value = _value(line)
                if value is not None:
                    size += len(value) if not isinstance(line, TooLong) else LINE_CAP + 1
                    if size <= LINE_CAP or not data:
                        data.append(value)
    value = _value(lines.tail)
    if value is not None:
        data.append(value)
        size += len(value)
    if data:
        yield _frame(data, size, number + 1)._replace(whole=False)


def _value(line: bytes) -> bytes | None:
    """The value of a `data` line; None for every other line."""
    if line[:5] == b"data:":
        return line[6:] if line[5:6] == b" " else line[5:]
    return b"" if line == b"data" else None


def _frame(data: list[bytes], size: int, number: int) -> Frame:
    if size > LINE_CAP:
        return Frame(data[0][:1024], number, too_long=True)
    return Frame(data[0] if len(data) == 1 else b"\n".join(data), number)
