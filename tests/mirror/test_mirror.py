"""From a session that grows to rows on the server: every turn, once, whatever comes after it."""

import random
import socket
import threading
from copy import deepcopy
from weakref import WeakKeyDictionary

import pytest

from cma_tui.event import stamp_text
from cma_tui.mirror import Mirror
from cma_tui.mirror.intake import QUEUE
from cma_tui.mirror.spans import session_row
from cma_tui.session.book import Book
from cma_tui.session.fold import apply
from cma_tui.session.merge import merge
from cma_tui.session.model import Change, Session
from tests.mirror.help import (
    RATES,
    RESOURCE,
    SESSION,
    STORIES,
    Time,
    counted,
    mirror,
    mirror_log,
    rows_of,
    target,
    told,
)
from tests.session.look import fold
from tests.stories import orders, surprises
from tests.stories.write import BEGIN, Log, preview_delta, preview_start

BOOKS: WeakKeyDictionary[Mirror, Book] = WeakKeyDictionary()
"""The figures of what each mirror looks at."""


def watch(watcher: Mirror, events, session: Session | None = None, time: Time | None = None) -> Session:
    """Fold events one by one, the mirror looking on, two seconds apart where a clock is given."""
    session = session or Session()
    book = BOOKS.setdefault(watcher, Book(RATES))
    for event in events:
        change = Change()
        apply(session, event, change)
        if time is not None:
            time.now += 2
        book.update(session, change)
        watcher.update(session, book, change)
    book.update(session)
    while watcher.update(session, book, Change()):
        if time is not None:
            time.now += 2
    return session


def close(watcher: Mirror):
    status = watcher.close(15)
    assert status.problem == ""
    return status


def stored(fake):
    """The store, by what the rows are about; when they were written and by whom left out."""
    return deepcopy({row["id"]: {k: v for k, v in row.items() if k != "context"} for row in fake.spans})


def many_turns(count: int) -> Log:
    log = Log()
    for number in range(count):
        log.begin(f"Question {number}")
        start = log.start()
        log.wait(0.5)
        use = log.tool(input={"command": f"echo {number}"})
        log.end(start)
        log.result(use)
        log.answer(f"Answer {number}")
        log.rest(cents=str(3 * (number + 1)))
        log.wait(5)
    return log


@pytest.mark.parametrize("mode", ["batch", "realtime"])
@pytest.mark.parametrize("name", STORIES)
def test_live_and_after_the_fact_give_the_same_rows(fake, tmp_path, name, mode):
    events = told(STORIES[name])
    time = Time()
    live = mirror(fake, tmp_path / "live", mode=mode, time=time)
    session = watch(live, events, time=time)
    close(live)
    seen = stored(fake)
    before = len(fake.requests)
    mirror_log(session, counted(session), target(fake), tmp_path / "live")
    finished = len(fake.requests)
    if all(turn.ended for turn in session.turns) and seen:
        rows = [row for turn in session.turns for row in rows_of(session, turn)]
        assert {row["span_attributes"]["name"] for row in fake.spans} == {
            row.name for row in [session_row(session), *rows]
        }
        assert stored(fake) == seen
        assert finished == before, "nothing has changed, so nothing is sent"
        fake.check_trees()
        if (cost := counted(session).session_cost().usd) is not None:
            assert fake.cost() == pytest.approx(cost, abs=1e-6)
    mirror_log(session, counted(session), target(fake), tmp_path / "fresh")
    again = stored(fake)
    assert {key for key in seen if key not in again} == set()
    if all(turn.ended for turn in session.turns) and seen and mode == "batch":
        assert again == seen, "a replay from another machine writes the same"


def test_what_comes_after_a_turn_s_end_still_reaches_its_rows(fake, tmp_path):
    watcher = mirror(fake, tmp_path)
    watch(watcher, told(surprises.result_after_idle()))
    close(watcher)
    tools = [row for row in fake.spans if row["span_attributes"]["type"] == "tool"]
    assert tools
    assert not any(row["metadata"]["unfinished"] for row in tools)
    assert all(row["output"] for row in tools)


@pytest.mark.parametrize("seed", range(6))
def test_any_order_of_arrival_ends_in_the_same_store(fake, tmp_path, seed):
    chance = random.Random(seed)
    events = told(many_turns(4).events)
    watcher = mirror(fake, tmp_path)
    session, change = Session(), Change()
    for event in events:
        if chance.random() < 0.7:
            apply(session, event, change)
        if chance.random() < 0.2:
            watcher.update(session, counted(session), change)
            change = Change()
    session = merge(session, [event for event in events if event is not RESOURCE], change)
    apply(session, RESOURCE, change)
    while watcher.update(session, counted(session), change):
        change = Change()
    close(watcher)
    rows = [session_row(session), *(row for turn in session.turns for row in rows_of(session, turn))]
    by_id = stored(fake)
    fresh = mirror_log(fold(events), counted(fold(events)), target(fake), tmp_path / "fresh")
    assert fresh.problem == ""
    wanted = {row.key for row in rows}
    assert len([row for row in by_id.values() if row["span_attributes"]["type"] == "llm"]) >= 8
    assert len(wanted) <= len(stored(fake))
    for row in stored(fake).values():
        assert row["span_attributes"]["type"] == "task" or not row["metadata"]["unfinished"]


def test_reviews_and_live_times_survive_what_is_sent_later(fake, tmp_path):
    log = Log()
    log.begin()
    log.start()
    live = told([*log.events])
    live[-1].received_at = 50.0
    live += [preview_start("m1", received_at=50.2), preview_delta("m1", "Hel", received_at=50.4)]
    log.message("Hello.", id="m1")
    log.end(log.events[-2].key)
    log.rest()
    first = mirror(fake, tmp_path / "live")
    watch(first, [*live, *log.events[len(live) - 3 :]])
    close(first)
    turn = fake.row("anthropic.beta.sessions.turn")
    assert turn["metrics"]["time_to_first_token"] == pytest.approx(0.4)
    fake.review(turn)
    turn["metrics"]["judged"] = 1
    writes = dict(fake.writes)
    mirror_log(fold(told(log.events)), counted(fold(told(log.events))), target(fake), tmp_path / "elsewhere")
    assert all(fake.writes[place] == count + 1 for place, count in writes.items())
    after = fake.row("anthropic.beta.sessions.turn")
    assert after["metrics"]["time_to_first_token"] == pytest.approx(0.4)
    assert after["scores"] == {"helpful": 0.75}
    assert after["metadata"]["~__bt_review_lists"] == {"mine": {"status": "done"}}


def test_realtime_shows_a_turn_while_it_runs(fake, tmp_path):
    time = Time()
    watcher = mirror(fake, tmp_path, mode="realtime", time=time)
    log = Log()
    log.begin("Do it")
    start = log.start()
    use = log.tool(permission="ask")
    log.end(start)
    session = watch(watcher, told(log.events), time=time)
    fake.until(lambda: any(row["span_attributes"]["type"] == "tool" for row in fake.spans))
    fake.until(lambda: any(row["span_attributes"]["type"] == "llm" for row in fake.spans))
    turn = fake.row("anthropic.beta.sessions.turn")
    assert turn["input"][0]["content"][0]["text"] == "Do it"
    assert "end" not in turn["metrics"]
    assert watcher.status.open == 1
    begun = len(log.events)
    log.confirm(use)
    log.result(use)
    log.answer()
    log.rest()
    watch(watcher, log.events[begun:], session, time)
    close(watcher)
    turn = fake.row("anthropic.beta.sessions.turn")
    assert "end" in turn["metrics"]
    assert turn["output"]
    fake.check_trees()


def test_what_a_sub_agent_did_before_is_not_the_running_turn_s(fake, tmp_path):
    """Its stream is read late, while the next turn runs; a row's parent can never be changed."""
    log = Log()
    log.begin()
    log.thread_created("sthr_c", "analyst")
    child = log.child("sthr_c")
    child.answer("It is commit 9f2c1e.")
    log.received("sthr_c")
    log.rest()
    log.begin("And now?")
    start = log.start()
    time = Time()
    watcher = mirror(fake, tmp_path, mode="realtime", time=time)
    session = watch(watcher, told(log.events), time=time)
    watch(watcher, child.events, session, time)
    begun = len(log.events)
    log.message("Nothing.")
    log.end(start)
    log.rest()
    watch(watcher, log.events[begun:], session, time)
    close(watcher)
    fake.check_trees()
    seen = stored(fake)
    mirror_log(session, counted(session), target(fake), tmp_path / "fresh")
    assert stored(fake) == seen
    (thread,) = [row for row in fake.spans if row["span_attributes"]["name"].startswith("subagent")]
    turn = next(row for row in fake.spans if row["metadata"].get("turn") == 1)
    assert thread["span_parents"] == [turn["span_id"]]


def test_a_realtime_turn_sends_what_is_new_and_not_all_over_again(fake, tmp_path):
    time = Time()
    watcher = mirror(fake, tmp_path, mode="realtime", time=time)
    log = Log()
    log.begin()
    for number in range(40):
        start = log.start()
        log.wait(1)
        use = log.tool(input={"command": f"step {number}"})
        log.end(start)
        log.result(use)
    session = watch(watcher, told(log.events), time=time)
    log.rest()
    watch(watcher, log.events[-3:], session, time)
    close(watcher)
    rows = len(fake.rows)
    assert rows == 82
    most = dict.fromkeys(("llm", "tool"), 0)
    for place, count in fake.writes.items():
        kind = fake.rows[place]["span_attributes"]["type"]
        if kind in most:
            most[kind] = max(most[kind], count)
    assert most["llm"] <= 3
    assert most["tool"] <= 3


def test_a_running_turn_is_looked_at_once_a_second(fake, tmp_path):
    """Whoever draws need not ask again for it: what is new is picked by the next call that is late enough."""
    time = Time()
    watcher = mirror(fake, tmp_path, mode="realtime", time=time)
    log = Log()
    log.begin()
    session = watch(watcher, told(log.events))
    fake.until(lambda: len(fake.rows) == 2)
    log.tool("first")
    time.now += 0.5
    session = watch(watcher, log.events[-1:], session)
    log.tool("second")
    time.now += 0.5
    session = watch(watcher, log.events[-1:], session)
    fake.until(lambda: len(fake.rows) == 4)
    close(watcher)
    inserts = [seen for seen in fake.requests if seen.path.endswith("/insert")]
    assert len(inserts) == 2
    assert b"first" in inserts[1].raw
    assert b"second" in inserts[1].raw


def test_metadata_alone_leaves_nothing_that_was_said(fake, tmp_path):
    log = Log()
    log.begin("the secret plan")
    start = log.start()
    use = log.tool(input={"command": "the secret plan"})
    log.end(start)
    log.result(use, "the secret plan failed", is_error=True)
    log.error("exhausted", error={"type": "unknown_error", "message": "the secret plan"})
    log.answer("the secret plan")
    log.rest()
    watcher = mirror(fake, tmp_path, mode="metadata")
    watch(watcher, told(log.events))
    close(watcher)
    assert len(fake.spans) == 5
    assert not any(b"secret plan" in seen.raw for seen in fake.requests)
    assert not any(b"secret plan" in path.read_bytes() for path in tmp_path.iterdir())
    turn = fake.row("anthropic.beta.sessions.turn")
    assert turn["metrics"]["tokens"] > 0
    assert turn["metadata"]["tools_used"] == {"bash": 1}


def test_secrets_leave_in_no_field_of_no_row(fake, tmp_path):
    key, own = "sk-ant-api03-AbCdEfGhIjKlMnOpQrStUv", "own-key-0123456789"
    log = Log()
    log.begin(f"my key is {key}")
    start = log.start()
    use = log.tool(name=f"tool {key}", input={"command": f"curl -H 'x-api-key: {own}'", key: own})
    log.end(start)
    log.result(use, f"https://bob:{own}@host failed {key}", is_error=True)
    log.error("exhausted", error={"type": f"{key}", "message": own})
    log.answer(f"{key} and -----BEGIN PRIVATE KEY-----\n{own}\n-----END PRIVATE KEY-----")
    log.rest(f"{own}")
    watcher = mirror(fake, tmp_path, secrets=[own])
    watch(watcher, told(log.events))
    status = close(watcher)
    assert status.masked > 8
    for seen in fake.requests:
        assert key.encode() not in seen.raw
        assert own.encode() not in seen.raw
    for path in tmp_path.iterdir():
        assert key.encode() not in path.read_bytes()
        assert own.encode() not in path.read_bytes()
        assert target(fake).api_key.reveal().encode() not in path.read_bytes()
    assert fake.row("anthropic.beta.sessions.turn")["metadata"]["masked"] > 0


def test_update_takes_a_bounded_bite_and_comes_back_for_the_rest(fake, tmp_path):
    log = many_turns(160)
    session = fold(told(log.events))
    watcher = mirror(fake, tmp_path)
    bites = 1
    while watcher.update(session, counted(session), Change()):
        bites += 1
    assert bites > 1
    status = close(watcher)
    assert (status.sent, status.waiting) == (160, 0)
    assert status.words == "braintrust 160 sent"
    assert fake.cost() == pytest.approx(4.8)
    fake.check_trees()
    assert len(fake.rows) == 1 + 160 * 4


def test_what_does_not_fit_the_queue_is_picked_later(fake, tmp_path, monkeypatch):
    """The disk does not let us for a while: the session holds what the queue cannot."""
    held = threading.Event()
    kept = Mirror._open_outbox

    def late(self):
        held.wait(20)
        return kept(self)

    monkeypatch.setattr(Mirror, "_open_outbox", late)
    session = fold(told(many_turns(3 * QUEUE).events))
    watcher = mirror(fake, tmp_path)
    for _ in range(5):
        assert watcher.update(session, counted(session), Change())
    assert watcher.status.waiting >= QUEUE
    held.set()
    while watcher.update(session, counted(session), Change()):
        pass
    assert close(watcher).sent == 3 * QUEUE


def test_nothing_starts_when_off_or_not_in_the_sample(tmp_path, monkeypatch):
    def never(*args, **more):
        raise AssertionError("a socket")

    monkeypatch.setattr(socket, "socket", never)
    threads = threading.active_count()
    session = fold(told(orders.simple()))
    for watcher in (Mirror(None, tmp_path), Mirror(target_of_nothing(), tmp_path, sample=0.0)):
        assert not watcher.update(session, counted(session), Change())
        assert not watcher.status.on
        assert watcher.close(0).words == ""
        assert watcher.link(session) is None
    assert threading.active_count() == threads
    assert list(tmp_path.iterdir()) == []


def target_of_nothing():
    class Nowhere:
        url = "http://127.0.0.1:9"

    return target(Nowhere())


def test_a_turn_whose_beginning_was_not_seen_waits_for_the_history(fake, tmp_path):
    log = many_turns(2)
    events = log.events
    watcher = mirror(fake, tmp_path)
    session = watch(watcher, told(events[3:]))
    close(watcher)
    turns = [row for row in fake.spans if row["span_attributes"]["name"].endswith("turn")]
    assert [row["metadata"]["turn"] for row in turns] == [2]
    again = mirror(fake, tmp_path)
    session = merge(session, events, change := Change())
    watch(again, [], session) if change.reset else again.update(session, counted(session), change)
    while again.update(session, counted(session), Change()):
        pass
    close(again)
    turns = [row for row in fake.spans if row["span_attributes"]["name"].endswith("turn")]
    assert sorted(row["metadata"]["turn"] for row in turns) == [1, 2]
    fake.check_trees()


def test_links_lead_to_the_rows(fake, tmp_path):
    watcher = mirror(fake, tmp_path)
    session = watch(watcher, told(orders.simple()))
    close(watcher)
    row = fake.row("anthropic.beta.sessions.turn")
    (project,) = fake.projects.values()
    assert watcher.link(session, session.turns[0]) == (
        f"{fake.url}/app/acme/object?object_type=project_logs&object_id={project}&id={row['id']}"
    )
    assert watcher.link(session).endswith(fake.row("anthropic.beta.sessions.session")["id"])
    unsent = mirror(fake, tmp_path)
    unsent.update(session, counted(session), Change())
    unsent.close(10)
    assert unsent.link(session) == watcher.link(session), "known from the last time, without the network"


def test_a_log_without_an_end_is_sent_and_mended_by_the_rest(fake, tmp_path):
    events = told(orders.approval())
    half = fold(events[:-4])
    assert half.turn is not None
    mirror_log(half, counted(half), target(fake), tmp_path)
    turn = fake.row("anthropic.beta.sessions.turn")
    assert "end" not in turn["metrics"]
    mirror_log(fold(events), counted(fold(events)), target(fake), tmp_path)
    turn = fake.row("anthropic.beta.sessions.turn")
    assert "end" in turn["metrics"]
    whole = stored(fake)
    mirror_log(half, counted(half), target(fake), tmp_path)
    assert stored(fake) == whole, "an older log does not undo a newer one"


def test_the_share_is_on_the_rows_and_times_are_the_events_own(fake, tmp_path):
    watcher = mirror(fake, tmp_path, sample=0.999999)
    watch(watcher, told(orders.simple()))
    close(watcher)
    turn = fake.row("anthropic.beta.sessions.turn")
    assert turn["metadata"]["sample_rate"] == 0.999999
    assert stamp_text(turn["metrics"]["start"])[:19] == BEGIN.isoformat()[:19]
    assert turn["created"][:19] == BEGIN.isoformat()[:19]
    assert turn["metadata"]["session_id"] == SESSION
    assert turn["context"]["span_origin"]["name"] == "cma-top"


def test_a_session_can_be_told_apart_from_one_of_another_server(fake, tmp_path):
    session = fold(told(orders.simple()))
    for namespace in ("", "http://127.0.0.1:8000"):
        watcher = mirror(fake, tmp_path, namespace=namespace)
        watcher.update(session, counted(session), Change())
        close(watcher)
    assert len([row for row in fake.spans if not row["span_parents"]]) == 2


def test_an_update_costs_what_changed_however_long_the_session_is(fake, tmp_path):
    """Counted, not timed."""

    class Counting(list):
        looks = 0

        def __getitem__(self, index):
            found = super().__getitem__(index)
            Counting.looks += len(found) if isinstance(index, slice) else 1
            return found

        def __iter__(self):
            Counting.looks += len(self)
            return super().__iter__()

    def looks(turns, mode):
        log = many_turns(turns)
        log.begin()
        log.start()
        watcher = mirror(fake, tmp_path / f"{turns}{mode}", mode=mode, time=(time := Time()))
        session = watch(watcher, told(log.events), time=time)
        session.items, session.events = Counting(session.items), Counting(session.events)
        session.turns = Counting(session.turns)
        Counting.looks = 0
        more = Log(beside=log)
        more.answer()
        more.rest()
        watch(watcher, more.events, session, time)
        found = Counting.looks
        close(watcher)
        return found

    for mode in ("batch", "realtime"):
        assert looks(60, mode) < 1.5 * looks(3, mode)


@pytest.mark.parametrize("with_change", [True, False])
def test_a_late_result_is_noticed_with_and_without_being_told_what_changed(fake, tmp_path, with_change):
    log = Log()
    log.begin()
    start = log.start()
    use = log.tool()
    log.end(start)
    log.rest()
    watcher = mirror(fake, tmp_path)
    session = watch(watcher, told(log.events))
    fake.until(lambda: len(fake.rows) == 4)
    log.result(use, "late")
    change = Change()
    apply(session, log.events[-1], change)
    while watcher.update(session, counted(session), change if with_change else None):
        change = Change()
    close(watcher)
    tool = fake.row("bash")
    assert tool["output"][0]["text"] == "late"
    assert tool["metadata"]["unfinished"] is False
    assert fake.row("anthropic.beta.sessions.turn")["output"][-1]["content"][0]["type"] == "tool_result"


def test_nothing_is_picked_before_the_session_s_beginning_is_there(fake, tmp_path):
    """Of a long history the newest page is shown first, and it may begin in the middle of a turn."""
    log = many_turns(3)
    log.begin()
    log.answer()
    log.user("And one more thing")
    middle = len(log.events) - 1
    log.answer()
    log.rest()
    watcher = mirror(fake, tmp_path)
    session = fold(told(log.events[middle:]))
    assert not watcher.update(session, counted(session), Change(), whole=False)
    session = merge(session, log.events, change := Change())
    while watcher.update(session, counted(session), change):
        change = Change()
    assert not watcher.update(session, counted(session), Change(), whole=False), "it has been there"
    close(watcher)
    seen = stored(fake)
    mirror_log(fold(told(log.events)), counted(fold(told(log.events))), target(fake), tmp_path / "fresh")
    assert stored(fake) == seen
