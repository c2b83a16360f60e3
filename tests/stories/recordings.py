"""The real recordings that the repository holds, and how to read one as events."""

from __future__ import annotations

from pathlib import Path

from cma_tui.event import Event, parse

FOLDER = Path(__file__).parent.parent / "data" / "recordings"

NAMES = (
    "braintrust-sdk-python/2026-05-25_sdk0.104",
    "braintrust-sdk-python/2026-08-17_sdk0.122",
    "langsmith-sdk/builtin_tools",
    "langsmith-sdk/custom_tools",
    "langsmith-sdk/mcp_tools",
    "langsmith-sdk/mcp_tools_reject",
)


def recording(name: str) -> list[Event]:
    """The events of one recorded session."""
    text = (FOLDER / name / "events.jsonl").read_bytes()
    return [parse(line, position=number) for number, line in enumerate(text.split(b"\n")) if line.strip()]
