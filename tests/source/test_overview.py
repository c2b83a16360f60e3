"""The workspace: what it finds out, how soon, and at what price. Time is virtual, the network is real."""

import asyncio
from contextlib import aclosing, asynccontextmanager

import pytest

from cma_tui.session import entry as r
from cma_tui.session.roster import Roster
from cma_tui.simulator.crowd import Crowd
from cma_tui.source import SourceError
from cma_tui.source import overview as source
from cma_tui.source.budget import LIMIT, Budget
from cma_tui.source.client import make_client
from cma_tui.source.news import take_in
from cma_tui.source.overview import Workspace
from tests.source.conftest import message


class Watcher:
    """A workspace, its roster, and when each request was made."""

    def __init__(self, workspace):
        self.workspace = workspace
        self.roster = Roster()
        self.troubles = []
        self.requests = []
        self.error = None
        self.changed = asyncio.Condition()

    async def run(self):
        try:
            async with aclosing(self.workspace.news()) as all_news:
                async for news in all_news:
                    async with self.changed:
                        take_in(self.roster, news, asyncio.get_running_loop().time())
                        if news.kind == "trouble":
                            self.troubles.append(news.text)
                        self.changed.notify_all()
        except SourceError as error:
            self.error = error
            async with self.changed:
                self.changed.notify_all()

    async def until(self, condition, seconds=3600.0):
        """Wait for something to become true of the roster; returns how long that took."""
        began = asyncio.get_running_loop().time()
        async with asyncio.timeout(seconds), self.changed:
            await self.changed.wait_for(lambda: condition(self.roster))
        return asyncio.get_running_loop().time() - began

    def stands(self, session):
        return self.roster.entries[session].standing

    @property
    def most_in_a_minute(self):
        times = self.requests
        return max(sum(1 for other in times[n:] if other < at + 60) for n, at in enumerate(times))


@pytest.fixture
def watch(sim, base_url):
    @asynccontextmanager
    async def watching(**options):
        client = make_client(api_key=options.get("key", sim.api_key), auth_token=None, base_url=base_url)
        watcher = Watcher(Workspace(client))

        async def count(request):
            watcher.requests.append(asyncio.get_running_loop().time())

        client._client.event_hooks = {"request": [count]}
        task = asyncio.ensure_future(watcher.run())
        try:
            yield watcher
        finally:
            task.cancel()
            await asyncio.wait((task,))
            await client.close()

    return watching


def known(count):
    return lambda roster: roster.totals(0.0).unread == 0 and len(roster.entries) == count


async def said(sim, session, text):
    sim.accept(sim.sessions[session], [message(text)])
    return await sim.until_idle(session)


async def test_every_session_is_found_with_how_it_stands(sim, watch):
    sessions = {text: sim.create_session(title=text) for text in ("hi", "rollback", "overload", "terminate")}
    for text, session in sessions.items():
        await said(sim, session, text)
    async with watch() as watcher:
        await watcher.until(known(4))
        found = {text: watcher.stands(session) for text, session in sessions.items()}
        assert found == {"hi": r.IDLE, "rollback": r.NEEDS_YOU, "overload": r.FAILED, "terminate": r.ENDED}
        assert watcher.roster.entries[sessions["rollback"]].tool.name == "bash"
        assert watcher.roster.entries[sessions["hi"]].cost is not None


async def test_two_hundred_sessions_of_which_twenty_run(sim, watch):
    """Whatever changes is right within three seconds, and no minute sees more than 300 requests."""
    at_rest = [sim.create_session(title=f"rest {n}", agent="none") for n in range(180)]
    at_work = [sim.create_session(title=f"work {n}", agent="none") for n in range(20)]
    for session in at_rest:
        sim.emit(session, {"type": "session.status_idle", "stop_reason": {"type": "end_turn"}})
    for session in at_work:
        sim.emit(session, {"type": "session.status_running"})
    async with watch() as watcher:
        roster, stands = watcher.roster, watcher.stands
        await watcher.until(lambda _: roster.totals(0.0).running == 20, 30)
        await watcher.until(lambda _: sum(e.streamed for e in roster.entries.values()) == 20, 30)
        watcher.workspace.look_at(at_rest[:30])
        ask = {"name": "bash", "input": {"command": "ls"}, "evaluated_permission": "ask"}

        async def within(condition):
            took = await watcher.until(condition, 30)
            assert took <= 3.0

        for number in (0, 7, 19):  # one at work asks, is answered, and ends
            session = at_work[number]
            use = sim.emit(session, {"type": "agent.tool_use", **ask})["id"]
            sim.emit(
                session,
                {
                    "type": "session.status_idle",
                    "stop_reason": {"type": "requires_action", "event_ids": [use]},
                },
            )
            await within(lambda _, s=session: stands(s) == r.NEEDS_YOU)
            assert roster.order[0] == session
            sim.emit(session, {"type": "user.tool_confirmation", "tool_use_id": use, "result": "allow"})
            sim.emit(session, {"type": "session.status_running"})
            await within(lambda _, s=session: stands(s) == r.RUNNING)
            sim.emit(session, {"type": "session.status_idle", "stop_reason": {"type": "retries_exhausted"}})
            await within(lambda _, s=session: stands(s) == r.FAILED)
        for number in (3, 170):  # one at rest, in view or far below, begins to work, and asks
            session = at_rest[number]
            sim.emit(session, {"type": "session.status_running"})
            await within(lambda _, s=session: stands(s) == r.RUNNING)
            use = sim.emit(session, {"type": "agent.tool_use", **ask})["id"]
            sim.emit(
                session,
                {
                    "type": "session.status_idle",
                    "stop_reason": {"type": "requires_action", "event_ids": [use]},
                },
            )
            await within(lambda _, s=session: stands(s) == r.NEEDS_YOU)
        new = sim.create_session(title="new")
        await within(lambda _: new in roster.entries)
        sim.sessions[at_rest[100]].update({"title": "another"})
        await within(lambda _: roster.entries[at_rest[100]].title == "another")
        await watcher.until(known(201), 300)
        assert watcher.most_in_a_minute <= 300
        assert not watcher.troubles


async def test_many_pages_are_listed_within_the_limit(sim, watch):
    for n in range(1200):
        sim.create_session(agent="none", title=str(n))
    async with watch() as watcher:
        await watcher.until(lambda roster: len(roster.entries) == 1200, 60)
        await asyncio.sleep(45)
        assert watcher.most_in_a_minute <= 300
        assert watcher.requests


async def test_what_runs_is_looked_at_all_the_time_however_many_there_are(sim, watch, monkeypatch):
    monkeypatch.setattr(source, "PAGE", 4)
    for n in range(1200):
        sim.create_session(agent="none", title=str(n))
    async with watch() as watcher:
        loop = asyncio.get_running_loop()
        for number in range(8):
            session = sim.create_session(agent="none", title="new")
            sim.emit(session, {"type": "session.status_running"})
            took = await watcher.until(lambda roster, s=session: s in roster.entries, 30)
            assert took <= 5.0, number
            await asyncio.sleep(10)
        assert loop.time() > 80
        assert watcher.most_in_a_minute <= 300


async def test_the_whole_list_is_read_however_much_is_urgent(sim, watch, monkeypatch):
    """The ends of logs that somebody looks at take more requests than there are: the pages have a share."""
    monkeypatch.setattr(source, "PAGE", 5)
    sessions = [sim.create_session(agent="none", title=str(n)) for n in range(600)]
    async with watch() as watcher:
        watcher.workspace.look_at(sessions)
        took = await watcher.until(lambda roster: len(roster.entries) == 600, 900)
        assert took <= 130
        assert watcher.roster.totals(0.0).unread > 0
        assert watcher.most_in_a_minute <= 300


async def test_a_server_that_is_asked_too_much_is_asked_less(sim, watch):
    sim.create_session(title="one")
    async with watch() as watcher:
        await watcher.until(known(1))
        sim.faults.fail("sessions.list", 429, times=3, headers={"retry-after": "20"})
        began = asyncio.get_running_loop().time()
        await watcher.until(lambda _: watcher.troubles)
        limit = watcher.workspace.budget.limit
        assert limit < LIMIT
        await asyncio.sleep(19)
        asked = [at for at in watcher.requests if at > began]
        assert len(asked) <= 6
        two = sim.create_session(title="two")
        await watcher.until(lambda roster: two in roster.entries, 200)
        low = watcher.workspace.budget.limit
        await asyncio.sleep(100)
        assert watcher.workspace.budget.limit > low


async def test_a_stream_that_breaks_is_opened_again(sim, watch):
    session = sim.create_session(agent="none")
    sim.emit(session, {"type": "session.status_running"})
    async with watch() as watcher:
        await sim.until_streams(session)
        sim.end_streams(session, broken=True)
        sim.emit(session, {"type": "session.status_idle", "stop_reason": {"type": "end_turn"}})
        await watcher.until(lambda _: watcher.stands(session) == r.IDLE, 20)


async def test_a_stream_that_stays_silent_is_doubted(sim, watch):
    session = sim.create_session(agent="none")
    sim.emit(session, {"type": "session.status_running"})
    async with watch() as watcher:
        await sim.until_streams(session)
        await watcher.until(lambda roster: roster.entries[session].streamed)
        sim.faults.drop("session.status_idle")
        sim.emit(session, {"type": "session.status_idle", "stop_reason": {"type": "end_turn"}})
        await watcher.until(lambda _: watcher.stands(session) == r.IDLE, 30)


async def test_what_is_deleted_or_archived_leaves_the_list(sim, watch):
    sessions = [sim.create_session() for _ in range(3)]
    for session in sessions:
        await said(sim, session, "hi")
    async with watch() as watcher:
        await watcher.until(known(3))
        sim.delete(sim.sessions[sessions[0]])
        sim.archive(sim.sessions[sessions[1]])
        await watcher.until(lambda roster: set(roster.entries) == {sessions[2]}, 60)


async def test_a_key_that_is_refused_ends_it(watch):
    async with watch(key="sk-wrong") as watcher:
        await watcher.until(lambda _: watcher.error is not None)
        assert watcher.error.exit_code == 5


async def test_a_snapshot_is_all_there_is_now(sim, base_url):
    sessions = [sim.create_session() for _ in range(5)]
    await said(sim, sessions[1], "rollback")
    client = make_client(api_key=sim.api_key, auth_token=None, base_url=base_url)
    roster = await Workspace(client).snapshot()
    assert set(roster.entries) == set(sessions)
    assert roster.entries[sessions[1]].standing == r.NEEDS_YOU
    assert roster.order[0] == sessions[1]


async def test_the_budget_holds_in_any_minute():
    budget, times = Budget(50), []
    loop = asyncio.get_running_loop()

    async def spend(left):
        for _ in range(60):
            await budget.take(left)
            times.append(loop.time())

    await asyncio.gather(spend(0), spend(20), spend(40))
    assert max(sum(1 for other in times[n:] if other < at + 60) for n, at in enumerate(times)) <= 50


def test_the_crowd_is_the_same_for_the_same_seed(sim):
    crowd = Crowd(sim, 40)
    assert (len(crowd.working), len(crowd.resting)) == (4, 36)
    assert len({sim.sessions[s].title for s in crowd.resting}) > 5
