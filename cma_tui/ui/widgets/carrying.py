"""Taking a row along: to the clipboard, to a pager, to an editor.

Owns the keys and what is said of it. Invariants: nothing is claimed that is not known; another program gets
the terminal whole and gives it back; what it reads is a private file that is gone afterwards.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from typing import ClassVar, Protocol, cast

from textual.app import SuspendNotSupported
from textual.binding import BindingType
from textual.containers import Vertical
from textual.message import Message

from cma_tui.report.whole import whole_json, whole_text
from cma_tui.session.model import Session
from cma_tui.text import printable
from cma_tui.ui.clipboard import copy, private_file
from cma_tui.ui.keys import bindings


class _Terminal(Protocol):
    def to_terminal(self, sequence: str) -> None:
        """Write to the terminal."""
        ...


class Carrying(Vertical):
    """A part of the screen whose current item can be taken along."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(
        {
            "copy.text": "copy(False)",
            "copy.json": "copy(True)",
            "copy.pager": "view(False)",
            "copy.editor": "view(True)",
        }
    )

    class Said(Message, namespace="reader"):
        """A line for the user."""

        def __init__(self, text: str, tone: str) -> None:
            self.text, self.tone = text, tone
            super().__init__()

    def current(self) -> tuple[Session, int] | None:
        """The item to take along."""
        raise NotImplementedError

    def action_copy(self, as_json: bool) -> None:
        """Copy the text, or the JSON, of the row."""
        at = self.current()
        if at is None:
            self._say("there is no text on this row", "$warning")
            return
        text = whole_json(*at) if as_json else whole_text(*at)
        if not text:
            self._say("there is no text on this row", "$warning")
            return
        self.carry(text)

    def carry(self, text: str) -> None:
        """Copy a text, and say by which way."""
        self.run_worker(self._copy(text), group="copy", exclusive=True)

    async def _copy(self, text: str) -> None:
        app = cast(_Terminal, self.app)
        self._say(await copy(text, os.environ, app.to_terminal), "$foreground")

    def action_view(self, edit: bool) -> None:
        """Hand the whole text to a pager, or to an editor, and the terminal with it."""
        at = self.current()
        if at is None:
            self._say("there is no text on this row", "$warning")
            return
        command = _editor() if edit else _pager()
        if command is None or (program := shutil.which(command[0])) is None:
            name = ("$VISUAL and $EDITOR" if edit else "$PAGER") if command is None else command[0]
            self._say(f"{name}: no such program", "$warning")
            return
        path = private_file(whole_text(*at) + "\n", "row.txt")
        try:
            with self.app.suspend():
                code = subprocess.run([program, *command[1:], str(path)], check=False).returncode  # noqa: S603
            if code:
                self._say(f"{command[0]} ended with {code}", "$warning")
        except SuspendNotSupported:
            self._say("this terminal cannot be handed over", "$warning")
        except OSError as error:
            self._say(f"{command[0]}: {error.strerror}", "$warning")
        finally:
            shutil.rmtree(path.parent)
        self.app.refresh()

    def _say(self, text: str, tone: str) -> None:
        self.post_message(self.Said(printable(text), tone))


def _pager() -> list[str] | None:
    return _command("PAGER") or next(([name] for name in ("less", "more") if shutil.which(name)), None)


def _editor() -> list[str] | None:
    return _command("VISUAL") or _command("EDITOR") or (["vi"] if shutil.which("vi") else None)


def _command(variable: str) -> list[str] | None:
    try:
        return shlex.split(os.environ.get(variable, "")) or None
    except ValueError:  # a quote that is not closed
        return None
