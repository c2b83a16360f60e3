"""What the mirror's tests share: all stories, a clock that nobody waits for, and rows made visible."""

from __future__ import annotations

import inspect
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress

from cma_tui.event import Event, local
from cma_tui.mirror import Mirror, Status, Target
from cma_tui.mirror.cut import Index
from cma_tui.mirror.row import Row
from cma_tui.mirror.spans import turn_rows
from cma_tui.session.book import Book, figures_of
from cma_tui.session.cost import NANO
from cma_tui.session.model import Session, Turn
from cma_tui.settings import Secret
from tests.mirror.fake import KEY, PRICES, Fake
from tests.stories import orders, others, surprises
from tests.stories.recordings import NAMES, recording

SESSION = "sesn_mirror"
RESOURCE = local(
    "local.session",
    {
        "session": {
            "id": SESSION,
            "title": "A session",
            "environment_id": "env_1",
            "created_at": "2026-08-17T15:59:59Z",
            "agent": {
                "id": "agent_1",
                "name": "coder",
                "version": 3,
                "model": {"id": "claude-opus-5"},
                "tools": [{"type": "agent_toolset_20260401"}, {"type": "custom", "name": "get_weather"}],
            },
        }
    },
    key="resource",
)
"""The session as the API describes it."""


def told(events: list[Event]) -> list[Event]:
    """A story of a session that is known by its id."""
    return [RESOURCE, *events]


def stories() -> Iterator[tuple[str, list[Event]]]:
    """Every story and every recording, by name."""
    for module in (orders, surprises, others):
        for name, tell in inspect.getmembers(module, inspect.isfunction):
            if tell.__module__ != module.__name__ or inspect.signature(tell).parameters or name[0] == "_":
                continue
            found = tell()
            yield name, [e for part in found for e in part] if isinstance(found, tuple) else found
    for name in NAMES:
        yield name, recording(name)


STORIES = dict(stories())


class Rates:
    """The fake's own prices: a model it does not know has none."""

    def cost(self, model, usage, at, /):
        if model not in PRICES:
            return None
        fresh, out, read, written = (round(price * NANO) for price in PRICES[model])
        return (
            fresh * usage.input_tokens
            + out * usage.output_tokens
            + read * usage.cache_read_input_tokens
            + written * usage.cache_creation_input_tokens
        )

    def window(self, model, /):
        return 200_000


RATES = Rates()


def counted(session: Session) -> Book:
    """The figures of a session, as everybody reads them."""
    return figures_of(session, RATES)


def rows_of(session: Session, turn: Turn, index: Index | None = None) -> list[Row]:
    """A turn's rows."""
    return turn_rows(session, turn, counted(session), index)


class Time:
    """A clock of the test's: waiting moves it on, and takes no time; after so many waits it really waits."""

    def __init__(self, limit: int = 12):
        self.now = 1000.0
        self.asked: list[float] = []
        self.limit = limit

    def clock(self) -> float:
        return self.now

    def wait(self, event: threading.Event, seconds: float | None = None) -> bool:
        if seconds is None or len(self.asked) >= self.limit:
            return event.wait(30 if seconds is None else min(seconds, 30))
        self.asked.append(seconds)
        if not event.is_set():
            self.now += seconds
        return event.is_set()


def target(fake: Fake, **more) -> Target:
    return Target(**{"api_key": Secret(KEY), "app_url": fake.url, "project": "tests"} | more)


def mirror(fake: Fake, folder, **more) -> Mirror:
    """A mirror to the fake, on a clock of its own that takes no time; turns are kept as they come."""
    more = {"gathering": 0.0} | more
    time = more.pop("time", None)
    if time is not None:
        more |= {"clock": time.clock, "wait": time.wait}
    made = Mirror(more.pop("target", None) or target(fake), folder, **more)
    count = made._count

    def counted(outbox, *keys):
        count(outbox, *keys)
        with fake.changed:  # who waits for the fake may wait for the mirror's figures too
            fake.changed.notify_all()

    made._count = counted
    return made


def mirror_log(session: Session, book: Book, to: Target, folder, **more) -> Status:
    """Send a finished log's turns."""
    sender = Mirror(to, folder, **more)
    sender.add_log(session, book, 60)
    return sender.close(60)


def by_key(rows: list[Row]) -> dict[str, Row]:
    assert len({row.key for row in rows}) == len(rows)
    return {row.key: row for row in rows}


class Door:
    """An address in front of a server. While it is closed, connections are refused."""

    def __init__(self, url: str):
        host, _, port = url.removeprefix("http://").partition(":")
        self._behind = (host, int(port))
        self._socket = socket.socket()
        self._socket.bind((host, 0))  # bound and not listening: nobody else gets the port, and it refuses
        self._open: list[socket.socket] = []
        self.url = f"http://{host}:{self._socket.getsockname()[1]}"

    def open(self) -> None:
        self._socket.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        for held in (self._socket, *self._open):
            with suppress(OSError):
                held.shutdown(socket.SHUT_RDWR)
            held.close()

    def _serve(self) -> None:
        while True:
            try:
                one = self._socket.accept()[0]
            except OSError:
                return
            other = socket.create_connection(self._behind)
            self._open += [one, other]
            for source, sink in ((one, other), (other, one)):
                threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    @staticmethod
    def _pump(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
