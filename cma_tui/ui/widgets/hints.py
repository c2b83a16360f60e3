"""The last line: which keys matter where one is, or what just went wrong.

Owns the choice of the keys. Invariants: one line, as many keys as fit, the weightiest first; never over
anything else; drawn only when it says something else.
"""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

from cma_tui.keymap import Keymap, is_character
from cma_tui.text import first_line
from cma_tui.ui.keys import Hint, Said, hint_content, hints_that_fit, keymap_of

_VIEWS: tuple[Hint, ...] = (
    ("waterfall", "view.waterfall"),
    ("threads", "view.threads"),
    ("outline", "view.outline"),
    ("figures", "view.metrics"),
    ("Braintrust", "view.tracing"),
    ("density", "timeline.density"),
    ("expand", "timeline.expand"),
    ("other end", "view.link"),
    ("copy", "copy.text"),
    ("go to", "find.place"),
    ("time", "timeline.times"),
    ("commands", "app.palette"),
)
_FIND: tuple[Hint, ...] = (
    ("detail", "timeline.open"),
    ("find", "find.text"),
    ("filter", "find.filter"),
    ("turns", "timeline.next-turn", "timeline.previous-turn"),
    ("errors", "timeline.next-error"),
)
PLACES: dict[str, tuple[Hint, ...]] = {
    "read": (*_FIND, ("leave", "session.leave"), *_VIEWS),
    "drive": (
        ("write", "session.write"),
        *_FIND[:3],
        ("interrupt", "session.interrupt", "session.interrupt"),
        ("leave", "session.leave"),
        *_FIND[3:],
        *_VIEWS,
    ),
    "replay": (
        ("play", "player.play"),
        ("step", "player.step-back", "player.step"),
        ("5 s", "player.skip-back", "player.skip"),
        ("speed", "player.faster", "player.slower"),
        ("leave", "session.leave"),
        ("go to", "player.seek"),
        *_FIND,
        ("marks", "player.marks"),
        *_VIEWS,
    ),
    "detail": (
        ("back", "detail.leave"),
        ("tree", "detail.tree"),
        ("raw JSON", "detail.raw"),
        ("arrival", "detail.arrival"),
        ("scroll", "move.down", "move.up"),
        ("top, end", "move.first", "move.last"),
        ("find", "find.text"),
        ("copy", "copy.text"),
        ("pager", "copy.pager"),
    ),
    "composer": (
        ("send", "composer.send"),
        ("new line", "composer.new-line"),
        ("timeline", "composer.leave"),
        ("send later", "composer.send-later"),
        ("interrupt and send", "composer.redirect"),
        ("complete", "composer.complete"),
        ("editor", "composer.editor"),
        ("earlier", "composer.earlier"),
        ("commands", "app.palette"),
    ),
    "approval": (
        ("back", "approval.leave"),
        ("scroll", "move.down", "move.up"),
        ("commands", "app.palette"),
    ),
    "approvals": (
        ("back", "approval.leave"),
        ("scroll", "move.down", "move.up"),
        ("next", "approval.next"),
        ("commands", "app.palette"),
    ),
    "outbox": (("back", "outbox.leave"), ("choose", "move.down", "move.up"), ("commands", "app.palette")),
    "prompt": (
        ("back", "prompt.leave"),
        ("written before", "prompt.earlier"),
        ("commands", "app.palette"),
    ),
    "overview": (
        ("open", "overview.open"),
        ("filter", "overview.filter"),
        ("answer", "session.answer"),
        ("leave", "overview.leave"),
        ("next that needs you", "overview.next-needy"),
        ("order", "overview.order"),
        ("reverse", "overview.reverse"),
        ("commands", "app.palette"),
    ),
    "narrow": (("show all", "overview.clear"), ("commands", "app.palette")),
    "pick": (
        ("choose", "overview.open"),
        ("filter", "overview.filter"),
        ("leave", "overview.leave"),
        ("order", "overview.order"),
    ),
}


_WRITING = frozenset({"composer", "prompt", "narrow"})
"""Places where a character is written."""


def hint_line(place: str, keymap: Keymap, width: int) -> list[Said]:
    """The keys of a place and what they do, as many as fit."""
    known = [key for key in keymap.of("app.help") if not (place in _WRITING and is_character(key))]
    return hints_that_fit(keymap, PLACES[place], width, (known[0], "help") if known else None)


class Hints(Static):
    """Keys, or a message until the next one."""

    DEFAULT_CSS = """
    Hints { height: 1; width: 1fr; padding: 0 1; color: $cma-quiet; background: $background; }
    """

    def __init__(self, *, replay: bool) -> None:
        super().__init__(markup=False)
        self._replay = replay
        self._place = "replay" if replay else "read"
        self._said: tuple[str, str] | None = None
        self._told: BaseException | None = None
        """The end of the reading that has been told."""
        self._shown = Content("")

    def say(self, text: str, style: str) -> None:
        """Show a message in place of the keys; an empty one brings them back."""
        self._said = (first_line(text, 300), style) if text else None
        self._render_line()

    def show(self, *, can_send: bool, place: str | None, error: BaseException | None) -> None:
        """Draw the line for this moment.

        Args:
            can_send: whether something can be sent to the session.
            place: what has the focus, when it is not the timeline.
            error: what ended the reading.
        """
        if place is not None:
            self._place = place
        elif self._replay:
            self._place = "replay"
        else:
            self._place = "drive" if can_send else "read"
        if error is not None and error is not self._told:  # once: the header goes on saying it
            self._told = error
            self._said = (first_line(str(error), 300), "$error")
        self._render_line()

    def on_resize(self) -> None:
        """Cut it anew."""
        self._render_line()

    def _render_line(self) -> None:
        width = max(8, self.size.width)
        if self._said is not None:
            line = Content.styled(*self._said).truncate(width, ellipsis=True)
        else:
            line = hint_content(hint_line(self._place, keymap_of(self), width))
        if not line.is_same(self._shown):
            self._shown = line
            self.update(line, layout=False)
