"""Every key: what it does, its id in the configuration file, and what it is unless that says otherwise.

Owns the ids and the words of all keys; the bindings of the screen, the help, the palette and docs/keys.md are
made from this table. Invariants: an id is `section.name` and means one thing wherever it is bound; keys are
written as people read them (`]`, `PgDn`, `Ctrl+O`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple


class Action(NamedTuple):
    """One thing that keys do."""

    id: str
    keys: tuple[str, ...]
    does: str


class Row(NamedTuple):
    """Actions that the help tells of on one line."""

    does: str
    actions: tuple[Action, ...]


class Section(NamedTuple):
    """Rows that belong together."""

    name: str
    title: str
    rows: tuple[Row, ...]

    def actions(self) -> Iterator[Action]:
        """All of it."""
        return (action for row in self.rows for action in row.actions)


_Keys = tuple[str, str] | tuple[str, str, str]
"""A name, its keys, and what they do where that is not what the row says."""


def _section(name: str, title: str, *rows: tuple[str, *tuple[_Keys, ...]]) -> Section:
    return Section(
        name,
        title,
        tuple(
            Row(
                does,
                tuple(
                    Action(f"{name}.{own}", tuple(keys.split()), says[0] if says else does)
                    for own, keys, *says in actions
                ),
            )
            for does, *actions in rows
        ),
    )


_TENTHS = tuple((f"to-{n}0" if n else "to-start", str(n), f"go to {n}0 %") for n in range(10))

SECTIONS: tuple[Section, ...] = (
    _section(
        "move",
        "move",
        ("next, previous row or line", ("down", "j ↓", "down"), ("up", "k ↑", "up")),
        (
            "a page down, up",
            ("page-down", "PgDn Ctrl+D", "a page down"),
            ("page-up", "PgUp Ctrl+U", "a page up"),
        ),
        (
            "the first; the last, which the timeline then follows",
            ("first", "g Home", "to the first"),
            ("last", "G End", "to the last"),
        ),
    ),
    _section(
        "timeline",
        "timeline",
        ("detail of the row; fold or open a turn", ("open", "Enter")),
        ("all lines of a message; fold or open a turn", ("expand", "Space")),
        ("follow the end", ("follow", "F")),
        (
            "next, previous turn",
            ("next-turn", "]", "next turn"),
            ("previous-turn", "[", "previous turn"),
        ),
        (
            "next, previous thing that went wrong",
            ("next-error", "e", "next thing that went wrong"),
            ("previous-error", "E", "previous thing that went wrong"),
        ),
        (
            "next, previous tool use that waited for an answer",
            ("next-wait", "a", "next tool use that waited for an answer"),
            ("previous-wait", "A", "previous tool use that waited for an answer"),
        ),
        (
            "next, previous place where it was slow: 20 seconds or more",
            ("next-slow", ">", "next place where it was slow"),
            ("previous-slow", "<", "previous place where it was slow"),
        ),
        ("show less or more: quiet, normal, full", ("density", "Ctrl+O")),
        (
            "time as offset in the turn, by clock, since the start, or off",
            ("times", "T", "another time column: offset, clock, since the start, off"),
        ),
        ("leave a thread's timeline", ("leave-thread", "Esc", "back to the session's timeline")),
    ),
    _section(
        "find",
        "find",
        (
            "look for text, or for an /expression/; small letters find both cases",
            ("text", "/", "look for text"),
        ),
        ("next, previous hit", ("next", "n", "next hit"), ("previous", "N", "previous hit")),
        (
            "list some rows only: tool:bash error >5s !kind:model text",
            ("filter", "f", "filter: list some rows only"),
        ),
        (
            "go to a turn, an event, a time: 3, #120, +5m, 12:30:05, an id",
            ("place", ":", "go to a turn, an event, a time"),
        ),
        (
            "back to where one was before the last jump; again, further back",
            ("back", "`", "back to where one was before the last jump"),
        ),
        ("leave the search, then the filter", ("leave", "Esc")),
    ),
    _section(
        "copy",
        "take along",
        (
            "copy the text of the row; its events as JSON",
            ("text", "y", "copy the text of the row"),
            ("json", "Y", "copy the events of the row as JSON"),
        ),
        (
            "all its text in $PAGER, in $EDITOR",
            ("pager", "v", "read the row's whole text in $PAGER"),
            ("editor", "V", "open the row's whole text in $EDITOR"),
        ),
    ),
    _section(
        "detail",
        "detail",
        ("words or raw JSON", ("raw", "r")),
        ("words or a tree of its events", ("tree", "J", "words or a tree")),
        ("words, or how they arrived piece by piece", ("arrival", "D", "words, or how they arrived")),
        (
            "in the tree: unfold a row; fold it, or what it is in",
            ("unfold", "→", "unfold the row"),
            ("fold", "←", "fold the row"),
        ),
        ("in the tree: fold or unfold", ("fold-or-unfold", "Space", "fold or unfold the row")),
        (
            "in the tree: unfold all below; fold all",
            ("unfold-all", "Shift+→", "unfold all below"),
            ("fold-all", "Shift+←", "fold all"),
        ),
        ("in the tree: copy the row's value", ("copy-value", "y", "copy the row's value")),
        ("back to the timeline", ("leave", "Esc Enter q")),
    ),
    _section(
        "session",
        "session",
        ("write to the agent", ("write", "i")),
        (
            "go to what waits for an answer; only there do keys decide",
            ("answer", "!", "go to what waits for an answer"),
        ),
        ("what is not sent yet", ("outbox", "Q")),
        ("answer by your rules no more, or again", ("rules", "U")),
        ("interrupt the agent: press it twice", ("interrupt", "x", "interrupt the agent")),
        ("record the session to a file, or stop", ("record", "R")),
        ("connect, and look at the history, now", ("hurry", "r")),
        (
            "back to all sessions; choose another one, of a log that holds several",
            ("sessions", "s Esc", "back to all sessions, or to those of the log"),
        ),
        ("leave; the session goes on", ("leave", "q")),
    ),
    _section(
        "view",
        "views",
        (
            "turns, threads and time beside the timeline, where there is room for them; or not",
            ("beside", "B", "turns, threads and time beside the timeline, or not"),
        ),
        (
            "waterfall: the turn on a time axis, lane by lane",
            ("waterfall", "w", "waterfall: the turn on a time axis"),
        ),
        ("threads: who works for whom", ("threads", "t")),
        ("outline: the turns; letters narrow", ("outline", "o", "outline: the turns")),
        (
            "figures: turns, tools, threads, cost, where the time went",
            ("metrics", "M", "figures: turns, tools, threads, cost, time"),
        ),
        (
            "Braintrust: state, links to copy or open, errors of the turn",
            ("tracing", "b", "Braintrust: state, links, errors of the turn"),
        ),
        (
            "from a message between threads, or a thread's row, to its other end",
            ("link", "l", "to the other end of a message between threads"),
        ),
    ),
    _section(
        "composer",
        "composer",
        ("send", ("send", "Enter")),
        ("a new line", ("new-line", "Ctrl+J Alt+Enter Shift+Enter")),
        ("send when the agent rests", ("send-later", "Ctrl+L")),
        ("interrupt, and send in the same request", ("redirect", "Ctrl+R")),
        ("write in $EDITOR", ("editor", "Ctrl+G")),
        (
            "complete a /command or the name of an @file, which is attached",
            ("complete", "Tab", "complete a /command or an @file"),
        ),
        (
            "take back what was not sent, or what was written before; forward again",
            ("earlier", "↑", "take back what was not sent, or was written before"),
            ("later", "↓", "forward again in what was written before"),
        ),
        ("to the timeline", ("leave", "Esc", "from the composer to the timeline")),
    ),
    _section(
        "approval",
        "approval",
        (
            "allow, deny; deny with a reason",
            ("allow", "y", "allow"),
            ("deny", "n", "deny"),
            ("deny-reason", "N", "deny with a reason"),
        ),
        ("write the result of a tool that nobody runs", ("result", "r", "write the tool's result")),
        (
            "mark it; allow, deny the marked after a summary",
            ("mark", "Space", "mark it"),
            ("allow-marked", "Y", "allow the marked, after a summary"),
            ("deny-marked", "X", "deny the marked, after a summary"),
        ),
        (
            "the next, the previous of what waits",
            ("next", "→ Tab", "next of what waits"),
            ("previous", "←", "previous of what waits"),
        ),
        ("back to where one writes or reads", ("leave", "Esc", "leave the approval")),
    ),
    _section(
        "outbox",
        "not sent yet",
        ("change it", ("edit", "Enter e", "change what is not sent")),
        ("drop it", ("drop", "d Delete", "drop what is not sent")),
        ("send it now", ("send", "s")),
        ("back to where one writes or reads", ("leave", "Esc", "leave the outbox")),
    ),
    _section(
        "prompt",
        "a line to write on",
        (
            "what was written before; forward again",
            ("earlier", "↑", "what was written before"),
            ("later", "↓", "forward again"),
        ),
        ("never mind", ("leave", "Esc")),
    ),
    _section(
        "player",
        "replay, and rewinding a live session",
        (
            "play, pause; p and , and ← also rewind a live session, and End is back to now",
            ("play", "Space", "play or pause"),
            ("pause", "p", "stand still, or play"),
        ),
        ("one event further, back", ("step", ".", "one event further"), ("step-back", ",", "one event back")),
        (
            "one row further, back",
            ("row", "Shift+→", "one row further"),
            ("row-back", "Shift+←", "one row back"),
        ),
        (
            "one turn further, back",
            ("turn", "}", "play on from the next turn"),
            ("turn-back", "{", "play on from the turn before"),
        ),
        ("5 s further, back", ("skip", "→", "5 s further"), ("skip-back", "←", "5 s back")),
        ("to the start, 10 % … 90 %", *_TENTHS),
        (
            "go to a time, a share, a turn, an event, a note, or where a /text came (?text back)",
            ("seek", "S", "go to a moment: a time, a share, a turn, an event, a note, a /text"),
        ),
        (
            "faster, slower: 0.25 to 64 times, then without waiting",
            ("faster", "+", "faster"),
            ("slower", "-", "slower"),
        ),
        (
            "at the log's own speed; without waiting",
            ("real-speed", "=", "at the log's own speed"),
            ("instant", "*", "without waiting"),
        ),
        (
            "mark a row with a note; the marks",
            ("mark", "m", "mark a row with a note, or remove its mark"),
            ("marks", "'", "the marks"),
        ),
        (
            "stop at errors, approvals, compactions and notes",
            ("stops", "P", "stop at errors, approvals, compactions and notes, or not"),
        ),
        (
            "begin again at the end; keep or cut idle time",
            ("loop", "L", "begin again at the end, or not"),
            ("idle", "I", "keep or cut idle time"),
        ),
    ),
    _section(
        "waterfall",
        "waterfall",
        ("next, previous span", ("next", "Tab", "next span"), ("previous", "Shift+Tab", "previous span")),
        (
            "next, previous thing that went wrong",
            ("next-error", "e", "next error in the waterfall"),
            ("previous-error", "E", "previous error in the waterfall"),
        ),
        ("later, earlier", ("later", "l →", "later"), ("earlier", "h ←", "earlier")),
        (
            "nearer, further away; all of the turn",
            ("zoom-in", "+ =", "nearer"),
            ("zoom-out", "-", "further away"),
            ("all", "0 f", "all of the turn"),
        ),
        (
            "next, previous turn",
            ("next-turn", "]", "waterfall of the next turn"),
            ("previous-turn", "[", "waterfall of the previous turn"),
        ),
        ("go to its row in the timeline", ("open", "Enter")),
    ),
    _section(
        "threads",
        "threads",
        ("the thread's timeline", ("open", "Enter")),
        ("one timeline of all threads", ("all", "a")),
    ),
    _section(
        "outline",
        "outline",
        (
            "next, previous turn",
            ("down", "↓", "next turn in the outline"),
            ("up", "↑", "previous turn in the outline"),
        ),
        ("ten turns down, up", ("page-down", "PgDn", "ten turns down"), ("page-up", "PgUp", "ten turns up")),
        ("first, last turn", ("first", "Home", "first turn"), ("last", "End", "last turn")),
        ("go to the turn", ("open", "Enter")),
        ("one letter less", ("shorten", "Backspace")),
        ("show all turns again, then leave", ("leave", "Esc")),
    ),
    _section(
        "metrics",
        "figures",
        ("next, previous table", ("next", "Tab", "next table"), ("previous", "Shift+Tab", "previous table")),
        (
            "sort by the column to the right, to the left",
            ("sort-right", "→ >", "sort by the column to the right"),
            ("sort-left", "← <", "sort by the column to the left"),
        ),
        ("the other way round", ("reverse", "o", "sort the other way round")),
        ("go to the turn in the timeline", ("open", "Enter")),
    ),
    _section(
        "tracing",
        "Braintrust",
        ("copy the link", ("copy", "y")),
        ("open the link in a browser", ("open", "o")),
    ),
    _section(
        "overview",
        "all sessions",
        ("open it", ("open", "Enter", "open the session")),
        ("next that needs you", ("next-needy", "n")),
        ("filter by title, agent, id, metadata or state", ("filter", "/")),
        ("show all again", ("clear", "Esc", "show all sessions again")),
        (
            "order by something else; the other way round",
            ("order", "o", "order by something else"),
            ("reverse", "O", "order the other way round"),
        ),
        ("leave; the sessions go on", ("leave", "q")),
    ),
    _section(
        "panel",
        "views and pages",
        ("back", ("leave", "Esc q")),
        ("close a page of lines", ("close", "Enter", "close the page")),
    ),
    _section(
        "app",
        "everywhere",
        ("help: first the keys of where one is", ("help", "? F1", "help: every key")),
        ("every command by name", ("palette", "Ctrl+P")),
        ("twice: leave, whatever is on the screen", ("stop", "Ctrl+C", "leave, whatever is on the screen")),
    ),
)

ACTIONS: dict[str, Action] = {action.id: action for section in SECTIONS for action in section.actions()}


def of_section(section: str) -> tuple[str, ...]:
    """The ids of a section."""
    return tuple(name for name in ACTIONS if name.split(".")[0] == section)
