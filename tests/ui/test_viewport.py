"""The reading position, without a terminal: entries are (name, height), a line is (name, number)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cma_tui.ui.viewport import Viewport


class List:
    """Entries of any height, and how often their lines were asked for."""

    def __init__(self, heights):
        self.heights = list(heights)
        self.asked = 0
        self.view = Viewport(lambda: len(self.heights), self.lines)

    def lines(self, position):
        self.asked += 1
        return [(position, number) for number in range(self.heights[position])]

    def window(self):
        return [line for _, line in self.view.layout()]

    @property
    def total(self):
        return sum(self.heights)

    def everything(self):
        return [line for position in range(len(self.heights)) for line in self.lines(position)]


def viewed(heights, height, **state):
    made = List(heights)
    made.view.height = height
    for name, value in state.items():
        setattr(made.view, name, value)
    made.view.layout()
    return made


heights = st.lists(st.integers(1, 9), min_size=1, max_size=25)
window_heights = st.integers(1, 20)
moves = st.one_of(
    st.tuples(st.just("go"), st.integers(-3, 30)),
    st.tuples(st.just("scroll"), st.integers(-40, 40)),
    st.tuples(st.just("top"), st.integers(-3, 30)),
    st.tuples(st.just("follow"), st.none()),
)
news = st.lists(st.integers(1, 9), max_size=8)


def make(view, move):
    name, value = move
    if name == "go":
        view.go(value)
    elif name == "scroll":
        view.scroll(value)
    elif name == "top":
        view.show_at_top(value)
    else:
        view.follow()


def cursor_lines(made):
    return [line for at, line in made.view.layout() if at == made.view.cursor]


# ------------------------------------------------------------------------------------- what a window is


@given(heights, window_heights, st.lists(moves, max_size=12))
def test_a_window_is_a_stretch_of_the_list_without_a_gap(sizes, height, path):
    made = viewed(sizes, height)
    for move in path:
        make(made.view, move)
        window, everything = made.window(), made.everything()
        assert len(window) == min(height, made.total)
        start = everything.index(window[0])
        assert window == everything[start : start + len(window)]
        assert 0 <= made.view.cursor < len(sizes)


@given(heights, window_heights, st.lists(moves, max_size=8), st.integers(-3, 30))
def test_the_cursor_is_seen_from_its_first_line_after_go(sizes, height, path, position):
    made = viewed(sizes, height)
    for move in path:
        make(made.view, move)
    made.view.go(position)
    assert made.view.cursor == max(0, min(position, len(sizes) - 1))
    lines = cursor_lines(made)
    assert lines[0] == (made.view.cursor, 0)
    assert len(lines) == min(height, sizes[made.view.cursor]), "and whole, if it fits"


@given(heights, window_heights, st.lists(moves, max_size=8), st.integers(-40, 40))
def test_the_cursor_stays_in_a_window_that_scrolls(sizes, height, path, by):
    made = viewed(sizes, height)
    for move in path:
        make(made.view, move)
    made.view.scroll(by)
    assert cursor_lines(made)


@given(heights, window_heights, st.integers(-40, 40))
def test_scrolling_moves_by_so_many_lines_up_to_the_ends(sizes, height, by):
    made = viewed(sizes, height, following=False, top=len(sizes) // 2, cursor=len(sizes) // 2)
    everything = made.everything()
    before = everything.index(made.window()[0])
    made.view.scroll(by)
    last = max(0, made.total - height)
    assert everything.index(made.window()[0]) == max(0, min(before + by, last))


# ---------------------------------------------------------------------------------- what does not move it


@given(heights, window_heights, st.lists(moves, min_size=1, max_size=8), news)
def test_appending_never_moves_what_is_being_read(sizes, height, path, more):
    made = viewed(sizes, height)
    for move in path:
        make(made.view, move)
    if made.view.following:
        made.view.go(made.view.cursor)
    before, cursor = made.window(), made.view.cursor
    made.heights += more
    assert made.window()[: len(before)] == before
    assert made.view.cursor == cursor


@given(heights, window_heights, st.lists(moves, min_size=1, max_size=8), st.data())
def test_growing_and_shrinking_below_the_window_never_moves_it(sizes, height, path, data):
    made = viewed(sizes, height)
    for move in path:
        make(made.view, move)
    if made.view.following:
        made.view.go(made.view.cursor)
    before = made.window()
    below = before[-1][0] + 1
    for position in range(below, len(sizes)):
        made.heights[position] = data.draw(st.integers(1, 9))
    if len(before) == height:
        assert made.window() == before


@given(heights, window_heights, st.data())
def test_what_changes_above_the_window_never_moves_it(sizes, height, data):
    made = viewed(sizes, height)
    made.view.show_at_top(data.draw(st.integers(0, len(sizes) - 1)))
    before = made.window()
    if before[0] == (made.view.cursor, 0) and len(before) == height:  # it is not at the end
        for position in range(made.view.top):
            made.heights[position] = data.draw(st.integers(1, 9))
        assert made.window() == before


@given(heights, window_heights, window_heights, st.integers(0, 24))
def test_another_height_keeps_the_line_at_the_top_while_enough_is_below(sizes, height, other, position):
    made = viewed(sizes, height)
    made.view.show_at_top(position)
    first, everything = made.window()[0], made.everything()
    made.view.height = other
    start = everything.index(first)
    assert made.window()[0] == everything[min(start, max(0, made.total - other))]


@given(heights, st.integers(2, 20), st.data())
def test_an_entry_at_the_top_that_becomes_shorter_still_begins_the_window(sizes, height, data):
    made = viewed([*sizes, *[1] * height], height)
    made.view.scroll(-data.draw(st.integers(1, made.total)))
    top = made.view.top
    if made.view.top_line:
        made.heights[top] = 1
        assert made.window()[0][0] == top


# --------------------------------------------------------------------------------------------- following


@given(heights, window_heights, st.lists(st.one_of(news, st.integers(0, 24)), max_size=8))
def test_following_always_shows_the_end(sizes, height, path):
    made = viewed(sizes, height)
    for step in path:
        if isinstance(step, list):
            made.heights += step
        else:
            made.heights[step % len(made.heights)] = 1 + step % 9
        assert made.window() == made.everything()[-height:]
        assert made.view.cursor == len(made.heights) - 1


@pytest.mark.parametrize("move", [("go", 3), ("scroll", -1), ("top", 0)])
def test_any_move_ends_the_following_and_only_follow_resumes_it(move):
    made = viewed([1] * 20, 5)
    make(made.view, move)
    assert not made.view.following
    made.heights += [1] * 5
    assert made.window()[-1] != (24, 0)
    made.view.follow()
    assert made.window()[-1] == (24, 0)


def test_the_first_step_up_from_the_end_scrolls_nothing():
    made = viewed([2] * 20, 6)
    before = made.window()
    made.view.go(made.view.cursor - 1)
    assert made.window() == before


def test_an_entry_larger_than_the_window_is_shown_from_its_beginning():
    made = viewed([1, 1, 30, 1], 5)
    made.view.go(2)
    assert made.window() == [(2, number) for number in range(5)]
    made.view.scroll(3)
    assert made.window() == [(2, number) for number in range(3, 8)]
    assert made.view.cursor == 2


def test_what_is_clicked_is_what_is_drawn():
    made = viewed([2, 3, 1], 5)
    assert [made.view.at(y) for y in range(-1, 7)] == [None, 0, 1, 1, 1, 2, None, None]


@pytest.mark.parametrize("move", [("go", 0), ("go", 5), ("scroll", -3), ("scroll", 3), ("top", 2)])
def test_an_empty_list_takes_every_move(move):
    made = viewed([], 5)
    make(made.view, move)
    assert made.window() == []
    assert (made.view.cursor, made.view.top, made.view.top_line) == (0, 0, 0)
    assert made.view.following, "what comes first will be shown"


def test_a_list_that_becomes_empty_is_an_empty_window():
    made = viewed([3] * 9, 5)
    made.view.go(4)
    made.heights.clear()
    assert made.window() == []


# -------------------------------------------------------------------------------------------------- cost


@pytest.mark.parametrize("move", [("go", 0), ("go", 500_000), ("go", 999_999), ("scroll", -30), ("top", 7)])
def test_a_move_in_a_million_entries_costs_what_the_window_shows(move):
    made = List([])
    made.heights = range(1, 1_000_001)  # no list: only the length and single entries may be asked for
    made.lines = lambda position: _count(made, position)
    made.view = Viewport(lambda: 1_000_000, made.lines)
    made.view.height = 40
    made.view.layout()
    assert made.asked <= 41
    made.asked = 0
    make(made.view, move)
    made.view.layout()
    assert made.asked <= 5 * 41


def _count(made, position):
    made.asked += 1
    return [position]


@given(st.integers(1, 60), st.integers(0, 5000))
def test_a_layout_asks_for_the_entries_it_shows_and_no_others(height, position):
    made = viewed([1] * 5000, height)
    made.view.go(position)
    made.asked = 0
    made.view.layout()
    assert made.asked <= 2 * height
