"""How turns get to the disk: one alone at once, thick and fast ones together."""

import threading
from time import monotonic

import pytest

from cma_tui.mirror import Mirror
from cma_tui.mirror.intake import QUEUE
from cma_tui.mirror.outbox import Outbox
from tests.mirror.help import Time, mirror, told
from tests.mirror.test_mirror import close, many_turns, watch
from tests.stories.write import Log


@pytest.fixture
def puts(monkeypatch):
    """The turns of each transaction, as they come; whoever waits for one may wait for `changed`."""
    real, seen, changed = Outbox.put, [], threading.Condition()

    def put(self, session, turns, **more):
        turns = list(turns)
        added = real(self, session, turns, **more)
        with changed:
            seen.append([name for name, _ in turns])
            changed.notify_all()
        return added

    monkeypatch.setattr(Outbox, "put", put)

    def until(count):
        with changed:
            assert changed.wait_for(lambda: len(seen) >= count, 20)

    return seen, until


def turn(number: int, log: Log) -> Log:
    more = Log(beside=log)
    more.begin(f"Question {number}")
    more.answer()
    more.rest()
    return more


def followed(fake, folder, until, count):
    """A mirror that gathers for an hour: one turn is kept, and so many followed it at once."""
    watcher = mirror(fake, folder, gathering=3600)
    log = many_turns(1)
    session = watch(watcher, told(log.events))
    until(1)
    for number in range(count):
        watch(watcher, (log := turn(number, log)).events, session)
    return watcher


def test_a_turn_alone_is_kept_at_once_and_those_that_follow_closely_together(fake, tmp_path, puts):
    seen, until = puts
    watcher = followed(fake, tmp_path, until, 10)
    assert watcher.status.waiting >= 10
    assert [len(turns) for turns in seen] == [1]
    assert close(watcher).sent == 11
    assert [len(turns) for turns in seen] == [1, 10]
    fake.check_trees()


def test_a_queue_that_is_full_is_not_gathered_in(fake, tmp_path, puts):
    seen, until = puts
    watcher = followed(fake, tmp_path, until, QUEUE + 1)
    until(2)
    assert len(seen[1]) >= QUEUE
    assert close(watcher).sent == QUEUE + 2


def test_what_ran_and_has_ended_in_one_transaction_is_there_as_it_ended(fake, tmp_path, puts):
    """Provisional rows and the final ones wait for the disk together."""
    seen, until = puts
    watcher = mirror(fake, tmp_path, mode="realtime", gathering=3600, time=(time := Time(limit=0)))
    log = many_turns(1)
    session = watch(watcher, told(log.events), time=time)
    until(1)
    more = Log(beside=log)
    more.begin("And now?")
    start = more.start()
    use = more.tool()
    more.end(start)
    watch(watcher, more.events, session, time)
    last = Log(beside=more)
    last.result(use)
    last.answer()
    last.rest()
    watch(watcher, last.events, session, time)
    assert close(watcher).sent == 2
    assert any(len(turns) > len(set(turns)) for turns in seen), "both versions in one"
    tool = [row for row in fake.spans if row["span_attributes"]["type"] == "tool"][-1]
    assert tool["output"]
    assert tool["metadata"]["unfinished"] is False
    fake.check_trees()


def test_several_portions_when_turns_are_large(fake, tmp_path, puts, monkeypatch):
    monkeypatch.setattr("cma_tui.mirror.intake._TOGETHER", 1)
    seen, _ = puts
    kept = Mirror._open_outbox
    held = threading.Event()

    def late(self):
        held.wait(20)
        return kept(self)

    monkeypatch.setattr(Mirror, "_open_outbox", late)
    watcher = mirror(fake, tmp_path)
    watch(watcher, told(many_turns(5).events))
    held.set()
    assert close(watcher).sent == 5
    assert [len(turns) for turns in seen] == [1] * 5


def test_whoever_looks_how_it_stands_waits_for_no_disk(fake, tmp_path, monkeypatch):
    real, asked, held = Outbox.counts, threading.Event(), threading.Event()

    def slow(self, session):
        asked.set()
        held.wait(20)
        return real(self, session)

    monkeypatch.setattr(Outbox, "counts", slow)
    watcher = mirror(fake, tmp_path)
    session = watch(watcher, told(many_turns(1).events))
    assert asked.wait(20)
    begun = monotonic()
    assert watcher.status.waiting == 1
    assert not watcher.sent(session, session.turns[0])
    assert monotonic() - begun < 10
    held.set()
    assert close(watcher).sent == 1
