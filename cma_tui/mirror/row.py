"""One span as it is sent: its ids, its fields and its JSON.

Owns the shape of a row. Invariants: a row's ids follow from the session's id and from event ids alone, so
the same log gives the same rows on every machine and in every replay; a metric is a finite number; a row
that is complete says so in full, and a provisional one leaves out whatever only the end can tell.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from hashlib import blake2b, sha256
from math import isfinite
from typing import Any, Final
from uuid import UUID, uuid5

import msgspec

from cma_tui import __version__

NAMESPACE: Final = UUID("8d0bf7a4-6a0e-5c58-9a3e-0d1f5f3c7b21")
"""Never change it: rows that are on a server already would be written a second time."""

FIRST_TOKEN: Final = "time_to_first_token"  # noqa: S105 - a metric's name
"""Known only to who watched live. Its absence is no change: a replay must not send a row again for it."""

_KNOWN = 1024
"""Ids that are remembered: the session's and the turns' are named by many rows."""
_ORIGIN = msgspec.json.encode({"span_origin": {"name": "cma-top", "version": __version__}})
_REPLACED = [["input"], ["output"], ["error"]]
"""What a later version of a row replaces as a whole. The rest is merged: people's reviews are in there."""
_encode = msgspec.json.Encoder(order="sorted").encode


class Row(msgspec.Struct):
    """One span, by the names that Braintrust gives its fields."""

    key: str
    """What names it within its session: `session`, `turn:…`, `model:…`, `tool:…`, …"""
    name: str
    type: str
    """task, llm, tool or score."""
    parent: str | None
    """The key of the row above it."""
    input: Any = None
    output: Any = None
    error: str | None = None
    metadata: dict[str, Any] = msgspec.field(default_factory=dict)
    metrics: dict[str, float] = msgspec.field(default_factory=dict)
    scores: dict[str, float] = msgspec.field(default_factory=dict)
    tags: list[str] = msgspec.field(default_factory=list)
    rank: int = 1
    """A version never replaces one of a higher rank; 0 is provisional."""
    content: bool = True
    """False when input and output are withheld."""

    @property
    def live(self) -> bool:
        """Whether it holds what only a live watcher can know."""
        return FIRST_TOKEN in self.metrics


class Packed(msgspec.Struct, frozen=True):
    """A row ready to be sent: it is in this form that it is kept and compared."""

    id: str
    body: bytes
    digest: bytes
    """Of everything but what differs from one watcher to the next."""
    rank: int
    live: bool


def number(value: float | None) -> float | None:
    """The value if it may be a metric, else None."""
    if value is None or isinstance(value, bool):
        return None
    try:
        return value if isfinite(value) else None
    except OverflowError:
        return None


def known(**values: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON is any
    """The fields that are known: an unknown one is left out."""
    return {name: value for name, value in values.items() if value is not None}


def metrics(**values: float | None) -> dict[str, float]:
    """The metrics that are known: an unknown one is left out, never zero."""
    return known(**{name: number(value) for name, value in values.items()})


def seconds(value: float | None) -> float | None:
    """A moment or a length in seconds, to the microsecond."""
    moment = number(value)
    return None if moment is None else round(moment, 6)


@lru_cache(_KNOWN)
def row_id(session: str, key: str) -> str:
    """The id under which a row is stored."""
    return str(uuid5(NAMESPACE, f"{session}\x1f{key}"))


@lru_cache(_KNOWN)
def span_id(session: str, key: str) -> str:
    """The id that a row's children name."""
    return sha256(f"{NAMESPACE}\x1f{session}\x1f{key}".encode(errors="replace")).hexdigest()[:16]


@lru_cache(_KNOWN)
def trace_id(session: str) -> str:
    """The id that all rows of a session share."""
    return sha256(f"{NAMESPACE}\x1f{session}".encode(errors="replace")).hexdigest()[:32]


def payload(row: Row, session: str) -> dict[str, Any]:
    """A row as the server takes it, but for the note of who wrote it."""
    fields: dict[str, Any] = {
        "id": row_id(session, row.key),
        "span_id": span_id(session, row.key),
        "root_span_id": trace_id(session),
        "span_parents": [] if row.parent is None else [span_id(session, row.parent)],
        "span_attributes": {"name": row.name, "type": row.type},
        "metadata": row.metadata,
        "metrics": {name: value for name, value in row.metrics.items() if number(value) is not None},
        "_is_merge": True,
        "_merge_paths": _REPLACED,
    }
    if "start" in row.metrics:
        fields["created"] = datetime.fromtimestamp(row.metrics["start"], UTC).isoformat()
    if row.content and (row.rank > 0 or row.input is not None):
        fields["input"] = row.input
    if row.content and (row.rank > 0 or row.output is not None):
        fields["output"] = row.output
    if row.rank > 0 or row.error is not None:
        fields["error"] = row.error
    if row.scores:
        fields["scores"] = row.scores
    if row.tags:
        fields["tags"] = sorted(set(row.tags))
    return fields


def pack(row: Row, session: str) -> Packed:
    """A row as bytes. Its texts must be clean already: valid Unicode, and nothing secret."""
    fields = payload(row, session)
    core = _encode(fields)
    lasting = core
    if row.live:
        lasting = _encode(fields | {"metrics": {k: v for k, v in row.metrics.items() if k != FIRST_TOKEN}})
    body = core[:-1] + b',"context":' + _ORIGIN + b"}"
    return Packed(fields["id"], body, blake2b(lasting, digest_size=16).digest(), row.rank, row.live)
