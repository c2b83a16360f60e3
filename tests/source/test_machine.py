"""Anything that may befall a session, in any order: faults, sends, a client that is started again.

The oracle is the server's log: shown, recorded and listed are the same, and what was sent is there once.
"""

import asyncio
import os
import tempfile
from contextlib import AsyncExitStack, aclosing
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from cma_tui.feed import fold_all, fold_batch
from cma_tui.log.formats import open_log
from cma_tui.recorder import Recorder
from cma_tui.session.model import Change, Session
from cma_tui.session.moments import keep_past
from cma_tui.simulator import Simulator, serving
from cma_tui.source import SourceError
from cma_tui.source.client import make_client
from cma_tui.source.delivery import UnclearError
from cma_tui.source.live import Live
from tests.session.look import check, view
from tests.source.conftest import ids, message
from tests.virtual_time import VirtualTimeLoop

RUNS = int(os.environ.get("CMA_TOP_MACHINES", "4"))
"""How many sequences: a few in `make test`, many in `make soak`."""
STATUSES = st.sampled_from([429, 500, 503, 529])
TIMES = st.integers(1, 3)


class Client:
    """A program that watches the session and records it, until it is ended."""

    def __init__(self, source, recorder):
        self.source, self.recorder = source, recorder
        self.session = Session()
        keep_past(self.session, spacing=16)  # from there a wrong order is mended
        self.running = asyncio.get_running_loop().create_task(self._run())
        self.sends = []

    async def _run(self):
        async with aclosing(self.source.batches()) as batches:
            async for batch in batches:
                self.session = fold_batch(self.session, batch, Change())
                self.recorder.put(batch)

    async def end(self):
        tasks = [self.running, *(task for _, task in self.sends)]
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        self.recorder.close(20)
        assert self.recorder.status.state == "ended"


class Machine(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.loop = VirtualTimeLoop()
        self.stack = AsyncExitStack()
        self.folder = tempfile.TemporaryDirectory()
        self.sim = Simulator()
        self.said = {}
        """By text: what its sender was told, None while it is on its way or when it was never told."""
        self.number = 0

    def run(self, work):
        return self.loop.run_until_complete(work)

    @initialize()
    def begin(self):
        self.url = self.run(self.stack.enter_async_context(serving(self.sim)))
        self.session_id = self.sim.create_session(agent="none")
        session = self.sim.sessions[self.session_id]
        self.thread = session.add_thread({**session.agent, "name": "helper"}, session.primary).id
        created = {"type": "session.thread_created", "session_thread_id": self.thread, "agent_name": "helper"}
        self.sim.emit(self.session_id, {"type": "session.status_running"})
        self.sim.emit(self.session_id, created)
        self.run(self._start())

    def live(self, **options):
        client = make_client(api_key=self.sim.api_key, auth_token=None, base_url=self.url)
        return Live(client, self.session_id, all_threads=True, **options)

    async def _start(self):
        self.client = Client(self.live(), Recorder(Path(self.folder.name)))

    # -- what the agents and the users do ------------------------------------------------------------------

    @rule(count=st.integers(1, 5), threads=st.lists(st.booleans(), min_size=5, max_size=5))
    def write(self, count, threads):
        for number in range(count):
            text = [{"type": "text", "text": f"event {self.number}"}]
            self.number += 1
            thread = self.thread if threads[number] else None
            self.sim.emit(self.session_id, {"type": "agent.message", "content": text}, thread)

    @rule()
    def send(self):
        text = f"message {len(self.said)}"
        self.said[text] = None

        async def sending():
            try:
                await controls.send([message(text)])
            except UnclearError as unclear:
                self.said[text] = unclear.attempt
            except SourceError:
                self.said[text] = "refused"
            else:
                self.said[text] = "there"

        controls = self.client.source.controls
        self.client.sends.append((text, self.loop.create_task(sending())))

    @rule(seconds=st.sampled_from([0.0, 0.01, 1.0, 5.0, 70.0]))
    def wait(self, seconds):
        self.run(asyncio.sleep(seconds))

    @rule()
    def start_again(self):
        self.run(self.client.end())
        self.run(self._start())

    # -- what befalls the line -----------------------------------------------------------------------------

    @rule(size=st.integers(0, 2000))
    def cut_within(self, size):
        self.sim.faults.cut(after_bytes=size)

    @rule(count=st.integers(0, 4), clean=st.booleans())
    def cut_after(self, count, clean):
        self.sim.faults.cut(after_events=count, clean=clean)

    @rule(broken=st.booleans())
    def cut_now(self, broken):
        self.sim.end_streams(self.session_id, broken=broken)

    @rule(count=st.integers(0, 3))
    def freeze(self, count):
        self.sim.faults.silence(after_events=count)

    @rule(times=TIMES, skip=st.integers(0, 3))
    def drop(self, times, skip):
        self.sim.faults.drop("*", times=times, skip=skip)

    @rule(copies=TIMES, times=TIMES)
    def duplicate(self, copies, times):
        self.sim.faults.duplicate("*", copies=copies, times=times)

    @rule(skip=st.integers(0, 3))
    def swap(self, skip):
        self.sim.faults.swap("agent.*", skip=skip)

    @rule(calls=TIMES)
    def lag(self, calls):
        self.sim.faults.lag("*", calls=calls)

    @rule(status=STATUSES, times=TIMES, route=st.sampled_from(["events.list", "events.stream", "*"]))
    def refuse(self, status, times, route):
        self.sim.faults.fail(route, status, times=times)

    @rule(status=st.sampled_from([429, 529, 503, 400]))
    def refuse_to_take(self, status):
        self.sim.faults.fail("events.send", status)

    @rule(status=st.sampled_from([None, 408, 500, 502, 504]))
    def lose_the_reply(self, status):
        self.sim.faults.lose_reply(status=status)

    @rule()
    def portal(self):
        self.sim.faults.portal()

    # -- in the end ----------------------------------------------------------------------------------------

    def teardown(self):
        try:
            if hasattr(self, "client"):
                self.run(self._settle())
        finally:
            if hasattr(self, "client"):
                self.run(self.client.end())
            self.run(self.stack.aclose())
            self.loop.close()
            self.folder.cleanup()

    @property
    def written(self):
        return {
            *ids(self.sim, self.session_id),
            *(e["id"] for e in self.sim.log(self.session_id, self.thread)),
        }

    async def _settle(self):
        self.sim.faults.clear()
        if self.client.running.done():  # it was refused before there was anything to show, and has said so
            assert isinstance(self.client.running.exception(), SourceError)
            await self.client.end()
            await self._start()
        for _ in range(2):  # what comes shows that the streams are up; then the lists are looked at once more
            self.sim.emit(self.session_id, {"type": "session.status_running"})
            await asyncio.sleep(90.0)
        await asyncio.gather(*(task for _, task in self.client.sends))
        held = self.client.session
        missing = self.written - held.ordinals.keys() - held.queued.keys()
        assert not missing, (missing, self.client.source.line, self.client.running)
        controls, session = self.client.source.controls, self.client.session
        on_server = [
            e["content"][0]["text"] for e in self.sim.log(self.session_id) if e["type"] == "user.message"
        ]
        for text, told in self.said.items():
            count = on_server.count(text)
            assert count <= 1, "nothing is sent twice"
            if isinstance(told, str):
                assert count == (told == "there")
            elif told is not None:  # nobody knew: the log tells, and what it does not show is offered again
                assert await controls.look(told) == bool(count)
        check(session)
        await self.client.end()
        keys = [event.key for event in session.events if not event.type.startswith("local.")]
        assert sorted([*keys, *session.queued]) == sorted(self.written), "all, each once"
        main = [key for key in ids(self.sim, self.session_id) if key not in session.queued]
        assert [key for key in keys if key in main] == main
        listed = Session()
        async with aclosing(self.live(follow=False).batches()) as batches:
            async for batch in batches:
                listed = fold_batch(listed, batch, Change())
        assert seen(session) == seen(listed), "what was followed is what the lists tell"
        with open_log(self.client.recorder.status.path) as log:
            assert seen(fold_all(log.events())) == seen(listed), "what was recorded is what the lists tell"


def seen(session):
    """The session without what is read of the API beside its events."""
    for thread in session.threads.values():
        thread.usage, thread.model = None, None
    return view(session)


def test_whatever_befalls_a_client_it_shows_and_records_what_the_server_lists():
    steps = settings(max_examples=RUNS, stateful_step_count=15, deadline=None)
    run_state_machine_as_test(Machine, settings=steps)
