"""The process in which custom tools run: `python -m cma_tui.source.worker FILE`.

Owns the user's Python file. Invariants: what the tools print goes to whoever asked, never to a terminal;
one call at a time, and every call gets one line of answer, whatever its function does.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import runpy
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_OUTPUT = 20_000
"""Characters of a call's printed output that are handed over."""


def main(path: str) -> None:
    """Load the tools, say which there are, and answer calls until the input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    with tempfile.TemporaryFile("w+b") as printed:
        os.dup2(printed.fileno(), 1)
        os.dup2(printed.fileno(), 2)

        def say(answer: Mapping[str, Any]) -> None:
            answers.write(json.dumps(answer) + "\n")
            answers.flush()

        try:
            tools = _load(path)
        except BaseException as error:  # noqa: BLE001 - whatever the file does is told
            say({"error": f"{type(error).__name__}: {error}", "printed": _taken(printed)})
            return
        say({"tools": sorted(tools), "printed": _taken(printed)})
        with asyncio.Runner() as runner:
            for line in sys.stdin:
                asked = json.loads(line)
                content, is_error = _call(tools[asked["name"]], asked["input"], runner)
                try:
                    say({"content": content, "is_error": is_error, "printed": _taken(printed)})
                except (TypeError, ValueError) as error:
                    say({"content": f"the result is no JSON: {error}", "is_error": True, "printed": ""})


def _load(path: str) -> dict[str, Any]:
    """The file's tools by name: what the SDK's `beta_tool` and `beta_async_tool` made of its functions."""
    sys.path.insert(0, str(Path(path).resolve().parent))
    found = {}
    for thing in runpy.run_path(path).values():
        name = getattr(thing, "name", None)
        if isinstance(name, str) and callable(getattr(thing, "call", None)) and not inspect.isclass(thing):
            found[name] = thing
    if not found:
        raise ValueError("no tools: decorate functions with anthropic.beta_tool")
    return found


def _call(tool: Any, arguments: object, runner: asyncio.Runner) -> tuple[object, bool]:  # noqa: ANN401
    try:
        result = tool.call(arguments)
        if inspect.isawaitable(result):
            result = runner.run(_awaited(result))
    except BaseException as error:  # noqa: BLE001 - a tool's failure is its result
        content = getattr(error, "content", None)  # the SDK's ToolError
        return content if content is not None else f"{type(error).__name__}: {error}", True
    return result, False


async def _awaited(result: Any) -> object:  # noqa: ANN401
    return await result


def _taken(printed: Any) -> str:  # noqa: ANN401
    """What was printed since the last look."""
    sys.stdout.flush()
    sys.stderr.flush()
    printed.seek(0)
    text = printed.read().decode("utf-8", "replace")
    printed.seek(0)
    printed.truncate()
    return str(text[-_OUTPUT:])


if __name__ == "__main__":
    main(sys.argv[1])
