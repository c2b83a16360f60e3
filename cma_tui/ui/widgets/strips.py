"""Entries of the timeline as strips, for one width, one look and one kind of time.

Owns the strips of what is near the window. Invariant: what a change names, or may have changed, is set
again when it is looked at; everything else is set once.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Set
from functools import cached_property
from time import time as now

from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from cma_tui.content import plain_text
from cma_tui.report.find import Pattern
from cma_tui.report.places import GAP, gap_before
from cma_tui.report.rows import level
from cma_tui.report.rows import row as words
from cma_tui.report.words import Density, Row, agent_name, message, prose
from cma_tui.session.book import Book
from cma_tui.session.model import Change, Session, Turn
from cma_tui.text import clock, duration, first_line, offset
from cma_tui.ui.cells import fit
from cma_tui.ui.entries import Entries
from cma_tui.ui.widgets import headings
from cma_tui.ui.widgets.markdown import is_markdown, markdown_console
from cma_tui.ui.widgets.rowview import Known, Look, draw, left_width, marked, measure_in, names_width
from cma_tui.ui.widgets.streaming import Streaming

_KEPT = 128
"""Entries whose strips are kept: some windows. Each strip is a dozen objects that collections look at."""
_LINES = {Density.QUIET: 2, Density.NORMAL: 24, Density.FULL: 400}
"""The most lines of a message at each density."""


class Lead(Strip):
    """A line before an entry's first one: it belongs to the entry, and the cursor is not drawn on it."""


class _Written:
    """What has been made of a message that is being written."""

    def __init__(self, streaming: Streaming) -> None:
        self.streaming = streaming
        self.text: str | None = None
        self.strips: list[Strip] = []
        self.known: Known = []


class Strips:
    """Sets entries as strips and keeps those it has set."""

    def __init__(
        self,
        look: Look,
        width: int,
        times: str,
        entries: Entries,
        expanded: Set[int],
        book: Callable[[], Book],
    ) -> None:
        """Prepare to set.

        Args:
            look: the styles.
            width: cells of every strip.
            times: which time is shown: `offset`, `clock`, `relative` or `off`.
            entries: tells the density and which turns are folded.
            expanded: items whose message is shown whole.
            book: gives the figures of the headings.
        """
        self.look = look
        self._width = width
        self._times = times
        self._entries = entries
        self._expanded = expanded
        self._book = book
        self._kept: OrderedDict[int, list[Strip]] = OrderedDict()
        self._pattern: Pattern | None = None
        self._written: dict[str, _Written] = {}
        """What has been made of previews, by key."""
        self._began = entries.session.first_at
        """The time from which the relative ones are told."""
        self._names = self._names_of(entries.session)
        """Cells of the column of threads' names."""

    def look_for(self, pattern: Pattern | None) -> None:
        """Show where this is, from now on."""
        self._pattern = pattern
        self.clear()

    def of(self, session: Session, entry: int) -> list[Strip]:
        """The strips of a heading or an item."""
        lines = self._kept.get(entry)
        if lines is None:
            lines = self._heading(session, -1 - entry) if entry < 0 else self._item(session, entry)
            if self._pattern is not None:
                lines = [marked(line, self._pattern, self.look.found) for line in lines]
            self._kept[entry] = lines
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        else:
            self._kept.move_to_end(entry)
        return lines

    def of_tail(self, session: Session, kind: str, key: str) -> list[Strip]:
        """The strips of what is not in the log yet: a `preview` or a `queued` message.

        What has come into the log since it was listed is an empty line, until what changed is told.
        """
        turn = session.turn
        if key not in (session.queued if kind == "queued" else session.previews):
            return [Strip.blank(self._width)]
        if kind == "queued":
            event = session.queued[key]
            text = prose(plain_text(event.content)) or first_line(event.type, 60)
            said = Row("you", "you", None, text=text, prose=True, outcome="queued, not picked up yet")
            return self._set(session, said, turn, 6)
        preview = session.previews[key]
        whose = agent_name(session, preview.stream) if preview.stream else ""
        if preview.type == "agent.thinking":
            since = None if preview.started_at is None else max(0.0, now() - preview.started_at)
            return self._set(
                session, Row("thinks", "model", None, thread=whose, text="…", duration=since), turn, None
            )
        text = ("… " if preview.partial else "") + preview.text
        said = message("agent", "agent", None, text)
        said.thread = whose
        written = self._written_of(session, key)
        if written.text != text:
            written.text = text
            lines = written.streaming.lines(said.text)
            last = [*(lines[-1] if lines else []), Segment(" ▏", self.look.tone("agent"))]
            body = [*lines[:-1], last]
            written.strips = self._set(session, said, turn, None, body=body, known=written.known)
        return written.strips

    def _written_of(self, session: Session, key: str) -> _Written:
        """What has been made of a preview; that of previews which have gone is let go of."""
        held = self._written.get(key)
        if held is None:
            self._written = {n: one for n, one in self._written.items() if n in session.previews}
            held = self._written[key] = _Written(self._streaming_anew())
        return held

    def _streaming_anew(self) -> Streaming:
        return Streaming(measure_in(self._width - self._left), self.look.tone("agent"), self._typesetter)

    def _names_of(self, session: Session) -> int | None:
        if not self._entries.merged:
            return 0 if self._entries.thread is None else None
        return names_width(self._width, [agent_name(session, thread) for thread in session.threads])

    def forget(self, session: Session, change: Change, *, anew: bool) -> None:
        """Drop what a change names or may have changed; everything when the session was folded anew."""
        names = self._names_of(session)
        if change.reset or anew or (session.first_at, names) != (self._began, self._names):
            self._kept.clear()
            self._written.clear()
            self._began, self._names = session.first_at, names
            return
        for index in change.redrawn:
            self._kept.pop(index, None)
        for index in change.leaning:  # its turn may have begun at another time
            self._kept.pop(-1 - session.items[index].turn, None)
        if change.header:
            for turn in session.turns[-2:]:
                self._kept.pop(-1 - turn.index, None)

    def forget_headings(self) -> None:
        """Other figures: set every heading again."""
        for entry in [entry for entry in self._kept if entry < 0]:
            del self._kept[entry]

    def drop(self, entry: int) -> None:
        """Set this entry again when it is looked at."""
        self._kept.pop(entry, None)

    def clear(self) -> None:
        """Set everything again."""
        self._kept.clear()
        self._written.clear()
        self._names = self._names_of(self._entries.session)

    def _item(self, session: Session, index: int) -> list[Strip]:
        said = words(session, index)
        if said is None:
            return []
        turn = session.items[index].turn
        limit = None if index in self._expanded else _LINES[self._entries.density]
        body = None
        if (
            said.prose and said.tone == "agent" and not is_markdown(said.text)
        ):  # as it was while it was written
            body = self._streaming_anew().lines(said.text, whole=True)
        lines = self._set(session, said, session.turns[turn] if turn >= 0 else None, limit, body)
        if level(session, index) == Density.FULL or self._begins(session, turn, index):
            return lines  # what follows tells, or the heading
        return [*self._gap(session, index), *lines]

    def _begins(self, session: Session, turn: int, index: int) -> bool:
        """Whether an item is the first of its turn, but for what only the full density shows."""
        first = session.turns[turn].first_item if turn >= 0 else index + 1
        return first <= index and all(level(session, n) in (None, Density.FULL) for n in range(first, index))

    def _gap(self, session: Session, index: int) -> list[Strip]:
        """A faint line where nothing happened for long before an item."""
        gap = gap_before(session, index)
        if gap < GAP:
            return []
        line = f"{'':{self._left}}── {duration(gap)} later ──"
        return [Lead([Segment(fit(line, self._width).ljust(self._width), self.look.quiet)], self._width)]

    def _heading(self, session: Session, index: int) -> list[Strip]:
        look = self.look
        line = headings.draw(
            session,
            session.turns[index],
            self._width,
            self._book(),
            folded=index in self._entries.folded,
            style=look.turn,
            quiet=look.quiet + Style(bgcolor=look.turn.bgcolor, bold=False),
        )
        first = session.turns[index].first_item
        before = self._gap(session, first) if index and first < len(session.items) else []
        return [*(before or [Lead.blank(self._width, look.base)]), line] if index else [line]

    def _set(
        self,
        session: Session,
        said: Row,
        turn: Turn | None,
        limit: int | None,
        body: list[list[Segment]] | None = None,
        known: Known | None = None,
    ) -> list[Strip]:
        return draw(
            said,
            self._width,
            self.look,
            time=self._time(session, said.at, turn),
            duration=duration(said.duration) if said.duration is not None else "",
            limit=limit,
            console=self._typesetter,
            body=body,
            names=self._names,
            known=known,
        )

    @property
    def _left(self) -> int:
        """Cells before the text of a row."""
        return left_width(self._width, self._times != "off", self._names)

    def _time(self, session: Session, at: float | None, turn: Turn | None) -> str | None:
        if self._times == "off":
            return None
        if at is None:
            return ""
        if self._times == "clock":
            return clock(at)
        start = session.first_at if self._times == "relative" or turn is None else turn.started_at
        return offset(at - start) if start is not None else ""

    @cached_property
    def _typesetter(self) -> Console:
        return markdown_console(self.look.base, self.look.quiet, self.look.tones)
