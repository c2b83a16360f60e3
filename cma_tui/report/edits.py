"""What a tool use changes in a file, as lines that come and lines that go.

Owns the recognition of edits by the names of their fields. Invariant: it costs little whatever the size of
the texts: what is too long to be compared is shown as all of the old and all of the new.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher
from typing import Any

from cma_tui.content import as_dict, as_list, as_text

_OLD = ("old_str", "old_string", "old_text")
_NEW = ("new_str", "new_string", "new_text", "insert_text")
_WHOLE = ("file_text", "content")
_PATH = ("path", "file_path", "filename", "notebook_path")
_MOST = 400
"""Lines of a text that is compared line by line."""
_AROUND = 3
"""Unchanged lines shown around a change."""


def edits(arguments: object) -> tuple[str, list[str], dict[str, Any]] | None:
    """The path, the lines (`+`, `-` or a space before each) and the fields that are not shown so.

    None when the input is no edit of a file.
    """
    fields = as_dict(arguments)
    path = next((found for name in _PATH if (found := as_text(fields.get(name)))), None)
    if path is None:
        return None
    pairs = [pair for part in (fields, *map(as_dict, as_list(fields.get("edits")))) if (pair := _pair(part))]
    if not pairs:
        return None
    lines: list[str] = []
    for number, (old, new) in enumerate(pairs):
        lines += ["@@"] if number else []
        lines += _compared(old, new)
    shown = {*_OLD, *_NEW, *_WHOLE, *_PATH, "edits"}
    return path, lines, {name: value for name, value in fields.items() if name not in shown}


def _pair(fields: Mapping[str, Any]) -> tuple[str, str] | None:
    """The old and the new text of one edit; a whole file has no old one."""
    old = next((fields[name] for name in _OLD if isinstance(fields.get(name), str)), None)
    new = next((fields[name] for name in _NEW if isinstance(fields.get(name), str)), None)
    if old is None and new is None:
        new = next((fields[name] for name in _WHOLE if isinstance(fields.get(name), str)), None)
    return None if old is None and new is None else (old or "", new or "")


def _compared(old: str, new: str) -> Iterator[str]:
    before, after = old.splitlines(), new.splitlines()
    if len(before) > _MOST or len(after) > _MOST:
        yield from (f"- {line}" for line in before)
        yield from (f"+ {line}" for line in after)
        return
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    for number, group in enumerate(matcher.get_grouped_opcodes(_AROUND)):
        if number:
            yield "@@"
        for tag, a, b, c, d in group:
            if tag == "equal":
                yield from (f"  {line}" for line in before[a:b])
            else:
                yield from (f"- {line}" for line in before[a:b])
                yield from (f"+ {line}" for line in after[c:d])
