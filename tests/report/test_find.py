"""Looking for text: what counts as the same, what is looked in, and that the quick test misses nothing."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cma_tui.event import parse
from cma_tui.feed import fold_all
from cma_tui.report.find import Pattern, PatternError, TooSlowError, quick_token, texts
from tests.stories.write import Log
from tests.ui.test_entries import STORIES


def hits(events, source):
    session, pattern = fold_all(events), Pattern(source)
    return [n for n in range(len(session.items)) if pattern.matches(session, n)]


def test_small_letters_find_both_cases_and_a_capital_finds_itself():
    assert list(Pattern("pool").spans("Pool pool POOL")) == [(0, 4), (5, 9), (10, 14)]
    assert list(Pattern("Pool").spans("Pool pool POOL")) == [(0, 4)]
    assert list(Pattern(r"/\Spool/").spans("xPool")) == [(0, 5)], "the capital of an escape is no letter"


def test_plain_text_is_no_expression_and_an_expression_stands_between_slashes():
    assert list(Pattern("a.c").spans("abc a.c")) == [(4, 7)]
    assert list(Pattern("/a.c/").spans("abc a.c")) == [(0, 3), (4, 7)]
    assert list(Pattern("/x*/").spans("axxb")) == [(1, 3)], "nothing is no hit"


@pytest.mark.parametrize("source", ["", "/(/", "/[a/", "/*/"])
def test_what_cannot_be_looked_for_is_refused(source):
    with pytest.raises(PatternError):
        Pattern(source)


def test_an_expression_that_would_never_end_is_given_up():
    with pytest.raises(TooSlowError):
        Pattern("/(a|aa)+$/").holds("a" * 5000 + "b")


def test_all_that_can_be_read_of_an_item_is_looked_in():
    log = Log()
    log.begin("the question")
    use = log.tool(
        "edit",
        input={"path": "a.py", "old": "was\nhere", "deep": [{"x": "deepest"}], "n": 41},
        permission="ask",
    )
    log.confirm(use, "deny", deny_message="not on friday")
    log.result(use, "x" * 500_000 + " at the very end", is_error=True)
    log.message("m" * 100_000 + " last words")
    for source in (
        "the question",
        "edit",
        "was\nhere",
        "deepest",
        "41",
        "not on friday",
        "very end",
        "last words",
        use,
        "denied",
    ):
        assert len(hits(log.events, source)) >= 1, source
    assert hits(log.events, "a.py") == hits(log.events, "deepest") == hits(log.events, "very end")


def test_text_is_looked_for_as_it_is_read():
    log = Log()
    log.message("red \x1b[31malert\x1b[0ming \u202e tab\there")
    assert (
        hits(log.events, "alerting") == hits(log.events, "<u+202e>") == hits(log.events, "tab    here") == [0]
    )
    assert hits(log.events, "31m") == []


def test_escapes_in_the_json_hide_nothing():
    raw = rb'{"type":"agent.message","id":"a","content":[{"type":"text","text":"the \u0070ool is dry, K\u00e9ln"}]}'  # noqa: E501
    for source in ("pool", "kéln", "dry"):
        assert hits([parse(raw)], source) == [0]
    assert hits([parse('{"type":"agent.message","id":"a","content":"tas\u212as"}'.encode())], "tasks") == [0]


def test_the_name_of_a_thread_is_found_in_its_rows():
    log = Log()
    log.begin()
    log.add("session.thread_created", session_thread_id="sthr_a", agent_name="loganalyst")
    own = log.child("sthr_a")
    own.message("looking")
    assert len(hits(log.events + own.events, "loganalyst")) == 2


_RUNS = re.compile(r"\w+")


@pytest.mark.parametrize("name", STORIES)
def test_the_quick_test_misses_nothing_in_any_story(name):
    session = fold_all(STORIES[name])
    for index in range(len(session.items)):
        runs = {run.lower() for text in texts(session, index) for run in _RUNS.findall(text[:5000])}
        for run in sorted(runs)[:400]:
            if quick_token(run):
                assert Pattern(run)._may_match(session, index), (session.items[index].type, run)


@given(st.text(max_size=12), st.text(max_size=12), st.booleans())
def test_the_quick_test_misses_nothing_in_any_message(before, after, ascii_only):
    body = {
        "type": "agent.message",
        "id": "sevt_1",
        "content": [{"type": "text", "text": before + "Plumbing" + after}],
    }
    event = parse(json.dumps(body, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass"))
    session = fold_all([event])
    shown = "\n".join(texts(session, 0))
    for source in ("plumbing", "Plumbing", "ing" + after, before + "plumb"):
        try:
            pattern = Pattern(source, plain=True)
        except PatternError:
            continue
        assert pattern.matches(session, 0) == any(map(pattern.holds, texts(session, 0))), shown
