"""The bar of a replay: where it is, how fast it goes.

Owns the words of the bar. Invariant: it asks the source and keeps no place of its own.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from textual.content import Content
from textual.widgets import Static

from cma_tui.text import count

SPEEDS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)


@runtime_checkable
class Player(Protocol):
    """What a replaying source can do, from any thread."""

    paused: bool
    position: int
    total: int | None
    speed: float | None

    def play(self) -> None:
        """Go on."""
        ...

    def pause(self) -> None:
        """Stand still."""
        ...

    def step(self) -> None:
        """Give out one more event."""
        ...

    def set_speed(self, speed: float | None) -> None:
        """Times the log's own pace; None for at once."""
        ...


class PlayBar(Static):
    """One line."""

    DEFAULT_CSS = """
    PlayBar { height: 1; width: 1fr; padding: 0 1; background: $surface; }
    """

    def __init__(self) -> None:
        super().__init__(markup=False)
        self._player: Player | None = None

    def show(self, source: object) -> None:
        """Draw the place of a replaying source; nothing for any other."""
        if not isinstance(source, Player):
            self.display = False
            return
        self._player = source
        total = source.total
        word = (
            "ended"
            if total is not None and source.position >= total
            else "paused"
            if source.paused
            else "playing"
        )
        pace = "at once" if source.speed is None else f"{source.speed:g}x"
        place = (
            f"{count(source.position)} of {count(total)} events"
            if total is not None
            else f"{count(source.position)} events"
        )
        left = f"REPLAY  {word}  {pace}  {place}  "
        room = max(0, self.size.width - len(left)) if total else 0  # no bar before the length is known
        filled = round(room * min(1.0, source.position / total)) if total else 0
        self.update(
            Content.assemble(
                Content.styled(left, "$accent bold"),
                Content.styled("▰" * filled, "$accent"),
                Content.styled("▱" * (room - filled), "$cma-quiet"),
            )
        )

    def toggle(self) -> None:
        """Play or pause."""
        if self._player is not None:
            (self._player.play if self._player.paused else self._player.pause)()
            self.show(self._player)

    def step(self) -> None:
        """Pause, and take one event."""
        if self._player is not None:
            self._player.pause()
            self._player.step()

    def speed(self, by: float) -> None:
        """The next speed up or down."""
        if self._player is not None:
            now = self._player.speed or SPEEDS[-1]
            wanted = [s for s in SPEEDS if (s > now if by > 1 else s < now)]
            if wanted:
                self._player.set_speed(wanted[0] if by > 1 else wanted[-1])
            self.show(self._player)
