"""Text that streams in before its event exists."""

from __future__ import annotations

from cma_tui.event import local
from cma_tui.session.fold import apply
from cma_tui.session.model import Change, Session
from tests.session.look import fold, view
from tests.stories.write import Log, preview_delta, preview_start


def begun() -> Log:
    """A turn whose model is asked, every event with the time it reached us."""
    log = Log()
    log.begin()
    log.start(id="request")
    for number, event in enumerate(log.events):
        event.received_at = 100.0 + number
    return log


def tell(session: Session, *events: object) -> Change:
    change = Change()
    for event in events:
        apply(session, event, change)
    return change


def test_fragments_are_put_together_by_block():
    session = fold(begun().events)
    change = tell(
        session,
        preview_start("answer", received_at=104),
        preview_delta("answer", "Two te", received_at=104.5),
        preview_delta("answer", "Second", 1, received_at=105),
        preview_delta("answer", "sts fail.", received_at=106),
    )
    assert session.previews["answer"].text == "Two tests fail.\nSecond"
    assert not session.previews["answer"].partial
    (request,) = session.open_requests.values()
    assert (change.previews, change.items, change.header) == (True, {request}, False)


def test_the_first_fragment_tells_the_time_to_first_token_by_our_clock():
    session = fold(begun().events)
    tell(session, preview_start("answer", received_at=104), preview_delta("answer", "T", received_at=104.5))
    tell(session, preview_delta("answer", "wo", received_at=109))
    (index,) = session.first_tokens
    assert session.events[session.items[index].event].key == "request"
    assert session.first_tokens[index] == 104.5 - 103


def test_a_preview_that_is_joined_late_is_partial():
    session = fold(begun().events)
    tell(session, preview_delta("answer", "sts fail."))
    assert session.previews["answer"].partial
    assert not session.first_tokens, "without arrival times there is nothing to measure"


def test_the_event_replaces_its_preview_and_no_late_fragment_brings_it_back():
    log = begun()
    session = fold(log.events)
    tell(session, preview_start("answer"), preview_start("other"))
    log.message(id="answer")
    assert tell(session, log.events[-1]).previews
    assert list(session.previews) == ["other"]
    tell(session, preview_start("answer"), preview_delta("answer", "late"))
    assert list(session.previews) == ["other"]


def test_a_request_that_ends_closes_the_previews_of_its_stream_alone():
    log = begun()
    session = fold(log.events)
    child = preview_start("childs")
    child.stream = "sthr_c"
    tell(session, preview_start("answer"), child)
    log.end("request", is_error=True)
    tell(session, log.events[-1])
    assert list(session.previews) == ["childs"]


def test_an_idle_and_a_connection_that_breaks_close_all_previews():
    for last in ("idle", "broken"):
        log = begun()
        session = fold(log.events)
        tell(session, preview_start("answer"))
        log.idle()
        event = log.events[-1] if last == "idle" else local("local.disconnected", {"reason": "eof"})
        assert tell(session, event).previews
        assert not session.previews


def test_previews_are_no_part_of_the_log():
    log = begun()
    session = fold(log.events)
    before = view(session, numbers=True)
    tell(session, preview_start("answer"), preview_delta("answer", "Two"))
    assert view(session, numbers=True) == before


def test_a_fragment_of_an_absurd_block_is_refused():
    session = fold(begun().events)
    tell(session, preview_delta("answer", "x", 10**9), preview_delta("answer", "x", -1))
    assert session.previews["answer"].text == ""
