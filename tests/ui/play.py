"""A source that does what the test says, the app over it, and waiting without sleeping."""

import asyncio
from collections import deque
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic

from textual import events
from textual.keys import _character_to_key

from cma_tui.feed import Feed
from cma_tui.keymap import DEFAULT
from cma_tui.player import Player
from cma_tui.source import Batch, Line, SourceError
from cma_tui.ui.app import CmaTop
from cma_tui.ui.screens.session import SessionScreen

CHARACTERS = {"space": " ", "question_mark": "?", "exclamation_mark": "!"} | {
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "full_stop": ".",
    "slash": "/",
    "colon": ":",
    "grave_accent": "`",
    "apostrophe": "'",
    "greater_than_sign": ">",
    "less_than_sign": "<",
    "plus": "+",
    "minus": "-",
    "comma": ",",
    "equals_sign": "=",
    "asterisk": "*",
    "left_curly_bracket": "{",
    "right_curly_bracket": "}",
}
"""Keys that are characters, by Textual's names."""
TURNS = 4
"""Turns of the loop from one look to the next."""
DEADLINE = 60.0
"""Seconds that a condition may take: only a broken program needs them."""


class Sends:
    """Controls that note what is sent, and refuse or keep silent on demand."""

    def __init__(self):
        self.sent = []
        self.refusal = None
        self.refuses = lambda event: False
        self._release = None
        self._loop = None

    def hold(self):
        """Let answers wait for `release`."""
        self._release = asyncio.Event()

    def release(self):
        self._loop.call_soon_threadsafe(self._release.set)

    async def send(self, sent, note=lambda _: None):
        self._loop = asyncio.get_running_loop()
        if any(map(self.refuses, sent)):
            raise SourceError("not this one")
        self.sent.extend(sent)
        if self._release is not None:
            await self._release.wait()
        if self.refusal is not None:
            raise SourceError(self.refusal)
        return []


class Stage:
    """A source on which the test puts events."""

    shape = ""

    def __init__(self, *events, live=True, controls=None, name="sesn_stage"):
        self.name, self.live, self.controls = name, live, controls
        self.line = Line("live", checked_at=monotonic()) if live else None
        self._waiting = deque([Batch(list(events))] if events else [])
        self._more = None
        self._loop = None
        self._over = False
        self._error = None
        self.resting = False
        """Whether everything given has been handed over."""

    def give(self, *events, listed=False, after=""):
        """Put events on the stage: one batch."""
        self.put(Batch(list(events), listed=listed, after=after))

    def put(self, batch):
        self.resting = False
        self._waiting.append(batch)
        self._wake()

    def end(self, error=None):
        """No more events; with an error, because something broke."""
        self._over, self._error, self.resting = True, error, False
        self._wake()

    def _wake(self):
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._more.set)

    async def batches(self):
        self._more = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        while True:
            self._more.clear()
            while self._waiting:
                yield self._waiting.popleft()
            if self._over and self._error is not None:
                raise self._error
            if self._over:
                return
            self.resting = not self._waiting
            await self._more.wait()


def opening(source):
    """What a feed opens the source with."""

    async def open_source():
        return source

    return open_source


class Painted(CmaTop):
    """The app, counting how often it paints the terminal."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.paints = 0
        self.animation_level = "none"

    def _display(self, screen, renderable):
        if renderable is not None:
            self.paints += 1
        super()._display(screen, renderable)


class Watched:
    """A running app, the keys that it gets, and waiting for what comes of them."""

    def __init__(self, app, pilot):
        self.app, self.pilot = app, pilot

    async def until(self, condition):
        deadline = monotonic() + DEADLINE
        while not condition():
            assert monotonic() < deadline, "waited too long"
            await self.step()
            await asyncio.sleep(0.001)  # the feed's thread has to run as well

    async def step(self, enough=3):
        """Let every widget handle what waits for it, until nothing has waited at so many looks in a row.

        A queue that is empty may have its last message still under way, so everybody has to answer once after
        all queues were found empty; turns of the loop do for the rest.
        """
        calm, answered = 0, False
        for _ in range(400):
            if not self.app._running:
                return
            if self._busy():
                calm, answered = 0, False
            elif answered:
                calm += 1
            else:
                await self.pilot._wait_for_screen()
                answered = True
                continue
            if calm == enough:
                return
            for _ in range(TURNS):
                await asyncio.sleep(0)

    def _busy(self):
        """Whether anything waits to be handled, laid out or painted; what is due to be painted is."""
        screen = self.app.screen
        busy = screen._dirty_widgets or screen._callbacks or screen._layout_required
        busy = busy or screen._repaint_required or screen._scroll_required
        screen._on_timer_update()
        return busy or any(
            node._message_queue.qsize() or node._next_callbacks
            for node in (self.app, *screen.walk_children(with_self=True))
        )

    async def press(self, *keys):
        """Press keys as a terminal sends them, without the pilot's pauses."""
        for key in keys:
            char = CHARACTERS.get(key, key if len(key) == 1 else None)
            self.app._driver.send_message(events.Key(_character_to_key(char) if char else key, char))
            await self.step()


class Play(Watched):
    """A running app and its source."""

    def __init__(self, app, stage, feed, pilot):
        super().__init__(app, pilot)
        self.stage, self.feed = stage, feed

    @property
    def screen(self):
        return self.app._main

    @property
    def timeline(self):
        return self.screen._timeline

    @property
    def reader(self):
        return self.screen._reader

    @property
    def detail(self):
        return self.screen._detail

    @property
    def approval(self):
        return self.screen._drive.approval

    @property
    def composer(self):
        return self.screen._drive.composer

    @property
    def view(self):
        return self.timeline.view

    @property
    def session(self):
        return self.feed.session

    async def settle(self):
        """Wait until all that was given is folded and drawn, and every message handled."""
        for _ in range(2):
            await self.until(self._quiet)
            await self.step()

    def _quiet(self):
        there = self.stage.resting or (self.feed.finished and not self.feed.alive)
        slices = (self.reader.slices, self.timeline.slices, self.screen._beside.slices)
        looking = self.timeline.entries.behind or any(one.planned for one in slices)
        screen, beat = self.screen, self.screen._beat
        drawing = beat.planned or beat._woken or screen._unseen is not None
        return there and not self.feed.behind and not drawing and not looking

    async def give(self, *events, **how):
        self.stage.give(*events, **how)
        await self.settle()

    async def write(self, text):
        """Write into the line that is open."""
        for letter in text:
            await self.press("space" if letter == " " else letter)
        await self.settle()

    # -- what is on the screen ----------------------------------------------------------------------

    def lines(self):
        """The whole terminal, line by line, without the spaces at the end."""
        strips = self.app.screen._compositor.render_strips()
        return ["".join(segment.text for segment in strip).rstrip() for strip in strips]

    def text(self):
        return "\n".join(self.lines())

    def rows(self):
        """The lines of the timeline, without the cursor's mark and the spaces at the end."""
        width, height = self.timeline.size
        strips = [self.timeline.render_line(y) for y in range(height)]
        assert all(strip.cell_length == width for strip in strips)
        return ["".join(segment.text for segment in strip)[1:].rstrip() for strip in strips]

    def entries(self):
        """The entries of the window's lines."""
        listed = self.timeline.entries.list
        return [listed[at] if at < len(listed) else None for at, _ in self.view.layout()]

    def detail_text(self):
        """All lines of the detail, those below the window too."""
        detail = self.detail
        title = detail._heading(detail.size.width)
        lines = [line for at in range(len(detail._pages)) for line in detail._pages.lines(at)]
        return "\n".join(strip.text.rstrip() for strip in [title, *lines])

    def detail_line(self):
        """How many lines of the detail are above the window."""
        view = self.detail.view
        return sum(len(self.detail._pages.lines(at)) for at in range(view.top)) + view.top_line

    @property
    def cursor(self):
        """The entry under the cursor."""
        return self.timeline._entry(self.view.cursor)


def app_of(feed, *, theme=None, keymap=DEFAULT, **parts):
    """The app of a screen that is made of these."""
    app = Painted(SessionScreen(feed, **parts), theme=theme, keymap=keymap)
    app.state_dir = parts.get("state_dir")
    return app


@asynccontextmanager
async def playing(*log, mode="watch", size=(100, 30), stage=None, played=None, controls_of=None, **options):
    """The app over a stage with these events, settled; `played` is how its player plays."""
    made = stage if stage is not None else Stage(*log, controls=controls_of)
    feed = Feed(opening(made))
    if played is not None:
        options["player"] = Player(feed, **played)
    app = app_of(feed, mode=mode, name=made.name, **options)
    try:
        async with app.run_test(size=size, notifications=True) as pilot:
            play = Play(app, made, feed, pilot)
            await play.settle()
            yield play
    finally:
        made.end()
        feed.close()


ROOT = Path(__file__).parents[2]
