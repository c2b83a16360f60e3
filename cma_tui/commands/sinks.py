"""What a session goes into beside the screen: a recording, and Braintrust.

Owns when the mirror is on, and where recordings go when nobody says. Invariant: without a key nothing of the
mirror is imported or started, and whoever asked for it is told so in one line.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cma_tui.commands.exits import CommandError, Exit
from cma_tui.commands.options import Trace
from cma_tui.commands.output import say

if TYPE_CHECKING:
    from cma_tui.mirror import Mirror
    from cma_tui.recorder import Recorder
    from cma_tui.settings import Settings


def recordings(settings: Settings) -> Path:
    """The folder of the recordings."""
    return settings.state_dir / "recordings"


def recorder_for(settings: Settings) -> Callable[[], Recorder]:
    """What makes the recorder of a screen."""

    def make() -> Recorder:
        from cma_tui.recorder import Recorder

        return Recorder(recordings(settings))

    return make


def mirror_of(settings: Settings, trace: Trace) -> Mirror | None:
    """The mirror for a session on the screen; None without a key, or when it is off.

    Raises:
        CommandError: a setting cannot be used.
    """
    if trace.mode == "on" and settings.trace == "off":
        settings = replace(settings, trace="batch")
    if settings.braintrust_api_key is None or settings.trace == "off":
        if trace.asked:
            say("turns are not sent to Braintrust: BRAINTRUST_API_KEY is not set")
        return None
    mirror = made_mirror(settings)
    if mirror.mode == "off" and trace.asked:
        say(mirror.note)
    return mirror if mirror.mode != "off" else None


def made_mirror(settings: Settings) -> Mirror:
    """The mirror, as it is set.

    Raises:
        CommandError: there is no key, or a setting cannot be used.
    """
    from cma_tui.mirror import TargetError, mirror_for

    if settings.braintrust_api_key is None:
        raise CommandError("nothing is sent: BRAINTRUST_API_KEY is not set", Exit.USAGE)
    try:
        return mirror_for(settings, os.environ)
    except TargetError as error:
        raise CommandError(str(error), Exit.USAGE) from error
