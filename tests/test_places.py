"""The language of places: every form, what no form is, and one meaning wherever it is written."""

import pytest

from cma_tui.places import Clock, Date, Named, Nth, PlaceError, Share, Span, read, time_of
from cma_tui.report.places import find_place
from tests.session.look import fold
from tests.stories.write import Log


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("50%", Share(0.5)),
        ("150 %", Share(1.0)),
        ("3", Nth("turn", 3)),
        ("turn 3", Nth("turn", 3)),
        ("t3", Nth("turn", 3)),
        ("#120", Nth("event", 120)),
        ("90s", Span(90.0, False)),
        (" 1h2m ", Span(3720.0, False)),
        ("1.5h", Span(5400.0, False)),
        ("@90", Span(90.0, False)),
        ("1:30", Span(90.0, False)),
        ("+30s", Span(30.0, True)),
        ("-5m", Span(-300.0, True)),
        ("+90", Span(90.0, True)),
        ("12:30:05", Clock(12, 30, 5)),
        ("2026-08-17T16:00:00+00:00", Date(1_786_982_400.0)),
        ("sevt_1", Named("sevt_1")),
        ("why it failed", Named("why it failed")),
        ("-", Named("-")),
        ("5x", Named("5x")),
    ],
)
def test_every_form_is_read(text, place):
    assert read(text) == place


def test_a_date_that_is_none_says_so():
    with pytest.raises(PlaceError, match="no such date"):
        read("2026-13-45")


def test_a_time_of_day_is_that_of_the_day_one_looks_at_and_never_before_the_beginning(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    __import__("time").tzset()
    began = 1_786_982_400.0  # 16:00
    assert time_of(Clock(17, 0, 0), began, None) == began + 3600
    assert time_of(Clock(1, 0, 0), began, None) == began + 9 * 3600
    assert time_of(Clock(17, 0, 0), began, began + 86_400) == began + 86_400 + 3600
    with pytest.raises(PlaceError, match="no such time"):
        time_of(Clock(25, 0, 0), began, None)


def test_a_row_is_found_by_what_only_the_player_knows():
    log = Log()
    for number in range(4):
        log.begin(f"question {number}")
        log.answer()
        log.rest()
    session = fold(log.events)
    middle = session.turns[2].inputs[0]
    event = session.items[middle].event
    assert find_place(session, "a note", known=lambda place: event) == middle
    with pytest.raises(PlaceError, match="a note is no place"):
        find_place(session, "a note")
    assert find_place(session, "100%") == len(session.items) - 1
    assert find_place(session, "+1s", session.turns[1].first_item) >= session.turns[1].first_item
