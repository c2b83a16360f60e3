"""What is sent and what is said: events from a person's words, words from what is being written.

Owns the shapes of both. Invariant: pure; nothing here sends or draws.
"""

from __future__ import annotations

import json
from typing import Any

from cma_tui.keymap import Keymap
from cma_tui.source.blocks import attached, content
from cma_tui.source.delivery import Attempt
from cma_tui.source.drafts import Kept
from cma_tui.text import printable, size
from cma_tui.ui.drive import slash
from cma_tui.ui.widgets.composer import Aim
from cma_tui.ui.widgets.outbox import Entry


def confirmation_event(key: str, verdict: str, reason: str = "") -> dict[str, Any]:
    """A yes or a no."""
    event = {"type": "user.tool_confirmation", "tool_use_id": key, "result": verdict}
    return {**event, "deny_message": reason} if reason else event


def result_event(key: str, text: str, command: slash.Parsed | None) -> dict[str, Any]:
    """A custom tool's result, as a person writes it.

    Raises:
        ValueError: it is no JSON, or an unknown command.
        AttachError: a file cannot be sent.
    """
    is_error = False
    if command is not None:
        if command.name == "error":
            is_error, text = True, command.rest
        elif command.name == "json":
            text = json.dumps(json.loads(command.rest), ensure_ascii=False)
        else:
            raise ValueError(
                f"/{printable(command.name, cap=40)} is no way to answer: /json, /error, or text"
            )
    made = content(slash.message(text))
    if len(made) > 1 and text.strip().startswith("@") and len(text.split()) == 1:
        made = made[1:]  # nothing but a file
    return {
        "type": "user.custom_tool_result",
        "custom_tool_use_id": key,
        "content": made,
        "is_error": is_error,
    }


def slash_help(text: str, keymap: Keymap) -> str:
    """What the command that is being written does, or which it may become."""
    command = slash.parse(text)
    name = text.split(maxsplit=1)[0]
    found = slash.matching(name)
    known = slash.COMMANDS.get(command.name) if command is not None else None
    if known is not None and command is not None and (len(found) == 1 or " " in text):
        return f"/{command.name} {known.takes}: {known.words(keymap)}".replace(" :", ":")
    if not found:
        return f"{printable(name, cap=40)} {slash.NO_COMMAND}"
    return f"{'  '.join(f'/{one}' for one in found)}   {keymap.hint('completes', 'composer.complete')}"


def line_words(text: str, aim: Aim | None, keymap: Keymap) -> str:
    """What is being written, when it is more than words."""
    words = ""
    if aim is not None:
        words = f"{aim.words}{'' if aim.kind == 'reason' else ': text, /json, @file, or /error TEXT'}"
    elif text.startswith("/") and not text.startswith("//"):
        words = slash_help(text, keymap)
    files = [f"{printable(path.name, cap=60)} {size(length)}" for path, length in attached(text)]
    return f"{words}   attaches {', '.join(files)}".strip() if files else words


def kept(entry: Entry) -> Kept:
    """An entry as it is on disk."""
    attempt = entry.attempt
    known, at = (attempt.newest, attempt.at) if attempt is not None else ([], 0.0)
    return Kept(entry.text, entry.events, entry.when, known, at)


def restored(kept: Kept, keymap: Keymap) -> Entry:
    """An entry as it comes back: never sent by itself, and to be looked for when it may have been sent."""
    if not kept.at:
        there, sends = keymap.keys("composer.leave", "session.outbox"), keymap.hint("sends it", "outbox.send")
        return Entry(kept.text, kept.events, kept.when, "refused", f"from last time: {there}, then {sends}")
    attempt = Attempt(kept.events, kept.known, whole=False, at=kept.at)
    return Entry(kept.text, kept.events, kept.when, "unclear", "looking in the log", attempt)
