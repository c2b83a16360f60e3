import math
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cma_tui import text
from cma_tui.text import DANGEROUS, printable
from tests.payloads import LONE_SURROGATE, MARK_FLOOD, MARKUP, PAYLOADS

CODE_POINTS = st.characters(categories=None) | st.sampled_from(
    "\x00\x07\t\n\r\x1b[m;\x7f\x85\x9b\u00ad\u034f\u061c\u115f\u200b\u200c\u200d\u200e\u202e\u2066\u2028\u3164"
    "\ufe0e\ufe0f\ufeff\ufff9\ufffe\ud800\udfff\U000e0041\U000e0100\U0010ffff\u0301\u0302\u20dd\U0001d165👍é日"
)
ANY_TEXT = st.text(CODE_POINTS) | st.lists(
    st.sampled_from(["\x1b[31m", "\r\n", "\t", "\u0301", "\u200d", "e", "\n", "\x1b", "[0m", "\ud83d"])
).map("".join)
PLAIN = st.text(
    st.characters(exclude_categories=["C", "M", "Zl", "Zp"], exclude_characters="\u3164\uffa0\u115f")
)
MODES = st.fixed_dictionaries({"lines": st.booleans(), "strict": st.booleans()})

fast = settings(database=None, deadline=None, max_examples=200)


# ---------------------------------------------------------------------------------------------- printable


@fast
@given(ANY_TEXT, MODES, st.integers(-1, 40) | st.just(text.CAP))
def test_printable_is_total_and_idempotent_and_keeps_the_cap(raw, mode, cap):
    once = printable(raw, cap=cap, **mode)
    assert printable(once, cap=cap, **mode) == once
    assert len(once) <= max(cap, 0)
    once.encode("utf-8")


@fast
@given(ANY_TEXT, MODES)
def test_printable_leaves_nothing_dangerous(raw, mode):
    shown = printable(raw, **mode)
    assert DANGEROUS.search(shown.replace("\n", "") if mode["lines"] else shown) is None


@fast
@given(PLAIN)
def test_printable_leaves_plain_text_alone(raw):
    assert DANGEROUS.search(raw) is None or printable(raw) != raw
    if DANGEROUS.search(raw) is None and not any(
        "\u1161" <= c <= "\u11ff" or "\ud7b0" <= c <= "\ud7fb" for c in raw
    ):
        assert printable(raw) is raw


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda payload: payload.name)
@pytest.mark.parametrize("strict", [False, True])
def test_printable_defuses_every_payload(payload, strict):
    shown = printable(payload.text, strict=strict)
    assert payload.needle not in shown
    assert DANGEROUS.search(shown) is None


def test_every_code_point_alone_and_doubled():
    for start in range(0, 0x110000, 0x1000):
        points = [chr(point) for point in range(start, start + 0x1000)]
        for shown in (printable("x".join(points)), printable("x".join(c * 2 for c in points))):
            assert DANGEROUS.search(shown) is None
    for kept in "\u200c\u200d\ufe0e\ufe0f":
        assert printable(kept) == kept


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("", ""),
        ("plain, ünïcode 日本 👍🏽 ❤\ufe0f", "plain, ünïcode 日本 👍🏽 ❤\ufe0f"),
        ("one\ntwo\r\nthree\rfour", "one⏎two⏎three␍four"),
        ("a\tb", "a    b"),
        ("\x1b[1;31mred\x1b[0m and \x1b[38:2::1:2:3mtrue", "red and true"),
        ("\x1b]2;title\x07", "␛]2;title␇"),
        ("\x1b[2Jgone", "␛[2Jgone"),
        ("\x1b\x1b[0m[31mx", "␛[31mx"),
        ("nul \x00 del \x7f", "nul ␀ del ␡"),
        ("\x9b31m \x85", "<U+009B>31m <U+0085>"),
        ("user\u202etxt.exe", "user<U+202E>txt.exe"),
        ("soft\u00adhyphen", "soft<U+00AD>hyphen"),
        ("\ufffe\U0001ffff", "<U+FFFE><U+1FFFF>"),
        ("\U000e0041", "<U+E0041>"),
        (LONE_SURROGATE, "ab\ufffdcd"),
        ("👩\u200d👩\u200d👧", "👩\u200d👩\u200d👧"),
        ("e\u0301 stays as two", "e\u0301 stays as two"),
        (MARK_FLOOD, "a" + "\u0301" * 3 + "<+57 marks>"),
        ("a\u200d\u200d\u200d\u200d\u200db", "a\u200d\u200d\u200d<+2 marks>b"),
        ("\U0001e8d0" * 4, "\U0001e8d0" * 3 + "<+1 marks>"),
    ],
)
def test_printable_on_one_line(raw, shown):
    assert printable(raw) == shown


@pytest.mark.parametrize("markup", MARKUP)
def test_markup_is_text_like_any_other(markup):
    assert printable(markup).replace("␛", "\x1b") == markup


def test_printable_keeps_lines_on_request():
    assert printable("one\r\ntwo\n\n\u2028three\r", lines=True) == "one\ntwo\n\n<U+2028>three␍"


def test_strict_shows_what_prose_may_hold():
    raw = "rm\u00a0-rf \u200da\u200cb❤\ufe0f\ue000\U00100000\u3000\u2800\x1b[8m"
    assert printable(raw, strict=True) == (
        "rm<U+00A0>-rf <U+200D>a<U+200C>b❤<U+FE0F><U+E000><U+100000><U+3000><U+2800>␛[8m"
    )
    assert printable("ls -la ünïcode 日本\n", lines=True, strict=True) == "ls -la ünïcode 日本\n"


def test_a_text_over_the_cap_says_that_it_was_cut():
    assert printable("abcdef", cap=6) == "abcdef"
    assert printable("abcdefg", cap=6) == "abcde…"
    assert printable("ab\u202e", cap=6) == "ab<U+…"
    assert printable("abc", cap=0) == ""
    assert len(printable("x" * 1_000_000)) == text.CAP


@pytest.mark.parametrize(
    "raw",
    ["plain, of the usual kind. " * 40_000, "日本語のテキスト。" * 115_000, "é and 👍 " * 115_000],
    ids=["ascii", "cjk", "mixed"],
)
def test_plain_text_costs_one_search(raw):
    printable(raw, cap=len(raw))
    seconds = min(_timed(lambda: printable(raw, cap=len(raw))) for _ in range(5))
    reference = min(_timed(lambda: raw.count("\x00") + len(raw.encode())) for _ in range(5))
    assert seconds < max(0.025, 40 * reference)
    assert printable(raw, cap=len(raw)) is raw


def test_hostile_text_costs_no_more_than_its_length():
    for unit in ("\u202e", "\x1b[1", "\u0301", "\x1b", "<U+", " ", "\r", "a\u0301\u0302\u0303\u0304"):
        raw = unit * (text.CAP // len(unit))
        assert _timed(lambda raw=raw: printable(raw)) < 0.5
        assert _timed(lambda raw=raw: text.first_line(raw, 80)) < 0.5


def _timed(call):
    start = time.thread_time()
    call()
    return time.thread_time() - start


# ---------------------------------------------------------------------------------------------- first_line


@pytest.mark.parametrize(
    ("raw", "limit", "shown"),
    [
        ("Debug my incident\nplease", 80, "Debug my incident"),
        ("\n\r\n   \n\x1b[0m\n  indented\r\nrest", 80, "indented"),
        ("a long line of words", 10, "a long li…"),
        ("exactly 10", 10, "exactly 10"),
        ("", 10, ""),
        (" \n\t\n", 10, ""),
        ("evil\u202etxt", 80, "evil<U+202E>txt"),
        ("x", 0, ""),
    ],
)
def test_first_line(raw, limit, shown):
    assert text.first_line(raw, limit) == shown


@fast
@given(ANY_TEXT, st.integers(0, 30))
def test_first_line_is_one_safe_line_within_the_limit(raw, limit):
    line = text.first_line(raw, limit)
    assert len(line) <= limit
    assert DANGEROUS.search(line) is None


# ---------------------------------------------------------------------------------------------- numbers

FORMATS = [
    text.duration,
    text.offset,
    text.count,
    text.size,
    text.money,
    lambda usd: text.money(usd, exact=False),
    text.ago,
    text.clock,
]


@pytest.mark.parametrize("write", FORMATS)
@pytest.mark.parametrize("value", [None, math.nan, math.inf, -math.inf, 10**400, -(10**400)])
def test_what_is_no_number_is_not_available(write, value):
    assert write(value) == "n/a"


@fast
@given(st.floats() | st.integers() | st.none())
def test_every_format_is_total_and_short(value):
    for write in FORMATS:
        assert 0 < len(write(value)) <= 16


@fast
@given(st.floats(0, 1e12), st.floats(0, 1e12))
def test_a_larger_count_never_reads_as_smaller(one, other):
    smaller, larger = sorted((one, other))
    assert _read(text.count(smaller)) <= _read(text.count(larger))
    assert _read(text.size(smaller)) <= _read(text.size(larger))


def _read(shown):
    number = shown.rstrip(" BkMGT")
    unit = shown[len(number) :].strip(" B")
    return float(number) * 1000 ** " kMGT".index(unit or " ")


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0.00s"),
        (0.004, "0.00s"),
        (0.42, "0.42s"),
        (0.994, "0.99s"),
        (0.996, "1.0s"),
        (9.4, "9.4s"),
        (9.94, "9.9s"),
        (9.96, "10s"),
        (42.1, "42s"),
        (59.4, "59s"),
        (59.96, "1m00s"),
        (128, "2m08s"),
        (3599.4, "59m59s"),
        (3599.6, "1h00m"),
        (3840, "1h04m"),
        (86_399.9, "1d00h"),
        (86_399, "23h59m"),
        (3 * 86_400 + 2 * 3600, "3d02h"),
        (1e300, ">9999d"),
        (-0.42, "-0.42s"),
        (-75, "-1m15s"),
    ],
)
def test_duration(seconds, shown):
    assert text.duration(seconds) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "00.0"),
        (0.4, "00.4"),
        (9.96, "10.0"),
        (41.8, "41.8"),
        (59.94, "59.9"),
        (59.96, "1:00.0"),
        (62.4, "1:02.4"),
        (3599.96, "1:00:00.0"),
        (3842.4, "1:04:02.4"),
        (-0.04, "00.0"),
        (-3.2, "-03.2"),
        (1e300, ">9999h"),
    ],
)
def test_offset(seconds, shown):
    assert text.offset(seconds) == shown


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (0, "0"),
        (412, "412"),
        (999, "999"),
        (999.6, "1.0k"),
        (1000, "1.0k"),
        (4_100, "4.1k"),
        (18_249, "18.2k"),
        (99_949, "99.9k"),
        (99_960, "100k"),
        (182_000, "182k"),
        (999_499, "999k"),
        (999_950, "1.00M"),
        (1_200_000, "1.20M"),
        (9_996_000, "10.0M"),
        (120_000_000, "120M"),
        (3_400_000_000, "3.40G"),
        (10**15, ">999T"),
        (-412, "-412"),
        (-18_200, "-18.2k"),
        (-0.4, "0"),
    ],
)
def test_count(number, shown):
    assert text.count(number) == shown


@pytest.mark.parametrize(
    ("length", "shown"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1_100, "1.1 kB"),
        (14_000, "14.0 kB"),
        (182_000, "182 kB"),
        (999_950, "1.0 MB"),
        (1_100_000, "1.1 MB"),
        (5 * 10**12, "5.0 TB"),
        (10**18, ">999 TB"),
        (-1, "-1 B"),
    ],
)
def test_size(length, shown):
    assert text.size(length) == shown


@pytest.mark.parametrize(
    ("usd", "exact", "shown"),
    [
        (0, True, "$0.00"),
        (0.31, True, "$0.31"),
        (12.4, True, "$12.40"),
        (0.001, True, "<$0.01"),
        (0.0051, True, "$0.01"),
        (0.31, False, "~$0.31"),
        (0.001, False, "~<$0.01"),
        (0, False, "~$0.00"),
        (1234.5, True, "$1,234.50"),
        (999_999.999, True, "$1.00M"),
        (-0.31, True, "-$0.31"),
        (1e300, True, "$>999T"),
    ],
)
def test_money(usd, exact, shown):
    assert text.money(usd, exact) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "now"),
        (0.9, "now"),
        (3, "3s ago"),
        (59.96, "59s ago"),
        (60, "1 min ago"),
        (250, "4 min ago"),
        (3600, "1 h ago"),
        (47 * 3600, "47 h ago"),
        (72 * 3600, "3 d ago"),
        (1e300, ">9999 d ago"),
        (-0.5, "now"),
        (-240, "in 4 min"),
    ],
)
def test_ago(seconds, shown):
    assert text.ago(seconds) == shown


def test_clock_is_local(monkeypatch):
    try:
        monkeypatch.setenv("TZ", "UTC-5:30")
        time.tzset()
        assert text.clock(0) == "05:30:00"
        assert text.clock(1_700_000_000.9) == "03:43:20"
    finally:
        monkeypatch.undo()
        time.tzset()


def test_clock_beyond_the_calendar():
    assert text.clock(1e300) == "n/a"
