"""Answering what waits for a yes or a no: only on purpose, once, and only what was on the screen."""

import json

import pytest
from textual import events

from cma_tui.event import parse
from cma_tui.ui.drive.arming import ARMING
from cma_tui.ui.drive.several import Several
from cma_tui.ui.widgets.approval import PATIENCE
from tests.stories.write import Log
from tests.ui.play import Sends, Stage, playing


class Clock:
    """A clock that only the test moves."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


def asking(command="make deploy", use="use1"):
    log = Log()
    log.begin("Deploy")
    start = log.start()
    log.tool(id=use, permission="ask", input={"command": command})
    log.end(start)
    log.rest("requires_action", use)
    return log


class Asked:
    """The app over a stage whose approval bar runs on the test's clock."""

    def __init__(self, log, mode="watch", size=(100, 30), at_once=True, **options):
        self.log, self.sends, self.clock = log, Sends(), Clock()
        self.stage = Stage(controls=self.sends)
        self._opened = playing(stage=self.stage, mode=mode, size=size, **options)
        self._at_once = at_once

    async def __aenter__(self):
        self.play = await self._opened.__aenter__()
        self.play.approval.guard.clock = self.clock
        if self._at_once:
            await self.play.give(*self.log.events)
        return self

    async def __aexit__(self, *error):
        return await self._opened.__aexit__(*error)

    async def arm(self):
        """Come to the bar and wait until it takes keys."""
        await self.play.press("exclamation_mark")
        assert self.play.approval.has_focus
        self.clock.now += ARMING

    async def meant(self):
        """Wait until no key waits for whether it stays alone: it has decided, or it never will."""
        await self.play.until(lambda: self.play.approval.guard._timer is None)
        await self.play.settle()

    async def listed(self):
        """Wait for the list of several."""
        await self.play.until(lambda: isinstance(self.play.app.screen, Several))
        guard = self.play.app.screen.guard
        guard.clock = self.clock
        guard.disarm()
        await self.play.step()

    @property
    def answers(self):
        return [(event["tool_use_id"], event["result"]) for event in self.sends.sent]


# ----------------------------------------------------------------------------------- it takes no focus


@pytest.mark.parametrize("mode", ["watch", "chat"])
async def test_what_appears_never_takes_the_focus(mode):
    async with Asked(asking(), mode, at_once=False) as asked:
        before = asked.play.app.focused
        await asked.play.give(*asked.log.events)
        assert "approve 1 of 1" in asked.play.text()
        assert "make deploy" in asked.play.text()
        assert asked.play.app.focused is before


async def test_letters_that_are_typed_while_it_appears_are_text():
    async with Asked(asking(), "chat", at_once=False) as asked:
        await asked.play.press(*"yes n")
        asked.stage.give(*asked.log.events)
        await asked.play.press(*"ynyn")
        await asked.play.settle()
        asked.clock.now += 10
        await asked.play.press(*"y!n")
        assert asked.play.composer.text == "yes nynyny!n"
        await asked.meant()
        assert asked.answers == []


async def test_letters_that_are_typed_in_the_timeline_answer_nothing():
    async with Asked(asking()) as asked:
        asked.clock.now += 10
        await asked.play.press("y", "n", "enter", "escape", "space", "y")
        await asked.meant()
        assert asked.answers == []
        assert not asked.play.approval.has_focus


# ------------------------------------------------------------------------------------------ two keys


async def test_a_key_within_the_arming_time_does_nothing_and_one_after_it_answers_once():
    async with Asked(asking()) as asked:
        asked.clock.now += 10
        await asked.play.press("exclamation_mark")
        for key in "yn":
            await asked.play.press(key)
            await asked.meant()
        asked.clock.now += ARMING - 0.01
        for key in "yn":
            await asked.play.press(key)
            await asked.meant()
        await asked.meant()
        assert asked.answers == []
        asked.clock.now += 0.02
        await asked.play.press("y")
        await asked.meant()
        assert asked.answers == [], "every key in that time begins it anew"
        asked.clock.now += ARMING
        await asked.play.press("y")
        await asked.play.until(lambda: asked.answers)
        assert asked.answers == [("use1", "allow")]
        assert "sent, waiting for the server" in asked.play.text()


async def test_n_denies():
    async with Asked(asking()) as asked:
        await asked.arm()
        await asked.play.press("n")
        await asked.play.until(lambda: asked.answers)
        assert asked.sends.sent == [
            {"type": "user.tool_confirmation", "tool_use_id": "use1", "result": "deny"}
        ]


async def test_no_other_key_decides():
    async with Asked(asking()) as asked:
        for key in ("enter", "space", "Y", "X", "r", "a", "j", "tab", "1", "ctrl+m", "ctrl+y"):
            asked.play.timeline.focus()
            await asked.arm()
            await asked.play.press(key)
            await asked.meant()
            assert asked.answers == []
            await asked.play.press("escape")
        asked.play.timeline.focus()
        await asked.arm()
        await asked.play.press("y")
        await asked.meant()
        assert asked.answers == [("use1", "allow")], "the bar took keys all the time"


async def test_a_paste_decides_nothing():
    async with Asked(asking()) as asked:
        await asked.arm()
        asked.play.app._driver.send_message(events.Paste("y\ny\nn\n"))
        await asked.play.step()
        await asked.meant()
        assert asked.answers == []


@pytest.mark.parametrize("second", [False, True])
async def test_the_last_line_names_the_next_where_there_is_one(second):
    log = asking()
    if second:
        log.tool(id="use2", permission="ask", input={"command": "make clean"})
        log.rest("requires_action", "use1", "use2")
    async with Asked(log) as asked:
        await asked.arm()
        assert ("→ next" in asked.play.lines()[-1]) is second


async def test_a_click_decides_nothing():
    async with Asked(asking("y allow  n deny")) as asked:
        for y in range(30):
            for x in (2, 10, 14):
                for kind in (events.MouseDown, events.MouseUp):
                    asked.play.app._driver.send_message(
                        kind(None, x, y, 0, 0, 1, False, False, False, screen_x=x, screen_y=y)
                    )
        await asked.play.step()
        asked.clock.now += 10
        await asked.meant()
        assert asked.answers == []


@pytest.mark.parametrize("keys", ["yyyyyyyynnnn", "yes", "y\n", "nn", "no", "y!y"])
async def test_keys_that_do_not_come_alone_decide_nothing(keys):
    """A held key, a fast typist, a text that is pasted without brackets."""
    async with Asked(asking()) as asked:
        await asked.arm()
        for key in keys:
            named = {"\n": "enter", "!": "exclamation_mark"}.get(key, key)
            asked.play.app._driver.send_message(events.Key(named, None if key == "\n" else key))
        await asked.play.step()
        await asked.meant()
        assert asked.answers == []
        asked.clock.now += ARMING
        await asked.play.press("n")
        await asked.play.until(lambda: asked.answers)
        assert asked.answers == [("use1", "deny")]


async def test_a_key_that_is_held_down_does_not_answer_what_comes_next():
    log = asking()
    async with Asked(log) as asked:
        await asked.arm()
        await asked.play.press("y")
        await asked.play.until(lambda: asked.answers)
        count = len(log.events)
        log.confirm("use1")
        log.runs()
        log.result("use1")
        log.tool(id="use2", permission="ask", input={"command": "rm -rf /"})
        log.rest("requires_action", "use2")
        asked.stage.give(*log.events[count:])
        await asked.play.press(*"yyyy")
        await asked.play.settle()
        await asked.play.press(*"yyyy")
        assert "rm -rf /" in asked.play.text()
        assert asked.play.approval.has_focus, "as it did when the key was pressed"
        assert asked.answers == [("use1", "allow")]


@pytest.mark.parametrize(
    ("written", "before", "back"),
    [
        ("", (), "timeline"),
        ("", ("i", "escape"), "composer"),
        ("", ("i", "escape", "k"), "timeline"),
        ("and then", ("k",), "composer"),
        ("", ("i", "escape", "enter"), "detail"),
    ],
    ids=["read", "wrote", "wrote, then read", "has begun to write", "reads a detail"],
)
@pytest.mark.parametrize("answer", [True, False], ids=["answered", "left"])
async def test_from_the_bar_the_keys_go_back_to_where_one_wrote_or_read(written, before, back, answer):
    log = asking()
    async with Asked(log) as asked:
        asked.play.composer.write(written)
        await asked.play.press(*before)
        await asked.arm()
        if answer:
            await asked.play.press("y")
            await asked.meant()
            count = len(log.events)
            log.confirm("use1")
            await asked.play.give(*log.events[count:])
            assert "approve" not in asked.play.text()
        else:
            await asked.play.press("escape")
            assert "approve 1 of 1" in asked.play.text()
            await asked.meant()
        assert getattr(asked.play, back).has_focus
        assert asked.answers == ([("use1", "allow")] if answer else [])


# ------------------------------------------------------------------- what changes between look and key


async def test_an_answer_by_somebody_else_takes_the_question_away():
    log = asking()
    async with Asked(log) as asked:
        await asked.arm()
        count = len(log.events)
        log.confirm("use1", "deny")
        await asked.play.give(*log.events[count:])
        assert "approve" not in asked.play.text()
        assert asked.play.timeline.has_focus
        await asked.play.press("y")
        await asked.meant()
        assert asked.answers == []


@pytest.mark.parametrize("how", ["answered", "changed", "result", "terminated"])
async def test_what_has_changed_since_it_was_drawn_is_not_answered(how):
    log = asking()
    async with Asked(log) as asked:
        await asked.arm()
        count = len(log.events)
        if how == "answered":
            log.confirm("use1")
        elif how == "result":
            log.result("use1")
        elif how == "terminated":
            log.terminated()
        else:
            use = next(event for event in log.events if event.key == "use1")
            value = json.loads(use.raw) | {"input": {"command": "rm -rf /"}}
            value["processed_at"] = log.stamp()
            log.events.append(parse(json.dumps(value).encode()))
        # Folded, but not drawn: the key comes between two ticks.
        beat = asked.play.screen._beat
        beat.arrived = lambda: setattr(beat, "_woken", False)
        asked.stage.give(*log.events[count:])
        await asked.play.until(lambda: asked.stage.resting)
        change = asked.play.feed.take(1.0)
        await asked.play.press("y")
        await asked.play.until(lambda: asked.play.approval.guard._timer is None)
        asked.play.screen._unseen = change
        asked.play.screen._beat.draw()
        await asked.play.settle()
        await asked.meant()
        assert asked.answers == []
        assert "not sent: it does not wait any more, or it changed" in asked.play.lines()[-1]


async def test_a_question_that_changed_is_drawn_anew_and_disarmed():
    log = asking()
    async with Asked(log) as asked:
        await asked.arm()
        use = next(event for event in log.events if event.key == "use1")
        value = json.loads(use.raw) | {"input": {"command": "rm -rf /"}, "processed_at": log.stamp()}
        await asked.play.give(parse(json.dumps(value).encode()))
        await asked.play.press("y")
        await asked.meant()
        assert asked.answers == []
        assert "rm -rf /" in asked.play.text()
        asked.clock.now += ARMING
        await asked.play.press("y")
        await asked.play.until(lambda: asked.answers)
        assert asked.answers == [("use1", "allow")]


# ----------------------------------------------------------------------------------------- sending fails


async def test_a_refused_answer_may_be_given_again_but_not_by_a_held_key():
    async with Asked(asking()) as asked:
        asked.sends.refusal = "not sent, the server is busy (529)"
        await asked.arm()
        await asked.play.press("y")
        await asked.play.until(lambda: "server is busy" in asked.play.text())
        await asked.play.press("y", "y")
        assert len(asked.answers) == 1
        assert "y allow  n deny" in asked.play.text()
        asked.sends.refusal = None
        asked.clock.now += ARMING
        await asked.play.press("y")
        await asked.play.until(lambda: len(asked.answers) == 2)
        assert set(asked.answers) == {("use1", "allow")}


async def test_the_screen_goes_on_while_an_answer_is_under_way():
    log = asking()
    async with Asked(log) as asked:
        asked.sends.hold()
        await asked.arm()
        await asked.play.press("y")
        await asked.play.until(lambda: asked.answers)
        await asked.play.press("y", "n")
        count = len(log.events)
        log.message("still talking")
        await asked.play.give(*log.events[count:])
        assert "still talking" in asked.play.text()
        asked.sends.release()
        await asked.play.settle()
        assert asked.answers == [("use1", "allow")]


# ------------------------------------------------------------------------------------- what it shows


async def test_the_oldest_question_is_shown_first_and_all_are_counted():
    log = Log()
    log.begin("Deploy")
    for number in (1, 2, 3):
        log.tool(id=f"use{number}", permission="ask", input={"command": f"step {number}"})
    log.rest("requires_action", "use1", "use2", "use3")
    async with Asked(log) as asked:
        assert "approve 1 of 3" in asked.play.text()
        for number in (1, 2, 3):
            assert f"step {number}" in "\n".join(asked.play.lines()[-8:])
            await asked.play.press("escape")
            await asked.arm()
            await asked.play.press("y")
            await asked.play.until(lambda n=number: len(asked.answers) == n)
            log.confirm(f"use{number}")
            await asked.play.give(log.events[-1])
        assert asked.answers == [(f"use{n}", "allow") for n in (1, 2, 3)]
        assert "approve" not in asked.play.text()


async def test_what_is_hidden_in_a_command_is_seen_and_nothing_stands_beside_it():
    command = "ls \u202esh.evil\u2066 #\u00a0x\u200d\ty\u3000"
    async with Asked(asking(command)) as asked:
        shown = next(line for line in asked.play.lines()[-8:] if "ls <U+" in line)
        for mark in ("<U+202E>", "<U+2066>", "<U+00A0>", "<U+200D>", "<U+3000>"):
            assert mark in shown
        assert shown.strip().startswith("command: ls")
        assert shown.strip().endswith("<U+3000>")


async def test_a_long_command_is_allowed_only_when_all_of_it_was_on_the_screen():
    async with Asked(asking("\n".join(f"line {n}" for n in range(30)))) as asked:
        await asked.arm()
        assert "line 29" not in asked.play.text()
        await asked.play.press("y")
        await asked.play.until(lambda: "read it to its end first" in asked.play.text())
        await asked.meant()
        assert asked.answers == []
        await asked.play.press("G", "pagedown", "pagedown", "pagedown")
        assert "line 29" in asked.play.text()
        asked.clock.now += ARMING
        await asked.play.press("y")
        await asked.play.until(lambda: asked.answers)


@pytest.mark.parametrize("size", [(20, 5), (40, 8)])
async def test_nothing_is_allowed_on_a_screen_that_has_no_room_for_it(size):
    async with Asked(asking("make deploy\n" * 5), size=size) as asked:
        await asked.arm()
        for _ in range(6):
            await asked.play.press("j")
        asked.clock.now += ARMING
        await asked.play.press("y")
        await asked.meant()
        assert asked.answers == []
        asked.clock.now += ARMING
        await asked.play.press("n")
        await asked.play.until(lambda: asked.answers == [("use1", "deny")])


async def test_a_long_command_can_be_denied_at_once():
    async with Asked(asking("\n".join(f"line {n}" for n in range(300)))) as asked:
        await asked.arm()
        await asked.play.press("n")
        await asked.play.until(lambda: asked.answers)
        assert asked.answers == [("use1", "deny")]


async def test_a_long_command_says_how_much_is_not_shown_and_its_row_has_all_of_it():
    async with Asked(asking("\n".join(f"line {n}" for n in range(30)))) as asked:
        assert "… 22 more lines" in asked.play.text()
        await asked.play.press("k", "j", "enter")
        assert "line 29" in asked.play.detail_text()


async def test_an_unknown_permission_is_a_question():
    log = Log()
    log.begin("Deploy")
    log.tool(id="use", permission="perhaps")
    log.rest("requires_action", "use")
    async with Asked(log) as asked:
        assert "approve 1 of 1" in asked.play.text()


@pytest.mark.parametrize("more", ["sevt_never_seen", "sevt_of_a_child"])
async def test_what_is_waited_for_and_not_there_is_told_and_never_answered(more):
    log = Log()
    log.begin("Deploy")
    log.thread_created("sthr_c")
    log.rest("requires_action", more)
    async with Asked(log) as asked:
        assert "waiting for you" in asked.play.text()
        await asked.play.press("exclamation_mark")
        assert "it cannot be answered here" in asked.play.text()
        asked.clock.now += ARMING
        await asked.play.press("y")
        asked.clock.now += ARMING
        await asked.play.press("y", "n")
        await asked.meant()
        assert asked.answers == []


async def test_an_end_for_a_reason_that_is_not_known_is_an_end_and_asks_nothing():
    log = Log()
    log.begin("Deploy")
    use = log.tool(permission="ask")
    log.result(use)
    log.rest("waits_for_weather")
    async with Asked(log) as asked:
        assert asked.play.session.turns[0].ended
        assert "waits_for_weather" in asked.play.text()
        await asked.play.press("exclamation_mark", "y")
        await asked.meant()
        assert asked.answers == []


def weather():
    log = Log()
    log.begin("Weather?")
    log.custom("get_weather", input={"city": "Oslo"}, id="use")
    log.rest("requires_action", "use")
    return log


async def test_a_result_that_no_program_gives_is_asked_of_the_user_after_a_while():
    async with Asked(weather()) as asked:
        assert not asked.play.approval.display
        await asked.play.press("exclamation_mark")
        assert asked.play.timeline.has_focus
        asked.clock.now += PATIENCE
        asked.play.screen._drive.show()
        await asked.play.settle()
        assert "result 1 of 1  get_weather" in asked.play.text()
        assert "approve" not in asked.play.text()
        await asked.arm()
        for key in "yn":
            await asked.play.press(key)
            await asked.meant()
        assert asked.sends.sent == [], "a result is no yes"


@pytest.mark.parametrize(
    ("written", "content", "is_error"),
    [
        ("rain", [{"type": "text", "text": "rain"}], False),
        ('/json {"t":  4}', [{"type": "text", "text": '{"t": 4}'}], False),
        ("/error no such city", [{"type": "text", "text": "no such city"}], True),
    ],
)
async def test_a_result_is_written_by_hand(written, content, is_error):
    async with Asked(weather(), "chat") as asked:
        await asked.play.press(*"later")
        asked.clock.now += PATIENCE
        asked.play.screen._drive.show()
        await asked.play.press("escape")
        await asked.arm()
        await asked.play.press("r")
        await asked.play.until(lambda: "the result of get_weather" in asked.play.text())
        assert asked.play.composer.has_focus
        asked.play.composer.write(written)
        await asked.play.press("enter")
        await asked.play.until(lambda: asked.sends.sent)
        assert asked.sends.sent == [
            {
                "type": "user.custom_tool_result",
                "custom_tool_use_id": "use",
                "content": content,
                "is_error": is_error,
            }
        ]
        await asked.play.until(lambda: asked.play.composer.text == "later")


@pytest.mark.parametrize("written", ["/json {", "/title x"])
async def test_a_result_that_is_none_is_not_sent_and_not_lost(written):
    async with Asked(weather(), "chat") as asked:
        asked.clock.now += PATIENCE
        asked.play.screen._drive.show()
        await asked.play.press("escape")
        await asked.arm()
        await asked.play.press("r")
        await asked.play.until(lambda: asked.play.composer.aim)
        asked.play.composer.write(written)
        await asked.play.press("enter")
        await asked.play.until(lambda: "not sent" in asked.play.text())
        assert asked.play.composer.text == written
        await asked.meant()
        assert asked.sends.sent == []


async def test_a_no_with_a_reason_keeps_the_message_that_was_being_written():
    async with Asked(asking(), "chat") as asked:
        await asked.play.press(*"draft", "escape")
        await asked.arm()
        await asked.play.press("N")
        await asked.play.until(lambda: asked.play.composer.aim)
        await asked.play.until(lambda: "why bash is denied" in asked.play.text())
        await asked.play.press(*"use grep", "enter")
        await asked.play.until(lambda: asked.sends.sent)
        assert asked.sends.sent[0]["deny_message"] == "use grep"
        assert asked.answers == [("use1", "deny")]
        await asked.play.until(lambda: asked.play.composer.text == "draft")


async def test_a_reason_for_what_was_answered_elsewhere_is_not_sent_and_can_be_recalled():
    log = asking()
    async with Asked(log, "chat") as asked:
        await asked.play.press("escape")
        await asked.arm()
        await asked.play.press("N")
        await asked.play.until(lambda: asked.play.composer.aim)
        await asked.play.press(*"not now")
        count = len(log.events)
        log.confirm("use1", "allow")
        await asked.play.give(*log.events[count:])
        assert asked.play.composer.aim is None
        assert asked.play.composer.text == ""
        assert "it does not wait any more" in asked.play.text()
        await asked.play.press("up")
        assert asked.play.composer.text == "not now"
        await asked.meant()
        assert asked.sends.sent == []


# ------------------------------------------------------------------------------------------ several at once


def three():
    log = Log()
    log.begin("Deploy")
    for number in (1, 2, 3):
        log.tool(id=f"use{number}", permission="ask", input={"command": f"step {number}"})
    log.rest("requires_action", "use1", "use2", "use3")
    return log


@pytest.mark.parametrize(("key", "confirm", "verdict"), [("Y", "y", "allow"), ("X", "n", "deny")])
async def test_several_are_decided_after_all_of_them_were_listed(key, confirm, verdict):
    async with Asked(three()) as asked:
        await asked.arm()
        await asked.play.press("space", "right", "right", "space")
        asked.clock.now += ARMING
        await asked.play.press(key)
        await asked.listed()
        assert "command: step 1" in asked.play.text()
        assert "command: step 3" in asked.play.text()
        assert "command: step 2" not in asked.play.text()
        asked.clock.now += 10
        await asked.play.press(confirm)
        await asked.play.until(lambda: len(asked.answers) == 2)
        assert asked.answers == [("use1", verdict), ("use3", verdict)]


async def test_of_several_only_those_are_answered_that_still_wait_unchanged():
    log = three()
    async with Asked(log) as asked:
        await asked.arm()
        await asked.play.press("space", "right", "space")
        asked.clock.now += ARMING
        await asked.play.press("Y")
        await asked.listed()
        count = len(log.events)
        log.confirm("use1", "deny")
        await asked.play.give(*log.events[count:])
        asked.clock.now += 10
        await asked.play.press("y")
        await asked.play.until(lambda: asked.answers)
        await asked.play.settle()
        assert asked.answers == [("use2", "allow")]


async def test_several_are_denied_with_one_reason():
    async with Asked(three()) as asked:
        await asked.arm()
        await asked.play.press("space", "right", "space")
        asked.clock.now += ARMING
        await asked.play.press("X")
        await asked.listed()
        asked.clock.now += 10
        await asked.play.press("N")
        await asked.play.until(lambda: asked.play.composer.aim)
        await asked.play.press(*"freeze", "enter")
        await asked.play.until(lambda: len(asked.answers) == 2)
        assert [event["deny_message"] for event in asked.sends.sent] == ["freeze", "freeze"]


async def test_a_reason_that_one_of_several_did_not_get_stays_for_that_one():
    async with Asked(three(), "chat") as asked:
        asked.sends.refuses = lambda event: event["tool_use_id"] == "use2"
        await asked.play.press("escape")
        await asked.arm()
        await asked.play.press("space", "right", "space")
        asked.clock.now += ARMING
        await asked.play.press("X")
        await asked.listed()
        asked.clock.now += 10
        await asked.play.press("N")
        await asked.play.until(lambda: asked.play.composer.aim)
        await asked.play.press(*"freeze", "enter")
        await asked.play.until(lambda: [a.key for a in asked.play.composer.aim.asked] == ["use2"])
        assert (asked.play.composer.text, asked.answers) == ("freeze", [("use1", "deny")])
        asked.sends.refuses = lambda _: False
        await asked.play.press("enter")
        await asked.play.until(lambda: asked.play.composer.aim is None)
        assert asked.answers == [("use1", "deny"), ("use2", "deny")]
        assert {event["deny_message"] for event in asked.sends.sent} == {"freeze"}


async def test_nothing_is_answered_while_the_line_is_down():
    async with Asked(asking()) as asked:
        await asked.arm()
        asked.stage.line.state = "reconnecting"
        await asked.play.press("y")
        await asked.play.until(lambda: "the line to the session is down" in asked.play.text())
        await asked.meant()
        assert asked.answers == []


async def test_the_policy_that_asks_is_named():
    log = Log()
    log.begin("Deploy")
    policy = {"type": "auto", "evaluated_permission": {"type": "ask", "reason_code": "high_risk"}}
    log.tool(id="use", permission="ask", evaluation=policy)
    log.rest("requires_action", "use")
    async with Asked(log) as asked:
        assert "decided by the automatic policy (high_risk)" in asked.play.text()


async def test_a_log_without_controls_asks_nothing():
    async with playing(*asking().events) as play:
        assert "needs your answer" in play.text()
        assert "approve" not in play.text()
