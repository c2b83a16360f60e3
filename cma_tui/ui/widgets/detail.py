"""The detail of one row: its text and facts, its events as a tree or as raw JSON, and how it arrived.

Owns the view of it that is chosen, and the window on that. Invariants: all of a text can be read, however
long: it is set a window at a time (`passages`), and looked through in slices; what is unfolded and read stays
so when the item changes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Literal

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.message import Message
from textual.strip import Strip

from cma_tui.report import detail
from cma_tui.report.detail import Section
from cma_tui.report.tree import JsonTree
from cma_tui.session.model import Change, Session
from cma_tui.session.moments import Moments
from cma_tui.ui.cells import fit
from cma_tui.ui.entries import counterpart
from cma_tui.ui.keys import bindings, keymap_of
from cma_tui.ui.widgets import passages
from cma_tui.ui.widgets.markdown import is_markdown, markdown_console, set_markdown
from cma_tui.ui.widgets.passages import LongText, Passage, Passages, Ready
from cma_tui.ui.widgets.treeview import Rows
from cma_tui.ui.widgets.window import Window

View = Literal["words", "tree", "raw", "arrival"]
_NAMES = {"words": "", "tree": "tree", "raw": "raw JSON", "arrival": "as it arrived"}


class Detail(Window):
    """What is known of an item, seen through a window below its title."""

    DEFAULT_CSS = """
    Detail { width: 1fr; height: 1fr; display: none; background: $background; color: $foreground;
             border-left: solid $panel; padding: 0 1; }
    Detail.-open { display: block; }
    Detail:focus { border-left: solid $accent; }
    Detail > .detail--title { text-style: bold; color: $accent; }
    Detail > .detail--quiet { color: $cma-quiet; }
    Detail > .detail--name { color: $cma-tool; }
    Detail > .detail--came { color: $success; }
    Detail > .detail--went { color: $error; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        f"detail--{name}" for name in ("title", "quiet", "name", "came", "went")
    }
    BINDINGS: ClassVar[list[BindingType]] = bindings(
        {
            "detail.raw": "raw",
            "detail.tree": "tree",
            "detail.arrival": "arrival",
            "detail.fold-or-unfold": "fold_or_unfold",
            "detail.unfold": "unfold",
            "detail.fold": "fold",
            "detail.unfold-all": "unfold_all",
            "detail.fold-all": "fold_all",
            "detail.copy-value": "copy_value",
            "detail.leave": "leave",
        }
    )

    class Left(Message):
        """The user has seen enough."""

    class Taken(Message):
        """The user takes a value along; `path` says which."""

        def __init__(self, text: str, path: str) -> None:
            self.text, self.path = text, path
            super().__init__()

    def __init__(self) -> None:
        super().__init__()
        self._session: Session | None = None
        self._item = -1
        self._view: View = "words"
        self._title = ""
        self._made: dict[View, list[Section]] = {}
        """The sections of the views that were looked at, as long as the item is as it is."""
        self._tree: JsonTree | None = None
        self.more: Callable[[Session, int], list[Section]] = lambda session, item: []
        """What others than the log know of an item."""
        self.moments: Callable[[], Moments | None] = lambda: None
        """Gives the moments of the session, which keep how a text arrived."""

    # -- what it shows -----------------------------------------------------------------------------------

    def show(self, session: Session, item: int) -> None:
        """Show an item, from its beginning."""
        fresh = item != self._item
        self._session, self._item = session, item
        if fresh:
            self._tree = None
        self._title = detail.title(session, item)
        self._made.clear()
        self._set()
        if fresh:
            self.action_top()
            if self._pattern is not None:
                self.call_after_refresh(self.next_hit, 1, again=True)

    def shows(self, item: int) -> bool:
        """Whether this item is shown."""
        return item == self._item

    def refresh_item(self, session: Session, change: Change) -> None:
        """The session went on: draw the item again if it changed."""
        if self._session is not None and session is not self._session:
            again = counterpart(self._session, session, self._item)
            if again is None:
                self.action_leave()
                return
            self._item = again
        elif not change.reset and self._item not in change.redrawn:
            return
        self.show(session, self._item)

    def _change_view(self, view: View) -> None:
        """Change between words and another view; what was looked for is looked for there."""
        self._view = "words" if self._view == view else view
        self._set()
        self.action_top()

    def action_raw(self) -> None:
        """Change between words and raw JSON."""
        self._change_view("raw")

    def action_tree(self) -> None:
        """Change between words and the tree."""
        self._change_view("tree")

    def action_arrival(self) -> None:
        """Change between words and how they arrived."""
        self._change_view("arrival")

    def action_leave(self) -> None:
        """Close."""
        self._seeking = None
        self.post_message(self.Left())

    def on_resize(self) -> None:
        """Set the text anew for the width."""
        self._set()

    def repaint(self) -> None:
        """Set the text anew: the theme changed."""
        self._set()

    def _set(self) -> None:
        width = self.size.width
        if self._session is None or width < 4:
            return
        session, item = self._session, self._item
        if self._view == "tree":
            at, before = self.view.cursor, self._tree
            self._tree = JsonTree(detail.documents(session, item))
            self.view.cursor = self._tree.as_in(before, at) if before is not None else 0
            style = self.get_component_rich_style
            names, quiet = style("detail--name"), style("detail--quiet")
            hint = keymap_of(self).hint
            keys = f"{hint('copies all of it', 'detail.copy-value')}, {hint('shows it raw', 'detail.raw')}"
            self.set_pages(Rows(self._tree, width, self.rich_style, names, quiet, keys), by_rows=True)
        else:
            self.set_pages(self._text(session, item, width), by_rows=False)

    def _text(self, session: Session, item: int, width: int) -> Passage:
        base, style = self.rich_style, self.get_component_rich_style
        quiet, names = style("detail--quiet"), style("detail--name")
        tones = {"tool": names, "you": style("detail--title")}
        console = markdown_console(base, quiet, tones)
        setters = {
            "json": passages.json_text(width, base, names),
            "diff": passages.diff(width, base, style("detail--came"), style("detail--went"), quiet),
        }
        parts: list[Passage] = []
        if self._view not in self._made:
            self._made[self._view] = self._sections(session, item)
        for section in self._made[self._view]:
            heading = Strip([Segment(fit(section.title, width), quiet + Style(bold=True))])
            parts.append(Ready([Strip.blank(width, base), heading]))
            if section.language == "markdown" and is_markdown(section.text):
                shown = set_markdown(section.shown, width, base, console)
                parts.append(Ready([Strip(line) for line in shown]))
            else:
                setter = setters.get(section.language) or passages.plain(width, base)
                parts.append(LongText(section.text, width, setter))
        return Passages(parts)

    def _sections(self, session: Session, item: int) -> list[Section]:
        if self._view == "raw":
            return detail.raw_sections(session, item)
        if self._view == "arrival":
            return detail.pieces(session, item, self.moments())
        return [*detail.sections(session, item), *self.more(session, item)]

    def on_click(self, event: events.Click) -> None:
        """Put the cursor of the tree where the mouse is; a second click folds or unfolds."""
        at = self.view.at(event.get_content_offset_capture(self).y - 1)
        if self._view == "tree" and at is not None:
            self.view.go(at)
            self._moved()
            if event.chain > 1:
                self.action_fold_or_unfold()

    # -- the tree ------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What folds means something in the tree, and these keys are others' elsewhere."""
        return self._view == "tree" if action in _OF_THE_TREE else True

    def action_fold_or_unfold(self) -> None:
        """Fold or unfold the row."""
        self._fold_with(lambda tree, at: tree.fold(at) if tree.rows[at].open else tree.unfold(at))

    def action_unfold(self) -> None:
        """Unfold the row."""
        self._fold_with(lambda tree, at: tree.unfold(at))

    def action_fold(self) -> None:
        """Fold the row, or what it is in."""
        self._fold_with(lambda tree, at: tree.fold(at))

    def action_unfold_all(self) -> None:
        """Unfold all below the row."""
        self._fold_with(lambda tree, at: None if tree.unfold_all(at) else self.app.bell())

    def action_fold_all(self) -> None:
        """Fold all of the row's document."""
        self._fold_with(lambda tree, at: tree.fold_all(at))

    def _fold_with(self, act: Callable[[JsonTree, int], int | None]) -> None:
        if self._tree is None or not self._tree.rows:
            return
        there = act(self._tree, self.view.cursor)
        self._lines.clear()
        self.view.go(self.view.cursor if there is None else there)
        self._moved()

    def action_copy_value(self) -> None:
        """Take the row's value along."""
        if self._tree is not None and self._tree.rows:
            node = self._tree.rows[self.view.cursor]
            self.post_message(self.Taken(node.text(), node.path()))

    def _heading(self, width: int) -> Strip:
        """The title, and to its right which view this is and how far one has read."""
        style = self.get_component_rich_style
        node = self._tree.rows[self.view.cursor] if self._view == "tree" and self._tree else None
        where = node.path() if node is not None and node.depth else _NAMES[self._view]
        right = fit("  ".join(part for part in (where, self._share) if part), max(0, width - 12))
        title = fit(self._title, width - cell_len(right) - (2 if right else 0))
        gap = Segment(" " * (width - cell_len(title) - cell_len(right)), self.rich_style)
        return Strip([Segment(title, style("detail--title")), gap, Segment(right, style("detail--quiet"))])


_OF_THE_TREE = frozenset({"fold_or_unfold", "unfold", "fold", "unfold_all", "fold_all", "copy_value"})
