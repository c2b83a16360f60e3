"""A rich log for pictures: two turns of an incident, with nearly every kind of row, always the same."""

from tests.stories.write import Log

OPENING = "Debug my incident: p99 on orders is 10x its baseline since 08:30."
CONCLUSION = """\
**Root cause:** commit `9f2c1e` issues one query per line item, so each request holds its connection
40 times longer and the pool of 20 runs dry.

| metric | before | now |
|---|---|---|
| p99 | 212 ms | 2.1 s |
| connections | 5 | 20 |

1. Roll back to 2.40.3.
2. Add a limit on queries per request to the tests."""


def resource(log):
    agent = {"id": "agent_01", "name": "incident-responder", "version": 3, "model": {"id": "claude-opus-5"}}
    log.add(
        "local.session",
        id=None,
        at=...,
        session={
            "id": "sesn_011CZxAbCdEfGhJkLmNpQrSt",
            "title": "p99 on orders",
            "status": "running",
            "agent": agent,
            "budget": {"type": "limit", "max_list_cost": {"amount": "500", "currency": "USD"}},
        },
    )


def incident(end="waiting"):
    """The log up to where it waits for a yes, or to the end of its second turn."""
    log = Log()
    resource(log)
    log.begin("Who is on call?")
    log.answer("Mira Koval, until 18:00.", 1.4, fresh=812, out=18, read=0, written=4_100)
    log.rest(cents="2")
    log.wait(340)

    log.begin(OPENING)
    start = log.start()
    log.wait(0.9)
    log.thinking()
    log.message("I'll start with what changed, then look at the pool metrics.")
    deploys = log.custom("get_recent_deploys", input={"service": "orders", "window": "24h"})
    log.wait(1.2)
    log.end(start, fresh=940, out=412, read=16_800, written=460)
    log.wait(0.42)
    log.custom_result(deploys, "9f2c1e  2.41.0  Show gift wrapping per line item\n" * 20)
    start = log.start()
    log.wait(1.8)
    grep = log.tool("bash", input={"command": 'grep -c "pool exhausted" app.log'})
    log.end(start, fresh=120, out=88, read=17_900, written=300)
    log.wait(0.12)
    log.result(grep, "grep: app.log: No such file or directory", is_error=True)
    log.error("retrying")
    log.wait(3)
    log.thread_created("sthr_analyst", agent="log-analyst")
    log.sent("sthr_analyst", "Read the slow queries of the last hour.", to_agent_name="log-analyst")
    child = log.child("sthr_analyst")
    who = {"session_thread_id": "sthr_analyst", "agent_name": "log-analyst"}
    log.add("session.thread_status_running", **who)
    log.wait(2)
    look = child.tool("bash", input={"command": "kubectl logs deploy/orders --since=1h"})
    log.wait(3.5)
    child.result(look, "1284\n")
    child.message("40 queries an order, all on ITEMS.")
    log.add("session.thread_status_idle", stop_reason={"type": "end_turn"}, **who)
    log.received("sthr_analyst", "40 queries an order, all on ITEMS.", from_agent_name="log-analyst")
    start = log.start()
    log.wait(2.4)
    log.message(CONCLUSION)
    undo = log.tool("bash", "ask", input={"command": "kubectl rollout undo deploy/orders"}, id="undo")
    log.end(start, fresh=2_310, out=633, read=18_200, written=2_200)
    log.rest("requires_action", undo, cents="84")
    if end != "waiting":
        log.wait(21)
        log.confirm(undo)
        log.runs()
        log.wait(1.6)
        log.result(undo, "deployment.apps/orders rolled back\n")
        log.add("agent.dreams", of=["electric sheep"])
        log.answer("Rolled back. p99 is at **214 ms** again.", 1.1, fresh=300, out=40, read=20_000)
        log.rest(cents="91")
    return sorted([*log.events, *child.events], key=lambda event: event.at or 0)
