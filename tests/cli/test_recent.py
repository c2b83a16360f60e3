"""Recordings and replayed files in the list of all sessions."""

import json

import pytest

from cma_tui.commands.recent import MOST, recent, replayed
from cma_tui.session.roster import Roster
from cma_tui.settings import load
from tests.cli.test_screens import screen  # noqa: F401 - a fixture
from tests.payloads import PAYLOADS
from tests.stories.write import Log


@pytest.fixture
def settings(tmp_path):
    return load({}, {"CMA_TOP_STATE_DIR": str(tmp_path / "state")}, None)


def log_file(path):
    log = Log()
    log.begin("Hi")
    log.answer("Done.")
    log.rest()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(event.raw + b"\n" for event in log.events))
    return path


def test_a_replayed_file_is_remembered_by_its_name_alone(run, screen, tmp_path, monkeypatch, settings):  # noqa: F811
    monkeypatch.setenv("CMA_TOP_STATE_DIR", str(settings.state_dir))
    screen(lambda _: False)
    path = log_file(tmp_path / "far" / "run.jsonl")
    monkeypatch.chdir(path.parent)
    assert run("replay", "run.jsonl")[0] == 0
    ours = log_file(settings.state_dir / "recordings" / "sesn_1.jsonl")
    assert run(str(ours))[0] == 0
    kept = settings.state_dir / "replayed.json"
    assert list(json.loads(kept.read_text())) == [str(path)]
    assert kept.stat().st_mode & 0o777 == 0o600
    assert [(one.path, one.kind) for one in recent(settings)] == [(ours, "recording"), (path, "replay")]
    path.unlink()
    assert [one.kind for one in recent(settings)] == ["recording"]


def test_whatever_a_log_says_only_its_path_is_written(run, screen, tmp_path, monkeypatch):  # noqa: F811
    state = tmp_path / "state"
    monkeypatch.setenv("CMA_TOP_STATE_DIR", str(state))
    screen(lambda _: False)
    path = tmp_path / "run.jsonl"
    written = []
    for log in (Log(), hostile := Log()):
        log.begin("Hi")
        for payload in PAYLOADS if log is hostile else ():
            log.message(payload.text, session_id=f"../../{payload.text}", title="/etc/passwd")
        log.add("session.updated", title="../elsewhere", path=str(tmp_path / "made"))
        log.rest()
        path.write_bytes(b"".join(event.raw + b"\n" for event in log.events))
        assert run("replay", str(path))[0] == 0
        (kept,) = [one for one in tmp_path.rglob("*") if one.is_file() and one != path]
        ((name, at),) = json.loads(kept.read_text()).items()
        assert isinstance(at, float)
        written.append((kept, name))
    assert written == [(state / "replayed.json", str(path))] * 2


def test_the_newest_are_kept(settings, tmp_path):
    files = [log_file(tmp_path / f"{n}.jsonl") for n in range(MOST + 3)]
    for file in files:
        replayed(settings, str(file))
    assert [one.path for one in recent(settings)].count(files[0]) == 0
    assert len(list(recent(settings))) == MOST


@pytest.mark.parametrize("damage", [b"{nonsense", b"[1]", b'{"/x": "y"}', None])
def test_a_damaged_list_is_no_list(settings, tmp_path, damage):
    kept = settings.state_dir / "replayed.json"
    kept.parent.mkdir()
    if damage is None:
        kept.mkdir()
    else:
        kept.write_bytes(damage)
    assert list(recent(settings)) == []
    replayed(settings, str(log_file(tmp_path / "run.jsonl")))
    assert len(list(recent(settings))) == (0 if damage is None else 1)
    assert kept.exists()


def test_their_rows_say_what_they_are_and_pass_the_filter():
    roster = Roster()
    roster.saved("/a/run.jsonl", "run.jsonl", 5.0, "replay")
    roster.saved("/b/rec.jsonl", "rec.jsonl", 4.0)
    assert [roster.entries[name].word for name in roster.order] == ["replay", "recording"]
    roster.arrange(filter_="replay")
    assert len(roster.order) == 1
    assert roster.totals(0.0).sessions == 0
