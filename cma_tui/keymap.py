"""Which keys do what: the table of `keys.py` with what the user changed.

Owns where keys meet, their names, and the check of the `[keys]` table of the configuration file. Invariants:
a `Keymap` made by `from_table` knows every id and every key it names, and no key means two things in one
place unless it does so by default; what decides about an approval needs a key of its own, a character.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from itertools import zip_longest

from cma_tui.checks import UnfitError
from cma_tui.keys import ACTIONS, Row, of_section

_SESSION = ("session", "view", "player", "app")
_LIST = (
    "overview.filter", "overview.clear", "overview.order", "overview.reverse", "overview.leave",
    "session.answer",
)  # fmt: skip
PLACES: dict[str, tuple[str, ...]] = {
    "timeline": ("timeline", "move", "copy", "find", *_SESSION),
    "detail": ("detail", "move", "copy", "find", *_SESSION),
    "find": ("prompt", "copy", "find", *_SESSION),
    "composer": ("composer", *_SESSION),
    "approval": ("approval", "move", *_SESSION),
    "outbox": ("outbox", "move.down", "move.up", *_SESSION),
    "waterfall": ("waterfall", "move.down", "move.up", "panel.leave", "view.waterfall", "app"),
    "threads": ("threads", "move", "panel.leave", "view.threads", "app"),
    "outline": ("outline", "app"),
    "metrics": ("metrics", "move", "panel.leave", "view.metrics", "app"),
    "tracing": ("tracing", "move.down", "move.up", "panel.leave", "view.tracing", "app"),
    "marks": ("move.down", "move.up", "panel.leave", "player.marks", "app"),
    "several": (
        "approval.allow", "approval.deny", "approval.deny-reason", "move.down", "move.up", "panel.leave",
        "app",
    ),
    "page": ("move.down", "move.up", "panel", "app"),
    "help": ("move.down", "move.up", "panel.leave", "app"),
    "line": ("prompt.leave", "app"),
    "overview": (*_LIST, "overview.open", "overview.next-needy", "move", "app"),
    "reply": ("approval", "move", *_LIST, "app"),
    "words": ("composer", *_LIST, "app"),
    "chooser": ("move.down", "move.up", "panel.leave", "app"),
}  # fmt: skip
"""Where one can be, and which keys mean something there, the nearest first: sections, or ids."""

DECIDING = frozenset(
    f"approval.{name}" for name in ("allow", "deny", "deny-reason", "allow-marked", "deny-marked")
)
"""What cannot be taken back: no key of these is one that is pressed without reading."""
WRITING = ("composer", "prompt", "outline")
"""Sections that hold where text is written: a character is written there, and can be no key."""
_NAMED = {
    "Enter": ("return",),
    "Space": (),
    "Esc": ("escape",),
    "Tab": (),
    "Backspace": (),
    "Delete": ("del",),
    "Insert": ("ins",),
    "Home": (),
    "End": (),
    "PgUp": ("pageup", "page-up"),
    "PgDn": ("pagedown", "page-down"),
    "↑": ("up",),
    "↓": ("down",),
    "←": ("left",),
    "→": ("right",),
    **{f"F{n}": () for n in range(1, 25)},
}
"""Keys that are no character, by the name that is shown, with other names for them."""
_SPOKEN = {other.lower(): name for name, others in _NAMED.items() for other in (name, *others)}
_ALIASES = {"Ctrl+H": "Backspace", "Ctrl+I": "Tab", "Ctrl+M": "Enter"}
"""What a terminal sends for the one is what it sends for the other."""
_FIXED = frozenset({"app.stop"})
"""What keeps its key."""


def of_place(place: str) -> list[str]:
    """The ids of a place, in order."""
    return [name for named in PLACES[place] for name in ((named,) if named in ACTIONS else of_section(named))]


def key_name(text: str) -> str:
    """A key by the name that is shown.

    Raises:
        UnfitError: there is no such key, or no terminal sends it.
    """
    if len(text) == 1 and text.isprintable() and text != " ":
        return text
    *before, last = re.split(r"\+(?=.)", text.strip())
    modifiers = {word.strip().lower() for word in before}
    named = _SPOKEN.get(last.lower())
    if not last or modifiers - {"ctrl", "alt", "shift"} or len(modifiers) != len(before):
        raise UnfitError(f"names no key: {text!r}")
    if named is None:
        if len(last) != 1 or not last.isprintable() or not modifiers:
            raise UnfitError(f"names no key: {text!r}")
        if "shift" in modifiers:
            raise UnfitError(f"has {text!r}: write the character that Shift gives, as in 'G'")
        if not re.fullmatch(r"[A-Za-z]" if "ctrl" in modifiers else r"[a-z0-9]", last):
            raise UnfitError(f"has {text!r}, which terminals do not send")
        named = last.upper() if "ctrl" in modifiers else last
    shown = "".join(f"{word.capitalize()}+" for word in ("ctrl", "alt", "shift") if word in modifiers) + named
    if shown in _ALIASES:
        raise UnfitError(f"has {text!r}, which terminals send as {_ALIASES[shown]}")
    return shown


def is_character(key: str) -> bool:
    """Whether the key writes a character where text is written."""
    return (len(key) == 1 and key not in "↑↓←→") or key == "Space"


class Keymap:
    """The keys of every action."""

    def __init__(self, changed: Mapping[str, tuple[str, ...]] | None = None) -> None:
        self.changed: Mapping[str, tuple[str, ...]] = dict(changed or {})
        """What the user changed."""

    def of(self, name: str) -> tuple[str, ...]:
        """The keys of an action."""
        return self.changed.get(name, ACTIONS[name].keys)

    def keys(self, *ids: str) -> str:
        """The first key of each action."""
        return " ".join(self.of(name)[0] for name in ids)

    def hint(self, words: str, *ids: str) -> str:
        """The first key of each action, and what they do together."""
        return f"{self.keys(*ids)} {words}"

    def row(self, row: Row, ids: frozenset[str] | None = None) -> str:
        """All keys of a row of the help, or of some of its actions: the first of each, then the second."""
        keys = [self.of(action.id) for action in row.actions if ids is None or action.id in ids]
        between = "  " if len(keys) > 1 else " "
        return between.join(" ".join(filter(None, nth)) for nth in zip_longest(*keys))

    def __str__(self) -> str:
        return ", ".join(f"{name}: {' '.join(keys)}" for name, keys in self.changed.items()) or "as they are"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Keymap) and other.changed == self.changed

    def __hash__(self) -> int:
        return hash(tuple(self.changed.items()))


DEFAULT = Keymap()


def from_table(value: object) -> Keymap:
    """The keymap that a table of the configuration file states.

    Raises:
        UnfitError: it names an id or a key that there is none of, or one key for two things.
    """
    if not isinstance(value, Mapping):
        raise UnfitError('must be a table of ids and keys, as in "session.interrupt" = "z"')
    changed: dict[str, tuple[str, ...]] = {}
    for name, keys in _flat(value):
        if name not in ACTIONS:
            nearest = difflib.get_close_matches(name, ACTIONS, n=1, cutoff=0.0)[0]
            raise UnfitError(f"has no action {name!r}; the nearest is {nearest}")
        if name in _FIXED:
            raise UnfitError(f"cannot change {name}: {ACTIONS[name].keys[0]} always leaves")
        changed[name] = _keys(name, keys)
    keymap = Keymap(changed)
    _check_conflicts(keymap)
    return keymap


def _flat(table: Mapping[object, object], before: str = "") -> Iterator[tuple[str, object]]:
    """The entries by id: `[keys] session.interrupt = "z"` is a table in a table."""
    for name, value in table.items():
        if isinstance(value, Mapping) and not before:
            yield from _flat(value, f"{name}.")
        else:
            yield f"{before}{name}", value


def _keys(name: str, value: object) -> tuple[str, ...]:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
        raise UnfitError(f"needs a key, or a list of keys, for {name}")
    try:
        keys = tuple(dict.fromkeys(key_name(text) for text in texts))
    except UnfitError as error:
        raise UnfitError(f"{error} (for {name})") from None
    for key in keys:
        if name in DECIDING and (not is_character(key) or key == "Space"):
            raise UnfitError(f"cannot have {key} for {name}: what decides needs a character of its own")
        if name.split(".", maxsplit=1)[0] in WRITING and is_character(key):
            raise UnfitError(f"cannot have {key} for {name}: it is written there")
    return keys


def _check_conflicts(keymap: Keymap) -> None:
    for place in PLACES:
        held: dict[str, list[str]] = {}
        for name in of_place(place):
            for key in keymap.of(name):
                for other in held.setdefault(key, []):
                    if not set(DEFAULT.of(name)) & set(DEFAULT.of(other)):
                        raise UnfitError(
                            f"has {key!r} for both {other} and {name}, which meet in the {place}"
                        )
                held[key].append(name)
