"""Events without their secrets, before anything is folded from them.

Owns the masking of one event. Invariants: every text of an event passes the redactor, keys and names
included; an event that changes keeps its type, its time, its stream and its place; ids stay ids, so what
belongs together stays together; text as it was being written, where a secret may be cut in two, is not kept.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from secrets import token_bytes
from typing import Any

from cma_tui.event import PREVIEW_TYPES, Event, bad_frame, decode, parse
from cma_tui.redact import Redactor

TEXT_CAP = 1_000_000
"""Characters of one text that are looked at and kept."""
_EVENT_CAP = 8_000_000
_SALT = token_bytes(16)


def masked(events: Iterable[Event], redactor: Redactor) -> Iterator[Event]:
    """The events without what the redactor finds in them."""
    return (mask_event(event, redactor) for event in events)


def mask_event(event: Event, redactor: Redactor) -> Event:
    """The event itself where there is nothing to mask, else what it is without it."""
    value = decode(event.raw)
    if not isinstance(value, dict) or event.type == "local.bad_frame":
        return _mask_frame(event, redactor)
    if event.type in PREVIEW_TYPES:
        clean = _wordless(value)
    else:
        clean = redactor.value(value, TEXT_CAP, _EVENT_CAP)
        for name, text in value.items():
            if isinstance(text, str) and (name == "id" or name.endswith("_id")) and clean.get(name) != text:
                clean[name] = f"masked_{_sign(text)}"
    if clean == value:
        return event
    raw = json.dumps(clean, ensure_ascii=False, separators=(",", ":")).encode()
    new = parse(raw, received_at=event.received_at, stream=event.stream)
    if new.id == event.id or not new.id:
        new.key = event.key
    return new


def _sign(text: str) -> str:
    """What stands for an id: the same for the same id in this run, and nothing can be learnt from it."""
    return blake2b(text.encode(errors="replace"), key=_SALT, digest_size=6).hexdigest()


def _mask_frame(event: Event, redactor: Redactor) -> Event:
    """Bytes that are no event: text to be masked like any other."""
    text = event.raw.decode("utf-8", "replace")
    clean = redactor.text(text, TEXT_CAP)
    if clean == text:
        return event
    frame = bad_frame(clean.encode(), event.name or "", received_at=event.received_at, stream=event.stream)
    frame.key = event.key
    return frame


def _wordless(value: Any) -> Any:  # noqa: ANN401 - JSON is any
    """A preview with a sign in the place of each text: when it came is all that is left of it."""
    if isinstance(value, dict):
        return {
            name: ("…" if name in ("text", "thinking") and inner else _wordless(inner))
            for name, inner in value.items()
        }
    return [_wordless(inner) for inner in value] if isinstance(value, list) else value


def report(redactor: Redactor) -> str:
    """What was masked, in one line."""
    if not redactor.masked:
        return "nothing found to mask; look at it before you share it"
    kinds = ", ".join(f"{number} × {kind}" for kind, number in sorted(redactor.kinds.items()))
    return f"masked {redactor.masked}: {kinds}; look at it before you share it"
