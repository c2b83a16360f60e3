"""The commands that are a screen: what they feed it with."""

import json
import threading

import pytest

from cma_tui.ui.chooser import Choice


class Runs(list):
    """What the screen was run with: mode, name and feed; and the players."""


@pytest.fixture
def screen(monkeypatch):
    """In place of the screen: takes from the feed until something is true, and says with what it was run."""
    runs, players = Runs(), []
    runs.players = players
    monkeypatch.setattr("cma_tui.commands.watch.no_screen", lambda: None)
    monkeypatch.setattr("cma_tui.commands.output.no_screen", lambda: None)

    def until(condition):
        def fake(screen, settings):
            feed = screen.feed
            assert screen._mirror is None, "nothing is traced without a key"
            woken = threading.Event()
            feed.wake = woken.set
            feed.start()
            while not (feed.finished and not feed.behind) and not condition(feed.session):
                assert woken.wait(60)
                woken.clear()
                while feed.behind:
                    feed.take()
            feed.close()
            runs.append((screen.mode, screen.name, feed))
            players.append(screen.player)
            return 0 if feed.error is None else 1

        monkeypatch.setattr("cma_tui.ui.app.run", fake)
        return runs

    return until


def ended(session):
    return bool(session.turns) and session.turns[-1].ended


def texts(session):
    return [event.data["content"][0]["text"] for event in session.events if event.type == "user.message"]


def test_watch(run, service, screen):
    session = service.session()
    service.say(session, "hi")
    runs = screen(ended)
    assert run(session)[0] == 0
    ((mode, name, feed),) = runs
    assert (mode, name) == ("watch", session)
    assert [event.key for event in feed.session.events if event.at] == [e["id"] for e in service.log(session)]


def test_chat_creates_a_session_and_says_the_first_words_once(run, service, sim, screen):
    runs = screen(ended)
    options = ["--agent", sim.agent_id, "--environment", sim.environment_id]
    assert run("chat", *options, "-m", "hi")[0] == 0
    ((mode, name, feed),) = runs
    assert (mode, name) == ("chat", "new session")
    (session,) = sim.sessions
    assert feed.session.id == feed.source.name == session
    assert texts(feed.session) == ["hi"]
    sent = [event for event in service.log(session) if event["type"] == "user.message"]
    assert len(sent) == 1


def test_chat_with_a_session_that_exists(run, service, screen):
    session = service.session()
    service.say(session, "hi")
    runs = screen(lambda folded: len(folded.turns) == 2 and ended(folded))
    assert run("chat", session, "-m", "thanks")[0] == 0
    assert texts(runs[0][2].session) == ["hi", "thanks"]


def test_chat_that_cannot_begin(run, service, sim, screen):
    runs = screen(ended)
    run("chat", "--environment", sim.environment_id, "--agent", "agent_unknown")
    error = runs[0][2].error
    assert (error.exit_code, "does not exist" in str(error)) == (5, True)
    assert not sim.sessions


@pytest.mark.parametrize(
    ("agents", "code", "said"), [(0, 1, "there is no agent"), (2, 2, "there are 2 agents: name one")]
)
def test_chat_without_an_agent_needs_one_that_can_be_meant(run, service, sim, screen, agents, code, said):
    known = sim.agents.pop(sim.agent_id)
    sim.agents.update({f"agent_{n}": {**known, "id": f"agent_{n}"} for n in range(agents)})
    runs = screen(ended)
    got, _, err = run("chat", "--environment", sim.environment_id)
    assert (got, said in err) == (code, True), err
    assert not runs
    assert not sim.sessions


def test_chat_without_an_agent_takes_the_only_one(run, service, sim, screen):
    runs = screen(ended)
    assert run("chat", "--environment", sim.environment_id, "-m", "hi")[0] == 0
    assert texts(runs[0][2].session) == ["hi"]
    assert len(sim.sessions) == 1


def test_chat_whose_session_may_or_may_not_have_been_created(run, service, sim, screen):
    runs = screen(ended)
    sim.faults.lose_reply("sessions.create")
    run("chat", "--environment", sim.environment_id, "--agent", sim.agent_id)
    assert "unclear whether a session was created" in str(runs[0][2].error)
    assert len(sim.sessions) == 1


def test_demo_needs_nothing(run, screen, monkeypatch):
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:9")
    runs = screen(ended)
    assert run("demo", "--pace", "0", "--scene", "hi")[0] == 0
    ((mode, name, feed),) = runs
    assert (mode, name, feed.error) == ("demo", "demo", None)
    assert texts(feed.session) == ["hi"]
    assert feed.source.controls is not None


def test_replay_and_show(run, screen, tmp_path, service):
    session = service.session()
    service.say(session, "hi")
    log = tmp_path / "log.jsonl"
    log.write_text("".join(json.dumps(event) + "\n" for event in service.log(session)))
    runs = screen(lambda session: False)
    assert run("replay", "--speed", "10000", "--idle-limit", "0", str(log), str(log))[0] == 0
    assert run(str(log))[0] == 0
    assert [(mode, name) for mode, name, _ in runs] == [("replay", f"{log} and 1 more"), ("replay", str(log))]
    assert [player.rewound for player in runs.players] == [True, False]
    assert runs.players[0].speed == 10_000
    assert {len(feed.session.events) for _, _, feed in runs} == {len(service.log(session))}
    code, _, err = run("replay", str(log), str(tmp_path / "none"))
    assert (code, "no such file" in err) == (2, True)


def test_one_of_the_sessions_in_a_file(run, screen, tmp_path):
    path = tmp_path / "two.jsonl"
    with path.open("w") as file:
        for number in (1, 2):
            described = {"id": f"sesn_{number}", "type": "session", "created_at": "2026-07-06T14:16:30Z"}
            said = {"type": "agent.message", "id": f"e{number}", "content": [{"type": "text", "text": "hi"}]}
            file.write(json.dumps(described) + "\n" + json.dumps(said) + "\n")
    runs = screen(lambda session: False)
    for number in (1, 2):
        assert run("replay", "--session", str(number), str(path))[0] == 0
        assert runs[-1][2].session.id == f"sesn_{number}"
        assert [event.key for event in runs[-1][2].session.events if event.id] == [f"e{number}"]
    code, _, err = run("replay", "--session", "3", str(path))
    assert code != 0
    assert "holds no session number 3: 2 in it" in err
    assert len(runs) == 2, "nothing was shown"
    assert run("replay", "--merge", str(path))[0] == 0
    assert [event.key for event in runs[-1][2].session.events if event.id] == ["e1", "e2"]
    assert run("replay", "--merge", "--session", "1", str(path))[0] == 2
    _, out, err = run("tail", "--json", str(path))
    assert (out.count("\n"), err) == (2, "")
    _, out, err = run("tail", "--json", "--session", "2", str(path))
    assert out.count("\n") == 1
    assert "2 sessions in it, number 2 is shown" in err
    assert run("tail", str(path), "sesn_01")[0] == 2


def test_the_user_chooses_where_several_files_hold_several_sessions(run, screen, tmp_path, monkeypatch):
    paths = []
    for number in (1, 2):
        path = tmp_path / f"{number}.jsonl"
        said = {"type": "user.message", "id": f"e{number}", "content": [{"type": "text", "text": "hi"}]}
        path.write_text(json.dumps({**said, "processed_at": "2026-07-06T14:16:30Z"}) + "\n")
        paths.append(str(path))
    answers, asked = [Choice(1), Choice(None, 130)], []

    def choose(name, find, settings):
        asked.append([told.said for told in find()])
        return answers.pop(0)

    monkeypatch.setattr("cma_tui.ui.chooser.choose", choose)
    runs = screen(lambda session: False)
    assert run("replay", *paths)[0] == 0
    assert texts(runs[-1][2].session) == ["hi"]
    assert [event.key for event in runs[-1][2].session.events] == ["e2"]
    assert run(*paths)[0] == 130
    assert (len(runs), asked) == (1, [["hi", "hi"]] * 2), "who chooses none sees none"
    code, _, err = run("replay", "--follow", *paths)
    assert (code, "only a single file can be followed" in err) == (2, True)
    (tmp_path / "array.json").write_text('[{"type":"agent.message","id":"e1"},\n{"type":"agent.message"}]')
    code, _, err = run("replay", "--follow", str(tmp_path / "array.json"))
    assert (code, "cannot be followed" in err, len(runs)) == (2, True, 1)
