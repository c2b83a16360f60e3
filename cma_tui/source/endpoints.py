"""The API's calls that a live session needs: its own stream and list, and those of its threads.

Owns the arguments of these calls. Invariant: each method makes one request.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

import anthropic

from cma_tui.source.client import STREAM_TIMEOUT, Retry, refused, retry_after, transient

_PREVIEWED: list[Any] = ["agent.message", "agent.thinking"]


class GoneError(Exception):
    """What was there before has been deleted."""


class SessionEndpoint:
    """A session's own stream and list, or those of one of its child threads."""

    def __init__(
        self,
        client: anthropic.AsyncAnthropic,
        session_id: str,
        *,
        thread: str | None = None,
        previews: bool = True,
    ) -> None:
        self.session_id = session_id
        self.thread = thread
        self.name = f"session {session_id}" if thread is None else f"thread {thread}"
        self._client = client
        self._deltas = {"event_deltas": _PREVIEWED} if previews else {}

    def stream(self) -> AbstractAsyncContextManager[Any]:
        """Open the stream."""
        sessions = self._client.beta.sessions
        arguments: dict[str, Any] = {"timeout": STREAM_TIMEOUT, **self._deltas}
        if self.thread is None:
            return sessions.events.with_streaming_response.stream(self.session_id, **arguments)
        return sessions.threads.events.with_streaming_response.stream(
            self.thread, session_id=self.session_id, **arguments
        )

    async def page(self, query: Mapping[str, str | int]) -> bytes:
        """One page of the list."""
        sessions = self._client.beta.sessions
        known: dict[str, Any] = {k: v for k, v in query.items() if k in ("limit", "order", "page")}
        other = {k: v for k, v in query.items() if k not in known}
        if other:  # ways of other servers
            known["extra_query"] = other
        if self.thread is None:
            response = await sessions.events.with_raw_response.list(self.session_id, **known)
        else:
            response = await sessions.threads.events.with_raw_response.list(
                self.thread, session_id=self.session_id, **known
            )
        return response.http_response.content

    async def threads(self, page: str | None) -> bytes:
        """One page of the session's threads."""
        call = self._client.beta.sessions.threads.with_raw_response.list
        response = await (call(self.session_id) if page is None else call(self.session_id, page=page))
        return response.http_response.content

    def classify(self, error: BaseException, *, seen: bool = True) -> Retry:
        """Whether an error may pass, and how long to stay away.

        Raises:
            GoneError: it was there (`seen`), and is not found any more.
            SourceError: another try will not help.
        """
        if transient(error):
            return Retry(retry_after(error))
        if seen and isinstance(error, anthropic.NotFoundError):
            raise GoneError from error
        raise refused(error, self.name) from error
