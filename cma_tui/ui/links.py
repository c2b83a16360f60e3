"""Links into Braintrust: opening one in a browser.

Owns the start of another program. Invariants: only an http(s) address that we built is opened, only by a key
that says so, by the system's own opener, away from our terminal; what goes wrong is returned in words.
"""

from __future__ import annotations

import subprocess
import sys
from shutil import which
from urllib.parse import urlsplit

_PATIENCE = 10.0


def open_link(url: str) -> str:
    """Open an address in the user's browser; blocks meanwhile. Returns what went wrong, or nothing."""
    if urlsplit(url).scheme not in ("http", "https") or not url.isascii() or not url.isprintable():
        return "not opened: it is no plain address"
    opener = which("open" if sys.platform == "darwin" else "xdg-open")
    if opener is None:
        return "there is no browser to be opened here; y copies the link"
    try:
        done = subprocess.run(  # noqa: S603 - the system's opener, and an address of ours
            [opener, url],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            timeout=_PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return ""  # some openers stay until the browser is closed
    except OSError as error:
        return f"the browser could not be opened: {error.strerror}"
    return "" if done.returncode == 0 else "the browser could not be opened; y copies the link"
