"""What a new conversation begins with: named, the only one there is, or picked."""

import pytest

from cma_tui.commands.exits import Exit
from tests.cli.test_screens import ended, screen  # noqa: F401 - a fixture


class Keyboard:
    """Somebody at a terminal who types this."""

    def __init__(self, *lines):
        self.lines = list(lines)

    def isatty(self):
        return True

    def readline(self, *_):
        return f"{self.lines.pop(0)}\n" if self.lines else ""

    def fileno(self):
        raise OSError


@pytest.fixture
def two(sim, service):
    """Two agents, one of which is archived, and two environments."""
    whole = sim.agents[sim.agent_id]
    other = service.server.call(lambda: sim.add_agent({**whole, "name": "other \x1b[31m"}))["id"]
    gone = service.server.call(lambda: sim.add_agent({**whole, "name": "gone"}))["id"]
    sim.agents[gone]["archived_at"] = "2026-01-01T00:00:00Z"
    return other


def test_the_only_one_is_taken(run, sim, screen):  # noqa: F811
    runs = screen(ended)
    assert run("chat", "-m", "hi")[0] == 0
    (session,) = sim.sessions.values()
    assert runs[0][2].session.agent.id == sim.agent_id
    assert session.environment["id"] == sim.environment_id


def test_one_of_several_is_picked(run, sim, two, screen, monkeypatch):  # noqa: F811
    screen(ended)
    monkeypatch.setattr("sys.stdin", Keyboard("7", "x", "2"))
    code, _, err = run("chat", "-m", "hi")
    assert code == 0
    assert "\x1b" not in err
    assert "gone" not in err
    listed = [line.split()[-1] for line in err.splitlines() if line.lstrip()[:1].isdigit()]
    (session,) = sim.sessions.values()
    assert set(listed) == {sim.agent_id, two}
    assert session.agent["id"] == listed[1]


def test_none_is_picked(run, sim, two, screen, monkeypatch):  # noqa: F811
    screen(ended)
    monkeypatch.setattr("sys.stdin", Keyboard())
    assert run("chat", "-m", "hi")[0] == Exit.INTERRUPTED
    assert not sim.sessions


def test_there_is_none(run, sim, screen):  # noqa: F811
    screen(ended)
    for agent in sim.agents.values():
        agent["archived_at"] = "2026-01-01T00:00:00Z"
    code, _, err = run("chat", "-m", "hi")
    assert (code, "there is no agent: create one in the Console, or name it with --agent" in err) == (1, True)
    assert not sim.sessions


def test_where_nobody_can_be_asked_it_says_what_to_name(run, sim, two, screen, monkeypatch):  # noqa: F811
    screen(ended)
    monkeypatch.setattr("sys.stdin", None)
    code, _, err = run("chat", "-m", "hi")
    assert (code, err) == (Exit.USAGE, "cma-top: there are 2 agents: name one with --agent\n")


def test_without_a_terminal_and_without_an_agent_the_reason_is_one_line(run):
    code, out, err = run("chat")
    assert (code, out, err.count("\n")) == (Exit.USAGE, "", 1)
    assert err.startswith("cma-top: chat needs a terminal: standard")
    code, out, err = run("sessions", "new")
    assert (code, err) == (Exit.USAGE, "cma-top: a new session needs --agent and --environment\n")
