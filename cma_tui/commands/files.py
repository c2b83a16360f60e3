"""`files`: what a session wrote, listed and saved; and files for it.

Owns where files are saved. Invariant: nothing that exists is overwritten, and no name from outside leads
out of the folder that was named.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cma_tui.commands.choosing import session_argument, session_of
from cma_tui.commands.exits import CommandError, Exit
from cma_tui.commands.options import Common, common
from cma_tui.commands.output import say, written
from cma_tui.commands.send import as_json
from cma_tui.text import printable, size

if TYPE_CHECKING:
    from cma_tui.source.client import Client


@click.command()
@session_argument
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "-o", "--output", type=click.Path(file_okay=False, path_type=Path), help="Folder to save in [.]."
)
@click.option("--all", "everything", is_flag=True, help="Save every file.")
@click.option(
    "--upload",
    "uploads",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Upload a file and mount it into the session.",
)
@as_json
@common
def files_command(
    options: Common,
    session: str | None,
    names: tuple[str, ...],
    output: Path | None,
    everything: bool,
    uploads: tuple[Path, ...],
    as_json: bool,
) -> int:
    """List the files of a session, or save those of these names or ids.

    What the agent wrote last may need some seconds to appear.
    """
    from cma_tui.commands.live import with_client

    name = session_of(options, session)

    async def work(client: Client) -> tuple[list[dict[str, Any]], list[tuple[str, bytes]]]:
        from cma_tui.source.resources import Resources

        resources = Resources(client)
        for path in uploads:
            await resources.mount(name, await resources.upload(path))
        found = await resources.files(name)
        wanted = [f for f in found if everything or {f.get("filename"), f.get("id")} & set(names)]
        return found, [(str(f.get("filename")), await resources.download(str(f["id"]))) for f in wanted]

    found, saved = with_client(options.settings(), work)
    lacking = set(names) - {str(f.get(field)) for f in found for field in ("filename", "id")}
    paths = [str(_save(output or Path(), file, data)) for file, data in saved]
    with written():
        if as_json:
            click.echo(json.dumps({"version": 1, "session_id": name, "files": found, "saved": paths}))
        else:
            for path in paths:
                click.echo(f"saved {printable(path)}")
            for file in found if not (names or everything or uploads) else ():
                line = f"{file.get('id')}  {size(file.get('size_bytes')):>9}  {file.get('filename')}"
                click.echo(printable(line))
    if lacking:
        say(f"no such file yet: {', '.join(sorted(lacking))}")
        return Exit.NO_ACCESS
    return Exit.DONE


def _save(folder: Path, name: str, data: bytes) -> Path:
    import os

    path = folder / (name.replace("\\", "/").rpartition("/")[2] or "unnamed")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}") from error
    return path
