"""What a workspace has to tell of its sessions, and how a roster takes it in.

Owns the contract between the two. Invariant: what is told is complete in itself; a roster that takes in all
of it, in order, knows what the workspace knows.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from cma_tui.event import Event
from cma_tui.session.roster import Roster


class News(msgspec.Struct):
    """What is new."""

    kind: Literal["listed", "tail", "events", "attached", "detached", "gone", "trouble"]
    session: str = ""
    resources: list[dict[str, Any]] = []
    events: list[Event] = []
    text: str = ""


def take_in(roster: Roster, news: News, at: float) -> None:
    """Put what is new into a roster."""
    match news.kind:
        case "listed":
            for fields in news.resources:
                roster.listed(fields, at)
        case "tail":
            roster.tail(news.session, news.events)
        case "events":
            roster.arrived(news.session, news.events, at)
        case "attached" | "detached":
            roster.attached(news.session, news.kind == "attached")
        case "gone":
            roster.gone(news.session)
        case "trouble":
            pass  # of the way to the server, not of a session
