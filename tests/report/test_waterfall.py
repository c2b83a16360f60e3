"""Lanes and the axis: what overlaps, joins and breaks; keeping up is the same as beginning anew."""

from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cma_tui.feed import fold_all
from cma_tui.report.axis import BREAK, Axis
from cma_tui.report.lanes import MOST_LANES, Lanes
from cma_tui.report.waterfall import bars, name, words
from cma_tui.session.fold import apply
from cma_tui.session.model import Change, Session
from tests.session.counting import work
from tests.stories.write import Log


def drawn(lanes):
    """Every lane: its group, and its spans in seconds from the beginning."""
    began = lanes.order[0][0] if lanes.order else 0.0
    return {
        (group.kind, group.thread, number): [
            (span.kind, round(span.start - began, 1), round(span.end - began, 1), span.bad)
            for span in lane.spans
        ]
        for group in lanes.groups.values()
        for number, lane in enumerate(group.lanes)
    }


def incident():
    """Two tools at once, one after them, a wait of ten minutes, a child at work, and a tool that runs on."""
    log = Log()
    log.begin("Debug it")
    start = log.start()
    log.wait(2)
    both = log.tool(), log.tool("grep")
    log.end(start)
    log.wait(1)
    log.result(both[0], is_error=True)
    log.wait(1)
    log.result(both[1])
    asks = log.tool("deploy", "ask")
    log.rest("requires_action", asks)
    log.wait(600)
    log.confirm(asks)
    log.runs()
    log.wait(3)
    log.result(asks)
    log.thread_created("sthr_1", "analyst")
    log.thread_status("running", "sthr_1")
    child = log.child("sthr_1")
    request = child.start()
    log.wait(4)
    child.end(request)
    log.thread_idle(thread="sthr_1")
    log.tool("wait_for_it")
    return sorted([*log.events, *child.events], key=lambda event: event.at or 0)


def test_what_overlaps_has_lanes_of_its_own_and_what_does_not_joins():
    lanes = drawn(Lanes(fold_all(incident()), 0))
    assert lanes["model", "", 0] == [("model", 0.0, 2.0, False)]
    assert lanes["tool", "", 0] == [
        ("tool", 2.0, 3.0, True),
        ("tool", 604.2, 607.2, False),
        ("tool", 611.2, inf, False),
    ]
    assert lanes["tool", "", 1] == [("tool", 2.0, 4.0, False)]
    assert lanes["you", "", 0] == [("you", 4.0, 604.2, False)]
    assert lanes["run", "sthr_1", 0] == [("run", 607.2, 611.2, False)]
    assert lanes["work", "sthr_1", 0] == [("model", 607.2, 611.2, False)]


@settings(max_examples=60)
@given(st.lists(st.integers(1, 5), min_size=1, max_size=30))
def test_keeping_up_is_beginning_anew(steps):
    events = incident()
    session, lanes = Session(), None
    for step in steps:
        change = Change()
        for event in events[:step]:
            apply(session, event, change)
        events = events[step:]
        if session.turns:
            lanes = Lanes(session, 0) if lanes is None else lanes.update(session, change)
    if lanes is not None:
        anew = Lanes(session, 0)
        assert drawn(lanes) == drawn(anew)
        now = session.last_at + 1
        assert lanes.busy(now) == pytest.approx(anew.busy(now))


def crowd(count):
    """Tools that are all called at once, and of which every tenth fails in the end."""
    log = Log()
    log.begin("All at once")
    uses = [log.tool() for _ in range(count)]
    for use in uses[::10]:
        log.result(use, is_error=True)
    return log.events


def test_more_at_once_than_there_are_lanes_is_counted():
    lanes = Lanes(fold_all(crowd(MOST_LANES + 60)), 0)
    (tools,) = (group for group in lanes.groups.values() if group.kind == "tool")
    drawn_ = sum(len(lane.spans) for lane in tools.lanes)
    assert len(tools.lanes) == MOST_LANES
    assert drawn_ + len(tools.crowded_out) == MOST_LANES + 60
    assert name(lanes.session, tools, tools.lanes[0]) == "tools"
    assert name(lanes.session, tools, tools.lanes[-1]) == f"+{len(tools.crowded_out)} at once"


def test_a_crowd_costs_the_same_for_each():
    def of(count):
        session = fold_all(crowd(count))
        return work(lambda: Lanes(session, 0)) / count

    assert of(1200) < 1.5 * of(300)


def test_what_is_read_in_slices_is_what_is_read_at_once():
    session = fold_all(incident())
    lanes, slices = Lanes(session, 0, 3), 1
    while not lanes.whole:
        lanes.read()
        slices += 1
    assert slices == -(-len(session.items) // 3)
    assert drawn(lanes) == drawn(Lanes(session, 0))


def test_a_wait_breaks_the_axis_and_says_how_long():
    session = fold_all(incident())
    lanes = Lanes(session, 0)
    began, now = lanes.order[0][0], session.last_at + 2
    axis = Axis(lanes.busy(now), began, now, 100)
    assert len(axis.breaks) == 1
    assert "/10m00s/" in axis.line()
    first, last, _ = axis.gaps()[0]
    assert last - first == BREAK
    columns = [axis.column(began + second / 4) for second in range(int(4 * (now - began)))]
    assert columns == sorted(columns)
    assert axis.column(began) == 0
    assert axis.column(now) == pytest.approx(100)
    for column in range(0, 100, 7):
        assert axis.column(axis.moment(column)) == pytest.approx(column, abs=0.01)
    axis.look(began, began + 4)
    assert axis.gaps() == []
    assert axis.line().startswith("0")
    assert "2.0s" in axis.line()


def test_many_short_spans_take_a_column_and_a_failed_one_is_seen():
    log = Log()
    log.begin()
    for number in range(3000):
        log.result(log.tool(), is_error=number == 1500)
        log.wait(0.01)
    session = fold_all(log.events)
    lanes = Lanes(session, 0)
    (lane,) = lanes.groups["tool", ""].lanes
    axis = Axis(lanes.busy(session.last_at), lanes.order[0][0], session.last_at, 80)
    made = bars(lane, axis)
    assert len(made) <= 80
    assert sum(bar.others + 1 for bar in made) == 3000
    assert [bar.bad for bar in made].count(True) == 1


def test_a_span_in_words():
    session = fold_all(incident())
    lanes = Lanes(session, 0)
    asked = next(span for span in lanes.groups["you", ""].lanes[0].spans)
    said = words(session, asked, lanes.order[0][0], session.last_at)
    assert (said.word, said.outcome) == ("tool", "allowed")
    assert said.text.startswith("deploy  waited for you 10m00s from 4.0s")
    going = lanes.groups["tool", ""].lanes[0].spans[-1]
    assert "so far" in words(session, going, lanes.order[0][0], session.last_at + 5).text


def test_of_many_pauses_only_the_longest_are_broken():
    log = Log()
    log.begin()
    for number in range(300):
        log.result(log.tool())
        log.wait(3000 if number == 150 else 20)
    session = fold_all(log.events)
    lanes = Lanes(session, 0)
    axis = Axis(lanes.busy(session.last_at), lanes.order[0][0], session.last_at, 100)
    assert 1 <= len(axis.breaks) <= 4
    assert any("50m" in words for _, _, words in axis.gaps())
    assert all(last - first > 5 for first, last, _ in axis.gaps())
