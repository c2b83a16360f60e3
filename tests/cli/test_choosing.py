"""Which session a command is for: named, completed by the shell, or chosen from the list."""

import json
import subprocess
import sys
from time import monotonic, time

import pytest

from cma_tui import cli
from cma_tui.commands import completion
from cma_tui.commands.exits import Exit

NEEDING = [
    ["approve"], ["export"], ["files"], ["interrupt"], ["record"], ["save"], ["send"], ["stats"], ["tail"],
    ["wait"], ["sessions", "archive"], ["sessions", "delete"],
]  # fmt: skip


@pytest.mark.parametrize("words", NEEDING, ids=" ".join)
def test_where_none_is_given_and_nobody_can_choose_it_says_so(run, service, words, monkeypatch):
    monkeypatch.setattr("sys.stdin", None)
    code, out, err = run(*words)
    assert (code, out) == (Exit.USAGE, "")
    assert err.startswith(f"cma-top: {' '.join(words)}: name a SESSION (it could be chosen, but ")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    "words", [["stats", "--json"], ["approve", "--json"], ["sessions", "archive", "--yes"]]
)
def test_the_chosen_one_is_the_one(run, service, sim, words, monkeypatch):
    sessions = [service.session() for _ in range(3)]
    for session in sessions:
        service.say(session, "hi")
    picked = []

    def choose(overview, ways, *_):
        assert ways is None, "nothing can be opened or answered where one is chosen"
        overview.start()
        deadline = monotonic() + 60
        while len(overview.roster.entries) < 3:
            assert monotonic() < deadline
            overview.take()
        overview.close()
        picked.append(sessions[1])
        return 0, sessions[1]

    monkeypatch.setattr("cma_tui.commands.overview.no_screen", lambda: None)
    monkeypatch.setattr("cma_tui.ui.app.run_overview", choose)
    code, out, _ = run(*words)
    assert (code, picked) == (0, [sessions[1]])
    assert sessions[1] in out


def test_choosing_none_is_no_success(run, service, monkeypatch):
    monkeypatch.setattr("cma_tui.commands.overview.no_screen", lambda: None)
    monkeypatch.setattr("cma_tui.ui.app.run_overview", lambda *_, **__: (0, None))
    code, _, err = run("tail")
    assert (code, err) == (Exit.USAGE, "cma-top: no session was chosen\n")


# ------------------------------------------------------------------------------------- the shell completes


@pytest.fixture
def complete(service, monkeypatch, capfd, tmp_path):
    """What the shell is offered for a line."""
    monkeypatch.setenv("CMA_TOP_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(completion, "PATIENCE", 60.0)

    def completed(line):
        with monkeypatch.context() as env:
            env.setenv("_CMA_TOP_COMPLETE", "bash_complete")
            env.setenv("COMP_WORDS", line)
            env.setenv("COMP_CWORD", str(line.count(" ")))
            with pytest.raises(SystemExit):
                cli.main([])
        out, err = capfd.readouterr()
        assert err == ""
        return [word.partition(",")[2] for word in out.splitlines() if word[:4] not in ("", "file")]

    return completed


def test_sessions_are_offered_and_remembered_for_their_owner_alone(complete, service, sim, tmp_path):
    sessions = [service.session(title=f"title {n} \x1b[31m") for n in range(3)]
    assert complete("cma-top tail ") == []
    assert sorted(complete("cma-top tail s")) == sorted(sessions)
    (path,) = (tmp_path / "cache").iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    assert sim.api_key not in path.name + path.read_text()
    later = service.session()
    assert complete(f"cma-top tail {sessions[0]}") == [sessions[0]]
    assert later not in complete("cma-top approve sesn_"), "asked once in half a minute"
    assert complete("cma-top tail xyz") == []
    assert complete("cma-top tai") == ["tail"]
    assert sessions[0] in complete("cma-top sesn_")


@pytest.mark.parametrize(
    "key", ["sesn_1;reboot", "sesn_$(reboot)", "sesn_1\nplain,reboot", "sesn_\x1b[2J", "sesn_ 1"]
)
def test_what_is_no_id_is_not_offered(complete, service, tmp_path, key):
    session = service.session()
    assert complete("cma-top tail s") == [session]
    (path,) = (tmp_path / "cache").iterdir()
    path.write_text(json.dumps([[key, "a title"], [session, "another"]]))
    assert complete("cma-top tail s") == [session]


def test_the_shell_waits_for_no_server_and_hears_no_complaint(complete, service, monkeypatch, tmp_path):
    from cma_tui.commands.options import Common
    from cma_tui.settings import load

    monkeypatch.setattr(completion, "PATIENCE", 0.05)
    session = service.session()
    hold = service.server.call(lambda: service.sim.faults.hold("sessions.list"))
    began = monotonic()
    assert complete("cma-top wait s") == []
    assert monotonic() - began < 10, "but not as long as the server"
    import os

    path = completion._remembered(load({}, os.environ, None), Common())
    service.server.call(hold.release)
    deadline = monotonic() + 60
    while not path.exists():
        assert monotonic() < deadline, "what came too late is there for the next time"
    assert complete("cma-top wait s") == [session]
    path.write_text("nonsense")
    assert complete("cma-top wait s") == []
    os.utime(path, (time() - 60, time() - 60))
    path.write_text(json.dumps([["sesn_old", "from before"]]))
    os.utime(path, (time() - 60, time() - 60))
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "not a url")
    assert complete("cma-top wait s") == []


def test_listing_commands_asks_nobody(complete, service, sim):
    assert "tail" in complete("cma-top ")
    assert subprocess.run([sys.executable, "-c", "import cma_tui.commands.completion"], check=True)


# ------------------------------------------------------------------------------------------- one vocabulary


def test_the_list_of_sessions_has_the_words_of_the_overview(run, service):
    asks, rests = service.session(title="Asks"), service.session(title="Rests")
    service.say(asks, "roll it back")
    service.say(rests, "hi")
    newest, oldest = run("sessions", "list")[1].splitlines()
    assert (newest.split()[:2], oldest.split()[:2]) == ([rests, "idle"], [asks, "needs-you"])
    assert sorted(run()[1].splitlines()) == sorted([newest, oldest]), "the same lines"
    told = json.loads(run("sessions", "list", "--json")[1])
    assert told["version"] == 1
    assert [(one["id"], one["state"], one["title"]) for one in told["sessions"]] == [
        (rests, "idle", "Rests"),
        (asks, "needs_you", "Asks"),
    ]
    assert run("sessions", "list", "--limit", "1")[1].splitlines() == [newest]
    assert run("sessions", "archive", rests, "--yes")[0] == 0
    assert rests not in run("sessions", "list")[1]
    assert "terminated" in run("sessions", "list", "--archived")[1]
