"""Driving a real session from its screen: dialogs, documents, the editor, and two screens on one session."""

import json
import os
from contextlib import asynccontextmanager, contextmanager
from types import SimpleNamespace

import pytest

import cma_tui.source.live  # noqa: F401 - slow to import: no wait is to be for that
from cma_tui.commands.live import conversation_opener
from cma_tui.feed import Feed
from cma_tui.redact import Redactor
from cma_tui.settings import load
from cma_tui.simulator import ServerThread, Simulator
from cma_tui.ui.drive.confirm import Confirm
from cma_tui.ui.drive.sheet import TextSheet
from tests.cli.conftest import Service
from tests.ui.play import Play, Sends, app_of
from tests.ui.test_outbox import driven


@pytest.fixture
def sim():
    return Simulator(pace=0)


@pytest.fixture
def service(sim):
    server = ServerThread(sim)
    with server as url:
        service = Service(sim, server)
        service.url = url
        yield service


@asynccontextmanager
async def client(service, session, **options):
    """The screen of a session of the simulator, once its history is there and something can be sent."""
    env = {"ANTHROPIC_API_KEY": service.sim.api_key, "ANTHROPIC_BASE_URL": service.url}
    feed = Feed(conversation_opener(load({}, env, None, None), session))
    app = app_of(feed, mode="chat", name=session, **options)
    try:
        async with app.run_test(size=(100, 30), notifications=True) as pilot:
            play = Play(app, SimpleNamespace(resting=True), feed, pilot)
            await play.until(lambda: play.screen._drive.is_known() and play.composer.display)
            await play.step()
            yield play
    finally:
        feed.close()


async def command(play, text):
    """Say a command in the composer."""
    play.composer.focus()
    play.composer.write(text)
    await play.press("enter")


async def said(play, words):
    await play.until(lambda: words in play.text())


def of(service, session, kind):
    return [event for event in service.log(session) if event["type"] == kind]


# ----------------------------------------------------------------------------------- two screens, one answer


async def test_an_answer_on_one_screen_takes_the_question_from_the_other_and_is_not_given_twice(service):
    session = service.session()
    service.say(session, "roll it back")
    async with client(service, session) as one, client(service, session) as other:
        for play in (one, other):
            await said(play, "approve 1 of 1  bash")
            play.approval.focus()
            await play.step()
            play.approval.guard._armed_at = 0.0
        await one.press("y")
        await other.until(lambda: "approve" not in other.text())
        await other.press("y")
        await other.step()
        await one.until(lambda: "approve" not in one.text())
        assert other.composer.has_focus
        (answer,) = of(service, session, "user.tool_confirmation")
        assert answer["result"] == "allow"


async def test_of_two_answers_at_once_one_holds_and_both_screens_say_the_same(service):
    session = service.session()
    service.say(session, "roll it back")
    async with client(service, session) as one, client(service, session) as other:
        for play, key in ((one, "y"), (other, "n")):
            await said(play, "approve 1 of 1  bash")
            play.approval.focus()
            await play.step()
            play.approval.guard._armed_at = 0.0
            await play.press(key)
        await one.until(lambda: "approve" not in one.text())
        await other.until(lambda: "approve" not in other.text())
        await one.until(lambda: one.session.state == "idle")
        await other.until(lambda: other.session.state == "idle")
        (answer,) = of(service, session, "user.tool_confirmation")
        for play in (one, other):
            (use,) = [item for item in play.session.items if getattr(item, "confirmation", None)]
            assert use.confirmation == answer["result"]


# ---------------------------------------------------------------------------- what is confirmed by a word


@pytest.mark.parametrize(
    ("line", "word", "asks"),
    [
        ("/archive", "archive", "It takes no more messages"),
        ("/delete", "delete", "and its whole log?"),
        ("/budget 7.50", "7.50", "Change the budget from $2.00 to $7.50?"),
        ("/budget none", "remove", "Remove the budget of $2.00?"),
    ],
)
async def test_what_cannot_be_taken_back_needs_its_word(service, sim, line, word, asks):
    budget = {"type": "limit", "max_list_cost": {"amount": "200", "currency": "USD"}}
    session = service.session()
    sim.sessions[session].budget = budget
    service.say(session, "hi")
    async with client(service, session) as play:
        await play.until(lambda: play.session.budget_usd == 2.0)
        for given in ("escape", "y", word[:-1], word.upper() + "!"):
            await command(play, line)
            await play.until(lambda: isinstance(play.app.screen, Confirm))
            await said(play, asks)
            if given != "escape":
                await play.press("enter", *given, "enter")
                assert isinstance(play.app.screen, Confirm), "only the word does it"
            await play.press("escape")
            await play.until(lambda: not isinstance(play.app.screen, Confirm))
            assert play.composer.text == line, "the command is still there"
            play.composer.write("")
        of_server = sim.sessions[session]
        assert (of_server.status, of_server.budget) == ("idle", budget)
        await command(play, line)
        await play.until(lambda: isinstance(play.app.screen, Confirm))
        await play.press(*word, "enter")
        done = {
            "/archive": lambda: of_server.status == "terminated",
            "/delete": lambda: of_server.deleted,
            "/budget 7.50": lambda: of_server.budget["max_list_cost"]["amount"] == "750",
            "/budget none": lambda: of_server.budget is None,
        }
        await play.until(done[line])


async def test_a_refusal_of_the_api_is_told_and_the_command_stays(service, sim):
    session = service.session(agent="none")
    service.emit(session, {"type": "session.status_running"})
    async with client(service, session) as play:
        await command(play, "/archive")
        await play.until(lambda: isinstance(play.app.screen, Confirm))
        await play.press(*"archive", "enter")
        await play.until(lambda: "400" in play.lines()[-1] or "running" in play.lines()[-1])
        assert play.composer.text == "/archive"
        assert sim.sessions[session].status == "running"


# ------------------------------------------------------------------------------------------------- lists


async def test_the_commands_are_listed_and_read_to_their_end():
    async with driven(Sends()) as play:
        await command(play, "/help")
        await play.until(lambda: isinstance(play.app.screen, TextSheet))
        await said(play, "/approve")
        await play.press(*"jjk", "end")
        await play.until(lambda: "/title TEXT" in play.text())
        for key in ("q", "escape", "enter"):
            await play.press(key)
            await play.until(lambda: not isinstance(play.app.screen, TextSheet))
            await command(play, "/help")
            await play.until(lambda: isinstance(play.app.screen, TextSheet))


async def test_files_are_listed_and_saved_once(service, sim, tmp_path):
    session = service.session()
    service.server.call(lambda: sim.add_file(session, "report[red].md", b"# text"))
    async with client(service, session) as play:
        await command(play, "/files")
        await play.until(lambda: isinstance(play.app.screen, TextSheet))
        await said(play, "report[red].md")
        await play.press("escape")
        for words in ("saved", "File exists"):
            await command(play, f"/download report[red].md {tmp_path / 'r.md'}")
            await said(play, words)
        assert (tmp_path / "r.md").read_bytes() == b"# text"
        play.composer.write("")
        await command(play, "/title another")
        await play.until(lambda: sim.sessions[session].title == "another")


# --------------------------------------------------------------------------------------------- documents


async def test_the_session_is_written_as_a_document_without_its_secrets(service, tmp_path):
    session = service.session()
    service.say(session, "hi, my key is sk-ant-api03-abcdefghijklmnopqrstuvwxyz0123456789")
    path = tmp_path / "run.md"
    async with client(service, session, redactor=lambda: Redactor(["hunter2hunter2"])) as play:
        await command(play, "/export run.exe")
        await said(play, "takes a FILE that ends in one of .md .html")
        await command(play, f"/export {path}")
        await said(play, "masked 1")
        text = path.read_text(encoding="utf-8")
        assert "my key is" in text
        assert "abcdefghij" not in text
        assert path.stat().st_mode & 0o777 == 0o600
        await command(play, f"/export {path}")
        await said(play, "exists already")
        play.composer.write("")
        await command(play, f"/export --no-redact {tmp_path / 'all.jsonl'}")
        await said(play, "nothing was masked, as asked")
        lines = (tmp_path / "all.jsonl").read_text(encoding="utf-8").splitlines()
        written = [json.loads(line).get("id") for line in lines]
        assert [event["id"] for event in service.log(session)] == [key for key in written if key]
        await command(play, "/export /nonexistent/x.md")
        await said(play, "cannot be written")


# ------------------------------------------------------------------------------------------------ editor


@contextmanager
def no_suspend():
    """Where there is no terminal nothing has to be given back."""
    yield


def editor(tmp_path, monkeypatch, script):
    program = tmp_path / "editor"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("VISUAL", f"{program} --wait")


@pytest.mark.parametrize("way", ["ctrl+g", "/edit"])
async def test_a_message_is_written_in_an_editor_and_comes_back_as_a_draft(tmp_path, monkeypatch, way):
    seen = tmp_path / "seen"
    editor(tmp_path, monkeypatch, f'ls -ld "$2" > {seen}; cat "$2" >> {seen}; printf "one\\ntwo\\n" > "$2"')
    sends = Sends()
    async with driven(sends, state_dir=tmp_path / "state") as play:
        monkeypatch.setattr(play.app, "suspend", no_suspend)
        if way == "/edit":
            await command(play, "/edit")
        else:
            await play.press(*"half", "ctrl+g")
        await play.until(lambda: play.composer.text == "one\ntwo")
        before = seen.read_text()
        assert before.startswith("-rw-------")
        assert ("half" in before) == (way == "ctrl+g")
        assert sends.sent == [], "it is sent by Enter alone"
        await play.press("enter")
        await play.until(lambda: sends.sent)
        assert sends.sent[0]["content"][0]["text"] == "one\ntwo"
        assert not list(tmp_path.rglob("message.md"))


@pytest.mark.parametrize("script", ["exit 3", "rm $2", None])
async def test_an_editor_that_fails_loses_nothing(tmp_path, monkeypatch, script):
    if script is None:
        monkeypatch.setenv("VISUAL", str(tmp_path / "none"))
    else:
        editor(tmp_path, monkeypatch, script)
    async with driven(Sends()) as play:
        monkeypatch.setattr(play.app, "suspend", no_suspend)
        await play.press(*"half a thou", "ctrl+g")
        await said(play, "no editor")
        assert play.composer.text == "half a thou"
        assert os.environ["VISUAL"]
