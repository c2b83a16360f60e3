"""Figures: the schema, what is known of the recordings, and that what is unknown is absent."""

import json

import pytest

from cma_tui.event import local, parse
from cma_tui.feed import fold_all
from cma_tui.report.stats import stats, stats_json
from cma_tui.report.tables import compare, table, together
from cma_tui.text import DANGEROUS
from tests.payloads import PAYLOADS
from tests.stories.recordings import NAMES, recording
from tests.stories.write import Log


def test_a_recording():
    figures = stats(fold_all(recording("braintrust-sdk-python/2026-08-17_sdk0.122")))
    totals = figures.pop("totals")
    (turn,) = figures.pop("turns")
    requests = figures.pop("requests")
    assert requests[0]["first_block_s"] == turn["first_block_s"]
    for key in ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens"):
        assert sum(one[key] for one in requests) == turn[key]
    assert sum(one["duration_s"] for one in requests) == pytest.approx(totals["model_s"])
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
        "servers": [],
        "threads": [],
        "signals": [],
    }
    time = {"model_s": 1.692923, "tools_s": 2.72156, "answer_s": 0.0, "you_s": 0.0, "other_s": 0.74932}
    time["idle_s"] = 0.0
    assert sum(time.values()) == pytest.approx(5.163803, abs=2e-6)
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
        "cost_mark": "exact",
        "wall_s": 5.163803,
        "model_s": 1.692923,
        "tool_s": 2.721561,
        "waiting_s": 0.0,
        "elapsed_s": 5.163803,
        "time": time,
        "longest_silence_s": 2.72156,
        "disconnects": 0,
        "disconnected_s": 0.0,
        "error_types": {},
        "output_tokens_per_s": 77.380956,
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
        "cost_mark": "exact",
        "cache_write_5m_tokens": 0,
        "cache_write_1h_tokens": 0,
        "first_block_s": 0.994939,
        "prompt_tokens": 2333,
        "elapsed_s": 5.163803,
        "time": time,
        "output_tokens_per_s": 77.380956,
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
            elif key.endswith(("s", "_tokens")) and key not in ("errors", "error_types"):
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
            "disconnects": 0,
            "disconnected_s": 0.0,
            "error_types": {},
        },
        "turns": [],
        "requests": [],
        "tools": [],
        "servers": [],
        "threads": [],
        "signals": [],
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
        "  time: wall 9.8s, model 8.7s, tools 0.49s, waiting for answers 0.60s",
        "  of 10s: model 8.7s (83%), tools 0.49s (5%), waiting for you 0.62s (6%), other 0.62s (6%)",
        "",
        "  turn  wall  requests  tools  failed  in  out  cost  stop         input",
        "     1  9.8s         3      2       1   6  314   n/a  end of turn  How many stars does"
        " langchain-ai/langsmith-sdk have? Use MCP and Exa",
        "",
        "  uses  failed    p50    p95  kind     tool",
        "     1       0  0.24s  0.24s  builtin  web_fetch",
        "     1       1  0.25s  0.25s  mcp      exa/web_search_exa",
    ]


class Rates:
    def cost(self, model, usage, at, /):
        return 5000 * usage.input_tokens + 25000 * usage.output_tokens

    def window(self, model, /):
        return 1000


def priced(log):
    resource = {"id": "sesn_1", "agent": {"name": "helper", "model": {"id": "claude-x"}}}
    return stats(fold_all([local("local.session", {"session": resource}), *log.events]), Rates())


def test_an_estimate_says_that_it_is_one_and_the_server_comes_first():
    log = Log()
    log.begin()
    log.answer(fresh=100, out=10, read=0, written=0)
    figures = priced(log)
    assert figures["totals"]["cost_mark"] == "estimated"
    assert figures["totals"]["cost_source"] == "estimate"
    running = 80_000_000 * 1_150_008 // 3_600_000_000
    assert figures["totals"]["cost_usd"] == pytest.approx((750_000 + running) / 1e9, abs=1e-6)
    assert figures["turns"][0]["context_share"] == 0.1
    assert "cost ~<$0.01" in "".join(table(figures, "log"))
    log.rest(cents="3")
    totals = priced(log)["totals"]
    assert (totals["cost_usd"], totals["cost_mark"]) == (0.03, "exact")
    log.begin()
    log.answer(fresh=100, out=10, read=0, written=0)
    totals = priced(log)["totals"]
    assert totals["cost_mark"] == "estimated"
    assert totals["cost_usd"] > 0.03
    totals = stats(fold_all(log.events))["totals"]
    assert (totals["cost_usd"], totals["cost_mark"]) == (0.03, "at_least"), "without prices: at least that"


def test_signs_that_something_is_wrong():
    log = Log()
    log.begin()
    for _ in range(4):
        log.result(log.tool(input={"command": "make"}), "no", is_error=True)
    figures = stats(fold_all(log.events))
    assert figures["signals"] == [
        {"kind": "same_call", "tool": "bash", "times": 4},
        {"kind": "errors", "times": 4},
    ]
    assert "  notice: the same call of bash, 4 times in a row" in table(figures, "log")
    assert figures["totals"]["errors_by_category"] == {"tool_error": 4}


def test_two_side_by_side_and_many_together():
    one, other = ((name, stats(fold_all(recording(name)))) for name in NAMES[:2])
    lines = compare(one, other)
    (row,) = [line for line in lines if "output tokens " in line]
    assert row.split() == ["output", "tokens", "106", "131", "+24%"]
    assert lines[-1].split() == ["cost", "n/a", "$0.01", "n/a"]
    last = together([one, other])[-1].split()
    assert last[:6] == ["2", "4", "2", "0", "9.0k", "237"]
    assert last[7] == "≥$0.01", "one of the two tells no cost"


def test_a_request_that_failed_says_why():
    log = Log()
    log.begin()
    for told in (True, False):
        start = log.start()
        log.end(start, is_error=True)
        if told:
            log.error()
    log.answer()
    log.rest()
    said = [one.get("error") for one in stats(fold_all(log.events))["requests"]]
    assert said[0].endswith(": Overloaded")
    assert said[1] == "api_error: model_request_failed: the model request failed"
    assert said[2] is None
