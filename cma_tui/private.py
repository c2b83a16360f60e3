"""Files and folders that are for their owner alone: recordings, and what waits for upload.

Owns how they are made and opened. Invariants: a file is 0600 and a folder 0700 whatever the umask; what is
not ours, not a plain file, a link, or has a second name is refused and never followed.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path


class PrivateError(Exception):
    """A file or folder cannot be used; the message completes a sentence that begins with its name."""


def private_folder(folder: Path) -> None:
    """Make a folder, and those above it that are missing, for their owner alone.

    Raises:
        PrivateError: it cannot be made, or it is not ours.
    """
    try:
        missing = [part for part in (folder, *folder.parents) if not part.exists()]
        for part in reversed(missing):
            part.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
            raise PrivateError("is not a folder of ours")
        if found.st_mode & 0o077:
            folder.chmod(0o700)
    except OSError as error:
        raise PrivateError(f"cannot be used: {error.strerror}") from None


def open_private(path: Path, flags: int) -> int:
    """Open a file of ours, made when `flags` have `O_CREAT`. Returns its descriptor.

    Raises:
        PrivateError: it is not ours alone, or no plain file.
        FileExistsError: it exists although `flags` want it new.
        OSError: it cannot be opened.
    """
    nofollow = flags | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK  # a pipe must not hold us up
    try:
        handle = os.open(path, nofollow, 0o600)
    except OSError as error:
        if path.is_symlink():
            raise PrivateError("is a link") from None
        raise error from None
    try:
        reason = _foreign(os.fstat(handle))
        if reason is None:
            os.fchmod(handle, 0o600)
    except BaseException:
        os.close(handle)
        raise
    if reason is not None:
        os.close(handle)
        raise PrivateError(reason)
    return handle


def write_private(path: Path, pieces: Iterable[bytes], *, replace: bool = True) -> None:
    """Write a file of ours that is whole or not there.

    Args:
        path: where it is to be.
        pieces: what is to be in it.
        replace: whether it may take the place of what is there.

    Raises:
        PrivateError: what is there is not ours alone.
        FileExistsError: it exists and is not to be replaced.
        OSError: it cannot be written.
    """
    place = path.with_name(f".{path.name}.{os.getpid()}") if replace else path
    if replace:
        place.unlink(missing_ok=True)  # of a crash
    handle = open_private(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    try:
        with os.fdopen(handle, "wb") as file:
            file.writelines(pieces)
        if replace:
            place.replace(path)
    except BaseException:
        with suppress(OSError):
            place.unlink()
        raise


def _foreign(found: os.stat_result) -> str | None:
    """Why a file is not ours alone; None when it is."""
    if not stat.S_ISREG(found.st_mode):
        return "is no plain file"
    if found.st_uid != os.getuid():
        return "belongs to another user"
    return "has another name as well" if found.st_nlink > 1 else None
