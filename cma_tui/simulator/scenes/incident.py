"""Owns the incident: orders is slow because each line item costs a query, found, rolled back and written up.

Invariant: the scenes tell one story with one set of facts; `host` has the metrics, the deploys and the diff
of it.
"""

from __future__ import annotations

from cma_tui.simulator.scenes import texts
from cma_tui.simulator.script import (
    Custom,
    Delegate,
    Failure,
    Join,
    Request,
    Say,
    Scene,
    Think,
    Turn,
    Use,
    WriteFile,
)


def investigate(turn: Turn) -> Scene:
    """From the alert to the root cause."""
    yield Request(
        Think(1.2),
        Say(texts.opening(turn.text)),
        Custom("get_recent_deploys", {"service": "orders", "window": "24h"}),
        Custom("get_metrics", {"service": "orders", "metric": "p99_latency_ms", "window": "1h"}),
    )
    yield Request(
        Say(
            "Latency jumped at 08:30, six minutes after `9f2c1e` went out."
            " I'll count how often the pool ran dry."
        ),
        Use(
            "bash",
            {"command": 'grep -c "pool exhausted" app.log'},
            texts.GREP_FAILED,
            fails=True,
            seconds=0.3,
        ),
    )
    yield Failure("model_overloaded_error", "Overloaded", said="The log is not where I")
    yield Request(
        Say(
            "The log is not where I expected it."
            " I'll look in the pod, and let log-analyst read the slow queries."
        ),
    )
    yield Delegate("log-analyst", texts.ANALYST_TASK, read_logs)
    yield Request(
        Use("bash", {"command": texts.POD_LOG_COMMAND}, "1284\n", seconds=2.4),
        Use(
            "read",
            {"file_path": "/workspace/orders/config/database.yaml"},
            texts.DATABASE_CONFIG,
            seconds=0.2,
        ),
    )
    yield Request(
        Think(1.6),
        Custom("get_metrics", {"service": "orders", "metric": "db_pool_in_use", "window": "1h"}),
        Custom("get_diff", {"commit": "9f2c1e"}),
    )
    yield Join()
    yield Request(Think(1.8), Say(texts.CONCLUSION))


def read_logs(turn: Turn) -> Scene:
    """What log-analyst does on its thread."""
    yield Request(
        Think(0.6),
        Use(
            "bash",
            {"command": "kubectl logs deploy/orders --since=1h | ./slowlog --top 3"},
            texts.SLOW_QUERIES,
            seconds=3.5,
        ),
        Use("grep", {"pattern": "WRAPPING", "path": "/workspace/orders"}, texts.GREP_WRAPPING, seconds=0.3),
    )
    yield Request(Say(texts.ANALYST_REPORT))


def rollback(turn: Turn) -> Scene:
    """Asks before it touches production, and takes no for an answer."""
    (answer,) = yield Request(
        Think(0.8),
        Say(
            "Rolling back to 2.40.3 takes `9f2c1e` out. It changes production, so I need your approval first."
        ),
        Use(
            "bash",
            {"command": "kubectl rollout undo deploy/orders"},
            texts.ROLLED_BACK,
            ask=True,
            seconds=1.6,
        ),
    )
    if answer.denied is not None:
        yield Request(Say(texts.not_rolled_back(answer.denied)))
        return
    yield Request(
        Say("Rolled back. I'll watch the rollout and the latency."),
        Use("bash", {"command": "kubectl rollout status deploy/orders"}, texts.ROLLOUT_STATUS, seconds=1.8),
    )
    yield Request(Say(texts.RECOVERED))


def search(turn: Turn) -> Scene:
    """Looks in the runbooks, which an MCP server has."""
    (answer,) = yield Request(
        Say("I'll look in the runbooks."),
        Use(
            "search_runbooks",
            {"query": turn.text, "limit": 3},
            texts.RUNBOOKS,
            server="runbooks",
            seconds=0.9,
        ),
    )
    yield Request(
        Say(texts.runbook_answer(turn.text) if answer.ok else "The runbooks do not answer at the moment.")
    )


def postmortem(turn: Turn) -> Scene:
    """A long answer, and a file of it."""
    yield Request(
        Think(1.5),
        Say(texts.POSTMORTEM),
        Use(
            "write",
            {"file_path": "/mnt/session/outputs/postmortem.md", "content": texts.POSTMORTEM},
            "File written: /mnt/session/outputs/postmortem.md\n",
            seconds=0.3,
        ),
    )
    yield WriteFile("postmortem.md", texts.POSTMORTEM)
    yield Request(Say("The post-mortem is also in `postmortem.md`, among the files of this session."))
