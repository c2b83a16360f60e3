"""The table on the terminal, and the file for machines.

Owns how figures are written. Invariant: the same columns at the same width for every subject, so that the
tables read as one.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from benchmarks.figures import Figure, Goal, machine

_WIDTH = 140
_STYLES = {"ok": "green", "behind": "bold yellow"}


class Report:
    """What has been measured so far, printed as it comes."""

    def __init__(self) -> None:
        self._console = Console(highlight=False)
        if self._console.width < _WIDTH:
            self._console = Console(highlight=False, width=_WIDTH, soft_wrap=True)
        self._found: dict[str, list[Figure]] = {}

    def head(self) -> None:
        """Say where this runs."""
        where = machine()
        said = f"{where['cores']} cores, Python {where['python']} on {where['system']}, load {where['load']}"
        self._console.print(f"{said}. Ratio: measured to limit, both from this run.\n", style="dim")

    def subject(self, name: str, figures: Iterable[Figure]) -> None:
        """Measure a subject and print its table."""
        with self._console.status(name):
            self._found[name] = list(figures)
        table = Table(box=SIMPLE_HEAD, pad_edge=False, title=name, title_justify="left", title_style="bold")
        table.add_column("what", width=40)
        table.add_column("measured", width=21, justify="right")
        table.add_column("limit", width=30)
        table.add_column("ratio", width=8, justify="right")
        table.add_column("goal", width=15, justify="right")
        table.add_column("", min_width=6, no_wrap=True)
        for figure in self._found[name]:
            table.add_row(*_cells(figure))
        self._console.print(table)

    def end(self) -> None:
        """Count what is behind."""
        verdicts = [figure.verdict for figures in self._found.values() for figure in figures]
        self._console.print(f"{verdicts.count('ok')} of {sum(map(bool, verdicts))} goals reached.")

    def write(self, path: Path) -> None:
        """Write everything as JSON."""
        subjects = {name: [figure.as_json() for figure in figures] for name, figures in self._found.items()}
        document: Mapping[str, Any] = {"version": 1, "machine": machine(), "subjects": subjects}
        path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", "utf-8")


def _cells(figure: Figure) -> tuple[str | Text, ...]:
    limit = "" if math.isnan(figure.limit) else f"{number(figure.limit)}  {figure.limit_is}"
    ratio = "" if math.isnan(figure.ratio) else f"{number(figure.ratio)} ×"
    return (
        figure.what,
        f"{number(figure.value)} {figure.unit}",
        limit,
        ratio,
        _goal(figure.goal, figure.unit),
        Text(figure.verdict, style=_STYLES.get(figure.verdict, "")),
    )


def _goal(goal: Goal | None, unit: str) -> str:
    if goal is None:
        return ""
    what = "×" if goal.of == "ratio" else unit.split(maxsplit=1)[0]
    return f"{'≥' if goal.least else '≤'} {number(goal.bound)} {what}"


def number(value: float) -> str:
    """Three digits that mean something."""
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:.{min(digits, 4)}f}"
