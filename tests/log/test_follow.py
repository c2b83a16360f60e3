"""Files that are being written: what is there, what comes, torn lines, cuts and replacements."""

import os
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cma_tui.commands import tail
from cma_tui.log.formats import LogError, open_log
from cma_tui.session.fold import apply
from cma_tui.session.model import Change, Session
from tests.log.conftest import Save
from tests.log.shapes import LINES, RECORDING, SHAPES, lines
from tests.session.look import fold, view


def steps(*acts: Callable[[], object]) -> Callable[[], bool]:
    """Does one act at each look at the file, then ends the following."""
    left = list(acts)

    def wait() -> bool:
        if not left:
            return False
        left.pop(0)()
        return True

    return wait


def writes(path: Path, piece: bytes) -> Callable[[], None]:
    def write() -> None:
        with path.open("ab") as file:
            file.write(piece)

    return write


@given(
    st.sampled_from([lines(*LINES), RECORDING]),
    st.lists(st.integers(0, len(RECORDING)), max_size=8),
)
def test_however_it_is_written_the_session_is_the_same(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, cuts: list[int]
) -> None:
    path = tmp_path_factory.getbasetemp() / "growing.jsonl"
    begin = content.index(b"\n", content.index(b"\n") + 1) + 1
    places = sorted({begin, *(cut for cut in cuts if begin < cut < len(content)), len(content)})
    path.write_bytes(content[:begin])
    pieces = [content[one:other] for one, other in pairwise(places)]
    with open_log(path) as log:
        session = Session(events=log.kept())
        for event in log.follow(steps(*(writes(path, piece) for piece in pieces))):
            apply(session, event, Change())
        whole = open_log(path)
        assert view(session, numbers=True) == view(fold(whole.events()), numbers=True)
        assert [event.raw for event in session.events] == [event.raw for event in whole.events()]


def test_a_torn_line_waits_for_its_rest(save: Save) -> None:
    path = save(lines(*LINES[:3]) + LINES[3][:20])
    seen = []

    def look() -> None:
        assert len(seen) == 3

    with open_log(path) as log:
        for event in log.follow(steps(look, writes(path, LINES[3][20:]), look, writes(path, b"\n"))):
            seen.append(event.raw)  # noqa: PERF401 - looked at on the way
    assert seen == LINES[:4]


def test_a_cut_and_a_replacement_are_told(save: Save) -> None:
    path = save(lines(*LINES))
    with open_log(path) as log, pytest.raises(LogError, match="was cut short while it was followed"):
        list(log.follow(steps(lambda: os.truncate(path, 10), lambda: None)))
    path = save(lines(*LINES))
    with open_log(path) as log, pytest.raises(LogError, match="is another file now"):
        list(log.follow(steps(path.unlink, writes(path, b"new"), lambda: None)))


@pytest.mark.parametrize("name", ["array, pretty", "calls", "lines, gzip"])
def test_what_cannot_be_followed_says_so(name: str, save: Save) -> None:
    content = SHAPES[name][1]
    with open_log(save(content)) as log, pytest.raises(LogError, match="cannot be followed"):
        log.follow(lambda: False)


def test_tail_prints_what_comes(
    save: Save, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    path = save(lines(*LINES[:3]))
    end = b'{"type":"session.status_terminated","id":"sevt_end","processed_at":"2030-01-01T00:00:00Z"}'
    printed = []

    def rest(seconds: float) -> None:
        printed.append(capfdbinary.readouterr().out)
        writes(path, lines(*LINES[3:]) if len(printed) == 1 else lines(end))()

    monkeypatch.setattr(tail, "sleep", rest)
    with open_log(path) as log:
        tail.follow_log(log, tail.How(as_json=True))
    printed.append(capfdbinary.readouterr().out)
    assert [piece.count(b"\n") for piece in printed] == [3, len(LINES) - 3, 1], "each as soon as it is there"
