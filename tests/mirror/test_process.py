"""The program on a terminal, between a simulator and a Braintrust: killed, held up, beside another one."""

import asyncio
import os
import random
import re
import signal
from contextlib import ExitStack
from time import monotonic

import pytest

from cma_tui.simulator import ServerThread, Simulator
from tests.mirror.fake import KEY, Fake
from tests.mirror.test_mirror import stored
from tests.stories.recordings import recording
from tests.ui.terminal import Terminal

SOAK = int(os.environ.get("CMA_TOP_KILLS", "0"))
KILLS = SOAK or 1
FAULTS = ("hang", "status 401", "status 429", "status 500", "drop") if SOAK else ("hang",)


class World:
    """A session of the simulator, a Braintrust, and terminals that watch the one and write to the other."""

    def __init__(self, stack, fake, folder):
        self.sim = Simulator()
        self.server = ServerThread(self.sim)
        self.stack, self.fake, self.folder = stack, fake, folder
        self.url = stack.enter_context(self.server)
        self.session = self.server.call(lambda: self.sim.create_session(title="traced"))

    def environment(self, state="state", braintrust=None):
        return {
            "HOME": str(self.folder),
            "ANTHROPIC_API_KEY": self.sim.api_key,
            "ANTHROPIC_BASE_URL": self.url,
            "BRAINTRUST_API_KEY": KEY,
            "BRAINTRUST_APP_URL": (braintrust or self.fake).url,
            "CMA_TOP_STATE_DIR": str(self.folder / state),
            "CMA_TOP_CONFIG_DIR": str(self.folder),
        }

    def watch(self, *more):
        """cma-top on a terminal, once it has read the session."""
        arguments = ("-m", "cma_tui", self.session, *more)
        terminal = self.stack.enter_context(Terminal(*arguments, size=(110, 24), **self.environment()))
        terminal.until(lambda: re.search(r"live, last byte|quiet", terminal.text))
        return terminal

    def say(self, number):
        """A turn, to its end."""
        event = {"type": "user.message", "content": [{"type": "text", "text": f"Question {number}"}]}

        async def said():
            self.sim.accept(self.sim.sessions[self.session], [event])
            await self.sim.until_idle(self.session)

        asyncio.run_coroutine_threadsafe(said(), self.server._loop).result(30)

    def trace(self, state, braintrust=None):
        """`cma-top trace SESSION`, to its end."""
        terminal = self.stack.enter_context(
            Terminal("-m", "cma_tui", "trace", self.session, **self.environment(state, braintrust))
        )
        assert terminal.ended() == 0, terminal.text


@pytest.fixture
def world(fake, tmp_path):
    with ExitStack() as stack:
        yield World(stack, fake, tmp_path)


def lasting(fake):
    """What is stored, without what only a live watcher knows and what people have added."""
    rows = stored(fake)
    for row in rows.values():
        row["metrics"].pop("time_to_first_token", None)
        row["metadata"].pop("~__bt_review_lists", None)
        (row.get("scores") or {}).pop("helpful", None)
        if not row.get("scores"):
            row.pop("scores", None)
    return rows


def turns(fake):
    return [row for row in fake.spans if row["span_attributes"]["name"].endswith(".turn")]


def test_killed_at_random_moments_and_watched_twice_each_row_is_there_once(world, fake):
    chance = random.Random(7)
    world.say(0)
    beside = world.watch("--trace", "realtime")
    for number in range(1, KILLS + 1):
        fake.fault("/insert", chance.choice(["lose", "drop", "status"]))
        terminal = world.watch("--trace", chance.choice(["batch", "realtime"]))
        left = [chance.randrange(1, 4)]

        def count(*_, left=left, terminal=terminal):
            left[0] -= 1
            if left[0] == 0:
                os.kill(terminal.child.pid, signal.SIGKILL)

        fake.on_request = count
        world.say(number)
        until = monotonic() + chance.uniform(0.0, 0.6)
        while monotonic() < until:
            terminal.read(0.02)
            beside.read(0.0)
        fake.on_request = lambda *_: None
        terminal.child.kill()
        terminal.child.wait()
    fake.mend()
    beside.child.kill()
    beside.child.wait()  # its lock is gone with it
    last = world.watch()
    last.until(lambda: "waiting" not in last.text and f"{KILLS + 1} sent" in last.text)
    fake.review(reviewed := turns(fake)[0])
    last.type("q")
    assert last.ended() == 0
    assert f"{KILLS + 1} turns in Braintrust: {fake.url}/app/acme/object?" in last.text.replace("\n", "")
    world.trace("another machine")
    fake.check_trees()
    assert reviewed["scores"]["helpful"] == 0.75
    assert reviewed["metadata"]["~__bt_review_lists"] == {"mine": {"status": "done"}}
    with Fake() as quiet:
        world.trace("a quiet machine", quiet)
        assert len(turns(quiet)) == KILLS + 1
        object_id, quiet_id = (next(iter(one.projects.values())) for one in (fake, quiet))
        assert object_id == quiet_id
        assert lasting(fake) == lasting(quiet)
        assert fake.cost() == quiet.cost()


@pytest.mark.parametrize("fault", FAULTS)
def test_whatever_braintrust_does_the_program_leaves_and_the_next_one_sends(world, fake, fault):
    deed, _, status = fault.partition(" ")
    more = {"status": int(status), "headers": {"retry-after": "30"}} if status else {}
    fake.fault("/", deed, times=-1, **more)
    terminal = world.watch()
    world.say(1)
    terminal.until(lambda: "1 waiting" in terminal.text and fake.requests)
    shown = bytes(terminal.written).count(b"\x1b[?1049h")
    began = monotonic()
    terminal.type("q")
    assert terminal.ended() == 0
    took = monotonic() - began
    assert took < (30 if not SOAK else 3.0), "it is held up by nothing but its own two seconds"
    assert shown == 1
    assert "1 turn waits for Braintrust" in terminal.text
    assert "Traceback" not in terminal.text
    fake.mend()
    next_ = world.watch()
    next_.until(lambda: "1 sent" in next_.text)
    assert len(turns(fake)) == 1
    fake.check_trees()


def test_a_replay_is_traced_when_that_is_asked_for(world, fake, tmp_path):
    log = tmp_path / "log.jsonl"
    log.write_bytes(b"".join(event.raw + b"\n" for event in recording("langsmith-sdk/custom_tools")))
    arguments = ("-m", "cma_tui", "replay", str(log), "--speed", "10000")
    for more, said in (((), "end"), (("--trace",), "1 sent")):
        with Terminal(*arguments, *more, size=(110, 24), **world.environment()) as terminal:
            terminal.until(lambda terminal=terminal, said=said: said in terminal.text)
            assert ("b links" in terminal.text) is bool(more)
            terminal.type("q")
            assert terminal.ended() == 0
            assert ("1 turn in Braintrust: " in terminal.text) is bool(more)
        assert len(turns(fake)) == len(more)
    assert fake.requests
