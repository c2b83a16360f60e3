"""Several decisions at once, after all of them were read.

Owns the list. Invariant: what is decided is exactly what is listed, and nothing is allowed before the
whole list was on the screen.
"""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.content import Content

from cma_tui.report.words import agent_name
from cma_tui.session.model import Session, ToolUse
from cma_tui.text import printable
from cma_tui.ui.drive.arming import Guard
from cma_tui.ui.drive.asked import Asked, payload_lines, tool_name
from cma_tui.ui.drive.sheet import Sheet
from cma_tui.ui.keys import keymap_of, pressed

_RESULTS = {
    "allow": {"approval.allow": "allow"},
    "deny": {"approval.deny": "deny", "approval.deny-reason": "reason"},
}
"""What a key gives back, by what is to be decided."""


class Several(Sheet[str | None]):
    """Dismisses with `allow`, `deny`, `reason` (a no that is to be explained), or None."""

    DEFAULT_CSS = """
    Several > VerticalScroll { border: heavy $warning; border-title-color: $warning; }
    """
    KEYS = ("approval.allow", "approval.deny", "approval.deny-reason")
    """What decides is looked at here, in the order in which it comes."""

    def __init__(self, session: Session, asked: Sequence[Asked], verdict: str) -> None:
        super().__init__(f"{verdict} {len(asked)}")
        self._session = session
        self._asked = asked
        self._verdict = verdict
        self.guard = Guard(self)

    def keys(self) -> str:
        """What decides, and what moves."""
        hint = keymap_of(self).hint
        decide = (
            [hint("allows all", "approval.allow")]
            if self._verdict == "allow"
            else [hint("denies all", "approval.deny"), hint("with a reason", "approval.deny-reason")]
        )
        return "   ".join([*decide, hint("scroll", "move.down", "move.up"), hint("back", "panel.leave")])

    def words(self) -> Content:
        """Each with everything it would do."""
        session, width = self._session, max(20, self.app.size.width - 8)
        parts: list[Content] = []
        for number, asked in enumerate(self._asked, start=1):
            use = session.items[session.tools[asked.key]]
            assert isinstance(use, ToolUse)
            thread = f" in {agent_name(session, use.thread)}" if use.thread else ""
            name = printable(tool_name(use) + thread, strict=True, cap=200)
            parts.append(Content.styled(f"{number} of {len(self._asked)}  {name}", "bold"))
            parts += [Content(line) for line in payload_lines(session.events[use.event], width)]
        return Content("\n").join(parts)

    def on_mount(self) -> None:
        """Keys count after a moment."""
        self.guard.disarm()

    def on_paste(self, event: events.Paste) -> None:
        """A paste is no answer."""
        event.stop()
        self.guard.other()

    def on_key(self, event: events.Key) -> None:
        """The one letter of the verdict decides."""
        result = _RESULTS[self._verdict].get(pressed(self, event, self.KEYS) or "")
        if result is None:
            self.guard.other()
        else:
            event.stop()
            self.guard.press(lambda: self._decide(result))

    def _decide(self, result: str) -> None:
        page = self.page
        if result == "allow" and page.scroll_offset.y < page.max_scroll_y:
            page.border_title = Content(
                f"read it to its end first: {keymap_of(self).of('move.down')[0]}, PgDn, End"
            )
            return
        self.dismiss(result)
