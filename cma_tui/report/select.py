"""Which events and rows of a session are told: since when, of which types, by which filter.

Owns the choice for plain lines and JSON. Invariant: an event and the row that shows it are chosen by the
same rules; what has no time yet is not older than anything.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import msgspec

from cma_tui.event import Event
from cma_tui.report.filter import Filter
from cma_tui.session.model import Session

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class Selection(msgspec.Struct):
    """What is wanted."""

    since: float | None = None
    types: frozenset[str] = frozenset()
    """Event types, or the beginnings of some that end in `*`; empty for all."""
    filter: Filter | None = None

    def event(self, session: Session, event: Event) -> bool:
        """Whether an event of the log is wanted."""
        if not self._known(event.type, event.at):
            return False
        if self.filter is None:
            return True
        index = session.owners[session.ordinals[event.key]] if event.key in session.ordinals else -1
        return index >= 0 and self.filter.matches(session, index)

    def item(self, session: Session, index: int) -> bool:
        """Whether the row of an item is wanted."""
        item = session.items[index]
        return self._known(item.type, item.at) and (
            self.filter is None or self.filter.matches(session, index)
        )

    def _known(self, type_: str, at: float | None) -> bool:
        if self.since is not None and at is not None and at < self.since:
            return False
        return not self.types or any(
            type_.startswith(wanted[:-1]) if wanted.endswith("*") else type_ == wanted
            for wanted in self.types
        )


def moment(text: str, now: datetime) -> float:
    """A moment from a length of time before now (10m, 2h), a time of today, or a date and time.

    Raises:
        ValueError: it is none of these.
    """
    ago = re.fullmatch(r"(\d{1,6})([smhd])", text.strip())
    if ago is not None:
        return (now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})).timestamp()
    clock = re.fullmatch(r"\d{1,2}:\d\d(:\d\d)?", text.strip())
    try:
        written = f"{now:%Y-%m-%d}T{text.strip():0>5}" if clock else text.strip()
        found = datetime.fromisoformat(written)
    except ValueError:
        raise ValueError(f"no time: {text!r} (10m, 14:30, 2026-10-12T09:00)") from None
    return (found if found.tzinfo else found.replace(tzinfo=now.tzinfo)).timestamp()
