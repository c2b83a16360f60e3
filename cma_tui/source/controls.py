"""Acting on a live session.

Owns everything that is sent. Invariant: each call makes one request and never a second one; a reply
that did not come is said to be unclear, so that nobody sends twice without looking.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import time
from typing import Any, cast

import anthropic
import msgspec

from cma_tui.event import Event, parse
from cma_tui.source import Batch, SourceError
from cma_tui.source.client import TRANSIENT, refused, said


class LiveControls:
    """Sends to one session. The echoes go to the source's queue as well as to the caller."""

    def __init__(
        self, client: anthropic.AsyncAnthropic, session_id: str, echo: Callable[[Batch], None]
    ) -> None:
        self._client = client
        self._session_id = session_id
        self._echo = echo

    async def send(self, events: Sequence[dict[str, Any]]) -> list[Event]:
        """Send user events in one request; the server's echoes come back.

        Raises:
            SourceError: the server refused, or its answer did not come.
        """
        call = self._client.beta.sessions.events.with_raw_response.send
        try:
            response = await call(self._session_id, events=cast("Any", list(events)))
        except anthropic.APIStatusError as error:
            if error.status_code in (429, 503, 529):
                raise SourceError(
                    f"not sent, the server is busy ({error.status_code}): {said(error)}"
                ) from error
            if error.status_code >= 500 or error.status_code == 408:
                raise SourceError(
                    f"unclear whether it was received ({error.status_code}): {said(error)}"
                ) from error
            raise SourceError(f"not accepted ({error.status_code}): {said(error)}") from error
        except TRANSIENT as error:
            raise SourceError(f"unclear whether it was received: {said(error)}") from error
        except (TypeError, anthropic.AnthropicError) as error:
            raise refused(error, "the message") from error
        echoes = _echoes(response.http_response.content)
        if echoes:
            self._echo(Batch(echoes))
        return echoes


class _Sent(msgspec.Struct):
    data: list[msgspec.Raw] = []


def _echoes(body: bytes) -> list[Event]:
    """The accepted events; some servers answer with nothing, which is an acceptance as well."""
    try:
        sent = msgspec.json.decode(body, type=_Sent) if body else _Sent()
    except msgspec.MsgspecError:
        return []
    return [parse(bytes(raw), received_at=time()) for raw in sent.data]
