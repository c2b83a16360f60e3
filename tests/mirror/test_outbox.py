"""What waits on disk: kept, bounded, never twice, shared, and private."""

import os
import sqlite3
import stat
import threading

import pytest

from cma_tui.mirror.outbox import Outbox, OutboxError
from cma_tui.mirror.row import Packed
from cma_tui.mirror.target import Place

PLACE = Place("acme", "org", "project_logs", "p1", "https://app")


def row(name: str, version: int = 1, *, rank: int = 1, live: bool = False, size: int = 10) -> Packed:
    return Packed(name, f"{name}{version}".encode().ljust(size), f"{name}{version}".encode(), rank, live)


@pytest.fixture
def outbox(tmp_path):
    box = Outbox(tmp_path / "a" / "b", "dest")
    yield box
    box.close()


def put(box: Outbox, turn: str, rows: list[Packed], **more) -> int:
    return box.put("s", [(turn, rows)], **more)


def ids(box):
    return [(w.id, w.body.strip().decode()) for w in box.batch(100, 10**9)]


def test_what_was_put_is_there_for_the_next_process(outbox, tmp_path):
    put(outbox, "t1", [row("a"), row("b")], root=row("root"))
    again = Outbox(tmp_path / "a" / "b", "dest")
    assert [name for name, _ in ids(again)] == ["root", "a", "b"]
    assert again.counts("s").waiting == {"t1"}
    again.close()


def test_what_the_server_has_is_not_sent_again_unless_it_changed(outbox):
    assert put(outbox, "t", [row("a"), row("b")]) == 2
    assert put(outbox, "t", [row("a"), row("b")]) == 0
    outbox.sent(outbox.batch(10, 1000))
    assert outbox.empty()
    assert put(outbox, "t", [row("a"), row("b", 2)]) == 1
    assert ids(outbox) == [("b", "b2")]


def test_a_version_that_comes_while_another_is_under_way_still_waits(outbox):
    put(outbox, "t", [row("a", 1)])
    under_way = outbox.batch(10, 1000)
    put(outbox, "t", [row("a", 2)])
    outbox.sent(under_way)
    assert ids(outbox) == [("a", "a2")]
    outbox.sent(outbox.batch(10, 1000))
    assert put(outbox, "t", [row("a", 2)]) == 0


def test_a_provisional_row_never_follows_the_final_one(outbox):
    put(outbox, "t", [row("a", 1, rank=0)])
    put(outbox, "t", [row("a", 2, rank=1)])
    put(outbox, "t", [row("a", 3, rank=0)])
    assert ids(outbox) == [("a", "a2")]
    outbox.sent(outbox.batch(10, 1000))
    assert put(outbox, "t", [row("a", 4, rank=0)]) == 0


def test_a_final_row_equal_to_the_provisional_one_is_sent_as_final(outbox):
    put(outbox, "t", [row("a", 1, rank=0)])
    outbox.sent(outbox.batch(10, 1000))
    assert put(outbox, "t", [row("a", 1, rank=1)]) == 1


def test_what_only_a_live_watcher_knows_is_sent_once_and_not_missed_after(outbox):
    put(outbox, "t", [row("a")])
    outbox.sent(outbox.batch(10, 1000))
    assert put(outbox, "t", [row("a", live=True)]) == 1
    outbox.sent(outbox.batch(10, 1000))
    assert put(outbox, "t", [row("a")]) == 0
    assert put(outbox, "t", [row("a", live=True)]) == 0


def test_too_much_drops_the_oldest_turns_whole_and_counts_them(tmp_path):
    outbox = Outbox(tmp_path, "dest", limit=1000)
    for number in range(10):
        put(
            outbox, f"t{number}", [row(f"r{number}", size=100), row(f"q{number}", size=100)], root=row("root")
        )
    turns = {w.turn for w in outbox.batch(100, 10**9)}
    assert turns == {"", "t6", "t7", "t8", "t9"}
    assert outbox.counts("s").lost == 6
    put(outbox, "big", [row("huge", size=5000)])
    assert "big" not in {w.turn for w in outbox.batch(100, 10**9)}
    outbox.close()


def test_a_refused_row_is_set_aside_and_tried_again_when_it_changes(outbox):
    put(outbox, "t", [row("a"), row("b")])
    first, second = outbox.batch(10, 1000)
    outbox.refuse(first, 400, "no")
    outbox.sent([second])
    assert outbox.empty()
    assert outbox.counts("s").refused == {"t"}
    assert put(outbox, "t", [row("a")]) == 0
    assert put(outbox, "t", [row("a", 2)]) == 1
    outbox.sent(outbox.batch(10, 1000))
    assert outbox.counts("s").refused == frozenset()


def test_destinations_have_nothing_to_do_with_one_another(outbox, tmp_path):
    other = Outbox(tmp_path / "a" / "b", "other")
    put(outbox, "t", [row("a")])
    outbox.sent(outbox.batch(10, 1000))
    assert put(other, "t", [row("a")]) == 1
    assert outbox.empty()
    assert not other.empty()
    with outbox.sending() as mine, other.sending() as its:
        assert mine
        assert its
    other.close()


def test_one_process_sends_at_a_time(outbox, tmp_path):
    second = Outbox(tmp_path / "a" / "b", "dest")
    with outbox.sending() as first:
        assert first
        with second.sending() as too:
            assert not too
    with second.sending() as then:
        assert then
    second.close()


def test_another_place_forgets_what_was_sent(outbox):
    assert outbox.bind(PLACE)
    put(outbox, "t", [row("a")])
    outbox.sent(outbox.batch(10, 1000))
    assert outbox.bind(PLACE)
    assert put(outbox, "t", [row("a")]) == 0
    assert not outbox.bind(Place("other", "org2", "project_logs", "p1", "https://app"))
    assert put(outbox, "t", [row("a")]) == 1
    assert outbox.place().org == "other"


def test_a_batch_has_a_limit_and_always_a_row(outbox):
    put(outbox, "t", [row(str(number), size=100) for number in range(10)])
    assert len(outbox.batch(3, 10**9)) == 3
    assert len(outbox.batch(100, 250)) == 2
    assert len(outbox.batch(100, 1)) == 1


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_files_and_folders_are_for_their_owner_alone(tmp_path, mask):
    before = os.umask(mask)
    try:
        box = Outbox(tmp_path / "state" / "braintrust", "dest")
        put(box, "t", [row("a")])
        for path in (tmp_path / "state", tmp_path / "state" / "braintrust"):
            assert stat.S_IMODE(path.stat().st_mode) == 0o700
        for path in (tmp_path / "state" / "braintrust").iterdir():
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
        box.close()
    finally:
        os.umask(before)


def test_a_stranger_s_file_is_not_used(tmp_path):
    (tmp_path / "elsewhere").write_text("")
    (tmp_path / "box").mkdir()
    (tmp_path / "box" / "outbox.sqlite3").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OutboxError):
        Outbox(tmp_path / "box", "dest")
    (tmp_path / "file").write_text("")
    with pytest.raises(OutboxError):
        Outbox(tmp_path / "file", "dest")


@pytest.mark.parametrize("damage", ["head", "middle", "text"])
def test_a_damaged_file_is_put_aside_and_work_goes_on(tmp_path, damage):
    box = Outbox(tmp_path, "dest")
    put(box, "t", [row(f"r{number}", size=3000) for number in range(50)])
    box.close()
    path = tmp_path / "outbox.sqlite3"
    data = bytearray(path.read_bytes())
    if damage == "head":
        data[:100] = bytes(100)
    elif damage == "middle":
        data[4096 : len(data)] = b"\xa5" * (len(data) - 4096)
    else:
        data = bytearray(b"not a database " * 1000)
    path.write_bytes(data)
    box = Outbox(tmp_path, "dest")
    assert box.damaged is not None
    assert box.damaged.exists()
    assert put(box, "t", [row("a")]) == 1
    box.close()


def test_a_full_disk_keeps_nothing_by_halves(outbox):
    put(outbox, "t1", [row("a")])
    outbox._db.execute("PRAGMA max_page_count = 20")
    with pytest.raises(OutboxError, match="full"):
        put(outbox, "t2", [row(f"r{number}", size=100_000) for number in range(5)])
    assert ids(outbox) == [("a", "a1")]
    outbox._db.execute("PRAGMA max_page_count = 100000")
    assert put(outbox, "t2", [row("b")]) == 1


def test_many_threads_of_many_connections_lose_nothing(tmp_path):
    errors = []

    def work(number):
        try:
            box = Outbox(tmp_path, "dest")
            for turn in range(20):
                put(box, f"{number}.{turn}", [row(f"{number}.{turn}"), row("shared", turn)])
            box.close()
        except OutboxError as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    box = Outbox(tmp_path, "dest")
    found = box.batch(1000, 10**9)
    assert len(found) == 81
    (size,) = (
        sqlite3.connect(tmp_path / "outbox.sqlite3")
        .execute("SELECT sum(length(body)) FROM waiting")
        .fetchone()
    )
    assert box._fact("bytes") == size
    box.close()
