"""docs/metrics.md: the figures of the recordings on that page are those that `stats` prints.

`python -m tests.report.test_metrics_page` prints the tables anew.
"""

from pathlib import Path

import pytest

from cma_tui.feed import fold_all
from cma_tui.report.stats import stats
from tests.stories.recordings import NAMES, recording

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"
ENDS = "`span.model_request_end`"
SPAN = "stamps of `session.status_running` and `session.status_idle`"
SOURCES = (
    ("model_requests", f"{ENDS} events"),
    ("input_tokens", f"{ENDS}: sum of `input_tokens`"),
    ("output_tokens", f"{ENDS}: sum of `output_tokens`"),
    ("cache_read_tokens", f"{ENDS}: sum of `cache_read_input_tokens`"),
    ("cache_write_tokens", f"{ENDS}: sum of `cache_creation_input_tokens`"),
    ("tool_uses", "`agent.*_use` events"),
    ("tool_errors", "results with `is_error`"),
    ("denied", "of these: after `user.tool_confirmation` with `deny`"),
    ("confirmations", "`user.tool_confirmation` events"),
    ("approval_wait_s", "stamp of the confirmation − stamp of the use"),
    ("cost_usd", "`session.usage`: difference of `list_cost`"),
    ("wall_s", SPAN),
    ("waiting_s", "stamps of a `requires_action` idle and the next `session.status_running`"),
    ("model_s", f"stamps of `span.model_request_start` and {ENDS}"),
    ("tool_s", "stamp of the result − stamp of the use, or of its confirmation"),
    ("elapsed_s", "last stamp − first stamp"),
    ("output_tokens_per_s", "output tokens ÷ model time"),
)


def tables(name):
    """A recording's figures, each with where it comes from, as a Markdown table."""
    figures = stats(fold_all(recording(name)))
    totals = figures["totals"]
    yield f"### {name}"
    yield ""
    yield "| figure | value | from |"
    yield "|---|---|---|"
    for key, source in SOURCES:
        yield f"| `{key}` | {written(totals.get(key))} | {source} |"
    for key, value in totals["time"].items():
        yield f"| `time.{key}` | {written(value)} | merged intervals |"
    for tool in figures["tools"]:
        value = f"{tool['uses']} × {written(tool.get('p50_s'))}"
        yield f"| `{tool['name']}` | {value} | uses × p50 of its durations |"
    yield ""


def written(value):
    return "n/a" if value is None else f"{value:g}" if isinstance(value, int) else f"{value:.6f}"


@pytest.mark.parametrize("name", NAMES)
def test_the_page_says_what_is(name):
    assert "\n".join(tables(name)) in PAGE.read_text()


if __name__ == "__main__":
    for name in NAMES:
        print("\n".join(tables(name)))
