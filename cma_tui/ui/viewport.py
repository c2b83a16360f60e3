"""The reading position: what part of a long list of entries of any height is on the screen.

Owns the anchor (the entry at the top and how far into it), the cursor and the following of the end.
There is no virtual height and no table of offsets: a layout starts at its anchor, or at the end while
it follows, and asks for the lines of the entries it shows and no others. So its cost is that of the
window, whatever the length of the list, and nothing that arrives, folds or resizes elsewhere can
move what is being read. Invariant: only `go`, `place`, `scroll`
and `follow` move the reading position.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Line = TypeVar("Line")
_LOW = 4
"""Lines of a window of which none can be spared."""


class Viewport(Generic[Line]):
    """A window of `height` lines on `count()` entries whose lines `lines(position)` gives.

    With some tops something else is drawn over the first line: `covers(position, line)` tells. The cursor's
    row never begins there.
    """

    def __init__(
        self,
        count: Callable[[], int],
        lines: Callable[[int], Sequence[Line]],
        covers: Callable[[int, int], bool] = lambda position, line: False,
    ) -> None:
        self._count = count
        self._lines = lines
        self._covers = covers
        self.height = 0
        self.top = 0
        self.top_line = 0
        self.cursor = 0
        self.following = True

    def layout(self) -> list[tuple[int, Line]]:
        """The window's lines, each with the position of its entry."""
        if not self.following:
            window = self._from_top()
            if len(window) == self.height or not (self.top or self.top_line):
                return window
            # Less is left than fits: show the end, without a gap below it.
        else:
            self.cursor = max(0, self._count() - 1)
        return self._from_end()

    def follow(self) -> None:
        """Go to the end and stay there."""
        self.following = True

    def go(self, position: int) -> None:
        """Put the cursor on an entry and scroll just so far that it is seen."""
        if not self._count():
            return
        self.following = False
        self.cursor = max(0, min(position, self._count() - 1))
        if self.cursor < self.top or (self.cursor == self.top and self.top_line):
            self.top, self.top_line = self.cursor, 0
            self._uncover()
        elif self.cursor == self.top:
            self._uncover()
        elif not self._seen():
            self._show_at_end()

    def show_at_top(self, position: int) -> None:
        """Put the cursor on an entry and the entry at the top."""
        if not self._count():
            return
        self.following = False
        self.cursor = self.top = max(0, min(position, self._count() - 1))
        self.top_line = 0

    def scroll(self, by: int) -> None:
        """Move the window by lines and keep the cursor inside it."""
        count = self._count()
        if not count:
            return
        self.layout()  # while following, the anchor is where the last layout ended
        self.following = False
        self._shift(by)
        while self.top < count - 1 and self.top_line >= len(self._lines(self.top)):
            self.top_line -= len(self._lines(self.top))
            self.top += 1
        shown = self.layout()[1 if self.covered else 0 :]
        if shown:
            self.cursor = max(shown[0][0], min(self.cursor, shown[-1][0]))

    def place(self, position: int, y: int) -> None:
        """Put the cursor on an entry and its first line on the line `y` of the window."""
        if not self._count():
            return
        self.following = False
        self.cursor = self.top = max(0, min(position, self._count() - 1))
        self.top_line = 0
        self._shift(-y)
        if not y:
            self._uncover()

    @property
    def covered(self) -> bool:
        """Whether something else is drawn over the first line."""
        return self.height > _LOW and 0 <= self.top < self._count() and self._covers(self.top, self.top_line)

    def _uncover(self) -> None:
        """Show what begins the window below what covers its first line."""
        if self.covered:
            self._shift(-1)

    def cursor_line(self) -> int:
        """The line of the window on which the cursor's entry begins; 0 when it is not seen."""
        return next((y for y, (at, _) in enumerate(self.layout()) if at == self.cursor), 0)

    def _shift(self, by: int) -> None:
        """Move the anchor by lines; upwards not beyond the first."""
        self.top_line += by
        while self.top_line < 0 and self.top > 0:
            self.top -= 1
            self.top_line += len(self._lines(self.top))
        self.top_line = max(0, self.top_line)

    def at(self, y: int) -> int | None:
        """Position of the entry on a line of the window."""
        window = self.layout()
        return window[y][0] if 0 <= y < len(window) else None

    def _seen(self) -> bool:
        """Whether the cursor's entry, which is not above the window, is whole inside it."""
        used = -self.top_line
        for position in range(self.top, self.cursor + 1):
            used += len(self._lines(position))
            if used > self.height:
                return False
        return True

    def _show_at_end(self) -> None:
        """Scroll so that the cursor's entry ends the window; a larger one begins it."""
        position, need = self.cursor, len(self._lines(self.cursor))
        if need < self.height:
            while position > 0 and need < self.height:
                position -= 1
                need += len(self._lines(position))
            self.top, self.top_line = position, max(0, need - self.height)
        else:
            self.top, self.top_line = position, 0
            self._uncover()

    def _from_top(self) -> list[tuple[int, Line]]:
        window: list[tuple[int, Line]] = []
        count = self._count()
        self.top = max(0, min(self.top, count - 1))
        position, skip = self.top, self.top_line
        while len(window) < self.height and position < count:
            lines = self._lines(position)
            if skip and skip >= len(lines):
                skip = self.top_line = max(0, len(lines) - 1)  # the entry has become shorter
            window.extend((position, line) for line in lines[skip:])
            skip = 0
            position += 1
        return window[: self.height]

    def _from_end(self) -> list[tuple[int, Line]]:
        pieces: list[list[tuple[int, Line]]] = []
        used, position = 0, self._count()
        while used < self.height and position > 0:
            position -= 1
            lines = self._lines(position)
            pieces.append([(position, line) for line in lines])
            used += len(lines)
        window = [line for piece in reversed(pieces) for line in piece]
        cut = max(0, used - self.height)
        self.top, self.top_line = position, cut
        return window[cut:]
