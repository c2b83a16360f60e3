"""A text in the user's own editor.

Owns the file it is in meanwhile. Invariant: the file is the user's alone, and is gone afterwards.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from pathlib import Path


def edited(text: str, folder: Path | None) -> str:
    """The text as it is when the editor ends.

    Raises:
        OSError: there is no such editor, or it failed.
    """
    command = shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi")
    there = folder if folder is not None and folder.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="message-", dir=there) as made:
        path = Path(made) / "message.md"
        path.write_text(text, encoding="utf-8")
        path.chmod(0o600)
        ended = subprocess.run([*command, str(path)], check=False)  # noqa: S603 - the user's own editor
        if ended.returncode:
            raise OSError(f"{command[0]} ended with {ended.returncode}")
        return path.read_text(encoding="utf-8").removesuffix("\n")
