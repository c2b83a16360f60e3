"""The language of filters: what each term wants, how terms combine, and what is refused where."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cma_tui.feed import fold_all
from cma_tui.report.filter import KINDS, FilterError, kind_of, parse
from cma_tui.report.rows import row
from tests.stories.write import Log


@pytest.fixture(scope="module")
def session():
    log = Log()
    log.begin("Find the slow query")
    start = log.start()
    log.wait(2)
    log.end(start)
    ok = log.tool("bash", input={"command": "grep -c slow app.log"})
    log.wait(0.1)
    log.result(ok, "12 lines")
    bad = log.tool("read_file", input={"path": "/etc/Slow.conf"})
    log.wait(7)
    log.result(bad, "no such file", is_error=True)
    asks = log.mcp("web_search_exa", input={"query": "postgres"})
    log.wait(90)
    log.confirm(asks)
    log.wait(0.3)
    log.mcp_result(asks, "found")
    log.message('It said "or" twice (really).')
    log.rest()
    log.begin("And now?")
    log.answer("Done.")
    log.rest()
    return fold_all(log.events)


def found(session, text):
    """The matching rows: a word and the head or the beginning of the text."""
    wanted = parse(text)
    rows = [row(session, n) for n in range(len(session.items)) if wanted.matches(session, n)]
    return [shown.head or shown.text or shown.word for shown in rows]


SAID = 'It said "or" twice (really).'


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("kind:tool", ["bash", "read_file", "exa/web_search_exa"]),
        ("kind:you,agent turn:2", ["And now?", "Done."]),
        ("tool:ba", ["bash"]),
        ("tool:BASH", ["bash"]),
        ("tool:*_*", ["read_file", "exa/web_search_exa"]),
        ("tool:?ash", ["bash"]),
        ("tool:[b]*", []),
        ("server:exa", ["exa/web_search_exa"]),
        ("error", ["read_file"]),
        ("wait", ["exa/web_search_exa"]),
        ("kind:tool >5s", ["read_file"]),
        ("kind:tool took<=200ms", ["bash"]),
        ("waited>1m", ["exa/web_search_exa"]),
        ("waited>2m", []),
        ("slow", ["Find the slow query", "bash", "read_file"]),
        ("Slow", ["read_file"]),
        ("12 tool:bash", ["bash"]),
        ('"no such"', ["read_file"]),
        ('text:"no such"', ["read_file"]),
        ("/sl.w.*query/", ["Find the slow query"]),
        (r"/^\d+ lines$/", ["bash"]),
        ('"/sl.w/"', []),
        ("kind:tool !error", ["bash", "exa/web_search_exa"]),
        ("kind:tool not error", ["bash", "exa/web_search_exa"]),
        ("kind:tool and !error and !wait", ["bash"]),
        ("tool:bash or server:exa", ["bash", "exa/web_search_exa"]),
        ("kind:tool (error or wait)", ["read_file", "exa/web_search_exa"]),
        ("!kind:tool,model,status,thread,usage", ["Find the slow query", SAID, "And now?", "Done."]),
        ('"\\"or\\""', [SAID]),
        ('"(really)"', [SAID]),
        ("turn:2 kind:agent", ["Done."]),
        ("turn:1-2 kind:agent", [SAID, "Done."]),
        ("id:sevt_00003", ["Find the slow query"]),
        ("type:agent.message", [SAID, "Done."]),
        ("thread:primary kind:agent", [SAID, "Done."]),
        ("https://example.org", []),
    ],
)
def test_a_term_wants(session, text, rows):
    assert found(session, text) == rows


def test_an_empty_filter_wants_all_that_shows(session):
    shown = [n for n in range(len(session.items)) if row(session, n) is not None]
    assert [n for n in range(len(session.items)) if parse("  ").matches(session, n)] == shown


def test_every_item_is_of_a_kind_that_can_be_named(session):
    assert {kind_of(item) for item in session.items} <= KINDS


@pytest.mark.parametrize(
    ("text", "position", "says"),
    [
        ("kind:toll", 5, "no such kind: toll"),
        ("a kid:tool", 2, "no such key: kid"),
        ("tool:", 5, "what tool"),
        ("(a or b", 0, "parenthesis"),
        ("a)", 1, "not expected"),
        ("a or", 4, "missing"),
        ("or a", 0, "missing"),
        ("!", 1, "missing"),
        ('x "abc', 2, "quote"),
        (">5x", 1, "a time"),
        ("tokens>many", 7, "a number"),
        ("turn:x", 5, "a turn is a number"),
        ("ab /(/", 5, "missing"),
        ("!" * 500 + "a", 100, "deeply"),
    ],
)
def test_what_is_refused_says_where(text, position, says):
    with pytest.raises(FilterError) as refused:
        parse(text)
    assert says in str(refused.value)
    assert refused.value.position == position


@given(st.text(alphabet='ab :"/()!<>|&5smork\\*.[', max_size=30))
def test_anything_is_read_or_refused_within_its_length(text):
    where = 0
    try:
        parse(text)
    except FilterError as refused:
        where = refused.position
    assert 0 <= where <= len(text)
