"""How well a figure is known: exact, estimated, at least, unknown; a story for each."""

from __future__ import annotations

import pytest

from cma_tui.event import local
from cma_tui.session.book import Book, figures_of
from cma_tui.session.cost import Amount
from cma_tui.session.fold import apply
from cma_tui.session.model import Change, Session
from tests.session.look import fold
from tests.session.test_figures import Rates, named
from tests.stories.write import Log

CENT = 10_000_000


def told(log: Log, prices: Rates | None = None) -> Book:
    return figures_of(named(fold(log.events)), prices)


def marks(book: Book) -> list[str]:
    return [book.cost(turn.index).mark for turn in book.turns]


def talk(*cents: str | None) -> Log:
    """A turn for each, which ends with a snapshot or without one."""
    log = Log()
    for number in cents:
        log.begin()
        log.answer()
        log.rest(cents=number)
        log.wait(5)
    return log


@pytest.mark.parametrize("prices", [None, Rates()])
def test_the_server_said_it_all(prices):
    book = told(talk("2", "5"), prices)
    assert [book.cost(0), book.cost(1)] == [Amount(2 * CENT, "exact"), Amount(3 * CENT, "exact")]
    assert book.session_cost() == Amount(5 * CENT, "exact")


def test_after_a_turn_without_a_snapshot_the_next_is_no_longer_exact():
    book = told(talk("2", None, "7", "9"), Rates())
    assert marks(book) == ["exact", "estimated", "estimated", "exact"]
    together = [book.cost(1).nano, book.cost(2).nano]
    assert sum(together) == 5 * CENT, "both turns together: they add up to the session's"
    assert together[0] == book.estimate(book.turns[1]).nano
    assert book.session_cost() == Amount(9 * CENT, "exact")
    assert marks(told(talk("2", None, "7"))) == ["exact", "unknown", "estimated"], "nothing to share it by"


def test_after_a_turn_whose_snapshot_came_too_early_the_next_is_no_longer_exact():
    log = Log()
    log.begin()
    log.answer()
    log.usage("2")
    log.answer()
    log.rest(cents=None)
    log.begin()
    log.answer()
    log.rest(cents="6")
    assert marks(told(log)) == ["at_least", "estimated"]
    assert told(log).session_cost() == Amount(6 * CENT, "exact")


def test_what_runs_is_at_least_what_was_said():
    log = talk("2")
    log.begin()
    log.usage("3")
    log.start()
    book = told(log)
    assert book.cost(1) == Amount(CENT, "at_least")
    assert book.session_cost() == Amount(3 * CENT, "at_least")
    log = talk("2")
    log.begin()
    log.start()
    assert told(log).session_cost().mark == "at_least"


def test_what_came_after_the_last_word_is_estimated_or_at_least():
    log = talk("2")
    log.begin()
    log.answer(fresh=1000, out=100)
    assert told(log).session_cost() == Amount(2 * CENT, "at_least")
    priced = told(log, Rates()).session_cost()
    assert priced.mark == "estimated"
    assert priced.nano > 2 * CENT


def test_a_log_that_begins_in_the_middle_cannot_tell_its_first_turn():
    log = talk("2", "5")
    begin = next(n for n, event in enumerate(log.events) if event.type == "span.model_request_start")
    del log.events[:begin]
    assert marks(told(log)) == ["estimated", "exact"]


def test_a_thread_that_was_not_read_makes_everything_at_least():
    log = Log()
    log.begin()
    log.answer()
    log.rest()
    log.begin()
    log.add("session.thread_created", session_thread_id="sthr_c", agent_name="reader")
    log.add("session.thread_status_running", session_thread_id="sthr_c")
    log.answer()
    log.rest()
    book = told(log, Rates())
    assert [book.at_least(turn) for turn in book.turns] == [False, True]
    assert book.at_least()
    assert marks(book) == ["estimated", "at_least"]
    assert book.session_cost().mark == "at_least"
    child = log.child("sthr_c")
    child.answer()
    book = told(log)
    assert book.at_least(), "its own events are not in the log yet"
    log.events += child.events
    book = told(log, Rates())
    assert not book.at_least()
    assert book.session_cost().mark == "estimated"


def test_a_request_that_tells_no_tokens_is_at_least():
    log = Log()
    log.begin()
    log.answer()
    start = log.start()
    log.add("span.model_request_end", model_request_start_id=start, is_error=False)
    book = told(log, Rates())
    assert book.at_least()
    assert book.cost(0).mark == "at_least"


def test_a_grader_that_tells_no_tokens_is_charged_all_the_same():
    log = Log()
    log.begin()
    log.answer()
    log.add("span.outcome_evaluation_start", id="grade", outcome_id="outc_1", iteration=0)
    log.wait(20)
    log.add(
        "span.outcome_evaluation_end",
        outcome_evaluation_start_id="grade",
        outcome_id="outc_1",
        iteration=0,
        result="satisfied",
        usage={"input_tokens": 0, "output_tokens": 0},
    )
    assert told(log, Rates()).cost(0).mark == "at_least"


def test_without_prices_nothing_is_guessed():
    book = told(talk(None, None))
    assert marks(book) == ["unknown", "unknown"]
    assert book.session_cost() == Amount()


def test_a_programs_answer_is_no_wait_for_you():
    """What the session takes to run again after an answer is of the wait for it; an approved tool runs."""
    for permission, kind in ((None, "answer"), ("ask", "you")):
        log = Log()
        log.begin()
        start = log.start()
        use = log.custom() if permission is None else log.tool(permission="ask")
        log.end(start)
        log.rest("requires_action", use)
        log.wait(3)
        log.custom_result(use) if permission is None else log.confirm(use)
        log.wait(0.5)
        log.runs()
        log.wait(1)
        if permission is not None:
            log.result(use)
        split = told(log).split
        assert getattr(split, kind) / 1e6 == pytest.approx(3.65 if permission is None else 3.15, abs=1e-3), (
            "from the use on"
        )
        assert split.answer + split.you == getattr(split, kind)


def test_the_length_of_a_request_that_was_stamped_at_once_is_not_known():
    log = Log()
    log.begin()
    log.answer(seconds=0, out=500)
    book = told(log)
    assert book.total.tokens_per_second is None
    assert book.request(book.requests[0]).tokens_per_second is None
    start = log.start()
    log.wait(2)
    log.end(start, out=500)
    book = told(log)
    assert book.total.tokens_per_second == pytest.approx(250, rel=1e-3)


def test_a_request_is_never_more_of_the_cost_than_there_is():
    log = Log()
    log.begin()
    log.answer(fresh=3_000_000, out=10)
    log.answer(fresh=1_000_000, out=10)
    log.rest(cents="100")
    book = told(log, Rates())
    ones = [book.request(index).cost for index in book.requests]
    assert {one.mark for one in ones} == {"estimated"}
    assert sum(one.nano for one in ones) in (100 * CENT, 100 * CENT - 1)
    assert ones[0].nano / ones[1].nano == pytest.approx(3, rel=1e-3)


class ByModel(Rates):
    """One model costs twice the other; a third has no price."""

    def cost(self, model, usage, at, /):
        times = {"claude-x": 1, "claude-y": 2}.get(model)
        return None if times is None else times * super().cost("", usage, at)


@pytest.mark.parametrize("described", [True, False])
def test_a_request_is_priced_by_the_model_of_its_time(described):
    log = Log()
    log.begin()
    log.answer()
    log.rest(cents=None)
    log.add("session.updated", agent={"id": "agent_1", "model": {"id": "claude-y"}})
    log.begin()
    log.answer()
    log.rest(cents=None)
    head = local(
        "local.session",
        {"session": {"agent": {"model": {"id": "claude-x"}}}},
        received_at=log.events[0].at - 1,
    )
    session, kept = Session(), Book(ByModel())
    for event in [*([head] if described else []), *log.events]:
        change = Change()
        apply(session, event, change)
        kept.update(session, change)
    for book in (kept, figures_of(session, ByModel())):
        first, second = (book.request(index).cost.nano for index in book.requests)
        assert second == (2 * first if described else first), "without a description the last is all there is"


def test_a_thread_s_model_that_is_told_late_prices_what_was_counted():
    log, session, book = Log(), Session(), Book(ByModel())
    child = Log(beside=log, stream="sthr_c")
    log.begin()
    log.add("session.thread_created", session_thread_id="sthr_c", agent_name="reader")
    child.answer()
    log.rest(cents=None)
    thread = {"id": "sthr_c", "parent_thread_id": "sthr_p", "agent": {"model": {"id": "claude-y"}}}
    named_ = local("local.session", {"session": {"agent": {"model": {"id": "claude-x"}}}})
    costs = []
    for event in [named_, *log.events, *child.events, local("local.threads", {"threads": [thread]})]:
        change = Change()
        apply(session, event, change)
        book.update(session, change)
        costs += [book.request(index).cost.nano for index in book.requests]
    assert costs[-1] == 2 * next(cost for cost in costs if cost)
