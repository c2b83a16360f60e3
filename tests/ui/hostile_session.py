"""A program for a pty: cma-top over a log whose every text is hostile, read from its start to its end.

Run as `python -m tests.ui.hostile_session WIDTH HEIGHT`; it shows each part as it arrives (header, bar,
preview, queue), then every row, details in words and raw, and ends with a hostile error.
"""

import sys

from cma_tui.feed import Feed
from cma_tui.settings import Settings
from cma_tui.source import SourceError
from cma_tui.ui import app as app_module
from tests.payloads import LONE_SURROGATE, MARK_FLOOD, MARKUP, PAYLOADS
from tests.stories.write import Log, preview_delta
from tests.ui.play import Play, Sends, Stage, opening
from tests.ui.rows import hostile_log

_ALL = (*(payload.text for payload in PAYLOADS), LONE_SURROGATE, MARK_FLOOD, *MARKUP)
TEXTS = tuple(" ".join(_ALL[start : start + 2]) for start in range(0, len(_ALL), 2))
"""Two in each, short enough to be whole wherever a name is cut."""
END = "-- all shown --"


class Reader(app_module.CmaTop):
    """The app, with somebody who reads everything."""

    def run(self):
        return super().run(mouse=False, auto_pilot=self.read)

    async def read(self, pilot):
        stage = self._feed_stage
        play = Play(self, stage, self._main.feed, pilot)
        await play.settle()
        log = Log()
        for number, text in enumerate(TEXTS):
            part = hostile_log(text, log)
            log.user(text, id=f"queued{number}", at=None)
            self.notify(text, title=text, markup=False)
            await play.give(*part, log.events[-1], preview_delta(f"said{number}", text))
            log.confirm(part[-2].key)  # so that the next question is shown
            stage.give(log.events[-1])
        self.clear_notifications()
        await play.press("g", "ctrl+o")
        timeline = play.timeline
        while True:
            at = (timeline.view.top, timeline.view.top_line)
            timeline.scroll_lines(timeline.size.height)
            await play.step(enough=1)
            if (timeline.view.top, timeline.view.top_line) == at:
                break
        items = [entry for entry in timeline.entries.list if entry >= 0]
        for item in items[:: len(items) // 15]:
            timeline.post_message(timeline.Opened(item))
            await play.press("r", "escape")
        stage.end(SourceError("".join(TEXTS[:40]), 1))
        await play.settle()
        timeline.post_message(timeline.Moved())
        await play.step()
        print(END, file=sys.__stderr__)
        self.exit()


def main():
    stage = Stage(controls=Sends())
    settings = Settings()
    screen = app_module.session_screen(Feed(opening(stage)), mode="chat", name=TEXTS[0], settings=settings)
    Reader._feed_stage = stage
    app_module.CmaTop = Reader
    return app_module.run(screen, settings)


if __name__ == "__main__":
    sys.exit(main())
