"""Moments: a view of any moment equals the session as it was then, and disturbs nothing."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from itertools import chain
from math import inf
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cma_tui.event import Event
from cma_tui.report.rows import row
from cma_tui.session.fold import apply
from cma_tui.session.model import Change, Session
from cma_tui.session.moments import Moments, keep_past
from tests.session.look import check, fold, tally
from tests.session.test_fold_properties import OPS, Client
from tests.stories import orders, others, recordings, surprises
from tests.stories.server import stories
from tests.stories.write import BEGIN, Log, preview_delta, preview_start

SPACINGS = st.integers(1, 9)


def facts(value: Any) -> Any:
    """All of a session, deeply, as values that nothing can change any more."""
    if isinstance(value, Session):
        fields = msgspec.structs.asdict(value)
        del fields["kept"]
        return {name: facts(field) for name, field in fields.items()}
    if isinstance(value, Event):
        return value.key, value.type, value.at, value.stream, value.raw
    if isinstance(value, msgspec.Struct):
        return type(value).__name__, facts(msgspec.structs.asdict(value))
    if isinstance(value, Mapping):
        return [(key, facts(each)) for key, each in value.items()]
    if isinstance(value, set | frozenset):
        return sorted(value)
    if isinstance(value, str | bytes | int | float | None):
        return value
    assert isinstance(value, list | tuple | array) or hasattr(value, "append"), type(value)
    return [facts(each) for each in value]


def kept(spacing: int) -> tuple[Session, Moments]:
    session = Session()
    return session, keep_past(session, spacing=spacing)


def moments_of(session: Session) -> Moments:
    assert session.kept is not None
    assert session.kept.moments is not None
    return session.kept.moments


def grown(session: Session, event: Event) -> None:
    apply(session, event, Change())


def proven(events: list[Event], spacing: int, seed: int = 0) -> None:
    """At every moment of a log, however one comes there and while it grows, all is as it was."""
    session, moments = kept(spacing)
    plain = Session()
    then: list[Any] = [facts(plain)]
    early: list[tuple[int, Session]] = []
    random = Random(seed)
    for event in events:
        grown(session, event)
        grown(plain, event)
        if len(moments) == len(then):
            then.append(facts(plain))
        else:
            assert then[-1] == facts(plain), "what makes no step changes nothing"
        at = random.randrange(len(moments) + 1)
        view = moments.view(at)
        assert facts(view) == then[at]
        early.append((at, view))
    assert facts(session) == then[-1]
    for at in sorted(range(len(then)), key=lambda _: random.random()):
        assert facts(moments.view(at)) == then[at]
    for at, view in early:
        assert facts(view) == then[at], "a view does not change when the session goes on"
        stop = random.randint(at, len(moments))
        moments.forward(view, at, stop, Change())
        assert facts(view) == then[stop], "a view plays on to any later moment"
        check(view)
    assert facts(session) == then[-1], "nothing of that changes the session"


STORIES = {
    f"{module.__name__.rpartition('.')[2]}.{name}": make
    for module in (orders, others, surprises)
    for name, make in vars(module).items()
    if getattr(make, "__module__", "") == module.__name__ and not make.__code__.co_argcount
}


@pytest.mark.parametrize("name", recordings.NAMES)
def test_every_moment_of_a_recording(name):
    proven(recordings.recording(name)[:60], spacing=16)


@pytest.mark.parametrize("story", STORIES)
def test_every_moment_of_what_servers_do(story):
    told = STORIES[story]()
    proven(list(chain(*told)) if isinstance(told, tuple) else told, spacing=3)


@settings(max_examples=10, deadline=None)
@given(stories(), SPACINGS, st.integers(0, 1000))
def test_every_moment_of_a_story_with_its_children(story, spacing, seed):
    streams = [list(story.history), *(list(child) for child in story.children.values())]
    streams.append([draft for _, draft in story.drafts.values()])
    random = Random(seed)
    events = []
    while waiting := [stream for stream in streams if stream]:
        event = random.choice(waiting).pop(0)
        if random.random() < 0.2:
            events.append(preview_start(event.key, received_at=1.0))
            events.append(preview_delta(event.key, "Hel", received_at=2.0))
        events.append(event)
        if random.random() < 0.1:
            events.append(random.choice(events))
    proven(events[:45], spacing, seed)


@settings(max_examples=50, deadline=None)
@given(stories(), OPS, SPACINGS)
def test_every_moment_of_any_delivery(story, ops, spacing):
    """Whatever the network does; an order that is mended makes new moments."""
    client = Client(story)
    keep_past(client.session, spacing=spacing)
    session = client.session
    then: dict[int, Any] = {0: facts(session)}
    for what, number in chain(ops, [("page", 1000)]):
        client.do(what, number)
        if client.session is not session:
            session, then = client.session, {}
        then[len(moments_of(session))] = facts(session)
    moments = moments_of(session)
    assert moments.session is session
    for at in reversed(then):
        assert facts(moments.view(at)) == then[at]
    check(session)


@settings(max_examples=10, deadline=None)
@given(stories(), SPACINGS, st.integers(0, 60))
def test_from_a_checkpoint_a_session_goes_on_another_way(story, spacing, before):
    """It has the past up to there, and what it was made from stays as it is."""
    session, moments = kept(spacing)
    then = [facts(session)]
    for number, event in enumerate(story.everything[:50]):
        if number % 4 == 0:
            grown(session, preview_start(event.key, received_at=1.0))
            then.append(facts(session))
        grown(session, event)
        if len(moments) == len(then):
            then.append(facts(session))
    view, half = moments.view(len(moments) // 2), len(moments) // 2
    number = moments.last_before(before, inf)
    made = moments.resumed(number)
    past = moments_of(made)
    assert len(made.events) == moments.place(number)[0] <= max(before, moments.place(0)[0])
    assert facts(made) == then[len(past)]
    for event in [*session.events[len(made.events) :], *story.everything[50:80]]:
        grown(made, event)
    check(made)
    for at in range(len(moments_of(moments.resumed(number))) + 1):
        assert facts(past.view(at)) == then[at]
    assert facts(session) == then[-1]
    assert facts(view) == then[half]
    assert facts(moments.view(half)) == then[half]


@settings(max_examples=25, deadline=None)
@given(stories(), SPACINGS)
def test_what_may_differ_between_two_moments_is_named(story, spacing):
    session, moments = kept(spacing)
    for event in story.everything[:80]:
        grown(session, event)
    views = [moments.view(at) for at in range(len(moments) + 1)]
    random = Random(0)
    for _ in range(60):
        one, other = random.randrange(len(views)), random.randrange(len(views))
        change = moments.between(one, other)
        since = change.since
        for index, (a, b) in enumerate(zip(views[one].items, views[other].items, strict=False)):
            if index < since and index not in change.redrawn:
                assert a == b
                assert row(views[one], index) == row(views[other], index), "what leans on others is named too"
        assert since <= min(len(views[one].items), len(views[other].items))


@settings(max_examples=25, deadline=None)
@given(stories(), SPACINGS)
def test_a_step_is_found_by_its_event(story, spacing):
    session, moments = kept(spacing)
    for number, event in enumerate(story.everything):
        if number % 3 == 0:
            grown(session, preview_start(f"other{number}", received_at=1.0))
        grown(session, event)
    for ordinal in range(len(session.events)):
        step = moments.step_of(ordinal)
        assert moments.ordinal(step - 1) >= ordinal
        assert len(moments.view(step).events) > ordinal
        assert len(moments.view(step - 1).events) <= ordinal


def test_a_view_shares_nothing_that_changes():
    """A field that is new in the model has to be told to the moments."""
    session, moments = kept(4)
    for event in orders.simple():
        grown(session, event)
    view = moments.view(len(moments))
    replaced = {"agent", "metadata", "stop_details"}  # set anew, never changed in place
    for name in set(Session.__struct_fields__) - replaced:
        value = getattr(session, name)
        if not isinstance(value, str | int | float | None):
            assert getattr(view, name) is not value, name


def test_a_name_that_two_tool_uses_have_means_the_one_of_the_moment():
    log = Log()
    log.user()
    log.add("agent.tool_use", id="one", name="bash", tool_use_id="toolu_same")
    log.add("agent.tool_result", tool_use_id="toolu_same")
    log.user()
    log.add("agent.tool_use", id="two", name="bash", tool_use_id="toolu_same")
    log.add("agent.tool_result", tool_use_id="toolu_same")
    for spacing in (1, 2, 3, 4, 5):
        proven(log.events, spacing)


def test_a_step_without_a_time_has_its_neighbours():
    log = Log()
    log.user(at=...)
    log.user(at=None)
    log.wait(5)
    log.user()
    log.add("agent.message", at=...)
    log.wait(5)
    log.add("agent.message")
    session, moments = kept(4)
    for event in log.events:
        grown(session, event)
    seconds = [round(at - BEGIN.timestamp(), 3) for at in moments.times]
    assert seconds == [5.0, 5.0, 5.0, 5.0, 10.0]


def test_checkpoints_are_small():
    """What is kept for the past is a few objects a checkpoint, whatever the session holds."""
    events = recordings.recording(recordings.NAMES[1])
    session, moments = kept(8)
    for event in events:
        grown(session, event)
    assert len(moments._checkpoints) >= len(events) // 8
    replaced = sum(
        len(c.kept.items) + len(c.kept.turns) + len(c.kept.threads) + len(c.kept.events)
        for c in moments._checkpoints
    )
    assert replaced <= 6 * len(moments._checkpoints)
    assert tally(fold(events)) == tally(session)


def test_the_oldest_previews_are_let_go_of_and_nothing_else():
    log = Log()
    session, plain = Session(), Session()
    moments = keep_past(session, spacing=16)
    moments.preview_limit = 40_000
    most = 0
    for number in range(120):
        log.user()
        key = f"said{number}"
        told = [log.events[-1], preview_start(key, received_at=1.0)]
        told += [preview_delta(key, "word " * 20, received_at=2.0) for _ in range(10)]
        log.message("words", id=key)
        for event in (*told, log.events[-1]):
            grown(session, event)
            grown(plain, event)
        most = max(most, moments._preview_bytes)
    held = [each for each in moments._beside if isinstance(each, Event)]
    assert moments._preview_bytes == sum(len(each.raw) + 512 for each in held)
    assert most < 60_000
    assert 0 < moments.previews_from < len(moments)

    def written(step: int) -> bool:
        """Whether something shows as it is written, for a whole message from there on."""
        views = [moments.view(step + at) for at in range(13)]
        return any(any(preview.parts) for view in views for preview in view.previews.values())

    assert written(moments.previews_from)
    assert not written(moments.previews_from - 40)
    early = moments.view(moments.previews_from // 2)
    assert [e.key for e in early.events] == [e.key for e in session.events[: len(early.events)]]
    assert facts(moments.view(len(moments))) == facts(session) == facts(plain)
    listed = [event.key for event in moments.told() if event.type not in ("event_start", "event_delta")]
    assert listed == [event.key for event in session.events]
