"""What the timeline lists: density, folding, threads, and keeping up with changes."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cma_tui.feed import fold_all, fold_batch
from cma_tui.report.filter import parse
from cma_tui.report.rows import row
from cma_tui.report.words import Density
from cma_tui.session.model import Change, ModelRequest, Session, ToolUse
from cma_tui.source import Batch
from cma_tui.ui import entries
from cma_tui.ui.entries import Entries, counterpart, heading
from tests.stories import orders, others, surprises
from tests.stories.recordings import NAMES, recording
from tests.stories.write import Log


def stories():
    """Every story that is one log, and every recording, by name."""
    found = {}
    for module in (orders, others, surprises):
        for name, made in vars(module).items():
            if callable(made) and getattr(made, "__module__", "") == module.__name__:
                told = made()
                for number, events in enumerate(told if isinstance(told, tuple) else (told,)):
                    found[f"{name}{number or ''}"] = events
    return found | {name: recording(name) for name in NAMES}


STORIES = stories()


def listed(events, density=Density.NORMAL, **state):
    made = Entries(fold_all(events), density)
    for name, value in state.items():
        setattr(made, name, value)
    made.rebuild(made.session)
    return made


def words(made):
    """The words of the listed rows; `#1` for the heading of the first turn."""
    return [f"#{-entry}" if entry < 0 else row(made.session, entry).word for entry in made.list]


# ------------------------------------------------------------------------------------ large sessions


@pytest.mark.parametrize("thread", [None, "sthr_c"])
@pytest.mark.parametrize("name", STORIES)
@settings(max_examples=5)
@given(data=st.data())
def test_slices_from_anywhere_list_what_one_pass_lists(name, thread, data):
    session = fold_all(STORIES[name])
    made = Entries(session, data.draw(st.sampled_from(Density)))
    made.thread = thread
    made.folded = data.draw(st.sets(st.integers(0, 3)))
    made.rebuild(session)
    assert not made.behind, "one slice is enough for it"
    whole = list(made.list)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(entries, "_PLAIN", 3)
        made.rebuild(session, data.draw(st.integers(0, len(session.items))))
        while made.behind:
            assert set(made.list) <= set(whole)
            made.scan(0.0)
    assert list(made.list) == whole


def test_the_first_screen_of_a_large_session_costs_what_that_of_a_small_one_does(monkeypatch):
    class Counting(list):
        looked_at = 0

        def __getitem__(self, index):
            self.looked_at += 1
            return super().__getitem__(index)

    session = fold_all(recording(NAMES[0]))
    monkeypatch.setattr(entries, "_PLAIN", 4)
    costs = []
    for copies in (10, 1000):
        large = msgspec.structs.replace(session, items=Counting(session.items * copies), owners=AnyOwner())
        made = Entries(large)
        made.update(large, Change())
        assert made.list[-1] >= len(large.items) - 4, "it begins with the end"
        costs.append(large.items.looked_at)
        large.items.looked_at = 0
        made.update(large, Change(items={len(large.items) - 1}))
        costs.append(large.items.looked_at)
    assert costs[:2] == costs[2:]


class AnyOwner:
    """Every event's owner is whichever item asks."""

    def __getitem__(self, index):
        return self

    def __eq__(self, other):
        return True

    __hash__ = None


# ------------------------------------------------------------------------------------ density and order


def test_each_density_shows_what_it_promises():
    log = Log()
    log.begin("List the files")
    start = log.start()
    log.thinking()
    log.tool(id="use")
    log.end(start)
    log.result("use")
    log.error()
    log.answer("a.txt")
    log.rest(cents="1")
    assert words(listed(log.events, Density.QUIET)) == ["#1", "you", "tool", "error", "agent"]
    assert words(listed(log.events)) == ["#1", "you", "model", "tool", "error", "model", "agent"]
    everything = words(listed(log.events, Density.FULL))
    assert everything.count("thinks") == 1
    assert {"session", "usage"} <= set(everything)


@pytest.mark.parametrize("name", STORIES)
def test_more_density_never_hides_what_less_shows(name):
    quiet, normal, full = (set(listed(STORIES[name], density).list) for density in Density)
    assert quiet <= normal <= full


@pytest.mark.parametrize("name", STORIES)
def test_everything_that_went_wrong_shows_at_every_density(name):
    made = listed(STORIES[name], Density.QUIET)
    session = made.session
    for index, item in enumerate(session.items):
        said = row(session, index)
        shown = item.thread is None or (isinstance(item, ToolUse) and item.on_session)
        if said is not None and shown and said.tone == "error":
            assert index in made.list
        if isinstance(item, ModelRequest) and item.is_error and item.thread is None:
            assert index in made.list


@pytest.mark.parametrize("density", Density)
@pytest.mark.parametrize("name", STORIES)
def test_every_turn_has_one_heading_before_its_rows(name, density):
    made = listed(STORIES[name], density)
    turn = -1
    for entry in made.list:
        if entry < 0:
            assert -1 - entry == turn + 1
            turn += 1
        else:
            assert made.session.items[entry].turn <= turn
    assert [entry for entry in made.list if entry >= 0] == sorted({e for e in made.list if e >= 0})


@pytest.mark.parametrize("name", STORIES)
def test_the_place_of_an_entry_is_found_whether_it_is_listed_or_not(name):
    made = listed(STORIES[name], Density.QUIET)
    for place, entry in enumerate(made.list):
        assert made.position(entry) == place
    for index in range(len(made.session.items)):
        place = made.position(index)
        assert all(entry < index for entry in made.list[:place] if entry >= 0)
        assert all(entry >= index for entry in made.list[place:] if entry >= 0)


# ------------------------------------------------------------------------------------ folding and threads


def test_a_folded_turn_is_its_heading_alone_and_stays_so_while_it_grows():
    log = Log()
    log.begin("One")
    log.answer("1")
    log.rest()
    log.begin("Two")
    made = listed(log.events, folded={0, 1})
    assert words(made) == ["#1", "#2"]
    log.answer("2")
    made.rebuild(fold_all(log.events))
    assert words(made) == ["#1", "#2"]
    made.folded.discard(0)
    made.rebuild(made.session)
    assert words(made) == ["#1", "you", "model", "agent", "#2"]


def child_log():
    log = Log()
    log.begin("Review")
    log.thread_created("sthr_child")
    child = log.child("sthr_child")
    log.wait(1)
    child.message("On it", id="child_said")
    child.tool(id="child_use", permission="ask")
    log.tool(id="child_use", permission="ask", session_thread_id="sthr_child")
    log.rest("requires_action", "child_use")
    return sorted((*log.events, *child.events), key=lambda event: event.at)


def test_the_sessions_timeline_has_a_childs_questions_and_not_its_talk():
    session = fold_all(child_log())
    made = Entries(session)
    made.rebuild(session)
    assert words(made) == ["#1", "you", "thread", "tool"]


def test_a_childs_timeline_has_what_the_child_did_and_no_headings():
    session = fold_all(child_log())
    made = Entries(session)
    made.thread = "sthr_child"
    made.rebuild(session)
    assert words(made) == ["agent", "tool"]


# -------------------------------------------------------------------------------------- keeping up


def test_a_request_that_fails_appears_at_the_least_density_where_it_belongs():
    log = Log()
    log.begin("Hi")
    start = log.start(id="request")
    log.message("before it ended")
    before = log.events[:]
    log.end(start, is_error=True)
    session, change = fold_all(before), Change()
    made = Entries(session, Density.QUIET)
    made.rebuild(session)
    assert words(made) == ["#1", "you", "agent"]
    made.update(fold_batch(session, Batch(log.events[len(before) :]), change), change)
    assert words(made) == ["#1", "you", "model", "agent"]


def test_a_thread_that_was_taken_for_the_primary_is_drawn_again_when_it_was_created():
    running, created = [e for e in STORIES["subagent"] if e.id in ("child_runs", "created")][::-1]
    session = fold_all([running])
    assert row(session, 0).head == "primary"
    change = Change()
    session = fold_batch(session, Batch([created]), change)
    assert row(session, 0).head == "reviewer"
    assert 0 in change.redrawn


batches = st.lists(st.integers(1, 7), min_size=1, max_size=40)


@given(st.sampled_from(sorted(STORIES)), st.sampled_from(Density), batches, st.data())
def test_keeping_up_lists_what_listing_anew_lists_and_redraws_every_row_that_changed(
    name, density, cuts, data
):
    events = list(STORIES[name])
    if data.draw(st.booleans(), label="shuffled"):
        events = data.draw(st.permutations(events))
    session = Session()
    made = Entries(session, density)
    drawn = {}
    position = 0
    while position < len(events):
        size = cuts[position % len(cuts)]
        listed_too = data.draw(st.booleans())
        change = Change()
        part = events[position : position + size]
        position += size
        if listed_too:
            part = [event for event in part if not event.type.startswith("local.")]
        session = fold_batch(session, Batch(part, listed=listed_too, after=last_key(session)), change)
        if change.reset or session is not made.session:
            drawn.clear()
        for index in change.redrawn:
            drawn.pop(index, None)
        made.update(session, change)
        for entry in made.list:
            if entry >= 0:
                drawn.setdefault(entry, row(session, entry))
        anew = Entries(session, density)
        anew.rebuild(session)
        assert made.list == anew.list
        assert {e: drawn[e] for e in made.list if e >= 0} == {e: row(session, e) for e in made.list if e >= 0}


def last_key(session):
    return session.events[-1].key if session.events else ""


@pytest.mark.parametrize("name", STORIES)
def test_what_an_entry_shows_is_found_again_after_the_order_was_mended(name):
    events = [event for event in STORIES[name] if event.at is not None]
    old, new = fold_all(events[1:]), fold_all(events)
    made = Entries(old, Density.FULL)
    made.rebuild(old)
    for entry in made.list:
        again = counterpart(old, new, entry)
        if entry >= 0 and again is not None:
            assert new.events[new.items[again].event].key == old.events[old.items[entry].event].key
        elif entry < 0:
            assert again is None or (again < 0 and -1 - again < len(new.turns))


def test_a_turn_that_was_folded_stays_folded_when_one_before_it_turns_up():
    log = Log()
    log.begin("Early")
    log.answer("1")
    log.rest()
    middle = len(log.events)
    log.begin("Late")
    log.answer("2")
    log.rest()
    session, change = fold_all(log.events[middle:]), Change()
    made = Entries(session)
    made.folded = {0}
    made.rebuild(session)
    assert words(made) == ["#1"]
    made.update(fold_batch(session, Batch(log.events, listed=True), change), change)
    assert change.reset
    assert words(made) == ["#1", "you", "model", "agent", "#2"]
    assert made.list[-1] == heading(1)


# ------------------------------------------------------------------------------------------------ filters


def filtered(session, text, at=0, **state):
    made = Entries(session)
    for name, value in state.items():
        setattr(made, name, value)
    made.filter = parse(text)
    made.rebuild(session, at)
    while made.behind:
        made.scan(0.0)
    return made


@pytest.mark.parametrize("at", [0, 57, 10**9])
def test_a_filter_lists_what_it_wants_under_the_headings_of_their_turns(at):
    log = Log()
    for number in range(40):
        log.begin(f"question {number}")
        log.thinking()
        use = log.tool()
        log.result(use, is_error=number % 7 == 3)
        log.answer()
        log.rest()
    session = fold_all(log.events)
    made = filtered(session, "error", at)
    assert words(made) == [word for n in range(3, 40, 7) for word in (f"#{n + 1}", "tool")]
    assert (made.count, made.rows) == (6, sum(row(session, n) is not None for n in range(len(session.items))))
    assert set(words(filtered(session, "kind:thinking", at))) >= {"thinks"}, "whatever the density"
    assert list(made.list) == sorted(made.list, key=made._rank)


def test_what_changes_comes_and_goes_with_its_heading():
    log = Log()
    log.begin()
    use = log.tool()
    session = fold_all(log.events)
    made = filtered(session, "error")
    assert words(made) == []
    change = Change()
    session = fold_batch(
        session, Batch([*log.events[:0], *_after(log, lambda: log.result(use, is_error=True))]), change
    )
    made.update(session, change)
    assert words(made) == ["#1", "tool"]
    made.filter = parse("tool:bash !error")
    made.rebuild(session)
    assert words(made) == []


def _after(log, act):
    before = len(log.events)
    act()
    return log.events[before:]


def test_what_is_revealed_shows_whatever_the_density_the_filter_and_the_folding():
    log = Log()
    log.begin()
    log.thinking()
    log.answer()
    session = fold_all(log.events)
    thought = next(n for n, item in enumerate(session.items) if item.type == "agent.thinking")
    for made in (listed(log.events), listed(log.events, folded={0}), filtered(session, "error")):
        before = words(made)
        made.reveal(thought)
        assert set(words(made)) - set(before) - {"#1"} == {"thinks"}


@settings(deadline=None, max_examples=150)
@given(name=st.sampled_from(sorted(STORIES)), data=st.data())
def test_a_filter_kept_up_to_date_lists_what_a_fresh_one_lists(name, data):
    events = STORIES[name]
    text = data.draw(st.sampled_from(["error", "kind:tool", "!kind:model", "o", "turn:1"]))
    cut = data.draw(st.integers(0, len(events)))
    session = fold_all(events[:cut])
    made = Entries(session)
    made.filter = parse(text)
    made.rebuild(session, data.draw(st.integers(0, len(session.items))))
    for event in events[cut:]:
        change = Change()
        session = fold_batch(session, Batch([event]), change)
        made.update(session, change)
    while made.behind:
        made.scan(0.0)
    fresh = filtered(session, text)
    assert [n for n in made.list if n >= 0] == [n for n in fresh.list if n >= 0]


def test_an_expression_that_would_never_end_stops_the_listing():
    log = Log()
    log.begin("a" * 5000 + "b")
    session = fold_all(log.events)
    made = filtered(session, "/(a|aa)+$/")
    assert made.failed
    assert not made.behind
