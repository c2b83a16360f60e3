"""Every shape of saved log gives the same events; what is no log is refused in one line."""

import json
from pathlib import Path

import pytest

from cma_tui.event import Event
from cma_tui.log.formats import LogError, open_log
from tests.log.conftest import Save
from tests.log.shapes import (
    ALL,
    CALLS,
    CAPTURES,
    EVENTS,
    LINES,
    OTHER,
    SESSION,
    SHAPES,
    SOURCE,
    lines,
    sse,
    wrapped,
)

IDS = [event["id"] for event in EVENTS]


def read(path: Path, session: int = 0) -> tuple[list[Event], list[str]]:
    with open_log(path) as log:
        return list(log.events(session)), log.notes


def served(events: list[Event]) -> list[Event]:
    """Without our own facts."""
    return [event for event in events if not event.type.startswith("local.")]


# -- the shapes --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SHAPES)
def test_same_session_from_every_shape(name: str, save: Save) -> None:
    shape, content = SHAPES[name]
    with open_log(save(content)) as log:
        events = list(log.events())
        assert log.shape == shape
        assert log.notes == []
        assert [event.key for event in served(events)] == IDS
        assert [event.data for event in served(events)] == EVENTS
        assert [event.key for event in log.events()] == [event.key for event in events]
        described = [event for event in events if event.type == "local.session"]
        assert len(events) - len(served(events)) == len(described)
        assert events[: len(described)] == described
        if name not in ("lines", "capture") and described:
            assert log.sessions == [described[0].data["session"]["id"]]


@pytest.mark.parametrize(
    "name", [name for name, (shape, _) in SHAPES.items() if shape in ("JSON lines", "SSE capture")]
)
def test_raw_is_untouched(name: str, save: Save) -> None:
    assert [event.raw for event in read(save(SHAPES[name][1]))[0]] == LINES


@pytest.mark.parametrize("folder", ALL, ids=lambda folder: folder.name)
def test_recordings_of_others(folder: Path) -> None:
    expected = (folder / "events.jsonl").read_bytes().splitlines()
    events, notes = read(folder / "events.jsonl")
    assert [event.raw for event in events] == expected
    assert notes == []
    other = folder / ("stream.sse" if folder in CAPTURES else "wrapped.jsonl")
    again, notes = read(other)
    assert [event.raw for event in served(again)] == expected
    assert notes == []
    assert ([event.type for event in again if event.key != event.id] == ["local.session"]) == (
        folder in CALLS
    )


def test_headers_alone_are_no_log() -> None:
    with pytest.raises(LogError, match=r"response.txt: not an event log: no events in its first lines"):
        open_log(CAPTURES[0] / "response.txt")


def test_raw_slices_of_an_array_keep_their_bytes(save: Save) -> None:
    texts = [b'{ "type" : "a.b",\n\t"id":"1", "x": 1.0e0 }', b'{"id":"2","type":"a.b","u":"\\u00e9\xc3\xa9"}']
    assert [event.raw for event in read(save(b"[ " + b" , ".join(texts) + b" ]"))[0]] == texts
    refused_by_msgspec = [
        *texts,
        b'{"id":"3","type":"a.b","n":NaN}',
        b'{"id":"4","type":"a.b","s":"\\ud800"}',
    ]
    events, notes = read(save(b'{"data" : [' + b",".join(refused_by_msgspec) + b"]}"))
    assert [event.raw for event in events] == refused_by_msgspec
    assert [event.key for event in events] == ["1", "2", "3", "4"]
    assert notes == []


def test_session_file(save: Save) -> None:
    entries = [
        {"id": "sthr_p", "parent_thread_id": None, "events": EVENTS[:2]},
        {"id": "sthr_c", "parent_thread_id": "sthr_p", "agent_name": "child", "events": EVENTS[2:4]},
        {"id": "sthr_d", "events": {"data": EVENTS[4:5]}},
        {"id": "sthr_e"},
    ]
    events, notes = read(
        save(json.dumps({"threads": entries, "session": SESSION, "events": EVENTS[:2]}).encode())
    )
    assert events[0].type == "local.session"
    assert events[0].key == "~session:sesn_1"
    assert events[0].data == {"type": "local.session", "session": SESSION}
    streams = [None] * 4 + ["sthr_c"] * 2 + ["sthr_d"]
    assert [(event.key, event.stream) for event in events[1:]] == list(
        zip(IDS[:2] + IDS[:2] + IDS[2:5], streams, strict=True)
    )
    assert notes == []
    assert len(read(save(json.dumps({"session": SESSION}).encode()))[0]) == 1


def test_recording_lines(save: Save) -> None:
    local = b'{"type":"local.connected","connection":3}'
    content = lines(
        {"cma_top_log": 1, "session": SESSION, "wall": "2026-10-12T08:59:59Z"},
        wrapped(LINES[0]),
        wrapped(LINES[1], thread="sthr_c", wall="2026-10-12T09:00:01+00:00"),
        wrapped(b"torn {", wall=None),
        wrapped(local, src="local", wall=12),
        wrapped(b'{"type":"user.message","content":"hi"}', src="send"),
        wrapped(LINES[2], src="send"),
        wrapped(json.dumps(SESSION).encode(), src="rest"),
        wrapped(b'{"type":"agent","id":"agent_1"}', src="rest"),
        {**wrapped(b""), "raw": EVENTS[3], "thread": 7},
        LINES[4],
        b'{"v":1,"raw":"{',
    )
    events, notes = read(save(content))
    kinds = ["local.session", *(EVENTS[i]["type"] for i in (0, 1)), "local.bad_frame", "local.connected"]
    kinds += [EVENTS[2]["type"], "local.session", *(EVENTS[i]["type"] for i in (3, 4)), "local.bad_frame"]
    assert [event.type for event in events] == kinds
    assert [event.received_at for event in events[:5]] == [
        1791795599.0,
        1791795600.15,
        1791795601.0,
        None,
        None,
    ]
    assert [event.stream for event in events[:3]] == [None, None, "sthr_c"]
    assert (events[1].raw, events[3].raw, events[4].raw) == (LINES[0], b"torn {", local)
    assert notes == []


def test_recording_of_another_version_or_without_events(save: Save) -> None:
    assert read(save(lines({"cma_top_log": 1}))) == ([], [])
    events, notes = read(save(lines({"cma_top_log": 2}, wrapped(LINES[0]))))
    assert len(events) == 1
    assert notes == ["written by another version of cma-top: parts may be missing"]


def test_bare_session_before_its_events(save: Save) -> None:
    events, _ = read(save(lines(SESSION, *LINES)))
    assert events[0].key == "~session:sesn_1"
    assert len(served(events)) == len(LINES)


def test_page_that_is_not_the_last(save: Save) -> None:
    note = "the list goes on: the last page in the file names a further one"
    for more in ({"next_page": "page_2"}, {"has_more": True}):
        assert read(save(json.dumps({"data": EVENTS, **more}).encode()))[1] == [note]


# -- what was sent ------------------------------------------------------------------------------------------


def calls(*, without: str = "") -> list[bytes]:
    """The recorded calls; `without` leaves out the streamed events of that type."""
    held = (SOURCE / "wrapped.jsonl").read_bytes().splitlines()
    return [call for call in held if not (without and b"stream" in call[:50] and without.encode() in call)]


@pytest.mark.parametrize(("type_", "place"), [("user.message", 1), ("user.custom_tool_result", 9)])
def test_sent_event_that_the_stream_never_shows_stays(type_: str, place: int, save: Save) -> None:
    events, notes = read(save(lines(*calls(without=type_))))
    assert notes == ["sent events that the stream never showed: 1"]
    assert len(events) == len(LINES) + 1
    assert (events[place].type, events[place].id) == (type_, None)
    assert [event.type for event in events if event.type == type_] == [type_]


def test_echo_before_what_was_sent(save: Save) -> None:
    held = calls()
    held[1], held[4] = held[4], held[1]
    events, notes = read(save(lines(*held)))
    assert notes == []
    assert sorted(event.key for event in served(events)) == sorted(IDS)


def test_other_calls_are_passed_over(save: Save) -> None:
    held = calls()
    extra = [
        ["client.beta.agents.create", {"type": "agent", "id": "agent_1"}],
        ["x.close", []],
        ["x.y", None],
    ]
    listed = ["client.beta.sessions.events.list", {"data": EVENTS[:2]}]
    events, notes = read(save(lines(held[0], *extra, listed, *held[1:])))
    assert notes == ["recorded calls that are no events: 3"]
    assert len(served(events)) == len(LINES) + 2


# -- two sessions in one file -------------------------------------------------------------------------------


def other_session(**fields: object) -> dict[str, object]:
    return {**SESSION, "id": "sesn_2", "created_at": "2026-07-06T16:26:33Z", **fields}


TWO = {
    "lines": (lines(*LINES, *OTHER), ["", ""]),
    "described": (lines(SESSION, *LINES, other_session(), *OTHER), ["sesn_1", "sesn_2"]),
    "described late": (lines(*LINES, other_session(), *OTHER), ["", "sesn_2"]),
    "capture": (sse([*LINES, *OTHER]), ["", ""]),
    "array": (b"[" + b",".join([*LINES, *OTHER]) + b"]", ["", ""]),
    "recordings": (
        lines({"cma_top_log": 1, "session": SESSION}, *map(wrapped, LINES))
        + lines({"cma_top_log": 1, "session": other_session()}, *map(wrapped, OTHER)),
        ["sesn_1", "sesn_2"],
    ),
    "nested": (
        lines(
            {"session": SESSION, "events": EVENTS},
            {"session": other_session(), "events": [json.loads(line) for line in OTHER]},
        ),
        ["sesn_1", "sesn_2"],
    ),
    "calls": (
        b"".join(
            (SOURCE.parent / name / "wrapped.jsonl").read_bytes()
            for name in ("custom_tools", "builtin_tools")
        ),
        ["sesn_014fc5Q6rWwrXD3vWBfPRUes", "sesn_01UunETy25dNCWyPpkXe27t5"],
    ),
}


@pytest.mark.parametrize("name", TWO)
def test_two_sessions_in_a_file(name: str, save: Save) -> None:
    content, ids = TWO[name]
    with open_log(save(content)) as log:
        assert [event.raw for event in map(compact, served(list(log.events())))] == LINES
        assert log.sessions == ids
        assert log.notes == ["2 sessions in it, the first is shown"]
        assert [event.raw for event in map(compact, served(list(log.events(session=1))))] == OTHER
        assert log.notes == ["2 sessions in it, number 2 is shown"]
        with pytest.raises(LogError, match=r"holds no session number 3: 2 in it"):
            list(log.events(session=2))


def compact(event: Event) -> Event:
    event.raw = json.dumps(event.data, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
    return event


def test_a_session_that_comes_back_is_one(save: Save) -> None:
    content = lines(SESSION, *LINES[:8], other_session(), *OTHER, SESSION, *LINES[8:])
    assert [event.key for event in served(read(save(content))[0])] == IDS
    assert read(save(lines(*LINES, *LINES)))[1] == []


def test_turns_and_threads_are_no_other_session(save: Save) -> None:
    def event(number: int, type_: str, **fields: object) -> dict[str, object]:
        return {"type": type_, "id": f"e{number}", "processed_at": f"2026-01-01T00:00:{number:02}Z", **fields}

    idle = {"stop_reason": {"type": "end_turn"}}
    asks = {"stop_reason": {"type": "requires_action", "event_ids": ["e3"]}}
    story = [
        event(0, "session.status_running"),
        event(1, "session.thread_status_running", session_thread_id="p"),
        event(2, "session.thread_created", session_thread_id="c"),
        event(3, "session.status_idle", **idle),
        event(4, "user.message"),
        event(5, "session.status_running"),
        event(6, "session.thread_status_running", session_thread_id="c"),  # created above
        event(7, "session.status_idle", **asks),
        event(8, "user.tool_confirmation"),
        event(9, "session.status_running"),
        event(10, "session.thread_status_running", session_thread_id="d"),  # after an ask nothing is at rest
        event(11, "session.status_idle", **idle),
        event(12, "agent.thread_message_received"),
        event(13, "session.thread_status_running", session_thread_id="e"),  # work went on before
        event(14, "session.status_idle", **idle),
        event(15, "user.message"),
    ]
    events, notes = read(save(lines(*story)))
    assert [event.key for event in events] == [f"e{number}" for number in range(16)]
    assert notes == []
