"""Sessions of the API, opened where they are read.

Owns the way from settings to a live source. Invariant: nothing here imports the API client until a
source is opened, on the thread that reads it: the screen is drawn long before.
"""

from __future__ import annotations

import gc
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

from cma_tui.commands.exits import CommandError
from cma_tui.source import SourceError

if TYPE_CHECKING:
    from cma_tui.session.model import Session
    from cma_tui.settings import Settings
    from cma_tui.source import Source
    from cma_tui.source.client import Client
    from cma_tui.source.resources import Resources

_T = TypeVar("_T")


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


def client_of(settings: Settings) -> Client:
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

        client = client_of(settings)
        return Live(
            client,
            session,
            follow=follow,
            previews=previews,
            newest_first=newest_first,
            all_threads=all_threads,
        )

    return open_source


def live_session(settings: Settings) -> Session:
    """A session that may go on for days: in a flat memory, its order mended from where it is wrong."""
    from cma_tui.log.aside import Aside
    from cma_tui.session.model import Session
    from cma_tui.session.moments import keep_past

    session = Session(events=Aside(settings.cache_dir))
    keep_past(session)
    return session


def conversation_opener(
    settings: Settings,
    session: str | None,
    *,
    message: str | None = None,
    all_threads: bool = False,
    begin: Callable[[Resources], Awaitable[str]] | None = None,
) -> Callable[[], Awaitable[Source]]:
    """What opens a session to talk in, and says the first words.

    Args:
        settings: whose API.
        session: the session; None for a new one.
        message: what is said once the stream is open.
        all_threads: whether every thread is followed.
        begin: makes the new session and returns its id.
    """

    async def open_source() -> Source:
        from cma_tui.source.live import Live
        from cma_tui.source.resources import Resources

        client = client_of(settings)
        name = session
        if name is None:
            try:
                resources = Resources(client)
                if begin is not None:
                    name = await begin(resources)
                else:
                    name = await resources.create(settings.agent or "", settings.environment or "")
            except SourceError:
                await client.close()
                raise
        first = [user_message(message)] if message is not None else []
        return Live(client, name, newest_first=True, all_threads=all_threads, first=first)

    return open_source


def with_client(settings: Settings, work: Callable[[Client], Awaitable[_T]]) -> _T:
    """Run some calls of the API. Returns what they return.

    Raises:
        CommandError: one of them failed.
    """
    import asyncio

    async def run() -> _T:
        client = client_of(settings)
        try:
            return await work(client)
        finally:
            await client.close()

    try:
        return asyncio.run(run())
    except SourceError as error:
        raise CommandError(str(error), error.exit_code) from error


def user_message(text: str) -> dict[str, Any]:
    """What the user says, as the API takes it."""
    return {"type": "user.message", "content": [{"type": "text", "text": text}]}
