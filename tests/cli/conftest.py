"""A simulator on loopback, and commands that run in this process against it."""

import asyncio
import os
import sys

import pytest

from cma_tui import cli
from cma_tui.simulator import ServerThread, Simulator


def message(text):
    return {"type": "user.message", "content": [{"type": "text", "text": text}]}


class Service:
    """A simulator on a thread of its own."""

    def __init__(self, sim, server):
        self.sim, self.server = sim, server

    def session(self, **options):
        return self.server.call(lambda: self.sim.create_session(**options))

    def start(self, work):
        """Run a coroutine beside the command under test."""
        return asyncio.run_coroutine_threadsafe(work, self.server._loop)

    def say(self, session, text):
        """Say something and wait until the agent rests."""
        return self.start(self.said(session, text)).result(60)

    async def said(self, session, text):
        self.sim.accept(self.sim.sessions[session], [message(text)])
        return await self.sim.until_idle(session)

    def emit(self, session, event):
        return self.server.call(lambda: self.sim.emit(session, event))

    def log(self, session):
        return self.server.call(lambda: self.sim.log(session))


def look_again_after(seconds, monkeypatch):
    """Set after how long a live source lists once more what may have been missed; it tries again at once."""
    import cma_tui.source.live  # noqa: F401 - and what it consists of

    values = {"SOON": (seconds or 0.01,), "jitter": lambda *_: 0.0}
    for module in [module for name, module in sys.modules.items() if name.startswith("cma_tui.source.")]:
        for name in values.keys() & vars(module).keys():
            monkeypatch.setattr(module, name, values[name])


@pytest.fixture
def sim():
    return Simulator()


@pytest.fixture
def service(sim, monkeypatch, tmp_path):
    server = ServerThread(sim)
    with server as url:
        for name in [name for name in os.environ if name.startswith(("ANTHROPIC_", "CMA_TOP_"))]:
            monkeypatch.delenv(name)
        monkeypatch.setenv("ANTHROPIC_API_KEY", sim.api_key)
        monkeypatch.setenv("ANTHROPIC_BASE_URL", url)
        monkeypatch.setenv("CMA_TOP_CONFIG_DIR", str(tmp_path))
        monkeypatch.setenv("CMA_TOP_STATE_DIR", str(tmp_path / "state"))
        look_again_after(0.0, monkeypatch)
        yield Service(sim, server)


@pytest.fixture
def run(service, capfdbinary):
    """Run a command in this process: its code, what it printed, and its reason."""

    def running(*arguments):
        code = cli.main(arguments)
        out, err = capfdbinary.readouterr()
        return code, out.decode(), err.decode()

    return running
