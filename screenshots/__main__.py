"""Make the pictures of the README again: `python -m screenshots [FOLDER]`.

They show what the program shows: the screen over a session of the built-in agent, live on a loopback
server or played from its log. The agent's time is its script's, so every run makes the same pictures.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from textual.pilot import Pilot

from cma_tui.event import Event, local, parse, stamp_text
from cma_tui.feed import Feed
from cma_tui.overview import Overview
from cma_tui.session.model import ToolUse
from cma_tui.simulator import ServerThread, Simulator
from cma_tui.source import Line, Source, saved
from cma_tui.source.client import make_client
from cma_tui.source.live import Live
from cma_tui.source.news import News
from cma_tui.ui.app import CmaTop, OverviewApp
from cma_tui.ui.screens.overview import Ways
from cma_tui.ui.screens.session import Mode, SessionScreen

if TYPE_CHECKING:
    from cma_tui.source.overview import Workspace

HERE = Path(__file__).parent
WIDE, SMALL, VIEW = (160, 48), (80, 24), (120, 28)
LIST = (120, 18)
OUTCOME = {"type": "user.define_outcome", "description": "A summary of the incident", "max_iterations": 3}
DEADLINE = 20.0
QUESTION = "Debug my incident: p99 on orders is 10x its baseline since 08:30"
ROLL_BACK = "Roll it back, please"
DRAFT = "Before you do: how many requests fail right now?"


class Picture:
    """The app over a source, and waiting for it."""

    def __init__(self, app: CmaTop, feed: Feed, pilot: Pilot[Any]) -> None:
        self.app, self.feed, self._pilot = app, feed, pilot

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait until something is so and everything has been drawn."""
        deadline = time.monotonic() + DEADLINE
        while not condition() or self.feed.behind:
            if time.monotonic() > deadline or self.feed.error is not None:
                raise SystemExit(f"a picture is not ready: {self.feed.error or 'it takes too long'}")
            await self._pilot.pause()
        await self._pilot.pause(0.1)

    async def press(self, *keys: str) -> None:
        """Press keys."""
        await self._pilot.press(*keys)
        await self._pilot.pause(0.1)

    async def say(self, text: str) -> None:
        """Send a message to the agent and wait until it rests."""
        await self.until(lambda: self.feed.source is not None and self.feed.session.connected)
        assert self.feed.source is not None
        assert self.feed.source.controls is not None
        turns = len(self.feed.session.turns)
        message = {"type": "user.message", "content": [{"type": "text", "text": text}]}

        async def send() -> None:
            await self.feed.source.controls.send([message])  # type: ignore[union-attr]

        await asyncio.wrap_future(self.feed.submit(send()))
        await self.until(lambda: len(self.feed.session.turns) > turns and self._at_rest())

    def _at_rest(self) -> bool:
        session = self.feed.session
        return session.turn is None or bool(session.pending and session.state == "waiting")

    def save(self, folder: Path, name: str) -> None:
        """Write the picture."""
        width, height = self.app.size
        self.app.save_screenshot(f"{name}-{width}x{height}.svg", str(folder))


@asynccontextmanager
async def showing(
    open_source: Callable[[], Source], mode: Mode, name: str, size: tuple[int, int], theme: str = "cma-dark"
) -> AsyncIterator[Picture]:
    """The app over a source."""

    async def opened() -> Source:
        return open_source()

    feed = Feed(opened)
    app = CmaTop(SessionScreen(feed, mode=mode, name=name), theme=theme)
    try:
        async with app.run_test(size=size) as pilot:
            yield Picture(app, feed, pilot)
    finally:
        feed.close()


class Frozen(Live):
    """A live source whose line always looks the same."""

    @property
    def line(self) -> Line:
        """Alive, and read to its end."""
        now = time.monotonic()
        return Line("live", last_byte_at=now, checked_at=now)

    @line.setter
    def line(self, value: Line) -> None:
        """Not shown."""


@asynccontextmanager
async def live(mode: Mode, size: tuple[int, int], theme: str = "cma-dark") -> AsyncIterator[Picture]:
    """The app over a session of the built-in agent."""
    sim = Simulator(seed=7)
    server = ServerThread(sim)
    with server as base_url:
        session = server.call(lambda: sim.create_session(title="p99 on orders"))

        def attach() -> Source:
            client = make_client(api_key=sim.api_key, auth_token=None, base_url=base_url)
            return Frozen(client, session, previews=False)

        async with showing(attach, mode, session, size, theme) as picture:
            yield picture


async def watch(folder: Path, theme: str) -> None:
    """A session while it is looked at."""
    async with live("watch", WIDE, theme) as picture:
        await picture.say("Hi")
        await picture.say(QUESTION)
        picture.save(folder, f"watch-{look(theme)}")


async def chat(folder: Path, theme: str) -> None:
    """A tool use that waits for a yes while the user writes."""
    async with live("chat", SMALL, theme) as picture:
        await picture.say(QUESTION)
        await picture.say(ROLL_BACK)
        composer = picture.app._main._drive.composer  # noqa: SLF001 - the picture's own hand
        composer.cursor_blink = False
        composer.text = DRAFT
        composer.move_cursor(composer.document.end)
        await picture.press()
        picture.save(folder, f"chat-{look(theme)}")


def look(theme: str) -> str:
    """The theme in the name of a picture."""
    return theme.removeprefix("cma-")


def said(text: str) -> dict[str, Any]:
    """A message of the user's."""
    return {"type": "user.message", "content": [{"type": "text", "text": text}]}


class Played:
    """A log in memory."""

    name = "incident.jsonl"
    shape = "recording"

    def __init__(self, events: list[Event]) -> None:
        self._events = events

    @property
    def sessions(self) -> Sequence[str]:
        """There is one."""
        return ("",)

    def events(self, session: int = 0) -> Iterator[Event]:
        """From the start."""
        return iter(self._events)


async def log(*more: dict[str, Any], threads: bool = False) -> Played:
    """What the built-in agent does, as a log, with what its threads did."""
    sim = Simulator(seed=7)
    session = sim.create_session(title="p99 on orders")
    mind = sim._minds[session]  # noqa: SLF001 - what the server would do
    for event in (said("Hi"), said(QUESTION), *more):
        mind.accept([event])
        await sim.until_idle(session)
    held = sim.sessions[session]
    streams = [None, *(each for each in held.threads if each != held.primary.id)] if threads else [None]
    events = [
        parse(json.dumps(event).encode(), stream=thread)
        for thread in streams
        for event in sim.log(session, thread)
    ]
    if threads:
        events.sort(key=lambda event: event.at or 0.0)
    resource = {"id": session, "title": "p99 on orders", "agent": sim.sessions[session].agent}
    await sim.close()
    return Played([local("local.session", {"session": resource}), *events])


async def replay(folder: Path, theme: str) -> None:
    """A log that is played, paused in the middle."""
    played = await log()
    steps = sum(1 for _ in played.events()) * 2 // 3
    async with showing(lambda: saved.Saved(played), "replay", played.name, SMALL, theme) as picture:
        await picture.until(lambda: picture.feed.finished)
        await picture.press("S", *f"#{steps}", "enter")
        picture.save(folder, f"replay-{look(theme)}")


async def views(folder: Path, theme: str) -> None:
    """A turn on its time axis, the threads, the figures, and an edit in detail."""
    log_ = await log(said("workflow"), OUTCOME, threads=True)
    async with showing(lambda: saved.Saved(log_), "watch", log_.name, VIEW, theme) as picture:
        figures = picture.app._main._counting  # noqa: SLF001 - what the picture waits for
        await picture.until(lambda: picture.feed.finished and figures.book.prices and not figures.behind)
        await picture.press("w", "left_square_bracket", "left_square_bracket", "e", "e", "e")
        picture.save(folder, f"waterfall-{look(theme)}")
        await picture.press("q", "t", "j", "j")
        picture.save(folder, f"threads-{look(theme)}")
        await picture.press("q", "M")
        picture.save(folder, f"metrics-{look(theme)}")
        uses = [item for item in picture.feed.session.items if isinstance(item, ToolUse)]
        edited = [use.event for use in uses if use.name == "edit"][-1]
        await picture.press("q", "colon", *f"#{edited + 1}", "enter", "enter")
        picture.save(folder, f"edit-{look(theme)}")


SESSIONS = (
    (
        "p99 on orders",
        "incident-responder",
        "idle",
        2,
        84,
        61_400,
        "bash",
        "kubectl rollout undo deploy/orders",
    ),
    ("Weekly figures of billing", "data-analyst", "idle", 9, 31, 22_900, "get_invoices", None),
    ("Review the retry logic of cart", "code-reviewer", "running", 1, 112, 94_300, "grep", "max_attempts"),
    ("Why do refunds fail for EU cards", "support-triage", "running", 1, 9, 7_200, "", None),
    ("Migrate catalogue to the new schema", "code-reviewer", "rescheduling", 1, 205, 148_800, "", None),
    ("Release notes of 4.12", "release-notes", "idle", 34, 47, 33_100, "!", None),
    ("Slow queries of search", "incident-responder", "idle", 51, 66, 58_700, "", None),
    ("日本語のドキュメントを校正", "release-notes", "idle", 64, 18, 12_050, "", None),
    ("Which tests are flaky", "code-reviewer", "idle", 118, 143, 101_500, "", None),
    ("Cost of storage by team", "data-analyst", "idle", 190, 72, 49_900, "", None),
    ("Old incident", "incident-responder", "terminated", 1500, 310, 233_000, "", None),
)
"""Sessions of the list: title, agent, status, minutes since, cents, tokens, a tool that waits or runs."""


class Told:
    """A workspace of these sessions, in which nothing more happens."""

    def look_at(self, sessions: tuple[str, ...]) -> None:
        """All is known already."""

    async def news(self) -> AsyncIterator[News]:
        """The list, and the ends of the logs."""
        now = time.time()
        for number, (title, agent, status, minutes, cents, tokens, tool, command) in enumerate(SESSIONS):
            at = now - minutes * 60 - 30
            key = f"sesn_{number}"
            usage = {"input_tokens": tokens, "list_cost": {"amount": str(cents), "currency": "USD"}}
            about = {"id": agent, "name": agent, "model": {"id": "claude-opus-5"}}
            stamps = {"created_at": stamp_text(at - 600), "updated_at": stamp_text(at)}
            yield News("listed", resources=[{"id": key, "title": title, "status": status, "agent": about,
                                             "usage": usage, **stamps}])  # fmt: skip
            yield News("tail", session=key, events=[*_end_of(status, tool, command, at)])
        await asyncio.Event().wait()


def _end_of(status: str, tool: str, command: str | None, at: float) -> Iterator[Event]:
    """The last events of such a session's log."""

    def event(kind: str, **fields: object) -> Event:
        about = {"id": f"sevt_{kind}", "type": kind, "processed_at": stamp_text(at), **fields}
        return parse(json.dumps(about).encode())

    yield event("session.status_running")
    if tool and tool != "!":
        kind = "agent.tool_use" if command else "agent.custom_tool_use"
        asks = {"evaluated_permission": "ask" if status == "idle" else "allow"} if command else {}
        yield event(kind, name=tool, input={"command": command or "EU, October"}, **asks)
        if status == "idle":
            yield event(
                "session.status_idle",
                stop_reason={"type": "requires_action", "event_ids": [f"sevt_{kind}"]},
            )
    elif status == "running":
        yield event("span.model_request_start")
    elif status == "idle":
        reason = "retries_exhausted" if tool else "end_turn"
        yield event("session.status_idle", stop_reason={"type": reason})
    elif status != "running":
        yield event(f"session.status_{'rescheduled' if status == 'rescheduling' else status}")


async def overview(folder: Path, theme: str) -> None:
    """The list of all sessions."""

    async def opened() -> Workspace:
        return cast("Workspace", Told())

    listed = Overview(opened)
    app = OverviewApp(listed, Ways(lambda session: None, None), theme=theme)  # type: ignore[arg-type]
    try:
        async with app.run_test(size=LIST) as pilot:
            deadline = time.monotonic() + DEADLINE
            while len(listed.roster.entries) < len(SESSIONS) or listed.behind:
                if time.monotonic() > deadline or listed.error is not None:
                    raise SystemExit(f"a picture is not ready: {listed.error or 'it takes too long'}")
                await pilot.pause()
            await pilot.pause(0.1)
            app.save_screenshot(f"overview-{look(theme)}-120x18.svg", str(folder))
    finally:
        listed.close(2.0)


async def main(folder: Path) -> None:
    """All of them."""
    for theme in ("cma-dark", "cma-light"):
        await overview(folder, theme)
        await watch(folder, theme)
        await views(folder, theme)
        await chat(folder, theme)
        await replay(folder, theme)


if __name__ == "__main__":
    os.environ["TZ"] = "UTC"
    os.environ["TEXTUAL_ANIMATIONS"] = "none"
    for given in ("NO_COLOR", "TEXTUAL_THEME"):
        with suppress(KeyError):
            del os.environ[given]
    time.tzset()
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE
    target.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(target))
    print("\n".join(sorted(str(path) for path in target.glob("*.svg"))))
