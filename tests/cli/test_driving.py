"""Driving a session from a script."""

import io
import json

import pytest


@pytest.fixture(autouse=True)
def quick(monkeypatch, service):
    monkeypatch.setattr("cma_tui.source.controls.LOOKS", (0.01, 0.01))


def of(service, session, kind):
    return [event for event in service.log(session) if event["type"] == kind]


@pytest.fixture
def asking(service):
    session = service.session()
    assert service.say(session, "roll it back") == "requires_action"
    return session


def waiting(run, session):
    code, out, _ = run("approve", session, "--json")
    return code, [use["id"] for use in json.loads(out)["waiting"]]


@pytest.mark.parametrize("status", [None, 502])
def test_a_message_is_sent_once_whatever_becomes_of_the_reply(run, service, sim, status):
    session = service.session(agent="none")
    sim.faults.lose_reply(status=status)
    code, out, _ = run("send", session, "hello", "--json")
    (event,) = of(service, session, "user.message")
    assert code == 0
    assert json.loads(out) == {
        "version": 1,
        "session_id": session,
        "events": [{"id": event["id"], "type": "user.message"}],
    }


def test_a_message_that_may_not_have_arrived_is_not_sent_again(run, service, sim):
    session = service.session(agent="none")
    sim.faults.fail("events.send", 500)
    code, _, err = run("send", session, "hello")
    assert code == 1
    assert "unclear whether it was received" in err
    assert "it is not in the log" in err
    assert of(service, session, "user.message") == []


def test_send_reads_standard_input_attaches_files_and_waits(run, service, monkeypatch, tmp_path):
    session = service.session()
    (tmp_path / "notes.txt").write_text("tricky", encoding="utf-8")
    monkeypatch.setattr("sys.stdin", io.StringIO("hi from a pipe"))
    assert run("send", session, "--file", str(tmp_path / "notes.txt"), "--wait")[0] == 0
    (event,) = of(service, session, "user.message")
    assert [block["type"] for block in event["content"]] == ["text", "document"]
    assert run("send", session, "roll it back", "--wait")[0] == 3


def test_a_refusal_is_one_line_and_a_code(run, service, asking):
    code, _, err = run("send", asking, "and now?")
    assert (code, err.count("\n")) == (1, 1)
    assert "requires action" in err
    assert run("send", "sesn_unknown", "x")[0] == 5


def test_what_waits_is_listed_and_denied_with_a_reason_by_its_id_only(run, service, asking):
    code, ids = waiting(run, asking)
    assert (code, len(ids)) == (3, 1)
    assert run("approve", asking, "sevt_other")[0] == 1
    assert run("approve", asking, *ids, "--reason", "x")[0] == 2
    assert run("approve", asking, *ids, "--deny", "--reason", "not today")[0] == 0
    (answer,) = of(service, asking, "user.tool_confirmation")
    assert (answer["result"], answer["deny_message"]) == ("deny", "not today")
    code, _, err = run("approve", asking, *ids)
    assert code == 1
    assert "does not wait" in err


@pytest.fixture
def rules(tmp_path):
    """Write rules where the commands under test look for them."""

    def write(text):
        (tmp_path / "config.toml").write_text(text)

    return write


def test_what_a_rule_allows_is_allowed_and_the_rest_is_left(
    run, service, asking, rules, tmp_path, monkeypatch
):
    monkeypatch.setenv("CMA_TOP_STATE_DIR", str(tmp_path / "state"))
    assert run("approve", asking, "--rules")[0] == 2, "there are none"
    rules('[[rules.allow]]\ntool = "other"\n')
    code, out, _ = run("approve", asking, "--rules", "--json")
    assert (code, json.loads(out)["answered"], len(json.loads(out)["waiting"])) == (3, [], 1)
    rules('[[rules.allow]]\ntool = "bash"\n')
    assert run("approve", asking, "sevt_x", "--rules")[0] == 2
    code, out, _ = run("approve", asking, "--rules")
    assert (code, "allow" in out, "by rule: allow 1" in out) == (0, True, True)
    (answer,) = of(service, asking, "user.tool_confirmation")
    assert answer["result"] == "allow"
    log = tmp_path / "state" / "answers.jsonl"
    assert log.stat().st_mode & 0o777 == 0o600
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [(line["tool_use_id"], line["rule"], line["what"]) for line in lines] == [
        (answer["tool_use_id"], "allow 1", what) for what in ("sending", "sent")
    ]


def test_what_a_rule_denies_is_denied_with_its_reason(run, service, asking, rules, tmp_path, monkeypatch):
    monkeypatch.setenv("CMA_TOP_STATE_DIR", str(tmp_path / "state"))
    rules('[[rules.deny]]\ntool = "*"\nreason = "never"\n[[rules.allow]]\ntool = "*"\n')
    assert run("approve", asking, "--rules")[0] == 0
    (answer,) = of(service, asking, "user.tool_confirmation")
    assert (answer["result"], answer["deny_message"]) == ("deny", "never")


def test_nothing_is_answered_by_rule_where_no_log_can_be_written(
    run, service, asking, rules, tmp_path, monkeypatch
):
    (tmp_path / "state").write_text("a file")
    monkeypatch.setenv("CMA_TOP_STATE_DIR", str(tmp_path / "state"))
    rules('[[rules.allow]]\ntool = "*"\n')
    code, _, err = run("approve", asking, "--rules")
    assert (code, "log of answers cannot be written" in err) == (1, True)
    assert of(service, asking, "user.tool_confirmation") == []


def test_an_approval_whose_reply_is_lost_is_given_once(run, service, sim, asking):
    _, ids = waiting(run, asking)
    sim.faults.lose_reply()
    assert run("approve", asking, *ids)[0] == 0
    assert len(of(service, asking, "user.tool_confirmation")) == 1


def test_a_result_is_answered_and_an_interrupt_ends_the_turn(run, service, sim):
    sim._host_answers = False
    session = service.session()
    service.say(session, "Debug my incident")
    _, (first, *others) = waiting(run, session)
    assert run("answer", session, first, "42")[0] == 0
    (result,) = of(service, session, "user.custom_tool_result")
    assert (result["content"][0]["text"], result["is_error"]) == ("42", False)
    assert others
    assert run("answer", session, first, "43")[0] == 1
    assert run("interrupt", session)[0] == 0
    assert len(of(service, session, "user.interrupt")) == 1


def test_files_are_listed_saved_once_and_uploaded(run, service, sim, tmp_path):
    session = service.session()
    service.server.call(lambda: sim.add_file(session, "../evil.md", b"# text"))
    assert "../evil.md" in run("files", session)[1]
    target = tmp_path / "out"
    code, out, _ = run("files", session, "--all", "-o", str(target), "--json")
    assert code == 0
    assert json.loads(out)["saved"] == [str(target / "evil.md")]
    assert (target / "evil.md").read_bytes() == b"# text"
    assert run("files", session, "--all", "-o", str(target))[0] == 1, "nothing is overwritten"
    assert run("files", session, "none.md")[0] == 5
    assert run("files", session, "--upload", str(target / "evil.md"))[0] == 0
    assert [resource["type"] for resource in sim.sessions[session].resources] == ["file"]


def test_a_session_from_its_beginning_to_its_end(run, service, sim, tmp_path, monkeypatch):
    (tmp_path / "a.txt").write_text("a", encoding="utf-8")
    new = ["--agent", sim.agent_id, "--environment", sim.environment_id, "--title", "one", "--budget", "2.50"]
    more = ["--metadata", "team=x", "--vault", "vlt_1", "--file", str(tmp_path / "a.txt")]
    repo = ["--repo", "https://github.com/o/r"]
    code, out, err = run("sessions", "new", *new, *more, *repo, "-m", "hi")
    assert (code, err) == (0, "")
    made = sim.sessions[out.strip()]
    assert (made.title, made.metadata, made.vault_ids) == ("one", {"team": "x"}, ["vlt_1"])
    assert made.budget["max_list_cost"] == {"amount": "250", "currency": "USD"}
    assert [resource["type"] for resource in made.resources] == ["github_repository", "file"]
    service.start(sim.until_idle(made.id)).result(60)
    assert made.id in run("sessions", "list")[1]
    assert run("sessions", "archive", made.id)[0] == 2, "nobody can be asked"
    assert run("sessions", "archive", made.id, "--yes")[0] == 0
    assert made.status == "terminated"
    assert run("sessions", "delete", made.id, "--yes")[0] == 0
    assert json.loads(run("sessions", "list", "--json")[1])["sessions"] == []
    for wrong in (["--budget", "much"], ["--metadata", "x"], ["--file", "/none"]):
        assert run("sessions", "new", *new[:4], *wrong)[0] == 2
