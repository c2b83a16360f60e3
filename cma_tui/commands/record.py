"""`record` and `save`: a session into a file, without a screen.

Owns how that ends. Invariants: a recording goes on where it stopped; the exit code
is 0 only when everything that came is in the file.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from contextlib import aclosing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cma_tui.commands.choosing import session_argument, session_of
from cma_tui.commands.exits import CommandError, Exit
from cma_tui.commands.options import Common, common
from cma_tui.commands.output import Output, say
from cma_tui.commands.sinks import recordings
from cma_tui.recorder import Recorder
from cma_tui.source import Source, SourceError

if TYPE_CHECKING:
    pass

MOST_WAITING = 200_000
"""Events that may wait for the disk where no screen holds them; the server has them for the next try."""


def record(open_source: Callable[[], Awaitable[Source]], recorder: Recorder, *, aloud: bool) -> int:
    """Record what a source yields, until it ends or a signal comes. Returns the exit code.

    Args:
        open_source: opens the session.
        recorder: writes it.
        aloud: whether to say where to, and how it goes.
    """
    failure: SourceError | None = None
    try:
        asyncio.run(_recorded(open_source, recorder, aloud=aloud))
    except SourceError as error:
        failure = error
    status = recorder.close()
    if status.path is not None or failure is None:
        say(status.farewell)
    if failure is not None:
        raise CommandError(str(failure), failure.exit_code) from failure
    if status.path is not None:
        output = Output()
        output.write([str(status.path).encode(output.encoding, "surrogateescape")])
    return Exit.DONE if status.state == "ended" and not status.waiting else Exit.FAILED


async def _recorded(open_source: Callable[[], Awaitable[Source]], recorder: Recorder, *, aloud: bool) -> None:
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    said = ""

    def changed() -> None:
        nonlocal said
        status = recorder.status
        line = f"recording to {status.path}" if status.state == "recording" else status.words
        if aloud and line != said and status.state in ("recording", "stopped"):
            said = line
            say(line)
        if recorder.gave_up:
            task.cancel()

    def wake() -> None:
        with suppress(RuntimeError):  # the loop has ended: what there is to say is said at the end
            loop.call_soon_threadsafe(changed)

    recorder.wake = wake
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, task.cancel)
    with suppress(asyncio.CancelledError):
        async with aclosing((await open_source()).batches()) as batches:
            async for batch in batches:
                recorder.put(batch)
                if recorder.status.waiting > MOST_WAITING:
                    raise SourceError(
                        "the disk does not take what comes; run this again to complete the recording"
                    )


_output = click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Where to, instead of the folder of the recordings.",
)


@click.command()
@session_argument
@_output
@click.option("--no-previews", is_flag=True, help="Leave out text as it is written: smaller, without TTFT.")
@common
def record_command(options: Common, session: str | None, output: Path | None, no_previews: bool) -> int:
    """Record a session and all its threads, until it is terminated or Ctrl-C.

    What is in the file already is not written again: a recording that was interrupted goes on. The exit code
    is 0 when everything that came is in the file; its path is printed at the end.
    """
    from cma_tui.commands.live import opener

    name = session_of(options, session)
    settings = options.settings()
    recorder = Recorder(recordings(settings), output, previews=not no_previews)
    opening = opener(settings, name, previews=not no_previews, all_threads=True)
    return record(opening, recorder, aloud=True)


@click.command()
@session_argument
@_output
@common
def save_command(options: Common, session: str | None, output: Path | None) -> int:
    """Save a session's history and that of all its threads to a file, once, and print its path.

    A recording that is there already is completed.
    """
    from cma_tui.commands.live import opener

    name = session_of(options, session)
    settings = options.settings()
    opening = opener(settings, name, follow=False, previews=False, all_threads=True)
    return record(opening, Recorder(recordings(settings), output), aloud=False)
