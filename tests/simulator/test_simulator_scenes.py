"""The scripted agent: every event is one of the protocol's, and any message gets an answer."""

import pytest
from simulator_client import check_fields, drive, texts, types

from cma_tui.simulator import Simulator, scenes
from cma_tui.simulator.checks import LISTABLE

ALL = [
    "debug my incident",
    "roll it back",
    "search the runbooks",
    "postmortem",
    "delegate",
    "workflow",
    "compact",
    "overload",
    "hostile",
    "exploit",
    "help",
    "hello",
    "what should I do next?",
    "budget",
]


@pytest.mark.parametrize("allow", [True, False])
async def test_every_event_has_the_fields_of_its_type_and_all_lists_agree(api, sim, allow):
    session_id = sim.create_session()
    for text in ALL:
        await drive(api, session_id, text, allow=allow)
    crashed = sim.create_session()
    await drive(api, crashed, "crash")
    seen = set()
    for each in (session_id, crashed):
        for thread in (await api.get(f"/v1/sessions/{each}/threads")).json()["data"]:
            log = sim.log(each, thread["id"])
            listed = (await api.get(f"/v1/sessions/{each}/threads/{thread['id']}/events")).json()["data"]
            assert listed == log
            assert len({event["id"] for event in log}) == len(log)
            stamps = [event["processed_at"] for event in log]
            assert stamps == sorted(set(stamps)), "stamps rise, and none occurs twice"
            seen.update(types(log))
            for event in log:
                check_fields(event)
            opened = {event["id"] for event in log if event["type"] == "span.model_request_start"}
            closed = {e["model_request_start_id"] for e in log if e["type"] == "span.model_request_end"}
            assert opened == closed
        assert await api.listed(each)
    never_here = {
        "user.interrupt",
        "user.define_outcome",
        "user.tool_result",
        "system.message",
        "session.updated",
    }
    graded = {name for name in LISTABLE if name.startswith("span.outcome_")}
    assert seen == LISTABLE - never_here - graded


async def test_a_seed_gives_one_story(connected):
    logs = []
    for seed in (7, 7, 8):
        async with connected(Simulator(seed=seed)) as api:
            session_id = api.sim.create_session()
            await api.say(session_id, "debug my incident")
            logs.append(api.sim.log(session_id))
    assert logs[0] == logs[1]
    assert logs[0] != logs[2]
    assert types(logs[0]) == types(logs[2])


@pytest.mark.parametrize(
    "text",
    [
        "Wie spät ist es?",
        "x",
        "[/]",
        "🙂",
        "How many pods are there?\nSecond line",
        "a " * 3000,
        "why",
        "cost?",
    ],
)
async def test_any_message_gets_an_answer_that_refers_to_it(api, sim, text):
    session_id = sim.create_session()
    await api.say(session_id, "hello")
    assert await api.say(session_id, text) == "end_turn"
    first_words = " ".join(text.split("\n")[0].split())[:40].strip()
    assert first_words in await texts(api, session_id)


async def test_the_first_message_starts_the_investigation_whatever_it_is(api, sim):
    session_id = sim.create_session()
    await api.say(session_id, "the shop feels odd today")
    said = await texts(api, session_id)
    assert "the shop feels odd today" in said
    assert "## Root cause" in said


def test_keywords_do_not_match_inside_words():
    names = {
        text: scenes.choose(scenes.Turn(text, number=2)).__name__
        for text in ("which one is it?", "I hid it", "fix it", "P99 is up", "Rolling back, please", "prefix")
    }
    assert names == {
        "which one is it?": "answer",
        "I hid it": "answer",
        "fix it": "rollback",
        "P99 is up": "investigate",
        "Rolling back, please": "rollback",
        "prefix": "answer",
    }
