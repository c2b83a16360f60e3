"""Owns the scenes of what else can happen: refusals, limits, failures, threads, workflows, hostile output.

Invariant: each scene shows one situation and says in its messages which.
"""

from __future__ import annotations

from cma_tui.simulator import meter
from cma_tui.simulator.scenes import texts
from cma_tui.simulator.script import (
    Compact,
    Delegate,
    Evaluate,
    Failure,
    Join,
    Phase,
    Request,
    Say,
    Scene,
    Stop,
    Think,
    Turn,
    Use,
    Workflow,
    WriteFile,
)


def refusal(turn: Turn) -> Scene:
    """The model declines."""
    yield Request(Think(0.6))
    yield Stop(
        "refusal",
        {
            "type": "refusal",
            "category": "cyber",
            "explanation": "The request asks for help with attacking a system.",
        },
    )


def budget(turn: Turn) -> Scene:
    """Spends what is left of the budget in one request, and goes on when there is more."""
    if turn.cents_left is None:
        yield Request(
            Say("This session has no budget, so nothing stops me. A budget is set when a session is created.")
        )
        return
    spends_it = int(max(turn.cents_left, 0) / 100 / meter.CACHE_WRITE_PRICE * 1e6) + 10_000
    yield Request(
        Say("I'll read a month of traces at once. That is expensive: it takes what is left of the budget."),
        Use("bash", {"command": "./traces --since=30d --full"}, "read 1,912,004 spans\n", seconds=1.2),
        reads=spends_it,
    )
    yield Request(Say("The budget has been raised, so I can go on: the month shows no earlier case of this."))


def overload(turn: Turn) -> Scene:
    """The model stays overloaded until the retries are used up."""
    yield Failure("model_overloaded_error", "Overloaded")
    yield Failure("model_overloaded_error", "Overloaded", pause=3.0)
    yield Failure("model_overloaded_error", "Overloaded", retry="exhausted")
    yield Stop("retries_exhausted")


def crash(turn: Turn) -> Scene:
    """An error that ends the session."""
    yield Request(Say("This ends the session with an error that cannot be retried."))
    yield Failure("unknown_error", "The session's environment was lost", retry="terminal")
    yield Stop("terminated")


def compaction(turn: Turn) -> Scene:
    """The context is summarised."""
    yield Request(Say("The context is long. I'll summarise it and go on from the summary."))
    yield Compact(texts.CONCLUSION)
    yield Request(
        Say("Done. I keep the root cause, the deploy times and the open follow-ups; the raw logs are gone.")
    )


def delegation(turn: Turn) -> Scene:
    """A child thread that needs a person's approval."""
    yield Request(
        Say("I'll hand this to log-analyst. It will need your approval to read the production database.")
    )
    yield Delegate("log-analyst", "Explain the query plan of the wrapping lookup on production.", _explain)
    (report,) = yield Join()
    yield Request(Say(f"log-analyst reports: {report.text}"))


def _explain(turn: Turn) -> Scene:
    (answer,) = yield Request(
        Think(0.5),
        Use("bash", {"command": texts.EXPLAIN_COMMAND}, texts.QUERY_PLAN, ask=True, seconds=0.7),
    )
    if answer.denied is not None:
        yield Request(
            Say(f"I was not allowed to read the plan{f': {answer.denied}' if answer.denied else ''}.")
        )
        return
    yield Request(Say("the lookup is an index scan of 0.4 ms. One is cheap; forty in a row are not."))


def workflow(turn: Turn) -> Scene:
    """A run that completes, and one that does not."""
    yield Request(
        Think(0.8), Say("I'll run a workflow: collect evidence on three services, then compare it.")
    )
    reports = yield Workflow(
        "triage",
        "Find out which services share the fault",
        (
            Phase(
                "collect", "One thread per service", tuple(_look_at(s) for s in ("orders", "cart", "billing"))
            ),
            Phase("compare", "One thread for all", (_look_at("all three"),)),
        ),
    )
    yield Request(
        Say(
            f"{len(reports)} threads reported. Only orders has the fault."
            " A backfill is next, on a short time limit."
        )
    )
    yield Workflow(
        "backfill",
        "Fill in the lost wrapping data",
        (Phase("scan", "One pass over the orders since 08:24", (_look_at("orders"),)),),
        error={"type": "timeout_error", "message": "The workflow run reached its time limit"},
    )
    yield Request(Say("The backfill ran into its time limit. It can be repeated at night; nothing is lost."))


_EVIDENCE = {
    "orders": "one query per line item since 2.41.0.",
    "cart": "no such pattern.",
    "billing": "no such pattern.",
    "all three": "only orders loads lines one by one.",
}


def _look_at(service: str) -> Delegate:
    def scene(turn: Turn) -> Scene:
        yield Request(
            Use("bash", {"command": f"./evidence '{service}'"}, f"{service}: 3 sources read\n", seconds=0.8)
        )
        yield Request(Say(f"{service}: {_EVIDENCE[service]}"))

    return Delegate("evidence-reader", f"Collect evidence on {service}.", scene)


def outcome(turn: Turn) -> Scene:
    """Works on a defined outcome until the grader is satisfied, or out of patience."""
    yield Request(
        Think(0.8),
        Say(f"I'll work towards the outcome {texts.quoted(turn.text)}."),
        Use(
            "write",
            {"file_path": "/mnt/session/outputs/summary.md", "content": texts.SUMMARY_1},
            "File written\n",
        ),
    )
    yield WriteFile("summary.md", texts.SUMMARY_1)
    revisions = ("The timeline has no end.", "The owner of the follow-up is not named.")[
        : turn.max_iterations
    ]
    for number, missing in enumerate(revisions, start=1):
        if number == turn.max_iterations:
            yield Evaluate("max_iterations_reached", missing)
            yield Request(Say(f"That was the last iteration. Still open: {missing.lower()}"))
            return
        yield Evaluate("needs_revision", missing)
        yield Request(
            Say(f"The grader says: {missing} I'll add it."),
            Use(
                "edit",
                {
                    "file_path": "/mnt/session/outputs/summary.md",
                    "old_string": texts.SUMMARY_1 if number == 1 else texts.SUMMARY_2,
                    "new_string": texts.SUMMARY_2 if number == 1 else texts.SUMMARY_3,
                },
                "1 replacement made\n",
                seconds=0.4,
            ),
        )
    yield Evaluate("satisfied", "All criteria of the rubric are met.")
    yield WriteFile("summary.md", texts.SUMMARY_3)
    yield Request(Say("The grader is satisfied. The result is in `summary.md`."))


def hostile(turn: Turn) -> Scene:
    """Output that would like to take over the terminal."""
    yield Request(
        Say("I'll read a log that somebody else can write to. Whatever is in it must stay text."),
        Use("bash", {"command": "tail -n 8 /var/log/upload.log"}, texts.HOSTILE_OUTPUT),
    )
    yield Request(Say(texts.HOSTILE_MESSAGE))
