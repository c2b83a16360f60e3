"""The ground that driving stands on: the live session, the way to it, and words for the user.

Owns the one call that sends what no outbox keeps, and whether the session is known as it is now. Invariant:
what goes wrong is said, and nothing is sent where nothing can be.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from time import monotonic
from typing import Any

from textual.containers import Vertical
from textual.message import Message

from cma_tui.feed import Feed
from cma_tui.source import Attached, Controls, SourceError
from cma_tui.text import printable

FRESH = 60.0
"""Seconds since the log was looked at after which what is known may be out of date."""
_LOOKS, _PAUSE = 250, 0.02
"""How often, and after how many seconds each, it is seen whether the log has been looked at: 5 s in all."""


class Sender(Vertical):
    """What can be driven, and how."""

    class Said(Message):
        """Something for the last line of the screen."""

        def __init__(self, text: str, style: str = "$cma-quiet") -> None:
            self.text = text
            self.style = style
            super().__init__()

    class Left(Message):
        """The keys go back to what is read."""

    class Delivered(Message):
        """The server has a message."""

    def __init__(self, feed: Feed, *, chat: bool = False) -> None:
        super().__init__()
        self.feed = feed
        self.chat = chat
        self._interrupting = False

    @property
    def controls(self) -> Controls | None:
        """How to act on the live session; None where nothing can be sent."""
        source = self.feed.source
        return source.controls if source is not None and not self.feed.finished else None

    def is_known(self) -> bool:
        """Whether it is known as it is now: the line up, the log looked at lately, all of it folded."""
        line = self.feed.source.line if self.feed.source is not None else None
        return (
            self.controls is not None
            and not self.feed.behind
            and line is not None
            and line.state == "live"
            and line.checked_at is not None
            and monotonic() - line.checked_at < FRESH
        )

    async def look_again(self) -> bool:
        """Have the log looked at, where that was too long ago. Says whether the session is known then."""
        source: object = self.feed.source
        if self.is_known() or not isinstance(source, Attached):
            return self.is_known()
        try:
            await self.on_source(source.hurry())
        except SourceError:  # it has ended
            return False
        for _ in range(_LOOKS):
            if await self.all_there():
                return True
            await asyncio.sleep(_PAUSE)
        return False

    async def all_there(self) -> bool:
        """Whether it is known as it is now, and what the last look brought has had its time to come here."""
        with suppress(SourceError):
            if self.is_known():
                await self.on_source(asyncio.sleep(_PAUSE))
                return self.is_known()
        return False

    async def send(self, events: list[dict[str, Any]]) -> bool:
        """Send events that no outbox keeps. Returns whether the server has them; says why not."""
        try:
            await self.on_source(self.reach().send(events))
        except SourceError as error:
            self.say(str(error), "$error")
            return False
        self.say("")
        return True

    async def interrupt(self) -> None:
        """Stop the agent, in every thread; one at a time."""
        if self._interrupting:
            self.say("an interrupt is under way", "$warning")
            return
        self._interrupting = True
        try:
            if await self.send([{"type": "user.interrupt"}]):
                self.say("interrupt sent, for every thread", "$warning")
        finally:
            self._interrupting = False

    def reach(self) -> Controls:
        """How to act on the live session.

        Raises:
            SourceError: nothing can be sent.
        """
        controls = self.controls
        if controls is None:
            raise SourceError("nothing can be sent here")
        return controls

    async def on_source(self, work: Coroutine[Any, Any, Any]) -> Any:  # noqa: ANN401
        """Await work on the source's loop."""
        return await asyncio.wrap_future(self.feed.submit(work))

    def say(self, text: str, style: str = "$cma-quiet") -> None:
        """Something for the last line of the screen."""
        self.post_message(self.Said(printable(text), style))
