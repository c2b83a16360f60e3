"""The settings of one run, from the options that every command shares.

Owns the way from flags to `Settings`. Invariant: a key is never an argument; it comes from a file, the
environment or the configuration, and a file that others can read is told of.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

from cma_tui.commands.exits import CommandError, Exit
from cma_tui.commands.output import say

if TYPE_CHECKING:
    from cma_tui.settings import Secret, Settings

_KEY_LIMIT = 10_000


@dataclass
class Common:
    """What was given on the command line, before or after the command's name."""

    base_url: str | None = None
    api_key_file: Path | None = None
    env_file: Path | None = None
    config: Path | None = None

    def over(self, other: Common | None) -> Common:
        """These options, and the other's where there is none here."""
        if other is None:
            return self
        return Common(*(getattr(self, f.name) or getattr(other, f.name) for f in fields(self)))

    def settings(self, *, agent: str | None = None, environment: str | None = None) -> Settings:
        """Gather the settings; warnings go to standard error.

        Raises:
            CommandError: a value or a file cannot be used.
        """
        from cma_tui.settings import SettingsError, load

        key = _key(self.api_key_file) if self.api_key_file is not None else None
        flags = {"base_url": self.base_url, "api_key": key, "agent": agent, "environment": environment}
        try:
            settings = load(flags, os.environ, self.env_file, self.config)
        except SettingsError as error:
            raise CommandError(str(error), Exit.USAGE) from error
        for warning in settings.warnings:
            say(f"warning: {warning}")
        return settings


def _key(path: Path) -> Secret:
    """The key that a file holds."""
    from cma_tui.settings import Secret

    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            data = file.read(_KEY_LIMIT + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise CommandError(f"{path}: the key cannot be read: {reason}", Exit.USAGE) from None
    text = data.decode("utf-8", "replace").strip()
    if not text or len(data) > _KEY_LIMIT or len(text.split()) > 1:
        raise CommandError(f"{path}: holds no key, which is one line of text", Exit.USAGE)
    if os.name == "posix" and stat.S_ISREG(status.st_mode) and status.st_mode & 0o077:
        say(f"warning: {path} holds a key, and other users can read it; run: chmod 600 on it")
    return Secret(text)
