"""The session as a document, from its screen.

Owns the way from the log that is here to a file. Invariants: it is masked before it is folded, unless the
user says otherwise; a file is 0600, never replaced, and whole or not there; the screen goes on meanwhile.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from cma_tui.event import Event
from cma_tui.feed import fold_all
from cma_tui.private import PrivateError, write_private
from cma_tui.redact import PatternError, Redactor
from cma_tui.report.export import FORMATS, document, format_of
from cma_tui.report.export.masking import masked, report
from cma_tui.report.export.part import Part
from cma_tui.source import SourceError
from cma_tui.ui.drive import managing
from cma_tui.ui.drive.panel import DrivePanel

OPEN = "--no-redact"


async def export(panel: DrivePanel, rest: str) -> bool:
    """Write the session to a file of the form that its name asks for."""
    words = rest.split()
    name = " ".join(word for word in words if word != OPEN)
    if format_of(name) is None:
        endings = " ".join(form.endings[0] for form in FORMATS.values())
        raise SourceError(f"/export takes a FILE that ends in one of {endings}")
    path = managing.path_of(name)
    panel.say(f"writing {path}")
    try:
        redactor = None if OPEN in words else panel.redactor()
        events = [*panel.feed.session.events]
        said = await asyncio.to_thread(_write, path, events, redactor)
    except (PatternError, PrivateError) as error:
        raise SourceError(f"{path}: {error}") from error
    except FileExistsError:
        raise SourceError(f"{path}: exists already") from None
    except OSError as error:
        raise SourceError(f"{path}: cannot be written: {error.strerror or error}") from error
    panel.say(f"wrote {path.name}; {said}", "$success")
    return True


def _write(path: Path, events: list[Event], redactor: Redactor | None) -> str:
    session = fold_all(events if redactor is None else masked(events, redactor))
    write_private(path, document(session, Part(), str(format_of(path.name))), replace=False)
    return "nothing was masked, as asked" if redactor is None else report(redactor)
