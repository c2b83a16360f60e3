"""The help: every key on one page, first those of where one is.

Owns their order. Invariant: keys and words are those of the table of keys, as the user changed them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.dom import DOMNode
from textual.screen import ModalScreen
from textual.widgets import Static

from cma_tui.keymap import Keymap, is_character
from cma_tui.keys import SECTIONS, Section
from cma_tui.ui.cells import wrap
from cma_tui.ui.keys import bindings, ids_of, keymap_of, writes

_WIDTH = 100
"""Cells of the page, where there are so many."""
_EVERYWHERE = ("move", "panel", "app")
"""Sections that come after those of the place itself."""


class Help(ModalScreen[None]):
    """Closes with any of the keys that opened it."""

    DEFAULT_CSS = """
    Help { align: center middle; }
    Help > VerticalScroll { width: 100; max-width: 100%; height: auto; max-height: 100%; background: $surface;
                            border: round $accent; border-title-color: $accent; padding: 1 2;
                            scrollbar-size-vertical: 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = bindings(
        {
            "panel.leave": "dismiss",
            "app.help": "dismiss",
            "move.down": "scroll(1)",
            "move.up": "scroll(-1)",
        }
    )

    def __init__(self, around: Sequence[DOMNode]) -> None:
        super().__init__()
        self._here = keys_here(around, keymap_of(around[-1]))
        self._page = Static(markup=False)

    def compose(self) -> ComposeResult:
        """The page."""
        with VerticalScroll() as page:
            page.border_title = Content("keys")
            yield self._page

    def on_resize(self) -> None:
        """Wrap it anew."""
        width = min(_WIDTH, self.app.size.width) - 7
        self._page.update(_page(self._here, keymap_of(self), width))

    def action_scroll(self, by: int) -> None:
        """A line up or down."""
        self.query_one(VerticalScroll).scroll_relative(y=by, animate=False)


def keys_here(around: Sequence[DOMNode], keymap: Keymap) -> list[tuple[Section, frozenset[str]]]:
    """The sections of where one is, the nearest first, and what of them is meant there.

    Args:
        around: What has the focus, and what it is in.
        keymap: The keys.
    """
    writing = writes(around[0])
    found: dict[str, set[str]] = {}
    for node in around:
        ids = [
            name
            for name in ids_of(node)
            if node is around[0] or not writing or not all(map(is_character, keymap.of(name)))
        ]
        for name in sorted(ids, key=lambda name: name.split(".")[0] in _EVERYWHERE):
            found.setdefault(name.split(".")[0], set()).add(name)
    order = sorted(found, key=lambda name: name in _EVERYWHERE)
    named = {section.name: section for section in SECTIONS}
    return [(named[name], frozenset(found[name])) for name in order]


def _page(here: list[tuple[Section, frozenset[str]]], keymap: Keymap, width: int) -> Content:
    lines: list[Content] = []
    for section, ids in here:
        lines += _section(section, keymap, width, ids)
    shown = {name for _, ids in here for name in ids}
    elsewhere = [
        line
        for section in SECTIONS
        for line in _section(section, keymap, width, {action.id for action in section.actions()} - shown)
    ]
    if elsewhere:
        lines += [Content.styled(" elsewhere ".center(width, "─"), "$cma-quiet"), Content(""), *elsewhere]
    return Content("\n").join(lines[:-1])


def _section(section: Section, keymap: Keymap, width: int, ids: Iterable[str]) -> list[Content]:
    ids = frozenset(ids)
    rows = [row for row in section.rows if any(action.id in ids for action in row.actions)]
    if not rows:
        return []
    keys = 28 if width > 80 else 17 if width > 50 else 13
    lines = [Content.styled(section.title, "$accent bold")]
    for row in rows:
        does = wrap(row.does, width - keys - 2)
        shown = wrap(keymap.row(row, ids), keys - 2)
        for n in range(max(len(does), len(shown))):
            key = shown[n] if n < len(shown) else ""
            lines.append(
                Content.assemble(
                    Content.styled(f"  {key}{' ' * (keys - cell_len(key))}", "bold"),
                    does[n] if n < len(does) else "",
                )
            )
    return [*lines, Content("")]
