"""Several files as one log: what belongs together, in which order, and what is left as it is."""

import json

import pytest

from cma_tui.commands.logs import folded
from cma_tui.event import parse, stamp_text
from cma_tui.log.formats import LogError, SavedLog, open_log
from cma_tui.log.index import LogEvents
from cma_tui.log.survey import survey
from cma_tui.log.together import Together, open_together
from cma_tui.session.fold import apply
from cma_tui.session.model import Change, Session
from tests.log.shapes import ALL, EVENTS, LINES, OTHER, SESSION, lines, sse, wrapped
from tests.log.test_formats import other_session
from tests.session.counting import work
from tests.session.look import fold, view
from tests.ui.test_threads import delegation


@pytest.fixture
def written(tmp_path):
    """A function that writes files and returns their paths."""

    def write(**contents):
        paths = []
        for name, content in contents.items():
            path = tmp_path / f"{name}.jsonl"
            path.write_bytes(content)
            paths.append(path)
        return paths

    return write


def keys(log, session=0):
    """Those of the server's events, each once, in order."""
    return list(dict.fromkeys(e.key for e in log.events(session) if not e.type.startswith("local.")))


def by_stream(events):
    """The lines of each stream of a session, as its list would hold them."""
    streams = {}
    for event in events:
        streams.setdefault(event.stream, []).append(event.raw)
    return streams


IDS = [event["id"] for event in EVENTS]


# ------------------------------------------------------------------------------------- parts of one session


@pytest.mark.parametrize("cuts", [(5, 5), (7, 3), (len(LINES), 0), (2, 0)])
def test_parts_of_a_session_are_one_whatever_their_shape_and_order(written, cuts):
    end, begin = cuts
    first, second = lines(*LINES[:end]), sse(LINES[begin:])
    for paths in (written(a=first, b=second), written(b=second, a=first)):
        with open_together(paths) as log:
            assert keys(log) == IDS
            assert len(log.sessions) == 1
            assert log.notes == []
            (told,) = log.summaries()
            assert told.files == 2


def test_a_pause_of_the_clock_does_not_disturb_the_order_of_a_file(written):
    """The stamps of a list run backwards now and then."""

    def event(name, second):
        return {"type": "agent.message", "id": name, "processed_at": f"2026-01-01T00:00:{second:02}Z"}

    story = [event("a", 10), event("b", 9), event("c", 11), event("d", 12), event("e", 11)]
    for cut in range(1, 5):
        for overlap in range(cut + 1):
            first, second = lines(*story[:cut]), lines(*story[cut - overlap :])
            merged = not overlap  # nothing tells otherwise
            with open_together(written(b=second, a=first), merged=merged) as log:
                assert len(log.sessions) == 1
                if overlap:
                    assert keys(log) == ["a", "b", "c", "d", "e"], (cut, overlap)
                assert sorted(keys(log)) == ["a", "b", "c", "d", "e"]


def test_opposite_orders_end_all_the_same(written):
    one, other = LINES[:6], [LINES[5], *LINES[1:5], LINES[0]]
    with open_together(written(a=lines(*one), b=lines(*other))) as log:
        assert sorted(keys(log)) == sorted(IDS[:6])


def test_two_recordings_keep_the_facts_of_each(written):
    fact = b'{"type":"local.connected","connection":%d}'
    recordings = [
        lines(
            {"cma_top_log": 1, "session": SESSION},
            wrapped(fact % number, src="local", key="~connected:1"),
            *map(wrapped, LINES),
        )
        for number in (1, 2)
    ]
    with open_together(written(a=recordings[0], b=recordings[1], c=recordings[1])) as log:
        session = fold(log.events())
        assert [e.data["connection"] for e in session.events if e.type == "local.connected"] == [1, 2]
        assert [e.key for e in session.events if e.id] == IDS


# ------------------------------------------------------------------------------------- threads of their own


def own_status(thread, number, at):
    """What a thread's own list tells of it."""
    return parse(
        json.dumps(
            {
                "type": "session.thread_status_running",
                "id": f"sevt_own_{number}",
                "processed_at": stamp_text(at),
                "session_thread_id": thread,
                "agent_name": "x",
            }
        ).encode(),
        stream=thread,
    )


@pytest.mark.parametrize("told", ["by their events", "by their names"])
def test_threads_in_files_of_their_own_find_their_session(written, told):
    story = delegation()
    threads = [thread for thread in by_stream(story) if thread is not None]
    if told == "by their events":
        begun = {thread: next(e.at for e in story if e.stream == thread) for thread in threads}
        own = [own_status(thread, number, begun[thread]) for number, thread in enumerate(threads)]
        story = sorted([*own, *story], key=lambda event: event.at)
    streams = by_stream(story)
    named = {
        f"f{number}" if told == "by their events" else thread or "main": lines(*held)
        for number, (thread, held) in enumerate(streams.items())
    }
    assert len(named) == 3
    whole = fold(story)
    for paths in (written(**named), written(**dict(reversed(named.items())))):
        with open_together(paths) as log:
            assert len(log.sessions) == 1
            events = list(log.events())
            assert {e.key: e.stream for e in events if e.stream} == {
                e.key: e.stream for e in story if e.stream
            }
            session = fold(events)
            assert session.threads.keys() == whole.threads.keys()
            for name, thread in whole.threads.items():
                mine = [session.events[session.items[i].event].key for i in session.threads[name].items]
                assert mine == [whole.events[whole.items[i].event].key for i in thread.items]
            stamps = [e.at for e in events if e.at is not None]
            assert sorted(stamps) == stamps, "threads are woven in by time"


def test_a_folder_is_its_files_and_those_below(written, tmp_path):
    streams = list(by_stream(delegation()).values())
    (tmp_path / "threads").mkdir()
    for name, held in zip(("sthr_1", "sthr_2"), streams[1:], strict=True):
        (tmp_path / "threads" / f"{name}.json").write_text(json.dumps([json.loads(raw) for raw in held]))
    written(main=lines(*streams[0]), notes=b"no log\n")
    (tmp_path / "main.jsonl.torn").write_bytes(b'{"type":"agent.mess')
    (tmp_path / ".hidden").write_bytes(lines(*OTHER))
    (tmp_path / "link.jsonl").symlink_to("/etc/passwd")
    with open_together([tmp_path]) as log:
        assert len(keys(log)) == len({json.loads(raw)["id"] for held in streams for raw in held})
        (note,) = log.notes
        assert note.startswith("passed over")
        assert "notes.jsonl" in note
    empty = tmp_path / "threads" / "none"
    empty.mkdir()
    with pytest.raises(LogError, match="a folder without event logs"):
        open_together([empty])


def test_events_of_several_files_are_read_from_them_again(written):
    story = delegation()
    streams = by_stream(story)
    named = {thread or "main": lines(*held) for thread, held in streams.items()}
    recorded = lines(
        {"cma_top_log": 1}, *(wrapped(raw) for raw in streams[None]), wrapped(b"torn {", key="~bad:1:torn")
    )
    paths = [*written(**named), *written(again=recorded, capture=sse(streams[None]))]
    with open_together(paths) as log:
        events = list(log.events())
        session = Session(events=log.kept())
        for event in log.events():
            apply(session, event, Change())
        whole = fold(events)
        assert view(session, numbers=True) == view(whole, numbers=True)
        kept = session.events
        assert isinstance(kept, LogEvents)
        for looked_at in ([kept[n] for n in range(len(kept))], list(kept)):
            told = [(e.key, e.stream, e.raw) for e in looked_at]
            assert told == [(e.key, e.stream, e.raw) for e in whole.events]
        kept._latest.clear()
        assert [(e.key, e.stream) for e in kept] == [(e.key, e.stream) for e in whole.events]
        assert kept.reads > 0
        assert kept.gone == 0
        assert kept.share > 0.4
        for path in paths:
            path.write_bytes(b"")
        assert list(kept)
        assert kept.gone > 0, "what is not there any more is told"


# ------------------------------------------------------------------------------------- several sessions


def test_different_sessions_stay_apart_unless_they_are_to_be_one(written):
    paths = written(
        a=lines(SESSION, *LINES), b=lines(*OTHER), c=lines(other_session(), *OTHER), d=lines(*LINES[3:])
    )
    with open_together(paths) as log:
        assert log.sessions == ["sesn_1", "sesn_2"]
        assert keys(log) == IDS
        assert keys(log, 1) == [json.loads(line)["id"] for line in OTHER]
        assert log.notes == ["2 sessions in it, number 2 is shown"]
        assert [told.files for told in log.summaries()] == [2, 2]
        assert log.summaries()[0].title == "A title"
        with pytest.raises(LogError, match="holds no session number 3: 2 in it"):
            log.events(2)
    with open_together(paths, merged=True) as log:
        assert len(log.sessions) == 1
        assert sorted(keys(log)) == sorted({*IDS, *(json.loads(line)["id"] for line in OTHER)})


def test_two_sessions_in_one_file_are_merged_when_asked(written):
    (path,) = written(a=lines(*OTHER, *LINES))
    with open_log(path) as log:
        choices = Together([log]).summaries()
        assert [told.events for told in choices] == [len(OTHER), len(LINES)]
        assert all(told.said for told in choices)
    with open_together([path], merged=True) as log:
        assert len(keys(log)) == len(OTHER) + len(LINES)
        assert log.notes == []


def test_ids_that_two_sessions_share_do_not_join_them(written):
    shared = {"type": "session.thread_created", "id": "e1", "session_thread_id": "sthr_x"}
    paths = written(a=lines(SESSION, shared), b=lines(other_session(), shared), c=lines(shared))
    with open_together(paths) as log:
        assert log.sessions == ["sesn_1", "sesn_2"]


def test_one_file_is_read_as_ever(written):
    (path,) = written(a=lines(*LINES))
    with open_together([path]) as log:
        assert isinstance(log, SavedLog)
    with open_together([path, *written(b=lines(*OTHER))]) as log:
        assert view(fold(log.events())) == view(fold(open_log(path).events()))
        assert type(log.kept()) is not list, "its events are read from the file when they are looked at"


@pytest.mark.parametrize("folder", ALL, ids=lambda folder: folder.name)
def test_a_session_in_several_shapes_is_one(folder):
    names = [path for path in sorted(folder.iterdir()) if path.name != "response.txt"]
    with open_together([folder]) as log:
        assert len(log.files) == len(names) == 2
        expected = [json.loads(line)["id"] for line in (folder / "events.jsonl").read_bytes().splitlines()]
        assert keys(log) == expected


def test_many_sessions_in_one_file_are_read_in_one_pass(tmp_path):
    """All at once is what each by itself is, and costs each the same however many there are."""

    def of(count):
        lines = []
        for n in range(count):
            lines.append(json.dumps({"type": "session", "id": f"sesn_{n}", "title": f"number {n}"}))
            for text in ("one", "two"):
                content = [{"type": "text", "text": text}]
                lines.append(json.dumps({"type": "user.message", "id": f"{n}{text}", "content": content}))
        path = tmp_path / f"{count}.jsonl"
        path.write_text("\n".join([*lines, lines[0], lines[1]]))  # the first goes on after the last
        return path

    def cost(count):
        with open_log(of(count)) as log:
            return work(lambda: (folded(log), survey(log))) / count

    with open_log(of(8)) as log:
        sessions = folded(log)
        each = [fold(log.events(number)) for number in range(8)]
        assert [view(session) for session in sessions] == [view(session) for session in each]
        assert [session.title for session in sessions] == [f"number {n}" for n in range(8)]
        assert [stretch.session_id for stretch in survey(log)] == [f"sesn_{n}" for n in range(8)]
    with open_together([of(8), of(9)]) as log:
        assert len(folded(log)) == 9
    assert cost(200) < 1.3 * cost(50)
