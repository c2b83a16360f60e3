"""The roster: how each session stands, in which order, and what a filter shows."""

import json
import random

import pytest

from cma_tui.event import parse, stamp_text
from cma_tui.session import entry as r
from cma_tui.session.entry import standing_word
from cma_tui.session.roster import LOG_LIMIT, Roster


def resource(key, *, status="idle", at=1000.0, title="", **more):
    return {
        "id": key,
        "status": status,
        "title": title,
        "agent": {"name": "helper", "model": {"id": "claude-opus-5"}},
        "created_at": stamp_text(at),
        "updated_at": stamp_text(at),
        **more,
    }


def usage(cents, **tokens):
    return {"usage": {"list_cost": {"amount": str(cents), "currency": "USD"}, **tokens}}


def event(kind, at, **fields):
    return parse(
        json.dumps({"id": f"e{kind}{at}", "type": kind, "processed_at": stamp_text(at), **fields}).encode()
    )


def idle(at, reason="end_turn", **more):
    return event("session.status_idle", at, stop_reason={"type": reason, **more})


def ask(at, key="t1", name="bash"):
    use = event("agent.tool_use", at, name=name, input={"command": "rm -r /"}, evaluated_permission="ask")
    return [use, idle(at + 1, "requires_action", event_ids=[use.id])]


def host_ask(at):
    use = event("agent.custom_tool_use", at, name="get", input={})
    return [use, idle(at + 1, "requires_action", event_ids=[use.id])]


def stands(roster, key="s"):
    return roster.entries[key].standing


def test_a_session_of_which_only_the_resource_is_known():
    roster = Roster()
    for status, standing in [
        ("running", r.RUNNING),
        ("idle", r.UNREAD),
        ("terminated", r.ENDED),
        ("odd", r.UNREAD),
    ]:
        roster.listed(resource("s", status=status), 0.0)
        assert stands(roster) == standing


@pytest.mark.parametrize(
    ("events", "standing"),
    [
        ([idle(5)], r.IDLE),
        ([idle(5, "retries_exhausted")], r.FAILED),
        (ask(5), r.NEEDS_YOU),
        ([idle(5, "requires_action", event_ids=["unseen"])], r.NEEDS_YOU),
        (host_ask(5), r.NEEDS_HOST),
        ([event("session.status_running", 5)], r.RUNNING),
        ([event("session.status_rescheduled", 5)], r.RETRYING),
        ([event("session.status_terminated", 5)], r.ENDED),
    ],
)  # fmt: skip
def test_the_end_of_the_log_tells_how_it_stands(events, standing):
    roster = Roster()
    roster.listed(resource("s", at=5.0), 0.0)
    roster.tail("s", events)
    assert stands(roster) == standing
    assert standing_word(standing)


def test_what_was_read_counts_until_the_session_moves_on():
    roster = Roster()
    roster.listed(resource("s", at=5.0), 0.0)
    roster.tail("s", ask(5))
    roster.listed(resource("s", at=6.0), 0.0)  # the resource catches up with the log
    assert stands(roster) == r.NEEDS_YOU
    roster.listed(resource("s", at=60.0), 0.0)
    assert stands(roster) == r.UNREAD
    roster.tail("s", [*ask(5), idle(60)])
    assert stands(roster) == r.IDLE


def test_a_stream_is_newer_than_the_resource():
    roster = Roster()
    roster.listed(resource("s", status="running", at=5.0), 0.0)
    roster.attached("s", True)
    roster.arrived("s", ask(10), 0.0)
    roster.listed(resource("s", status="running", at=9.0), 0.0)
    assert stands(roster) == r.NEEDS_YOU
    roster.attached("s", False)
    assert stands(roster) == r.NEEDS_YOU
    roster.listed(resource("s", status="running", at=20.0), 0.0)
    assert stands(roster) == r.RUNNING


def test_a_list_that_lags_takes_nothing_back():
    roster = Roster()
    roster.listed(resource("s", status="running"), 0.0)
    roster.attached("s", True)
    roster.arrived("s", ask(10), 0.0)
    roster.tail("s", [event("session.status_running", 8)])
    assert stands(roster) == r.NEEDS_YOU


def test_order_is_attention_first_and_the_longest_wait_before_others():
    roster = Roster()
    for key, at in [("old", 1.0), ("new", 9.0), ("run", 3.0), ("late", 4.0), ("soon", 5.0)]:
        roster.listed(resource(key, status="running" if key == "run" else "idle", at=at), 0.0)
    roster.tail("late", ask(4))
    roster.tail("soon", ask(5))
    roster.saved("/x/rec.jsonl", "rec.jsonl", 99.0)
    assert list(roster.order) == ["late", "soon", "run", "new", "old", "file:/x/rec.jsonl"]
    roster.arrange(reverse=True)
    assert list(roster.order) == ["late", "soon", "run", "new", "old", "file:/x/rec.jsonl"][::-1]


def test_a_filter_is_words_that_must_all_be_somewhere():
    roster = Roster()
    roster.listed(resource("s1", title="Fix Orders", metadata={"team": "cart"}), 0.0)
    roster.listed(resource("s2", title="Fix billing", status="running"), 0.0)
    for words, found in [
        ("fix", {"s1", "s2"}),
        ("FIX ORDERS", {"s1"}),
        ("team=cart", {"s1"}),
        ("running", {"s2"}),
        ("s2 helper opus", {"s2"}),
        ("nothing", set()),
        ("", {"s1", "s2"}),
    ]:
        roster.arrange(filter_=words)
        assert set(roster.order) == found
    roster.arrange(filter_="running")
    roster.listed(resource("s1", status="running"), 0.0)
    assert set(roster.order) == {"s1", "s2"}
    roster.gone("s2")
    assert list(roster.order) == ["s1"]


@pytest.mark.parametrize("sort", list(Roster.SORTS))
@pytest.mark.parametrize("filter_", ["", "a"])
def test_rows_that_change_stand_where_a_new_sort_would_put_them(sort, filter_):
    """The order is kept by single steps; sorting all anew is the oracle."""
    dice = random.Random(7)
    roster = Roster()
    roster.arrange(sort=sort, filter_=filter_)
    for step in range(300):
        key = f"s{dice.randrange(20)}"
        match dice.randrange(5):
            case 0 | 1:
                status = dice.choice(["idle", "running", "terminated"])
                more = usage(dice.randrange(50), input_tokens=dice.randrange(100))
                title = dice.choice(["", "a", "b"])
                roster.listed(resource(key, status=status, at=dice.uniform(1, 99), title=title, **more), step)
            case 2 if key in roster.entries:
                roster.tail(key, dice.choice([ask(dice.randrange(99)), [idle(dice.randrange(99))], []]))
            case 3 if key in roster.entries:
                roster.arrived(key, [event("session.status_running", dice.randrange(99))], step)
            case 4:
                roster.gone(key)
        if step % 20 == 0:
            kept = list(roster.order)
            roster.arrange()
            assert kept == list(roster.order)
            assert all(roster.order[roster.position(name)] == name for name in kept)


def test_spending_and_totals():
    roster = Roster()
    day = 1000.0
    roster.listed(
        resource("s", status="running", at=2000.0, **usage(100, input_tokens=5, cache_creation={"x": 7})),
        2000.0,
    )
    roster.listed(resource("s", status="running", at=2000.0, **usage(150)), 2060.0)
    entry = roster.entries["s"]
    assert (entry.cost, entry.tokens) == (1.5, 12)
    assert entry.burn == pytest.approx(0.5)
    roster.listed(resource("old", at=500.0, **usage(300)), 2000.0)
    assert roster.totals(day).today == pytest.approx(1.5)
    assert not roster.totals(day).at_least
    roster.listed({**resource("old", at=500.0, **usage(400)), "updated_at": stamp_text(2100.0)}, 2100.0)
    totals = roster.totals(day)
    assert (totals.today, totals.at_least) == (pytest.approx(2.5), True)
    assert (totals.sessions, totals.running, totals.unread) == (2, 1, 1)


def test_a_long_stream_is_not_kept_whole():
    roster = Roster()
    roster.listed(resource("s", status="running"), 0.0)
    roster.attached("s", True)
    for n in range(4 * LOG_LIMIT):
        roster.arrived("s", [event("agent.message", float(n), content=[])], 0.0)
    assert len(roster.entries["s"].log.events) <= LOG_LIMIT
    assert roster.entries["s"].log.events[-1].at == 4 * LOG_LIMIT - 1


@pytest.mark.parametrize(
    "hostile",
    [{}, {"id": 3}, {"id": "s", "agent": 4, "usage": [], "metadata": "x", "title": 7, "created_at": 5}],
)
def test_what_is_no_session_does_no_harm(hostile):
    roster = Roster()
    roster.listed(hostile, 0.0)
    assert len(roster.order) == (1 if hostile.get("id") == "s" else 0)


def test_the_tool_that_runs_and_the_model_that_thinks():
    roster = Roster()
    roster.listed(resource("s", status="running"), 0.0)
    use = event("agent.tool_use", 2, name="bash", input={}, evaluated_permission="allow")
    result = event("agent.tool_result", 3, tool_use_id=use.id, content=[])
    running = event("session.status_running", 1)
    roster.tail("s", [running, use])
    assert roster.entries["s"].tool.name == "bash"
    roster.arrived("s", [result, event("span.model_request_start", 4)], 0.0)
    assert roster.entries["s"].tool is None
    assert roster.entries["s"].thinks
