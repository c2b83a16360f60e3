"""Logs with several sessions, and logs that grow, on the screen."""

import json

import pytest
from textual.worker import WorkerFailed

from cma_tui.feed import Feed
from cma_tui.log.formats import LogError, open_log
from cma_tui.log.together import Summary, Together
from cma_tui.player import Player
from cma_tui.session.model import Session
from cma_tui.source.saved import Followed, Saved
from cma_tui.ui.app import ANOTHER
from cma_tui.ui.chooser import ALL, Chooser
from tests.payloads import PAYLOADS
from tests.stories.write import Log
from tests.ui.play import Play, Stage, app_of, opening

HOSTILE = "".join(payload.text for payload in PAYLOADS)[:400]


def told(**fields):
    return Summary(
        **{
            "session_id": "",
            "title": "",
            "said": "",
            "events": 3,
            "first_at": None,
            "last_at": None,
            "files": 1,
            **fields,
        }
    )


def text(app):
    strips = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in strips)


async def opened(app):
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        await app.workers.wait_for_complete()


async def chosen(find, *keys):
    app = Chooser("two.jsonl", find)
    app.animation_level = "none"
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        await app.workers.wait_for_complete()
        await pilot.pause()
        seen = text(app) if app._running else ""
        if keys:
            await pilot.press(*keys)
    return app, seen


SEVERAL = [told(title="Pool", said="investigate"), told(session_id="sesn_2", said=HOSTILE, first_at=1e12)]


@pytest.mark.parametrize(
    ("keys", "number"), [(["enter"], 0), (["j", "enter"], 1), (["j", "j", "enter"], ALL), (["q"], None)]
)
async def test_one_of_the_sessions_is_chosen(keys, number):
    app, seen = await chosen(lambda: SEVERAL, *keys)
    assert app.chosen == number
    assert "2 sessions in two.jsonl" in seen
    assert "Pool investigate" in seen
    assert "\x1b" not in seen


async def test_one_alone_needs_no_choice():
    app, _ = await chosen(lambda: SEVERAL[:1])
    assert app.chosen == 0


async def test_what_cannot_be_read_is_told():
    def find():
        raise LogError("two.jsonl", "not readable")

    app = Chooser("two.jsonl", find)
    with pytest.raises(WorkerFailed):
        await opened(app)
    assert isinstance(app.failure, LogError)


@pytest.fixture
def two(tmp_path):
    path = tmp_path / "two.jsonl"
    with path.open("w") as file:
        for number in (1, 2):
            described = {"id": f"sesn_{number}", "type": "session", "created_at": "2026-07-06T14:16:30Z"}
            said = {"type": "agent.message", "id": f"e{number}", "content": [{"type": "text", "text": "hi"}]}
            file.write(json.dumps(described) + "\n" + json.dumps(said) + "\n")
    return path


@pytest.mark.parametrize("number", [0, 1])
async def test_from_a_session_one_goes_to_the_others_of_its_file(two, number):
    with open_log(two) as log:
        feed = Feed(opening(Saved(Together([log]) if number else log, number)))
        app = app_of(feed, mode="replay", name=log.name, player=Player(feed))
        async with app.run_test(size=(100, 24)) as pilot:
            play = Play(app, Stage(), feed, pilot)
            await play.settle()
            assert f"session {number + 1} of 2, s chooses" in play.text()
            await play.press("s")
        assert app.return_value == ANOTHER
        feed.close()


async def test_from_the_list_of_all_sessions_one_goes_back_to_that(two):
    with open_log(two) as log:
        feed = Feed(opening(Saved(log)))
        app = app_of(feed, mode="replay", name=log.name, player=Player(feed))
        app._main._among = True
        async with app.run_test(size=(100, 24)) as pilot:
            play = Play(app, Stage(), feed, pilot)
            await play.settle()
            assert "session 1 of 2" in play.text()
            assert "chooses" not in play.text()
        feed.close()


async def test_where_there_is_one_session_there_is_nothing_to_choose(tmp_path):
    log = Log()
    log.begin("hi")
    path = tmp_path / "one.jsonl"
    path.write_bytes(b"".join(event.raw + b"\n" for event in log.events))
    with open_log(path) as saved:
        feed = Feed(opening(Saved(saved)))
        app = app_of(feed, mode="replay", name=saved.name, player=Player(feed))
        async with app.run_test(size=(100, 24)) as pilot:
            play = Play(app, Stage(), feed, pilot)
            await play.settle()
            await play.press("s", "escape")
            assert "s chooses" not in play.text()
            assert app._running
        feed.close()


# ------------------------------------------------------------------------------------- files that grow


async def test_a_growing_file_is_followed_rewound_and_caught_up_with(tmp_path):
    log = Log()
    log.begin("the first question")
    log.answer("the first answer")
    path = tmp_path / "log.jsonl"

    def write():
        with path.open("ab") as file:
            file.write(b"".join(event.raw + b"\n" for event in log.events[held:]))
        return len(log.events)

    held = 0
    held = write()
    with open_log(path) as saved:
        feed = Feed(opening(Followed(saved)), session=Session(events=saved.kept()))
        app = app_of(feed, mode="replay", name=saved.name, player=Player(feed))
        async with app.run_test(size=(120, 30)) as pilot:
            play = Play(app, Stage(), feed, pilot)
            await play.until(lambda: "the first answer" in play.text())
            await play.until(lambda: "REPLAY following" in play.text())
            assert "nothing new for" not in play.text(), "a file that says nothing may be an old one"
            log.begin("the second question")
            held = write()
            await play.until(lambda: "the second question" in play.text())
            await play.press("comma", "comma")
            assert "the second question" not in play.text()
            assert "End returns" in play.text()
            log.answer("the second answer")
            held = write()
            await play.until(lambda: len(feed.session.events) == held)
            assert "the second answer" not in play.text()
            await play.press("end")
            await play.until(lambda: "the second answer" in play.text())
            path.write_bytes(b"")
            await play.until(lambda: feed.finished)
            await play.until(lambda: "was cut short" in play.text())
        feed.close()
        assert isinstance(feed.error, LogError)
        assert not feed.alive


async def test_leaving_a_file_that_is_followed_ends_the_reading(tmp_path):
    log = Log()
    log.begin("hi")
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"".join(event.raw + b"\n" for event in log.events) * 3000)
    with open_log(path) as saved:
        feed = Feed(opening(Followed(saved)))
        feed.start()
        while not feed.behind:
            pass
        feed.close(20)  # nothing was taken: the reading waits for room
        assert feed.error is None
        assert not feed.alive
