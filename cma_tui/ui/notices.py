"""Notices: telling somebody who looks elsewhere that a session needs them, has ended, failed or stands still.

Owns what is news, the ways of telling it, and the words of the terminal's title. Invariants: nothing of what
was said or done is told but the name of a tool; no state is told twice, and none that was there when the
screen opened; while somebody is looking only the title changes; what a terminal gets is printable.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Mapping
from time import monotonic, time
from typing import Literal, NamedTuple, Protocol

from cma_tui.feed import Feed
from cma_tui.notifier import Notifier, notice
from cma_tui.report.words import stop_words
from cma_tui.session.model import Session
from cma_tui.session.signals import stalled
from cma_tui.text import duration, first_line, printable
from cma_tui.ui.clipboard import through

Kind = Literal["answer", "done", "failed", "stalled"]

_HOST = 10.0
"""Seconds after which somebody is told that a tool waits for its host: mostly one answers at once."""
_MINUTE = 60.0
_TITLES: Mapping[Kind, str] = {
    "answer": "needs you",
    "done": "done",
    "failed": "failed",
    "stalled": "stalled",
}


class Wishes(NamedTuple):
    """What the user wants to be told, and how."""

    ways: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    command: str | None = None


class Told(Protocol):
    """The app, as far as it is needed here."""

    @property
    def looked_at(self) -> bool:
        """Whether somebody is looking at the terminal."""
        ...

    def bell(self) -> None:
        """Ring."""
        ...

    def to_terminal(self, sequence: str) -> None:
        """Write to the terminal."""
        ...

    def show_title(self, text: str) -> None:
        """Name the terminal's window."""
        ...


class News(NamedTuple):
    """How a session stands, where that is worth telling."""

    kind: Kind
    states: frozenset[str]
    """What tells this state from the one before; news once any of them is new."""
    words: str
    patience: float = 0.0
    """Seconds for which it must stay so."""


def news(session: Session, now: float) -> News | None:
    """How a session stands, where somebody should know."""
    if session.status in ("terminated", "deleted"):
        return News("failed", frozenset({session.status}), session.status)
    if session.state == "waiting":
        uses = session.asks
        yours = [use for use in uses if use.awaited == "confirmation"]
        tool = f" ({first_line(uses[0].name, 40)})" if uses else ""
        turn = session.turns[-1] if session.turns else None
        asked = f"{turn.key} asks, {len(turn.legs)}" if turn is not None else "asks"
        states = frozenset(session.pending) or frozenset({asked})
        if yours or not uses:
            tool = f" ({first_line(yours[0].name, 40)})" if yours else ""
            return News("answer", states, f"needs your answer{tool}")
        return News("answer", states, f"waits for a tool's result{tool}", _HOST)
    silence = stalled(session, now)
    if silence is not None:
        return News("stalled", frozenset({f"silent since {session.last_at}"}), _silence(silence))
    turn = session.turns[-1] if session.turns else None
    if session.status == "idle" and turn is not None and turn.ended:
        if turn.stop_reason in (None, "end_turn"):
            return News("done", frozenset({turn.key}), "done")
        return News("failed", frozenset({turn.key}), f"failed: {stop_words(turn.stop_reason)}")
    return None


def _age(session: Session) -> float:
    """Seconds that have passed since the newest event: none since one that has just streamed in."""
    newest = next((event for event in reversed(session.events) if not event.type.startswith("local.")), None)
    if newest is None or newest.received_at is not None or session.last_at is None:
        return 0.0
    return max(0.0, time() - session.last_at)


def _silence(seconds: float) -> str:
    return f"nothing new for {duration(seconds - seconds % _MINUTE)}"


class Notices:
    """What has been told of one session, and the telling."""

    def __init__(self, feed: Feed, name: str, wishes: Wishes, say: Callable[[str], None]) -> None:
        """Begin: what is there when the whole log is known is no news.

        Args:
            feed: the session.
            name: what it is called while it has no title.
            wishes: what is told, and how.
            say: told, on another thread, why the user's command did not run.
        """
        self._feed, self._name, self._wishes = feed, name, wishes
        command = shlex.split(wishes.command or "")
        self._notifier = Notifier(command, None, say, screen="notify_command") if command else None
        self._known: set[str] | None = None
        """The states that have been told, or needed no telling; None before the whole log is known."""
        self._heard: tuple[tuple[int, int], float] = ((0, 0), monotonic())
        """What was there when something last came, and when that was: by this clock, which the server's may
        not agree with."""
        self._held: tuple[frozenset[str], float] = (frozenset(), 0.0)
        """The state that is looked at, and since when."""

    @property
    def silence(self) -> float:
        """For how many whole minutes, in seconds, a session that should go on has been silent; or 0."""
        if not self._is_up():
            return 0.0
        seconds = stalled(self._feed.session, self._now()) or 0.0
        return seconds - seconds % _MINUTE

    def _now(self) -> float:
        """What the server's clock shows, had it stood still until something came."""
        session = self._feed.session
        written = sum(len(part) for preview in session.previews.values() for part in preview.parts)
        there = (len(session.events) - session.local_events, written)
        if there != self._heard[0]:
            self._heard = (there, monotonic() - _age(session))
        return (session.last_at or 0.0) + monotonic() - self._heard[1]

    def look(self, app: Told) -> None:
        """Tell what is news."""
        if not self._wishes.ways and self._notifier is None:
            return
        session, up = self._feed.session, self._is_up()
        found = news(session, self._now()) if up else None
        if "title" in self._wishes.ways:
            app.show_title(self._title(session, found))
        if not up or self._feed.behind:
            return
        if self._known is None:
            self._known = set(found.states) if found is not None else set()
            return
        if found is None or found.states <= self._known:
            return
        if found.states != self._held[0]:
            self._held = (found.states, monotonic())
        if monotonic() - self._held[1] < found.patience:
            return
        self._known |= found.states
        if found.kind in self._wishes.kinds and not app.looked_at:
            self._tell(app, session, found)

    def close(self, app: Told) -> None:
        """Nothing is told any more; what is being told may end."""
        if "title" in self._wishes.ways:
            app.show_title("cma-top")
        if self._notifier is not None:
            self._notifier.close(patience=0.0)

    def _is_up(self) -> bool:
        """Whether the session is live, and what is known of it is how it stands."""
        source = self._feed.source
        if source is None or not source.live or source.line is None or self._feed.error is not None:
            return False
        return source.line.checked_at is not None and source.line.state in ("live", "ended")

    def _title(self, session: Session, found: News | None) -> str:
        source = self._feed.source
        if self._feed.error is not None:
            state = "stopped"
        elif source is not None and not source.live:
            state = "replay"
        elif not self._is_up():
            state = "connecting" if self._known is None else "reconnecting"
        elif found is not None and (found.kind != "answer" or not found.patience):
            state = _TITLES[found.kind]
        else:
            state = "waiting for host" if session.state == "waiting" else session.state
        return f"{first_line(state, 20)} · {self._called(session)} · cma-top"

    def _called(self, session: Session) -> str:
        return first_line(session.title or session.agent.name or session.id or self._name, 60)

    def _tell(self, app: Told, session: Session, found: News) -> None:
        ways = self._wishes.ways
        if "bell" in ways:
            app.bell()
        text = f"{self._called(session)}: {found.words}"
        for way in ("osc9", "osc777"):
            if way in ways or ("desktop" in ways and way == desktop_way(os.environ)):
                app.to_terminal(through(desktop_notice(way, text), os.environ))
        if self._notifier is not None:
            self._notifier.tell({"event": found.kind, **notice(session)})


def desktop_way(env: Mapping[str, str]) -> str:
    """Which notice the terminal is likely to know: one that it does not know is passed over."""
    known = env.get("VTE_VERSION") or env.get("TERM", "").startswith(("foot", "rxvt"))
    return "osc777" if known else "osc9"


def desktop_notice(way: str, text: str) -> str:
    """What asks the terminal for a notice of the desktop."""
    shown = printable(text, strict=True, cap=200)
    if way == "osc777":
        return f"\x1b]777;notify;cma-top;{shown.replace(';', ',')}\x07"
    return f"\x1b]9;cma-top: {shown}\x07"
