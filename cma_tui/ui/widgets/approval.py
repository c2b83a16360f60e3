"""The bar of what waits for a yes or a no.

Owns the safety of answering. Invariants: it never takes the focus by itself; an answer needs two
different keys, one to come here and one to decide, and neither is Enter or Space; keys are ignored
for a moment after what is asked has appeared or changed; the answer names the tool use that was on
the screen; nothing stands to the right of the text that is approved.
"""

from __future__ import annotations

import json
from time import monotonic

from textual import events
from textual.content import Content
from textual.message import Message
from textual.widgets import Static, TextArea

from cma_tui.content import as_dict
from cma_tui.report.words import agent_name
from cma_tui.session.model import Session, ToolUse
from cma_tui.text import count, printable
from cma_tui.ui.widgets.rowview import wrap

ARMING = 0.4
"""Seconds in which keys are ignored after something new is asked, or the bar is focused."""
_LINES = 8


class Approval(Static, can_focus=True):
    """What the oldest waiting tool use wants to do, in full words."""

    DEFAULT_CSS = """
    Approval { height: auto; width: 1fr; padding: 0 1; display: none; background: $surface;
               border-top: solid $warning; }
    Approval.-asking { display: block; }
    Approval:focus { background: $panel; border-top: heavy $warning; }
    """

    class Decided(Message):
        """The user answered the tool use of that key."""

        def __init__(self, key: str, verdict: str) -> None:
            self.key = key
            self.verdict = verdict
            super().__init__()

    class Left(Message):
        """The user goes back to the timeline."""

    def __init__(self) -> None:
        super().__init__(markup=False)
        self.asked: tuple[str, bytes] | None = None
        """Key of the tool use on the screen and the event that was drawn."""
        self._armed_at = 0.0
        self._sent: set[str] = set()
        self._clock = monotonic

    def show(self, session: Session) -> None:
        """Draw what waits now; anything new disarms the keys for a moment."""
        waiting = [
            use
            for use in (session.items[index] for index in session.pending.values())
            if isinstance(use, ToolUse) and use.awaited == "confirmation"
        ]
        self.set_class(bool(waiting), "-asking")
        if not waiting:
            self.asked = None
            if self.has_focus:
                self.post_message(self.Left())
            return
        use = waiting[0]
        asked = (use.key, session.events[use.event].raw)
        if asked != self.asked:
            self.asked = asked
            self._armed_at = self._clock() + ARMING
        self.update(self._words(session, use, len(waiting)))

    def _words(self, session: Session, use: ToolUse, waiting: int) -> Content:
        event = session.events[use.event]
        width = max(20, self.screen.size.width - 4)
        thread = f" in {agent_name(session, use.thread)}" if use.thread else ""
        name = f"{use.server}/{use.name}" if use.server else use.name
        text = _payload(event.data.get("input"))
        lines = wrap(printable(text, lines=True, strict=True, cap=20_000), width)
        more = len(lines) - _LINES
        shown = "\n".join(lines[:_LINES])
        if use.key in self._sent:
            hint = Content.styled("sent, waiting for the server", "$cma-quiet")
        elif self.has_focus:
            hint = Content.styled("y allow   n deny   Esc back", "$warning bold")
        else:
            first = "Esc, then " if isinstance(self.screen.focused, TextArea) else ""
            hint = Content.styled(f"{first}! to answer", "$warning bold")
        head = Content.assemble(
            Content.styled(f"approve 1 of {waiting}  ", "$warning bold"),
            Content.styled(printable(name + thread, strict=True, cap=200), "bold"),
        )
        parts = [head, Content(shown)]
        if more > 0:
            parts.append(
                Content.styled(f"… {count(more)} more lines: Enter on its row shows all", "$warning")
            )
        return Content("\n").join([*parts, hint])

    def on_focus(self) -> None:
        """Coming here arms the keys after a moment."""
        self._armed_at = max(self._armed_at, self._clock() + ARMING)

    def on_key(self, event: events.Key) -> None:
        """Only `y` and `n` decide, and only while armed."""
        if event.key == "escape":
            event.stop()
            self.post_message(self.Left())
            return
        verdict = {"y": "allow", "n": "deny"}.get(event.key)
        if verdict is None or self.asked is None:
            return
        event.stop()
        key = self.asked[0]
        if self._clock() < self._armed_at or key in self._sent:
            return
        self._sent.add(key)
        self.post_message(self.Decided(key, verdict))

    def failed(self, key: str) -> None:
        """The answer was not accepted: it may be given again, but not by a key that is still held down."""
        self._sent.discard(key)
        self._armed_at = self._clock() + ARMING


def still_asked(session: Session, asked: tuple[str, bytes] | None, key: str) -> bool:
    """Whether the tool use still waits, unchanged since it was drawn: looked at right before sending."""
    index = session.pending.get(key)
    if index is None or asked is None or asked[0] != key:
        return False
    use = session.items[index]
    return isinstance(use, ToolUse) and session.events[use.event].raw == asked[1] and use.confirmation is None


def _payload(arguments: object) -> str:
    """Everything the tool would be given, one field a line."""
    fields = as_dict(arguments)
    if not fields:
        return json.dumps(arguments, ensure_ascii=False)
    return "\n".join(
        f"{name}: {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"
        for name, value in fields.items()
    )
