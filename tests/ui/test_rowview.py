"""Rows as strips: their width, what is cut and wrapped, and what Markdown may cost."""

import re
from time import thread_time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.style import Style

from cma_tui.feed import fold_all
from cma_tui.report.words import Row
from cma_tui.session.book import figures_of
from cma_tui.text import DANGEROUS, printable
from cma_tui.ui.cells import fit, wrap
from cma_tui.ui.widgets import headings
from cma_tui.ui.widgets.markdown import MARKDOWN_CAP, is_markdown, markdown_console, set_markdown
from cma_tui.ui.widgets.rowview import WORD, draw, left_width
from tests.stories.write import Log
from tests.ui.rows import LOOK, WIDE_TEXTS, all_rows, sessions

CONSOLE = markdown_console(LOOK.base, LOOK.quiet, LOOK.tones)
WIDTHS = (*range(20, 32), 40, 63, 79, 80, 81, 99, 100, 101, 120, 160, 200, 239, 240)


def drawn(said, width=80, time="00.4", duration="1.2s", limit=24):
    return draw(said, width, LOOK, time=time, duration=duration, limit=limit, console=CONSOLE)


def lines(said, *args, **options):
    return [strip.text.rstrip() for strip in drawn(said, *args, **options)]


# ------------------------------------------------------------------------------------------------- width


def test_there_is_a_row_of_every_kind_to_be_drawn():
    words = {said.word for said in all_rows()}
    assert {"you", "agent", "tool", "model", "error", "thread", "system", "thinks", "usage"} <= words
    assert {"session", "stream", "broken", "other", "outcome", "workflow", "context"} <= words
    assert len(all_rows()) > 1500


@pytest.mark.parametrize("width", WIDTHS)
def test_every_line_of_every_row_is_exactly_as_wide_as_asked(width):
    time, limit = (None, None) if width % 2 else ("1:04:02.4", 3)
    for said in all_rows():
        for strip in drawn(said, width, time=time, limit=limit):
            assert width == sum(cell_len(segment.text) for segment in strip), said


@pytest.mark.parametrize("width", [20, 33, 69, 70, 80, 160, 240])
def test_every_heading_is_exactly_as_wide_as_asked(width):
    for session in sessions():
        book = figures_of(session)
        for turn in session.turns:
            for folded in (False, True):
                strip = headings.draw(session, turn, width, book, folded=folded, style=Style(), quiet=Style())
                assert width == sum(cell_len(segment.text) for segment in strip)


def heading(text, width, **ended):
    log = Log()
    log.begin(text)
    start = log.start()
    log.wait(2)
    log.result(log.tool())
    log.end(start)
    log.rest(ended.get("reason", "end_turn"), cents="12")
    session = fold_all(log.events)
    book = figures_of(session)
    strip = headings.draw(session, session.turns[0], width, book, folded=False, style=Style(), quiet=Style())
    return strip.text.rstrip()


def test_what_was_asked_has_its_share_of_a_heading():
    long = "Find out why the orders of last week are slow"
    assert heading("Hi", 60).split("  ")[-1].strip() == "2.3s · 1 request · 1 tool · $0.12"
    assert heading(long, 120).endswith("2.3s · 1 request · 1 tool · $0.12")
    assert heading(long, 60).endswith("2.3s · 1 tool · $0.12")
    narrow = heading(long, 60, reason="retries_exhausted")
    assert narrow.endswith("$0.12 · gave up after retries")
    assert "Find out why the" in narrow
    assert heading(long, 20).endswith("…  $0.12")


def test_a_heading_counts_nothing_that_was_not():
    log = Log()
    log.begin("Hi")
    log.rest(cents="1")
    session = fold_all(log.events)
    said = headings.figures(session, session.turns[0], figures_of(session), 80)
    assert said == "0.30s · $0.01"


def test_no_row_holds_a_character_that_a_terminal_could_obey():
    for said in all_rows():
        for text in (
            said.word,
            said.head,
            said.text.replace("\n", ""),
            said.outcome,
            said.aside,
            said.figure,
        ):
            assert DANGEROUS.search(text) is None, said


# ----------------------------------------------------------------------------------------------- columns


def test_a_row_says_when_what_how_long_and_how_much():
    said = Row("tool", "tool", 0.0, head="bash", text="make test", outcome="ok", figure="1.1 kB")
    (wide,) = lines(said, 110)
    assert wide.split() == ["00.4", "tool", "bash", "make", "test", "ok", "1.2s", "1.1", "kB"]
    (narrow,) = lines(said, 80)
    assert narrow.split() == ["00.4", "tool", "bash", "make", "test", "ok", "1.2s"]


@pytest.mark.parametrize(
    ("time", "shown"),
    [
        ("00.4", "00.4"),
        ("59:02.4", "59:02.4"),
        ("1:04:02.4", "1:04:02"),
        ("26:04:02.4", "26:04:02"),
        ("16:00:07", "16:00:07"),
        ("-1:04:02.4", "-1:04:02"),
        (">9999h", ">9999h"),
    ],
)
def test_a_time_keeps_its_hours_whatever_the_room(time, shown):
    (line,) = lines(Row("tool", "tool", 0.0, head="bash"), time=time, duration="")
    assert line.split()[0] == shown
    assert line.index("tool") == left_width(80, True) - WORD - 1


@pytest.mark.parametrize(
    ("time", "shown"),
    [
        ("00.4", "00.4"),
        ("1:02.4", "1:02"),
        ("59:02.4", "59:02"),
        ("1:04:02.4", "1h04"),
        ("-26:04:02.4", "-26h…"),
        ("16:00:07", "16:00"),
    ],
)
def test_a_narrow_row_has_a_narrow_time_and_its_text_begins_earlier(time, shown):
    (line,) = lines(Row("tool", "tool", 0.0, head="bash"), 60, time=time, duration="")
    assert line.split()[:3] == [shown, "tool", "bash"]
    assert line.index("bash") == left_width(60, True) == left_width(80, True) - 4


def test_where_there_is_hardly_room_a_row_has_no_time():
    (line,) = lines(Row("tool", "tool", 0.0, head="bash"), 30, time="00.4", duration="")
    assert line.split() == ["tool", "bash"]


def test_a_time_beyond_the_column_says_that_it_was_cut():
    (line,) = lines(Row("tool", "tool", 0.0, head="bash"), 60, time="1234:04:02.4", duration="")
    assert line.split()[0].endswith("…")


def test_the_outcome_stays_when_the_text_is_cut():
    said = Row("tool", "tool", 0.0, head="bash", text="x" * 500, outcome="needs your answer")
    for width in (56, 80, 120):
        (line,) = lines(said, width)
        assert "needs your answer" in line
        assert "…" in line


def test_an_aside_is_a_line_of_its_own():
    said = Row("tool", "tool", 0.0, head="bash", outcome="failed", aside="grep: no such file")
    first, second = lines(said)
    assert "failed" in first
    assert second.strip() == "└ grep: no such file"


def test_a_message_says_how_much_of_it_is_hidden():
    said = Row("you", "you", 0.0, text="\n".join(f"line {n}" for n in range(30)), prose=True)
    shown = lines(said, limit=5)
    assert len(shown) == 6
    assert shown[-1].strip() == "… 25 more lines, Space shows them"
    assert len(lines(said, limit=None)) == 30


def test_a_queued_message_says_so():
    said = Row("you", "you", None, text="and then?", prose=True, outcome="queued, not picked up yet")
    assert lines(said, time="")[-1].strip() == "queued, not picked up yet"


# ----------------------------------------------------------------------------------- cutting and wrapping

texts = st.text(
    st.one_of(
        st.characters(codec="utf-8"),
        st.sampled_from("ab  \n日本👍é\u0301\u200d👩한"),
    ),
    max_size=120,
).map(lambda text: printable(text, lines=True))


def visible(text):
    return re.sub(r"\s", "", text)


@given(texts, st.integers(1, 60))
def test_wrapping_keeps_every_visible_character_and_the_width(text, width):
    made = wrap(text, width)
    assert visible("".join(made)) == visible(text)
    assert all(cell_len(line) <= max(2, width) for line in made), "a wide character needs two cells"


@given(texts, st.integers(20, 60))
def test_wrapping_leaves_lines_that_fit_as_they_are(text, width):
    short = [line for line in text.split("\n") if cell_len(line) <= width]
    made = wrap(text, width)
    assert [line for line in made if line in short][: len(short)] or not short
    assert wrap("\n".join(short), width) == (short or [""])


@given(st.integers(1, 8), st.integers(20, 40))
def test_a_line_that_is_wrapped_keeps_its_indentation(indent, width):
    first, *_ = wrap(" " * indent + "word " * 20, width)
    assert first.startswith(" " * indent + "word")


@given(texts.map(lambda text: text.replace("\n", " ")), st.integers(0, 40))
def test_a_cut_line_fits_and_says_that_it_was_cut(text, width):
    made = fit(text, width)
    assert cell_len(made) <= width
    assert made == text or width == 0 or made.endswith("…")


@pytest.mark.parametrize("text", [" " * 500, " " * 39 + "日本語" * 40, " " * 60 + "x" * 60, "\n" * 9, ""])
def test_a_line_of_mostly_spaces_is_wrapped_too(text):
    made = wrap(text, 40)
    assert visible("".join(made)) == visible(text)
    assert all(cell_len(line) <= 40 for line in made)


def test_a_long_line_is_wrapped_in_time_that_grows_with_it():
    for text in ("x" * 300_000, "日本" * 100_000, "word " * 60_000):
        start = thread_time()
        wrap(text, 100)
        assert thread_time() - start < 2.0


# -------------------------------------------------------------------------------------------- Markdown


def markdown(text, width=60):
    return ["".join(segment.text for segment in line) for line in set_markdown(text, width, Style(), CONSOLE)]


@pytest.mark.parametrize("marks", ["#", "##", "###"])
def test_a_heading_of_a_message_begins_at_the_left(marks):
    assert markdown(f"{marks} What changed\n\ntext")[0].rstrip() == "What changed"


def test_markdown_is_set_without_its_marks():
    text = "\n".join(markdown("Commit `9f2c1e` is **slow**.\n\n- one\n- two"))
    assert "Commit 9f2c1e is slow." in text
    assert "*" not in text
    assert "`" not in text


@pytest.mark.parametrize("text", WIDE_TEXTS)
@pytest.mark.parametrize("width", [10, 11, 40])
def test_markdown_never_exceeds_its_width(text, width):
    assert all(cell_len(line) <= width for line in markdown(text, width))


@pytest.mark.parametrize(
    "text",
    [
        "a <b>bold</b> claim in `code`",
        "before <!-- rm -rf / --> after **x**",
        "`List` of <String> items",
        "**x**\n\n<div>\nhidden?\n</div>\n",
        "<script>alert(1)</script> *x*",
    ],
)
def test_markdown_hides_no_tag_and_no_comment(text):
    shown = visible("".join(markdown(text)))
    for piece in re.findall(r"<[^>]*>|hidden\?|alert\(1\)", text):
        assert visible(piece) in shown


def test_markdown_shows_where_a_link_leads_and_makes_none():
    made = set_markdown("see [the docs](https://owned.example/x)", 80, Style(), CONSOLE)
    text = "".join(segment.text for line in made for segment in line)
    assert "https://owned.example/x" in text
    assert not any(segment.style and segment.style.link for line in made for segment in line)


@pytest.mark.parametrize(
    "text",
    [
        "*" + "a" * MARKDOWN_CAP,
        "```\nx\n```\n" * 60,
        "|" * 40 + "\n" + "|-" * 40,
    ],
    ids=["long", "fences", "columns"],
)
def test_what_could_freeze_markdown_is_shown_plain(text):
    assert not is_markdown(text)
    shown = lines(Row("agent", "agent", 0.0, text=text, prose=True), limit=None)
    assert visible(text)[:40] in visible("".join(shown))


@pytest.mark.parametrize(
    "text",
    [
        "[" * 15_000,
        "*a " * 5_000,
        "> " * 7_500 + "x",
        "- " * 7_500,
        "[a](b)" * 2_600,
        "|a|b|\n|-|-|\n" + "|x|y|\n" * 2_000,
        "`" * 15_000,
        "**" * 7_500,
        "![" * 7_500,
        "<" * 15_000 + "*",
        "\n".join("  " * n + "- x" for n in range(120)),
    ],
    ids=range(11),
)
def test_the_worst_markdown_that_is_set_takes_less_than_a_second(text):
    assert len(text) <= MARKDOWN_CAP
    start = thread_time()
    drawn(Row("agent", "agent", 0.0, text=text, prose=True))
    assert thread_time() - start < 1.0


@given(texts)
def test_no_message_raises_whatever_it_holds(text):
    for tone in ("agent", "you"):
        for strip in drawn(Row(tone, tone, 0.0, text=text, prose=True), 40):
            assert strip.cell_length == 40
