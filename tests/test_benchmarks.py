"""The benchmarks run: each subject, on next to nothing, and without a look at the time it took."""

import json
import math
import re
import sys

import pytest

from benchmarks import __main__ as command
from benchmarks.figures import Figure, Goal, Scale, percentile
from benchmarks.logs import LIVE, LOG, Logs, lines
from benchmarks.table import Report, number
from cma_tui.event import PREVIEW_TYPES, parse
from cma_tui.feed import fold_all

TINY = Scale(
    rounds=1,
    live_events=200,
    file_events=(400,),
    fold_events=(100, 200),
    history_events=1_500,
    rows=(100, 200),
    steps=2,
    seconds=0.1,
    rates=(100,),
    writing=0.1,
)


@pytest.fixture(scope="module")
def logs():
    with Logs() as logs:
        yield logs


@pytest.mark.parametrize("name", command.SUBJECTS)
def test_a_subject_yields_figures(name, logs):
    figures = list(command.SUBJECTS[name](TINY, logs))
    assert figures
    assert all(math.isfinite(figure.value) and figure.value >= 0 for figure in figures)
    assert len({(figure.what, figure.limit_is) for figure in figures}) == len(figures)


@pytest.mark.parametrize(("mix", "size"), [(LOG, 1_500), (LIVE, 650)], ids=["log", "live"])
def test_a_log_is_one_whole_session_of_the_size_it_should_have(mix, size):
    made = list(lines(10_000, mix))
    assert sum(map(len, made)) / len(made) == pytest.approx(size, rel=0.15)
    events = [parse(line) for line in made]
    session = fold_all(events)
    whole = [event for event in events if event.type not in PREVIEW_TYPES]
    assert len(session.events) == len({event.key for event in whole}) == len(whole)
    assert session.bad_frames == 0
    assert session.unknown_types == {}
    assert not session.waiting_results
    stamps = [event.at for event in whole if event.at is not None]
    assert stamps == sorted(stamps)
    assert len(session.turns) > 100


def test_the_same_numbers_make_the_same_log():
    assert list(lines(500, LOG)) == list(lines(1_000, LOG))[:500]


def test_a_goal_is_of_the_ratio_or_of_the_value():
    assert Figure("a", 3.0, "s", 2.0, "b", Goal("ratio", 1.5)).verdict == "ok"
    assert Figure("a", 3.0, "s", 2.0, "b", Goal("value", 2.9)).verdict == "behind"
    assert Figure("a", 1.0, "s", 4.0, "b", Goal("ratio", 0.3, least=True)).verdict == "behind"
    assert Figure("a", 1.0, "s").verdict == ""


def test_percentiles_are_values_that_were_measured():
    values = [float(n) for n in range(1, 101)]
    assert [percentile(values, share) for share in (0.5, 0.99, 1.0)] == [50.0, 99.0, 100.0]
    assert percentile([7.0], 0.5) == 7.0


def test_numbers_are_short():
    written = [number(value) for value in (0.0, 0.00123, 0.456, 1.2, 12.34, 123.4, 1_234_567.0)]
    assert written == ["0", "0.0012", "0.456", "1.20", "12.3", "123", "1,234,567"]


def test_the_table_and_the_file_hold_every_figure(tmp_path, capsys):
    report = Report()
    figures = [
        Figure("slow thing", 3.0, "s", 2.0, "the limit", Goal("ratio", 1.0)),
        Figure("a thing without a limit", 1.0, "bytes/s"),
    ]
    report.subject("things", figures)
    report.end()
    report.write(tmp_path / "figures.json")
    printed = capsys.readouterr().out
    assert re.search(r"slow thing +3\.00 s +2\.00  the limit +1\.50 × +≤ 1\.00 × +behind", printed)
    assert "0 of 1 goals reached" in printed
    written = json.loads((tmp_path / "figures.json").read_text())
    assert [figure["ratio"] for figure in written["subjects"]["things"]] == [1.5, None]


def test_an_unknown_subject_is_refused(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["benchmarks", "weather"])
    with pytest.raises(SystemExit) as left:
        command.main()
    assert left.value.code == 2
    assert "no such subject: weather" in capsys.readouterr().err
