"""Rows that speak of others: a change names them when what they speak of changes, and no more than those."""

from cma_tui.report.rows import row
from cma_tui.session.fold import apply
from cma_tui.session.model import Change, Session
from tests.session.look import fold
from tests.stories.write import Log


def later(log, session, act):
    """Fold what `act` writes; gives back what changed."""
    before = len(log.events)
    act()
    change = Change()
    for event in log.events[before:]:
        apply(session, event, change)
    return change


def index(session, type_):
    return next(n for n, item in enumerate(session.items) if item.type == type_)


def test_the_row_of_a_threads_beginning_counts_its_rows_and_tells_its_state():
    log = Log()
    log.begin()
    log.thread_created("sthr_c", "reviewer")
    child = log.child("sthr_c")
    session = fold(log.events)
    created = index(session, "session.thread_created")
    change = later(child, session, lambda: child.message("Looking."))
    assert change.leaning == {created}
    assert row(session, created).text == "1 row"
    change = later(log, session, lambda: log.thread_idle(thread="sthr_c", agent_name="reviewer"))
    assert change.leaning == {created}
    assert row(session, created).outcome == "ok"


def test_a_thread_that_is_called_otherwise_is_so_in_its_rows_alone():
    log = Log()
    log.begin()
    log.message("of the primary")
    log.thread_created("sthr_c", "reviewer")
    child = log.child("sthr_c")
    child.message("Looking.")
    session = fold([*log.events, *child.events])
    change = later(log, session, lambda: log.thread_status("running", "sthr_c", agent_name="critic"))
    named = {n for n in change.leaning if "critic" in (row(session, n).thread, row(session, n).head)}
    assert {index(session, "session.thread_created"), len(session.items) - 2} <= named
    assert change.leaning - named <= {len(session.items) - 1}


def test_a_use_without_a_result_is_unfinished_with_its_turn_and_a_verdict_is_told_in_the_outcome():
    log = Log()
    log.begin()
    log.outcome("outc_1")
    log.tool()
    start = log.grade_start("outc_1")
    session = fold(log.events)
    defined, use = index(session, "user.define_outcome"), index(session, "agent.tool_use")
    assert row(session, use).outcome == "running"
    change = later(log, session, lambda: log.grade_end(start, "satisfied"))
    assert defined in change.leaning
    assert row(session, defined).outcome == "satisfied"
    change = later(log, session, log.rest)
    assert use in change.items
    assert row(session, use).outcome == "unfinished"


def test_too_many_to_name_is_everything():
    change = Change()
    change.lean(range(Change.LIMIT))
    assert not change.reset
    change.lean([Change.LIMIT])
    assert (change.reset, change.redrawn) == (True, set())


def test_nothing_leans_in_a_plain_turn():
    log = Log()
    log.begin()
    session = Session()
    change = Change()
    for event in log.events:
        apply(session, event, change)
    assert not later(log, session, lambda: log.message("Hello")).leaning
