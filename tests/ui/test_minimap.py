"""The line of the whole session: what is marked, what is read, a click, and that it costs what is new."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from cma_tui.feed import arrive, fold_all
from cma_tui.report.minimap import COMPACTED, ERROR, MOST, TURN, WAITED, Minimap
from cma_tui.session.model import Change, Session
from tests.stories.write import Log
from tests.ui.play import playing


def long(turns=30):
    log = Log()
    for number in range(turns):
        log.begin(f"question {number + 1}")
        start = log.start()
        use = log.tool("bash", "ask" if number == 20 else "allow")
        log.end(start)
        if number == 20:
            log.confirm(use)
        log.result(use, is_error=number == 10)
        if number == 15:
            log.add("agent.thread_context_compacted")
        log.answer()
        log.rest()
    return log


def made(session, step=1 << 30):
    minimap = Minimap()
    while not minimap.update(session, Change(), step):
        pass
    return minimap


@settings(max_examples=40)
@given(st.integers(1, 300), st.integers(1, 5000))
def test_every_mark_is_in_the_column_of_its_item(width, step):
    session = fold_all(long(12).events)
    minimap = made(session, step)
    columns = minimap.columns(width)
    assert len(columns) == width
    bad = next(index for index, item in enumerate(session.items) if getattr(item, "is_error", False))
    (at,) = (column for column, marks in enumerate(columns) if marks & ERROR)
    assert abs(minimap.column(bad, width) - at) <= 1
    for column in range(width):
        assert 0 <= minimap.item(column, width) < len(session.items)


def test_stretches_join_and_no_mark_is_lost():
    session = fold_all(long(600).events)
    assert len(session.items) > MOST
    columns = made(session).columns(80)
    marks = 0
    for column in columns:
        marks |= column
    assert marks == ERROR | WAITED | COMPACTED | TURN
    assert sum(bool(column & ERROR) for column in columns) == 1
    assert sum(bool(column & WAITED) for column in columns) == 1
    assert columns == made(session, 7).columns(80)


@settings(max_examples=40)
@given(st.lists(st.integers(0, 400), max_size=8))
def test_in_whatever_pieces_a_log_comes_its_line_is_the_same(cuts):
    log = Log()
    for number in range(20):
        log.begin(f"question {number + 1}")
        use = log.custom() if number % 3 else log.tool("bash", "ask")
        log.idle("requires_action", use)
        if number % 3:
            log.custom_result(use, is_error=number % 5 == 0)
        else:
            log.confirm(use)
            log.result(use)
        log.rest()
    session, minimap = Session(), Minimap()
    places = sorted({min(cut, len(log.events)) for cut in cuts} | {len(log.events)})
    for first, last in pairwise([0, *places]):
        change = Change()
        session = arrive(session, log.events[first:last], change)
        while not minimap.update(session, change, 3):
            change = Change()
    assert minimap.columns(80) == made(fold_all(log.events)).columns(80)


async def test_a_long_session_has_the_line_and_a_click_goes_there():
    async with playing(*long().events, size=(100, 30)) as play:
        line = play.lines()[3]
        assert line.count("!") == 1
        assert line.count("?") == 1
        assert line.count("c") == 1
        assert line.rstrip().endswith(("━", "┿"))
        await play.pilot.click(offset=(line.index("!"), 3))
        await play.settle()
        assert "question 11" in play.text()
        assert not play.timeline.following
        assert play.lines()[3].rstrip().endswith(("─", "┼"))


async def test_what_is_read_is_marked_also_where_a_detail_hides_the_rows():
    async with playing(*long().events, size=(100, 30)) as play:
        await play.press("E", "enter")
        await play.settle()
        assert play.timeline.size.height == 0
        assert play.session.items[play.timeline.item].is_error
        assert play.timeline.seen == (play.timeline.item, play.timeline.item)


async def test_it_comes_with_a_longer_session_and_moves_nothing():
    log = long(5)
    async with playing(*log.events, size=(100, 30)) as play:
        assert set(play.lines()[3]) == {"─"}
        await play.press("g")
        before = play.lines()[4:-1]
        begin = len(log.events)
        for _ in range(40):
            log.begin("one more")
            log.answer()
            log.rest()
        await play.give(*log.events[begin:])
        assert play.lines()[3].startswith(" ━")
        assert play.lines()[4:-1] == before
