"""The turns as a table for spreadsheets: the columns are the fields of `stats --json`.

Owns the columns. Invariant: no text becomes a formula: one that a spreadsheet would compute begins with `'`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

from cma_tui.report.export.part import Part
from cma_tui.session.model import Session
from cma_tui.text import printable

_SPLIT = ("model_s", "tools_s", "answer_s", "you_s", "other_s", "idle_s")
COLUMNS = (
    "id",
    "index",
    "started_at",
    "ended_at",
    "stop_reason",
    "input",
    "wall_s",
    "ttft_s",
    "first_block_s",
    "model_requests",
    "tool_uses",
    "tool_errors",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "prompt_tokens",
    "context_share",
    "elapsed_s",
    *(f"time_{name}" for name in _SPLIT),
    "cost_usd",
    "cost_mark",
    "interrupted",
    "approval_wait_s",
    "queue_wait_s",
    "denied",
    "retries_at_least",
    "errors",
)


def write(session: Session, part: Part, figures: dict[str, Any]) -> Iterator[str]:
    """A line of names, then one a turn; what is unknown is empty."""
    yield _line(COLUMNS)
    for turn, wanted in zip(figures["turns"], part.figures(session.turns), strict=True):
        if wanted:
            row = turn | {f"time_{name}": turn.get("time", {}).get(name) for name in _SPLIT}
            yield _line([_cell(row.get(name)) for name in COLUMNS])


def _cell(value: object) -> object:
    if isinstance(value, list):
        value = "; ".join(map(str, value))
    if isinstance(value, str):
        text = printable(value)
        return f"'{text}" if text[:1] in ("=", "+", "-", "@") else text
    if isinstance(value, bool):
        return "true" if value else "false"
    return value


def _line(cells: object) -> str:
    held = io.StringIO()
    csv.writer(held, lineterminator="\n").writerow(cells)  # type: ignore[arg-type]
    return held.getvalue()
