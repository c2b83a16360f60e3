"""Events of a live session that are set aside: the same session, a flat memory, and a disk that is full."""

from __future__ import annotations

import errno
import gc
import os
import stat
import tracemalloc
from collections.abc import MutableSequence
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cma_tui.event import Event, local, parse
from cma_tui.feed import Feed
from cma_tui.log import aside, index
from cma_tui.log.aside import Aside
from cma_tui.session.merge import arrive, merge
from cma_tui.session.model import Change, Session
from cma_tui.session.moments import keep_past
from cma_tui.source import Batch, Source
from tests.session.look import check, view
from tests.stories.server import Story, stories
from tests.stories.write import Log

FEW = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nearly everything is set aside and read again."""
    monkeypatch.setattr(aside, "WINDOW", 4)
    monkeypatch.setattr(aside, "_STRETCH", 3)
    monkeypatch.setattr(index, "_LATEST", 2)
    monkeypatch.setattr(index, "_LOOKED_AT", 2)


def told(event: Event) -> tuple[object, ...]:
    fields = {name: getattr(event, name) for name in Event.__struct_fields__ if name != "where"}
    at = fields["received_at"]
    return (*{**fields, "received_at": None if at is None else round(at, 5)}.values(),)


def said(number: int, size: int = 1400) -> Event:
    log = Log()
    log.message("x" * size, id=f"sevt_{number:08}")
    event = log.events[0]
    event.received_at = 1000.0 + number
    return event


@FEW
@given(stories(), st.randoms(use_true_random=False))
def test_a_session_set_aside_is_the_session(
    small: None, tmp_path: Path, story: Story, random: object
) -> None:
    kept, lazy = Session(), Session(events=Aside(tmp_path))
    keep_past(lazy, spacing=16)
    facts = [local("local.connected", {"connection": n}, received_at=5.5, key=f"c{n}") for n in range(9)]
    streams = [story.history[len(story.history) // 2 :], *story.children.values()]
    for number, events in enumerate(streams):  # one after the other: the order has to be mended
        batch = [*facts[number : number + 1], *events, parse(b'{"broken'), parse(b"[1]", received_at=7.25)]
        kept, lazy = arrive(kept, batch, Change()), arrive(lazy, batch, Change())
    for listed in (story.history, *story.children.values()):
        kept, lazy = merge(kept, listed, Change()), merge(lazy, listed, Change())
    check(lazy)
    assert isinstance(lazy.events, Aside)
    reads = lazy.events.reads
    assert [told(event) for event in lazy.events] == [told(event) for event in kept.events]
    assert lazy.events.gone == 0
    if len(lazy.events) > 12:
        assert lazy.events.reads > reads
    assert lazy.kept is not None
    assert lazy.kept.moments is not None
    moments, lazy.kept = lazy.kept.moments, None
    assert view(lazy, numbers=True) == view(kept, numbers=True)
    half = moments.view(len(moments) // 2)
    assert [event.key for event in half.events] == [event.key for event in kept.events][: len(half.events)]


def held(events: MutableSequence[Event], count: int) -> float:
    """Bytes of memory that an event costs in the list."""
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for number in range(count):
            events.append(said(number))
        gc.collect()
        return (tracemalloc.get_traced_memory()[0] - before) / count
    finally:
        tracemalloc.stop()


def test_an_event_that_is_set_aside_costs_its_place_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aside, "WINDOW", 128)
    monkeypatch.setattr(aside, "_STRETCH", 64)
    count = 4000
    assert held([], count) > 1400
    held_aside = held(events := Aside(tmp_path), count)
    window = (128 + 64 + 64) / count * 2500
    assert held_aside < 40 + window, "a place, a mark, and what a growing array keeps in reserve"
    assert events[0].raw == said(0).raw


def test_an_order_that_is_mended_reads_nothing_that_came_long_before(tmp_path: Path) -> None:
    session = Session(events=Aside(tmp_path))
    keep_past(session, spacing=64)
    log = Log()
    for number in range(aside.WINDOW + 2000):
        log.message("x", id=f"m{number}")
    session = arrive(session, log.events, Change())
    late = msgspec.structs.replace(log.events[-30], key="late", id="late", stream="sthr_c")
    mended = arrive(session, [late], Change())
    assert mended is not session
    assert [event.key for event in mended.events[-31:-28]] == ["late", "m6066", "m6067"]
    assert mended.events[0].key == "m0"
    assert isinstance(mended.events, Aside)
    assert mended.events.reads == 1, "the one that was looked at here"
    assert isinstance(session.events, Aside)
    assert session.events.reads == 0


def test_a_short_session_writes_nothing(tmp_path: Path) -> None:
    events = Aside(tmp_path / "cache")
    for number in range(aside.WINDOW):
        events.append(said(number, 10))
    assert not (tmp_path / "cache").exists()


def test_the_file_has_no_name_and_is_ours_alone(small: None, tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    events = Aside(folder)
    before = os.umask(0)
    try:
        for number in range(20):
            events.append(said(number))
    finally:
        os.umask(before)
    assert list(folder.iterdir()) == []
    found = os.fstat(events._sources[0].descriptor)
    assert stat.S_IMODE(found.st_mode) == 0o600
    assert found.st_nlink == 0
    assert found.st_size > 10 * 1400
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_full_disk_keeps_the_events_in_memory_says_so_once_and_is_tried_again(
    small: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = [3]
    write = os.pwrite

    def pwrite(descriptor: int, data: bytes, at: int) -> int:
        room[0] -= 1
        if room[0] == 0:
            return write(descriptor, data[:100], at)  # half of it, and then nothing
        if room[0] < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, data, at)

    monkeypatch.setattr(os, "pwrite", pwrite)
    events = Aside(tmp_path)
    for number in range(40):
        events.append(said(number))
    assert events.take_problem() == "older events stay in memory: No space left on device"
    assert events.take_problem() == ""
    assert [event.key for event in events] == [f"sevt_{number:08}" for number in range(40)]
    in_memory = len(events._whole)
    assert in_memory > 20
    room[0] = 1000
    for number in range(40, 60):
        events.append(said(number))
    assert len(events._whole) < 12, "once there is room again, what waited goes too"
    assert [told(event) for event in events] == [told(said(number)) for number in range(60)]
    assert events.gone == 0


def test_a_folder_that_cannot_be_used_is_a_full_disk(small: None, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    events = Aside(tmp_path / "file" / "cache")
    for number in range(20):
        events.append(said(number))
    assert "stay in memory" in events.take_problem()
    assert len(events) == 20
    assert events[0].raw == said(0).raw


def test_the_screens_side_says_that_the_disk_does_not_take_them(small: None, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    session = Session(events=Aside(tmp_path / "file" / "cache"))

    async def never() -> Source:
        raise AssertionError

    feed = Feed(never, session=session)
    for number in range(40):
        feed._queue.append(Batch([said(number)]))
        while feed.take(1.0) is not None:
            pass
    texts = [event.data["text"] for event in session.events if event.type == "local.notice"]
    assert len(texts) == 1
    assert "older events stay in memory" in texts[0]
