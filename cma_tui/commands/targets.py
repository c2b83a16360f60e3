"""What the user named: a saved log or a session.

Owns the forms of session ids. Invariant: a file that exists is a file, whatever it is called; an id
holds nothing but letters, digits, `_` and `-`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from cma_tui.commands.exits import CommandError, Exit

_ID = re.compile(r"(?:sesn|session|sess)[_-][A-Za-z0-9_-]+|[0-9a-f]{16,64}|[0-9a-f]{8}(?:-[0-9a-f]{4,12}){4}")
"""The API's ids, and what compatible servers use."""
_AFTER_SESSIONS = re.compile(r"/sessions/([A-Za-z0-9_-]+)")


class Target(NamedTuple):
    """One of the two."""

    file: str | None = None
    """A path, or `-`."""
    session: str | None = None

    @property
    def name(self) -> str:
        """For messages."""
        return self.session or ("standard input" if self.file == "-" else str(self.file))


def target(word: str) -> Target:
    """Tell what a word names.

    Raises:
        CommandError: neither.
    """
    if word == "-" or _exists(word):
        return Target(file=word)
    session = session_id(word)
    if session is not None:
        return Target(session=session)
    if re.match(r"https?://", word):
        raise CommandError(f"no session id in this URL: {word}", Exit.USAGE)
    raise CommandError(f"{word}: no such file, and no session id (sesn_…) either", Exit.USAGE)


def files_or_session(words: Sequence[str]) -> tuple[list[str], str | None]:
    """What several words name: files (paths, folders, or `-`), or one session.

    Raises:
        CommandError: a word names neither, or there is more than one session.
    """
    found = [target(word) for word in words]
    session = next((one.session for one in found if one.session is not None), None)
    if session is not None and len(found) > 1:
        raise CommandError(f"{session} is a session: name one, or files", Exit.USAGE)
    return [one.file for one in found if one.file is not None], session


def session_only(word: str) -> str:
    """The id of a session.

    Raises:
        CommandError: it names something else.
    """
    found = target(word)
    if found.session is None:
        raise CommandError(f"{word} is a file; this command works on a session (sesn_…)", Exit.USAGE)
    return found.session


def session_id(word: str) -> str | None:
    """The session id that a word is, or that a Console URL holds."""
    if _ID.fullmatch(word):
        return word
    if not re.match(r"https?://", word):
        return None
    url = unquote(word)
    parts = [part for part in re.split(r"[/?&=#]", url) if _ID.fullmatch(part)]
    named = [part for part in parts if part.startswith("ses")] or parts
    if named:
        return named[-1]
    after = _AFTER_SESSIONS.search(url)
    return after[1] if after else None


def _exists(word: str) -> bool:
    try:
        return Path(word).exists()
    except (OSError, ValueError):  # no name that a file could have
        return False
