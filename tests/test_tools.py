"""Custom tools in a process of their own."""

import pytest

from cma_tui.source import SourceError
from cma_tui.source.tools import Tools

FILE = '''
import os, sys, time
from anthropic import beta_async_tool, beta_tool
from anthropic.lib.tools import ToolError

@beta_tool
def add(a: int, b: int) -> str:
    """Add."""
    print("adding")
    os.write(2, b"loudly")
    return str(a + b)

@beta_async_tool
async def later(text: str) -> str:
    """Later."""
    return text[::-1]

@beta_tool
def refuse() -> str:
    """Refuse."""
    raise ToolError("not today")

@beta_tool
def crash() -> str:
    """Crash."""
    return 1 / 0

@beta_tool
def hang() -> str:
    """Hang."""
    time.sleep(600)

@beta_tool
def leave() -> str:
    """Leave."""
    os._exit(3)
'''


async def test_every_call_gets_one_answer_whatever_its_function_does(tmp_path, capfd):
    path = tmp_path / "own.py"
    path.write_text(FILE, encoding="utf-8")
    tools = Tools(path)
    try:
        assert await tools.start() == {"add", "later", "refuse", "crash", "hang", "leave"}
        result = await tools.call("add", {"a": 2, "b": 3})
        assert result.content == [{"type": "text", "text": "5"}]
        assert not result.is_error
        assert "adding" in result.printed
        assert "loudly" in result.printed
        assert (await tools.call("later", {"text": "abc"})).content[0]["text"] == "cba"
        for name, words in [("refuse", "not today"), ("crash", "ZeroDivisionError"), ("leave", "ended")]:
            result = await tools.call(name, {})
            assert result.is_error
            assert words in result.content[0]["text"]
        tools._limit = 0.5
        result = await tools.call("hang", {})
        assert result.is_error
        assert "longer than 0.5 s" in result.content[0]["text"]
        tools._limit = 60
        assert (await tools.call("add", {"a": 1, "b": 1})).content[0]["text"] == "2"
        assert (await tools.call("add", {"a": "x"})).is_error
    finally:
        await tools._end()
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("text", ["x = 1", "raise SystemExit(4)", "import nowhere", "def ("])
async def test_a_file_without_tools_says_why(tmp_path, text):
    path = tmp_path / "own.py"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SourceError, match=r"own\.py"):
        await Tools(path).start()
