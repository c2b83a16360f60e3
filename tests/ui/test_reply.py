"""Answering from the list of all sessions: the bar of a session's own screen, with all of its care."""

import asyncio
import json
from time import monotonic

import pytest

from cma_tui.event import parse
from cma_tui.source import SourceError
from cma_tui.source.news import News
from tests.session.test_roster import ask, resource
from tests.ui.play import Sends, Stage
from tests.ui.test_approval import Clock, asking
from tests.ui.test_overview import board, listed


class Attachable(Stage):
    """A stage that can be told to look at its history, and does so at once."""

    looked = 0

    async def hurry(self):
        self.looked += 1
        self.line.checked_at = monotonic()

    async def watch_thread(self, thread):
        pass


class Answering:
    """The list, with a session that asks below the cursor."""

    def __init__(self, log=None, stage=None, size=(100, 24)):
        self.log = asking() if log is None else log
        self.sends, self.clock = Sends(), Clock()
        self.stage = Attachable(*self.log.events, controls=self.sends) if stage is None else stage
        self._opened = board(size)

    async def __aenter__(self):
        self.scene = await self._opened.__aenter__()
        self.scene.stage = self.stage
        rows = listed(resource("sesn_ask", title="Roll back"), resource("sesn_rest", title="Rests"))
        await self.scene.tell(rows, News("tail", "sesn_ask", events=ask(2000)))
        return self

    async def __aexit__(self, *error):
        return await self._opened.__aexit__(*error)

    @property
    def reply(self):
        return self.scene.screen._reply

    @property
    def rows(self):
        return self.scene.screen._rows

    @property
    def answers(self):
        return [(event["tool_use_id"], event["result"]) for event in self.sends.sent]

    async def until(self, condition):
        await self.scene.until(condition)

    async def ask(self):
        """Come to the bar and wait until what is asked is drawn."""
        await self.scene.press("exclamation_mark")
        guard = self.reply.approval.guard
        guard.clock = self.clock
        await self.until(lambda: self.reply is None or self.reply.approval.asked is not None)
        await self.scene.settle()
        guard.disarm()

    async def armed(self):
        await self.ask()
        self.clock.now += 0.71

    async def meant(self):
        """Wait until no key waits for whether it stays alone: it has decided, or it never will."""
        await self.scene.settle()
        await self.until(lambda: self.reply is None or self.reply.approval.guard._timer is None)
        await self.scene.settle()

    async def give(self, *events):
        self.stage.give(*events)
        await self.until(lambda: self.stage.resting and (self.reply is None or not self.reply.feed.behind))
        await self.scene.settle()


async def test_a_yes_is_sent_once_and_the_list_has_the_keys_again():
    async with Answering() as at:
        assert "! answers" in at.scene.text()
        await at.ask()
        text = at.scene.text()
        assert "approve 1 of 1  bash" in text
        assert "command: make deploy" in text
        assert "Roll back" in text
        assert at.reply.approval.has_focus
        at.clock.now += 0.69
        await at.scene.press("y")
        assert at.answers == []
        at.clock.now += 0.69
        await at.scene.press("y")
        assert at.answers == [], "a key within 0.7 s begins them anew"
        at.clock.now += 0.71
        await at.scene.press("y")
        await at.until(lambda: at.answers)
        at.log.confirm("use1")
        at.stage.give(at.log.events[-1])
        await at.until(lambda: at.reply is None)
        await at.scene.press("y", "y")
        assert at.answers == [("use1", "allow")]
        assert at.rows.has_focus
        assert at.rows.entry.id == "sesn_ask"
        await at.scene.app.workers.wait_for_complete()
        assert not at.scene.attached[0].alive
        assert not at.scene.screen.closers


async def test_keys_in_the_list_answer_nothing():
    async with Answering() as at:
        await at.scene.press("y", "a", "space", "N", "Y")
        assert at.reply is None
        await at.armed()
        at.rows.focus()
        await at.scene.press("y", "j", "k", "y")
        await at.meant()
        assert at.answers == []


async def test_keys_that_are_typed_before_it_is_known_what_is_asked_do_nothing():
    stage = Attachable(controls=Sends())
    stage.line.checked_at = None
    async with Answering(stage=stage) as at:
        await at.scene.press("exclamation_mark")
        assert "looking at what it asks" in at.scene.text()
        await at.scene.press("y", "q", "n", "o", "slash", "enter", "space")
        assert at.reply.approval.has_focus
        assert "by attention" in at.scene.text(), "the list's keys are not the bar's"
        at.stage.controls = at.sends
        await at.give(*at.log.events)
        await at.scene.press("y")
        await at.meant()
        assert at.answers == []
        assert "make deploy" in at.scene.text()


@pytest.mark.parametrize("keys", ["yyyyy", "yes", "ny"])
async def test_keys_that_do_not_come_alone_decide_nothing(keys):
    from textual import events

    async with Answering() as at:
        await at.armed()
        for key in keys:
            at.scene.app._driver.send_message(events.Key(key, key))
        await at.meant()
        assert at.answers == []


@pytest.mark.parametrize("how", ["answered", "changed", "result", "terminated"])
async def test_what_changed_since_it_was_drawn_is_not_answered(how):
    async with Answering() as at:
        await at.armed()
        log, count = at.log, len(at.log.events)
        if how == "answered":
            log.confirm("use1", "deny")
        elif how == "result":
            log.result("use1")
        elif how == "terminated":
            log.terminated()
        else:
            use = next(event for event in log.events if event.key == "use1")
            value = json.loads(use.raw) | {"input": {"command": "rm -rf /"}, "processed_at": log.stamp()}
            log.events.append(parse(json.dumps(value).encode()))
        # Folded, but not drawn: the key comes between two ticks.
        reply = at.reply
        reply._beat.arrived = lambda: None
        at.stage.give(*log.events[count:])
        await at.until(lambda: at.stage.resting and reply.feed.behind)
        reply.feed.take(1.0)
        await at.scene.press("y")
        await at.until(lambda: "not sent" in at.scene.screen._said)
        assert "it does not wait any more, or it changed" in at.scene.screen._said
        assert at.answers == []


async def test_what_is_answered_elsewhere_takes_the_bar_away():
    async with Answering() as at:
        await at.armed()
        at.log.confirm("use1", "deny")
        at.stage.give(at.log.events[-1])
        await at.until(lambda: at.reply is None)
        await at.scene.press("y")
        assert at.answers == []
        assert at.rows.has_focus


async def test_nothing_is_sent_while_the_line_is_down():
    async with Answering() as at:
        await at.armed()
        at.stage.line.state = "reconnecting"
        await at.scene.press("y")
        await at.until(lambda: "the line to the session is down" in at.scene.text())
        assert at.answers == []


async def test_a_log_that_was_not_looked_at_for_a_minute_is_looked_at_before_an_answer():
    async with Answering() as at:
        await at.armed()
        at.stage.line.checked_at = monotonic() - 61
        await at.scene.press("y")
        await at.until(lambda: at.answers)
        assert at.stage.looked == 1


async def test_what_a_look_at_the_log_brings_is_minded():
    async with Answering() as at:
        await at.armed()

        async def hurry():  # the list shows what no stream told
            at.log.confirm("use1", "deny")
            at.stage.give(at.log.events[-1])
            at.stage.line.checked_at = monotonic()

        at.stage.hurry = hurry
        at.stage.line.checked_at = monotonic() - 61
        await at.scene.press("y")
        await at.until(lambda: at.reply is None)
        assert at.answers == []


async def test_nothing_is_sent_when_the_log_cannot_be_looked_at(monkeypatch):
    monkeypatch.setattr("cma_tui.ui.drive.sender._LOOKS", 2)
    async with Answering() as at:
        await at.armed()

        async def hurry():
            pass

        at.stage.hurry = hurry
        at.stage.line.checked_at = monotonic() - 61
        await at.scene.press("y")
        await at.until(lambda: "log cannot be looked at" in at.scene.text())
        assert at.answers == []


async def test_a_no_with_a_reason_and_words_that_are_given_up():
    async with Answering() as at:
        await at.armed()
        await at.scene.press("N")
        await at.until(lambda: at.reply.composer.has_focus)
        await at.scene.press(*"never", "escape")
        assert at.reply.approval.has_focus
        assert not at.reply.composer.display
        at.clock.now += 0.71
        await at.scene.press("N")
        await at.until(lambda: at.reply.composer.has_focus)
        await at.scene.press(*"later", "enter")
        await at.until(lambda: at.sends.sent)
        (sent,) = at.sends.sent
        assert (sent["result"], sent["deny_message"]) == ("deny", "later")


async def test_escape_leaves_and_the_session_is_let_go():
    async with Answering() as at:
        await at.ask()
        await at.scene.press("escape")
        assert at.reply is None
        assert at.rows.has_focus
        await at.scene.app.workers.wait_for_complete()
        assert not at.scene.attached[0].alive
        await at.scene.press("j", "exclamation_mark")
        assert "nothing waits for an answer there" in at.scene.text()


async def test_what_is_attached_at_the_end_is_let_go():
    async with Answering() as at:
        await at.ask()
        feed = at.scene.attached[0]
    assert not feed.alive


@pytest.mark.parametrize("size", [(20, 5), (40, 10), (200, 60)])
async def test_every_size(size):
    async with Answering(size=size) as at:
        await at.ask()
        assert all(len(line) <= size[0] for line in at.scene.lines())
        assert at.reply.approval.has_focus
        at.clock.now += 0.71
        whole = "command: make" in at.scene.text() and "y allow" in at.scene.text()
        await at.scene.press("y")
        if whole:
            await at.until(lambda: at.answers)
            return
        await at.meant()
        assert at.answers == [], "what is below the edge was not seen"
        at.clock.now += 0.71
        await at.scene.press("n")
        await at.until(lambda: at.answers == [("use1", "deny")])


async def test_a_session_that_cannot_be_attached_to_says_why():
    async with Answering() as at:
        at.stage.end(SourceError("no access to \x1b[31msesn_ask"))
        await at.scene.press("exclamation_mark")
        await at.until(lambda: at.reply is None)
        assert "no access to" in at.scene.text()
        assert "\x1b" not in at.scene.text()


async def test_nothing_waits_there_any_more():
    log = asking()
    log.confirm("use1")
    async with Answering(log) as at:
        await at.scene.press("exclamation_mark")
        await at.until(lambda: at.reply is None)
        assert "nothing waits there any more" in at.scene.text()
        await asyncio.sleep(0)
        assert at.rows.has_focus
