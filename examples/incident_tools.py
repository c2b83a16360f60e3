"""The incident-responder's custom tools, on JSON files beside this one.

    cma-top chat --tools examples/incident_tools.py

Each function is a tool: its name, its arguments and its words are what the agent's configuration declares.
"""

import json
from pathlib import Path

from anthropic import beta_async_tool, beta_tool
from anthropic.lib.tools import ToolError

DATA = Path(__file__).parent / "incident_data"


def _read(name: str) -> dict:
    return json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))


@beta_tool
def get_metrics(service: str, metric: str, window: str = "1h") -> str:
    """Read a metric of a service over a time window."""
    metrics = _read("metrics").get(service, {})
    if metric not in metrics:
        raise ToolError(f"no metric {metric!r} of {service}; there are: {', '.join(metrics) or 'none'}")
    return json.dumps({"service": service, "metric": metric, "window": window, **metrics[metric]})


@beta_tool
def get_recent_deploys(service: str, window: str = "24h") -> str:
    """List the deploys of a service, newest first."""
    return json.dumps(_read("deploys").get(service, []))


@beta_async_tool
async def get_diff(commit: str) -> str:
    """Show the diff of a commit."""
    diffs = _read("diffs")
    if commit not in diffs:
        raise ToolError(f"no commit {commit!r}")
    return "\n".join(diffs[commit])
