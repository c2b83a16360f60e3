"""The lines below the timeline: what is looked for, and which rows are listed.

Owns their words. Invariant: what is not known yet is said with how much has been read.
"""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

from cma_tui.keymap import Keymap
from cma_tui.report.filter import Filter
from cma_tui.text import first_line
from cma_tui.ui.entries import Entries
from cma_tui.ui.search import Search

TOO_SLOW = "this expression takes too long on some text"


class FindLine(Static):
    """One of them; not there while it has nothing to say."""

    DEFAULT_CSS = """
    FindLine { height: 1; width: 1fr; padding: 0 1; background: $surface; display: none;
               text-wrap: nowrap; text-overflow: ellipsis; }
    FindLine.-shown { display: block; }
    """

    def __init__(self) -> None:
        super().__init__(markup=False)

    def show(self, line: Content) -> None:
        """Say this."""
        self.update(line)
        self.add_class("-shown")

    def hide(self) -> None:
        """Say nothing."""
        self.remove_class("-shown")


def found_words(search: Search, rank: int | None) -> str:
    """How many rows hold what is looked for, and which of them is shown."""
    if search.failed:
        return TOO_SLOW
    total = f"{search.hits:,}" if search.done else f"{search.hits:,} so far, {search.share:.0%} read"
    if rank:
        return f"{rank:,} of {total}"
    return total if search.hits or not search.done else "nothing found"


def search_line(search: Search, said: str, inside: str, keymap: Keymap) -> Content:
    """What is looked for, what was found, and where the hit is when its row does not show it."""
    keys = (keymap.hint("next, previous", "find.next", "find.previous"), keymap.hint("back", "find.leave"))
    return Content.assemble(
        Content.styled(f"/{first_line(search.pattern.source, 60)}", "$accent bold"),
        f"   {said}   ",
        Content.styled(" · ".join(keys), "$cma-quiet"),
        *([f"   inside: {inside}"] if inside else []),
    )


def filter_line(wanted: Filter, entries: Entries, keymap: Keymap) -> Content:
    """Which rows are listed, and how many they are."""
    share = entries.looked_at / max(1, len(entries.session.items))
    rest = f", {share:.0%} read" if entries.behind else ""
    keys = (keymap.hint("changes", "find.filter"), keymap.hint("shows all", "find.leave"))
    return Content.assemble(
        Content.styled("filter ", "$accent bold"),
        Content(first_line(wanted.source, 100)),
        f"   {entries.count:,} of {entries.rows:,} rows{rest}   ",
        Content.styled(" · ".join(keys), "$cma-quiet"),
    )
