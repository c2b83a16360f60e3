"""What holds of the fold and the merge for every log and every way of delivering it."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cma_tui.event import EVENT_TYPES, Event, local, parse
from cma_tui.session.fold import STEPS, apply
from cma_tui.session.merge import arrive, merge
from cma_tui.session.model import Change, Session, ToolUse
from cma_tui.session.moments import keep_past
from tests.session.counting import work
from tests.session.look import ARRIVAL, Tally, check, fold, tally, tally_view, turn_sums, use, view
from tests.stories import orders, others, server, surprises
from tests.stories.server import Story, stories
from tests.stories.write import Log, preview_delta, preview_start

quick = settings(max_examples=100, deadline=None)
thorough = settings(max_examples=500, deadline=None)


def test_a_comparison_leaves_nothing_out():
    assert set(Session.__struct_fields__) - ARRIVAL <= set(view(Session()))


def test_every_known_type_has_a_step():
    assert {name for name in EVENT_TYPES if name not in STEPS} == {"event_start", "event_delta"}


# -- delivery -------------------------------------------------------------------------------------------

OP = st.tuples(
    st.sampled_from(
        ["stream", "stream", "lost", "swap", "again", "draft", "page", "newest", "local", "preview"]
    ),
    st.integers(0, 9),
)
SPACINGS = st.sampled_from([0, 1, 2, 5, 20])
"""Steps between two checkpoints, from which a wrong order is mended; 0 for a session that keeps no past."""
OPS = st.lists(OP, max_size=5) | st.lists(OP, min_size=10, max_size=60)


def empty(spacing: int) -> Session:
    session = Session()
    if spacing:
        keep_past(session, spacing=spacing)
    return session


class Client:
    """Reads a session as a network lets it: stream events and pages of the history in any order."""

    def __init__(self, story: Story, spacing: int = 0) -> None:
        self.story = story
        self.session = empty(spacing)
        self.written = 0
        """How much of the history the server has written so far."""
        self.after = ""
        self.read = 0
        """How far the listing that goes on has come."""
        self.locals = 0

    def apply(self, event: Event) -> None:
        apply(self.session, event, Change())

    def do(self, what: str, number: int) -> None:
        history = self.story.history
        new = history[self.written : self.written + number + 1]
        match what:
            case "stream":
                self.written += len(new)
                for event in new:
                    self.apply(event)
            case "lost":
                self.written += len(new)
            case "swap":
                self.written += len(new)
                for event in reversed(new):
                    self.apply(event)
            case "again" if self.written:
                for event in history[max(0, self.written - 7 * number - 1) : self.written]:
                    self.apply(event)
            case "draft":
                ready = [draft for since, draft in self.story.drafts.values() if since <= self.written]
                for draft in ready[-1 - number % 3 :]:
                    self.apply(draft)
            case "page":
                page = history[self.read : min(self.written, self.read + number + 1)]
                self.merge(page, self.after)
                self.read += len(page)
                if page:
                    self.after = page[-1].key
                if self.read >= self.written - number:  # the listing is over, the next begins anew
                    self.read, self.after = 0, ""
            case "newest" if self.written:
                begin = max(0, self.written - number - 1)
                self.merge(history[begin : self.written], history[begin - 1].key if begin else "")
            case "local":
                self.locals += 1
                word = "connected" if number % 2 else "disconnected"
                self.apply(local(f"local.{word}", {"connection": self.locals}, key=f"local{self.locals}"))
            case "preview" if new:
                self.apply(preview_start(new[0].key, received_at=1.0))
                self.apply(preview_delta(new[0].key, "Hel", received_at=2.0))

    def merge(self, page: list[Event], after: str) -> None:
        self.session = merge(self.session, page, Change(), after=after)

    def finish(self, size: int) -> None:
        """At last the whole history is listed once."""
        history, after = self.story.history, ""
        for begin in range(0, len(history), size):
            page = history[begin : begin + size]
            self.merge(page, after)
            after = page[-1].key


@thorough
@given(stories(), OPS, st.sampled_from([1, 3, 10, 1000]), SPACINGS)
def test_any_delivery_gives_the_same_session_once_the_history_is_in(story, ops, size, spacing):
    client = Client(story, spacing)
    for what, number in ops:
        client.do(what, number)
        check(client.session)
    client.finish(size)
    check(client.session)
    assert view(client.session) == view(fold(story.history))
    change = Change()
    again = merge(client.session, story.history, change)
    assert again is client.session, "a second look at the whole list finds it in order"
    assert not change.reset


@quick
@given(stories(), st.lists(st.tuples(st.integers(0, 200), st.integers(0, 200)), max_size=30))
def test_copies_of_what_came_change_nothing(story, copies):
    events = list(story.history)
    for place, which in copies:
        place %= len(events) + 1
        if place:
            events.insert(place, events[which % place])
    session = fold(events)
    assert view(session, numbers=True) == view(fold(story.history), numbers=True)


@quick
@given(stories(), st.integers(1, 20), st.integers(0, 20))
def test_overlapping_stretches_change_nothing(story, size, overlap):
    session = Session()
    for begin in range(0, len(story.history), size):
        for event in story.history[max(0, begin - overlap) : begin + size]:
            apply(session, event, Change())
    assert view(session, numbers=True) == view(fold(story.history), numbers=True)


@settings(max_examples=15, deadline=None)
@given(stories())
def test_prefix_then_rest_equals_all_at_once_at_every_cut(story):
    whole = view(fold(story.history), numbers=True)
    for cut in range(len(story.history) + 1):
        session, change = fold(story.history[:cut]), Change()
        session = merge(session, story.history[:cut], change)
        after = story.history[cut - 1].key if cut else ""
        session = merge(session, story.history[cut:], change, after=after)
        assert not change.reset
        assert view(session, numbers=True) == whole


@quick
@given(stories())
def test_a_copy_of_a_session_folds_on_like_the_session(story):
    """Nothing of the state hides outside the session."""
    half = len(story.history) // 2
    session = fold(story.history[:half])
    encoded = msgspec.msgpack.encode([event.raw for event in session.events])
    again = fold([parse(raw) for raw in msgspec.msgpack.decode(encoded, type=list[bytes])])
    for event in story.history[half:]:
        apply(session, event, Change())
        apply(again, event, Change())
    assert view(session, numbers=True) == view(again, numbers=True)


@settings(max_examples=200, deadline=None)
@given(stories(), SPACINGS, st.data())
def test_streams_of_threads_give_one_session_however_they_interleave(story, spacing, data):
    """Whatever comes first: each stream keeps its order, and among them the server's stamps decide."""
    streams = {None: list(story.history), **{name: list(child) for name, child in story.children.items()}}
    reference = fold(abreast(streams))
    for event in story.history:  # what a thread's own stream shows too
        apply(reference, event, Change())
    for key, (_, draft) in story.drafts.items():  # what is told without a stamp first keeps its place
        if data.draw(st.booleans()):
            place = next(i for i, event in enumerate(streams[None]) if event.key == key)
            streams[None].insert(place, draft)
    session = empty(spacing)
    waiting = {name: list(events) for name, events in streams.items() if events}
    while waiting:
        batch = []
        for _ in range(data.draw(st.integers(1, 3))):
            if waiting:
                name = data.draw(st.sampled_from(sorted(waiting, key=str)))
                count = data.draw(st.sampled_from([1, 1, 2, 5, 100]))
                batch += waiting[name][:count]
                waiting[name] = waiting[name][count:]
                waiting = {name: events for name, events in waiting.items() if events}
        session = arrive(session, batch, Change())
        check(session)
    assert view(session, numbers=True) == view(reference, numbers=True)
    lists = data.draw(st.permutations([story.history, *story.children.values()]))
    loaded = empty(spacing)
    for listed in lists:  # as a session's history is read
        loaded = merge(loaded, listed, Change())
    assert view(loaded, numbers=True) == view(reference, numbers=True)
    for listed in lists:
        change = Change()
        assert merge(session, listed, change) is session, "the lists find it in order"
        assert not change.reset


@quick
@given(stories(), st.integers(0, 1 << 32), SPACINGS)
def test_streams_that_begin_in_the_middle_give_one_session_once_the_lists_are_in(story, seed, spacing):
    """A child may be taken for the primary, until the list tells that it was created."""
    rng = random.Random(seed)
    begin = rng.randrange(len(story.history) + 1)
    waiting = [story.history[begin:], *map(list, story.children.values())]
    session, facts = empty(spacing), 0
    while waiting := [events for events in waiting if events]:
        facts += 1
        events, count = rng.choice(waiting), rng.choice([1, 2, 5, 100])
        fact = local("local.connected", {"connection": facts}, key=f"local{facts}")
        session = arrive(session, [fact, *events[:count]], Change())
        del events[:count]
    lists = rng.sample([story.history, *story.children.values()], len(story.children) + 1)
    loaded = empty(0)
    for listed in lists:
        session = merge(session, listed, Change())
        loaded = merge(loaded, listed, Change())
    check(session)
    for listed in lists:
        session = merge(session, listed, Change())
    assert view(session) == view(loaded)


@quick
@given(stories(), st.integers(0, 1 << 32), SPACINGS)
def test_the_primary_s_own_stream_is_the_session_s(story, seed, spacing):
    """A log may hold both: the session is the one that its own stream tells, whichever came first."""
    rng = random.Random(seed)
    shown = [event for event in story.history if event.session_thread_id not in story.children]
    primary = [msgspec.structs.replace(event, stream="sthr_primary") for event in shown]
    waiting = [primary, list(story.history)]
    session = empty(spacing)
    while any(waiting):
        number, count = rng.randrange(2), rng.choice([1, 2, 5, 100])
        session = arrive(session, waiting[number][:count], Change())
        waiting[number] = waiting[number][count:]
        check(session)
    for listed in rng.sample([primary, story.history], 2):
        session = merge(session, listed, Change())
    assert "sthr_primary" not in session.threads
    seen, told = view(session, numbers=True), view(fold(story.history), numbers=True)
    assert [key for key, *_ in seen.pop("log")] == [key for key, *_ in told.pop("log")]
    assert seen == told


def abreast(streams: dict[str | None, list[Event]]) -> list[Event]:
    """The one order of several streams, said again: by the latest stamp that each stream has reached."""
    own = {event.key for name, events in streams.items() if name is not None for event in events}
    ranked = []
    for name, events in streams.items():
        latest = 0.0
        for number, event in enumerate(e for e in events if name is not None or e.key not in own):
            latest = max(latest, event.at)
            ranked.append((latest, name is None, name or "", number, event))
    return [event for *_, event in sorted(ranked, key=lambda entry: entry[:-1])]


# -- what holds of every session --------------------------------------------------------------------------


@quick
@given(stories())
def test_turns_and_threads_add_up_to_the_session(story):
    session = fold(story.everything)
    total = Tally()
    for one in (*session.turns, *session.threads.values()):
        for name, number in asdict(tally(session, one)).items():
            setattr(total, name, getattr(total, name) + number)
    assert tally_view(total) == tally_view(tally(session))
    uses = [item for item in session.items if isinstance(item, ToolUse)]
    assert tally(session).tool_uses == len(uses) == len({item.key for item in uses})
    assert tally(session).tool_s == pytest.approx(sum(item.duration or 0 for item in uses))
    by_turn = turn_sums(session)
    for name in ("model_requests", "tool_uses", "tool_errors", "confirmations", "input_tokens"):
        assert sum(getattr(turn, name) for turn in by_turn) == getattr(tally(session), name)


@quick
@given(stories(), OPS)
def test_what_the_server_counts_is_what_the_session_counts(story, ops):
    """Against figures that owe nothing to the fold: plain counts over the list."""
    client = Client(story)
    for what, number in ops:
        client.do(what, number)
    client.finish(10)
    session, history = client.session, story.history
    ends = [event for event in history if event.type == "span.model_request_end"]
    assert tally(session).model_requests == len(ends)
    assert tally(session).input_tokens == sum(event.model_usage.input_tokens for event in ends)
    assert tally(session).output_tokens == sum(event.model_usage.output_tokens for event in ends)
    assert tally(session).model_errors == sum(event.is_error for event in ends)
    uses = {e.key for e in history if e.type.endswith("tool_use")}
    answers = {
        e.tool_use_id or e.mcp_tool_use_id or e.custom_tool_use_id
        for e in history
        if e.type.endswith("tool_result")
    }
    assert set(session.tools) == uses
    assert {key for key in session.tools if use(session, key).done} == uses & answers
    assert tally(session).confirmations == sum(e.type == "user.tool_confirmation" for e in history)
    assert tally(session).errors == sum(e.type == "session.error" for e in history)
    ended, open_ = 0, False
    for event in history:  # turns by the rule of the reference, on a log that has every status event
        if event.type in ("session.status_running", "user.message", "user.define_outcome"):
            open_ = True
        elif event.type == "session.status_idle":
            blocked = event.data["stop_reason"]["type"] == "requires_action"
            ended += open_ and not blocked
            open_ = open_ and blocked
    assert [turn.ended for turn in session.turns] == [True] * ended
    assert sum(len(turn.inputs) for turn in session.turns) == sum(
        e.type in ("user.message", "user.define_outcome") for e in history
    )


@quick
@given(stories(), OPS)
def test_nothing_is_negative_and_every_event_is_shown_by_exactly_one_row(story, ops):
    client = Client(story)
    for what, number in ops:
        client.do(what, number)
        whole(client.session)
    client.finish(5)
    whole(client.session)


def whole(session: Session) -> None:
    """Owners and figures of any session."""
    for ordinal, owner in enumerate(session.owners):
        if owner < 0:
            assert session.events[ordinal].type == "local.session", "only the resource has no row"
            continue
        item = session.items[owner]
        assert session.owners[item.event] == owner, "a row that shows an event is shown itself"
    listed = [index for thread in session.threads.values() for index in thread.items]
    assert len(listed) == len(set(listed)), "an item is in one thread"
    for index, item in enumerate(session.items):
        assert (item.thread is not None) == (index in set(listed))
        assert -1 <= item.turn < len(session.turns)
        if isinstance(item, ToolUse):
            assert item.duration is None or item.duration >= 0
    for one in (None, *session.turns, *session.threads.values()):
        assert all(value >= 0 for value in asdict(tally(session, one)).values())


@quick
@given(stories(), st.data())
def test_only_what_has_no_answer_waits(story, data):
    cut = data.draw(st.integers(0, len(story.history)))
    prefix = story.history[:cut]
    session = fold(prefix)
    answered = {
        e.tool_use_id or e.mcp_tool_use_id or e.custom_tool_use_id
        for e in prefix
        if e.type.endswith("tool_result") or e.type == "user.tool_confirmation"
    }
    rests = max(
        (
            i
            for i, e in enumerate(prefix)
            if e.type == "session.status_idle" and e.data["stop_reason"]["type"] != "requires_action"
        ),
        default=-1,
    )
    asks = {
        e.key
        for e in prefix[rests + 1 :]
        if e.type == "agent.custom_tool_use"
        or (e.type.endswith("tool_use") and e.evaluated_permission == "ask")
    }
    assert set(session.pending) == asks - answered
    assert (session.state == "waiting") == bool(asks - answered)


# -- damage -----------------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False)
    | st.text(max_size=5)
    | st.sampled_from(["sevt_00001", "sevt_00004", "use", "sthr_c", "sthr_primary", "ask", "requires_action"])
    | st.sampled_from(
        ["2026-08-17T16:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "-5", "1e999999"]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def extras() -> list[Event]:
    """The types that no other story has."""
    log = Log()
    log.events.append(
        local("local.session", {"session": {"id": "sesn_1", "agent": {"model": {"id": "m"}}, "budget": None}})
    )
    log.begin()
    log.system()
    log.start(id="request")
    log.events += [preview_start("answer"), preview_delta("answer", "Hel", 1)]
    log.message(id="answer")
    log.end("request")
    log.add(
        "workflow_run.error", workflow_run_id="wrun_1", error={"type": "timeout_error", "message": "late"}
    )
    log.add("workflow_run.status_idle", workflow_run_id="wrun_1")
    log.thread_status("rescheduled", "sthr_c")
    log.rest()
    return log.events


STORIES: list[list[Event]] = [
    orders.simple(),
    orders.approval(),
    orders.denial(),
    orders.interrupt(),
    orders.error_recovering(),
    orders.error_terminal(),
    orders.budget(),
    orders.subagent(),
    orders.outcome(),
    sorted([*surprises.cross_posted()[0], *surprises.cross_posted()[1]], key=lambda event: event.at or 0),
    surprises.self_hosted(),
    surprises.compaction(),
    surprises.absent_stamps(),
    surprises.workflow_turn(),
    surprises.idle_before_use(),
    surprises.result_before_use(),
    others.aliased_results(),
    others.never_stamped(),
    extras(),
]


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(deeper for key, part in inner for deeper in paths(part, (*path, key)))]


def damaged(event: Event, path: tuple[Any, ...], value: Any) -> Event:
    """The event with the value at that path replaced."""
    fields: Any = event.data
    if not path:
        return parse(json.dumps(value).encode(), stream=event.stream)
    at = fields
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    return parse(json.dumps(fields).encode(), stream=event.stream)


def test_the_damaged_stories_hold_every_type():
    assert {event.type for story in STORIES for event in story} >= EVENT_TYPES


@thorough
@given(st.data())
def test_damage_anywhere_never_raises(data):
    events = list(data.draw(st.sampled_from(STORIES)))
    for _ in range(data.draw(st.integers(1, 6))):
        index = data.draw(st.integers(0, len(events) - 1))
        path = data.draw(st.sampled_from(paths(events[index].data)))
        value = data.draw(st.sampled_from(sorted(EVENT_TYPES)) if path == ("type",) else JSON)
        events[index] = damaged(events[index], path, value)
    session = Session()
    for event in events:
        apply(session, event, Change())
    check(session)
    whole_but_for_signs(session)
    half = data.draw(st.integers(0, len(events)))
    session = fold(events[half:])
    session = merge(session, events, Change())
    check(session)
    whole_but_for_signs(session)


@thorough
@given(
    st.lists(
        st.tuples(
            st.sampled_from(sorted(EVENT_TYPES | {"agent.dreams"})),
            st.sampled_from([None, "a", "b", "c"]),
            st.dictionaries(
                st.sampled_from(
                    [
                        "processed_at",
                        "content",
                        "name",
                        "tool_use_id",
                        "mcp_tool_use_id",
                        "custom_tool_use_id",
                        "model_request_start_id",
                        "session_thread_id",
                        "stop_reason",
                        "error",
                        "usage",
                        "outcome_id",
                        "outcome_evaluation_start_id",
                        "iteration",
                        "event_id",
                        "event",
                        "delta",
                        "workflow_run_id",
                        "workflow_run_phase_id",
                        "phases",
                        "result",
                        "agent",
                        "budget",
                        "model_usage",
                    ]
                ),
                st.sampled_from(
                    ["a", "b", "c", "allow", {"type": "requires_action", "event_ids": ["a", "b"]}]
                )
                | JSON,
                max_size=4,
            ),
            st.sampled_from([None, None, "a", "b"]),
        ),
        max_size=25,
    ),
    st.integers(0, 25),
)
def test_events_of_any_type_that_name_each_other_never_raise(shapes, cut):
    """Ids that meet across types: a result that names a message, an end that names a tool use."""
    events = [
        parse(json.dumps({"type": type_, "id": key, **fields}).encode(), stream=stream, position=number)
        for number, (type_, key, fields, stream) in enumerate(shapes)
    ]
    session = fold(events)
    check(session)
    whole_but_for_signs(session)
    listed = [event for event in events if event.type not in ("event_start", "event_delta")]
    session = merge(fold(listed[cut:]), listed, Change())
    check(session)
    whole_but_for_signs(session)


def whole_but_for_signs(session: Session) -> None:
    """As `whole`; tokens are left alone, for a server that says -5 has said -5."""
    for ordinal, owner in enumerate(session.owners):
        assert owner >= 0 or session.events[ordinal].type == "local.session"
        assert owner < 0 or session.owners[session.items[owner].event] == owner


# -- cost ---------------------------------------------------------------------------------------------------


def ordinary(log: Log) -> None:
    log.begin()
    start = log.start()
    key = log.tool(permission="ask")
    log.end(start)
    log.rest("requires_action", key)
    log.confirm(key)
    log.runs()
    log.result(key)
    log.answer()
    log.rest(cents="5")


def one_endless_turn(log: Log) -> None:
    log.user()
    start = log.start()
    key = log.tool()
    log.end(start)
    log.result(key)


def messages_that_wait(log: Log) -> None:
    log.running()
    log.user(id=f"m{len(log.events)}", at=None)
    log.answer()
    log.idle()


def stale_idles(log: Log) -> None:
    key = log.custom()
    log.idle("requires_action", key)
    log.custom_result(key)
    log.running()
    log.idle("requires_action", key)


def many_children(log: Log) -> None:
    name = f"sthr_{len(log.events)}"
    log.thread_created(name)
    log.thread_status("running", name)
    child = log.child(name)
    child.answer()
    key = child.custom()
    log.custom(id=key, session_thread_id=name)
    log.events += child.events
    log.custom_result(key)
    log.received(name)
    log.thread_status("terminated", name)


def never_answered(log: Log) -> None:
    log.tool(permission="ask")
    log.message()


def grading(log: Log) -> None:
    start = log.grade_start(iteration=len(log.events))
    for _ in range(3):
        log.grading(iteration=len(log.events))
    log.grade_end(start, "needs_revision", iteration=len(log.events))


def results_first(log: Log) -> None:
    key = f"use{len(log.events)}"
    log.result(key)
    log.confirm(key)
    log.tool(permission="ask", id=key)


def without_status(log: Log) -> None:
    log.user()
    log.answer()


def everything_twice(log: Log) -> None:
    begin = len(log.events)
    ordinary(log)
    log.events += log.events[begin:]


@pytest.mark.parametrize(
    "shape",
    [
        ordinary,
        one_endless_turn,
        messages_that_wait,
        stale_idles,
        many_children,
        never_answered,
        grading,
        results_first,
        without_status,
        everything_twice,
    ],
)
def test_an_event_costs_the_same_whatever_came_before(shape: Callable[[Log], None]):
    """Counted, not timed: lines and calls for each event of a log and of one eight times as long."""

    def per_event(times: int) -> float:
        log = Log()
        for _ in range(times):
            shape(log)
        return work(lambda: fold(log.events)) / len(log.events)

    assert per_event(400) <= 1.05 * per_event(50)


def test_the_server_model_reaches_what_matters():
    """A generator that stopped writing asks or children would make every property above easier."""
    seen: set[str] = set()

    @settings(max_examples=100, deadline=None, database=None, derandomize=True)
    @given(stories())
    def collect(story: Story) -> None:
        seen.update(event.type for event in story.everything)
        if any(e.session_thread_id and e.type == "agent.custom_tool_use" for e in story.history):
            seen.add("cross-post")
        if story.drafts:
            seen.add("draft")
        if any(a.at > b.at for a, b in zip(story.history, story.history[1:], strict=False)):
            seen.add("backwards")

    collect()
    assert server.TOOLS is not None
    assert seen >= EVENT_TYPES - {
        "event_start",
        "event_delta",
        "agent.thread_message_received",
        "agent.thread_message_sent",
        "session.deleted",
        "session.status_terminated",
        "session.thread_status_rescheduled",
        "session.thread_status_terminated",
        "session.updated",
        "user.tool_result",
        *(name for name in EVENT_TYPES if name.startswith("workflow_run.")),
    } | {"cross-post", "draft", "backwards"}
