"""Sessions for the shell to complete: `cma-top tail sesn_<Tab>`.

Owns what is remembered of them, in the cache folder. Invariants: the shell waits no longer than `PATIENCE`,
and nothing is printed whatever fails: a process of its own asks the server, and what it brings too late is
there for the next time; sessions of one server and key are never offered with another; nothing is offered
that a shell could take for more than an id; the file is its owner's alone.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from time import time
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from cma_tui.commands.options import Common
    from cma_tui.settings import Settings

PATIENCE = 2.0
"""Seconds that the shell may wait."""
FRESH = 30.0
"""Seconds for which what is remembered is offered without asking."""
_MOST = 100
_OPTIONS = ("base_url", "api_key_file", "env_file", "config")


def sessions(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The sessions whose ids begin so, the newest first."""
    from click.shell_completion import CompletionItem

    from cma_tui.commands.targets import session_id
    from cma_tui.text import first_line

    if not "sesn_".startswith(incomplete[:5]):
        return []
    try:
        return [
            CompletionItem(key, help=first_line(title, 60))
            for key, title in _known(_common(ctx))
            if key.startswith(incomplete) and session_id(key) == key
        ]
    except Exception:  # noqa: BLE001 - a shell that completes a word is no place to say what is wrong
        return []


def logs_too(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The same, and files."""
    from click.shell_completion import CompletionItem

    found = sessions(ctx, param, incomplete) if incomplete else []
    return [*found, CompletionItem(incomplete, type="file")]


def _common(ctx: click.Context) -> Common:
    """The options that were given so far, wherever they stand."""
    from cma_tui.commands.options import Common

    given = Common()
    while True:
        values = {name: ctx.params[name] for name in _OPTIONS if ctx.params.get(name) is not None}
        given = given.over(Common(**values))
        if ctx.parent is None:
            return given
        ctx = ctx.parent


def _known(common: Common) -> list[tuple[str, str]]:
    """Id and title of each, from the server if it answers in time, else as they were."""
    import json
    import subprocess

    from cma_tui.settings import load

    settings = load({"base_url": common.base_url}, os.environ, common.env_file, common.config)
    path = _remembered(settings, common)
    if not path.exists() or time() - path.stat().st_mtime > FRESH:
        given = [str(getattr(common, name) or "") for name in _OPTIONS]
        nowhere = subprocess.DEVNULL
        asking = subprocess.Popen(  # noqa: S603 - ourselves
            [sys.executable, "-m", "cma_tui.commands.completion", *given],
            stdin=nowhere,
            stdout=nowhere,
            stderr=nowhere,
            env={name: value for name, value in os.environ.items() if not name.startswith("_CMA_TOP")},
            start_new_session=True,
        )
        try:
            asking.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            asking.returncode = 0  # it goes on by itself, for the next time
    if not path.exists():
        return []
    return [(str(key), str(title)) for key, title in json.loads(path.read_bytes())]


def _remembered(settings: Settings, common: Common) -> Path:
    """Where the sessions of this server and key are."""
    from hashlib import sha256

    key = settings.api_key or settings.auth_token
    file = common.api_key_file.read_bytes() if common.api_key_file is not None else b""
    who = [settings.base_url.encode(), file or (key.reveal().encode() if key is not None else b"")]
    return settings.cache_dir / f"sessions-{sha256(b'|'.join(who)).hexdigest()[:16]}.json"


def remember(common: Common) -> None:
    """Ask for the newest sessions, and keep them."""
    import json

    from cma_tui.commands.live import with_client
    from cma_tui.private import private_folder, write_private
    from cma_tui.source.client import Client
    from cma_tui.source.resources import Resources

    settings = common.settings()

    async def newest(client: Client) -> list[tuple[str, str]]:
        found = await Resources(client).sessions(_MOST)
        return [(str(one["id"]), str(one.get("title") or "")) for one in found if one.get("id")]

    found = with_client(settings, newest)
    path = _remembered(settings, common)
    private_folder(path.parent)
    write_private(path, [json.dumps(found).encode()])


def main(given: list[str]) -> None:
    """Do it for these options, within ten times the patience of the shell."""
    import signal

    from cma_tui.commands.options import Common

    signal.alarm(int(10 * PATIENCE))
    values: dict[str, str | Path | None] = {
        name: (value if name == "base_url" else Path(value)) if value else None
        for name, value in zip(_OPTIONS, given, strict=True)
    }
    remember(Common(**values))  # type: ignore[arg-type]


if __name__ == "__main__":
    main(sys.argv[1:])
