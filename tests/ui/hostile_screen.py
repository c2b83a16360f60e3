"""A program for a pty: shows one payload after the other in the kinds of widgets we use, then leaves.

Run as `python -m tests.ui.hostile_screen guarded|bare`. It gives hostile text to the widgets as it is, so
what keeps it from the terminal is the guard alone.
"""

import sys

from textual.app import App, ComposeResult
from textual.content import Content
from textual.filter import LineFilter
from textual.scroll_view import ScrollView
from textual.strip import Segment, Strip
from textual.style import Style
from textual.widgets import Input, Static, TextArea
from textual.widgets._toast import Toast

from cma_tui.ui.guard import TerminalGuard
from tests.payloads import LONE_SURROGATE, MARK_FLOOD, PAYLOADS

END = "-- all shown --"
LINK = "http://hidden.example/"


class Lines(ScrollView):
    """Draws the payload by itself, as the timeline does."""

    payload = ""

    def render_line(self, y: int) -> Strip:
        return Strip([Segment(f"{y} {self.payload}")]).adjust_cell_length(self.size.width)


class HostileScreen(App):
    """Steps through the payloads, one to a frame."""

    CSS = "Static, Input, TextArea, Lines { height: 3; border: round white; }"

    def __init__(self, guarded: bool) -> None:
        super().__init__()
        self.guard = TerminalGuard() if guarded else None
        self.texts = [*(payload.text for payload in PAYLOADS), LONE_SURROGATE, MARK_FLOOD]

    def get_line_filters(self) -> list[LineFilter]:
        filters = list(super().get_line_filters())
        return filters if self.guard is None else [*filters, self.guard]

    def compose(self) -> ComposeResult:
        yield Static(id="static", markup=False)
        yield Lines(id="lines")
        yield Input(id="input")
        yield TextArea(id="area")

    def on_mount(self) -> None:
        self.call_after_refresh(self.step)

    def step(self) -> None:
        if not self.texts:
            self.query_one("#static", Static).update(END)
            self.call_after_refresh(self.call_after_refresh, self.exit)
            return
        text = self.texts.pop(0)
        static = self.query_one("#static", Static)
        static.update(Content.assemble((text, Style(link=LINK + text)), text))
        static.border_title = Content(text)
        lines = self.query_one(Lines)
        lines.payload = text
        lines.refresh()
        self.query_one(Input).value = text
        self.query_one(TextArea).text = text
        self.clear_notifications()
        self.notify(text, title=text, markup=False)
        self.call_after_refresh(self.shown, text)

    def shown(self, text: str) -> None:
        """The next one, once this one is drawn everywhere: its toast is the last to get a place."""
        toasts = [toast for toast in self.screen.query(Toast) if toast.region]
        there = any(toast._notification.message == text for toast in toasts)
        self.call_after_refresh(*((self.call_after_refresh, self.step) if there else (self.shown, text)))


if __name__ == "__main__":
    HostileScreen(guarded=sys.argv[1] == "guarded").run(mouse=False)
