"""Every panel over a log whose every text is hostile: for Pilot, and as a program for a pty.

Run as `python -m tests.ui.hostile_panels FOLDER`: the overview first, then a session with all its panels.
`PANELS` names each panel and the keys that open and leave it.
"""

import sys
from pathlib import Path

from textual import events

from cma_tui.feed import Feed
from cma_tui.recorder import Recorder
from cma_tui.recording import Switch
from cma_tui.settings import Settings
from cma_tui.source import SourceError
from cma_tui.source.news import News
from cma_tui.ui import app as app_module
from tests.session.test_roster import ask, resource
from tests.stories.write import Log
from tests.ui.hostile_session import END, TEXTS
from tests.ui.play import Play, Sends, Stage, opening
from tests.ui.rows import hostile_log
from tests.ui.test_overview import Board

ALL = "".join(TEXTS)
PANELS = {
    "help": (["question_mark"], ["escape"]),
    "figures": (["M"], ["escape"]),
    "figures, threads": (["M", "tab", "tab"], ["escape"]),
    "waterfall": (["w", "tab", "tab"], ["escape"]),
    "tracing": (["b"], ["escape"]),
    "palette": (["ctrl+p"], ["escape"]),
    "search": (["slash", "O", "W", "N", "E", "D", "enter", "n"], ["escape"]),
    "filter": (["f", "t", "o", "o", "l", "enter"], ["escape"]),
    "no such place": (["colon", "x", "enter"], ["escape", "escape"]),
    "detail": (["g", *"jjjjjjjj", "enter"], ["escape"]),
    "detail, raw": (["g", *"jjjjjjjjj", "enter", "r"], ["r", "escape"]),
    "detail, tree": (["g", *"jjjjjjjjj", "enter", "J", "shift+right"], ["J", "escape"]),
    "detail, arrival": (["g", *"jjjjjjjj", "enter", "D"], ["D", "escape"]),
    "what waits": (["exclamation_mark"], ["escape"]),
    "outbox": (["Q"], ["escape"]),
    "player": (["p", "comma", "m"], []),
    "marks": (["apostrophe"], ["escape", "end"]),
    "recording": (["R"], []),
}


def logs(count=None):
    """The parts of the log, each with another few payloads everywhere."""
    log = Log()
    for number, text in enumerate(TEXTS[:count]):
        part = hostile_log(text, log)
        log.user(text, id=f"queued{number}", at=None)
        part.append(log.events[-1])
        if number < (count or len(TEXTS)) - 3:  # the last few go on waiting for an answer
            log.confirm(part[-2].key)
            part.append(log.events[-1])
        yield part


async def every_panel(play, look):
    """Open each panel, look, and leave it."""
    play.screen._drive.outbox.show()
    for name, (open_keys, leave_keys) in PANELS.items():
        await play.press(*open_keys)
        await look(name)
        await play.press(*leave_keys)
        while len(play.app.screen_stack) > 2:
            play.app.pop_screen()
            await play.step()
        play.timeline.focus()
    await play.press("i")
    play.app._driver.send_message(events.Paste(ALL))
    await play.step()
    await look("composer")
    await play.press("ctrl+a")
    await play.press("escape")


async def nothing(_name):
    """Only look."""


class Panels(app_module.CmaTop):
    """The app, with somebody who opens everything."""

    stage = None

    def run(self):
        return super().run(mouse=False, auto_pilot=self.read)

    async def read(self, pilot):
        play = Play(self, self.stage, self._main.feed, pilot)
        await play.settle()
        for part in logs():
            self.stage.give(*part)
        await play.settle()
        await every_panel(play, nothing)
        self.stage.end(SourceError(ALL, 1))
        await play.settle()
        print(END, file=sys.__stderr__)
        self.exit()


def entries():
    """Sessions of the overview, each with other payloads in all that is told of one."""
    for number, text in enumerate(TEXTS):
        name = f"sesn_{number}{text}"
        more = {"agent": {"name": text, "model": {"id": text}}, "metadata": {text: text}}
        yield News("listed", resources=[resource(name, title=text, at=number + 1.0, status=text, **more)])
        yield News("tail", session=name, events=ask(number + 2.0, name=text))


async def overview(pilot):
    """Page through the list, filter it, leave."""
    app = pilot.app
    app._main.overview.tell(*entries(), News("trouble", text=ALL))
    for _ in range(4):
        await pilot.pause()
    for key in (
        "G",
        "g",
        "pagedown",
        "pagedown",
        "O",
        "slash",
        "O",
        "W",
        "N",
        "enter",
        "question_mark",
        "escape",
    ):
        await pilot.press(key)
    app.exit()


def main():
    folder = Path(sys.argv[1])
    board = Board()
    board.error = SourceError(ALL, 1)
    app_module.OverviewApp(board, None).run(mouse=False, auto_pilot=overview)
    app_module.CmaTop = Panels
    stage = Panels.stage = Stage(controls=Sends(), name=TEXTS[1])
    feed = Feed(opening(stage))
    recording = Switch(feed, lambda: Recorder(folder / "recordings"))
    settings = Settings(state_dir=folder)
    screen = app_module.session_screen(
        feed, mode="chat", name=TEXTS[0], settings=settings, recording=recording
    )
    return app_module.run(screen, settings)


if __name__ == "__main__":
    sys.exit(main())
