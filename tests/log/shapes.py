"""The same real session in every shape that people save it in."""

import gzip
import json
from pathlib import Path

DATA = Path(__file__).parents[1] / "data"
RECORDINGS = DATA / "recordings"
CAPTURES = sorted(RECORDINGS.glob("braintrust-sdk-python/*"))
CALLS = sorted(RECORDINGS.glob("langsmith-sdk/*"))
ALL = [*CAPTURES, *CALLS]

SOURCE = RECORDINGS / "langsmith-sdk" / "custom_tools"
LINES = (SOURCE / "events.jsonl").read_bytes().splitlines()
EVENTS = [json.loads(line) for line in LINES]
OTHER = (RECORDINGS / "langsmith-sdk" / "builtin_tools" / "events.jsonl").read_bytes().splitlines()
SESSION = {"id": "sesn_1", "type": "session", "title": "A title", "created_at": "2026-07-06T14:16:30Z"}


def lines(*values: object) -> bytes:
    """One JSON value a line; bytes stand as they are."""
    return b"".join((v if isinstance(v, bytes) else json.dumps(v).encode()) + b"\n" for v in values)


def wrapped(line: bytes, number: int = 0, **fields: object) -> dict[str, object]:
    """A line of our own recordings."""
    record = {"v": 1, "t": number / 10, "wall": "2026-10-12T09:00:00.150Z", "src": "stream", "conn": 1}
    return {**record, "thread": None, "raw": line.decode(), **fields}


def sse(events: list[bytes]) -> bytes:
    """A capture as the API's stream looks."""
    return b": connected\n\n" + b"".join(b"event: message\ndata: " + e + b"\n\n" for e in events)


RECORDING = lines({"cma_top_log": 1, "session": SESSION}, *(wrapped(e, n) for n, e in enumerate(LINES)))
HEADERS = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/2 200 \r\ncontent-type: text/plain\r\nx-y: {z}\r\n\r\n"
NESTED = {"session": SESSION, "events": EVENTS, "threads": []}

SHAPES: dict[str, tuple[str, bytes]] = {
    "lines": ("JSON lines", lines(*LINES)),
    "lines without the last end": ("JSON lines", lines(*LINES)[:-1]),
    "lines, CRLF": ("JSON lines", b"\r\n".join(LINES) + b"\r\n"),
    "lines with blank ones": ("JSON lines", b"\n\n  \n".join([b"", *LINES, b""])),
    "lines with a byte order mark": ("JSON lines", b"\xef\xbb\xbf" + lines(*LINES)),
    "lines, gzip": ("JSON lines", gzip.compress(lines(*LINES))),
    "lines, gzip in two members": (
        "JSON lines",
        gzip.compress(lines(*LINES[:4])) + gzip.compress(lines(*LINES[4:])),
    ),
    "array": ("JSON array", json.dumps(EVENTS).encode()),
    "array, pretty": ("JSON array", json.dumps(EVENTS, indent=2).encode()),
    "array, tabs and CRLF": ("JSON array", json.dumps(EVENTS, indent="\t").replace("\n", "\r\n").encode()),
    "array of lines": ("JSON array", b"[\n" + b",\n".join(LINES) + b"\n]\n"),
    "array that nothing indents": ("JSON array", json.dumps(EVENTS, indent=0).encode()),
    "list": ("list response", json.dumps({"data": EVENTS, "has_more": False}).encode()),
    "list, pretty": ("list response", json.dumps({"data": EVENTS}, indent=4).encode()),
    "list pages, one a line": (
        "list response",
        lines({"data": EVENTS[:5], "next_page": "x"}, {"data": EVENTS[5:]}),
    ),
    "list pages, pretty": (
        "list response",
        b"".join(json.dumps({"data": part}, indent=2).encode() for part in (EVENTS[:5], EVENTS[5:])),
    ),
    "list after headers": ("list response", HEADERS + json.dumps({"data": EVENTS}).encode()),
    "session": ("session file", json.dumps(NESTED).encode()),
    "session, pretty": ("session file", json.dumps(NESTED, indent=2).encode()),
    "session without a description": ("session file", json.dumps({"events": EVENTS}).encode()),
    "session with lists": (
        "session file",
        json.dumps({"session": SESSION, "events": {"data": EVENTS}}).encode(),
    ),
    "calls": ("method lines", (SOURCE / "wrapped.jsonl").read_bytes()),
    "calls in an array": (
        "JSON array",
        b"[" + b",\n".join((SOURCE / "wrapped.jsonl").read_bytes().splitlines()) + b"]",
    ),
    "recording": ("recording", RECORDING),
    "recording without its head": ("recording", RECORDING.partition(b"\n")[2]),
    "capture": ("SSE capture", sse(LINES)),
    "capture, CRLF": ("SSE capture", sse(LINES).replace(b"\n", b"\r\n")),
    "capture, CR": ("SSE capture", sse(LINES).replace(b"\n", b"\r")),
    "capture, byte order mark": ("SSE capture", b"\xef\xbb\xbf" + sse(LINES)),
    "capture after headers": ("SSE capture", HEADERS + sse(LINES)),
    "capture after curl's talk": (
        "SSE capture",
        b"* Connected\n> GET /\n>\n< HTTP/2 200\n< a: b\n<\n" + sse(LINES),
    ),
    "capture without the last blank line": ("SSE capture", sse(LINES)[:-1]),
    "capture without the last line end": ("SSE capture", sse(LINES)[:-2]),
    "capture of data alone": (
        "SSE capture",
        b"".join(b"data:" + e + b"\n\n" for e in LINES) + b"data: [DONE]\n\n",
    ),
    "capture with all fields": (
        "SSE capture",
        b"retry: 1000\n\n"
        + b"".join(b"id: %d\nevent: message\ndata: " % n + e + b"\n\n" for n, e in enumerate(LINES))
        + b'event: ping\ndata: {"type": "ping"}\n\n',
    ),
    "objects, pretty": ("JSON objects", b"\n".join(json.dumps(e, indent=2).encode() for e in EVENTS)),
    "objects without a gap": ("JSON objects", b"".join(json.dumps(e, indent=1).encode() for e in EVENTS)),
}
