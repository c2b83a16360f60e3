"""What can be done to sessions and files beside sending events.

Owns these calls of the API. Invariant: each makes one request; one that creates, changes or deletes is not
repeated, and says so when its reply did not come.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

import anthropic

from cma_tui.content import as_dict, as_list, as_text
from cma_tui.event import decode
from cma_tui.source import SourceError
from cma_tui.source.client import CALL_ERRORS, TRANSIENT, refused, said

_BETA = ["managed-agents-2026-04-01"]
"""The header that the files' calls need and do not send by themselves."""


class Resources:
    """The API's sessions, files, agents and environments."""

    def __init__(self, client: anthropic.AsyncAnthropic) -> None:
        self._client = client

    # -- sessions ----------------------------------------------------------------------------------------

    async def create(self, agent: str, environment: str, **fields: Any) -> str:  # noqa: ANN401
        """Create a session. Returns its id."""
        call = self._client.beta.sessions.with_raw_response.create
        made = await self._changed(
            call(agent=agent, environment_id=environment, **fields),
            f"a session of {agent} in {environment}",
            "a session was created",
        )
        session = as_text(made.get("id"))
        if session is None:
            raise SourceError(f"{self._client.base_url} is no Managed Agents API: its new session has no id")
        return session

    async def retrieve(self, session: str) -> dict[str, Any]:
        """A session as it stands."""
        call = self._client.beta.sessions.with_raw_response.retrieve
        return await self._read(call(session), f"session {session}")

    async def update(self, session: str, **fields: Any) -> dict[str, Any]:  # noqa: ANN401
        """Change a session's title, metadata or budget."""
        call = self._client.beta.sessions.with_raw_response.update
        return await self._changed(call(session, **fields), f"session {session}")

    async def archive(self, session: str) -> dict[str, Any]:
        """End a session that rests."""
        call = self._client.beta.sessions.with_raw_response.archive
        return await self._changed(call(session), f"session {session}")

    async def delete(self, session: str) -> dict[str, Any]:
        """Delete a session that rests, and its log."""
        call = self._client.beta.sessions.with_raw_response.delete
        return await self._changed(call(session), f"session {session}")

    async def sessions(self, limit: int) -> list[dict[str, Any]]:
        """The newest sessions."""
        call = self._client.beta.sessions.with_raw_response.list
        return _listed(await self._read(call(limit=limit), "the list of sessions"))

    async def agents(self) -> list[dict[str, Any]]:
        """The newest agents."""
        call = self._client.beta.agents.with_raw_response.list
        return _listed(await self._read(call(limit=100), "the list of agents"))

    async def environments(self) -> list[dict[str, Any]]:
        """The newest environments."""
        call = self._client.beta.environments.with_raw_response.list
        return _listed(await self._read(call(limit=100), "the list of environments"))

    # -- files -------------------------------------------------------------------------------------------

    async def files(self, session: str) -> list[dict[str, Any]]:
        """The files of a session; what it wrote last may be missing for some seconds."""
        call = self._client.beta.files.with_raw_response.list
        found = await self._read(call(scope_id=session, limit=1000, betas=_BETA), f"the files of {session}")
        return _listed(found)

    async def download(self, file: str) -> bytes:
        """What a file holds."""
        try:
            response = await self._client.beta.files.with_raw_response.download(file)
        except CALL_ERRORS as error:
            raise refused(error, f"file {file}") from error
        content: bytes = response.http_response.content
        return content

    async def upload(self, path: Path) -> str:
        """Upload a file. Returns its id."""
        call = self._client.beta.files.with_raw_response.upload
        try:
            data = await asyncio.to_thread(path.read_bytes)
        except OSError as error:
            raise SourceError(f"{path}: {error.strerror or error}", 2) from error
        made = await self._changed(call(file=(path.name, data)), f"{path.name}")
        return as_text(made.get("id")) or ""

    async def mount(self, session: str, file: str, path: str | None = None) -> dict[str, Any]:
        """Put an uploaded file into a session's container."""
        call = self._client.beta.sessions.resources.with_raw_response.add
        request = (
            call(session, file_id=file, type="file", mount_path=path)
            if path
            else call(session, file_id=file, type="file")
        )
        return await self._changed(request, f"session {session}")

    # -- requests ----------------------------------------------------------------------------------------

    async def _read(self, request: Awaitable[Any], what: str) -> dict[str, Any]:
        try:
            response = await request
        except CALL_ERRORS as error:
            raise refused(error, what) from error
        return as_dict(decode(response.http_response.content))

    async def _changed(self, request: Awaitable[Any], what: str, done: str = "it was done") -> dict[str, Any]:
        try:
            response = await request
        except TRANSIENT as error:
            raise SourceError(f"unclear whether {done}, for {what}: {said(error)}") from error
        except CALL_ERRORS as error:
            raise refused(error, what) from error
        return as_dict(decode(response.http_response.content))


def cents_of(dollars: str) -> int | None:
    """Dollars in whole cents; None for what is no amount."""
    match = re.fullmatch(r"\$?(\d{1,7})(?:\.(\d{1,2}))?", dollars.strip())
    if match is None:
        return None
    return int(match[1]) * 100 + int((match[2] or "0").ljust(2, "0")) or None


def _listed(page: dict[str, Any]) -> list[dict[str, Any]]:
    return [as_dict(item) for item in as_list(page.get("data"))]
