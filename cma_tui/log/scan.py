"""JSON cut into its parts without reading them: documents, members, elements.

Owns the slicing of JSON text. Invariant: every slice is the text as it came, byte for byte; nothing here
raises, recurses, or takes more than linear time, however the text is damaged. What msgspec refuses (NaN,
lone surrogates, deep nesting, a torn end) is cut by its quotes and brackets alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec

from cma_tui.event import decode

_STRING: Final = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?'
_brackets = re.compile(_STRING + rb"|[{}\[\]]", re.DOTALL).finditer
_marks = re.compile(_STRING + rb"|[{}\[\],:]", re.DOTALL).finditer
_OPEN: Final = b"{["
_CLOSE: Final = b"}]"
_BETWEEN: Final = b" \t\r\n,"

_check_one = msgspec.json.Decoder(msgspec.Raw).decode
_read_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_read_elements = msgspec.json.Decoder(list[msgspec.Raw]).decode


class Piece(NamedTuple):
    """A stretch of a text that holds JSON documents."""

    text: bytes
    torn: bool = False
    """The text ends within it."""


def documents(text: bytes) -> Iterator[Piece]:
    """The JSON documents that stand one after the other, and what else stands between them."""
    try:
        _check_one(text)
    except (ValueError, RecursionError):
        yield from _cut(text)
    else:
        yield Piece(text.strip())


def fields(text: bytes) -> dict[str, bytes]:
    """The members of an object by name; the last of those with the same name."""
    try:
        return {name: bytes(value) for name, value in _read_fields(text).items()}
    except (ValueError, RecursionError):
        found = {}
        for key, value in _members(text):
            name = decode(key)
            if isinstance(name, str):
                found[name] = value
        return found


def elements(text: bytes) -> Iterator[bytes]:
    """The elements of an array; in a damaged one a missing comma parts them too."""
    try:
        raws = _read_elements(text)
    except (ValueError, RecursionError):
        for _, value in _members(text):
            for piece in documents(value):
                yield piece.text
    else:
        for raw in raws:
            yield bytes(raw)


def _cut(text: bytes) -> Iterator[Piece]:
    depth = begin = end = 0
    for mark in _brackets(text):
        byte = text[mark.start()]
        if byte in _OPEN:
            if not depth:
                begin = mark.start()
                between = text[end:begin].strip(_BETWEEN)
                if between:
                    yield Piece(between)
            depth += 1
        elif byte in _CLOSE and depth:
            depth -= 1
            if not depth:
                end = mark.end()
                yield Piece(text[begin:end])
    rest = text[begin:] if depth else text[end:].strip(_BETWEEN)
    if rest:
        yield Piece(rest, torn=bool(depth))


def _members(text: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Keys (of an object) and values (of an object or an array), by the marks at the first level."""
    depth = begin = 0
    key = b""
    for mark in _marks(text):
        byte = text[mark.start()]
        if byte in _OPEN:
            depth += 1
            if depth == 1:
                begin = mark.end()
        elif byte in _CLOSE:
            depth -= 1
            if depth <= 0:
                value = text[begin : mark.start()].strip()
                if value:
                    yield key, value
                return
        elif depth == 1 and byte == ord(":"):
            key = text[begin : mark.start()].strip()
            begin = mark.end()
        elif depth == 1 and byte == ord(","):
            yield key, text[begin : mark.start()].strip()
            key, begin = b"", mark.end()
    value = text[begin:].strip()
    if value:
        yield key, value
