"""Rows of every kind, and a look to draw them in."""

from functools import cache

from rich.style import Style

from cma_tui.event import parse
from cma_tui.feed import fold_all
from cma_tui.report.rows import row
from cma_tui.ui.widgets.rowview import Look
from tests.payloads import LONE_SURROGATE, MARK_FLOOD, MARKUP, PAYLOADS
from tests.stories.write import Log
from tests.ui.test_entries import STORIES

LOOK = Look(
    base=Style(),
    time=Style(dim=True),
    quiet=Style(dim=True),
    head=Style(bold=True),
    turn=Style(bold=True),
    cursor=Style(reverse=True),
    found=Style(reverse=True),
    tones={"agent": Style(italic=True), "error": Style(color="red"), "wait": Style(color="yellow")},
    expand="Space",
)
"""Styles that can be told apart."""

WIDE_TEXTS = (
    "日本語のテキスト" * 12,
    "👩\u200d👩\u200d👧\u200d👦 family 🏳️\u200d🌈 flag 👍🏽 " * 6,
    "e\u0301" * 90,
    "नमस्ते दुनिया " * 9,
    "한국어 텍스트 " * 12,
    "ﷺ" * 30,
    "| a | b |\n|---|---|\n| 日本 | `x` |",
    "```python\ndef f(日本):\n    return '👍'\n```",
    "# 日本\n\n- 👍 one\n- **two** [three](http://x/)\n\n> quoted",
)
HOSTILE_TEXTS = (*(payload.text for payload in PAYLOADS), LONE_SURROGATE, MARK_FLOOD, *MARKUP, *WIDE_TEXTS)


def hostile_log(text, log=None):
    """A log in which every field from outside is this text; at its end a tool use waits for a yes.

    With a log, the same as its next part.
    """
    log = log or Log()
    part = len(log.events)
    use = [f"use{part}_{n}" for n in range(6)]
    child, run = f"sthr_{part}", f"run_{part}"
    before = len(log.events)
    log.add(
        "local.session",
        session={
            "id": f"sesn_{text}",
            "title": text,
            "status": "running",
            "agent": {"id": text, "name": text, "version": 1, "model": {"id": text}},
        },
    )
    log.begin(text)
    log.thread_created(child, agent=text)
    log.system(text)
    start = log.start()
    log.thinking(text=text)
    log.message(text)
    log.tool(name=text, id=use[1], input={text: text, "deep": {text: [text]}})
    log.end(start)
    log.result(use[1], text, is_error=True)
    log.mcp(name=text, id=use[2], mcp_server_name=text, permission=text)
    log.mcp_result(use[2], text)
    log.custom(name=text, id=use[3], input=text)
    log.custom_result(use[3], text)
    log.tool(id=use[4], session_thread_id=child, permission="ask")
    log.confirm(use[4], "deny", deny_message=text)
    log.result(use[4], text, is_error=True)
    log.sent(child, text, to_agent_name=text)
    log.received(child, text, from_agent_name=text)
    log.error(error={"type": text, "message": text, "retry_status": {"type": text}})
    log.outcome(f"outc_{part}", description=text)
    grade = log.grade_start(f"outc_{part}")
    log.grade_end(grade, text, f"outc_{part}", explanation=text)
    flow = {"workflow_run_id": run, "workflow_run_phase_id": text}
    log.add("workflow_run.created", name=text, phases=[{"id": text, "name": text}], **flow)
    log.add("workflow_run.phase_started", **flow)
    log.add("workflow_run.error", error={"type": text, "message": text}, **flow)
    log.add("agent.brand_new", **{text or "x": text, "more": [text]})
    log.add(f"agent.{text}", content=text)
    log.usage("7", **{text or "x": text})
    log.add("session.updated", **{text or "x": text})
    log.add("session.thread_status_running", session_thread_id=child, agent_name=text)
    log.add("local.disconnected", reason=text)
    log.events.append(parse(text.encode("utf-8", "replace"), position=part))
    log.tool(name=text, id=use[5], permission="ask", input={text: text, "command": text})
    log.idle("requires_action", use[5], stop_details={"category": text, "explanation": text})
    return log.events[before:]


@cache
def sessions():
    """Sessions that together hold every kind of row there is."""
    hostile = [fold_all(hostile_log(text)) for text in HOSTILE_TEXTS]
    return [*(fold_all(events) for events in STORIES.values()), *hostile]


@cache
def all_rows():
    """Every different row of these sessions."""
    found = {}
    for session in sessions():
        for index in range(len(session.items)):
            said = row(session, index)
            if said is not None:
                found[repr(said)] = said
    return list(found.values())
