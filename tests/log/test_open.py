"""What can be opened: files, standard input, compressed ones; and how everything else is refused."""

import gzip
import importlib
import io
import json
import os
import sys
import tracemalloc
from pathlib import Path
from types import SimpleNamespace

import pytest

from cma_tui.log import origin
from cma_tui.log.formats import LogError, open_log
from tests.log.conftest import Save
from tests.log.shapes import EVENTS, LINES, SESSION, SHAPES, lines, sse

IDS = [event["id"] for event in EVENTS]


def refused(path: Path) -> str:
    with pytest.raises(LogError) as caught:
        open_log(path)
    message = str(caught.value)
    assert message.isprintable()
    assert message.startswith(str(path))
    return message.removeprefix(f"{path}: ")


# -- standard input ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["lines", "lines, gzip", "capture", "array, pretty"])
def test_standard_input_is_kept_and_restartable(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(SHAPES[name][1])))
    with open_log("-") as log:
        assert log.name == "standard input"
        both = zip(log.events(), log.events(), strict=True)
        assert all(one.key == other.key for one, other in both)
        assert [event.key for event in log.events()] == IDS
    with pytest.raises(LogError, match="standard input: not readable"):
        list(log.events())


def test_standard_input_that_is_no_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"")))
    with pytest.raises(LogError, match="standard input: empty"):
        open_log("-")


# -- what is no log -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "empty"),
        (b"\n \r\n", "empty"),
        (gzip.compress(b""), "empty"),
        (b"\xef\xbb\xbf", "not an event log: no events in its first lines"),
        (b"hello\nworld\n", "not an event log: no events in its first lines"),
        (b"12\n13\n", "not an event log: no events in its first lines"),
        (b'{"type":"module","name":"x"}', "not an event log: a JSON object without events"),
        (b'{\n  "type": "module"\n}', "not an event log: a JSON object without events"),
        (b"{}", "not an event log: a JSON object without events"),
        (b"[]", "not an event log: a JSON array without events"),
        (b'{"data":[]}', "not an event log: a JSON object without events"),
        (json.dumps({"data": [SESSION]}).encode(), "not an event log: a JSON object without events"),
        (b'[{"a":1}]', "not an event log: a JSON array without events"),
        (
            b'{"type":"error","error":{"type":"x","message":"no\\nsuch"}}',
            "not an event log: the API's error answer: no",
        ),
        (b"<!DOCTYPE html>\n<html>", "not an event log: an HTML or XML page"),
        (b": connected\n\n:keepalive\n\n", "not an event log: an SSE capture without events"),
        (bytes(range(256)) * 4, "not an event log: binary data"),
        ("{}\n".encode("utf-16"), "UTF-16 or UTF-32 text: save it as UTF-8"),
        (lines(*LINES).decode().encode("utf-16-le"), "UTF-16 or UTF-32 text: save it as UTF-8"),
        (
            gzip.compress(b"a" * (origin.LINE_CAP + (1 << 20))),
            "grows more than 600-fold when unpacked: no log",
        ),
        (LINES[0][:-5], "not an event log: a JSON object without events"),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{len(value)} bytes",
)
def test_refused(content: bytes, why: str, save: Save) -> None:
    assert refused(save(content)).startswith(why)


def test_refused_files(tmp_path: Path) -> None:
    assert refused(tmp_path / "none.jsonl") == "no such file"
    assert refused(tmp_path) == "a directory, not a file"
    os.mkfifo(tmp_path / "fifo")
    assert refused(tmp_path / "fifo") == "not a regular file: pipe it in and name it -"
    for name in ("a\0b", "x" * 300):
        with pytest.raises(LogError, match="not readable"):
            open_log(tmp_path / name)


def test_file_that_is_replaced(save: Save) -> None:
    path = save(lines(*LINES))
    log = open_log(path)
    path.unlink()
    path.write_bytes(b"another file")
    assert [event.key for event in log.events()] == IDS, "the file that was opened is the one that is read"


def zstd():
    """Python's own module, or the optional one."""
    try:
        return importlib.import_module("compression.zstd")
    except ImportError:
        return importlib.import_module("backports.zstd")


def test_zstd_with_the_optional_package_or_a_new_python(save: Save) -> None:
    packed = zstd().compress(lines(*LINES[:7])) + zstd().compress(lines(*LINES[7:]))
    assert [event.key for event in open_log(save(packed)).events()] == IDS
    with open_log(save(packed[:-9])) as log:
        assert [event.key for event in log.events()] == IDS[:7]
        (note,) = log.notes
        assert note.startswith("compressed data is cut or damaged after")


def test_zstd_with_neither(save: Save, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = zstd().compress(lines(*LINES))
    for name in ("compression.zstd", "backports.zstd"):
        monkeypatch.setitem(sys.modules, name, None)
    assert refused(save(packed)) == "compressed with zstd: decompress it (zstd -d), or install cma-top[zstd]"


# -- memory ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["lines", "capture"])
def test_memory_is_flat(name: str, tmp_path: Path) -> None:
    filler = b'{"type":"agent.message","id":"%06d","content":"' + b"x" * 20_000 + b'"}'
    events = [filler % number for number in range(1500)]
    path = tmp_path / "long"
    path.write_bytes(lines(*events) if name == "lines" else sse(events))
    tracemalloc.start()
    try:
        with open_log(path) as log:
            assert sum(1 for _ in log.events()) == 1500
        assert (
            tracemalloc.get_traced_memory()[1] < 8 << 20
        )  # the head, a chunk and its lines; the file has 30 MB
    finally:
        tracemalloc.stop()
