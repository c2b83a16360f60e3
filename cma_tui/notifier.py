"""Telling others that a session's state changed: a command of the user's, a webhook.

Owns what is told and the telling. Invariants: nothing of what was said or done is told, only the state and
the name of a tool; a command is run as it is, without a shell, and gets what it is told by its environment
and its standard input; whoever is told never holds up the session.
"""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

from cma_tui.session.model import Session
from cma_tui.text import printable

_SECONDS = 30.0
"""What one telling may take."""
_FAREWELL = 10.0
"""Seconds for what is still to be told when the command ends."""


class Notifier:
    """Tells each change of state once, in order, on a thread of its own."""

    def __init__(
        self, command: list[str], url: str | None, say: Callable[[str], None], *, screen: str = ""
    ) -> None:
        """Begin to tell.

        Args:
            command: what is run, word by word; nothing where it is empty.
            url: what is posted to.
            say: told, on the notifier's thread, what went wrong.
            screen: the setting that names the command, where a screen is drawn that it may not write over.
        """
        self._command = command
        self._url = url
        self._say = say
        self._name = screen or "--on-event"
        self._errors = subprocess.DEVNULL if screen else None
        self._last: dict[str, Any] = {}
        self._queue: SimpleQueue[dict[str, Any] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="notifier", daemon=True)
        self._thread.start()

    def look(self, session: Session) -> None:
        """Tell how the session stands, if that is news."""
        now = notice(session)
        if now != self._last:
            self._last = now
            self.tell(now)

    def tell(self, told: dict[str, Any]) -> None:
        """Tell this, in its turn."""
        self._queue.put(told)

    def close(self, patience: float = _FAREWELL) -> None:
        """Wait until all has been told, for a limited time."""
        self._queue.put(None)
        self._thread.join(patience)
        if patience and self._thread.is_alive():
            self._say("not everything could be told to --on-event or --webhook")

    def _run(self) -> None:
        while (told := self._queue.get()) is not None:
            if self._command:
                self._execute(told)
            if self._url is not None:
                self._post(self._url, told)

    def _execute(self, told: dict[str, Any]) -> None:
        named = {f"CMA_TOP_{name.upper()}": printable(str(value), cap=200) for name, value in told.items()}
        try:
            done = subprocess.run(  # noqa: S603 - the user's own command, and no shell
                self._command,
                input=json.dumps(told).encode(),
                env={**os.environ, **named},
                stdout=subprocess.DEVNULL,
                stderr=self._errors,
                timeout=_SECONDS,
                check=False,
            )
        except (OSError, ValueError, subprocess.TimeoutExpired) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else error
            self._say(f"{self._name}: {reason}")
            return
        if done.returncode:
            self._say(f"{self._name}: {self._command[0]} ended with {done.returncode}")

    def _post(self, url: str, told: dict[str, Any]) -> None:
        from urllib.error import HTTPError
        from urllib.request import HTTPRedirectHandler, Request, build_opener

        class Stay(HTTPRedirectHandler):
            def redirect_request(self, *_: Any) -> None:  # noqa: ANN401 - as urllib declares it
                return None

        request = Request(  # noqa: S310 - checked to be http or https
            url, json.dumps(told).encode(), {"content-type": "application/json", "user-agent": "cma-top"}
        )
        try:
            with build_opener(Stay).open(request, timeout=_SECONDS):
                pass
        except HTTPError as error:
            self._say(f"--webhook: answered {error.code}")
        except (OSError, ValueError) as error:
            self._say(f"--webhook: {getattr(error, 'reason', None) or error}")


def notice(session: Session) -> dict[str, Any]:
    """How a session stands, without anything that was said in it."""
    told: dict[str, Any] = {"session": session.id or "", "state": session.state}
    tool = next(iter(session.asks), None)
    if tool is not None:
        told["tool"] = tool.name
        told["needs"] = "confirmation" if tool.awaited == "confirmation" else "result"
    elif session.status == "idle" and session.stop_reason is not None:
        told["stop_reason"] = session.stop_reason
    return told
