"""Tracing from the command line and from the screen: once, visibly, and only when there is a key."""

import json

import pytest

from cma_tui.commands.trace import mirror_of
from cma_tui.feed import Feed
from cma_tui.mirror import mirror_for
from cma_tui.settings import load
from cma_tui.source import Batch
from cma_tui.ui.app import CmaTop
from tests.mirror.fake import Fake
from tests.mirror.help import KEY
from tests.stories.recordings import recording
from tests.ui.play import opening

LOG = b"".join(event.raw + b"\n" for event in recording("langsmith-sdk/custom_tools"))


@pytest.fixture
def fake():
    with Fake() as served:
        yield served


@pytest.fixture
def env(fake, tmp_path, monkeypatch):
    """The environment of somebody who traces to the fake."""
    values = {
        "BRAINTRUST_API_KEY": KEY,
        "BRAINTRUST_APP_URL": fake.url,
        "CMA_TOP_STATE_DIR": str(tmp_path / "state"),
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return values


def turns(fake):
    return [row for row in fake.spans if row["span_attributes"]["name"].endswith(".turn")]


def test_a_log_is_sent_once_and_told(run, fake, env, tmp_path):
    log = tmp_path / "log.jsonl"
    log.write_bytes(LOG)
    code, out, err = run("trace", str(log))
    assert (code, err) == (0, "")
    assert out.startswith("1 sent\n")
    assert len(turns(fake)) == 1
    before = json.dumps(fake.spans, sort_keys=True, default=str)
    assert run("trace", str(log))[0] == 0
    assert json.dumps(fake.spans, sort_keys=True, default=str) == before


def test_without_a_key_nothing_is_imported_and_one_line_says_so(run, monkeypatch, tmp_path):
    monkeypatch.delenv("BRAINTRUST_API_KEY", raising=False)
    log = tmp_path / "log.jsonl"
    log.write_bytes(LOG)
    code, out, err = run("trace", str(log))
    assert (code, out) == (2, "")
    assert err == "cma-top: nothing is sent: BRAINTRUST_API_KEY is not set\n"
    assert mirror_of(load({}, {}, None), None) is None


async def test_the_screen_sends_a_turn_when_it_ends_and_says_so(fake, env):
    class Log:
        name, live, line, controls = "log", True, None, None

        async def batches(self):
            yield Batch(recording("langsmith-sdk/custom_tools"))

    mirror = mirror_for(load({}, env, None), env)
    app = CmaTop(Feed(opening(Log())), mode="watch", name="log", mirror=mirror)
    async with app.run_test() as pilot:
        while not app.screen.feed.finished or app.screen.feed.behind:
            await pilot.pause()
        fake.until(lambda: len(turns(fake)) == 1)
        assert "braintrust" in app.screen._header.traced
    assert mirror.close().sent == 1
