"""Every turn of a session in Braintrust, exactly once.

    mirror = mirror_for(settings, os.environ)
    mirror.update(feed.session, change)     # after each fold, on the caller's thread
    header.show(mirror.status.words)        # braintrust 2 sent, 1 open
    line = mirror.close(2.5).farewell       # to be said when the screen is gone

Owns the way from a folded session to the service: `cut` copies a turn, `spans` makes rows of it, `redact`
cleans them, `outbox` keeps them on disk and `upload` sends them. Invariant: whoever calls never waits,
nothing is lost that the disk has taken, and no row is on the server twice, whatever crashes.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from cma_tui.mirror.errors import TurnError, turn_errors
from cma_tui.mirror.mirror import MODES, Mirror, Mode
from cma_tui.mirror.outbox import LIMIT
from cma_tui.mirror.redact import PatternError, Redactor
from cma_tui.mirror.status import Status
from cma_tui.mirror.target import VARIABLES, Target, TargetError, target_from
from cma_tui.session.model import Session
from cma_tui.settings import DEFAULT_BASE_URL, Settings

__all__ = [
    "MODES",
    "VARIABLES",
    "Mirror",
    "Mode",
    "PatternError",
    "Status",
    "Target",
    "TargetError",
    "TurnError",
    "mirror_for",
    "mirror_log",
    "target_from",
    "turn_errors",
]

_NO_KEY = "turns are not sent to Braintrust: BRAINTRUST_API_KEY is not set"


def mirror_for(
    settings: Settings,
    env: Mapping[str, str],
    *,
    mode: str | None = None,
    sample: float | None = None,
    parent: str | None = None,
) -> Mirror:
    """The mirror that the settings and the environment ask for; without a key off, with a note that says so.

    Args:
        settings: the settings of this run.
        env: the environment.
        mode: one of `MODES`; without it CMA_TOP_TRACE counts, then `batch`.
        sample: share of the sessions; without it CMA_TOP_TRACE_SAMPLE counts, then all.
        parent: what to hang sessions below; without it BRAINTRUST_PARENT counts.

    Raises:
        TargetError: a value cannot be used; the message is one line.
    """
    chosen = mode or env.get("CMA_TOP_TRACE", "").strip() or "batch"
    if chosen not in MODES:
        raise TargetError(f"the mode of tracing must be one of {', '.join(MODES)}, not {chosen!r}")
    rate = _rate(env.get("CMA_TOP_TRACE_SAMPLE", "").strip()) if sample is None else sample
    if not 0 <= rate <= 1:
        raise TargetError(f"the share of sessions to trace must be from 0 to 1, not {rate:g}")
    folder = settings.state_dir / "braintrust"
    off = "turns are not sent to Braintrust: tracing is off"
    if chosen == "off":
        return Mirror(None, folder, mode="off", note=off)
    if rate == 0:
        return Mirror(None, folder, mode="off", note=f"{off}, the share of sessions is 0")
    target = target_from(env, settings.braintrust_api_key, parent=parent)
    if target is None:
        return Mirror(None, folder, mode="off", note=_NO_KEY)
    try:
        return Mirror(
            target,
            folder,
            mode=next(known for known in MODES if known == chosen),
            sample=rate,
            secrets=_secrets(settings, env),
            patterns=[line for line in env.get("CMA_TOP_TRACE_MASK", "").splitlines() if line.strip()],
            namespace="" if settings.base_url == DEFAULT_BASE_URL else settings.base_url,
        )
    except PatternError as error:
        raise TargetError(str(error)) from None


def mirror_log(
    session: Session,
    target: Target,
    folder: Path,
    *,
    mode: Mode = "batch",
    secrets: tuple[str, ...] = (),
    deadline: float = 60.0,
    limit: int = LIMIT,
) -> Status:
    """Send a finished log's turns. What the server has already, live or from another run, is not sent again.

    Args:
        session: the folded log.
        target: where to send.
        folder: where turns wait.
        mode: `batch` or `metadata`.
        secrets: values to mask wherever they stand.
        deadline: seconds it may take; what is not sent by then waits on disk.
        limit: bytes that may wait on disk.
    """
    mirror = Mirror(target, folder, mode=mode, secrets=secrets, limit=limit)
    mirror.add_log(session, deadline)
    return mirror.close(deadline)


def _rate(text: str) -> float:
    if not text:
        return 1.0
    try:
        return float(text)
    except ValueError:
        raise TargetError(f"CMA_TOP_TRACE_SAMPLE must be a number from 0 to 1, not {text!r}") from None


def _secrets(settings: Settings, env: Mapping[str, str]) -> list[str]:
    """The values of our own keys, and of whatever else in the environment has a secret's name."""
    own = [
        settings.api_key,
        settings.auth_token,
        settings.braintrust_api_key,
        *settings.extra_headers.values(),
    ]
    named = Redactor().secret_name
    return [secret.reveal() for secret in own if secret is not None] + [
        value for name, value in env.items() if named(name)
    ]
