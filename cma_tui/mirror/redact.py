"""A row made fit to leave: without secrets, or without any content at all.

Owns which parts of a row are cleaned. Invariant: every string of a row passes the redactor, keys and names
included.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from cma_tui.mirror.row import Row
from cma_tui.redact import Redactor


def cleaned(redactor: Redactor, row: Row) -> Row:
    """The row, fit to leave."""
    before = redactor.masked
    fit = msgspec.structs.replace(
        row,
        name=redactor.text(row.name, cap=400),
        input=redactor.value(row.input),
        output=redactor.value(row.output),
        error=None if row.error is None else redactor.text(row.error, cap=4000),
        metadata=redactor.value(row.metadata),
        tags=[redactor.text(tag, cap=200) for tag in row.tags],
    )
    if redactor.masked > before:
        fit.metadata["masked"] = redactor.masked - before
    return fit


def without_content(row: Row) -> Row:
    """The row with nothing of what was said: only kinds, times, tokens, names of tools, sizes, categories."""
    sizes = {
        f"{name}_bytes": _size(value)
        for name, value in (("input", row.input), ("output", row.output))
        if value is not None
    }
    kept = {key: value for key, value in row.metadata.items() if key not in ("title", "errors")}
    errors = row.metadata.get("errors")
    if isinstance(errors, list):
        kept["errors"] = [
            {name: error[name] for name in _ERROR_FACTS if name in error}
            for error in errors
            if isinstance(error, Mapping)
        ]
    error = None if row.error is None else str(row.metadata.get("error_category") or "failed")
    return msgspec.structs.replace(
        row, input=None, output=None, error=error, metadata=kept | sizes, content=False
    )


_ERROR_FACTS = ("category", "code", "at", "event_id", "fatal", "retry", "tool", "tool_use_id", "thread")


def _size(value: object) -> int:
    try:
        return len(msgspec.json.encode(value))
    except (UnicodeEncodeError, OverflowError, RecursionError, TypeError):
        return 0
