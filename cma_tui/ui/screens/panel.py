"""A panel: another view of the session, over the whole screen, opened and left by key.

Owns what all panels share. Invariant: a panel reads the session and never changes it; it is told of every
change while it is open, and leaves with the item that the timeline is to go to, or with none.
"""

from __future__ import annotations

from textual.app import ComposeResult
from textual.screen import Screen

from cma_tui.session.model import Change, Session
from cma_tui.ui.widgets.page import Page


class Panel(Screen[int | None]):
    """The base of the metrics, the waterfall, the threads: `dismiss(item)` goes to an item's row."""

    def update_session(self, session: Session, change: Change) -> None:
        """Take in what changed. `session` may be another object than the last: it was folded anew."""
        raise NotImplementedError


class PagePanel(Panel):
    """A panel that is one page."""

    def __init__(self, view: Page) -> None:
        super().__init__()
        self.view = view

    def compose(self) -> ComposeResult:
        """One widget."""
        yield self.view

    def update_session(self, session: Session, change: Change) -> None:
        """The page takes in what changed."""
        self.view.update(session, change)
