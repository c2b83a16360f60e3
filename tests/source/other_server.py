"""Servers that others wrote, on loopback: each speaks most of the API in a way of its own.

What differs is told by a `Ways`. The log is the oracle: what a client shows must equal it.
"""

import asyncio
import json
import zlib
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Ways:
    """How a server deviates from the API."""

    named_frames: bool = True
    """Whether frames have an `event:` line."""
    numbered_frames: bool = False
    """Whether frames have an `id:` line."""
    replays: bool = False
    """Whether every connection begins with the whole history."""
    ends_with_done: bool = False
    """Whether a stream ends with `data: [DONE]`."""
    ids: bool = True
    stamps: bool = True
    statuses: bool = True
    """Whether status events are sent; without them only the resource tells."""
    cursor: str = "next_page"
    """By what the list is paged: `next_page`, `after_id` or `after_seq`."""
    accepted: int = 200
    """The answer to what is sent; a 202 has no body."""
    body: str = "plain"
    """How a stream's bytes come: `plain`, `gzip`, or in `chunks` of one byte with extensions."""


SERVERS = {
    "data only, all history on each connection": Ways(
        named_frames=False, replays=True, ends_with_done=True, cursor="after_id"
    ),
    "no ids, no times, no status": Ways(
        numbered_frames=True, ids=False, stamps=False, statuses=False, cursor="after_seq", accepted=202
    ),
    "named by type": Ways(),
    "a compressed stream": Ways(body="gzip"),
    "chunks of one byte": Ways(body="chunks"),
}
HEADERS = {"plain": b"", "gzip": b"content-encoding: gzip\r\n", "chunks": b"transfer-encoding: chunked\r\n"}
PAGE = 20


class Other:
    """One session on such a server."""

    def __init__(self, ways):
        self.ways = ways
        self.log = []
        self.status = "idle"
        self.sent = []
        self.requests = 0
        self.moved = {}
        """Ends of paths, and the server to which their requests are sent on."""
        self._streams = set()

    def emit(self, type_, **fields):
        """Log an event and stream it."""
        number = len(self.log) + 1
        if self.ways.ids:
            fields["id"] = f"evt_{number}"
        else:
            fields["seq"] = number
        if self.ways.stamps:
            fields["processed_at"] = f"2026-08-17T16:{number // 60:02}:{number % 60:02}.{number:09}Z"
        self.log.append({"type": type_, **fields})
        for stream in self._streams:
            stream.put_nowait(self._frame(self.log[-1]))

    def end_streams(self):
        for stream in self._streams:
            stream.put_nowait(b"data: [DONE]\n\n" if self.ways.ends_with_done else b"")
            stream.put_nowait(None)

    def _frame(self, event):
        name = f"event: {event['type']}\n" if self.ways.named_frames else ""
        number = f"id: {event.get('seq')}\n" if self.ways.numbered_frames else ""
        return f"{number}{name}data: {json.dumps(event)}\n\n".encode()

    async def serve(self, reader, writer):
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = [line for line in head.lower().splitlines() if line.startswith("content-length:")]
                body = await reader.readexactly(int(length[0].split(":")[1])) if length else b""
                method, target, _ = head.split(" ", 2)
                self.requests += 1
                elsewhere = [to for end, to in self.moved.items() if urlsplit(target).path.endswith(end)]
                if elsewhere:
                    where = f"location: {elsewhere[0]}{target}".encode()
                    writer.write(b"HTTP/1.1 307 x\r\ncontent-length: 0\r\n" + where + b"\r\n\r\n")
                    continue
                if urlsplit(target).path.endswith("/stream"):
                    await self._stream(writer)
                    return
                status, answer = self._answer(method, urlsplit(target), body)
                text = json.dumps(answer).encode() if answer is not None else b""
                kind = "content-type: application/json\r\n" if text else ""
                writer.write(
                    f"HTTP/1.1 {status} x\r\n{kind}content-length: {len(text)}\r\n\r\n".encode() + text
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    def _answer(self, method, url, body):
        if method == "POST":
            self.sent += json.loads(body)["events"]
            for event in self.sent[-len(json.loads(body)["events"]) :]:
                self.emit(**{"type_" if name == "type" else name: value for name, value in event.items()})
            return self.ways.accepted, None if self.ways.accepted == 202 else {"data": self.log[-1:]}
        if url.path.endswith("/events"):
            return 200, self._page({name: values[0] for name, values in parse_qs(url.query).items()})
        if url.path.endswith("/threads"):
            return 404, {"error": "no such route"}
        return 200, {
            "id": "session_1",
            "type": "session",
            "status": self.status,
            "agent": {"model": "other-1"},
        }

    def _page(self, query):
        if self.ways.cursor == "next_page":
            begin = int(query.get("page", 0))
            log = self.log[::-1] if query.get("order") == "desc" else self.log
            more = begin + PAGE < len(log)
            return {"data": log[begin : begin + PAGE], "next_page": str(begin + PAGE) if more else None}
        if self.ways.cursor == "after_id":  # order is ignored
            seen = [n for n, event in enumerate(self.log, 1) if event.get("id") == query.get("after_id")]
        else:
            seen = [int(query.get("after_seq", 0))]
        begin = seen[0] if seen else 0
        data = self.log[begin : begin + PAGE]
        page = {"data": data, "has_more": begin + PAGE < len(self.log)}
        return page | ({"last_id": data[-1]["id"]} if data and self.ways.ids else {})

    async def _stream(self, writer):
        queue = asyncio.Queue()
        writer.write(b"HTTP/1.1 200 x\r\ncontent-type: text/event-stream\r\nconnection: close\r\n")
        writer.write(HEADERS[self.ways.body] + b"\r\n")
        packed = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)

        def write(data):
            if self.ways.body == "gzip":
                data = packed.compress(data) + packed.flush(zlib.Z_SYNC_FLUSH)
            elif self.ways.body == "chunks":
                data = b"".join(b"1;what=ever\r\n%c\r\n" % byte for byte in data)
            writer.write(data)

        write(b"retry: 1000\n\n")
        if self.ways.replays:
            for event in self.log:
                write(self._frame(event))
        self._streams.add(queue)
        try:
            while (frame := await queue.get()) is not None:
                write(frame)
                await writer.drain()
        finally:
            self._streams.discard(queue)


@asynccontextmanager
async def serving_other(ways):
    """The server and its address."""
    other = Other(ways)
    server = await asyncio.start_server(other.serve, "127.0.0.1")
    port = server.sockets[0].getsockname()[1]
    try:
        yield other, f"http://127.0.0.1:{port}"
    finally:
        other.end_streams()
        server.close()
