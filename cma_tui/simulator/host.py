"""Owns the client's side of the demo: it runs the incident-responder's custom tools as an application would.

Invariant: it knows a call by its name and input alone, as any client does, and answers every call it is
asked.
"""

from __future__ import annotations

import json
from typing import Any

from cma_tui.simulator.store import Call, Event

SECONDS_TO_ANSWER = 0.7

CUSTOM_TOOLS: dict[str, str] = {
    "get_metrics": "Read a metric of a service over a time window.",
    "get_recent_deploys": "List the deploys of a service, newest first.",
    "get_diff": "Show the diff of a commit.",
}

_METRICS: dict[str, dict[str, Any]] = {
    "p99_latency_ms": {
        "unit": "ms",
        "baseline": 212,
        "points": [
            {"at": "08:10", "value": 208},
            {"at": "08:20", "value": 217},
            {"at": "08:30", "value": 1630},
            {"at": "08:40", "value": 2140},
            {"at": "08:50", "value": 2185},
        ],
    },
    "db_pool_in_use": {
        "unit": "connections",
        "limit": 20,
        "points": [
            {"at": "08:10", "value": 4},
            {"at": "08:20", "value": 5},
            {"at": "08:30", "value": 19},
            {"at": "08:40", "value": 20},
            {"at": "08:50", "value": 20},
        ],
    },
}

_DEPLOYS = [
    {
        "commit": "9f2c1e",
        "version": "2.41.0",
        "at": "08:24",
        "author": "mkoval",
        "title": "Show gift wrapping per line item",
    },
    {
        "commit": "41bd70",
        "version": "2.40.3",
        "at": "yesterday 16:02",
        "author": "tsingh",
        "title": "Bump http client to 4.2",
    },
    {
        "commit": "c07a9a",
        "version": "2.40.2",
        "at": "yesterday 11:47",
        "author": "tsingh",
        "title": "Log the request id on timeouts",
    },
]

_DIFF = """\
diff --git a/orders/repository.py b/orders/repository.py
index 3b1f0aa..9f2c1e4 100644
--- a/orders/repository.py
+++ b/orders/repository.py
@@ -41,9 +41,12 @@ class OrderRepository:
     def load(self, order_id: str) -> Order:
         with self.pool.connection() as db:
             order = db.one(ORDER, order_id)
-            items = db.all(ITEMS_WITH_WRAPPING, order_id)
-            return Order(order, items)
+            items = db.all(ITEMS, order_id)
+            for item in items:
+                item.wrapping = db.one(WRAPPING, item.id)
+            return Order(order, items)
"""


def _answer(name: str, arguments: Event) -> tuple[str, bool]:
    match name:
        case "get_metrics":
            metric = arguments.get("metric", "p99_latency_ms")
            if metric not in _METRICS:
                return f"no metric {metric!r}; there are {', '.join(_METRICS)}", True
            return json.dumps({"metric": metric, **_METRICS[metric]}), False
        case "get_recent_deploys":
            return json.dumps(_DEPLOYS), False
        case "get_diff":
            return _DIFF, False
    return f"{name}: done\n", False


def result(call: Call) -> Event:
    """The event that answers this call."""
    text, is_error = _answer(call.name, call.input)
    content = [{"type": "text", "text": text}]
    if call.kind == "custom":
        return {
            "type": "user.custom_tool_result",
            "custom_tool_use_id": call.id,
            "content": content,
            "is_error": is_error,
        }
    return {"type": "user.tool_result", "tool_use_id": call.id, "content": content, "is_error": is_error}
