"""A program for a pty: a recorded session that never rests, and defects on demand.

Run as `python -m tests.ui.busy_session FOLDER [WHERE]`; WHERE names what is to fail once.
"""

import asyncio
import sys
import threading
from contextlib import suppress
from pathlib import Path

from cma_tui.feed import Feed
from cma_tui.recorder import Recorder
from cma_tui.recording import Switch
from cma_tui.settings import Settings
from cma_tui.source import Batch, Line
from cma_tui.ui import app as app_module
from tests.stories.write import Log
from tests.ui.play import opening

SECRET = "sk-ant-" + "secret" * 4


class Busy:
    """Says something new a hundred times a second, and never ends."""

    name, shape, live, controls = "sesn_busy", "", True, None
    line = Line("live", checked_at=0.0)

    async def batches(self):
        log = Log()
        log.add("local.session", session={"id": self.name, "title": "busy"})
        log.begin("go")
        yield Batch(list(log.events))
        number = 0
        while True:
            number += 1
            log.message(f"{number} " + "a long line of text " * 600)
            log.message(f"said {number}.")
            yield Batch(log.events[-2:])
            await asyncio.sleep(0.01)


def fail(*_):
    key = SECRET
    raise ZeroDivisionError(key)


async def fail_later():
    fail()


class Failing(app_module.CmaTop):
    """The app, with a defect somewhere."""

    def on_mount(self):
        super().on_mount()
        where = sys.argv[2] if len(sys.argv) > 2 else ""
        self.set_timer(0.3, {"handler": fail, "": lambda: None}.get(where, lambda: self._break(where)))

    def _break(self, where):
        match where:
            case "worker":
                self.run_worker(fail_later())
            case "task":
                self.held = asyncio.get_running_loop().create_task(fail_later())
                self.held.add_done_callback(lambda _: setattr(self, "held", None))
            case "callback":
                asyncio.get_running_loop().call_soon(fail)
            case "thread":
                threading.Thread(target=fail, name="prices").start()
            case "render":
                self._main._timeline.render_line = fail
                self._main._timeline.refresh()


def main():
    folder = Path(sys.argv[1])
    app_module.CmaTop = Failing
    feed = Feed(opening(Busy()))
    recording = Switch(feed, lambda: Recorder(folder))
    recording.on()
    settings = Settings(state_dir=folder / "state")
    screen = app_module.session_screen(
        feed, mode="watch", name="busy", settings=settings, recording=recording
    )
    return app_module.run(screen, settings)


if __name__ == "__main__":
    code = 1
    with suppress(KeyboardInterrupt):
        code = main()
    sys.exit(code)
