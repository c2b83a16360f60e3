"""A viewer: a live source on the simulator, folded as it comes, without waiting for any clock."""

import asyncio
from contextlib import aclosing, asynccontextmanager
from time import time

import pytest

from cma_tui.feed import fold_batch
from cma_tui.session.model import Change, Session
from cma_tui.session.moments import keep_past
from cma_tui.simulator import Simulator, serving
from cma_tui.source import SourceError, live
from cma_tui.source.client import make_client
from cma_tui.source.live import Live
from tests.virtual_time import VirtualTimeLoop

BEGUN = time()


class Viewer:
    """Folds what a source yields; `until` waits for something to become true of the session."""

    def __init__(self, source):
        self.source = source
        self.session = Session()
        keep_past(self.session, spacing=16)  # from there a wrong order is mended
        self.error = None
        self.ended = False
        self.streamed = []
        """How many of the server's events each delivery of the stream brought."""
        self.changed = asyncio.Condition()

    async def run(self):
        try:
            async with aclosing(self.source.batches()) as batches:
                async for batch in batches:
                    async with self.changed:
                        if batch.origin == "stream" and not all(
                            e.type.startswith("local.") for e in batch.events
                        ):
                            self.streamed.append(len(batch.events))
                        self.session = fold_batch(self.session, batch, Change())
                        self.changed.notify_all()
        except SourceError as error:
            self.error = error
        async with self.changed:
            self.ended = True
            self.changed.notify_all()

    async def until(self, condition):
        async with asyncio.timeout(3600), self.changed:
            await self.changed.wait_for(lambda: condition(self.session) or self.ended)
            assert condition(self.session), (self.error, self.keys)

    async def pause(self, seconds):
        """Let virtual seconds pass."""
        await asyncio.sleep(seconds)

    async def until_end(self):
        async with asyncio.timeout(3600), self.changed:
            await self.changed.wait_for(lambda: self.ended)

    @property
    def keys(self):
        """Ids of the server's events in the order of the session."""
        return [event.key for event in self.session.events if not event.type.startswith("local.")]


def pytest_asyncio_loop_factories(config, item):
    """Minutes of waiting pass in no time."""
    return {"virtual": VirtualTimeLoop}


@pytest.fixture(autouse=True)
def wall_clock(monkeypatch):
    """The machine's clock goes as the loop's does: seconds that a busy machine takes are no sleep."""
    monkeypatch.setattr(live, "time", lambda: BEGUN + asyncio.get_running_loop().time())


@pytest.fixture
def sim():
    return Simulator()


@pytest.fixture
async def base_url(sim):
    async with serving(sim) as url:
        yield url


@pytest.fixture
def view(sim, base_url):
    """Attach to a session; what `async with` gives is the viewer."""

    @asynccontextmanager
    async def viewing(session_id, *, key=None, url=None, **options):
        client = make_client(api_key=key or sim.api_key, auth_token=None, base_url=url or base_url)
        viewer = Viewer(Live(client, session_id, **options))
        try:
            async with asyncio.TaskGroup() as tasks:
                running = tasks.create_task(viewer.run())
                yield viewer
                running.cancel()
        finally:
            await client.close()

    return viewing


def message(text):
    return {"type": "user.message", "content": [{"type": "text", "text": text}]}


def ids(sim, session_id):
    """The server's log: the oracle."""
    return [event["id"] for event in sim.log(session_id)]
