"""A session as a trace in Chrome's JSON format, for Perfetto and chrome://tracing.

Owns the tracks: for each agent thread its turns, model requests, tools and waits. Invariants: what overlaps
on one kind of track is on lanes of its own, so every slice nests; times are microseconds since the session
began.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from cma_tui.event import stamp_text
from cma_tui.report.export import facts
from cma_tui.report.export.part import Part, items_of
from cma_tui.report.lines import harmless_json
from cma_tui.report.words import agent_name, input_summary, tool_outcome
from cma_tui.session.model import Evaluation, Failure, ModelRequest, Session, ToolUse
from cma_tui.text import first_line

_PID = 1


class _Slice(msgspec.Struct):
    thread: str | None
    kind: str
    name: str
    start: float
    end: float
    args: dict[str, Any]


def write(session: Session, part: Part, figures: dict[str, Any]) -> Iterator[str]:
    """`{"traceEvents": […]}`: names of tracks, slices, and errors as instants."""
    zero = session.first_at or 0.0
    yield '{"displayTimeUnit":"ms","otherData":'
    yield harmless_json({"session": session.id or "", "begun": stamp_text(zero) if session.first_at else ""})
    yield ',"traceEvents":[\n'
    yield harmless_json(_meta("process_name", 0, facts.title(session)))
    tracks = _Tracks(session)
    for piece in sorted(_slices(session, part), key=lambda piece: (piece.start, -piece.end)):
        number, new = tracks.place(piece)
        for event in new:
            yield f",\n{harmless_json(event)}"
        yield ",\n" + harmless_json(
            {
                "ph": "X",
                "pid": _PID,
                "tid": number,
                "ts": round((piece.start - zero) * 1e6),
                "dur": round((piece.end - piece.start) * 1e6),
                "name": piece.name,
                "cat": piece.kind,
                "args": piece.args,
            }
        )
    for index in sorted(items_of(session, part)):
        item = session.items[index]
        if isinstance(item, Failure) and item.at is not None:
            yield ",\n" + harmless_json(
                {
                    "ph": "i",
                    "s": "p",
                    "pid": _PID,
                    "tid": 0,
                    "ts": round((item.at - zero) * 1e6),
                    "name": first_line(item.error_type, 100),
                    "cat": "error",
                    "args": {"message": first_line(item.message, 400)},
                }
            )
    yield "\n]}\n"


class _Tracks:
    """Which track a slice is on: the first lane of its kind and thread that is free."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._lanes: dict[tuple[str | None, str], list[tuple[int, float]]] = {}
        self._count = 0

    def place(self, piece: _Slice) -> tuple[int, list[dict[str, Any]]]:
        """The number of the track, and what introduces it when it is new."""
        lanes = self._lanes.setdefault((piece.thread, piece.kind), [])
        for place, (number, busy) in enumerate(lanes):
            if busy <= piece.start:
                lanes[place] = (number, piece.end)
                return number, []
        self._count += 1
        lanes.append((self._count, piece.end))
        who = "primary" if piece.thread is None else agent_name(self._session, piece.thread)
        name = f"{who} · {piece.kind}" + (f" {len(lanes)}" if len(lanes) > 1 else "")
        order = _meta("thread_sort_index", self._count, "") | {"args": {"sort_index": self._count}}
        return self._count, [_meta("thread_name", self._count, name), order]


def _slices(session: Session, part: Part) -> Iterator[_Slice]:
    for turn, wanted in zip(session.turns, part.figures(session.turns), strict=True):
        end = turn.ended_at if turn.ended else turn.last_at
        if wanted and part.thread is None and turn.started_at is not None and end is not None:
            args = {"stop_reason": turn.stop_reason or "open", "id": turn.key}
            yield _Slice(
                None, "turns", f"turn {turn.index + 1}", turn.started_at, max(end, turn.started_at), args
            )
    for index in sorted(items_of(session, part)):
        item = session.items[index]
        match item:
            case ModelRequest() if item.at is not None and item.ended_at is not None:
                usage = {} if item.usage is None else msgspec.to_builtins(item.usage)
                name = "failed request" if item.is_error else "model request"
                yield _Slice(item.thread, "model", name, item.at, max(item.at, item.ended_at), usage)
            case ToolUse():
                yield from _tool(session, item)
            case Evaluation() if item.at is not None and item.ended_at is not None:
                said = {"result": first_line(item.result or "", 60)}
                name = f"evaluation {item.iteration + 1}"
                yield _Slice(item.thread, "outcomes", name, item.at, max(item.at, item.ended_at), said)


def _tool(session: Session, use: ToolUse) -> Iterator[_Slice]:
    if use.at is None:
        return
    name = first_line(f"{use.server}/{use.name}" if use.server else use.name, 100)
    if use.confirmed_at is not None and use.confirmed_at > use.at:
        said = {"answer": use.confirmation or ""}
        yield _Slice(use.thread, "waiting for an answer", name, use.at, use.confirmed_at, said)
    took = use.duration
    if took is not None and use.result_at is not None:
        args = {
            "input": input_summary(use.name, session.events[use.event].data.get("input")),
            "outcome": tool_outcome(session, use)[0],
            "id": use.key,
        }
        yield _Slice(use.thread, "tools", name, use.result_at - took, use.result_at, args)


def _meta(kind: str, track: int, name: str) -> dict[str, Any]:
    return {"ph": "M", "pid": _PID, "tid": track, "name": kind, "args": {"name": name}}
