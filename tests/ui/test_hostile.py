"""Hostile text in every place text can come from: nothing of it reaches the terminal, nothing runs."""

from contextlib import ExitStack
from functools import cache
from tempfile import TemporaryDirectory

import pytest
from textual import events

from cma_tui.text import DANGEROUS
from tests.payloads import MARKUP, PAYLOADS
from tests.stories.write import Log, preview_delta
from tests.ui.hostile_session import END
from tests.ui.play import Painted, Sends, Stage, playing
from tests.ui.rows import HOSTILE_TEXTS, hostile_log
from tests.ui.terminal import Terminal

SIZES = [(80, 24), (160, 48)]
RUNS = [*SIZES, "panels"]


@cache
def everything_written():
    """All bytes of cma-top over the whole hostile log, by the terminal's size; the terminals run at once."""
    with ExitStack() as stack:
        run = ("-m", "tests.ui.hostile_session")
        terminals = {size: stack.enter_context(Terminal(*run, size=size, draw=False)) for size in SIZES}
        folder = stack.enter_context(TemporaryDirectory())
        panels = Terminal("-m", "tests.ui.hostile_panels", folder, size=(110, 36), draw=False)
        terminals["panels"] = stack.enter_context(panels)
        while any(terminal.child.poll() is None for terminal in terminals.values()):
            for terminal in terminals.values():
                terminal.read()
        for terminal in terminals.values():
            assert terminal.ended() == 1, terminal.text
        return {size: bytes(terminal.written) for size, terminal in terminals.items()}


@pytest.mark.parametrize("size", RUNS)
def test_no_payload_reaches_the_terminal(size):
    written = everything_written()[size]
    assert END.encode() in written, written[-3000:].decode(errors="replace")
    assert {payload.name for payload in PAYLOADS if payload.needle.encode() in written} == set()
    assert b"OWNED" in written, "it was shown, made harmless"


@pytest.mark.parametrize("size", RUNS)
def test_no_dangerous_character_and_no_link_reaches_the_terminal(size):
    written = everything_written()[size]
    found = {char for char in DANGEROUS.findall(written.decode()) if char not in "\x1b\r\n\x07"}
    assert found == set()
    assert b"\x1b]8;" not in written
    assert b"\x1b]52;" not in written


@pytest.mark.parametrize("size", RUNS)
def test_what_is_left_of_the_payloads_is_seen(size):
    text = everything_written()[size].decode()
    for mark in ("␛", "␇", "␀", "<U+202E>", "<U+200B>", "<U+2066>", "marks>"):
        assert mark in text


class Clicked(Painted):
    """Notes every action that something on the screen asks for."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.ran = []

    async def run_action(self, action, *args, **kwargs):
        if action not in ("grab", "scroll_up", "scroll_down"):  # of Textual's own scroll bars
            self.ran.append(action)
        return await super().run_action(action, *args, **kwargs)


def pieces(play, y):
    """Where on a line each piece of text begins: its cells have one style, and do the same when clicked."""
    x = 0
    for segment in play.app.screen._compositor.render_strips()[y]:
        yield x
        x += segment.cell_length


async def test_markup_is_shown_literally_and_clicking_every_piece_of_text_runs_nothing(monkeypatch):
    monkeypatch.setattr("tests.ui.play.Painted", Clicked)
    log, sends = Log(), Sends()
    stage = Stage(controls=sends)
    async with playing(stage=stage, mode="chat", size=(80, 24), density="full") as play:
        for text in MARKUP:
            await play.give(*hostile_log(text, log))
            await play.give(preview_delta("said", text))
            for piece in text.split("\x1b\\"):
                assert piece.replace("\x1b", "␛") in play.text().replace("\n", "")
        play.app.ran.clear()
        detail = play.detail.action_raw
        tool = max(play.session.tools.values())
        for look in (
            play.timeline.action_follow,
            play.timeline.action_first,
            lambda: play.timeline.go(9),
            detail,
        ):
            if look is detail:
                play.timeline.post_message(play.timeline.Opened(tool))
            look()
            await play.step()
            play.app.ran.clear()
            for y in range(24):
                for x in pieces(play, y):
                    for kind in (events.MouseDown, events.MouseUp):
                        play.app._driver.send_message(
                            kind(None, x, y, 0, 0, 1, False, False, False, screen_x=x, screen_y=y)
                        )
                await play.step()
            assert play.app.ran == []
        assert sends.sent == []
        assert play.app.is_running


async def test_every_row_and_every_detail_of_hostile_events_can_be_drawn():
    log, seen = Log(), 0
    async with playing(stage=Stage(), size=(60, 20), density="full") as play:
        for text in HOSTILE_TEXTS:
            await play.give(*hostile_log(text, log))
            entries = play.timeline.entries.list
            for entry in entries[seen:]:
                if entry >= 0:
                    play.detail.show(play.session, entry)
                    play.detail.action_raw()
            play.timeline.go(seen)
            await play.press("pagedown", "end", "ctrl+o", "ctrl+o", "ctrl+o")
            for line in play.lines():
                assert DANGEROUS.search(line) is None
            seen = len(entries)
        assert seen > 10 * len(HOSTILE_TEXTS)


@pytest.mark.parametrize("depth", [100, 900, 990, 100_000])
async def test_json_of_any_depth_is_a_row_and_a_detail(depth):
    nested = "[" * depth + "]" * depth
    raw = [
        '{"type":"agent.tool_use","id":"a","name":"bash","evaluated_permission":"ask","input":{"x":%s}}',
        '{"type":"agent.dreams","id":"b","of":%s}',
        '{"type":"agent.message","id":"c","content":%s}',
        '{"type":"session.error","id":"d","error":%s}',
        '{"type":"session.status_idle","id":"e","stop_reason":{"type":"requires_action","event_ids":["a"]},'
        '"stop_details":%s}',
    ]
    from cma_tui.event import parse

    log = [parse((text % nested).encode()) for text in raw]
    async with playing(stage=Stage(*log, controls=Sends()), density="full") as play:
        for entry in list(play.timeline.entries.list):
            if entry >= 0:
                await play.press("g", *"j" * play.timeline.entries.position(entry), "enter", "r", "escape")
        assert play.app.is_running
