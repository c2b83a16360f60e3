"""What every app of ours stands on: themes, the filter in front of the terminal, signals, and a clean end.

Owns what holds for every screen. Invariants: whatever happens, the terminal is restored and the user reads
one line of ours, never a traceback with values in it; every line of every widget passes the guard.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from itertools import starmap
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, ClassVar

from textual.actions import parse as parse_action
from textual.app import App, SystemCommand
from textual.binding import BindingType
from textual.dom import DOMNode
from textual.events import Event, InputEvent
from textual.filter import LineFilter
from textual.screen import Screen
from textual.theme import Theme
from textual.worker import WorkerFailed

from cma_tui.crash import defect
from cma_tui.keymap import DEFAULT, Keymap
from cma_tui.source import SourceError
from cma_tui.text import printable
from cma_tui.ui.guard import TerminalGuard
from cma_tui.ui.keys import bindings, own_bindings, textual_keys
from cma_tui.ui.terminal import Terminal
from cma_tui.ui.theme import FALLBACKS, THEMES

if TYPE_CHECKING:
    from rich.console import RenderableType

_TURN = 0.001
"""Seconds that a thread waits for another one's Python at least: an event goes through four of them, from the
network to the terminal, and one that records it."""
_YOUNG = 5_000
"""New objects that are looked through for garbage at once: more than a frame makes, so that what is drawn and
forgotten is not, frame by frame, taken for what stays, and all that stays looked through for it."""
_LOOKING = 30.0
"""Seconds for which whoever used a key is taken to be looking."""


def look_for_garbage() -> None:
    """Begin to, once the first frame is there: what is there with it stays, and is looked through no more."""
    gc.freeze()
    gc.set_threshold(_YOUNG)
    gc.enable()


class Shell(App[int], inherit_bindings=False):
    """What every screen stands on; `main` is the first one."""

    TITLE = "cma-top"
    # Words that come and go stand below the header, never over what is asked or written at the bottom.
    CSS = """
    ToastRack { dock: top; align: right top; margin-top: 3; margin-bottom: 0; }
    OptionList:focus > .option-list--option-highlighted { background: $cma-cursor; color: $foreground; }
    OptionList:ansi:focus > .option-list--option-highlighted {
        background: ansi_blue; color: ansi_bright_white;
    }
    """
    ENABLE_COMMAND_PALETTE = True
    DEFAULT_CSS = """
    CommandPalette SearchIcon { display: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = bindings(
        {"app.help": "help", "app.palette": "command_palette", "app.stop": "stop"},
        priority=("app.palette", "app.stop"),
    )

    def __init__(self, main: Screen[Any], *, theme: str | None = None, keymap: Keymap = DEFAULT) -> None:
        super().__init__(driver_class=Terminal)
        self._guard = TerminalGuard()
        for own in THEMES:
            self.register_theme(own)
        self.theme = theme if theme is not None and theme in self.available_themes else "cma-dark"
        self._main = main
        self.keymap = keymap
        """What the keys are: as the user set them."""
        self.farewells: list[str] = []
        """What closed sessions leave to say when the screen is gone."""
        self._stop_until = 0.0
        self.state_dir: Path | None = None
        """Where crash reports go."""
        self._held: ExitStack | None = None
        """Open while nothing is drawn."""
        self._window_name = ""
        """What the terminal's window was named; empty while its own name stands."""
        self._focus_told = False
        """Whether the terminal has ever told whether it has the focus."""
        self.touched_at = float("-inf")
        """When a key or the mouse was last used."""

    @property
    def terminal(self) -> Terminal | None:
        """The terminal; None where there is none."""
        return self._driver if isinstance(self._driver, Terminal) else None

    @property
    def failure(self) -> BaseException | None:
        """The defect that ended the app before its time."""
        return self._exception.error if isinstance(self._exception, WorkerFailed) else self._exception

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """What our names mean in themes that are not ours: a variable's value cannot name another one."""
        colours = self.current_theme.to_color_system().generate()
        defaults = {name: colours[meant] for name, meant in FALLBACKS.items()}
        if defaults["cma-on-mark"] == "ansi_default":  # no colour to write in
            defaults["cma-on-mark"] = "ansi_black"
        return defaults

    def get_line_filters(self) -> Sequence[LineFilter]:
        """The guard comes last: nothing passes it."""
        return [*super().get_line_filters(), self._guard]

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """The palette lists what keys do anywhere on the screen, a theme and a picture.

        Not moving, which it would end; and not deciding about an approval, which has keys of its own.
        """
        from cma_tui.ui.screens.playing import Playing

        for command in super().get_system_commands(screen):
            if command.title in ("Theme", "Screenshot"):
                yield command
        around = screen.focused.ancestors_with_self if screen.focused is not None else [screen, self]
        others = [node for node in screen.walk_children() if node not in around and _is_shown(node)]
        for node in (*around, *others):
            for binding in own_bindings(node):
                named = str(binding.id)
                _, action, parameters = parse_action(binding.action)
                if not named.startswith("move.") and node.check_action(action, parameters):
                    says = f"{binding.description[0].upper()}{binding.description[1:]}"
                    run = partial(self.run_action, binding.action, node)
                    yield SystemCommand(says, f"key {' '.join(self.keymap.of(named))}", run)
        if isinstance(screen, Playing):
            yield from starmap(SystemCommand, screen.offers())

    def action_help(self) -> None:
        """Show every key, first those of where one is."""
        from cma_tui.ui.screens.help import Help

        focused = self.screen.focused
        self.push_screen(Help(focused.ancestors_with_self if focused is not None else [self.screen, self]))

    def on_mount(self) -> None:
        """Signals and a lost terminal end the app in order; what fails beside it is seen."""
        if self.terminal is not None:
            loop = asyncio.get_running_loop()
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                loop.add_signal_handler(number, self.exit, 128 + number)
            self.terminal.on_lost = lambda: self._from_thread(self.exit, 128 + signal.SIGHUP)
            self.terminal.on_drained = lambda: self._from_thread(self._go_on_drawing)
            loop.set_exception_handler(self._failed_task)
            threading.excepthook = self._failed_thread
            sys.setswitchinterval(_TURN)
            self.call_after_refresh(look_for_garbage)
        self.theme_changed_signal.subscribe(self, self._repaint)
        self.set_keymap({name: textual_keys(keys) for name, keys in self.keymap.changed.items()})
        self.show_main()

    def _from_thread(self, call: Callable[..., object], *arguments: object) -> None:
        with suppress(RuntimeError):  # the app has ended: nobody is left to be told
            assert self._loop is not None
            self._loop.call_soon_threadsafe(call, *arguments)

    def run_with(self, settings: Any) -> int | None:  # noqa: ANN401 - Settings
        """Run, as the user set it."""
        self.state_dir = settings.state_dir
        if not settings.motion:
            self.animation_level = "none"
        return self.run()

    def show_main(self) -> None:
        """Show the first screen."""
        self.push_screen(self._main)

    def _repaint(self, theme: Theme) -> None:
        from cma_tui.ui.widgets.detail import Detail
        from cma_tui.ui.widgets.page import Page
        from cma_tui.ui.widgets.sessions import Rows
        from cma_tui.ui.widgets.timeline import Timeline

        for screen in self.screen_stack:
            drawn = (*screen.query(Timeline), *screen.query(Rows), *screen.query(Page), *screen.query(Detail))
            for part in drawn:
                self.call_after_refresh(part.repaint)

    # -- a terminal that does not read ----------------------------------------------------------------

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        """Draw, unless the terminal still reads what was drawn before: then once, when it has."""
        if self._held is None and self.terminal is not None and self.terminal.output.behind:
            self._held = ExitStack()
            self._held.enter_context(self.batch_update())
        super()._display(screen, renderable)

    def _go_on_drawing(self) -> None:
        """The terminal has caught up: all that was not drawn meanwhile is drawn now."""
        held, self._held = self._held, None
        if held is not None:
            held.close()
            self.screen.refresh()

    def on_resize(self) -> None:
        """Draw everything, also at the same size: what was smaller for a moment has lost what was on it."""
        if self.screen_stack:
            self.screen.refresh()

    def to_terminal(self, sequence: str) -> None:
        """Write a control sequence of ours to the terminal; one that does not read gets none."""
        if self._driver is not None and (self.terminal is None or not self.terminal.output.behind):
            self._driver.write(sequence)
            self._driver.flush()

    # -- what fails beside the screen -----------------------------------------------------------------

    def _failed_task(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """A task or a callback that nobody waits for failed: told, and the screen goes on."""
        if isinstance(error := context.get("exception"), Exception):
            self._tell_defect(error, "in the background")

    def _failed_thread(self, failed: threading.ExceptHookArgs) -> None:
        """A thread failed: told, and the screen goes on."""
        if isinstance(failed.exc_value, Exception):
            name = failed.thread.name if failed.thread is not None else "a thread"
            self._from_thread(self._tell_defect, failed.exc_value, name)

    def _tell_defect(self, error: Exception, doing: str) -> None:
        told = printable(defect(error, self.state_dir, doing))
        self.farewells.append(told)
        self.notify(told, severity="error", markup=False, timeout=60)

    # -- whether somebody looks, and the window's name ---------------------------------------------------

    @property
    def looked_at(self) -> bool:
        """Whether somebody is looking: the terminal says so, or, where it has never said, a key was used."""
        return self.app_focus if self._focus_told else monotonic() - self.touched_at < _LOOKING

    def on_app_focus(self) -> None:
        """The terminal tells."""
        self._focus_told = True

    def on_app_blur(self) -> None:
        """The terminal tells."""
        self._focus_told = True

    async def on_event(self, event: Event) -> None:
        """Note that somebody is there."""
        if isinstance(event, InputEvent):
            self.touched_at = monotonic()
        await super().on_event(event)

    def show_title(self, text: str) -> None:
        """Name the terminal's window; its own name is kept for the end."""
        shown = printable(text, strict=True, cap=200)
        if shown != self._window_name:
            keep = "" if self._window_name else "\x1b[22;2t"
            self._window_name = shown
            self.to_terminal(f"{keep}\x1b]2;{shown}\x07")

    def on_unmount(self) -> None:
        """The window has its own name again; one that could not be kept is empty."""
        if self._window_name:
            self._window_name = ""
            self.to_terminal("\x1b]2;\x07\x1b[23;2t")

    def action_stop(self) -> None:
        """The first Ctrl+C says how to leave, a second soon after leaves."""
        if monotonic() < self._stop_until:
            self.exit(130)
            return
        self._stop_until = monotonic() + 2.0
        self.notify("Ctrl+C again leaves; the session goes on", markup=False, timeout=2)

    def _fatal_error(self) -> None:
        """A defect of ours: no traceback on the terminal, it could hold secrets. `run` says one line."""
        self._close_messages_no_wait()


def _is_shown(node: DOMNode) -> bool:
    return all(above.display for above in node.ancestors_with_self)


def outcome(app: Shell, code: int | None, error: BaseException | None) -> int:
    """How an app's run ended, as an exit code; what went wrong is said, where somebody reads it."""
    if app.terminal is not None and not app.terminal.caught_up:
        _give_up_terminal()
    for farewell in app.farewells:
        _say(farewell)
    if app.failure is not None:
        _say(defect(app.failure, app.state_dir))
        return 1
    if error is not None:
        _say(str(error))
        return error.exit_code if isinstance(error, SourceError) else 1
    return code or 0


def _say(text: str) -> None:
    sys.stderr.write(f"cma-top: {printable(text, cap=500)}\n")


def _give_up_terminal() -> None:
    """Nothing that is still written may fail, or wait for ever, because the terminal has gone."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    os.close(nowhere)
