"""What the composer's commands do.

Owns one coroutine a command. Invariant: each says what became of it; a text that came with a command
leaves the composer only when the command has it.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from cma_tui.source import SourceError
from cma_tui.text import printable
from cma_tui.ui.drive import exporting, managing, slash
from cma_tui.ui.drive.panel import DrivePanel
from cma_tui.ui.drive.slash import COMMANDS, Parsed
from cma_tui.ui.keys import keymap_of
from cma_tui.ui.widgets.outbox import Entry

RUBRIC_LIMIT = 262_144
MOST_ITERATIONS = 20


class UsageError(Exception):
    """A command was not given what it takes. Its message is one line."""


async def run(panel: DrivePanel, written: str, command: Parsed) -> None:
    """Do what a command says; its text leaves the composer when it has been used."""
    if await _done(panel, command):
        panel.composer.taken(written)


async def _done(panel: DrivePanel, command: Parsed) -> bool:
    deed = DEEDS.get(command.name)
    if deed is None:
        name = printable(command.name, cap=40)
        known = command.name in COMMANDS
        keys = keymap_of(panel).keys("composer.leave", "session.answer", "approval.result")
        why = f"answers a tool: {keys} first" if known else slash.NO_COMMAND
        panel.say(f"/{name} {why}", "$error")
        return False
    try:
        return await deed(panel, command.rest)
    except UsageError as error:
        panel.say(f"/{command.name}: {error}", "$error")
    except SourceError as error:
        panel.say(str(error), "$error")
    return False


def _text(rest: str) -> str:
    if not rest:
        raise UsageError("needs a text")
    return rest


async def _approve(panel: DrivePanel, _rest: str) -> bool:
    panel.action_answer()
    return True


async def _outbox(panel: DrivePanel, _rest: str) -> bool:
    panel.action_outbox()
    return True


async def _edit(panel: DrivePanel, _rest: str) -> bool:
    panel.composer.text = ""
    panel.edit()
    return False


async def _help(panel: DrivePanel, _rest: str) -> bool:
    from cma_tui.ui.drive.sheet import TextSheet

    keymap = keymap_of(panel)
    lines = [f"/{name} {known.takes}".ljust(34) + known.words(keymap) for name, known in COMMANDS.items()]
    panel.app.push_screen(TextSheet("commands", "\n".join(lines)))
    return True


async def _interrupt(panel: DrivePanel, _rest: str) -> bool:
    await panel.interrupt()
    return True


async def _later(panel: DrivePanel, rest: str) -> bool:
    panel.post(f"/later {rest}", _text(rest), "idle")
    return True


async def _redirect(panel: DrivePanel, rest: str) -> bool:
    panel.post(f"/redirect {rest}", _text(rest), "redirect")
    return True


async def _system(panel: DrivePanel, rest: str) -> bool:
    block = {"type": "text", "text": _text(rest)}
    panel.put(Entry(f"system: {rest}", [{"type": "system.message", "content": [block]}]))
    return True


async def _outcome(panel: DrivePanel, rest: str) -> bool:
    panel.put(Entry(f"outcome: {rest}", [outcome_event(rest)]))
    return True


def outcome_event(rest: str) -> dict[str, Any]:
    """The outcome that a line defines.

    Raises:
        UsageError: something lacks, or is beyond what the API takes.
    """
    iterations = re.search(r"\s--iterations\s+(\S+)", rest)
    count = 3
    if iterations is not None:
        rest = rest[: iterations.start()] + rest[iterations.end() :]
        count = int(iterations[1]) if iterations[1].isdigit() else 0
    if not 1 <= count <= MOST_ITERATIONS:
        raise UsageError(f"--iterations is a number from 1 to {MOST_ITERATIONS}")
    description, found, rubric = rest.partition("--rubric")
    description, rubric = description.strip(), rubric.strip()
    if not description or not found or not rubric:
        raise UsageError("takes: TEXT --rubric TEXT|@FILE [--iterations N]")
    if rubric.startswith("@"):
        try:
            rubric = Path(rubric[1:]).expanduser().read_text(encoding="utf-8")
        except (OSError, RuntimeError, UnicodeDecodeError) as error:
            raise UsageError(f"the rubric cannot be read: {error}") from error
    if not rubric.strip() or len(rubric) > RUBRIC_LIMIT:
        raise UsageError(f"a rubric has 1 to {RUBRIC_LIMIT:,} characters")
    return {
        "type": "user.define_outcome",
        "description": description,
        "rubric": {"type": "text", "content": rubric},
        "max_iterations": count,
    }


async def _rules(panel: DrivePanel, _rest: str) -> bool:
    panel.switch_rules()
    return True


async def _title(panel: DrivePanel, rest: str) -> bool:
    return await managing.title(panel, _text(rest))


DEEDS: dict[str, Callable[[DrivePanel, str], Awaitable[bool]]] = {
    "approve": _approve,
    "archive": managing.archive,
    "attach": managing.attach,
    "budget": managing.budget,
    "delete": managing.delete,
    "download": managing.download,
    "files": managing.files,
    "title": _title,
    "edit": _edit,
    "export": exporting.export,
    "help": _help,
    "interrupt": _interrupt,
    "later": _later,
    "outbox": _outbox,
    "outcome": _outcome,
    "redirect": _redirect,
    "rules": _rules,
    "system": _system,
}
