"""Order: the server's list is the order, whatever came first, and mending it is rare and cheap."""

from __future__ import annotations

import gc
import weakref

import msgspec
import pytest

from cma_tui.event import Event, local
from cma_tui.session.fold import apply
from cma_tui.session.merge import arrive, merge
from cma_tui.session.model import Change, Session
from cma_tui.session.moments import keep_past
from tests.session.counting import work
from tests.session.look import check, fold, inputs, rows, tally, use, view
from tests.stories import orders, others, surprises
from tests.stories.write import Log, preview_delta, preview_start


def keys(session: Session) -> list[str]:
    return [event.key for event in session.events]


def pages(session: Session, listed: list[Event], size: int, change: Change | None = None) -> Session:
    """Merge a whole list page by page, as a history is read."""
    after = ""
    for begin in range(0, len(listed), size):
        page = listed[begin : begin + size]
        session = merge(session, page, change or Change(), after=after)
        after = page[-1].key
    return session


def connected(number: int) -> Event:
    return local("local.connected", {"connection": number}, key=f"connected{number}")


STORY = orders.approval
ALL = [event.key for event in STORY()]


def test_a_list_into_an_empty_session_is_the_fold_of_the_list():
    session, change = Session(), Change()
    merged = merge(session, STORY(), change)
    assert merged is session
    assert not change.reset
    assert view(merged, numbers=True) == view(fold(STORY()), numbers=True)


def test_an_empty_page_changes_nothing():
    session, change = fold(STORY()), Change()
    assert merge(session, [], change) is session
    assert change == Change()


def test_a_list_that_was_streamed_already_changes_nothing():
    session, change = fold(STORY()), Change()
    assert merge(session, STORY(), change) is session
    assert change == Change()
    assert view(session) == view(fold(STORY()))


def test_a_list_that_goes_on_where_the_stream_ended_is_appended():
    session, change = fold(STORY()[:9]), Change()
    merged = merge(session, STORY(), change)
    assert merged is session
    assert not change.reset
    assert view(merged) == view(fold(STORY()))


def test_a_gap_in_the_middle_is_filled_in_its_place():
    story = STORY()
    session, change = fold(story[:5] + story[9:]), Change()
    merged = merge(session, story, change)
    assert change.reset, "what was appended too early has to move"
    assert keys(merged) == ALL
    assert view(merged) == view(fold(story))


def test_a_stretch_fills_a_gap_when_it_says_what_it_follows():
    story = STORY()
    session = fold(story[:5] + story[9:])
    merged = merge(session, story[5:9], Change(), after=story[4].key)
    assert keys(merged) == ALL
    assert view(merged) == view(fold(story))


@pytest.mark.parametrize("size", [1, 2, 5, 100])
@pytest.mark.parametrize("streamed", [slice(15, None), slice(10, 14), slice(0, 3), slice(0, None, 2)])
def test_pages_after_stream_events_give_the_lists_order(size, streamed):
    story = STORY()
    session = pages(fold(story[streamed]), story, size)
    check(session)
    assert keys(session) == ALL
    assert view(session) == view(fold(story))


def test_stream_events_between_pages_keep_their_place_at_the_end():
    story = STORY()
    session = merge(Session(), story[:6], Change())
    for event in story[15:17]:
        apply(session, event, Change())
    session = merge(session, story[6:12], Change(), after=story[5].key)
    assert keys(session) == ALL[:12] + ALL[15:17]
    session = merge(session, story[12:], Change(), after=story[11].key)
    assert view(session) == view(fold(story))


def test_swapped_stream_events_are_put_right():
    story = STORY()
    story[4], story[5] = story[5], story[4]
    session, change = fold(story), Change()
    merged = merge(session, STORY(), change)
    assert change.reset
    assert view(merged) == view(fold(STORY()))


def test_swapped_stream_events_are_put_right_across_a_page_end():
    story = STORY()
    story[4], story[5] = story[5], story[4]
    merged = pages(fold(story), STORY(), 5)
    assert view(merged) == view(fold(STORY()))


def test_an_event_that_the_list_lacks_stays_where_it_was():
    """The list lags behind the stream: right after an idle its last message may be missing."""
    story = STORY()
    late = next(i for i, event in enumerate(story) if event.type == "agent.message")
    listed = story[:late] + story[late + 1 :]
    session, change = fold(story), Change()
    merged = merge(session, listed, change)
    assert merged is session
    assert not change.reset
    assert keys(merged) == ALL


def test_an_event_that_the_list_lacks_stays_beside_what_it_followed_when_the_order_is_mended():
    story = STORY()
    late = next(i for i, event in enumerate(story) if event.type == "agent.message")
    listed = story[:late] + story[late + 1 :]
    streamed = [story[0], *story[6:]]
    change = Change()
    merged = merge(fold(streamed), listed, change)
    assert change.reset
    assert keys(merged) == ALL
    change = Change()
    assert keys(merge(merged, story, change)) == ALL
    assert not change.reset, "the list that has it at last finds it in its place"


def test_an_event_that_the_list_lacks_is_moved_past_listed_events_of_an_earlier_stamp():
    story = STORY()
    newest = story[-1]
    session = Session()
    apply(session, newest, Change())
    merged = merge(session, story[:-1], Change())
    assert keys(merged) == ALL
    assert view(merged) == view(fold(story))


def test_a_message_without_a_stamp_gets_it_from_the_list_alone():
    story = STORY()
    log = Log()
    log.user("Deploy", id="ask", at=...)
    draft = log.events[0]
    streamed = [draft if event.key == "ask" else event for event in story]
    session, change = fold(streamed), Change()
    assert session.items[session.turns[0].inputs[0]].at is None
    merged = merge(session, story, change)
    assert merged is session
    assert not change.reset
    assert view(merged) == view(fold(story))


def test_a_message_that_waited_on_the_stream_finds_its_place_in_the_list():
    whole = surprises.absent_stamps()
    stamped = [event for event in whole if event.at is not None]
    streamed = [event for event in whole if event.at is None or event.key != "second"]
    session = fold(streamed)
    merged = pages(session, stamped, 4)
    assert inputs(merged, 1) == ["second"]
    assert view(merged) == view(fold(stamped))


def test_a_message_that_the_list_has_without_a_stamp_waits_and_moves_nothing():
    story = STORY()
    log = Log()
    log.user("Later", id="later", at=None)
    for place in (0, 7, len(story)):
        listed = story[:place] + log.events + story[place:]
        session, change = fold(story), Change()
        merged = merge(session, listed, change)
        assert merged is session
        assert not change.reset, "a look at the list every minute must not fold a long session anew"
        assert list(merged.queued) == ["later"]
        assert keys(merged) == ALL


def test_a_page_after_a_message_that_only_waits_is_appended():
    """Even when stamps run backwards across the page's end, so that time would mislead."""
    story = surprises.backwards()
    log = Log()
    log.user("Later", id="later", at=None)
    cut = next(i for i, event in enumerate(story) if event.key == "error") + 1
    session, change = merge(Session(), story[:cut] + log.events, Change()), Change()
    merged = merge(session, story[cut:], change, after="later")
    assert not change.reset
    assert keys(merged) == [event.key for event in story]


def test_a_message_is_not_taken_up_before_the_place_that_the_list_tells():
    """It waits on the stream; in the list a turn nobody asked for stands before it."""
    log = Log()
    log.runs(id="bare")
    log.answer()
    log.rest()
    log.begin(run="run", user="ask")
    log.answer()
    log.rest()
    draft = Log()
    draft.user(id="ask", at=None)
    session = merge(fold(draft.events), log.events, Change())
    assert [inputs(session, n) for n in (0, 1)] == [[], ["ask"]]
    assert view(session) == view(fold(log.events))


def test_a_message_that_was_taken_up_too_early_goes_to_the_place_that_the_list_tells():
    log = Log()
    log.begin(run="run", user="first")
    log.answer()
    log.user(id="second")
    log.answer()
    log.rest()
    draft = Log()
    draft.user(id="second", at=None)
    streamed = [event for event in log.events if event.key not in ("first", "second")]
    session = fold(draft.events + streamed)
    assert inputs(session, 0) == ["second"], "nothing told that another message was the turn's"
    change = Change()
    merged = merge(session, log.events, change)
    assert change.reset
    assert inputs(merged, 0) == ["first", "second"]
    assert view(merged) == view(fold(log.events))


def test_an_event_without_a_stamp_fills_its_gap_too():
    story = others.never_stamped()
    for begin in range(len(story)):
        session = pages(fold(story[:begin] + story[begin + 1 :]), story, 3)
        assert keys(session) == [event.key for event in story]


def test_what_the_list_lacks_stays_behind_two_that_came_swapped():
    story = STORY()
    streamed = [*story[:4], story[5], story[6], story[4]]
    merged = merge(fold(streamed), story[:6], Change())
    assert keys(merged) == ALL[:7]


def test_waiting_messages_survive_a_mended_order():
    story = STORY()
    log = Log()
    log.user("Later", id="later", at=None)
    session = fold(story[:4] + story[6:9] + log.events)
    change = Change()
    merged = merge(session, story[:9], change)
    assert change.reset
    assert list(merged.queued) == ["later"]


def test_a_late_stamp_of_an_answer_counts_from_then_on():
    """A confirmation streams with a null stamp; the person's waiting time is known only later."""
    story = STORY()
    log = Log()
    log.confirm("use", id="yes", at=None)
    streamed = [log.events[0] if event.key == "yes" else event for event in story]
    session = fold(streamed)
    assert use(session, "use").confirmation == "allow"
    assert tally(session).tool_s > 5, "without its time the approval seems to be tool time"
    merged = merge(session, story, Change())
    assert merged is session
    assert view(merged) == view(fold(story))


def test_a_stale_copy_never_takes_a_stamp_away():
    story = STORY()
    log = Log()
    log.user("Deploy", id="ask", at=...)
    session = fold(story)
    change = Change()
    apply(session, log.events[0], change)
    merged = merge(session, log.events, change)
    assert change == Change()
    assert view(merged) == view(fold(story))


def test_facts_of_our_own_keep_their_place_and_move_nothing():
    story = STORY()
    session = Session()
    for event in [connected(1), *story[:6], local("local.disconnected", {"reason": "eof"}, key="cut")]:
        apply(session, event, Change())
    apply(session, connected(2), Change())
    change = Change()
    merged = merge(session, story, change)
    assert merged is session, "a gap that begins where the stream broke needs no new fold"
    assert not change.reset
    assert keys(merged) == ["~connected1", *ALL[:6], "~cut", "~connected2", *ALL[6:]]
    assert view(merged) == view(fold(story))


def test_facts_of_our_own_stay_beside_what_they_followed_when_the_order_is_mended():
    story = STORY()
    change = Change()
    streamed = [*story[:3], connected(1), *story[8:], connected(2)]
    merged = merge(fold(streamed), story, change)
    assert change.reset
    assert keys(merged) == [*ALL[:8], "~connected1", *ALL[8:], "~connected2"], "what was missed came before"
    assert view(merged) == view(fold(story))


def test_a_mended_order_keeps_what_depends_on_arrival():
    log = Log()
    log.begin()
    log.start(id="request")
    log.wait(1)
    log.message(id="answer")
    log.end("request")
    log.rest()
    story = log.events
    for number, event in enumerate(story):
        event.received_at = 1000.0 + number
    streamed = [*story[2:4], preview_start("answer", received_at=1005.0)]
    streamed += [
        preview_delta("answer", "Hel", received_at=1006.5),
        preview_start("next", received_at=1007.0),
    ]
    session = fold(streamed)
    (seconds,) = session.first_tokens.values()
    assert seconds == 3.5
    change = Change()
    merged = merge(session, story[:5], change)
    assert change.reset
    (index,) = merged.first_tokens
    assert merged.first_tokens[index] == 3.5
    assert merged.events[merged.items[index].event].key == "request"
    assert list(merged.previews) == ["next"], "the one whose event came is over, the other goes on"


def test_a_mended_order_keeps_the_text_as_it_was_written_before_its_event():
    here, there = surprises.cross_posted()
    session = Session()
    keep_past(session)
    text = [preview_start("later", received_at=1.0), preview_delta("later", "Hel", received_at=2.0)]
    hers = [msgspec.structs.replace(preview, stream="sthr_c") for preview in text]
    session = arrive(session, [*here[:6], *text, *here[6:], *hers], Change())
    change = Change()
    session = arrive(session, there, change)
    assert change.reset, "the thread's events are earlier than the session's last ones"
    told = [event.key for event in session.kept.moments.told()]
    assert [key for key in told if key.startswith("~")] == [event.key for event in (*text, *hers)]
    assert told.index("~event_delta:later") < told.index(here[6].key)


def test_what_was_mended_goes_with_the_last_who_looks_at_it():
    """A session that is mended again and again leaves nothing for the collector of garbage."""
    here, there = surprises.cross_posted()
    session = Session()
    gone = weakref.ref(keep_past(session))
    gc.disable()
    try:
        session = arrive(arrive(session, here, Change()), there, Change())
        assert gone() is None
    finally:
        gc.enable()


def test_who_comes_late_is_told_of_a_use_on_both_streams_that_showed_it():
    here, there = surprises.cross_posted()
    session = Session()
    keep_past(session)
    session = arrive(session, [*here, *there], Change())
    again = arrive(Session(), list(session.kept.moments.told()), Change())
    assert view(again, numbers=True) == view(session, numbers=True)
    assert use(again, "use").on_session


def test_a_mended_order_keeps_that_both_streams_showed_a_use():
    here, there = surprises.cross_posted()
    streamed = [event for event in here if event not in here[3:9]]
    session = fold(sorted([*streamed, *there], key=lambda event: event.at))
    assert use(session, "use").on_session
    change = Change()
    merged = merge(session, here, change)
    assert change.reset
    held = use(merged, "use")
    assert held.on_session
    assert merged.events[held.event].stream == "sthr_c"


def test_the_lists_copy_marks_a_use_that_a_childs_stream_showed_first():
    here, there = surprises.cross_posted()
    session = fold(there)
    assert not use(session, "use").on_session
    merged = merge(session, here, Change())
    assert use(merged, "use").on_session


def test_a_childs_list_merged_late_is_placed_by_time_and_counts_once():
    here, there = surprises.cross_posted()
    reference = fold(sorted(here + there, key=lambda event: event.at))
    session = pages(fold(here), there, 3)
    session = pages(session, here, 7)
    for change in (Change(), Change()):
        session = pages(pages(session, there, 3, change), here, 7, change)
        assert not change.reset, "two lists that agree do not push each other about"
    assert view(session)["tally"] == view(reference)["tally"]
    assert view(session)["turns"] == view(reference)["turns"]
    mine, theirs = session.threads["sthr_c"], reference.threads["sthr_c"]
    assert (tally(session, mine).model_requests, mine.status, mine.read) == (
        tally(reference, theirs).model_requests,
        theirs.status,
        theirs.read,
    )


@pytest.mark.parametrize("size", [2, 3, 5, 100])
@pytest.mark.parametrize("first", ["session", "child", "in turns"])
def test_lists_of_two_streams_keep_their_orders_and_come_to_rest(first, size):
    here, there = surprises.cross_posted()
    streamed = {
        "session": here + there,
        "child": there + here,
        "in turns": [event for pair in zip(here, there, strict=False) for event in pair],
    }[first]
    session = fold(streamed)
    for _ in range(3):
        change = Change()
        session = pages(pages(session, here, size, change), there, size, change)
        check(session)
        assert [key for key in keys(session) if key in {e.key for e in there}] == [e.key for e in there]
        mine = [e.key for e in here if e.key != "use"]
        assert [key for key in keys(session) if key in mine] == mine
    assert not change.reset, "nothing is left to mend"
    assert use(session, "use").on_session
    assert session.events[use(session, "use").event].stream == "sthr_c"


def test_a_list_that_is_mended_leaves_the_other_streams_order_alone():
    here, there = surprises.cross_posted()
    place = next(i for i, event in enumerate(here) if event.key == "use")
    session = fold(there + here[: place + 1] + here[place + 2 :])
    change = Change()
    session = merge(session, here[place : place + 2], change, after=here[place - 1].key)
    assert change.reset, "what follows the ask was missed, and is put behind it"
    assert [key for key in keys(session) if key in {e.key for e in there}] == [e.key for e in there]
    mine = [event.key for event in here if event.key != "use"]
    assert [key for key in keys(session) if key in mine] == mine


def test_a_childs_list_goes_by_time_though_facts_of_our_own_have_none():
    here, there = surprises.cross_posted()
    session = fold([connected(1), *here[:4], connected(2), *here[4:]])
    merged = keys(pages(session, there, 100))
    assert merged.index("run") < merged.index("child_request") < merged.index("blocked")


def test_what_was_pending_stays_pending_in_a_mended_order():
    story = STORY()
    cut = ALL.index("blocked") + 1
    change = Change()
    merged = merge(fold(story[3:cut]), story[:cut], change)
    assert change.reset
    assert (merged.state, list(merged.pending)) == ("waiting", ["use"])


def test_rows_come_out_in_the_lists_order():
    story = STORY()
    session = pages(fold(story[10:]), story, 4)
    assert rows(session) == rows(fold(story))


def test_the_drawing_side_is_told_that_everything_may_differ():
    story = STORY()
    change = Change(items={3, 4})
    merge(fold(story[5:]), story, change)
    assert change.reset
    assert (change.items, change.header, change.queued, change.previews) == (set(), True, True, True)


# -- cost --------------------------------------------------------------------------------------------


def long(turns: int) -> list[Event]:
    log = Log()
    for _ in range(turns):
        log.begin()
        start = log.start()
        use_ = log.tool()
        log.end(start)
        log.result(use_)
        log.answer()
        log.rest(cents="5")
    return log.events


def into_nothing(events: list[Event]) -> None:
    change = Change()
    pages(Session(), events, 50, change)
    assert not change.reset


def known_already(events: list[Event]) -> int:
    session, change = fold(events), Change()
    counted = work(lambda: merge(session, events, change))
    assert not change.reset
    return counted


def after_a_gap(events: list[Event]) -> int:
    half = len(events) // 2
    session, change = fold([*events[:half], connected(1), connected(2)]), Change()
    counted = work(lambda: merge(session, events, change))
    assert not change.reset
    return counted


def tail_was_streamed(events: list[Event]) -> int:
    half = len(events) // 2
    session, change = fold(events[half:]), Change()
    counted = work(lambda: merge(session, events, change))
    assert change.reset
    return counted


def nothing_known_yet(events: list[Event]) -> int:
    half = len(events) // 2
    session, change = fold(events[half:]), Change()
    counted = work(lambda: merge(session, events[:half], change))
    assert change.reset
    return counted


def threads_abreast(events: list[Event]) -> int:
    """Every second event is of a thread: in order, none costs a look back."""
    half = [msgspec.structs.replace(e, stream="sthr_c") if n % 2 else e for n, e in enumerate(events)]
    change = Change()
    counted = work(lambda: arrive(Session(), half, change))
    assert not change.reset
    return counted


def late_on_a_stream(session: Session, events: list[Event]) -> Session:
    """A thread's event comes when the session's stream has gone on for a while."""
    late = msgspec.structs.replace(events[-40], key="late", id="late", stream="sthr_c")
    return arrive(session, [late], Change())


def late_in_a_list(session: Session, events: list[Event]) -> Session:
    """The end of the list shows an event that the stream has not."""
    return merge(session, events[-60:], Change(), after=events[-61].key)


def late_in_a_threads_list(session: Session, events: list[Event]) -> Session:
    """A thread's list, whole, is read when its first events are past."""
    mine = [msgspec.structs.replace(e, key=f"{e.key}c", stream="sthr_c") for e in events[-60:-30]]
    return merge(session, mine, Change())


@pytest.mark.parametrize("mend", [late_on_a_stream, late_in_a_list, late_in_a_threads_list])
def test_mending_the_order_costs_what_came_since_whatever_came_before(mend):
    """Counted, from a checkpoint: a log eight times as long is mended by the same work."""

    def mended(events: list[Event]) -> int:
        session = Session()
        keep_past(session, spacing=16)
        streamed = [e for e in events if mend is not late_in_a_list or e is not events[-40]]
        session = arrive(session, streamed, Change())
        first = msgspec.structs.replace(events[-20], key="first", id="first", stream="sthr_a")
        session = arrive(session, [first], Change())  # from here on there are several streams
        made: list[Session] = []
        counted = work(lambda: made.append(mend(session, events)))
        assert made[0] is not session, "the order had to be mended"
        return counted

    assert mended(long(160)) <= 1.1 * mended(long(20))


@pytest.mark.parametrize(
    "case",
    [
        lambda events: work(lambda: into_nothing(events)),
        known_already,
        after_a_gap,
        tail_was_streamed,
        nothing_known_yet,
        threads_abreast,
    ],
    ids=["into nothing, by pages", "known already", "after a gap", "tail streamed", "two halves", "threads"],
)
def test_the_work_of_a_merge_grows_with_the_number_of_events_only(case):
    few, many = long(20), long(160)
    assert case(many) / len(many) <= 1.05 * case(few) / len(few)
