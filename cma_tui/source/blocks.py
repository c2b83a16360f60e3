"""What the user writes, as content blocks: the text, and the files that it names with `@`.

Owns what may be attached. Invariant: a name that is no file stays text; a file that cannot be attached
is said, and nothing is sent without it.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

IMAGES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
}
LIMIT = 30 * 1024 * 1024
"""Bytes of one request's content: the API takes 32 MB with everything around it."""

_NAMED = re.compile(r'(?<!\S)@(?:"([^"\n]+)"|(\S+))')


class AttachError(Exception):
    """A file cannot be attached. Its message is one line."""


class Attached(NamedTuple):
    """A file that a text names."""

    path: Path
    size: int


def attached(text: str) -> Iterator[Attached]:
    """The files that a text names, each once."""
    seen = set()
    for match in _NAMED.finditer(text):
        try:
            path = Path(match[1] or match[2]).expanduser()
            status = path.stat() if path.is_file() else None
        except (OSError, RuntimeError, ValueError):  # no name that a file could have
            continue
        if status is not None and path not in seen:
            seen.add(path)
            yield Attached(path, status.st_size)


def content(text: str) -> list[dict[str, Any]]:
    """The blocks of a message.

    Raises:
        AttachError: a file that the text names cannot be sent.
    """
    made: list[dict[str, Any]] = [{"type": "text", "text": text}]
    total = len(text.encode("utf-8", "replace"))
    for path, _ in attached(text):
        block, size = file_block(path)
        total += size
        if total > LIMIT:
            raise AttachError(f"{path.name}: all together is more than {LIMIT // 1024 // 1024} MB")
        made.append(block)
    return made


def file_block(path: Path) -> tuple[dict[str, Any], int]:
    """A file as a block, and its size in the request.

    Raises:
        AttachError: it cannot be read or is of no kind that the API takes.
    """
    try:
        if path.stat().st_size > LIMIT:
            raise AttachError(f"{path.name}: more than {LIMIT // 1024 // 1024} MB")
        data = path.read_bytes()
    except OSError as error:
        raise AttachError(f"{path}: {error.strerror or error}") from error
    if not data:
        raise AttachError(f"{path.name}: is empty")
    suffix = path.suffix.lower()
    if suffix in IMAGES:
        source = _base64(IMAGES[suffix], data)
        return {"type": "image", "source": source}, len(source["data"])
    if suffix == ".pdf":
        source = _base64("application/pdf", data)
    else:
        try:
            source = {"type": "text", "media_type": "text/plain", "data": data.decode("utf-8")}
        except UnicodeDecodeError:
            raise AttachError(f"{path.name}: neither text (UTF-8), nor an image, nor a PDF") from None
    return {"type": "document", "source": source, "title": path.name}, len(source["data"])


def _base64(media_type: str, data: bytes) -> dict[str, str]:
    return {"type": "base64", "media_type": media_type, "data": base64.b64encode(data).decode()}
