"""The border: every event of the API is read by name, whatever comes is kept, and nothing raises."""

import json
import random
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cma_tui.content import (
    as_dict,
    as_list,
    as_number,
    as_text,
    blocks,
    compact_json,
    model_name,
    plain_text,
)
from cma_tui.event import (
    EVENT_TYPES,
    LOCAL_TYPES,
    PREVIEW_TYPES,
    Event,
    ModelUsage,
    StopReason,
    bad_frame,
    count,
    decode,
    local,
    parse,
    parse_stamp,
    stamp_text,
)

DATA = Path(__file__).parent / "data"
EXAMPLES = (DATA / "examples.jsonl").read_bytes().splitlines()
REAL = [
    line
    for path in sorted(DATA.glob("recordings/*/*/events.jsonl"))
    for line in path.read_bytes().splitlines()
]
FIELDS = [
    name
    for name in Event.__struct_fields__
    if name not in ("key", "at", "received_at", "stream", "raw", "where")
]

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.datetimes().map(str),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


def event(**fields: object) -> bytes:
    return json.dumps({"type": "agent.message", **fields}).encode()


# -- what is known -----------------------------------------------------------------------------------------


def test_the_examples_hold_every_type() -> None:
    assert len(EVENT_TYPES) == 44
    assert {parse(line).type for line in EXAMPLES} == EVENT_TYPES
    assert PREVIEW_TYPES < EVENT_TYPES
    assert not LOCAL_TYPES & EVENT_TYPES


@pytest.mark.parametrize("line", [*EXAMPLES, *REAL], ids=range(len(EXAMPLES) + len(REAL)))
def test_every_event_is_read_and_kept(line: bytes) -> None:
    got = parse(line, received_at=1.5, stream="sthr_1", position=7)
    said = json.loads(line)
    assert got.raw is line
    assert got.data == said
    assert got.type == said["type"]
    assert got.type in EVENT_TYPES
    assert got.key == said.get("id", got.key)
    assert (got.received_at, got.stream) == (1.5, "sthr_1")
    stamp = said.get("processed_at")
    assert got.at == (None if stamp is None else datetime.fromisoformat(stamp).timestamp())
    for name in FIELDS:
        value = getattr(got, name)
        if name == "content":
            assert decode(value) == said.get("content") if bytes(value) else "content" not in said
        elif name == "model_usage" and value is not None:
            assert msgspec.to_builtins(value).items() <= said[name].items()
        elif name == "stop_reason" and isinstance(value, StopReason):
            assert {**msgspec.to_builtins(StopReason()), **said[name]} == msgspec.to_builtins(value)
        elif name != "processed_at":
            assert value == said.get(name)


# -- what is damaged ---------------------------------------------------------------------------------------


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([*EXAMPLES, *REAL[:40]]), st.data())
def test_any_field_may_hold_any_value(line: bytes, data: st.DataObject) -> None:
    said = json.loads(line)
    names = sorted({*said, *FIELDS, "~key", "~at", "~raw", "~received", "~stream"} - {"type"})
    for name in data.draw(st.lists(st.sampled_from(names), min_size=1, max_size=4)):
        said[name] = data.draw(json_values)
    raw = json.dumps(said).encode()
    got = parse(raw)
    assert got.raw == raw
    assert got.type == said["type"]
    assert (got.received_at, got.stream) == (None, None)
    assert got.key == (said["id"] if isinstance(said.get("id"), str) and said["id"] else got.key)
    assert got.key
    for name in ("id", "name", "tool_use_id", "session_thread_id", "evaluated_permission"):
        value = said.get(name)
        assert getattr(got, name) == (value if isinstance(value, str) else None)
    assert list(blocks(got.content)) == list(blocks(got.data.get("content")))
    assert isinstance(plain_text(got.content), str)


@given(json_values)
def test_a_type_of_any_kind(value: object) -> None:
    got = parse(json.dumps({"type": value, "x": 1}).encode())
    assert got.type == (value if isinstance(value, str) and value else "local.bad_frame")


@pytest.mark.parametrize("value", ["x", 1, None, [], {}, {"input_tokens": "many"}, {"input_tokens": 1e999}])
def test_one_wrong_field_does_not_spoil_the_others(value: object) -> None:
    got = parse(
        event(id="sevt_1", name="bash", processed_at="2026-10-12T09:00:00Z", is_error=True, model_usage=value)
    )
    assert (got.key, got.name, got.at, got.is_error) == ("sevt_1", "bash", 1791795600.0, True)
    assert got.model_usage in (None, ModelUsage())


@pytest.mark.parametrize(
    ("said", "reason", "named"),
    [
        ({"type": "requires_action", "event_ids": ["a", "b"]}, "requires_action", ["a", "b"]),
        ({"type": "requires_action", "event_ids": ["a", 1, None]}, "requires_action", ["a"]),
        ({"type": "requires_action", "event_ids": None}, "requires_action", []),
        ({"type": 7, "event_ids": ["a"]}, None, ["a"]),
        ("end_turn", "end_turn", []),
        ("", None, []),
        (["end_turn"], None, []),
        (None, None, []),
    ],
)
def test_a_reason_of_any_shape(said: object, reason: str | None, named: list[str]) -> None:
    got = parse(event(id="sevt_1", name="n", stop_reason=said))
    assert (got.key, got.name, got.reason) == ("sevt_1", "n", reason)
    assert (got.stop_reason.event_ids if isinstance(got.stop_reason, StopReason) else []) == named


BAD = {
    "not JSON": [b"", b" ", b"{", b'{"type":"a.b"', b"[DONE]", b"\x00", b"\xff\xfe", b'{"type":"a.\xff"}'],
    "not an object": [b"[]", b"1", b'"text"', b"true", b"[" * 50 + b"]" * 50],
    "no type": [b"{}", b'{"id":7}', b'{"type":null}', b'{"type":""}', b'{"type":["a"]}', b'{"Type":"a.b"}'],
}


@pytest.mark.parametrize(("reason", "raw"), [(reason, raw) for reason, raws in BAD.items() for raw in raws])
def test_bad_frames(reason: str, raw: bytes) -> None:
    got = parse(raw, received_at=2.0, stream="s", position=3)
    assert (got.type, got.name) == ("local.bad_frame", reason)
    assert (got.raw, got.received_at, got.stream, got.at, got.id) == (raw, 2.0, "s", None, None)
    assert got.key == parse(raw, position=3).key != parse(raw, position=4).key
    assert isinstance(got.data, dict)


def test_null_is_a_bad_frame() -> None:
    assert parse(b"null").type == "local.bad_frame"


def test_bad_frame_of_our_own() -> None:
    got = bad_frame(b"x", "too long", received_at=1.0, stream="s", position=2)
    assert (got.type, got.name, got.raw, got.received_at, got.stream) == (
        "local.bad_frame",
        "too long",
        b"x",
        1.0,
        "s",
    )


@pytest.mark.parametrize(
    "inner",
    [b"9" * 4_000, b"9" * 5_000, b"-1e999", b"NaN", b'"\\ud800"', b'{"a":1,"a":2}', b"[" * 900 + b"]" * 900],
    ids=["4,000 digits", "5,000 digits", "infinity", "NaN", "surrogate", "twice the same key", "deep"],
)
def test_odd_values_beside_good_fields(inner: bytes) -> None:
    raw = b'{"type":"agent.message","id":"sevt_1","name":"n","x":' + inner + b"}"
    got = parse(raw)
    assert (got.type, got.key, got.name, got.raw) == ("agent.message", "sevt_1", "n", raw)


def test_the_last_of_equal_keys_counts() -> None:
    got = parse(b'{"type":"a.b","type":"agent.message","id":"1","id":"2"}')
    assert (got.type, got.id, got.data["id"]) == ("agent.message", "2", "2")


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_too_deep_is_kept(opening: bytes) -> None:
    for depth in (2_000, 100_000):
        raw = b'{"type":"a.b","x":' + opening * depth
        assert parse(raw).type == "local.bad_frame"
        assert parse(raw).raw is raw


@settings(max_examples=300)
@given(st.binary(max_size=60))
def test_random_bytes(raw: bytes) -> None:
    for content in (
        raw,
        b'{"type":"' + raw,
        b'{"type":"a.b",' + raw + b"}",
        b'{"type":"a.b","content":' + raw + b"}",
    ):
        got = parse(content)
        assert got.raw == content
        assert got.key
        assert isinstance(got.data, dict)
        plain_text(got.content)


@pytest.mark.parametrize("stamp", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"])
def test_stamps_at_the_ends_of_time(stamp: str) -> None:
    assert parse(event(name=1, id="x", processed_at=stamp)).key == "x"


def test_nesting_at_the_limit() -> None:
    found = set()
    for depth in range(900, 1_010):
        nested = b"[" * depth + b"]" * depth
        plain = parse(b'{"type":"a.b","x":' + nested + b"}").type
        odd = parse(b'{"type":"a.b","name":1,"id":"x","content":' + nested + b"}").type
        found |= {plain, odd}
    assert found == {"a.b", "local.bad_frame"}


@pytest.mark.parametrize("raw", [b'{"id":"sevt_1"}', b'{"type":"","id":"sevt_1"}'])
def test_an_id_is_no_type(raw: bytes) -> None:
    assert parse(raw).type == "local.bad_frame"


def test_no_outside_key() -> None:
    assert parse(b'{"type":"local.bad_frame","~key":"sevt_1"}').key != "sevt_1"


def test_utf_16_is_not_json() -> None:
    assert parse('{"type":"a.b"}'.encode("utf-16")).type == "local.bad_frame"


def test_both_readings_of_nanoseconds_agree() -> None:
    stamp = "2026-10-12T09:00:00.123456789Z"
    assert (
        parse(event(processed_at=stamp)).at
        == parse(event(processed_at=stamp, name=1)).at
        == parse_stamp(stamp)
    )


def test_no_negative_tokens() -> None:
    assert parse(event(model_usage={"input_tokens": -5})).model_usage in (None, ModelUsage())


def test_nested_search_results() -> None:
    found = b'"x"'
    for _ in range(400):
        found = b'{"type":"search_result","title":"a","content":[' + found + b"]}"
    assert plain_text(b"[" + found + b"]") == "a", "what is found within what is found is not a text"
    assert plain_text(b'[{"type":"search_result","title":"a","content":["x",{"text":"y"}]}]') == "a\nx\ny"


def test_deep_block() -> None:
    for depth in range(900, 1_010):
        text = plain_text(b'[{"type":"x","y":' + b"[" * depth + b"]" * depth + b"}]")
        assert text in ("", "(nested too deeply to show)") or text.count("[") == depth


# -- keys and stamps ---------------------------------------------------------------------------------------


@given(
    st.dictionaries(st.text(max_size=4).filter(lambda n: n not in ("id", "type")), json_values), st.randoms()
)
def test_keys_without_an_id_are_stable(fields: dict[str, object], chance: random.Random) -> None:
    fields["type"] = "agent.message"
    shuffled = list(fields.items())
    chance.shuffle(shuffled)
    keys = {
        parse(json.dumps(fields).encode(), position=1).key,
        parse(json.dumps(dict(shuffled), indent=3).encode(), position=2, stream="s", received_at=1.0).key,
        parse(json.dumps(fields, separators=(",", ":")).encode()).key,
    }
    assert len(keys) == 1
    assert parse(json.dumps({**fields, "~~~~~": 1}).encode()).key not in keys
    assert keys.pop().startswith("~agent.message:")


def test_equal_rubbish_has_a_key_for_each_place() -> None:
    assert len({parse(b"rubbish", position=n).key for n in range(100)}) == 100


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-10-12T09:00:00Z", 1791795600.0),
        ("2026-10-12T09:00:00.123Z", 1791795600.123),
        ("2026-10-12T09:00:00.12345Z", 1791795600.12345),
        ("2026-10-12T09:00:00.123456Z", 1791795600.123456),
        ("2026-10-12T09:00:00.123456000Z", 1791795600.123456),
        ("2026-10-12T11:00:00.5+02:00", 1791795600.5),
        ("2026-10-12T09:00:00.5", 1791795600.5),
        ("2026-10-12T09:00:00+00:00", 1791795600.0),
        ("2026-02-30T09:00:00Z", None),
        ("rubbish", None),
        ("", None),
        (1791795600, None),
        (1791795600.5, None),
        (None, None),
        ([], None),
        (True, None),
    ],
)
def test_stamps(text: object, at: float | None) -> None:
    assert parse_stamp(text) == at
    assert parse(event(processed_at=text)).at == at
    assert parse(event(processed_at=text, name=1)).at == at


@given(st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - bounds
def test_stamps_there_and_back(moment: datetime) -> None:
    text = moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
    assert stamp_text(moment.timestamp()) == text
    assert parse_stamp(text) == moment.timestamp()


@given(
    st.floats(-1e10, 2e11)
    | st.builds(float.__add__, st.integers(0, 2**31).map(float), st.sampled_from([5e-7, 1.5e-6, 0.9999996]))
)
def test_a_stamp_is_what_the_standard_library_writes(at: float) -> None:
    whole = datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds")
    assert stamp_text(at) == whole.replace("+00:00", "Z")


# -- facts of our own --------------------------------------------------------------------------------------


def test_local_facts() -> None:
    got = local("local.connected", {"connection": 3}, received_at=5.0)
    assert (got.type, got.received_at, got.data) == (
        "local.connected",
        5.0,
        {"type": "local.connected", "connection": 3},
    )
    assert got.key.startswith("~local.connected:")
    assert local("local.session", {"session": {"id": "s"}}, key="session:s").key == "~session:s"
    assert parse(got.raw).key == got.key


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (0, 0),
        (7, 7),
        (7.9, 7),
        (-1, None),
        (True, None),
        ("7", None),
        (None, None),
        (1e300, None),
        (2**70, None),
    ],
)
def test_count(value: object, number: int | None) -> None:
    assert count(value) == number
    assert count(float("nan")) is None


# -- content -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", ""),
        (b"null", ""),
        (b"7", ""),
        (b'"bare"', "bare"),
        (b'{"type":"text","text":"one"}', "one"),
        (b'[{"type":"text","text":"a"},{"type":"text","text":"b\\n"},{"type":"text","text":"c"}]', "a\nb\nc"),
        (b'["a",{"type":"text","text":"b"}]', "a\nb"),
        (b'[{"type":"redacted"}]', "[redacted]"),
        (b'[{"type":"search_result","title":"T","content":[{"type":"text","text":"x"}]}]', "T\nx"),
        (
            b'[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}}]',
            "[image image/png 3 bytes]",
        ),
        (b'[{"type":"image","source":{"type":"url","url":"https://x"}}]', "[image https://x]"),
        (
            b'[{"type":"document","title":"D","source":{"type":"file","file_id":"file_1"}}]',
            "[document D file_1]",
        ),
        (b'[{"type":"document","source":{"type":"text","data":"plain"}}]', "plain"),
        (b'[{"type":"image"}]', "[image]"),
        (b'[{"type":"new","x":[1,2]}]', '{"type": "new", "x": [1, 2]}'),
        (b"[1,null,[]]", "1\nnull\n[]"),
        (b'[{"type":"text","text":5}]', '{"type": "text", "text": 5}'),
    ],
)
def test_text_of_content(content: bytes, text: str) -> None:
    assert plain_text(content) == text
    assert plain_text(decode(content)) == text
    assert plain_text(msgspec.Raw(content)) == text


@given(json_values)
def test_content_of_any_shape(value: object) -> None:
    assert isinstance(plain_text(value), str)
    assert all(isinstance(block.type, str) and isinstance(block.text, str) for block in blocks(value))
    assert isinstance(compact_json(value), str)
    assert as_dict(value) == (value if isinstance(value, dict) else {})
    assert as_list(value) == (value if isinstance(value, list) else [])
    assert as_text(value) == (value if isinstance(value, str) and value else None)
    number = as_number(value)
    assert number is None or (isinstance(number, float) and number - number == 0)


def test_model_names_and_numbers() -> None:
    assert model_name("claude") == model_name({"id": "claude", "speed": "fast"}) == "claude"
    assert [model_name(value) for value in (None, "", {}, {"id": 5}, [])] == [None] * 5
    assert [as_number(value) for value in (1, 2.5, True, "1", float("inf"), 10**400)] == [
        1.0,
        2.5,
        None,
        None,
        None,
        None,
    ]
