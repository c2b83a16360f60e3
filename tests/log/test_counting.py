"""The figures of a saved log are counted from what its session holds, without reading its events again."""

from __future__ import annotations

from cma_tui.commands.logs import fold
from cma_tui.log.formats import open_log
from cma_tui.log.index import LogEvents
from cma_tui.session.book import figures_of
from cma_tui.session.model import Session
from tests.stories.write import Log


def test_counting_reads_no_event_again(tmp_path):
    log = Log()
    for number in range(40):
        log.begin(f"ask {number}")
        log.answer()
        asks, hosted = log.mcp(), log.tool()
        log.idle("requires_action", asks, hosted)
        log.wait(2.0)
        log.confirm(asks)
        log.mcp_result(asks)
        log.host_result(hosted)
        log.idle()
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"".join(event.raw + b"\n" for event in log.events))
    with open_log(path) as saved:
        session = Session(events=saved.kept())
        session = fold(session, saved.events())
        assert isinstance(session.events, LogEvents)
        before = session.events.reads
        book = figures_of(session)
        assert session.events.reads == before
    assert book.total.confirmations == 40
    assert book.split is not None
    assert book.split.answer >= 40 * 2_000_000
