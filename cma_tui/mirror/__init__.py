"""Every turn of a session in Braintrust, exactly once.

    mirror = mirror_for(settings, os.environ)
    mirror.update(feed.session, book, change)  # after each fold, on the caller's thread
    header.show(mirror.status.short)           # braintrust 2 sent, 1 open
    mirror.close()                             # takes two seconds at most
    line = mirror.farewell                     # to be said when the screen is gone

Owns the way from a folded session to the service: `due` knows which turns, `cut` copies one, `spans` makes
rows of it, `redact` cleans them, `outbox` keeps them on disk and `upload` sends them through `service`.
Invariant: whoever calls never waits, nothing is lost that the disk has taken, and no row is on the server
twice, whatever crashes.
"""

from __future__ import annotations

from collections.abc import Mapping

from cma_tui.mirror.mirror import Mirror
from cma_tui.mirror.status import Status
from cma_tui.mirror.target import Target, TargetError, target_from
from cma_tui.redact import PatternError
from cma_tui.settings import DEFAULT_BASE_URL, Settings, known_secrets

__all__ = [
    "NO_KEY",
    "Mirror",
    "PatternError",
    "Status",
    "Target",
    "TargetError",
    "mirror_for",
    "target_from",
]

NO_KEY = "turns are not sent to Braintrust: BRAINTRUST_API_KEY is not set"
_OFF = "turns are not sent to Braintrust: tracing is off"


def mirror_for(settings: Settings, env: Mapping[str, str]) -> Mirror:
    """The mirror that the settings ask for; without a key off, with a note that says so.

    Args:
        settings: the settings of this run.
        env: the environment, whose secrets are masked.

    Raises:
        TargetError: a value cannot be used; the message is one line.
    """
    folder = settings.state_dir / "braintrust"
    if settings.trace == "off":
        return Mirror(None, folder, mode="off", note=_OFF)
    if settings.trace_sample == 0:
        return Mirror(None, folder, mode="off", note=f"{_OFF}, the share of sessions is 0")
    target = target_from(settings)
    if target is None:
        return Mirror(None, folder, mode="off", note=NO_KEY)
    try:
        return Mirror(
            target,
            folder,
            mode=settings.trace,
            sample=settings.trace_sample,
            secrets=known_secrets(settings, env),
            patterns=settings.trace_mask,
            namespace="" if settings.base_url == DEFAULT_BASE_URL else settings.base_url,
        )
    except PatternError as error:
        raise TargetError(str(error)) from None
