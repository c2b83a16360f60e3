"""What is written and not with the server yet: kept, shown, changed, sent once."""

import json

import pytest

from cma_tui.source.delivery import Attempt, UnclearError
from cma_tui.source.drafts import Drafts
from tests.stories.write import Log
from tests.ui.play import Sends, Stage, playing
from tests.ui.test_approval import asking
from tests.ui.test_session_screen import conversation


class Silent(Sends):
    """Controls whose replies do not come; what the log has is for the test to say."""

    def __init__(self, *, there=False):
        super().__init__()
        self.there = there
        self.looks = 0
        self.silent = True

    async def send(self, sent, note=lambda _: None):
        attempt = Attempt(sent, [], whole=True)
        note(attempt)
        self.sent.extend(sent)
        if self.silent:
            attempt.state = "looking"
            note(attempt)
            raise UnclearError("unclear whether it was received: timed out", attempt, looked=True)
        return []

    async def look(self, attempt):
        self.looks += 1
        return self.there


def driven(sends, *, log=None, mode="chat", **options):
    return playing(stage=Stage(*(log or conversation(1)).events, controls=sends), mode=mode, **options)


def words(sends):
    return [block["text"] for event in sends.sent for block in event.get("content", ())]


def kept(folder):
    files = list(folder.glob("drafts/*.json"))
    return json.loads(files[0].read_bytes()) if files else None


async def test_what_may_have_been_sent_is_not_sent_again_before_the_log_was_looked_at():
    sends = Silent()
    async with driven(sends) as play:
        await play.press(*"hello", "enter")
        await play.until(lambda: "may have been sent" in play.text())
        assert play.composer.text == ""
        sends.there = True
        await play.press("escape", "Q")
        await play.press("s")
        await play.until(lambda: not play.screen._drive.outbox.entries)
        assert (words(sends), sends.looks) == (["hello"], 1)


async def test_what_is_not_in_the_log_is_sent_again_by_the_users_key():
    sends = Silent()
    async with driven(sends) as play:
        await play.press(*"hello", "enter")
        await play.until(lambda: "may have been sent" in play.text())
        sends.silent = False
        await play.press("escape", "Q")
        await play.press("s")
        await play.until(lambda: not play.screen._drive.outbox.entries)
        assert (words(sends), sends.looks) == (["hello", "hello"], 1)


async def test_a_message_waits_while_an_answer_is_owed_and_is_sent_after_it():
    sends, log = Sends(), asking()
    async with driven(sends, log=log) as play:
        await play.press(*"and then?", "enter")
        await play.until(lambda: "until what waits is answered" in play.text())
        assert sends.sent == []
        count = len(log.events)
        log.confirm("use1")
        log.runs()
        await play.give(*log.events[count:])
        await play.until(lambda: sends.sent)
        assert words(sends) == ["and then?"]


async def test_a_message_for_later_waits_until_the_agent_rests():
    sends, log = Sends(), Log()
    log.begin("Work")
    log.start()
    async with driven(sends, log=log) as play:
        await play.press(*"later", "ctrl+l")
        await play.until(lambda: "until the agent rests" in play.text())
        count = len(log.events)
        log.rest()
        await play.give(*log.events[count:])
        await play.until(lambda: sends.sent)
        assert words(sends) == ["later"]


async def test_messages_are_sent_one_after_another_in_their_order():
    sends = Sends()
    sends.hold()
    async with driven(sends) as play:
        for word in ("one", "two", "three"):
            await play.press(*word, "enter")
            await play.until(lambda: not play.composer.text)
        await play.until(lambda: sends.sent)
        await play.settle()
        assert words(sends) == ["one"]
        sends.release()
        await play.until(lambda: len(sends.sent) == 3)
        assert words(sends) == ["one", "two", "three"]


async def test_what_waits_is_taken_back_changed_or_dropped():
    sends, log = Sends(), asking()
    async with driven(sends, log=log) as play:
        for word in ("one", "two"):
            await play.press(*word, "enter")
            await play.until(lambda: not play.composer.text)
        await play.press("up")
        await play.until(lambda: play.composer.text == "two")
        await play.press(*"!", "enter")
        await play.until(lambda: not play.composer.text)
        await play.press("escape", "Q", "d")
        await play.until(lambda: len(play.screen._drive.outbox.entries) == 1)
        await play.press("escape")
        count = len(log.events)
        log.confirm("use1")
        await play.give(*log.events[count:])
        await play.until(lambda: sends.sent)
        assert words(sends) == ["two!"]
        await play.until(lambda: not play.composer.text)


async def test_a_redirect_is_one_request_and_goes_even_while_an_answer_is_owed():
    sends = Sends()
    async with driven(sends, log=asking()) as play:
        await play.press(*"stop", "ctrl+r")
        await play.until(lambda: sends.sent)
        assert [event["type"] for event in sends.sent] == ["user.interrupt", "user.message"]


async def test_a_paste_without_brackets_is_text_to_its_last_line():
    sends = Sends()
    async with driven(sends) as play:
        for key in [*"a", "enter", *"b", "enter"]:
            play.app._driver.send_message(pressed(key))
        await play.until(lambda: play.composer.text == "a\nb\n")
        assert sends.sent == []
        await play.press("enter")
        await play.until(lambda: sends.sent)
        assert words(sends) == ["a\nb\n"]


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("\x1b[31mred\x07 \x9b0m", ["[31mred 0m"]),
        ("half \ud83d a character", ["half  a character"]),
        ("x" * 1_000_000, ["x" * 1_000_000]),
        ("a\tb\r\nc\rd", ["a\tb\nc\nd"]),
        ("   \n\t ", []),
        ("\x1b\x00\x07", []),
    ],
    ids=["escapes", "half a character", "a million characters", "line ends", "only spaces", "only controls"],
)
async def test_what_cannot_be_sent_is_left_out_and_nothing_is_no_message(written, sent):
    sends = Sends()
    async with driven(sends) as play:
        play.composer.text = written
        await play.press("enter")
        await play.settle()
        await play.until(lambda: words(sends) == sent)
        assert len(sends.sent) == len(sent)
        if sent and any(c in written for c in "\x1b\ud83d"):
            await play.until(lambda: "control characters are left out" in play.text())
        else:
            assert "control characters are left out" not in play.text()


@pytest.mark.parametrize("written", ["\x1b[31mred", "x" * 100_000])
async def test_a_text_that_is_refused_is_not_lost(written):
    sends = Sends()
    sends.refusal = "not accepted (413): too large"
    async with driven(sends) as play:
        play.composer.text = written
        await play.press("enter")
        await play.until(lambda: "not accepted (413)" in play.text())
        assert written.replace("\x1b", "") in [
            play.composer.text,
            *map(str, play.screen._drive.outbox.entries),
        ]


def pressed(key):
    from textual import events

    return events.Key(key, key if len(key) == 1 else None)


async def test_a_slash_that_is_no_command_is_not_sent_and_two_are_text():
    sends = Sends()
    async with driven(sends) as play:
        play.composer.write("/etc")
        await play.press("enter")
        # It is said below the line while that is written, and once more when Enter is refused.
        await play.until(lambda: play.text().count("is no command") == 2)
        assert (sends.sent, play.composer.text) == ([], "/etc")
        play.composer.write("//etc")
        await play.press("enter")
        await play.until(lambda: sends.sent)
        assert words(sends) == ["/etc"]


async def test_a_command_is_completed_and_does_what_it_says():
    sends = Sends()
    async with driven(sends) as play:
        play.composer.write("/outc")
        await play.press("tab")
        assert play.composer.text == "/outcome "
        play.composer.write("/outcome A summary --rubric - complete --iterations 4")
        await play.press("enter")
        await play.until(lambda: sends.sent)
        assert sends.sent == [
            {
                "type": "user.define_outcome",
                "description": "A summary",
                "rubric": {"type": "text", "content": "- complete"},
                "max_iterations": 4,
            }
        ]


# ------------------------------------------------------------------------------------------------- on disk


@pytest.fixture
def umasked():
    import os

    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("umasked")
async def test_what_is_written_is_on_disk_for_its_owner_alone_and_comes_back(tmp_path):
    folder = tmp_path / "state"
    async with driven(Sends(), state_dir=folder) as play:
        await play.press(*"half a thou")
        await play.until(lambda: kept(folder) is not None)
    assert kept(folder)["text"] == "half a thou"
    for path in folder.rglob("*"):
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path
    assert folder.stat().st_mode & 0o777 == 0o700
    sends = Sends()
    async with driven(sends, state_dir=folder) as play:
        assert play.composer.text == "half a thou"
        await play.press("enter")
        await play.until(lambda: sends.sent and not play.screen._drive.outbox.entries)
    assert not list(folder.glob("drafts/*")), "the server has it: nothing is left"


async def test_a_message_is_on_disk_before_it_is_sent(tmp_path):
    sends = Silent()
    seen = []

    async def send(sent, note):
        attempt = Attempt(sent, ["sevt_before"], whole=True)
        note(attempt)
        seen.append(kept(tmp_path))
        return []

    sends.send = send
    async with driven(sends, state_dir=tmp_path) as play:
        await play.press(*"hello", "enter")
        await play.until(lambda: seen)
        (entry,) = seen[0]["outbox"]
        assert (entry["text"], entry["known"]) == ("hello", ["sevt_before"])
        assert entry["at"] > 0


@pytest.mark.parametrize("there", [True, False])
async def test_what_was_under_way_when_the_program_ended_is_looked_for(tmp_path, there):
    async with driven(Silent(), state_dir=tmp_path) as play:
        await play.press(*"hello", "enter")
        await play.until(lambda: "may have been sent" in play.text())
    sends = Silent(there=there)
    async with driven(sends, state_dir=tmp_path) as play:
        await play.until(lambda: sends.looks)
        if there:
            await play.until(lambda: "may have been sent" not in play.text())
        else:
            await play.until(lambda: "it is not in the log" in play.text())
            assert "may have been sent" in play.text()
        assert sends.sent == [], "nothing is sent by itself"


async def test_two_programs_on_one_session_keep_two_drafts(tmp_path):
    one, two = Drafts(tmp_path, "sesn_1"), Drafts(tmp_path, "sesn_1")
    one.draft.text, two.draft.text = "one", "two"
    one.save()
    two.save()
    one.close()
    two.close()
    one, two = Drafts(tmp_path, "sesn_1"), Drafts(tmp_path, "sesn_1")
    assert (one.draft.text, two.draft.text) == ("one", "two")
    one.close()
    two.close()


async def test_a_damaged_draft_is_set_aside(tmp_path):
    first = Drafts(tmp_path, "../../x")
    first.draft.text = "text"
    first.save()
    first.close()
    (path,) = tmp_path.glob("drafts/*.json")
    path.write_bytes(b"{nonsense")
    again = Drafts(tmp_path, "../../x")
    assert again.draft.empty
    again.close()
    assert [p.read_bytes() for p in tmp_path.glob("drafts/*.bad*")] == [b"{nonsense"]


async def test_the_line_above_says_what_is_attached(tmp_path):
    (tmp_path / "notes.txt").write_text("tricky", encoding="utf-8")
    sends = Sends()
    async with driven(sends) as play:
        play.composer.write(f"read @{tmp_path}/notes.txt and @nobody")
        await play.until(lambda: "attaches notes.txt" in play.text())
        await play.press("enter")
        await play.until(lambda: sends.sent)
        text, document = sends.sent[0]["content"]
        assert text["text"].startswith("read @")
        assert document == {
            "type": "document",
            "source": {"type": "text", "media_type": "text/plain", "data": "tricky"},
            "title": "notes.txt",
        }
        (tmp_path / "core").write_bytes(b"\xff\xfe\x00")
        play.composer.write(f"@{tmp_path}/core")
        await play.press("enter")
        await play.until(lambda: "neither text" in play.text())
        assert len(sends.sent) == 1


async def test_what_is_typed_right_after_enter_is_the_next_message():
    sends = Sends()
    async with driven(sends) as play:
        await play.press(*"one")
        first, second = pressed("enter"), pressed("x")
        second.time = first.time + 0.05
        play.app._driver.send_message(first)
        play.app._driver.send_message(second)
        await play.until(lambda: sends.sent)
        assert words(sends) == ["one"]
        await play.until(lambda: play.composer.text == "x")


async def test_what_is_written_before_there_is_a_session_is_sent_when_there_is(tmp_path):
    first = Drafts(tmp_path, "sesn_stage")
    first.draft.text = "from last time"
    first.save()
    first.close()
    sends = Sends()
    stage = Stage(*conversation(1).events, controls=None)
    async with playing(stage=stage, mode="chat", state_dir=tmp_path) as play:
        assert play.composer.has_focus
        await play.press(*"hello", "enter")
        await play.until(lambda: not play.composer.text)
        await play.press(*"and")
        await play.until(lambda: "queued  hello  until there is a session" in play.text())
        assert sends.sent == []
        stage.controls = sends
        stage.give()
        await play.until(lambda: sends.sent)
        assert words(sends) == ["hello"]
        assert play.composer.text == "and"
        play.composer.write("")
        await play.press("up")
        assert play.composer.text == "from last time"
