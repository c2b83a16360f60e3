"""How a session is traced, in words: the state, the links, and what went wrong in a turn.

Owns what the tracing panel says. Invariant: a link is one that the mirror built; beside each stands whether
it leads anywhere yet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cma_tui.report.detail import Section, title
from cma_tui.session.model import Session
from cma_tui.text import printable

if TYPE_CHECKING:
    from cma_tui.mirror import Mirror

_MODES = {
    "batch": "turns as they end",
    "realtime": "turns as they happen",
    "metadata": "turns as they end, without what was said",
}


class Link(NamedTuple):
    """One address, of what, and how it stands."""

    name: str
    url: str
    """Empty while it is not known."""
    note: str


def links(mirror: Mirror, session: Session, turn: int, item: int | None) -> list[Link]:
    """The session, a turn, and a row of it where that has one of its own."""
    unknown = "not known before Braintrust has been reached once"
    whole = mirror.link(session)
    any_sent = mirror.status.sent > 0
    found = [Link("session", whole or "", "" if any_sent else "not sent yet" if whole else unknown)]
    if not 0 <= turn < len(session.turns):
        return found
    held = session.turns[turn]
    there = mirror.sent(session, held)
    note = "" if there else "not sent yet" if held.ended else "the turn runs"
    url = mirror.link(session, held)
    found.append(Link(f"turn {turn + 1}", url or "", note if url else unknown))
    row = mirror.link(session, held, item) if item is not None else None
    if item is not None and row is not None:
        found.append(Link(title(session, item)[:24].strip() or "row", row, note))
    return found


def state(mirror: Mirror | None, *, replay: bool) -> list[str]:
    """How it goes, a line each."""
    if mirror is None or mirror.mode == "off":
        why = mirror.note if mirror is not None and mirror.note else ""
        if not why and replay:
            why = "a replay is traced when that is asked for: --trace"
        return [
            "off" if not why else f"off: {printable(why, strict=True, cap=300)}",
            "Turns go to Braintrust when BRAINTRUST_API_KEY is set and tracing is not off (docs/tracing.md).",
        ]
    status = mirror.status
    lines = [f"to {printable(mirror.where, strict=True, cap=120)}: {_MODES[mirror.mode]}", status.words]
    if status.masked:
        lines.append(f"{status.masked} place{'s' if status.masked > 1 else ''} masked as secret")
    if status.elsewhere:
        lines.append(f"{status.elsewhere} of other sessions wait")
    if status.problem:
        lines.append(f"problem: {printable(status.problem, strict=True, cap=300)}")
    return lines


def traced(mirror: Mirror, session: Session, item: int) -> list[Section]:
    """Where an item is in Braintrust, as a section of its detail."""
    found = [link for link in links(mirror, session, session.items[item].turn, item) if link.url]
    if not found:
        return []
    last = found[-1]
    note = f" ({last.note})" if last.note else ""
    return [Section("braintrust", f"{last.name}{note}\n{last.url}\nb: copy it, open it, errors of the turn")]
