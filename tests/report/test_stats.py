"""Figures: the schema, what is known of the recordings, and that what is unknown is absent."""

import json

import pytest

from cma_tui.event import local, parse
from cma_tui.feed import fold_all
from cma_tui.report.stats import stats, stats_json, table
from cma_tui.text import DANGEROUS
from tests.payloads import PAYLOADS
from tests.stories.recordings import NAMES, recording
from tests.stories.write import Log


def test_a_recording():
    figures = stats(fold_all(recording("braintrust-sdk-python/2026-08-17_sdk0.122")))
    totals = figures.pop("totals")
    (turn,) = figures.pop("turns")
    assert figures == {
        "version": 1,
        "agent": {"name": "braintrust-sdk-managed-agent-bash"},
        "status": "idle",
        "stop_reason": "end_turn",
        "events": 14,
        "unknown_events": 0,
        "bad_frames": 0,
        "tools": [
            {
                "name": "bash",
                "server": None,
                "kind": "builtin",
                "uses": 1,
                "errors": 0,
                "p50_s": 2.721561,
                "p95_s": 2.721561,
            }
        ],
        "threads": [],
    }
    assert totals == {
        "turns": 1,
        "model_requests": 2,
        "model_errors": 0,
        "tool_uses": 1,
        "tool_errors": 0,
        "confirmations": 0,
        "errors": 0,
        "compactions": 0,
        "threads": 0,
        "outcomes": 0,
        "input_tokens": 4525,
        "output_tokens": 131,
        "cache_read_tokens": 0,
        "cache_write_tokens": 0,
        "cost_usd": 0.01,
        "cost_source": "list_cost",
        "wall_s": 5.163803,
        "model_s": 1.692923,
        "tool_s": 2.721561,
        "waiting_s": 0.0,
    }
    assert turn == {
        "id": "sevt_014yZQkRrCMdSJBy8Lbf96cy",
        "index": 1,
        "started_at": "2026-08-17T16:21:33.262700Z",
        "ended_at": "2026-08-17T16:21:38.426503Z",
        "stop_reason": "end_turn",
        "input": "Use bash once to print 2+2, then reply with only the number.",
        "wall_s": 5.163803,
        "model_requests": 2,
        "tool_uses": 1,
        "tool_errors": 0,
        "input_tokens": 4525,
        "output_tokens": 131,
        "cache_read_tokens": 0,
        "cache_write_tokens": 0,
        "cost_usd": 0.01,
        "interrupted": False,
        "errors": [],
    }


@pytest.mark.parametrize("name", NAMES)
def test_turns_add_up_and_numbers_are_numbers(name):
    figures = stats(fold_all(recording(name)))
    for key in ("model_requests", "tool_uses", "tool_errors", "input_tokens", "output_tokens", "wall_s"):
        assert sum(turn[key] for turn in figures["turns"]) == pytest.approx(figures["totals"][key])
    assert sum(tool["uses"] for tool in figures["tools"]) == figures["totals"]["tool_uses"]
    for group in (figures["totals"], *figures["turns"]):
        for key, value in group.items():
            assert value is not None
            if key.endswith(("_s", "_usd")):
                assert isinstance(value, float)
            elif key.endswith(("s", "_tokens")) and key not in ("errors",):
                assert isinstance(value, int)
    assert json.loads(stats_json(figures)) == figures


def test_nothing_known_is_nothing_said():
    figures = stats(fold_all([]))
    assert figures == {
        "version": 1,
        "agent": {},
        "events": 0,
        "unknown_events": 0,
        "bad_frames": 0,
        "totals": {
            **dict.fromkeys(("turns", "model_requests", "model_errors", "tool_uses", "tool_errors"), 0),
            **dict.fromkeys(("confirmations", "errors", "compactions", "threads", "outcomes"), 0),
            **dict.fromkeys(("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens"), 0),
        },
        "turns": [],
        "tools": [],
        "threads": [],
    }
    assert table(figures, "empty")


def test_a_server_that_tells_neither_times_nor_tokens():
    log = Log()
    log.user("Hi", at=...)
    start = log.add("span.model_request_start", at=...)
    log.message("Hello", at=...)
    log.add("span.model_request_end", model_request_start_id=start, at=...)
    figures = stats(fold_all(log.events))
    assert figures["totals"]["model_requests"] == 1
    unknown = ("input_tokens", "cost_usd", "cost_source", "wall_s", "model_s", "tool_s", "waiting_s")
    assert not figures["totals"].keys() & set(unknown)
    assert not figures["turns"][0].keys() & {"started_at", "ended_at", "wall_s", "ttft_s", "input_tokens"}


def test_session_threads_unknown_events_and_bad_frames():
    resource = {
        "id": "sesn_1",
        "agent": {"id": "agent_1", "name": "helper", "model": {"id": "claude-x"}},
    }
    log = Log()
    log.begin()
    log.add("session.thread_created", session_thread_id="sthr_1", agent_name="reader")
    log.add("agent.dreaming", text="…")
    log.error(message="Overloaded")
    events = [local("local.session", {"session": resource}), *log.events, parse(b"rubbish")]
    child = log.child("sthr_1")
    use = child.tool(name="grep")
    child.result(use)
    figures = stats(fold_all([*events, *child.events]))
    assert figures["session_id"] == "sesn_1"
    assert figures["agent"] == {"id": "agent_1", "name": "helper", "model": "claude-x"}
    assert (figures["unknown_events"], figures["bad_frames"]) == (1, 1)
    assert figures["events"] == len(log.events) + len(child.events)
    assert figures["totals"]["tool_uses"] == 1
    (thread,) = figures["threads"]
    assert thread["agent_name"] == "reader"
    assert (thread["model_requests"], thread["tool_uses"]) == (0, 1)
    (error,) = figures["turns"][0]["errors"]
    assert "Overloaded" in error


def test_a_thread_that_was_not_read_has_no_counts():
    log = Log()
    log.begin()
    log.add("session.thread_created", session_thread_id="sthr_1", agent_name="reader")
    (thread,) = stats(fold_all(log.events))["threads"]
    assert thread.keys() == {"id", "agent_name"}


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda payload: payload.name)
def test_nothing_hostile_reaches_a_terminal(payload):
    log = Log()
    log.begin(payload.text)
    log.tool(name=payload.text)
    log.error(message=payload.text)
    log.add("session.thread_created", session_thread_id=payload.text, agent_name=payload.text)
    log.rest(payload.text)
    resource = {"id": payload.text, "agent": {"name": payload.text, "model": payload.text}}
    session = fold_all([local("local.session", {"session": resource}), *log.events])
    figures = stats(session)
    shown = stats_json(figures)
    assert not DANGEROUS.search(shown)
    assert json.loads(shown) == figures
    assert not any(map(DANGEROUS.search, table(figures, payload.text)))


def test_the_table():
    lines = table(stats(fold_all(recording("langsmith-sdk/mcp_tools_reject"))), "log.jsonl")
    assert lines == [
        "log.jsonl  Exa assistant",
        "  idle, end of turn; 24 events",
        "  turns 1, model requests 3, tool uses 2 (1 failed), confirmations 1",
        "  tokens: in 6, out 314, cache read 15.7k, cache write 18.1k; cost n/a",
        "  time: wall 9.8s, model 8.7s, tools 0.49s, waiting for you 0.60s",
        "",
        "  turn  wall  requests  tools  failed  in  out  cost  stop         input",
        "     1  9.8s         3      2       1   6  314   n/a  end of turn  How many stars does"
        " langchain-ai/langsmith-sdk have? Use MCP and Exa",
        "",
        "  uses  failed    p50    p95  kind     tool",
        "     1       0  0.24s  0.24s  builtin  web_fetch",
        "     1       1  0.25s  0.25s  mcp      exa/web_search_exa",
    ]
