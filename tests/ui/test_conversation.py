"""The whole incident by keyboard alone: tools, a no, a yes, a result by hand, an interrupt, a verdict."""

from contextlib import suppress
from pathlib import Path
from time import monotonic

import pytest

from cma_tui.simulator import ServerThread, Simulator
from cma_tui.ui.drive.arming import ARMING
from tests.ui.terminal import Terminal

TOOLS = Path(__file__).parents[2] / "examples/incident_tools.py"


@pytest.fixture
def sim():
    return Simulator(host_answers=False)


@pytest.fixture
def chat(sim, tmp_path):
    """Open a conversation in a terminal; the tools are those of the example, but for the diff."""
    tools = tmp_path / "tools.py"
    text = TOOLS.read_text(encoding="utf-8").replace("Path(__file__).parent", f"Path({str(TOOLS.parent)!r})")
    tools.write_text(text + "\ndel get_diff\n", encoding="utf-8")
    with ServerThread(sim) as url:

        def opened(*arguments):
            return Terminal(
                "-m",
                "cma_tui",
                "chat",
                *arguments,
                "--tools",
                str(tools),
                size=(110, 36),
                ANTHROPIC_API_KEY=sim.api_key,
                ANTHROPIC_BASE_URL=url,
                CMA_TOP_STATE_DIR=str(tmp_path / "state"),
                CMA_TOP_CONFIG_DIR=str(tmp_path),
            )

        yield opened


def rest(terminal, seconds=ARMING + 0.2):
    """Let the bar arm itself: keys count when none came for a moment."""
    until = monotonic() + seconds
    while monotonic() < until:
        terminal.read()


def leave(terminal):
    """Go from the composer to the timeline."""
    terminal.type("\x1b")
    terminal.until_text("? help")


def decide(terminal, key, done):
    """Press a key that decides: again, where the bar had not armed itself yet on a busy machine."""
    for _ in range(5):
        rest(terminal)
        terminal.type(key)
        with suppress(AssertionError):
            terminal.until(lambda: done in terminal.text, 10.0)
            return
    terminal.until_text(done)


def say(terminal, text):
    terminal.type(text)
    terminal.until_text(text)
    terminal.type("\r")


def of(sim, kind):
    (session,) = sim.sessions
    return [event for event in sim.log(session) if event["type"] == kind]


def test_the_whole_incident_by_keyboard_alone(chat, sim):
    with chat("--title", "incident", "--budget", "20") as terminal:
        terminal.until_text("Write to the agent")
        say(terminal, "Debug my incident")
        terminal.until_text("result 1 of 1  get_diff")
        leave(terminal)
        terminal.type("!")
        terminal.until_text("r write its result")
        decide(terminal, "r", "the result of get_diff")
        say(terminal, "one query per item")
        terminal.until_text("What I propose")
        say(terminal, "roll it back")
        terminal.until_text("approve 1 of 1  bash")
        leave(terminal)
        terminal.type("!")
        terminal.until_text("N deny with a reason")
        decide(terminal, "N", "why bash is denied")
        say(terminal, "the freeze is on")
        terminal.until_text("You said")
        say(terminal, "roll it back now")
        terminal.until_text("approve 1 of 1  bash")
        terminal.type("stop, who is on call?\x12")
        terminal.until(lambda: "approve" not in terminal.text and len(of(sim, "user.interrupt")) == 1)
        say(terminal, "so roll it back")
        terminal.until_text("approve 1 of 1  bash")
        leave(terminal)
        terminal.type("!")
        terminal.until_text("N deny with a reason")
        decide(terminal, "y", "it recovers")
        say(terminal, "/outcome A summary --rubric - has an owner")
        terminal.until_text("satisfied")
        leave(terminal)
        terminal.type("q")
        assert terminal.ended() == 0
        assert terminal.restored()
    assert [event["result"] for event in of(sim, "user.tool_confirmation")] == ["deny", "allow"]
    assert of(sim, "user.tool_confirmation")[0]["deny_message"] == "the freeze is on"
    results = of(sim, "user.custom_tool_result")
    assert len(results) == len({event["custom_tool_use_id"] for event in results}) == 4
    assert sum("one query per item" in event["content"][0]["text"] for event in results) == 1
    (session,) = sim.sessions.values()
    assert session.status == "idle", "leaving does not end it"


def test_no_key_that_is_meant_for_the_composer_answers(chat, sim):
    """At 20 keys a second while the question appears, in pastes with and without brackets."""
    with chat() as terminal:
        terminal.until_text("Write to the agent")
        say(terminal, "roll it back")
        rest(terminal, 0.05)
        typed = "yes y n! y"
        for letter in typed:
            terminal.type(letter)
            rest(terminal, 0.05)
        terminal.until_text("approve 1 of 1")
        terminal.until_text(typed)
        terminal.type("\x1b[200~ y\ny\x1b[201~")
        terminal.type("!y\n!y\n")
        rest(terminal, 1)
        leave(terminal)
        terminal.type("!" + "y" * 12)
        rest(terminal, 0.5)
        terminal.type("yes, please\n")
        rest(terminal, 0.5)
        assert of(sim, "user.tool_confirmation") == []
        terminal.type("\x1bq")
    assert len(of(sim, "user.message")) == 1
