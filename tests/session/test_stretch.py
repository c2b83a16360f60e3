"""Stretches: events taken in at once make the session that they make one by one."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cma_tui.event import Event
from cma_tui.session.merge import arrive
from cma_tui.session.model import Change, Session
from cma_tui.session.moments import keep_past
from cma_tui.session.stretch import FEW, take
from tests.session.counting import work
from tests.session.look import check, fold
from tests.session.test_moments import STORIES, facts, grown, kept
from tests.stories import recordings
from tests.stories.server import stories
from tests.stories.write import Log


def long_log(turns: int) -> list[Event]:
    """Turns of a session that nothing is unusual in."""
    log = Log()
    for number in range(turns):
        log.user(f"ask {number}")
        log.running()
        start = log.start()
        log.message("answer")
        use = log.tool()
        log.end(start)
        log.result(use)
        log.idle()
    return log.events


def arrived(events: list[Event], sizes: Random, spacing: int | None = None) -> tuple[Session, Change]:
    """Folded in batches of any size."""
    session, change = Session(), Change()
    if spacing is not None:
        keep_past(session, spacing=spacing)
    at = 0
    while at < len(events):
        size = sizes.choice((1, 3, FEW, 50, 400))
        session = arrive(session, events[at : at + size], change)
        at += size
    return session, change


def same(events: list[Event], seed: int, spacing: int) -> None:
    """Taken in by stretches it is what it is one by one, now and at every moment."""
    session, _ = arrived(events, Random(seed))
    one_by_one = fold(events)
    if [e.key for e in session.events] != [e.key for e in one_by_one.events]:
        return  # the order of several streams was mended: `merge` is tested for that
    assert facts(session) == facts(one_by_one)
    check(session)
    reference, moments = kept(spacing)
    for event in events:
        grown(reference, event)
    past, _ = arrived(events, Random(seed), spacing)
    assert facts(past) == facts(reference)
    assert past.kept is not None
    assert past.kept.moments is not None
    assert past.kept.moments.times.tobytes() == moments.times.tobytes()
    assert len(past.kept.moments) == len(moments)
    for step in range(0, len(moments) + 1, max(1, len(moments) // 12)):
        assert facts(past.kept.moments.view(step)) == facts(moments.view(step))


@pytest.mark.parametrize("name", recordings.NAMES)
def test_a_recording(name):
    same(recordings.recording(name), seed=1, spacing=64)


@pytest.mark.parametrize("story", STORIES)
def test_what_servers_do(story):
    told = STORIES[story]()
    if isinstance(told, list):
        same(told, seed=2, spacing=7)


@settings(deadline=None, max_examples=40)
@given(stories(), st.integers(0, 1000), st.integers(1, 40))
def test_any_story(story, seed, spacing):
    same(story.everything, seed, spacing)


def test_what_is_not_plainly_new_is_taken_one_by_one():
    events = long_log(8)
    change = Change()
    assert take(Session(), events, change) == len(events)
    assert take(fold(events[:1]), events, change) == 0, "one is known"
    assert take(Session(), [*events, events[3]], change) == 0, "one comes twice"
    late = Log()
    late.user("later", id="later", at=None)
    assert take(Session(), [*events, *late.events], change) == 0, "one waits in the queue"


def test_one_odd_event_costs_the_others_little():
    events = long_log(300)
    odd = [*events[:1001], events[1000], *events[1001:]]

    def cost(told: list[Event]) -> int:
        return work(lambda: arrive(Session(), told, Change()))

    assert cost(odd) < 1.25 * cost(events)


def test_a_stretch_is_less_work_than_its_events_one_by_one():
    events = long_log(300)
    assert work(lambda: arrive(Session(), events, Change())) < 0.8 * work(lambda: fold(events))
