"""Rules at work in a session: what they answer, and the log of every answer that no person gave.

Owns `answers.jsonl` in the state folder. Invariants: nothing is answered by rule but what plainly asks
(permission `ask`, the session stands still for it); a line is on disk before an answer is sent, and
where none can be written nothing is answered; the log holds no input, only its hash.
"""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from cma_tui.private import PrivateError, open_private, private_folder
from cma_tui.rules import Decision, Rules
from cma_tui.session.model import Session, ToolUse

LOG = "answers.jsonl"


def asks(session: Session, use: ToolUse) -> bool:
    """Whether a tool use plainly waits for a yes or a no."""
    asks = use.awaited == "confirmation" and use.permission == "ask" and use.confirmation is None
    return asks and use.key in session.pending and session.stop_reason == "requires_action"


def ruling(session: Session, use: ToolUse, rules: Rules) -> Decision | None:
    """What the rules say of a tool use that waits; None where a person is to say it."""
    if not asks(session, use):
        return None
    data = session.events[use.event].data
    name, server = data.get("name"), data.get("mcp_server_name")
    if not isinstance(name, str) or (server is None) != (use.kind != "mcp"):
        return None
    return rules.decide(name, None if server is None else str(server), data.get("input"))


def confirmation(key: str, decision: Decision) -> dict[str, Any]:
    """The answer that a decision is."""
    event = {"type": "user.tool_confirmation", "tool_use_id": key, "result": decision.verdict}
    if decision.verdict == "deny":
        event["deny_message"] = decision.reason or "a rule of the user denies it"
    return event


def note(folder: Path, session: str, use: ToolUse, raw: bytes, decision: Decision, what: str) -> None:
    """Add a line to the log: `what` is `sending`, `sent`, or why it was not.

    Raises:
        OSError: it cannot be written.
    """
    line = {
        "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "session_id": session,
        "tool_use_id": use.key,
        "tool": use.name,
        "server": use.server,
        "sha256": sha256(raw).hexdigest(),
        "verdict": decision.verdict,
        "rule": decision.rule,
        "what": what,
    }
    try:
        private_folder(folder)
        handle = open_private(folder / LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    except PrivateError as error:
        raise OSError(f"{folder / LOG} {error}") from None
    try:
        os.write(handle, json.dumps(line).encode() + b"\n")
    finally:
        os.close(handle)
