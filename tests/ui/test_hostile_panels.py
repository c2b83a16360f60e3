"""Every panel over hostile text: what is drawn is there and cannot act. And the source as it must be."""

import ast
from functools import cache
from pathlib import Path

import pytest

from cma_tui.recorder import Recorder
from cma_tui.recording import Switch
from cma_tui.text import DANGEROUS
from tests.stories.write import Log, preview_delta
from tests.ui.hostile_panels import PANELS, every_panel, logs
from tests.ui.play import Sends, Stage, playing
from tests.ui.test_hostile import Clicked

SOURCE = Path(__file__).parents[2] / "cma_tui"
SCROLL_BAR = ("grab", "scroll_up", "scroll_down")


def acts(screen):
    """What on the screen a terminal or a click could obey."""
    for strip in screen._compositor.render_strips():
        for text, style, control in strip:
            yield from DANGEROUS.findall(text)
            if control:
                yield control
            if style is not None:
                yield from [style.link] if style.link else []
                yield from [k for k, v in style.meta.items() if k.startswith("@") and v not in SCROLL_BAR]


async def test_nothing_in_any_panel_can_act_and_no_key_in_a_text_is_pressed(monkeypatch, tmp_path):
    monkeypatch.setattr("tests.ui.play.Painted", Clicked)
    sends, seen = Sends(), {}
    stage = Stage(controls=sends)
    async with playing(stage=stage, mode="chat", size=(100, 30), state_dir=tmp_path) as play:
        play.screen._recording = Switch(play.feed, lambda: Recorder(tmp_path / "recordings"))
        for part in logs(4):
            stage.give(*part)
        await play.settle()
        closed = play.text()

        async def look(name):
            seen[name] = play.text()
            assert list(acts(play.app.screen)) == [], name

        await every_panel(play, look)
        assert play.app.is_running
        assert sends.sent == []
        if play.screen._recording.status is not None:
            play.screen._recording.off()
    assert list(seen) == [*PANELS, "composer"]
    looks = [closed, *seen.values()]
    assert [name for n, name in enumerate(seen) if looks[n + 1] in looks[: n + 1]] == [], (
        "nothing new is seen"
    )


# ------------------------------------------------------------------------------------- the source


@cache
def calls(folder="ui"):
    """Every call in our source, with its place."""
    return tuple(_calls(folder))


def _calls(folder):
    for path in sorted((SOURCE / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                function = node.func
                name = getattr(function, "attr", None) or getattr(function, "id", "")
                yield f"{path.relative_to(SOURCE)}:{node.lineno}", name, node


def keyword(node, name):
    return next((each.value for each in node.keywords if each.arg == name), None)


def is_false(value):
    return isinstance(value, ast.Constant) and value.value is False


def is_ours(value):
    """Whether a value is a text object, or is written here."""
    if isinstance(value, ast.IfExp):
        return is_ours(value.body) and is_ours(value.orelse)
    if isinstance(value, ast.BinOp):  # Content + Content
        return is_ours(value.left)
    return isinstance(value, ast.Constant) or (
        isinstance(value, ast.Call) and ast.unparse(value.func).startswith(("Content", "Text"))
    )


MARKUP_WIDGETS = {"Static", "Label", "OptionList", "SelectionList"}
NEVER = (
    "RichLog", "Log", "Button", "Checkbox", "Collapsible", "Tabs", "Tree", "DataTable", "from_markup",
    "escape_markup", "open_url", "print", "eval", "exec",
)  # fmt: skip


def test_no_widget_reads_text_as_markup():
    found = [
        where
        for where, name, node in calls()
        if name in MARKUP_WIDGETS and not is_false(keyword(node, "markup"))
    ]
    assert found == []
    found = [
        where for where, name, node in calls() if name == "notify" and not is_false(keyword(node, "markup"))
    ]
    assert found == []


@pytest.mark.parametrize("name", NEVER)
def test_what_would_obey_a_text_is_used_nowhere(name):
    assert [where for where, used, _ in calls("") if used == name and not where.startswith("simulator")] == []


def test_titles_borders_and_options_are_text_objects():
    found = []
    for path in sorted((SOURCE / "ui").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Assign):
                names = {target.attr for target in node.targets if isinstance(target, ast.Attribute)}
                if names & {"border_title", "border_subtitle", "tooltip"} and not is_ours(node.value):
                    found.append(f"{path.name}:{node.lineno}")
    assert found == []


def test_every_option_of_the_source_that_reads_markup_is_off():
    found = [
        f"{where} {name}"
        for where, name, node in calls("")
        if (value := keyword(node, "markup")) is not None and not is_false(value)
    ]
    assert found == []


async def test_a_sequence_that_comes_in_two_previews_is_text():
    async with playing(stage=Stage(controls=Sends()), density="full") as play:
        log = Log()
        log.begin("go")
        start = log.start()
        await play.give(
            *log.events, preview_delta("said", "before \x1b"), preview_delta("said", "]52;c;x\x07 after")
        )
        assert start
        assert list(acts(play.app.screen)) == []
        assert "before ␛]52;c;x␇ after" in play.text()
