"""Server-sent events: bytes into frames, by the rules of the HTML standard.

Owns the rules of lines and fields, for live streams and for captures of them: data lines are joined by LF, a
blank line ends a frame, comments, ids and unknown fields (HTTP headers too) mean nothing. Invariants: however
the bytes are cut, the frames are the same; the work is in proportion to the bytes.
"""

from __future__ import annotations

from typing import Final, NamedTuple

_BOM: Final = b"\xef\xbb\xbf"


class Frame(NamedTuple):
    """What stands before one blank line."""

    data: bytes
    name: bytes
    """The value of its `event` field; empty where it has none."""
    retry: int | None
    """Milliseconds that the server wants between two connections."""


class Frames:
    """Cuts the bytes of one stream into frames, as they come."""

    def __init__(self) -> None:
        self.waiting = 0
        """Bytes of a line and of data whose frame has not ended."""
        self._size = 0
        """Of these, those of whole lines."""
        self._line: list[bytes] = []
        """The beginning of a line whose end has not come."""
        self._returned = False
        """Whether the last byte was a CR: an LF right behind it ends no line of its own."""
        self._begun = False
        self._data: list[bytes] = []
        self._name = b""
        self._retry: int | None = None

    def take(self, chunk: bytes) -> list[Frame]:
        """The frames that end in the next bytes; those without data too, where they say a pause."""
        if self._returned and chunk:
            self._returned = False
            chunk = chunk.removeprefix(b"\n")
        if b"\r" in chunk:
            self._returned = chunk.endswith(b"\r")
            chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        lines = chunk.split(b"\n")
        rest = lines.pop()
        if self._line and lines:
            lines[0] = b"".join((*self._line, lines[0]))
            self._line.clear()
        if rest:
            self._line.append(rest)
        if not lines:
            self.waiting += len(rest)
            return []
        if not self._begun:
            self._begun = True
            lines[0] = lines[0].removeprefix(_BOM)
        found: list[Frame] = []
        data, name, retry, size = self._data, self._name, self._retry, self._size
        for line in lines:
            if not line:
                if data or retry is not None:
                    found.append(Frame(data[0] if len(data) == 1 else b"\n".join(data), name, retry))
                    data, retry, size = [], None, 0
                name = b""
            elif line.startswith(b"data"):
                value = value_of(line, b"data")
                if value is not None:
                    data.append(value)
                    size += len(line)
            elif line.startswith(b"event"):
                said = value_of(line, b"event")
                name = name if said is None else said
            elif line.startswith(b"retry"):
                pause = value_of(line, b"retry") or b""
                retry = int(pause) if pause.isdigit() and len(pause) < _DIGITS else retry
        self._data, self._name, self._retry, self._size = data, name, retry, size
        self.waiting = size + len(rest)
        return found


_DIGITS: Final = 10
"""A pause of more is none: it would be years."""


def value_of(line: bytes, field: bytes) -> bytes | None:
    """The value of a line that begins with that name; None where it is another field's."""
    end = len(field)
    if len(line) == end:
        return b""
    if line[end : end + 1] != b":":
        return None
    return line[end + 2 :] if line[end + 1 : end + 2] == b" " else line[end + 1 :]
