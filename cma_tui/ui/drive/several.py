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
from cma_tui.ui.drive.sheet import Sheet
from cma_tui.ui.widgets.approval import Asked, payload_lines, tool_name


class Several(Sheet[str | None]):
    """Dismisses with `allow`, `deny`, `reason` (a no that is to be explained), or None."""

    DEFAULT_CSS = """
    Several > VerticalScroll { border: heavy $warning; border-title-color: $warning; }
    """

    def __init__(self, session: Session, asked: Sequence[Asked], verdict: str) -> None:
        keys = "y allows all" if verdict == "allow" else "n denies all   N with a reason"
        super().__init__(f"{verdict} {len(asked)}", f"{keys}   j k scroll   Esc back")
        self._session = session
        self._asked = asked
        self._verdict = verdict
        self.guard = Guard(self)

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
        key = event.character if event.is_printable else event.key
        results = {"y": "allow"} if self._verdict == "allow" else {"n": "deny", "N": "reason"}
        result = results.get(str(key))
        if result is None:
            self.guard.other()
        else:
            event.stop()
            self.guard.press(lambda: self._decide(result))

    def _decide(self, result: str) -> None:
        page = self.page
        if result == "allow" and page.scroll_offset.y < page.max_scroll_y:
            page.border_title = Content("read it to its end first: j, PgDn, End")
            return
        self.dismiss(result)
