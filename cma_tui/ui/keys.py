"""Every key and what it does, for the help and for nothing else.

Owns the words of the help. Invariant: each key here is bound where its group says, which a test checks.
"""

from __future__ import annotations

GROUPS: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    (
        "timeline",
        (
            ("j k  ↓ ↑", "next, previous row"),
            ("PgDn PgUp  Ctrl+D Ctrl+U", "a page down, up"),
            ("g  G", "first row; the end, and follow it (also End, F)"),
            ("] [", "next, previous turn"),
            ("e E", "next, previous thing that went wrong"),
            ("Enter", "detail of the row; fold or open a turn"),
            ("Space", "all lines of a message; fold or open a turn"),
            ("Ctrl+O", "show less or more: quiet, normal, full"),
            ("T", "time as offset in the turn, by clock, since the start, or off"),
        ),
    ),
    (
        "detail",
        (
            ("r", "words or raw JSON"),
            ("Esc  Enter  q", "back"),
        ),
    ),
    (
        "live",
        (
            ("i", "write to the agent"),
            ("Enter", "send; Ctrl+J or Alt+Enter begins a new line; ↑ recalls"),
            ("!  then y or n", "answer a tool use that waits for you"),
            ("x x", "interrupt the agent (twice)"),
        ),
    ),
    (
        "replay",
        (
            ("Space", "play, pause"),
            (".", "one event further"),
            ("+ -", "faster, slower"),
        ),
    ),
    (
        "everywhere",
        (
            ("? F1", "this help"),
            ("Ctrl+P", "every command by name"),
            ("q", "leave; the session goes on"),
        ),
    ),
)
