import fcntl
import os
import select
import struct
import subprocess
import sys
import termios
import time
from functools import cache
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.app import App
from textual.color import Color
from textual.content import Content
from textual.strip import Strip
from textual.style import Style as ContentStyle
from textual.widgets import Static

from cma_tui.text import DANGEROUS
from cma_tui.ui.guard import TerminalGuard
from tests.payloads import LONE_SURROGATE, PAYLOADS
from tests.ui.hostile_screen import END, LINK

BLACK = Color(0, 0, 0)


def guarded(*segments):
    return TerminalGuard().apply(list(segments), BLACK)


# ---------------------------------------------------------------------------------------------- one line


def test_a_clean_line_is_the_same_list():
    segments = [
        Segment("plain ascii"),
        Segment("│ 日本 👍 ❤\ufe0f ", Style(color="red", bold=True)),
        Segment(""),
    ]
    assert TerminalGuard().apply(segments, BLACK) is segments


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda payload: payload.name)
def test_no_payload_passes_and_the_width_stays(payload):
    before = [Segment("│"), Segment(payload.text, Style(italic=True)), Segment("│")]
    after = guarded(*before)
    text = "".join(segment.text for segment in after)
    assert DANGEROUS.search(text) is None
    assert cell_len(text) == sum(segment.cell_length for segment in before)
    assert [segment.style for segment in after] == [segment.style for segment in before]


def test_every_dangerous_code_point_is_gone():
    everything = "".join(map(chr, range(0x110000)))
    (segment,) = guarded(Segment(everything))
    assert DANGEROUS.search(segment.text) is None
    assert set("az日👍\u200d\ufe0f") <= set(segment.text)


def test_a_control_segment_is_text_like_any_other():
    (segment,) = guarded(Segment("\x1b[2J", None, [(2, 1)]))
    assert segment == Segment("[2J")


def test_links_and_actions_go_and_the_rest_of_the_style_stays():
    meta = {"offset": (3, 4), "@click": "app.quit", "@mouse.up": "app.quit", "@click.ctrl": ("quit", ())}
    loud = Style(bold=True, color="red", link="http://x/\x1b\\", meta=meta)
    (segment,) = guarded(Segment("x", loud))
    assert segment.style.link is None
    assert segment.style.meta == {"offset": (3, 4)}
    assert segment.style.bold
    assert segment.style.color == loud.color


def test_scroll_bars_can_still_be_dragged():
    segments = [Segment(" ", Style(meta={"@mouse.down": "grab"}))]
    assert TerminalGuard().apply(segments, BLACK) is segments
    (segment,) = guarded(Segment(" ", Style(meta={"@mouse.down": "app.quit"})))
    assert segment.style.meta == {}


def test_equal_styles_of_different_origin_stay_clean():
    for _ in range(2):
        segments = [Segment("x", Style(meta={"offset": (1, 2)}))]
        assert TerminalGuard().apply(segments, BLACK) is segments


def test_guarding_twice_changes_nothing():
    once = guarded(*(Segment(payload.text) for payload in PAYLOADS), Segment(LONE_SURROGATE))
    assert TerminalGuard().apply(once, BLACK) is once


def test_a_guarded_screen_of_clean_lines_costs_little():
    line = [Segment("│", Style(color="blue")), *(Segment(f"word {n} ", Style(bold=True)) for n in range(20))]
    guard = TerminalGuard()
    guard.apply(line, BLACK)
    start = time.thread_time()
    for _ in range(1000):
        guard.apply(line, BLACK)
    assert time.thread_time() - start < 0.5


@pytest.mark.parametrize("filters", [[], [TerminalGuard()]], ids=["bare", "guarded"])
async def test_a_click_on_text_runs_an_action_only_without_the_guard(filters):
    ran = []

    class Clickable(App):
        def get_line_filters(self):
            return [*super().get_line_filters(), *filters]

        def compose(self):
            for event in ("@click", "@mouse.down", "@mouse.up"):
                yield Static(Content.styled("here", ContentStyle.from_meta({event: "app.approve"})))

        def action_approve(self):
            ran.append(True)

    app = Clickable()
    async with app.run_test() as pilot:
        for static in app.query(Static):
            await pilot.click(static, offset=(1, 0))
    assert bool(ran) is not bool(filters)


def test_the_strip_keeps_its_length():
    strip = Strip([Segment("a\u115fb\u00adc\x1b")])
    hyphen = " " * cell_len("\u00ad")  # tables of widths differ about it
    assert strip.apply_filter(TerminalGuard(), BLACK).text == f"a  b{hyphen}c"


# ---------------------------------------------------------------------------------------- a real terminal


@cache
@cache
def _bytes_on_the_terminal(mode):
    """Run the hostile screen in a pty and return everything that it wrote."""
    controller, terminal = os.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": os.environ.get("HOME", "/"),
        "TERM": "xterm-256color",
        "COLORTERM": "truecolor",
        "LANG": "C.UTF-8",
        "PYTHONUTF8": "1",
        "TEXTUAL_ANIMATIONS": "none",
    }
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.ui.hostile_screen", mode],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        cwd=Path(__file__).parents[2],
        env=environment,
        start_new_session=True,
    )
    os.close(terminal)
    written = bytearray()
    deadline = time.monotonic() + 60
    try:
        while time.monotonic() < deadline:
            if select.select([controller], [], [], 1)[0]:
                try:
                    piece = os.read(controller, 65_536)
                except OSError:  # Linux: the child has closed its end
                    break
                if not piece:
                    break
                written += piece
        assert child.wait(10) == 0, written[-2000:].decode(errors="replace")
    finally:
        child.kill()
        child.wait()
        os.close(controller)
    return bytes(written)


def _leaks(mode):
    written = _bytes_on_the_terminal(mode)
    assert END.encode() in written
    return {payload.name for payload in PAYLOADS if payload.needle.encode() in written}


def test_without_the_guard_the_terminal_gets_the_payloads():
    leaks = _leaks("bare")
    assert {"clipboard", "window title", "C1 sequence", "right-to-left override", "full reset"} <= leaks
    assert len(leaks) > len(PAYLOADS) // 2
    # border title, link, text twice, line, input, area, and the title and text of the toast
    assert _bytes_on_the_terminal("bare").count(b"OWNED-NOTE") >= 9


def test_with_the_guard_no_payload_reaches_the_terminal():
    assert _leaks("guarded") == set()


def test_with_the_guard_the_terminal_gets_no_dangerous_character_and_no_link():
    written = _bytes_on_the_terminal("guarded")
    text = written.decode("utf-8")
    controls = {char for char in DANGEROUS.findall(text) if char not in "\x1b\r\n\x07"}
    assert controls == set()
    assert b"\x1b]8;" not in written
    assert LINK.encode() not in written
