"""The choice of a session, where a log holds several.

Owns the list and the app that shows it. Invariants: the list is there before the log has been looked through,
and keys work meanwhile; what a log says of its sessions is printable before it is shown, and is never markup.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, ClassVar, Final, NamedTuple

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.screen import Screen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from cma_tui.keymap import DEFAULT, Keymap
from cma_tui.log.formats import LogError
from cma_tui.log.together import Summary
from cma_tui.text import count, duration, first_line, printable
from cma_tui.ui.keys import bindings, keymap_of
from cma_tui.ui.shell import Shell, outcome

ALL: Final = -1
"""In place of a session's number: all of them in one timeline."""


class SessionList(Screen[None]):
    """The sessions of a log."""

    DEFAULT_CSS = """
    SessionList { background: $background; }
    SessionList > Static { height: 1; width: 1fr; padding: 0 1; }
    SessionList > #title { color: $accent; }
    SessionList > #keys { color: $cma-quiet; dock: bottom; }
    SessionList > OptionList { height: 1fr; border: none; background: $background; padding: 0;
                               text-wrap: nowrap; text-overflow: ellipsis; }
    SessionList > OptionList:focus { border: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = bindings(
        {"panel.leave": "leave", "move.down": "move(1)", "move.up": "move(-1)"}
    )

    def __init__(
        self, name: str, find: Callable[[], Sequence[Summary]], chosen: Callable[[int], None]
    ) -> None:
        """Prepare.

        Args:
            name: what the log is called.
            find: looks through the log; called on a thread of its own.
            chosen: is told the number of the session, or `ALL`.
        """
        super().__init__()
        self._name = first_line(name, 100)
        self._find = find
        self._chosen = chosen
        self._title = Static(f"looking for the sessions in {self._name}", markup=False, id="title")
        self._options = OptionList(markup=False)

    def compose(self) -> ComposeResult:
        """The list, between its title and its keys."""
        yield self._title
        yield self._options
        hint = keymap_of(self).hint
        keys = ["Enter choose", hint("down, up", "move.down", "move.up"), hint("leave", "panel.leave")]
        yield Static("   ".join(keys), markup=False, id="keys")

    def on_mount(self) -> None:
        """Look through the log."""
        self._options.focus()
        self.run_worker(self._fill())

    async def _fill(self) -> None:
        sessions = await asyncio.to_thread(self._find)
        if len(sessions) == 1:
            self._chosen(0)
            return
        self._title.update(f"{len(sessions)} sessions in {self._name}")
        self._options.add_options([Option(_line(number, told)) for number, told in enumerate(sessions, 1)])
        self._options.add_option(Option(Content.styled("     all of them, in one timeline", "$cma-quiet")))
        self._options.highlighted = 0

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """This one."""
        event.stop()
        last = self._options.option_count - 1
        self._chosen(ALL if event.option_index == last else event.option_index)

    def action_move(self, by: int) -> None:
        """The next or the previous one."""
        if by > 0:
            self._options.action_cursor_down()
        else:
            self._options.action_cursor_up()

    def action_leave(self) -> None:
        """None of them."""
        self.app.exit()


def _line(number: int, told: Summary) -> Content:
    """A session in one line."""
    begun = _clock(told.first_at)
    took = ""
    if told.first_at is not None and told.last_at is not None:
        took = duration(told.last_at - told.first_at)
    files = f"  {told.files} files" if told.files > 1 else ""
    words = " ".join(filter(None, (told.title, told.said))) or "(nothing said)"
    return Content.assemble(
        Content.styled(f"{number:>3}  {begun:<16}  ", "$cma-quiet"),
        f"{took:>8}  {count(told.events):>6} events{files}  {first_line(words, 200)}  ",
        Content.styled(printable(told.session_id, strict=True, cap=40), "$cma-quiet"),
    )


def _clock(at: float | None) -> str:
    """A moment as local date and time."""
    if at is None:
        return ""
    try:
        return f"{datetime.fromtimestamp(at).astimezone():%Y-%m-%d %H:%M}"
    except (OverflowError, ValueError, OSError):  # beyond the calendar
        return ""


class Chooser(Shell):
    """The app of the choice."""

    def __init__(
        self,
        name: str,
        find: Callable[[], Sequence[Summary]],
        *,
        theme: str | None = None,
        keymap: Keymap = DEFAULT,
    ) -> None:
        super().__init__(SessionList(name, find, self._choose), theme=theme, keymap=keymap)
        self.chosen: int | None = None

    def _choose(self, number: int) -> None:
        self.chosen = number
        self.exit(0)


class Choice(NamedTuple):
    """What came of it."""

    number: int | None
    """The session's number, or `ALL`; None when the user left."""
    code: int = 0
    """The exit code, should it end there."""


def choose(name: str, find: Callable[[], Sequence[Summary]], settings: Any) -> Choice:  # noqa: ANN401 - Settings
    """Let the user choose one of a log's sessions; a log with one needs no choice.

    Raises:
        LogError: the log cannot be read any more.
    """
    app = Chooser(name, find, theme=settings.theme, keymap=settings.keys)
    code = app.run_with(settings)
    if isinstance(app.failure, LogError):
        raise app.failure
    return Choice(app.chosen, outcome(app, code, None))
