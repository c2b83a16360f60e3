"""Reading what events carry: content blocks and loosely shaped JSON values.

Owns the rules for values that other servers and older logs spell differently (a string where a list
of blocks belongs, an error that is a string). Invariant: every function is total and returns plain
text or numbers; the text is still the outside's and must pass `text.printable` before it is shown.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from cma_tui.event import decode


class Block(NamedTuple):
    """One piece of content: its kind by the API's name and its text, or for media what stands for it."""

    type: str
    text: str


def blocks(content: object) -> Iterator[Block]:
    """The blocks of a `content` field, whether it is raw JSON, a list, one block or a bare string."""
    if isinstance(content, bytes | msgspec.Raw):
        content = decode(content) if bytes(content) else None
    if isinstance(content, str):
        yield Block("text", content)
    elif isinstance(content, dict):
        yield _block(content)
    elif isinstance(content, list):
        for part in content:
            yield Block("text", part) if isinstance(part, str) else _block(part)


def plain_text(content: object) -> str:
    """The text of all blocks, media named in brackets, blocks parted by a line end where none is."""
    return _joined([block.text for block in blocks(content)])


def _joined(parts: list[str]) -> str:
    if len(parts) == 1:
        return parts[0]
    return "".join(
        part if part.endswith("\n") or i == len(parts) - 1 else part + "\n" for i, part in enumerate(parts)
    )


def as_dict(value: object) -> dict[str, Any]:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: object) -> list[Any]:
    """The value if it is an array, else an empty one."""
    return value if isinstance(value, list) else []


def as_text(value: object) -> str | None:
    """The value if it is a string that holds something, else None."""
    return value if isinstance(value, str) and value else None


def as_number(value: object) -> float | None:
    """The value if it is a finite number, else None."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if number - number == 0 else None


def model_name(model: object) -> str | None:
    """A model's id, from `{"id": …}` or from the bare string that advisors have."""
    return as_text(model) or as_text(as_dict(model).get("id"))


def compact_json(value: object) -> str:
    """A value as JSON on one line, as a person would write it."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(", ", ": "))
    except RecursionError:
        return "(nested too deeply to show)"


def _block(block: object) -> Block:
    fields = as_dict(block)
    kind = as_text(fields.get("type")) or "unknown"
    text = fields.get("text")
    if isinstance(text, str):
        return Block(kind, text)
    if kind == "redacted":
        return Block(kind, "[redacted]")
    if kind == "search_result":
        inner = [
            part if isinstance(part, str) else as_dict(part).get("text")
            for part in as_list(fields.get("content"))
        ]
        return Block(kind, "\n".join(text for text in map(as_text, [fields.get("title"), *inner]) if text))
    if kind in ("image", "document"):
        return Block(kind, _media(kind, fields))
    return Block(kind, compact_json(block))


def _media(kind: str, fields: dict[str, Any]) -> str:
    """What stands for an image or a document: its kind, name, media type and size, never its bytes."""
    source = as_dict(fields.get("source"))
    data = source.get("data")
    where = as_text(source.get("url")) or as_text(source.get("file_id"))
    if source.get("type") == "text" and isinstance(data, str):
        return data
    size = f"{len(data) * 3 // 4:,} bytes" if isinstance(data, str) else None
    parts = [kind, as_text(fields.get("title")), as_text(source.get("media_type")), size, where]
    return f"[{' '.join(part for part in parts if part)}]"
