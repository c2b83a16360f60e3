"""Events that stay in their file: the same session as with all of them held; what a changed file shows."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cma_tui.event import Event
from cma_tui.log import index
from cma_tui.log.formats import SavedLog, open_log
from cma_tui.log.index import LogEvents
from cma_tui.report.rows import row
from cma_tui.session.fold import apply
from cma_tui.session.merge import arrive
from cma_tui.session.model import Change, Session
from tests.log.conftest import Save
from tests.log.shapes import LINES, OTHER, RECORDING, SESSION, SHAPES, lines, wrapped
from tests.session.look import check, fold, view
from tests.stories.surprises import cross_posted

MAPPED = {"JSON lines", "recording"}


@pytest.fixture(autouse=True)
def forgets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nearly everything is read again."""
    monkeypatch.setattr(index, "_LATEST", 2)
    monkeypatch.setattr(index, "_LOOKED_AT", 2)
    monkeypatch.setattr(index, "_PIECE", 64)


def folded(log: SavedLog, number: int = 0) -> Session:
    session = Session(events=log.kept())
    for event in log.events(number):
        apply(session, event, Change())
    return session


def told(event: Event) -> tuple[object, ...]:
    return tuple(getattr(event, name) for name in Event.__struct_fields__ if name != "content")


@pytest.mark.parametrize("name", SHAPES)
def test_lazy_is_eager(name: str, save: Save) -> None:
    shape, content = SHAPES[name]
    with open_log(save(content)) as log:
        eager = fold(log.events())
        lazy = folded(log)
    check(lazy)
    assert view(lazy, numbers=True) == view(eager, numbers=True)
    assert [told(event) for event in lazy.events] == [told(event) for event in eager.events]
    assert [bytes(event.content) for event in lazy.events] == [bytes(event.content) for event in eager.events]
    backwards = range(len(eager.events) - 1, -1, -1)
    assert [lazy.events[n].raw for n in backwards] == [eager.events[n].raw for n in backwards]
    if shape in MAPPED and content[:1] not in (b"\x1f", b"B", b"\xfd"):
        assert isinstance(lazy.events, LogEvents)


@given(
    st.lists(
        st.one_of(
            st.sampled_from(LINES + OTHER),
            st.sampled_from(LINES).map(lambda line: json.dumps(wrapped(line)).encode()),
            st.binary(max_size=20),
            st.just(json.dumps([json.loads(line) for line in LINES[:3]]).encode()),
            st.just(b"\xef\xbb\xbf" + LINES[0]),
        ),
        max_size=30,
    ),
    st.sampled_from([b"\n", b"\r\n", b" \n\n"]),
    st.booleans(),
    st.sampled_from([1, 7, 100, 1 << 18]),
)
def test_lazy_is_eager_whatever_the_lines(
    tmp_path_factory: pytest.TempPathFactory, parts: list[bytes], end: bytes, recording: bool, run: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.jsonl"
    path.write_bytes((RECORDING if recording else lines(*LINES[:1])) + end.join([*parts, b""]))
    with pytest.MonkeyPatch.context() as patch, open_log(path) as log:
        patch.setattr(index, "_RUN", run)
        eager = fold(log.events())
        lazy = folded(log)
        assert view(lazy, numbers=True) == view(eager, numbers=True)
        assert [told(event) for event in lazy.events] == [told(event) for event in eager.events]
        assert [told(event) for event in lazy.events[1:-1]] == [told(event) for event in eager.events[1:-1]]


def test_it_reads_what_is_looked_at(save: Save) -> None:
    with open_log(save(lines(*LINES))) as log:
        session = folded(log)
    events = session.events
    assert isinstance(events, LogEvents)
    before = events.reads
    assert events[3].raw == LINES[3]
    assert events[3] is events[3]
    assert events.reads == before + 1


def test_it_tells_how_far_it_is(save: Save) -> None:
    path = save(lines(*LINES))
    with open_log(path) as log:
        kept = log.kept()
        assert isinstance(kept, LogEvents)
        shares = [kept.share]
        for event in log.events():
            kept.append(event)
            shares.append(kept.share)
    assert shares == sorted(shares)
    assert shares[0] == 0.0
    assert shares[-1] == 1 - (len(LINES[-1]) + 1) / path.stat().st_size


def test_a_better_copy_takes_the_place(save: Save) -> None:
    with open_log(save(lines(*LINES))) as log:
        session = folded(log)
    for ordinal in (0, 3, len(LINES) - 1, -2):
        better = fold([session.events[ordinal]]).events[0]
        session.events[ordinal] = better
        assert session.events[ordinal] is better
        assert list(session.events)[ordinal] is better


def test_threads_that_stand_one_after_the_other_are_put_in_order_and_stay_in_the_file(save: Save) -> None:
    here, there = cross_posted()
    records = [wrapped(e.raw, n, src="list", thread=e.stream) for n, e in enumerate([*here, *there])]
    with open_log(save(lines({"cma_top_log": 1, "session": SESSION}, *records))) as log:
        lazy = arrive(Session(events=log.kept()), list(log.events()), Change())
        check(lazy)
        assert isinstance(lazy.events, LogEvents)
        assert view(lazy, numbers=True) == view(arrive(Session(), list(log.events()), Change()), numbers=True)
        stamps = [event.at for event in lazy.events if event.at is not None]
    assert stamps == sorted(stamps)
    assert lazy.several


# -- a file that changes under us ----------------------------------------------------------------------------


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def emptied(path: Path) -> None:
    os.truncate(path, 0)


def other_text(path: Path) -> None:
    path.write_bytes(b"x" * path.stat().st_size)


def other_events(path: Path) -> None:
    path.write_bytes(lines(*reversed(LINES)))


@pytest.mark.parametrize("happens", [cut, emptied, other_text, other_events])
@pytest.mark.parametrize("content", [lines(*LINES), RECORDING], ids=["lines", "recording"])
def test_a_file_that_changes(content: bytes, happens: Callable[[Path], None], save: Save) -> None:
    path = save(content)
    with open_log(path) as log:
        session = folded(log)
        eager = list(log.events())
    events = session.events
    assert isinstance(events, LogEvents)
    happens(path)
    again = [session.events[n] for n in range(len(eager))]
    assert [event.raw for event in events] == [event.raw for event in again]
    assert events.gone
    for was, now in zip(eager, again, strict=True):
        assert told(now) == told(was) or now.type == "local.bad_frame"
    shown = [row(session, index) for index in range(len(session.items))]
    assert any(r is not None and "changed" in f"{r.head} {r.text}" for r in shown), "it is said in the rows"


def test_a_file_that_is_replaced(save: Save) -> None:
    path = save(lines(*LINES))
    with open_log(path) as log:
        session = folded(log)
    path.unlink()
    path.write_bytes(b"another file")
    assert [event.raw for event in session.events] == LINES
