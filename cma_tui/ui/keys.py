"""Keys on the screen: bindings made from the table of keys, and which of them a key is.

Owns the way from the names that people read to Textual's. Invariants: a binding has an id of the table, with
its keys and words; what the user changed holds for bindings, help, palette and hints alike.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import cast

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.dom import DOMNode
from textual.widget import Widget

from cma_tui.keymap import DEFAULT, Keymap
from cma_tui.keys import ACTIONS

Hint = tuple[str, ...]
"""What keys do, and their ids."""
Said = tuple[str, str]
"""Keys, and what they do."""
_BETWEEN = "  "
_NAMES = {
    "Esc": "escape", "PgUp": "pageup", "PgDn": "pagedown", "↑": "up", "↓": "down", "←": "left", "→": "right",
    ",": "comma",
}  # fmt: skip


def textual_key(key: str) -> str:
    """A key by Textual's name; characters are left for it to name."""
    if len(key) == 1:
        return _NAMES.get(key, key)
    *modifiers, last = key.split("+") if key[-1] != "+" else [*key[:-2].split("+"), "+"]
    named = _NAMES.get(last, last.lower() if len(last) > 1 or "Ctrl" in modifiers else last)
    return "+".join([*(modifier.lower() for modifier in modifiers), named])


def textual_keys(keys: tuple[str, ...]) -> str:
    """Keys as a binding has them."""
    return ",".join(map(textual_key, keys))


def bindings(actions: Mapping[str, str], *, priority: Collection[str] = ()) -> list[BindingType]:
    """Bindings of a widget or screen: what it does, by its id in the table.

    Args:
        actions: Textual's action for each id.
        priority: Ids whose keys come before the widget that has the focus.
    """
    return [
        Binding(
            textual_keys(ACTIONS[name].keys),
            action,
            ACTIONS[name].does,
            show=False,
            priority=name in priority,
            id=name,
        )
        for name, action in actions.items()
    ]


def keymap_of(node: DOMNode) -> Keymap:
    """The keys that hold for a widget: its app's."""
    return cast(Keymap, getattr(node.app, "keymap", DEFAULT))


def own_bindings(node: DOMNode) -> Iterator[Binding]:
    """The bindings of a widget or screen that are the table's; of those that do the same, the first."""
    seen = set()
    for base in type(node).__mro__:
        for binding in base.__dict__.get("BINDINGS", ()):
            if isinstance(binding, Binding) and binding.id in ACTIONS and binding.action not in seen:
                if not binding.id.startswith("move."):  # a word of its own is better
                    seen.add(binding.action)
                yield binding


def ids_of(node: DOMNode) -> list[str]:
    """What keys mean to a widget or screen: what it looks at by itself (its `KEYS`), and its bindings."""
    return [*getattr(node, "KEYS", ()), *(str(binding.id) for binding in own_bindings(node))]


def hint_of(node: DOMNode, width: int, *hints: Hint, before: Said | None = None) -> list[tuple[str, str]]:
    """A line of keys and what they do, as many as fit: parts of a page."""
    line: list[tuple[str, str]] = []
    for keys, words in hints_that_fit(keymap_of(node), hints, width, before):
        line += [(_BETWEEN if line else "", ""), (keys, ""), (f" {words}", "quiet")]
    return line


def hint_content(said: Sequence[Said], key: str = "$foreground", word: str = "$cma-quiet") -> Content:
    """The same for a widget of one line, in these styles."""
    parts = [Content.assemble((keys, key), (f" {words}", word)) for keys, words in said]
    return Content(_BETWEEN).join(parts)


def hints_that_fit(
    keymap: Keymap, hints: Sequence[Hint], width: int, before: Said | None = None
) -> list[Said]:
    """Keys and what they do, in their order and as many as fit; the one that leaves comes before others."""
    said = [(keymap.keys(*ids), words) for words, *ids in hints]
    room, shown = width - (len(" ".join(before)) if before else 0), set[int]()
    for number in sorted(range(len(hints)), key=lambda number: not hints[number][-1].endswith(".leave")):
        needed = len(" ".join(said[number])) + (len(_BETWEEN) if before or shown else 0)
        if needed > room:
            break
        shown.add(number)
        room -= needed
    return [*([before] if before else []), *(said[number] for number in sorted(shown))]


def pressed(node: DOMNode, event: events.Key, ids: Collection[str]) -> str | None:
    """Which of these a key means to a widget that looks at its keys itself, before they are bindings."""
    keymap = keymap_of(node)
    for name in ids:
        for key in keymap.of(name):
            if event.key == textual_key(key) or (event.is_printable and event.character == key):
                return name
    return None


def writes(node: DOMNode | None) -> bool:
    """Whether characters are written where the focus is."""
    return isinstance(node, Widget) and node.check_consume_key("a", "a")
