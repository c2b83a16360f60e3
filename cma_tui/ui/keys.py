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
            ("a A", "next, previous tool use that waited for an answer"),
            ("> <", "next, previous place where it was slow: 20 seconds or more"),
            ("Enter", "detail of the row; fold or open a turn"),
            ("Space", "all lines of a message; fold or open a turn"),
            ("Ctrl+O", "show less or more: quiet, normal, full"),
            ("T", "time as offset in the turn, by clock, since the start, or off"),
        ),
    ),
    (
        "find",
        (
            ("/", "look for text, or for an /expression/; small letters find both cases"),
            ("n N", "next, previous hit"),
            ("f", "list some rows only: tool:bash error >5s !kind:model text"),
            (":", "go to a turn, an event, a time: 3, #120, +5m, 12:30:05, an id"),
            ("`", "back to where one was before the last jump; again, further back"),
            ("Esc", "leave the search, then the filter"),
        ),
    ),
    (
        "take along",
        (
            ("y Y", "copy the text of the row; its events as JSON"),
            ("v V", "all its text in $PAGER, in $EDITOR"),
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
            ("Enter", "send; Ctrl+J or Alt+Enter begins a new line; ↑ takes back or recalls"),
            ("Ctrl+L", "send when the agent rests"),
            ("Ctrl+R", "interrupt, and send in the same request"),
            ("Ctrl+G", "write in $EDITOR"),
            ("Tab", "complete a /command or the name of an @file, which is attached"),
            ("!  then y or n", "answer a tool use that waits for you; N denies with a reason"),
            ("!  then r", "write the result of a tool that nobody runs"),
            ("!  then Space, Y or X", "mark several; allow, deny the marked after a summary"),
            ("Q", "what is not sent yet: Enter changes it, d drops it, s sends it now"),
            ("x x", "interrupt the agent (twice)"),
            ("p  ←  ,", "stand still; rewind: then the keys of a replay hold, and End is back to now"),
            ("r", "connect, and look at the history, now"),
            ("R", "record the session to a file, or stop"),
        ),
    ),
    (
        "replay",
        (
            ("Space p", "play, pause"),
            (". ,", "one event further, back"),
            ("Shift+→ Shift+←", "one row further, back"),
            ("} {", "one turn further, back"),
            ("→ ←", "5 s further, back"),
            ("0 1 2 3 4 5 6 7 8 9", "to 0 %, 10 % … 90 %"),
            ("S", "go to a time, a share, a turn, an event, a note"),
            ("+ -", "faster, slower: 0.25 to 64 times, then without waiting"),
            ("= *", "at the log's own speed; without waiting"),
            ("m '", "mark a row with a note; the marks"),
            ("P", "stop at errors, approvals, compactions and notes"),
            ("L I", "begin again at the end; keep or cut idle time"),
            ("s", "choose another session, of a log that holds several"),
        ),
    ),
    (
        "all sessions",
        (
            ("j k  ↓ ↑", "next, previous session (also PgDn, PgUp, g, G)"),
            ("n", "next that needs you"),
            ("Enter", "open it; s or Esc comes back to the same row"),
            ("!", "answer what it asks, as in its own screen; Esc goes back to the list"),
            ("/", "filter by title, agent, id, metadata or state; Esc shows all again"),
            ("o O", "order by something else; the other way round"),
        ),
    ),
    (
        "everywhere",
        (
            ("o", "outline: the turns; letters narrow, Enter goes there"),
            ("w", "waterfall: the turn on a time axis, lane by lane"),
            ("t", "threads: who works for whom; Enter a thread's timeline, a all in one, Esc back"),
            ("l", "from a message between threads, or a thread's row, to its other end"),
            ("M", "figures: turns, tools, threads, cost, where the time went"),
            ("? F1", "this help"),
            ("b", "Braintrust: state, links to copy or open, errors of the turn"),
            ("Ctrl+P", "every command by name"),
            ("q", "leave; the session goes on"),
        ),
    ),
)
