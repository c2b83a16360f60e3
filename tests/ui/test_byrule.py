"""Answers by the user's rules: once, only what plainly asks, never on what is out of date, always told."""

import json
from contextlib import asynccontextmanager
from time import monotonic

import pytest

from cma_tui.rules import from_table
from cma_tui.source import Line
from tests.stories.write import Log
from tests.ui.play import Sends, Stage, playing

RULES = from_table(
    {
        "deny": [{"tool": "*", "input": "prod", "reason": "not prod"}],
        "allow": [{"tool": "bash", "input": {"command": "kubectl *"}}],
    }
)


def asking(command="kubectl get pods", permission="ask", uses=("use1",), listed=True):
    log = Log()
    log.begin("Deploy")
    start = log.start()
    for use in uses:
        log.tool(id=use, permission=permission, input={"command": command})
    log.end(start)
    log.rest(*(["requires_action", *uses] if listed else []))
    return log


def checked(seconds=0.0):
    return Line("live", checked_at=monotonic() - seconds)


@asynccontextmanager
async def ruled(tmp_path, log, *, mode="watch", line=None, folder="state", size=(120, 30), **options):
    sends = Sends()
    stage = Stage(*log.events, controls=sends, **options)
    stage.line = line if line is not None else checked()
    async with playing(stage=stage, mode=mode, state_dir=tmp_path / folder, rules=RULES, size=size) as play:
        await play.settle()
        play.sends = sends
        play.logged = lambda: [
            json.loads(line) for line in (tmp_path / folder / "answers.jsonl").read_text().splitlines()
        ]
        yield play


def answers(play):
    return [(event["tool_use_id"], event["result"]) for event in play.sends.sent]


async def test_what_a_rule_allows_is_allowed_once_told_and_logged(tmp_path):
    async with ruled(tmp_path, asking()) as play:
        await play.until(lambda: "rules on (1 allowed)" in play.text())
        assert answers(play) == [("use1", "allow")]
        await play.until(lambda: "bash allowed by rule: allow 1" in play.text())
        await play.until(lambda: len(play.logged()) == 2)
        first, last = play.logged()
        assert (first["what"], last["what"], first["rule"]) == ("sending", "sent", "allow 1")
        assert "kubectl" not in json.dumps(first), "an input may hold a secret"
        assert (tmp_path / "state" / "answers.jsonl").stat().st_mode & 0o777 == 0o600
        play.screen._drive.byrule.step()
        play.screen._drive.show()
        await play.settle()
        assert len(answers(play)) == 1


async def test_what_a_rule_denies_is_denied_although_another_allows_it(tmp_path):
    async with ruled(tmp_path, asking("kubectl delete prod")) as play:
        await play.until(lambda: play.sends.sent)
        assert play.sends.sent == [
            {
                "type": "user.tool_confirmation",
                "tool_use_id": "use1",
                "result": "deny",
                "deny_message": "not prod",
            }
        ]


@pytest.mark.parametrize(
    "log",
    [
        asking("make deploy"),
        asking(permission="deny"),
        asking(permission="perhaps"),
        asking(permission=None),
        asking(listed=False),
    ],
    ids=["no rule", "deny", "unknown", "none", "the session does not wait for it"],
)
async def test_what_does_not_plainly_ask_is_left_to_a_person(tmp_path, log):
    async with ruled(tmp_path, log) as play:
        play.screen._drive.byrule.step()
        await play.settle()
        assert answers(play) == []
        assert "rules on (1 deny, 1 allow)" in play.text()


@pytest.mark.parametrize(
    "line",
    [checked(100.0), Line("live"), Line("reconnecting", checked_at=monotonic())],
    ids=["long ago", "never", "reconnecting"],
)
async def test_nothing_is_answered_on_what_may_be_out_of_date_and_it_is_once_it_is_known(tmp_path, line):
    async with ruled(tmp_path, asking(), line=line) as play:
        assert answers(play) == []
        play.stage.line = checked()
        await play.until(lambda: answers(play) == [("use1", "allow")])


async def test_nothing_is_answered_while_the_past_is_looked_at(tmp_path):
    log = asking()
    async with ruled(tmp_path, log, line=Line("live")) as play:
        play.player = play.screen.player
        play.screen._drive.away = True
        play.stage.line = checked()
        play.screen._drive.byrule.step()
        await play.step()
        assert answers(play) == []


async def test_a_saved_log_is_never_answered(tmp_path):
    async with ruled(tmp_path, asking(), mode="replay", live=False) as play:
        await play.settle()
        assert answers(play) == []
        assert "rules on" not in play.text()


async def test_what_was_answered_while_the_log_was_written_is_not_answered_again(tmp_path, monkeypatch):
    log = asking(listed=True)
    async with ruled(tmp_path, log, line=Line("live")) as play:
        byrule, step = play.screen._drive.byrule, play.give
        write = byrule._note

        async def slowly(*about):
            if about[-1] == "sending":
                log.confirm("use1", "deny")
                await step(log.events[-1])
            await write(*about)

        monkeypatch.setattr(byrule, "_note", slowly)
        play.stage.line = checked()
        byrule.step()
        await play.until(lambda: (tmp_path / "state" / "answers.jsonl").exists() and len(play.logged()) == 2)
        assert answers(play) == []
        assert play.logged()[-1]["what"].startswith("not sent")


async def test_nothing_is_answered_where_no_log_can_be_written(tmp_path):
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "answers.jsonl").mkdir()
    async with ruled(tmp_path, asking()) as play:
        await play.until(lambda: "the log cannot be written" in play.text())
        assert answers(play) == []


async def test_a_refused_answer_is_left_to_the_person(tmp_path):
    log = asking()
    async with ruled(tmp_path, log, line=Line("live")) as play:
        play.sends.refusal = "no"
        play.stage.line = checked()
        await play.until(lambda: answers(play) == [("use1", "allow")])
        await play.settle()
        play.screen._drive.byrule.step()
        await play.settle()
        assert len(answers(play)) == 1
        assert "! to answer" in play.text()


async def test_each_of_several_is_answered_and_nothing_of_what_was_is_kept(tmp_path):
    log = asking(uses=("use1", "use2"))
    async with ruled(tmp_path, log) as play:
        await play.until(lambda: sorted(answers(play)) == [("use1", "allow"), ("use2", "allow")])
        assert play.screen._drive.byrule._looked.keys() == {"use1", "use2"}
        before = len(log.events)
        for use in ("use1", "use2"):
            log.confirm(use)
            log.result(use)
        await play.give(*log.events[before:])
        await play.settle()
        assert not play.screen._drive.byrule._looked


async def test_rules_are_switched_off_for_the_session_and_on_again(tmp_path):
    log = asking(uses=("use1",))
    async with ruled(tmp_path, log, line=Line("live"), mode="watch") as play:
        await play.press("U")
        assert "rules off (1 deny, 1 allow)" in play.lines()[2]
        play.stage.line = checked()
        play.screen._drive.byrule.step()
        await play.settle()
        assert answers(play) == []
        assert "approve 1 of 1  bash" in play.text(), "a person is asked"
        play.composer.focus()
        play.composer.write("/rules")
        await play.press("enter")
        await play.until(lambda: answers(play) == [("use1", "allow")])
        await play.until(lambda: "rules on (1 allowed)" in play.lines()[2])


async def test_rules_that_are_switched_off_while_the_log_is_written_answer_nothing(tmp_path, monkeypatch):
    async with ruled(tmp_path, asking(), line=Line("live")) as play:
        byrule = play.screen._drive.byrule
        write = byrule._note

        async def slowly(*about):
            if about[-1] == "sending":
                byrule.on = False
            await write(*about)

        monkeypatch.setattr(byrule, "_note", slowly)
        play.stage.line = checked()
        byrule.step()
        await play.until(lambda: (tmp_path / "state" / "answers.jsonl").exists() and len(play.logged()) == 2)
        assert answers(play) == []
        assert play.logged()[-1]["what"].startswith("not sent")


async def test_where_there_are_no_rules_the_key_says_so():
    async with playing(stage=Stage(*asking().events, controls=Sends())) as play:
        await play.press("U")
        assert "there are no rules" in play.lines()[-1]
