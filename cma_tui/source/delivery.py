"""Whether what was sent has arrived, told from the server's log.

Owns what a sent event is recognised by: an answer by the tool use it names, everything else by its
content and by not having been in the log before. Invariant: a request is taken as a whole or not at
all, so one of its events in the log proves the request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from time import time
from typing import Any, Literal

from cma_tui.content import as_dict, as_list, as_text
from cma_tui.event import Event
from cma_tui.source import SourceError

INPUTS = frozenset(
    {
        "user.message",
        "user.interrupt",
        "user.tool_confirmation",
        "user.custom_tool_result",
        "user.tool_result",
        "user.define_outcome",
        "system.message",
    }
)
"""The types that a client sends."""

_ANSWERS = {
    "user.tool_confirmation": "tool_use_id",
    "user.custom_tool_result": "custom_tool_use_id",
    "user.tool_result": "tool_use_id",
}
_CONTENT = ("content", "description", "rubric", "session_thread_id")
"""The fields that tell two inputs apart; the server adds others."""


class Attempt:
    """One request on its way, and what the log says of it."""

    def __init__(
        self,
        events: Sequence[Mapping[str, Any]],
        known: Collection[str],
        *,
        whole: bool,
        at: float | None = None,
    ) -> None:
        """Note what is sent.

        Args:
            events: what the request holds.
            known: ids of the inputs that are in the log already.
            whole: whether `known` names all of them, and not only the newest.
            at: when it was sent; now, when it is not said.
        """
        self.events = [dict(event) for event in events]
        self.newest = list(known)[-50:]
        """The inputs of the log that came last, as far as they are known."""
        self.known = frozenset(known)
        self.whole = whole
        self.at = time() if at is None else at
        self.state: Literal["sending", "looking", "unclear", "done"] = "sending"
        self.found: Event | None = None
        """The event of the log that proves the request."""
        self.arrived = asyncio.Event()

    @property
    def proof(self) -> Mapping[str, Any]:
        """The event that is looked for: an interrupt only where there is nothing else."""
        return next((e for e in self.events if e.get("type") != "user.interrupt"), self.events[0])

    def notice(self, event: Event) -> bool:
        """Look at an event of the log; True when it proves the request."""
        if self.found is None and _same(self.proof, event, self.known):
            self.found = event
            self.state = "done"
            self.arrived.set()
        return self.found is not None


class UnclearError(SourceError):
    """The server did not say whether it took the request, and its log does not show it."""

    def __init__(self, message: str, attempt: Attempt, *, looked: bool) -> None:
        super().__init__(message)
        self.attempt = attempt
        self.looked = looked
        """Whether the log could be read: then it was not there."""


def _same(sent: Mapping[str, Any], event: Event, known: Collection[str]) -> bool:
    kind = sent.get("type")
    if event.type != kind:
        return False
    named = _ANSWERS.get(str(kind))
    if named is not None:
        return as_text(event.data.get(named)) == sent.get(named)
    if event.key in known:
        return False
    return all(_plain(event.data.get(field)) == _plain(sent.get(field)) for field in _CONTENT)


def _plain(value: object) -> object:
    """A value without the fields that say nothing, so that a server's copy compares equal."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in as_dict(value).items() if item is not None}
    if isinstance(value, list):
        return [_plain(item) for item in as_list(value)]
    return value
