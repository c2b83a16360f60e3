"""The composer's commands: what they are called, what they take, how they are completed.

Owns the list. Invariant: what begins with a single `/` and a word is a command or is refused; it is never
sent to the agent by accident, and `//` sends a text that begins with `/`.
"""

from __future__ import annotations

import re
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

from cma_tui.keymap import Keymap


class Slash(NamedTuple):
    """One command."""

    takes: str
    does: str
    keys: tuple[str, ...] = ()
    """Ids of keys that do the same, one after the other."""

    def words(self, keymap: Keymap) -> str:
        """What it does, and by which keys."""
        return f"{self.does} (also {keymap.keys(*self.keys)})" if self.keys else self.does


COMMANDS: dict[str, Slash] = {
    "approve": Slash("", "go to what waits for an answer", ("composer.leave", "session.answer")),
    "archive": Slash("", "end the session for good; its log stays"),
    "attach": Slash("FILE [PATH]", "upload a file and mount it into the session"),
    "budget": Slash("DOLLARS|none", "raise the budget, or remove it"),
    "delete": Slash("", "delete the session and its log"),
    "download": Slash("NAME [TO]", "save a file that the session wrote"),
    "edit": Slash("", "write the message in $EDITOR", ("composer.editor",)),
    "error": Slash("TEXT", "a tool's result by hand: it failed"),
    "export": Slash("FILE [--no-redact]", "write the session as a document: x.md x.html x.json x.txt x.csv"),
    "files": Slash("", "what the session has written"),
    "help": Slash("", "these commands"),
    "interrupt": Slash("", "stop the agent, all threads"),
    "json": Slash("JSON", "a tool's result by hand, checked to be JSON"),
    "later": Slash("TEXT", "send when the agent rests", ("composer.send-later",)),
    "outbox": Slash("", "go to what is not sent yet", ("composer.leave", "session.outbox")),
    "outcome": Slash("TEXT [--rubric TEXT|@FILE] [--iterations N]", "define what the agent is to reach"),
    "redirect": Slash("TEXT", "interrupt, and say this in the same request", ("composer.redirect",)),
    "rules": Slash("", "answer by rule no more, or again", ("composer.leave", "session.rules")),
    "system": Slash("TEXT", "add to the agent's instructions"),
    "title": Slash("TEXT", "name the session"),
}

NO_COMMAND = "is no command; // at the beginning sends it as text"
_COMMAND = re.compile(r"/([A-Za-z]+)(?:\s+(.*))?", re.DOTALL)


class Parsed(NamedTuple):
    """A command as it was written."""

    name: str
    rest: str


def parse(text: str) -> Parsed | None:
    """The command that a text is; None for a message. The name may be unknown."""
    if not text.startswith("/") or text.startswith("//"):
        return None
    match = _COMMAND.fullmatch(text.strip())
    return Parsed(match[1].lower(), (match[2] or "").strip()) if match else None


def message(text: str) -> str:
    """A message as it is sent: a doubled slash at its beginning is one."""
    return text[1:] if text.startswith("//") else text


def matching(line: str) -> list[str]:
    """The commands that a line may become."""
    name = line[1:].lower()
    return [known for known in COMMANDS if known.startswith(name)] if line.startswith("/") else []


def completed(line: str, *, first: bool) -> str | None:
    """A line with the command or the file's name at its end completed as far as it is certain."""
    if first and line.startswith("/") and " " not in line:
        found = matching(line)
        if not found:
            return None
        return f"/{found[0]} " if len(found) == 1 else f"/{_common(found)}"
    match = re.search(r"(?:^|\s)@(\S*)$", line)
    if match is None:
        return None
    names = _paths(match[1])
    return line[: match.start(1)] + _common(names) if names else None


def _paths(begun: str) -> list[str]:
    """The files and folders whose names begin so, as the user wrote them."""
    folder, slash, name = begun.rpartition("/")
    try:
        here = Path(folder + slash if slash else ".").expanduser()
        found = sorted(p for p in here.iterdir() if p.name.startswith(name) and (name or p.name[0] != "."))
        return [f"{folder}{slash}{p.name}{'/' if p.is_dir() else ''}" for p in found[:200]]
    except (OSError, RuntimeError, ValueError):
        return []


def _common(names: list[str]) -> str:
    """What all names begin with."""
    columns = takewhile(lambda column: len(set(column)) == 1, zip(*names, strict=False))
    return "".join(column[0] for column in columns)
