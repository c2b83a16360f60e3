"""The file of a recording: kills, torn ends, full disks, second writers, strange names and strange files."""

import errno
import json
import os
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path
from time import monotonic, process_time, sleep

import pytest

from cma_tui.event import parse
from cma_tui.log.record import file_name
from cma_tui.log.recording import RecordingError, RecordingFile, RecordingTakenError
from cma_tui.recorder import Recorder
from cma_tui.source import Batch
from tests.test_recorder import NAME, lines, recorded, replayed, story, texts
from tests.test_recorder import resource as described

KILLS = int(os.environ.get("CMA_TOP_RECORDER_KILLS", "3"))
_KILLS_A_FILE = 25
"""After so many another file: each is read from its start by every writer that goes on with it."""
WRITER = """
import sys
from pathlib import Path
from cma_tui.event import parse
from cma_tui.recorder import Recorder
from cma_tui.source import Batch
from tests.test_recorder import resource
recorder = Recorder(Path(sys.argv[1]))
recorder.put(Batch([resource()]))
number = int(sys.argv[2])
while True:
    content = b'[{"type":"text","text":"%s"}]' % (b"x" * 20000)
    head = b'{"type":"agent.message","id":"e%d","processed_at":"2026-08-17T16:00:00Z"' % number
    raw = head + b',"content":' + content + b"}"
    recorder.put(Batch([parse(raw, received_at=1790000000.0)]))
    recorder.wait_until_written()
    sys.stdout.write(f"{number}\\n")
    sys.stdout.flush()
    number += 1
"""


def batches():
    return [Batch([described()]), Batch(story())]


def path_in(folder):
    return folder / file_name(NAME)


def test_killed_at_random_every_acknowledged_line_is_there_and_every_line_parses(tmp_path):
    chance, acknowledged = random.Random(7), 0
    for kill in range(KILLS):
        folder = tmp_path / str(kill // _KILLS_A_FILE)
        if kill % _KILLS_A_FILE == 0:
            acknowledged = 0
        child = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(folder), str(acknowledged)],
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
        )
        for _ in range(chance.randrange(1, 60)):
            acknowledged = int(child.stdout.readline()) + 1
        child.send_signal(signal.SIGKILL)
        for line in child.stdout:  # what it had said before it died
            if line.endswith(b"\n"):
                acknowledged = int(line) + 1
        child.wait()
        child.stdout.close()
        RecordingFile(path_in(folder), NAME, own_folder=True).close()  # repairs it
        held = {json.loads(text).get("id") for text in texts(path_in(folder))}
        assert {f"e{number}" for number in range(acknowledged)} <= held


def test_cut_at_every_byte_of_its_end_it_goes_on_and_loses_only_the_torn_line(tmp_path):
    recorded(tmp_path, batches())
    path = path_in(tmp_path)
    whole = path.read_bytes()
    before = whole[:-1].rfind(b"\n") + 1
    torn = path.with_name(path.name + ".torn")
    for cut in [*range(before, len(whole)), 0, 1, 10, 40]:
        path.write_bytes(whole[:cut])
        torn.unlink(missing_ok=True)
        file = RecordingFile(path, NAME, own_folder=True)
        file.append(b'{"src":"local","raw":"{}"}\n')
        file.close()
        for line in path.read_bytes().splitlines():
            json.loads(line)
        lost = cut not in (0, before, len(whole) - 1, len(whole))
        assert torn.exists() == lost


@pytest.mark.parametrize(
    "tail", [b"\0" * 5000, "half a … charact\u00e9r".encode()[:-1], b'{"t":1,"raw":"{\\']
)
def test_what_a_power_cut_leaves_at_the_end_is_set_aside(tmp_path, tail):
    recorded(tmp_path, batches())
    path = path_in(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole + tail)
    recorded(tmp_path, batches())
    assert path.read_bytes().startswith(whole)
    assert path.with_name(path.name + ".torn").read_bytes() == tail + b"\n"
    assert len(replayed(path).events) == len(story()) + 2


def test_a_full_disk_stops_the_recording_and_nothing_is_missing_when_there_is_room(tmp_path, monkeypatch):
    monkeypatch.setattr("cma_tui.recorder.RETRY", 0.01)
    wrote, room = os.write, [1500]

    def limited(handle, data):
        path = path_in(tmp_path)
        if room[0] is not None and path.exists() and os.fstat(handle).st_ino == path.stat().st_ino:
            if not room[0]:
                raise OSError(errno.ENOSPC, "No space left on device")
            data = data[: room[0]]
            room[0] -= len(data)
        return wrote(handle, data)

    monkeypatch.setattr(os, "write", limited)
    recorder = Recorder(tmp_path)
    for batch in batches():
        recorder.put(batch)
    with recorder._changed:
        assert recorder._changed.wait_for(lambda: recorder._status.state == "stopped", 10)
    assert "No space left on device" in recorder.status.words
    assert "waiting" in recorder.status.words
    for line in path_in(tmp_path).read_bytes().split(b"\n")[:-1]:
        json.loads(line)
    room[0] = None
    assert recorder.wait_until_written(timeout=10)
    status = recorder.close()
    assert (status.state, status.waiting, status.problem) == ("ended", 0, "")
    assert [e.key for e in replayed(path_in(tmp_path)).events][1:] == [e.key for e in story()]


def test_a_disk_that_hangs_holds_up_nobody_and_gets_everything_when_it_answers(tmp_path, monkeypatch):
    wrote, hangs, answers = os.write, threading.Event(), threading.Event()

    def slow(handle, data):
        if handle > 2 and b"e30" in bytes(data):
            hangs.set()
            answers.wait(60)
        return wrote(handle, data)

    recorder = Recorder(tmp_path)
    recorder.put(Batch([described()]))
    assert recorder.wait_until_written(timeout=20)
    monkeypatch.setattr(os, "write", slow)
    events = [
        parse(b'{"type":"agent.message","id":"e%d","content":[]}' % number, received_at=1_790_000_000.0)
        for number in range(3_000)
    ]
    recorder.put(Batch(events[:31]))
    assert hangs.wait(20)
    taken = process_time()
    for event in events[31:]:
        recorder.put(Batch([event]))
    assert process_time() - taken < 2.0, "the disk is not waited for"
    status = recorder.status
    assert (status.events, status.waiting) == (1, 3_000)
    assert "behind" in status.words
    ended = recorder.close(timeout=0.05)
    assert (ended.state, ended.problem) == ("stopped", "the disk does not answer")
    assert "3,000 are missing" in ended.farewell
    answers.set()
    recorder._thread.join(20)
    assert recorder.status.state == "ended"
    assert len(replayed(path_in(tmp_path)).events) == 3_001


def test_a_file_that_may_not_grow_keeps_whole_lines(tmp_path):
    """A limit of the system instead of a disk, in a process of its own."""
    code = f"""
import json, resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
from pathlib import Path
from tests.log.test_recording import batches, path_in, recorded
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
status = recorded(Path({str(tmp_path)!r}), batches())
assert status.state == "stopped" and "too large" in status.problem, status
assert status.waiting and "missing" in status.farewell
for line in path_in(Path({str(tmp_path)!r})).read_bytes().splitlines():
    json.loads(line)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parents[2]
    )
    assert done.returncode == 0, done.stderr


def test_a_removed_folder_comes_back_with_all_that_was_recorded(tmp_path):
    folder = tmp_path / "recordings"
    recorder = Recorder(folder)
    events = story()
    recorder.put(Batch([described()]))
    recorder.put(Batch(events[:5]))
    assert recorder.wait_until_written(timeout=10)
    path_in(folder).unlink()
    folder.rmdir()
    recorder.put(Batch(events[5:]))
    assert recorder.close().state == "ended"
    assert [e.key for e in replayed(path_in(folder)).events][1:] == [e.key for e in events]


def test_a_portion_is_one_call_of_the_system(tmp_path, monkeypatch):
    calls = []
    for name in ("write", "fstat", "ftruncate", "fsync"):
        call = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *a, call=call, name=name: calls.append(name) or call(*a))
    recorder = Recorder(tmp_path)
    recorder.put(Batch([described()]))
    assert recorder.wait_until_written(timeout=10)
    calls.clear()
    for event in story()[:20]:
        if event.type not in ("session.status_idle", "session.status_terminated"):
            recorder.put(Batch([event]))
            assert recorder.wait_until_written(timeout=10)
    assert calls.count("write") <= 20
    assert len(calls) - calls.count("write") <= 6, "the file and the disk are looked after once a second"
    recorder.close()


def test_a_removed_file_is_put_back_while_it_is_recorded(tmp_path, monkeypatch):
    monkeypatch.setattr("cma_tui.recorder.SYNC", 0.02)
    recorder = Recorder(tmp_path / "recordings")
    events = story()
    recorder.put(Batch([described()]))
    recorder.put(Batch(events[:5]))
    assert recorder.wait_until_written(timeout=10)
    path = path_in(tmp_path / "recordings")
    path.unlink()
    recorder.put(Batch(events[5:10]))
    deadline = monotonic() + 10
    while not path.exists():
        assert monotonic() < deadline
        sleep(0.01)
    recorder.put(Batch(events[10:]))
    assert recorder.close().state == "ended"
    assert [e.key for e in replayed(path).events][1:] == [e.key for e in events]


def test_a_second_writer_is_told_who_writes_and_writes_nothing(tmp_path):
    first = Recorder(tmp_path)
    first.put(Batch([described()]))
    assert first.wait_until_written(timeout=10)
    before = path_in(tmp_path).read_bytes()
    second = recorded(tmp_path, batches())
    assert second.state == "stopped"
    assert f"process {os.getpid()} records this session already" in second.problem
    assert path_in(tmp_path).read_bytes() == before
    assert first.close().state == "ended"
    assert recorded(tmp_path, batches()).state == "ended"


IDS = [
    "../../x",
    "/etc/passwd",
    "a\0b",
    "x" * 300,
    "\u202eabc",
    "CON",
    "con",
    "sesn_A",
    "SESN_A",
    "sesn_a",
    ".",
    "",
    "-x",
    "a b",
    "é",
]


def test_names_are_safe_and_differ_even_where_capitals_do_not_count(tmp_path):
    names = [file_name(session) for session in IDS]
    assert len({name.lower() for name in names}) == len(IDS)
    for name in names:
        assert (tmp_path / name).resolve().parent == tmp_path.resolve()
        assert name.isascii()
        assert name.isprintable()
        assert not name.startswith(("-", "."))
        assert name.lower() not in ("con.jsonl", "nul.jsonl")
        assert len(name) < 100
    assert file_name("sesn_01") == "sesn_01.jsonl"


@pytest.mark.parametrize("umask", [0, 0o022, 0o077])
def test_files_are_for_their_owner_alone(tmp_path, umask):
    folder = tmp_path / "made" / "here"
    before = os.umask(umask)
    try:
        path = recorded(folder, batches()).path
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o600
    assert {part.stat().st_mode & 0o777 for part in (folder, folder.parent)} == {0o700}
    path.chmod(0o644)
    recorded(folder, batches())
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_is_no_file_of_ours_is_refused(tmp_path):
    path, other = path_in(tmp_path), tmp_path / "other"
    other.write_bytes(b"")
    path.symlink_to(other)
    assert "is a link" in recorded(tmp_path, batches()).problem
    path.unlink()
    os.mkfifo(path)
    assert "no plain file" in recorded(tmp_path, batches()).problem
    path.unlink()
    os.link(other, path)
    assert "another name" in recorded(tmp_path, batches()).problem
    path.unlink()
    path.write_bytes(b'{"type":"agent.message"}\n')
    assert "no recording" in recorded(tmp_path, batches()).problem
    assert other.read_bytes() == b""


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ({"session_id": "sesn_2"}, "another session"),
        ({"session_id": NAME, "cma_top_log": 2}, "newer version"),
    ],
)
def test_a_recording_of_another_session_or_version_is_left_alone(tmp_path, header, said):
    path = path_in(tmp_path)
    path.write_text(json.dumps({"cma_top_log": 1, **header}) + "\n")
    before = path.read_bytes()
    with pytest.raises(RecordingTakenError, match=said):
        RecordingFile(path, NAME, own_folder=True)
    assert path.read_bytes() == before


def test_a_folder_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(RecordingError, match="cannot be used"):
        RecordingFile(tmp_path / "file" / "x" / "y.jsonl", NAME, own_folder=True)


def test_what_is_listed_again_is_not_written_again(tmp_path):
    events = story()
    listed = Batch(events, listed=True, origin="list")
    path = recorded(tmp_path, [Batch([described()]), listed, listed, Batch(events)]).path
    again = recorded(tmp_path, [Batch([described(2)]), listed]).path
    assert path == again
    assert len(texts(path)) == len(events) + 2
    assert not any("runs" in line for line in lines(path))
