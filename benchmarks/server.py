"""The simulator as a process, which writes events at a rate that it is told.

Owns one session whose log is written by order: each line on standard input, `EVENTS RATE TURN`, has it emit
so many events at so many a second, in turns of so many or without any when that is 0, and then print a line
of JSON with the monotonic time at which each was handed to the stream. The first line that it prints is the
base URL, the session's id and the key. Invariant: the text of event n, counted from the start, begins with
`mark(n)`.
"""

from __future__ import annotations

import asyncio
import json
import sys
from time import monotonic
from typing import Any, NoReturn

from benchmarks.processes import Piped

_TEXT = " The pool of 20 runs dry: each request holds its connection for as long as the slowest query runs."
_PADDING = " " * 300


def mark(number: int) -> str:
    """What stands on the screen for an event."""
    return f"e{number:07}."


class Server(Piped):
    """The process, seen from outside."""

    def __init__(self) -> None:
        super().__init__("-m", "benchmarks.server")
        self.address: tuple[str, str, str] = tuple(json.loads(self.told()))
        """Base URL, session and key."""

    def emit(self, number: int, rate: int, turn: int = 0) -> None:
        """Have it begin to write."""
        self.tell(f"{number} {rate} {turn}")

    def emitted(self) -> list[float]:
        """When it wrote each event; waits until it has written all."""
        return [float(at) for at in json.loads(self.told())]


_BEGUN: tuple[dict[str, Any], ...] = (
    {"type": "user.message", "content": [{"type": "text", "text": "Go on."}]},
    {"type": "session.status_running"},
)
_ENDED = {"type": "session.status_idle", "stop_reason": {"type": "end_turn"}}


def _event(number: int, use: str | None, *, last: bool) -> dict[str, Any]:
    """A message, a tool use, its result, and so on, about 0.65 kB each as the stream carries them.

    The results are failures, whose text is drawn in the row. The last is a message.
    """
    text = [{"type": "text", "text": mark(number) + _TEXT + _PADDING}]
    if use is not None and not last:
        return {"type": "agent.tool_result", "tool_use_id": use, "content": text, "is_error": True}
    if number % 3 == 1 and not last:
        return {"type": "agent.tool_use", "name": "bash", "input": {"command": text[0]["text"]}}
    return {"type": "agent.message", "content": text}


async def _serve() -> NoReturn:
    from cma_tui.simulator import Simulator, serving

    simulator = Simulator()
    session = simulator.create_session(agent="none")
    async with serving(simulator) as base_url:
        _print([base_url, session, simulator.api_key])
        number, use = 0, None
        while True:
            order = await asyncio.to_thread(sys.stdin.readline)
            wanted, rate, turn = map(int, order.split())
            times = []
            began = monotonic()
            for n in range(wanted):
                if (early := began + n / rate - monotonic()) > 0:
                    await asyncio.sleep(early)
                elif n % 32 == 0:
                    await asyncio.sleep(0)  # who is late must not shut out the stream
                times.append(monotonic())
                if turn and n % turn == 0:
                    for begun in _BEGUN:
                        simulator.emit(session, begun)
                ends = n == wanted - 1 or (bool(turn) and n % turn == turn - 1)
                made = simulator.emit(session, _event(number, use, last=ends))
                use = made["id"] if made["type"] == "agent.tool_use" else None
                if turn and ends:
                    simulator.emit(session, _ENDED)
                number += 1
            await asyncio.to_thread(_print, times)  # nobody may read it before the events


def _print(value: object) -> None:
    print(json.dumps(value), flush=True)


if __name__ == "__main__":
    asyncio.run(_serve())
