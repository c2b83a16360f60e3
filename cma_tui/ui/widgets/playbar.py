"""The bar of a player: where it is, how fast it goes, and what there is to go to.

Owns the line and the clicks on it. Invariants: it asks the player and keeps no place of its own; the word
REPLAY, or REWOUND for a session that goes on, is always there; it is drawn again only when it differs.
"""

from __future__ import annotations

from textual import events
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from cma_tui.player import Player
from cma_tui.text import count, duration, offset

MARKS = {
    "note": ("*", "$accent bold"),
    "error": ("!", "$error bold"),
    "approval": ("?", "$warning bold"),
    "compaction": ("c", "$cma-model"),
    "turn": ("┊", "$cma-quiet"),
}
"""How marks look on the bar."""
_USUAL_IDLE = 2.0
"""Seconds to which idle time is cut when nobody says otherwise."""
_LEAST = 12
"""Cells below which there is no bar."""


class PlayBar(Static):
    """One line."""

    DEFAULT_CSS = """
    PlayBar { height: 1; width: 1fr; padding: 0 1; background: $surface; display: none; }
    PlayBar.-open { display: block; }
    """

    class Clicked(Message):
        """A place on the bar was clicked."""

        def __init__(self, share: float) -> None:
            self.share = share
            super().__init__()

    def __init__(self, player: Player, *, replay: bool) -> None:
        super().__init__(markup=False, classes="-open" if replay else None)
        self._player = player
        self._replay = replay
        self._bar = (0, 0)
        """Where the bar begins, and its cells."""
        self._line = Content("")

    def show(self) -> None:
        """Draw the place of the player."""
        player = self._player
        if not (self._replay or player.rewound):
            self.remove_class("-open")
            return
        self.add_class("-open")
        width = max(8, self.content_size.width or self.app.size.width - 2)
        line = self._words(width)
        room = width - line.cell_length - 2
        self._bar = (line.cell_length + 2, room) if room >= _LEAST else (0, 0)
        if room >= _LEAST:
            line = Content.assemble(line, "  ", self._cells(room))
        if not line.is_same(self._line):
            self._line = line
            self.update(line, layout=False)

    def _words(self, width: int) -> Content:
        player = self._player
        banner = "REPLAY" if self._replay else "REWOUND"
        source = player.feed.source
        follows = source is not None and source.live and not player.rewound
        state = "ended" if player.ended else "playing" if player.playing else "paused"
        state = "following" if follows and not player.ended else state
        pace = "instant" if player.speed is None else f"{player.speed:g}x"
        began, now, newest = player.began, player.time, player.newest
        parts = [(f"{banner} {state}", "$accent bold"), (pace, "$accent")]
        if began is not None and newest is not None:
            gone = max(0.0, (now or began) - began) if player.step else 0.0
            parts.append((f"{offset(gone)} of {offset(max(0.0, newest - began))}", ""))
        if width >= 100:
            parts.append((f"{count(player.step)} of {count(player.total)}", "$cma-quiet"))
        if player.rewound and player.step < player.moments.previews_from:
            parts.append(("previews not kept", "$cma-quiet"))
        if player.loop:
            parts.append(("loop", "$cma-quiet"))
        if player.pause_at:
            parts.append(("stops at marks", "$cma-quiet"))
        if player.idle_limit != _USUAL_IDLE:
            kept = player.idle_limit is None
            parts.append(("idle time kept" if kept else f"idle {duration(player.idle_limit)}", "$cma-quiet"))
        line = Content("")
        for text, style in parts:
            piece = Content.styled(text, style)
            joined = Content.assemble(line, "  ", piece) if line else piece
            if joined.cell_length > width:
                break
            line = joined
        return line

    def _cells(self, room: int) -> Content:
        """The bar: what is over, where it is, what is to come, with the marks."""
        player = self._player
        head = min(room - 1, int(player.share * room))
        steps = [player.step_at(cell / room) for cell in range(room)] + [player.total]
        pieces = []
        for cell in range(room):
            mark = player.marks.within(steps[cell] if cell else -1, steps[cell + 1])
            if cell == head:
                pieces.append(Content.styled("█", "$accent"))
            elif mark is not None:
                pieces.append(Content.styled(*MARKS[mark]))
            else:
                pieces.append(
                    Content.styled("━" if cell < head else "─", "$accent" if cell < head else "$cma-quiet")
                )
        return Content.assemble(*pieces)

    def on_resize(self) -> None:
        """Set it anew."""
        self.show()

    def on_click(self, event: events.Click) -> None:
        """Go to that place."""
        at = event.get_content_offset_capture(self).x - self._bar[0]
        if 0 <= at < self._bar[1]:
            event.stop()
            self.post_message(self.Clicked(at / max(1, self._bar[1] - 1)))
