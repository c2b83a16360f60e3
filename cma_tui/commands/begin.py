"""What a new session begins with: its options, and asking for what was not said.

Owns the way from options to the API's fields. Invariant: everything is checked before anything is created;
files are uploaded last, right before the session.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from cma_tui.commands.exits import CommandError, Exit
from cma_tui.commands.output import keyboard
from cma_tui.text import printable

if TYPE_CHECKING:
    from cma_tui.settings import Settings
    from cma_tui.source.resources import Resources


class Beginning(NamedTuple):
    """What was said about a new session."""

    title: str | None = None
    files: tuple[str, ...] = ()
    repos: tuple[str, ...] = ()
    budget: str | None = None
    vaults: tuple[str, ...] = ()
    metadata: tuple[str, ...] = ()

    @property
    def said(self) -> bool:
        """Whether anything was."""
        return any(self)

    def fields(self) -> dict[str, Any]:
        """The fields of the request, without the files.

        Raises:
            CommandError: a value cannot be used.
        """
        fields: dict[str, Any] = {}
        if self.title is not None:
            fields["title"] = self.title
        if self.budget is not None:
            fields["budget"] = budget_field(self.budget)
        if self.vaults:
            fields["vault_ids"] = list(self.vaults)
        if self.metadata:
            fields["metadata"] = dict(_pair(pair) for pair in self.metadata)
        if self.repos:
            token = os.environ.get("GITHUB_TOKEN")
            access = {"authorization_token": token} if token else {}
            fields["resources"] = [{"type": "github_repository", "url": url, **access} for url in self.repos]
        for file in self.files:
            if not Path(file).is_file():
                raise CommandError(f"{file}: no such file", Exit.USAGE)
        return fields


def begin_options(command: Callable[..., int]) -> Callable[..., int]:
    """Give a command the options of a new session, as `beginning`."""

    @click.option("--title", metavar="TEXT", help="Title of a new session.")
    @click.option("--file", "files", multiple=True, metavar="FILE", help="File to upload and mount.")
    @click.option(
        "--repo",
        "repos",
        multiple=True,
        metavar="URL",
        help="GitHub repository (GITHUB_TOKEN).",
    )
    @click.option("--budget", metavar="DOLLARS", help="What a new session may cost.")
    @click.option("--vault", "vaults", multiple=True, metavar="ID", help="Credentials for a new session.")
    @click.option("--metadata", multiple=True, metavar="KEY=VALUE", help="Metadata of a new session.")
    @wraps(command)
    def run(*given: object, **rest: Any) -> int:  # noqa: ANN401
        names = Beginning._fields
        return command(*given, beginning=Beginning(**{name: rest.pop(name) for name in names}), **rest)

    return run


def beginner(
    settings: Settings,
    beginning: Beginning,
    **more: Any,  # noqa: ANN401
) -> Callable[[Resources], Awaitable[str]]:
    """What creates the session."""
    fields = {**beginning.fields(), **more}

    async def begin(resources: Resources) -> str:
        mounted = [
            {"type": "file", "file_id": await resources.upload(Path(file))} for file in beginning.files
        ]
        if mounted:
            fields["resources"] = [*fields.get("resources", ()), *mounted]
        return await resources.create(settings.agent or "", settings.environment or "", **fields)

    return begin


def chosen(settings: Settings) -> dict[str, str]:
    """The agent and the environment that were not named: the only one, or the one that the user picks.

    Raises:
        CommandError: there is none, or nobody to ask.
    """
    lacking = [name for name in ("agent", "environment") if getattr(settings, name) is None]
    if not lacking:
        return {}
    from cma_tui.commands.live import with_client

    async def lists(client: Any) -> dict[str, list[dict[str, Any]]]:  # noqa: ANN401
        from cma_tui.source.resources import Resources

        found = Resources(client)
        return {name: await (found.agents() if name == "agent" else found.environments()) for name in lacking}

    return {name: _pick(name, found) for name, found in with_client(settings, lists).items()}


def _pick(what: str, found: list[dict[str, Any]]) -> str:
    found = [one for one in found if one.get("archived_at") is None]
    if not found:
        raise CommandError(f"there is no {what}: create one in the Console, or name it with --{what}")
    if len(found) == 1:
        return str(found[0]["id"])
    if not keyboard():
        raise CommandError(f"there are {len(found)} {what}s: name one with --{what}", Exit.USAGE)
    for number, one in enumerate(found, start=1):
        name = printable(str(one.get("name") or ""), cap=60)
        click.echo(f"{number:3}  {name}  {printable(str(one['id']), cap=60)}", err=True)
    number = click.prompt(f"Which {what}", type=click.IntRange(1, len(found)), err=True)
    return str(found[int(number) - 1]["id"])


def budget_field(dollars: str) -> dict[str, Any]:
    """A budget as the API takes it: whole cents.

    Raises:
        CommandError: it is no amount of money.
    """
    from cma_tui.source.resources import cents_of

    cents = cents_of(dollars)
    if cents is None:
        raise CommandError(f"{printable(dollars, cap=40)} is no amount in dollars", Exit.USAGE)
    return {"type": "limit", "max_list_cost": {"amount": str(cents), "currency": "USD"}}


def _pair(pair: str) -> tuple[str, str]:
    key, equals, value = pair.partition("=")
    if not key or not equals:
        raise CommandError(f"{printable(pair, cap=80)} is not of the form KEY=VALUE", Exit.USAGE)
    return key, value
