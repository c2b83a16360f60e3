"""The tracing panel: how the session stands in Braintrust, where its spans are, what went wrong in the turn.

Owns the copying and the opening of links. Invariants: a link is opened by `o` alone, and never in a replay;
what is shown is the same text until something in it changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from cma_tui.report.errors import error_text, error_title
from cma_tui.report.tracing import Link, links, state
from cma_tui.session.errors import TurnError, turn_errors
from cma_tui.session.model import Change, Session
from cma_tui.ui.cells import fit, wrap
from cma_tui.ui.keys import Hint, bindings, hint_content, hints_that_fit, keymap_of
from cma_tui.ui.links import open_link
from cma_tui.ui.screens.panel import Panel

if TYPE_CHECKING:
    from cma_tui.mirror import Mirror

_LOOKED_AT = 2_000
"""Items of the turn, the last, among which what went wrong is looked for."""
_SHOWN = 30
"""Errors that are shown, the last."""
_NAME = 12
"""Cells before a link."""


class Tracing(Panel):
    """One page; `j` and `k` choose a link."""

    DEFAULT_CSS = """
    Tracing { background: $background; }
    Tracing > VerticalScroll { height: 1fr; padding: 0 1; scrollbar-size-vertical: 1; }
    Tracing #hints { height: 1; padding: 0 1; color: $cma-quiet; }
    """
    BINDINGS: ClassVar[list[BindingType]] = bindings(
        {
            "move.down": "choose(1)",
            "move.up": "choose(-1)",
            "tracing.copy": "copy",
            "tracing.open": "open",
            "panel.leave": "leave",
            "view.tracing": "leave",
        },
        priority=("move.down", "move.up"),
    )

    def __init__(
        self, session: Session, turn: int, item: int | None, mirror: Mirror | None, *, replay: bool
    ) -> None:
        super().__init__()
        self._session, self._turn, self._item = session, turn, item
        self._mirror, self._replay = mirror, replay
        self._wrong: list[TurnError] = []
        """What went wrong in the turn."""
        self._stale = True
        """Whether something may have gone wrong since."""
        self._chosen = 0
        self._said = ""
        self._shown = Content("")
        self._page = Static(markup=False)
        self._hints = Static(markup=False, id="hints")

    def compose(self) -> ComposeResult:
        """The page, and the keys below it."""
        with VerticalScroll():
            yield self._page
        yield self._hints

    def on_mount(self) -> None:
        """What is sent goes on while nothing happens in the session."""
        self._second()
        self.set_interval(1.0, self._second)

    def _second(self) -> None:
        if self._stale:
            self._stale, turns = False, self._session.turns
            turn = turns[self._turn] if 0 <= self._turn < len(turns) else None
            self._wrong = [] if turn is None else turn_errors(self._session, turn, _LOOKED_AT)
        self._draw()

    def on_resize(self) -> None:
        """Wrap anew."""
        self._draw()

    def update_session(self, session: Session, change: Change) -> None:
        """Take in what changed; a session that was folded anew has the turn at the same place."""
        if session is not self._session:
            self._item = None
        self._session, self._stale = session, True
        self._draw()

    def _links(self) -> list[Link]:
        if self._mirror is None or self._mirror.mode == "off":
            return []
        return links(self._mirror, self._session, self._turn, self._item)

    def _draw(self) -> None:
        width = max(20, self.size.width - 3)
        lines = [Content.styled("braintrust", "$accent bold")]
        for line in state(self._mirror, replay=self._replay):
            style = "$error" if line.startswith("problem") else ""
            lines += [Content.styled(part, style) for part in wrap(line, width)]
        found = self._links()
        self._chosen = max(0, min(self._chosen, len(found) - 1))
        for number, link in enumerate(found):
            lines.append(Content(""))
            mark = "▸ " if number == self._chosen else "  "
            name = Content.styled(f"{mark}{link.name}", "bold" if number == self._chosen else "")
            lines.append(Content.assemble(name, Content.styled(f"  {link.note}", "$cma-quiet")))
            lines += [Content(f"    {part}") for part in wrap(link.url, width - 4) if part]
        lines += self._errors(width)
        page = Content("\n").join(lines)
        if not page.is_same(self._shown):
            self._shown = page
            self._page.update(page)
        hints: list[Hint] = [("help", "app.help"), ("back", "panel.leave")]
        if found:
            hints += [
                ("choose", "move.down", "move.up"),
                ("copy", "tracing.copy"),
                ("open in a browser", "tracing.open"),
            ]
        width = max(1, self.size.width - 2)
        keys = hint_content(hints_that_fit(keymap_of(self), hints, width))
        self._hints.update(Content(fit(self._said, width)) if self._said else keys)

    def _errors(self, width: int) -> list[Content]:
        if not self._wrong:
            return []
        earlier = len(self._wrong) - _SHOWN
        head = f"what went wrong in turn {self._turn + 1}" + (", latest" if earlier > 0 else "")
        lines = [Content(""), Content.styled(head, "$accent bold")]
        for error in self._wrong[-_SHOWN:]:
            lines.append(Content(""))
            lines.append(Content.styled(error_title(self._session, error), "$error bold"))
            lines += [Content(f"  {part}") for part in wrap(error_text(error), width - 2)]
        return lines

    def action_choose(self, by: int) -> None:
        """Another link; where there is none, scroll."""
        found = self._links()
        if len(found) > 1 and 0 <= self._chosen + by < len(found):
            self._chosen += by
            self._said = ""
            self._draw()
        else:
            self.query_one(VerticalScroll).scroll_relative(y=by * 3, animate=False)

    def _chosen_url(self) -> str:
        found = self._links()
        return found[self._chosen].url if found else ""

    def action_copy(self) -> None:
        """Put the link into the clipboard."""
        url = self._chosen_url()
        if url:
            self.app.copy_to_clipboard(url)
        self._say("link copied" if url else "there is no link yet")

    def action_open(self) -> None:
        """Open the link, on a live session."""
        url = self._chosen_url()
        if self._replay:
            self._say(f"a replay opens nothing; {keymap_of(self).hint('copies the link', 'tracing.copy')}")
        elif not url:
            self._say("there is no link yet")
        else:
            self._say("opening")
            self.run_worker(lambda: self._open(url), thread=True)

    def _open(self, url: str) -> None:
        problem = open_link(url)
        self.app.call_from_thread(self._say, problem or "opened")

    def _say(self, text: str) -> None:
        self._said = text
        self._draw()

    def action_leave(self) -> None:
        """Back to the timeline."""
        self.dismiss(None)
