"""Ways to take text out of the screen: a clipboard tool, the terminal (OSC 52), a private file.

Owns the choice of the way and the words for it. Invariants: what is said is what is known, and a terminal
never tells whether it took anything; no text is lost without a word; files are for their owner alone.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import tempfile
from base64 import b64encode
from collections.abc import Callable, Mapping
from pathlib import Path

OSC_52_MOST = 74_994
"""Base64 characters that every terminal with OSC 52 takes."""
_PATIENCE = 2.0
"""Seconds a clipboard tool may take."""
_SCREEN_PIECE = 76
"""Characters that GNU screen passes on at once."""


def tools(env: Mapping[str, str], platform: str = sys.platform) -> list[list[str]]:
    """The clipboard tools that belong to this terminal, best first.

    Over ssh the tools of this machine would fill a clipboard that nobody sits at.
    """
    found = []
    if env.get("TMUX"):
        found.append(["tmux", "load-buffer", "-w", "-"])
    if env.get("SSH_CONNECTION") or env.get("SSH_TTY"):
        return found
    if platform == "darwin":
        found.append(["pbcopy"])
    if env.get("WAYLAND_DISPLAY"):
        found.append(["wl-copy"])
    if env.get("DISPLAY"):
        found += [["xclip", "-selection", "clipboard", "-in"], ["xsel", "--clipboard", "--input"]]
    if env.get("WSL_DISTRO_NAME"):
        found.append(["clip.exe"])
    return found


def osc_52(text: str, env: Mapping[str, str]) -> str | None:
    """What asks the terminal to take the text, through tmux or screen; None when it is too long for that."""
    encoded = b64encode(text.encode("utf-8", "replace")).decode()
    if len(encoded) > OSC_52_MOST:
        return None
    return through(f"\x1b]52;c;{encoded}\x07", env)


def through(sequence: str, env: Mapping[str, str]) -> str:
    """A control sequence for the terminal that tmux or screen runs in."""
    if env.get("TMUX"):
        return "\x1bPtmux;" + sequence.replace("\x1b", "\x1b\x1b") + "\x1b\\"
    if env.get("STY"):
        pieces = (sequence[n : n + _SCREEN_PIECE] for n in range(0, len(sequence), _SCREEN_PIECE))
        return "".join(f"\x1bP{piece}\x1b\\" for piece in pieces)
    return sequence


async def copy(text: str, env: Mapping[str, str], to_terminal: Callable[[str], None] | None) -> str:
    """Take the text out, and say how.

    Args:
        text: what to copy.
        env: tells where this terminal is.
        to_terminal: writes to the terminal; None where there is none.
    """
    much = f"{len(text):,} characters" if len(text) != 1 else "1 character"
    for command in tools(env):
        if await _feed(command, text, env):
            if command[0] == "tmux":
                return f"{much} in tmux's buffer; tmux offers them to the terminal's clipboard too"
            return f"{much} copied with {command[0]}"
    sequence = osc_52(text, env) if to_terminal is not None else None
    if sequence is not None and to_terminal is not None:
        to_terminal(sequence)
        through = " through tmux" if env.get("TMUX") else " through screen" if env.get("STY") else ""
        return f"{much} sent to the terminal's clipboard{through} (OSC 52); it never says if it took them"
    path = await asyncio.to_thread(private_file, text, "copied.txt")
    return f"{much}: too many for the terminal's clipboard, written to {path}"


def private_file(text: str, name: str) -> Path:
    """A file that only its owner can read, in a folder of its own."""
    path = Path(tempfile.mkdtemp(prefix="cma-top-")) / name
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8", errors="replace") as file:
        file.write(text)
    return path


async def _feed(command: list[str], text: str, env: Mapping[str, str]) -> bool:
    """Whether a tool is there and took the text."""
    program = shutil.which(command[0], path=env.get("PATH"))
    if program is None:
        return False
    quiet = asyncio.subprocess.DEVNULL
    try:
        tool = await asyncio.create_subprocess_exec(
            program, *command[1:], stdin=asyncio.subprocess.PIPE, stdout=quiet, stderr=quiet, env=dict(env)
        )
    except OSError:
        return False
    try:
        await asyncio.wait_for(tool.communicate(text.encode("utf-8", "replace")), _PATIENCE)
    except TimeoutError:
        tool.kill()
        await tool.wait()
        return False
    return tool.returncode == 0
