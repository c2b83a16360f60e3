"""Paging: a page that fails, comes empty or comes again costs no event, and ends where it leads nowhere."""

import pytest

from tests.source.conftest import ids, message

PAGES = 7


def say(text):
    return {"type": "agent.message", "content": [{"type": "text", "text": text}]}


@pytest.fixture
def listed(sim, monkeypatch):
    """A session whose history is seven pages long."""
    monkeypatch.setattr("cma_tui.source.history.PAGE", 5)
    session_id = sim.create_session(agent="none")
    for number in range(5 * PAGES):
        sim.emit(session_id, say(str(number)))
    return session_id


@pytest.mark.parametrize(
    "spoil",
    [
        lambda faults: faults.fail("events.list", 500, skip=2, times=3),
        lambda faults: faults.fail("events.list", 429, skip=2, headers={"retry-after": "9"}),
        lambda faults: faults.lose_reply("events.list", skip=2),
        lambda faults: faults.portal("events.list", skip=2),
        lambda faults: faults.page("empty", skip=2),
        lambda faults: faults.page("empty", times=4),
    ],
    ids=["500", "429", "no reply", "no list", "empty", "empty from the first on"],
)
async def test_a_page_that_does_not_come_is_asked_for_until_it_does(sim, view, listed, spoil):
    fault = spoil(sim.faults)
    async with view(listed, follow=False) as viewer:
        await viewer.until_end()
        assert viewer.error is None
        assert viewer.keys == ids(sim, listed)
    assert fault.struck == fault.times


async def test_while_pages_fail_what_was_read_is_there_and_what_streams_in_is_added(sim, view, listed):
    fault = sim.faults.fail("events.list", 503, skip=2, times=None)
    async with view(listed, newest_first=True) as viewer:
        while fault.struck < 3:
            await viewer.pause(1.0)
        assert viewer.keys == ids(sim, listed)[-5:], "the newest page comes first"
        sim.emit(listed, say("meanwhile"))
        await viewer.pause(5.0)
        sim.faults.clear()
        await viewer.until(lambda _: viewer.keys == ids(sim, listed))


@pytest.mark.parametrize("skip", [1, 2, PAGES - 2])
async def test_a_page_that_names_itself_as_the_next_is_an_error_and_asked_for_once(sim, view, listed, skip):
    fault = sim.faults.page("same_cursor", skip=skip, times=None)
    async with view(listed, follow=False) as viewer:
        await viewer.until_end()
        assert "repeats a page" in str(viewer.error)
    assert fault.struck <= 2


async def test_a_threads_list_with_empty_pages_is_read_to_its_end(sim, view, monkeypatch):
    monkeypatch.setattr("cma_tui.source.history.PAGE", 2)
    session_id = sim.create_session()
    sim.accept(sim.sessions[session_id], [message("delegate")])
    await sim.until_idle(session_id)
    async with view(session_id, all_threads=True, follow=False) as viewer:
        await viewer.until_end()
        whole = viewer.keys
        assert any(thread.read for thread in viewer.session.threads.values())
    fault = sim.faults.page("empty", times=30, skip=1)
    async with view(session_id, all_threads=True, follow=False) as viewer:
        await viewer.until_end()
        assert viewer.error is None
        assert viewer.keys == whole
    assert fault.struck == 30
