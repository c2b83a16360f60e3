"""What is imported when: fresh interpreters, and the contracts of who may import whom."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.stories.recordings import FOLDER

ROOT = Path(__file__).parent.parent
RECORDING = str(FOLDER / "braintrust-sdk-python/2026-08-17_sdk0.122/events.jsonl")
NETWORK = {"anthropic", "httpx", "httpx2", "httpx_sse", "braintrust", "pydantic"}
SCREEN = {"textual", "rich"}
LATER = {
    "markdown_it",
    "pygments",
    "tomllib",
    "cma_tui.mirror",
    "cma_tui.report.export",
    "cma_tui.ui.screens.help",
    "cma_tui.ui.screens.marks",
    "cma_tui.ui.screens.metrics",
    "cma_tui.ui.screens.outline",
    "cma_tui.ui.screens.question",
    "cma_tui.ui.screens.threads",
    "cma_tui.ui.screens.tracing",
    "cma_tui.ui.screens.waterfall",
}
"""What the first frame of a session does not need: documents, what a key opens, what is sent elsewhere."""
SIMULATOR = {"starlette", "uvicorn", "cma_tui.simulator"}

RUN = """
import sys, threading
if sys.argv[1] == "screen":
    from cma_tui.commands import output
    output.no_screen = lambda: None
    import cma_tui.ui.app
    def run(screen, settings):
        global shown
        feed = screen.feed
        if screen.mode == "replay":  # to its end
            woken = threading.Event()
            feed.wake = woken.set
            feed.start()
            while not feed.finished:
                assert woken.wait(30)
                woken.clear()
            assert feed.error is None
        shown = set(sys.modules)
        return 0
    cma_tui.ui.app.run = run
from cma_tui.cli import main
code = main(sys.argv[2:])
print()
print(*(shown if sys.argv[1] == "screen" else sys.modules))
sys.exit(code)
"""


def modules(code, *arguments):
    """The modules that an interpreter has imported after running the code; its last line of output."""
    env = {**os.environ, "CMA_TOP_CONFIG_DIR": str(ROOT / "no-such-folder"), "ANTHROPIC_API_KEY": "sk-x"}
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        stdin=subprocess.DEVNULL,
        text=True,
        cwd=ROOT,
        env=env,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    names = set(done.stdout.splitlines()[-1].split())
    assert "cma_tui" in names
    return names


def of_command(*arguments):
    return modules(RUN, "plain", *arguments)


@pytest.mark.parametrize("form", ["html", "json", "otlp-json"])
def test_a_saved_log_is_exported_without_network_and_screen(form, tmp_path):
    names = of_command("export", RECORDING, "--format", form, "-o", str(tmp_path / "out"))
    assert not names & (NETWORK | SCREEN | SIMULATOR)


def test_version_imports_nothing():
    code = "import sys; sys.argv[1:] = ['--version']; from cma_tui.__main__ import main\n"
    code += "try: main()\nexcept SystemExit: print(*sys.modules)"
    own = {name for name in modules(code) if name.startswith("cma_tui")}
    assert own == {"cma_tui", "cma_tui.__main__"}
    assert not modules(code) & (NETWORK | SCREEN | SIMULATOR | {"click", "msgspec", "asyncio", "pathlib"})


def test_help_imports_no_command():
    assert not of_command("--help") & (NETWORK | SCREEN | SIMULATOR | {"msgspec", "asyncio", "cma_tui.feed"})


@pytest.mark.parametrize(
    "arguments",
    [
        ["tail", RECORDING],
        ["tail", "--json", RECORDING],
        ["stats", RECORDING],
        ["stats", "--json", RECORDING],
        [RECORDING],
    ],
    ids=lambda arguments: " ".join(arguments[:-1]) or "FILE",
)
def test_saved_logs_need_neither_network_nor_screen(arguments):
    assert not of_command(*arguments) & (NETWORK | SCREEN | SIMULATOR | {"platformdirs", "dotenv"})


@pytest.mark.parametrize(
    "arguments",
    [
        ["replay", "--speed", "10000", "--idle-limit", "0", RECORDING],
        [RECORDING],
        ["sesn_0123"],
        ["chat", "sesn_0123"],
        ["chat", "--agent", "agent_1", "--environment", "env_1"],
        ["demo"],
    ],
    ids=["replay", "FILE", "SESSION", "chat SESSION", "chat", "demo"],
)
def test_the_screen_is_drawn_before_the_network_is_imported(arguments):
    """A replay needs no network at all, not even at its end; what a key opens comes with the key."""
    shown = modules(RUN, "screen", *arguments)
    assert "textual" in shown
    assert not shown & (NETWORK | SIMULATOR | LATER)
    if arguments[0] in ("replay", RECORDING):
        assert not {name for name in shown if name.startswith("cma_tui.ui.drive")}, "nothing is sent"
        assert "textual.widgets._text_area" not in shown


def test_the_simulator_stands_alone():
    names = modules("import sys, cma_tui.simulator; print(*sys.modules)")
    own = {name for name in names if name.startswith("cma_tui.")}
    assert all(name.startswith("cma_tui.simulator") for name in own), own


def test_who_may_import_whom():
    code = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert done.returncode == 0, done.stdout
