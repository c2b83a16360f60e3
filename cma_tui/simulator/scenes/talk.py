"""Owns the small talk: greeting, help, and answers to questions that no other scene takes.

Invariant: an answer names what was asked, and says nothing that contradicts the incident.
"""

from __future__ import annotations

import re

from cma_tui.simulator.scenes.texts import quoted
from cma_tui.simulator.script import Request, Say, Scene, Think, Turn, Use

_HELP = """\
I answer incidents on the `orders` service. This is a simulation: nothing here touches a real system. Try:

- **debug my incident**: metrics, deploys, logs, a helper thread, and a root cause
- **roll it back**: a command that needs your approval; allow it, or deny it with a reason
- **search the runbooks**: a tool of an MCP server
- **write the postmortem**: a long answer and a file
- **delegate it**: a helper thread that asks for your approval itself
- **run a workflow**: phases with several threads
- **compact**, **overload**, **budget**, **exploit**, **crash**: what a session does in these cases
- **hostile**: output full of escape sequences, which must stay text

Anything else is answered from what I know. You can interrupt me at any time."""

# What a question is about, and the answer to it.
_FACTS: list[tuple[str, str]] = [
    (
        "on.?call|who",
        "**Marta Koval** is on call for orders until 18:00; **Tavleen Singh** has the database.",
    ),
    (
        "why|cause|reason",
        "`9f2c1e` loads the wrapping of each line item with a query of its own, on a pool of 20.",
    ),
    (
        "impact|customer|user|bad",
        "Checkout is slow for about 1 in 3 customers; 1,284 requests timed out since 08:30.",
    ),
    (
        "cost|money|lost",
        "At 08:50 about 2.1 % of orders were given up at checkout, against 0.4 % on other days.",
    ),
    (
        "deploy|commit|version",
        "2.41.0 (`9f2c1e`) went out at 08:24; the version before it is 2.40.3 (`41bd70`).",
    ),
    (
        "next|now|should|do",
        "First roll back to 2.40.3, then batch the query behind a test that counts queries.",
    ),
    (
        "test|prevent|again",
        "A test that loads an order of 40 lines and allows 2 queries would have caught it.",
    ),
]
_NO_FACT = (
    "The figures I have do not say more about it than this: orders is slow since 08:30, and `9f2c1e` is why."
)


def greet(turn: Turn) -> Scene:
    """A short hello, with a hint."""
    yield Request(
        Say(
            "Hello. I look after incidents on `orders`: right now its p99 latency is ten times the baseline."
            " Ask me to debug it, or say *help* to see what else I can do."
        )
    )


def help_(turn: Turn) -> Scene:
    """What can be asked."""
    yield Request(Say(_HELP))


def answer(turn: Turn) -> Scene:
    """Any other question."""
    fact = next(
        (fact for words, fact in _FACTS if re.search(rf"\b({words})", turn.text, re.IGNORECASE)), _NO_FACT
    )
    yield Request(
        Think(0.8),
        Say(f"About {quoted(turn.text)}: I'll check the current state first."),
        Use("bash", {"command": "kubectl get deploy/orders -o wide"}, _DEPLOYMENT, seconds=0.5),
    )
    yield Request(
        Say(f"{fact}\n\nAll six pods of orders are up, so this is a matter of speed and not of outage.")
    )


_DEPLOYMENT = """\
NAME     READY   UP-TO-DATE   AVAILABLE   AGE    CONTAINERS   IMAGES
orders   6/6     6            6           412d   orders       registry.example/orders:2.41.0
"""
