"""Turns to Braintrust: beside a live session, and after the fact from a log.

Owns when the mirror is on. Invariants: without a key nothing of it is imported or started; a file is
traced only when that is asked for.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from cma_tui.commands.exits import CommandError, Exit
from cma_tui.commands.output import Output
from cma_tui.commands.stats import sessions_of
from cma_tui.commands.targets import target

if TYPE_CHECKING:
    from cma_tui.mirror import Mirror
    from cma_tui.settings import Settings
    from cma_tui.source import Source


def mirror_of(settings: Settings, mode: str | None) -> Mirror | None:
    """The mirror for a live session; None without a key, or when it is off.

    Raises:
        CommandError: a value of the environment cannot be used.
    """
    if settings.braintrust_api_key is None or mode == "off":
        return None
    from cma_tui.mirror import TargetError, mirror_for

    try:
        mirror = mirror_for(settings, os.environ, mode=mode)
    except TargetError as error:
        raise CommandError(str(error), Exit.USAGE) from error
    return mirror if mirror.mode != "off" else None


def send(
    word: str,
    settings: Settings,
    opener: Callable[[str], Callable[[], Awaitable[Source]]],
    *,
    mode: str | None = None,
    deadline: float = 60.0,
) -> int:
    """Send the turns of a log or a session that Braintrust does not have yet. Returns the exit code."""
    if settings.braintrust_api_key is None:
        raise CommandError("nothing is sent: BRAINTRUST_API_KEY is not set", Exit.USAGE)
    mirror = mirror_of(settings, mode)
    if mirror is None:
        raise CommandError("nothing is sent: tracing is off", Exit.USAGE)
    for session in sessions_of(target(word), opener):
        mirror.add_log(session, deadline)
        link = mirror.link(session)
        break
    status = mirror.close(deadline)
    said = [status.words.removeprefix("braintrust "), *([link] if link else [])]
    output = Output()
    output.write(line.encode(output.encoding, "replace") for line in said)
    if status.waiting or status.failed:
        raise CommandError(status.farewell)
    return Exit.DONE
