"""What is written and not with the server yet.

Owns the order in which it is sent. Invariants: an entry leaves only when the server has it or the user
takes it back; one request is on its way at a time; what may have been sent is sent again only by the
user's own key, and looked for before that.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from textual import events
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from cma_tui.keys import of_section
from cma_tui.session.model import Session
from cma_tui.source.delivery import Attempt
from cma_tui.text import printable
from cma_tui.ui.keys import keymap_of, pressed
from cma_tui.ui.widgets.composer import shown

State = Literal["queued", "sending", "looking", "unclear", "refused"]

_WORDS: dict[State, tuple[str, str]] = {
    "queued": ("queued", "$accent"),
    "sending": ("sending", "$cma-quiet"),
    "looking": ("no reply, looking in the log", "$warning"),
    "unclear": ("may have been sent", "$error"),
    "refused": ("not sent", "$error"),
}
_MOST = 4


@dataclass(eq=False)
class Entry:
    """One request to be."""

    text: str
    events: list[dict[str, Any]]
    when: str = "now"
    state: State = "queued"
    why: str = ""
    attempt: Attempt | None = field(default=None, repr=False)

    @property
    def ours(self) -> bool:
        """Whether it can be changed: it is not on its way."""
        return self.state in ("queued", "unclear", "refused")


class Outbox(Static, can_focus=True):
    """The entries, one a line, above the composer."""

    DEFAULT_CSS = """
    Outbox { height: auto; width: 1fr; padding: 0 1; display: none; background: $surface; }
    Outbox.-filled { display: block; }
    Outbox:focus { background: $panel; }
    """

    KEYS = (*of_section("outbox"), "move.down", "move.up")
    """What is looked at here."""

    class Left(Message):
        """The user goes back."""

    class Edit(Message):
        """The user wants to change an entry."""

        def __init__(self, entry: Entry) -> None:
            self.entry = entry
            super().__init__()

    class Cancel(Message):
        """The user does not want an entry sent."""

        def __init__(self, entry: Entry) -> None:
            self.entry = entry
            super().__init__()

    class Now(Message):
        """The user wants an entry sent now."""

        def __init__(self, entry: Entry) -> None:
            self.entry = entry
            super().__init__()

    def __init__(self) -> None:
        super().__init__(markup=False)
        self.entries: list[Entry] = []
        self.reached = False
        """Whether there is a session to send to."""
        self._at = 0

    def next_due(self, session: Session) -> Entry | None:
        """The entry that can be sent now, in their order; None while one is on its way."""
        if any(entry.state in ("sending", "looking") for entry in self.entries):
            return None
        for entry in self.entries:
            if entry.state == "queued":
                return entry if _due(entry, session) else None
        return None

    def show(self) -> None:
        """Draw the entries."""
        self.set_class(bool(self.entries), "-filled")
        if not self.entries:
            if self.has_focus:
                self.post_message(self.Left())
            return
        self._at = max(0, min(self._at, len(self.entries) - 1))
        top = max(0, min(self._at - _MOST // 2, len(self.entries) - _MOST))
        lines = [self._line(n, entry) for n, entry in enumerate(self.entries[top : top + _MOST], start=top)]
        if len(self.entries) > _MOST:
            lines.append(Content.styled(f"{len(self.entries)} in all", "$cma-quiet"))
        if self.has_focus:
            hint = keymap_of(self).hint
            keys = [
                hint("choose", "move.down", "move.up"),
                hint("edit", "outbox.edit"),
                hint("do not send", "outbox.drop"),
                hint("send now", "outbox.send"),
                hint("back", "outbox.leave"),
            ]
            lines.append(Content.styled("   ".join(keys), "$warning bold"))
        self.update(Content("\n").join(lines))

    def _how_to_settle(self) -> str:
        keymap = keymap_of(self)
        first = f"{keymap.of('composer.leave')[0]} {keymap.of('session.outbox')[0]}"
        looks, forgets = (
            keymap.hint("looks and sends", "outbox.send"),
            keymap.hint("forgets it", "outbox.drop"),
        )
        return f"{first}, then {looks}, {forgets}"

    def _line(self, number: int, entry: Entry) -> Content:
        word, style = _WORDS[entry.state]
        why = entry.why
        if entry.state == "queued":
            rests = "until the agent rests" if entry.when == "idle" else "until what waits is answered"
            why = rests if self.reached else "until there is a session"
        if entry.state == "unclear" and not self.has_focus:
            why = f"{why}: {self._how_to_settle()}" if why else ""
        mark = "▸" if self.has_focus and number == self._at else " "
        room = max(20, self.size.width - 2 if self.size.width else 78)
        line = Content.assemble(
            mark,
            Content.styled(f"{word}  ", style),
            shown(entry.text)[: max(16, room // 2)],
            Content.styled(f"  {printable(why)}" if why else "", "$cma-quiet"),
        )
        return line.truncate(room, ellipsis=True)

    def on_key(self, event: events.Key) -> None:
        """Move, change, cancel, send."""
        deeds: dict[str, type[Outbox.Edit | Outbox.Cancel | Outbox.Now]] = {
            "outbox.edit": self.Edit,
            "outbox.drop": self.Cancel,
            "outbox.send": self.Now,
        }
        meant = pressed(self, event, self.KEYS)
        if meant == "outbox.leave":
            event.stop()
            self.post_message(self.Left())
        elif meant in ("move.down", "move.up"):
            event.stop()
            self._at += 1 if meant == "move.down" else -1
            self.show()
        elif meant in deeds and self.entries:
            event.stop()
            entry = self.entries[self._at]
            if entry.ours:
                self.post_message(deeds[meant](entry))


def _due(entry: Entry, session: Session) -> bool:
    """Whether the session would take it now: with an interrupt always, else when nothing waits."""
    if any(event.get("type") == "user.interrupt" for event in entry.events):
        return True
    if session.pending or session.stop_reason == "requires_action":
        return False
    resting = session.status in ("idle", "unknown") and not session.queued
    return resting or entry.when != "idle"
