"""The programs that are measured from outside: run as `python -m benchmarks.programs NAME ARGUMENT…`.

Owns what runs in a process of its own. `ingest`, `stats`, `remember`, `held` and `limit` print a line of JSON
and end. `empty`, `screen`, `live`, `burst` and `raw` run on a terminal until they are ended. Where
`CMA_TOP_REPORT` names an open descriptor, each SIGUSR1 has them write a line of JSON there: the CPU time used
so far, in all and by thread, the memory and, with `--probe`, by how many seconds the event loop was late,
every 5 ms since the last report.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from time import clock_gettime, monotonic, perf_counter, process_time, pthread_getcpuclockid, time
from typing import NoReturn
from urllib.parse import urlsplit

REPORT = "CMA_TOP_REPORT"
_PROBE = 0.005
_STATM = Path("/proc/self/statm")
_delays: list[float] = []


# -- without a terminal ------------------------------------------------------------------------------------


def ingest(path: str) -> None:
    """Open a log, fold all of it, and say what that took, in seconds and bytes."""
    from cma_tui.commands.logs import fold
    from cma_tui.log.formats import open_log
    from cma_tui.session.model import Session

    def opened() -> Session:
        log = open_log(path)
        session = Session(events=log.kept())
        fold(session, log.events())
        return session

    _print_cost(opened)


def remember(number: str, folder: str) -> None:
    """Fold so many events of a live session, old ones set aside in a folder, or without one none of them."""
    from benchmarks.logs import LOG, lines
    from cma_tui.event import parse
    from cma_tui.log.aside import Aside
    from cma_tui.session.merge import arrive
    from cma_tui.session.model import Change, Session
    from cma_tui.session.moments import keep_past

    def folded() -> Session:
        session = Session(events=Aside(Path(folder))) if folder else Session()
        keep_past(session)
        for line in lines(int(number), LOG):
            session = arrive(session, [parse(line, received_at=time())], Change())
        return session

    _print_cost(folded)


def stats(path: str) -> None:
    """The figures of a log as the command tells them, but for the printing."""
    from cma_tui.commands.stats import sessions_of
    from cma_tui.commands.targets import Target
    from cma_tui.report.prices import prices_for
    from cma_tui.report.stats import stats as figures_of
    from cma_tui.report.tables import table

    def told() -> list[str]:
        (session,) = sessions_of(Target(file=path), _nobody)
        figures = figures_of(session, prices_for(session), whole=False)
        return table(figures, path)

    _print_cost(told)


def _nobody(session: str) -> NoReturn:
    raise AssertionError(f"{session} is no file")


def held(path: str) -> None:
    """Fold a log, make what the screen keeps beside it, and say what each holds, and how many rows it is."""
    from cma_tui.log.formats import open_log
    from cma_tui.marks import Marks
    from cma_tui.report.minimap import Minimap
    from cma_tui.session.fold import apply
    from cma_tui.session.model import Change, Session
    from cma_tui.session.moments import keep_past
    from cma_tui.ui.counting import Counting
    from cma_tui.ui.entries import Entries

    def counted(of: Session) -> Counting:
        made = Counting(lambda: None)
        made.update(of, Change())
        while made.behind:
            made.update(of, None)
        return made

    log = open_log(path)
    session = Session(events=log.kept())
    moments = keep_past(session)
    counted(Session())  # what is loaded for it once is no part of a row
    before = _resident()
    for event in log.events():
        apply(session, event, Change())
    folded = _resident()
    entries, marks, minimap = Entries(session), Marks(), Minimap()
    entries.rebuild(session)
    while entries.behind:
        entries.scan(1.0)
    marks.update(moments, None)
    minimap.update(session, None, len(session.items))
    figures = counted(session)
    print(json.dumps({"session": folded - before, "screen": _resident() - folded, "rows": len(entries.list)}))
    del figures


def limit(path: str, parser: str) -> None:
    """Parse every line and keep nothing; with an empty parser's name only count the lines."""
    from benchmarks import limits

    file = Path(path)
    if not parser:
        _print_cost(lambda: limits.count_lines(file))
    else:
        parse = limits.parsers()[parser]
        _print_cost(lambda: limits.parse_lines(file, parse))


def _print_cost(work: Callable[[], object]) -> None:
    before = _resident()
    wall, cpu = perf_counter(), process_time()
    result = work()
    cost = {"cpu": process_time() - cpu, "wall": perf_counter() - wall, "bytes": _resident() - before}
    del result  # held until here: letting go of it is no part of the cost
    print(json.dumps(cost))


def _resident() -> int:
    """The memory that is resident now, files that are mapped aside; elsewhere the most that ever was."""
    if _STATM.exists():
        resident, mapped = map(int, _STATM.read_text().split()[1:3])
        return (resident - mapped) * resource.getpagesize()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


# -- on a terminal -----------------------------------------------------------------------------------------


def empty(text: str) -> None:
    """A Textual app that shows one text: the least that any app made with it costs."""
    from textual.app import App, ComposeResult
    from textual.widgets import Static

    class Empty(App[None]):
        def compose(self) -> ComposeResult:
            yield Static(text)

    _report_when_asked()
    Empty().run()


def screen(*arguments: str) -> None:
    """The command line, in this process."""
    from cma_tui.cli import main

    _report_when_asked()
    main(list(arguments))


def burst(path: str, first: str) -> None:
    """The screen on a session that rests after so many lines of a log; the first report brings all of it."""
    from collections.abc import AsyncGenerator

    from cma_tui.event import parse
    from cma_tui.feed import Feed
    from cma_tui.source import Batch, Line
    from cma_tui.ui.app import CmaTop
    from cma_tui.ui.screens.session import SessionScreen

    lines = Path(path).read_bytes().splitlines()
    come = threading.Event()

    class Bursting:
        name, live, controls, line = "burst", True, None, Line("live", checked_at=0.0)

        async def batches(self) -> AsyncGenerator[Batch, None]:
            yield Batch([parse(line) for line in lines[: int(first)]])
            await asyncio.to_thread(come.wait)
            yield Batch([parse(line) for line in lines[int(first) :]])

    async def opened() -> Bursting:
        return Bursting()

    _report_when_asked(come.set)
    CmaTop(SessionScreen(Feed(opened), mode="watch", name="burst")).run()


def live(base_url: str, session: str, key: str) -> None:
    """The screen on a session of a server."""
    os.environ["ANTHROPIC_API_KEY"] = key
    screen("--base-url", base_url, session)


def raw(base_url: str, session: str, key: str) -> None:
    """The stream's bytes, written to the terminal as they come."""
    import http.client

    connection = http.client.HTTPConnection(urlsplit(base_url).netloc)
    connection.request("GET", f"/v1/sessions/{session}/events/stream", headers={"x-api-key": key})
    response = connection.getresponse()
    while data := response.read1(65_536):
        os.write(1, data)


class _Probed(asyncio.DefaultEventLoopPolicy):
    """Has the main thread's event loop look every 5 ms how late it is, whoever runs it."""

    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        loop = super().new_event_loop()
        if threading.current_thread() is threading.main_thread():
            loop.call_soon(_probe, loop, monotonic())
        return loop


def _probe(loop: asyncio.AbstractEventLoop, due: float) -> None:
    now = monotonic()
    _delays.append(now - due)
    loop.call_later(_PROBE, _probe, loop, now + _PROBE)


def _report_when_asked(then: Callable[[], object] = lambda: None) -> None:
    if REPORT not in os.environ:
        return
    if "--probe" in sys.argv:
        asyncio.set_event_loop_policy(_Probed())
    descriptor = int(os.environ[REPORT])

    def report(*_: object) -> None:
        late, _delays[:] = list(_delays), []
        found = {"cpu": process_time(), "threads": _threads(), "late": late, "bytes": _resident()}
        line = json.dumps(found) + "\n"
        with open(descriptor, "w", closefd=False) as pipe:
            pipe.write(line)
        then()

    signal.signal(signal.SIGUSR1, report)


def _threads() -> dict[str, float]:
    """The CPU time of each thread that Python has started, by its name."""
    clocks = {thread.name: thread.ident for thread in threading.enumerate()}
    return {
        name: clock_gettime(pthread_getcpuclockid(thread))
        for name, thread in clocks.items()
        if thread is not None
    }


PROGRAMS: dict[str, Callable[..., None]] = {
    program.__name__: program
    for program in (ingest, stats, limit, remember, held, empty, screen, burst, live, raw)
}

if __name__ == "__main__":
    PROGRAMS[sys.argv[1]](*(argument for argument in sys.argv[2:] if argument != "--probe"))
