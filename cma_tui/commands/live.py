"""Sessions of the API, opened where they are read.

Owns the way from settings to a live source. Invariant: nothing here imports the API client until a
source is opened, on the thread that reads it: the screen is drawn long before.
"""

from __future__ import annotations

import gc
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from cma_tui.source import SourceError

if TYPE_CHECKING:
    from cma_tui.settings import Settings
    from cma_tui.source import Source
    from cma_tui.source.client import Client


def credentials(settings: Settings) -> dict[str, Any]:
    """What `make_client` is told."""
    key, token = settings.api_key, settings.auth_token
    return {
        "api_key": key.reveal() if key else None,
        "auth_token": token.reveal() if token else None,
        # One that nobody chose is left to the SDK: its own profiles may know a server.
        "base_url": settings.base_url if "base_url" in settings.origins else None,
        "headers": {name: value.reveal() for name, value in settings.extra_headers.items()},
    }


def _client(settings: Settings) -> Client:
    """The API's client, and what its import left put where the collector does not look.

    A full collection over all that the SDK's import made would stop the screen for a fifth of a second.
    """
    from cma_tui.source.client import make_client

    gc.freeze()
    return make_client(**credentials(settings))


def opener(
    settings: Settings,
    session: str,
    *,
    follow: bool = True,
    previews: bool = True,
    newest_first: bool = False,
    all_threads: bool = False,
) -> Callable[[], Awaitable[Source]]:
    """What opens a session: to follow it, or to list it once."""

    async def open_source() -> Source:
        from cma_tui.source.live import Live

        client = _client(settings)
        return Live(
            client,
            session,
            follow=follow,
            previews=previews,
            newest_first=newest_first,
            all_threads=all_threads,
        )

    return open_source


def conversation_opener(
    settings: Settings, session: str | None, *, message: str | None = None, all_threads: bool = False
) -> Callable[[], Awaitable[Source]]:
    """What opens a session to talk in, a new one when none is named, and says the first words."""

    async def open_source() -> Source:
        from cma_tui.source.live import Live, create_session

        client = _client(settings)
        name = session
        if name is None:
            try:
                name = await create_session(client, settings.agent or "", settings.environment or "")
            except SourceError:
                await client.close()
                raise
        first = [user_message(message)] if message is not None else []
        return Live(client, name, newest_first=True, all_threads=all_threads, first=first)

    return open_source


def user_message(text: str) -> dict[str, Any]:
    """What the user says, as the API takes it."""
    return {"type": "user.message", "content": [{"type": "text", "text": text}]}
