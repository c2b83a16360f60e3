"""Custom tools at work for a session: each run once, each result posted once."""

import json

from cma_tui.source import SourceError
from cma_tui.source.tools import Result
from cma_tui.ui.drive import hosting
from tests.stories.write import Log
from tests.ui.play import Sends, Stage, playing


class Runs:
    """In place of the process: notes what is run."""

    runs = ()

    def __init__(self, path):
        pass

    async def start(self):
        return frozenset({"get_weather"})

    async def call(self, name, arguments):
        Runs.runs.append((name, arguments))
        return Result([{"type": "text", "text": "rain"}], False, "looked out of the window\n")

    def kill(self):
        pass


def asking():
    log = Log()
    log.begin("Weather?")
    log.custom("get_weather", input={"city": "Oslo"}, id="ours")
    log.custom("get_tide", input={}, id="theirs")
    log.rest("requires_action", "ours", "theirs")
    return log


def hosted(sends, folder, monkeypatch):
    monkeypatch.setattr(hosting, "Tools", Runs)
    Runs.runs = []
    stage = Stage(*asking().events, controls=sends)
    return playing(stage=stage, mode="chat", state_dir=folder, tools=folder / "tools.py")


async def test_a_known_tool_runs_once_and_an_unknown_one_is_left_to_others(tmp_path, monkeypatch):
    sends = Sends()
    async with hosted(sends, tmp_path, monkeypatch) as play:
        await play.until(lambda: sends.sent)
        await play.settle()
        assert Runs.runs == [("get_weather", {"city": "Oslo"})]
        assert [(e["custom_tool_use_id"], e["content"][0]["text"]) for e in sends.sent] == [("ours", "rain")]
        log = Log()
        log.runs()
        await play.give(*log.events)
        assert len(Runs.runs) == 1


async def test_nothing_runs_before_the_whole_history_is_known(tmp_path, monkeypatch):
    sends = Sends()
    async with hosted(sends, tmp_path, monkeypatch) as play:
        await play.until(lambda: sends.sent)
    monkeypatch.setattr(Stage, "__init__", _unread(Stage.__init__))
    sends = Sends()
    async with hosted(sends, tmp_path, monkeypatch) as play:
        await play.settle()
        assert Runs.runs == []
        play.stage.line.checked_at = 1.0
        play.screen._drive.show()
        await play.until(lambda: sends.sent)


def _unread(made):
    def init(self, *events, **options):
        made(self, *events, **options)
        self.line.checked_at = None

    return init


async def test_a_result_that_was_not_posted_is_posted_after_a_restart_without_running_again(
    tmp_path, monkeypatch
):
    class Down(Sends):
        async def send(self, sent, note=lambda _: None):
            raise SourceError("not sent, the server is busy (529)")

    monkeypatch.setattr(hosting, "PAUSES", (0.0,))
    async with hosted(Down(), tmp_path, monkeypatch) as play:
        await play.until(lambda: "server is busy" in play.text())
        assert len(Runs.runs) == 1
    (path,) = tmp_path.glob("drafts/*.json")
    assert list(json.loads(path.read_bytes())["results"]) == ["ours"]
    sends = Sends()
    async with hosted(sends, tmp_path, monkeypatch) as play:
        await play.until(lambda: sends.sent)
        await play.settle()
        assert Runs.runs == []
        assert sends.sent[0]["content"] == [{"type": "text", "text": "rain"}]
        await play.until(lambda: not play.screen._drive._results)
    assert not list(tmp_path.glob("drafts/*.json"))
