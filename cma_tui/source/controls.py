"""Acting on a live session.

Owns everything that is sent. Invariant: each call makes one request that changes something and never
a second one; when its reply does not come, the log is read for what was sent, and only when it is not
there does the caller hear that it may be sent again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from time import time
from typing import Any, cast

import anthropic
import msgspec

from cma_tui.event import Event, parse
from cma_tui.source import Batch, SourceError
from cma_tui.source.client import CALL_ERRORS, TRANSIENT, refused, said
from cma_tui.source.delivery import INPUTS, Attempt, UnclearError

LOOKS = (1.0, 3.0, 10.0)
"""Seconds before each look at the log: it may lag behind what was accepted."""
_NEWEST = 50
"""Inputs of the log that a look reads."""


class LiveControls:
    """Sends to one session. The echoes go to the source's queue as well as to the caller."""

    def __init__(
        self,
        client: anthropic.AsyncAnthropic,
        session_id: str,
        echo: Callable[[Batch], None],
        whole: Callable[[], bool] = lambda: False,
    ) -> None:
        """Prepare to send.

        Args:
            client: does each request once.
            session_id: what is sent to.
            echo: takes what the server says it has accepted.
            whole: whether every input of the log has been given to `notice`.
        """
        self._client = client
        self._session_id = session_id
        self._echo = echo
        self._whole = whole
        self._known: dict[str, None] = {}
        self._open: list[Attempt] = []

    def notice(self, event: Event, *, listed: bool) -> None:
        """Look at an event of the log, from the stream or listed."""
        if event.type not in INPUTS:
            return
        self._known[event.key] = None
        for attempt in list(self._open):
            # What an old stretch of the list brings may be old itself.
            if (attempt.whole or not listed) and attempt.notice(event):
                self._open.remove(attempt)

    async def send(
        self, events: Sequence[dict[str, Any]], note: Callable[[Attempt], None] = lambda _: None
    ) -> list[Event]:
        """Send user events in one request; the server's echoes come back, or what its log shows of them.

        Args:
            events: taken by the server as a whole or not at all.
            note: told right before the request, and when its reply did not come and the log is read.

        Raises:
            UnclearError: the reply did not come, and the log does not show it.
            SourceError: the server refused: nothing was taken.
        """
        for old in list(self._open):
            if old.events == list(events) and await self.look(old):
                assert old.found is not None
                return [old.found]
        if not self._whole():
            try:
                await self._learn()
            except SourceError as error:
                raise SourceError(f"not sent: {error}", error.exit_code) from error
        attempt = Attempt(events, self._known, whole=self._whole())
        return await self.follow(attempt, note)

    async def follow(self, attempt: Attempt, note: Callable[[Attempt], None] = lambda _: None) -> list[Event]:
        """Send what an attempt holds and see it through: the one place that sends."""
        self._open.append(attempt)
        try:
            note(attempt)
            echoes = await self._post(attempt)
        except UnclearError as error:
            attempt.state = "looking"
            note(attempt)
            await self._see(attempt, error)
            assert attempt.found is not None
            echoes = [attempt.found]
        except BaseException as error:
            self._forget(attempt)
            if isinstance(error, _RefusedError) and error.status in (400, 404, 409):
                return await self._answered(attempt, error)
            raise
        attempt.state = "done"
        self._forget(attempt)
        if echoes:
            self._echo(Batch(echoes, origin="send"))
        return echoes

    async def look(self, attempt: Attempt) -> bool:
        """Read the newest inputs of the log for what an attempt sent.

        Raises:
            SourceError: the log cannot be read.
        """
        for event in await self._newest(attempt.proof["type"]):
            if attempt.notice(event):
                self._forget(attempt)
                return True
        return attempt.found is not None

    async def _see(self, attempt: Attempt, unclear: UnclearError) -> None:
        """Wait for the log to show what was sent; raises the error when it does not."""
        looked = False
        for pause in LOOKS:
            try:
                await asyncio.wait_for(attempt.arrived.wait(), pause)
            except TimeoutError:
                try:
                    looked = await self.look(attempt) or True
                except SourceError:
                    looked = False
            if attempt.found is not None:
                return
        attempt.state = "unclear"
        if attempt not in self._open:
            self._open.append(attempt)
        why = "it is not in the log" if looked else "its log cannot be read"
        raise UnclearError(f"{unclear}; {why}", attempt, looked=looked) from unclear

    async def _answered(self, attempt: Attempt, error: SourceError) -> list[Event]:
        """A refused answer whose question has one already: somebody else's, or an earlier one of ours."""
        if attempt.proof.get("type") in ("user.message", "user.define_outcome", "system.message"):
            raise error
        try:
            if attempt.proof.get("type") != "user.interrupt" and await self.look(attempt):
                assert attempt.found is not None
                return [attempt.found]
        except SourceError:
            raise error from None
        raise error

    def _forget(self, attempt: Attempt) -> None:
        if attempt in self._open:
            self._open.remove(attempt)

    async def _learn(self) -> None:
        """Know the newest inputs before sending, so that an old one is not taken for ours."""
        for kind in ("user.message", "user.define_outcome"):
            for event in await self._newest(kind):
                self._known[event.key] = None

    async def _newest(self, kind: str) -> list[Event]:
        call = self._client.beta.sessions.events.with_raw_response.list
        try:
            response = await call(
                self._session_id, limit=_NEWEST, order="desc", types=[cast("Any", kind)], timeout=10.0
            )
        except CALL_ERRORS as error:
            raise refused(error, f"the log of {self._session_id}") from error
        return _events(response.http_response.content)

    async def _post(self, attempt: Attempt) -> list[Event]:
        call = self._client.beta.sessions.events.with_raw_response.send
        try:
            response = await call(self._session_id, events=cast("Any", attempt.events))
        except anthropic.APIStatusError as error:
            status = error.status_code
            if status in (429, 503, 529):
                raise SourceError(f"not sent, the server is busy ({status}): {said(error)}") from error
            if status >= 500 or status == 408:
                text = f"unclear whether it was received ({status}): {said(error)}"
                raise UnclearError(text, attempt, looked=False) from error
            raise _RefusedError(f"not accepted ({status}): {said(error)}", status) from error
        except TRANSIENT as error:
            text = f"unclear whether it was received: {said(error)}"
            raise UnclearError(text, attempt, looked=False) from error
        except (TypeError, anthropic.AnthropicError) as error:
            raise refused(error, "the message") from error
        return _events(response.http_response.content)


class _RefusedError(SourceError):
    """The server said no."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class _Sent(msgspec.Struct):
    data: list[msgspec.Raw] = []


def _events(body: bytes) -> list[Event]:
    """The accepted or listed events; some servers answer with nothing, which is an acceptance as well."""
    try:
        sent = msgspec.json.decode(body, type=_Sent) if body else _Sent()
    except msgspec.MsgspecError:
        return []
    return [parse(bytes(raw), received_at=time()) for raw in sent.data]
