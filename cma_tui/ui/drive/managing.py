"""The session as a resource: its title, its budget, its files, its end.

Owns what the composer's commands ask of the API beside sending. Invariant: what costs money or cannot be
taken back is confirmed by a typed word that names it; a refusal is told in the API's words.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from cma_tui.source import SourceError
from cma_tui.source.resources import Resources, cents_of
from cma_tui.text import money, printable, size
from cma_tui.ui.drive.confirm import Confirm
from cma_tui.ui.drive.panel import DrivePanel
from cma_tui.ui.drive.sheet import TextSheet


def _reach(panel: DrivePanel) -> tuple[Resources, str]:
    source = panel.feed.source
    resources = getattr(source, "resources", None)
    if source is None or not isinstance(resources, Resources) or panel.controls is None:
        raise SourceError("nothing can be changed here")
    return resources, source.name


async def _asked(panel: DrivePanel, question: str, word: str) -> bool:
    return await panel.app.push_screen_wait(Confirm(question, word))


async def _done(panel: DrivePanel, work: Coroutine[Any, Any, Any], said: str) -> bool:
    await panel.on_source(work)
    panel.say(said, "$success")
    return True


async def title(panel: DrivePanel, rest: str) -> bool:
    """Name the session."""
    resources, session = _reach(panel)
    return await _done(panel, resources.update(session, title=rest), f"the session is called {rest}")


async def budget(panel: DrivePanel, rest: str) -> bool:
    """Raise or remove the budget."""
    resources, session = _reach(panel)
    now = panel.feed.session.budget_usd
    before = money(now) if now is not None else "none"
    if rest.lower() == "none":
        if not await _asked(panel, f"Remove the budget of {before}? It cannot be set again.", "remove"):
            return False
        return await _done(panel, resources.update(session, budget=None), "the budget is removed")
    cents = cents_of(rest)
    if cents is None:
        panel.say("/budget takes dollars, such as 10 or 7.50, or none", "$error")
        return False
    amount = f"{cents / 100:.2f}"
    if not await _asked(panel, f"Change the budget from {before} to ${amount}?", amount):
        return False
    limit = {"type": "limit", "max_list_cost": {"amount": str(cents), "currency": "USD"}}
    return await _done(panel, resources.update(session, budget=limit), f"the budget is ${amount}")


async def archive(panel: DrivePanel, _rest: str) -> bool:
    """End the session."""
    resources, session = _reach(panel)
    if not await _asked(panel, "Archive this session? It takes no more messages; its log stays.", "archive"):
        return False
    return await _done(panel, resources.archive(session), "the session is archived")


async def delete(panel: DrivePanel, _rest: str) -> bool:
    """Delete the session."""
    resources, session = _reach(panel)
    if not await _asked(panel, f"Delete {session} and its whole log?", "delete"):
        return False
    return await _done(panel, resources.delete(session), "the session is deleted")


async def files(panel: DrivePanel, _rest: str) -> bool:
    """List the session's files."""
    resources, session = _reach(panel)
    found = await panel.on_source(resources.files(session))
    lines = [
        f"{printable(str(file.get('filename')), cap=80):40}  {size(file.get('size_bytes')):>9}"
        f"  {printable(str(file.get('id')), cap=60)}"
        for file in found
    ]
    text = "\n".join(lines) or "none; what was written last may need some seconds to appear"
    panel.app.push_screen(TextSheet("files: /download NAME saves one", text))
    return True


async def download(panel: DrivePanel, rest: str) -> bool:
    """Save a file of the session; an existing file is not overwritten."""
    resources, session = _reach(panel)
    name, _, to = rest.partition(" ")
    found = [
        file
        for file in await panel.on_source(resources.files(session))
        if name and name in (file.get("filename"), file.get("id"))
    ]
    if not found:
        panel.say(f"no file {name} yet: /files lists them", "$error")
        return False
    data = await panel.on_source(resources.download(str(found[0]["id"])))
    path = path_of(to) if to.strip() else Path(str(found[0]["filename"]).rpartition("/")[2])
    await asyncio.to_thread(save_new, path, data)
    panel.say(f"saved {path}, {size(len(data))}", "$success")
    return True


def path_of(written: str) -> Path:
    """A file as the user names it."""
    return Path(written.strip()).expanduser()


def save_new(path: Path, data: bytes) -> None:
    """Write a file that is not there yet, for its owner alone.

    Raises:
        SourceError: it exists, or cannot be written.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}") from error


async def attach(panel: DrivePanel, rest: str) -> bool:
    """Upload a file and mount it."""
    resources, session = _reach(panel)
    name, _, mount = rest.partition(" ")
    path = path_of(name)
    file = await panel.on_source(resources.upload(path))
    said = f"{path.name} is in the session"
    return await _done(panel, resources.mount(session, file, mount.strip() or None), said)
