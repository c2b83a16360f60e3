"""The figures of tools, by tool and by server.

Owns what is laid on which. Invariant: the tools' costs add up to those of the requests that called any.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable

from cma_tui.session.figures import ToolFigures
from cma_tui.session.model import ModelRequest, Session, ToolUse
from cma_tui.session.sums import Parts, approval_us, tool_us


class ToolBook:
    """Every tool that was used, and every server."""

    def __init__(self) -> None:
        self.tools: dict[tuple[str, str | None, str], ToolFigures] = {}
        """By name, server and kind."""
        self.servers: dict[str, ToolFigures] = {}

    def begun(self, use: ToolUse) -> None:
        """A tool was called."""
        for table in self._of(use):
            table.uses += 1

    def ended(self, use: ToolUse, parts: Parts) -> None:
        """Its result is there."""
        waited, length = approval_us(use), tool_us(use)
        for table in self._of(use):
            table.errors += parts.get("tool_errors", 0)
            table.denied += parts.get("denied", 0)
            if waited is not None:
                insort(table.waits, waited)
            if length is not None:
                insort(table.durations, length)

    def share(self, session: Session, index: int, item: ModelRequest, cost: int) -> None:
        """Lay the cost of a request on the tools that it called, in equal parts."""
        if not cost:
            return
        called: list[ToolUse] = []
        for place in range(index + 1, len(session.items)):
            use = session.items[place]
            if use.event > item.end:
                break
            if isinstance(use, ToolUse) and use.request == index:
                called.append(use)
        for number, use in enumerate(called):
            part = cost // len(called) + (number < cost % len(called))
            for table in self._of(use):
                table.estimate += part

    def _of(self, use: ToolUse) -> Iterable[ToolFigures]:
        key = (use.name, use.server, use.kind)
        tool = self.tools.get(key)
        if tool is None:
            tool = self.tools[key] = ToolFigures(*key)
        if use.server is None:
            return (tool,)
        server = self.servers.get(use.server)
        if server is None:
            server = self.servers[use.server] = ToolFigures("", use.server, use.kind)
        return tool, server
