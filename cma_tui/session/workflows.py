"""Dynamic workflow runs.

Owns `Session.runs`. Invariant: a run is what its events say; no event of a run touches the turn.
"""

from __future__ import annotations

from cma_tui.content import as_dict, as_list, as_text
from cma_tui.event import Event
from cma_tui.session import own
from cma_tui.session.model import Change, Item, Session
from cma_tui.session.place import own_stream, place, renamed, speaks_of
from cma_tui.session.turns import current


def step(session: Session, event: Event, ordinal: int, change: Change) -> None:
    """One event of a run: what it says of the run, its phases or its end."""
    item = Item(ordinal, event.type, event.at, current(session), own_stream(session, event))
    index = place(session, item, change)
    change.header = True
    data = event.data
    key = as_text(data.get("workflow_run_id"))
    if key is None:
        return
    speaks_of(session, index, key)
    run = own.run(session, key)
    phase = as_text(data.get("workflow_run_phase_id"))
    match event.type.removeprefix("workflow_run."):
        case "created":
            run.name, run.created_at = as_text(data.get("name")), event.at
            for fields in map(as_dict, as_list(data.get("phases"))):
                run.phases[str(fields.get("id"))] = as_text(fields.get("name")) or str(fields.get("id"))
            renamed(session, key, change)
        case "status_running":
            run.status = "running"
        case "status_idle":
            run.status = "idle"
        case "phase_started" if phase is not None:
            run.open_phases.append(phase)
        case "phase_ended" if phase is not None and phase in run.open_phases:
            run.open_phases.remove(phase)
        case "error":
            error = as_dict(data.get("error"))
            run.error = as_text(error.get("message")) or as_text(error.get("type"))
        case "status_ended":
            run.status, run.ended_at = "ended", event.at
            run.result = as_text(as_dict(data.get("result")).get("type"))
            run.open_phases.clear()
