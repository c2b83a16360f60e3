"""The keys of the screen: one table, which bindings, help, palette, hints and docs/keys.md are made from."""

import ast
import re
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest
from textual.binding import Binding, BindingsMap
from textual.dom import DOMNode

from cma_tui.keymap import PLACES, Keymap, from_table, of_place
from cma_tui.keys import ACTIONS, SECTIONS
from cma_tui.source.drafts import Kept
from cma_tui.ui import app as _app  # noqa: F401 - with all it imports, every widget
from cma_tui.ui import keys as ui_keys
from cma_tui.ui.app import CmaTop
from cma_tui.ui.chooser import SessionList
from cma_tui.ui.drive.confirm import Confirm
from cma_tui.ui.drive.several import Several
from cma_tui.ui.drive.sheet import TextSheet
from cma_tui.ui.drive.slash import COMMANDS
from cma_tui.ui.drive.wording import restored, slash_help
from cma_tui.ui.keys import hint_content, textual_key
from cma_tui.ui.screens.help import Help
from cma_tui.ui.screens.marks import MarkList
from cma_tui.ui.screens.metrics import MetricsView
from cma_tui.ui.screens.outline import OutlineView
from cma_tui.ui.screens.overview import OverviewScreen
from cma_tui.ui.screens.session import SessionScreen
from cma_tui.ui.screens.threads import ThreadsView
from cma_tui.ui.screens.tracing import Tracing
from cma_tui.ui.widgets.approval import Approval
from cma_tui.ui.widgets.composer import Composer
from cma_tui.ui.widgets.detail import Detail
from cma_tui.ui.widgets.hints import PLACES as HINTS
from cma_tui.ui.widgets.hints import hint_line
from cma_tui.ui.widgets.outbox import Outbox
from cma_tui.ui.widgets.prompt import Prompt
from cma_tui.ui.widgets.reader import Reader
from cma_tui.ui.widgets.sessions import Rows
from cma_tui.ui.widgets.timeline import Timeline
from cma_tui.ui.widgets.waterfall import WaterfallView
from tests import keys_page
from tests.stories.write import Log
from tests.ui.incident import incident
from tests.ui.play import Sends, playing
from tests.ui.test_approval import Asked, asking
from tests.ui.test_overview import board, listed

CHAINS = {
    "timeline": (Timeline, Reader, SessionScreen),
    "detail": (Detail, Reader, SessionScreen),
    "find": (Prompt, Reader, SessionScreen),
    "composer": (Composer, SessionScreen),
    "approval": (Approval, SessionScreen),
    "outbox": (Outbox, SessionScreen),
    "waterfall": (WaterfallView,),
    "threads": (ThreadsView,),
    "outline": (OutlineView,),
    "metrics": (MetricsView,),
    "tracing": (Tracing,),
    "marks": (MarkList,),
    "several": (Several,),
    "page": (TextSheet,),
    "help": (Help,),
    "line": (Confirm,),
    "overview": (Rows, OverviewScreen),
    "reply": (Approval, OverviewScreen),
    "words": (Composer, OverviewScreen),
    "chooser": (SessionList,),
}


def own(cls):
    """All ids of a class, those too that do what another does."""
    bound = {
        binding.id: binding
        for base in cls.__mro__
        for binding in base.__dict__.get("BINDINGS", ())
        if base.__module__.startswith("cma_tui")
    }
    return bound, [*getattr(cls, "KEYS", ())]


def classes(base=DOMNode):
    for cls in base.__subclasses__():
        if cls.__module__.startswith("cma_tui"):
            yield cls
        yield from classes(cls)


# ------------------------------------------------------------------------------------------ one table


def test_every_binding_is_in_the_table_and_the_whole_table_is_bound():
    found = set()
    for cls in classes():
        bound, looked_at = own(cls)
        assert all(isinstance(binding, Binding) for binding in bound.values()), cls
        found |= {*bound, *looked_at}
    assert found == set(ACTIONS)


def test_what_a_binding_does_is_there():
    for chain in (*CHAINS.values(), (CmaTop,)):
        for cls in chain:
            for binding in own(cls)[0].values():
                action = binding.action.partition("(")[0]
                assert hasattr(cls, f"action_{action}"), (cls, binding)


@pytest.mark.parametrize("place", PLACES)
def test_the_places_are_what_meets_on_the_screen(place):
    app = set(own(CmaTop)[0])
    met = {name for cls in CHAINS[place] for part in own(cls) for name in part} | app
    assert met == set(of_place(place))


def test_nothing_that_decides_is_a_binding():
    """A binding is acted on after other keys may have come, and the palette could name it."""
    for cls in classes():
        assert not any(name.startswith("approval.") for name in own(cls)[0]), cls


def test_any_action_may_have_another_key_and_nothing_else_changes():
    """What Textual's keymap does with our bindings, class by class and id by id."""
    for cls in {cls for chain in CHAINS.values() for cls in chain} | {CmaTop}:
        merged = cls._merge_bindings()
        for name in own(cls)[0]:
            before = {key: [b.id for b in bound] for key, bound in _entries(merged)}
            applied = merged.copy()
            applied.apply_keymap({name: "f13,f14"})
            after = {key: {b.id for b in bound} for key, bound in _entries(applied)}
            assert after.pop("f13") == after.pop("f14") == {name}
            assert after == {key: {*ids} for key, ids in before.items() if name not in ids}


def _entries(bindings: BindingsMap):
    return bindings.key_to_bindings.items()


# -------------------------------------------------------------------------------------------- rebound


async def test_what_is_bound_anew_works_and_the_old_key_does_not():
    log = Log()
    log.begin()
    log.message()
    keymap = from_table({"view.waterfall": ["W", ","], "player.step-back": "w", "app.help": "F2"})
    async with playing(*log.events, keymap=keymap) as play:
        for key in ("W", "comma"):
            await play.press(key)
            assert type(play.app.screen).__name__ == "Waterfall"
            await play.press(key)
            assert play.app.screen is play.screen
        await play.press("question_mark")
        assert play.app.screen is play.screen
        await play.press("f2")
        assert isinstance(play.app.screen, Help)


async def test_a_list_takes_the_keys_of_moving_that_the_user_chose():
    async with playing(*incident("ended"), keymap=from_table({"move.down": "Z", "move.up": "K"})) as play:
        await play.press("g")
        at = play.cursor
        await play.press("j")
        assert play.cursor == at
        await play.press("Z")
        assert play.cursor != at


async def test_an_approval_has_the_keys_that_the_user_chose_and_is_as_safe():
    keymap = from_table({"session.answer": "@", "approval.allow": "A", "approval.deny": "D"})
    async with Asked(asking(), keymap=keymap) as asked:
        assert "@ to answer" in asked.play.text()
        await asked.play.press("exclamation_mark")
        assert not asked.play.approval.has_focus
        await asked.play.press("@")
        assert asked.play.approval.has_focus
        assert "A allow  D deny  N deny with a reason" in asked.play.text()
        await asked.play.press("A")  # not armed: it begins the wait anew
        asked.clock.now += 10
        await asked.play.press("y", "n")
        await asked.play.settle()
        assert asked.answers == []
        asked.clock.now += 10
        await asked.play.press("A")
        await asked.play.until(lambda: asked.answers)
        assert asked.answers == [("use1", "allow")]


async def test_the_composer_may_send_with_another_key_than_enter():
    keymap = from_table(
        {"composer.send": "Ctrl+S", "composer.new-line": "Enter", "composer.earlier": "Alt+p"}
    )
    sends = Sends()
    async with playing(mode="chat", controls_of=sends, keymap=keymap) as play:
        await play.write("one")
        await play.press("enter", "t", "w", "o", "up")
        assert play.composer.text == "one\ntwo"
        assert play.composer.cursor_location[0] == 0
        await play.press("ctrl+s")
        await play.until(lambda: sends.sent)
        assert sends.sent[0]["content"][0]["text"] == "one\ntwo"
        await play.settle()
        await play.press("alt+p")
        assert play.composer.text == "one\ntwo"


# ------------------------------------------------------------------------------------------- the help


def titles(play):
    """The headings of the help, in order, to `elsewhere`."""
    lines = [line.plain for line in play.app.screen._page.content.split("\n")]
    ends = next(n for n, line in enumerate(lines) if "elsewhere" in line)
    return [line for line in lines[:ends] if line and not line.startswith(" ")]


WAYS = {
    "timeline": (("g",), ("timeline", "find")),
    "detail": (("g", "e", "enter"), ("detail", "find")),
    "approval": (("exclamation_mark",), ("approval", "session")),
    "waterfall": (("w",), ("waterfall",)),
    "threads": (("t",), ("threads",)),
    "outline": (("o",), ("outline",)),
    "metrics": (("M",), ("figures",)),
    "tracing": (("b",), ("Braintrust",)),
}
"""The keys that lead to a place, and how the help begins there."""


async def test_the_help_begins_where_one_is():
    async with playing(*incident(), controls_of=Sends()) as play:
        for place, (keys, expected) in WAYS.items():
            await play.press(*keys, "f1")
            assert isinstance(play.app.screen, Help), place
            first = titles(play)
            assert tuple(first[: len(expected)]) == expected
            assert first[-1] == "everywhere"
            assert "composer" not in first
            await play.press("f1", "escape")
            assert play.app.focused is play.timeline


async def test_where_one_writes_the_help_names_no_key_that_would_be_written():
    async with playing(*incident(), controls_of=Sends(), mode="chat") as play:
        await play.press("question_mark")
        assert play.composer.text == "?"
        await play.press("f1")
        shown = play.app.screen._page.content.plain
        assert titles(play)[0] == "composer"
        here, _, elsewhere = shown.partition("elsewhere")
        assert "go to what waits" not in here
        assert "go to what waits" in elsewhere
        assert "send when the agent rests" in here


async def test_the_help_shows_every_key_once_as_the_user_has_it():
    keymap = from_table({"session.interrupt": "F7", "timeline.next-error": "Ctrl+N"})
    async with playing(*incident("ended"), keymap=keymap) as play:
        await play.press("question_mark")
        lines = [line.plain for line in play.app.screen._page.content.split("\n")]
        assert any(
            line.split() == ["F7", *["interrupt", "the", "agent:", "press", "it", "twice"]] for line in lines
        )
        assert any(line.split()[:2] == ["Ctrl+N", "E"] for line in lines)
        text = " ".join(" ".join(lines).split())
        for section in SECTIONS:
            for row in section.rows:
                assert text.count(row.does) >= 1, row


async def test_a_replay_and_the_overview_have_their_own_keys_first():
    async with playing(*incident("ended"), mode="replay") as play:
        await play.press("question_mark")
        assert "replay, and rewinding a live session" in titles(play)
    async with board() as scene:
        await scene.tell(listed())
        await scene.press("question_mark")
        assert isinstance(scene.app.screen, Help)
        assert titles(scene)[0] == "all sessions"


async def test_the_help_fits_and_moves_on_a_small_screen():
    async with playing(*incident("ended"), size=(40, 10)) as play:
        await play.press("question_mark")
        page = play.app.screen.query_one("VerticalScroll")
        assert max(len(line) for line in play.lines()) <= 40
        await play.press("j", "j", "j")
        assert page.scroll_offset.y == 3


# --------------------------------------------------------------------------------- palette and hints


async def test_the_palette_has_every_action_of_the_screen():
    log = Log()
    log.begin()
    log.message()
    async with playing(*log.events, size=(100, 40), controls_of=Sends(), mode="chat") as play:
        assert play.app.focused is play.composer
        listed = {command.title: command for command in play.app.get_system_commands(play.app.screen)}
        said = {command.help for command in listed.values()}
        wanted = [
            ACTIONS[name]
            for place in ("timeline", "composer")
            for name in of_place(place)
            if not name.startswith(("move.", "player.to-"))
        ]
        missing = {
            action.id for action in wanted if f"{action.does[0].upper()}{action.does[1:]}" not in listed
        }
        only_at_times = {name for name in missing if name.startswith("player.")}
        assert missing - only_at_times == {
            "session.sessions",  # there is no list to go back to
            "composer.send",
            "composer.earlier",
            "composer.later",  # are keys in the text
            "timeline.leave-thread",  # is no thread's
            "find.leave",  # nothing is looked for
        }
        assert "key w" in said
        assert not {"Allow", "Deny", "Down"} & set(listed)
        await listed["Waterfall: the turn on a time axis"].callback()
        await play.step()
        assert type(play.app.screen).__name__ == "Waterfall"
        of_panel = {command.title: command for command in play.app.get_system_commands(play.app.screen)}
        assert {"Nearer", "Next span", "Back"} <= set(of_panel)
        assert "Next hit" not in of_panel
        await of_panel["Back"].callback()
        await play.step()
        assert play.app.screen is play.screen


@pytest.mark.parametrize("place", HINTS)
def test_hints_are_as_many_as_fit_and_begin_with_the_help(place):
    keymap = Keymap()
    said = [hint_line(place, keymap, width) for width in range(10, 300)]
    lines = [hint_content(line).plain for line in said]
    assert all(len(line) <= width for width, line in enumerate(lines, start=10))
    assert all(set(earlier) <= set(later) for earlier, later in pairwise(said))
    assert all(line == [hint for hint in said[-1] if hint in line] for line in said), "in one order"
    assert lines[0] in ("? help", "F1 help")
    for words, *ids in HINTS[place]:
        assert all(name in ACTIONS for name in ids)
        assert keymap.hint(words, *ids) in lines[-1]


def test_hints_name_the_views_where_there_is_room():
    wide = hint_content(hint_line("read", Keymap(), 200)).plain
    for key in ("w waterfall", "t threads", "l other end", "o outline", "M figures", "b Braintrust"):
        assert key in wide
    for place, way_out in (("read", "q leave"), ("overview", "q leave"), ("composer", "Esc timeline")):
        assert way_out in hint_content(hint_line(place, Keymap(), 38)).plain
    assert hint_content(hint_line("composer", Keymap(), 60)).plain.startswith("F1 help  Enter send")


# ------------------------------------------------------------------------------------------- the page


FIXED = {
    ("chooser.py", "Enter"),  # the list's own
    ("marks.py", "Enter"),
    ("confirm.py", "Enter"),  # the line's own
    ("playing.py", "Enter"),
    ("shell.py", "Ctrl+C"),  # which always leaves
    ("several.py", "PgDn"),  # the sheet's own
    ("several.py", "End"),
    ("viewing.py", "End"),  # where it is among the keys
}
KEY = re.compile(r"\b(?:Esc|Enter|Tab|Space|Home|End|Pg(?:Up|Dn)|F[1-9]|(?:Ctrl|Alt|Shift)\+\w+)\b")


def test_no_words_on_the_screen_name_a_key_that_the_user_may_change():
    folder, named = Path(ui_keys.__file__).parent, set()
    for path in folder.rglob("*.py"):
        if path.name == "keys.py":
            continue
        tree = ast.parse(path.read_text("utf-8"))
        told = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
                named |= {(path.name, key) for key in KEY.findall(node.value)}
    assert named == FIXED


def test_commands_and_what_is_said_of_them_name_the_keys_that_hold():
    keymap = Keymap({"composer.redirect": ("F7",), "composer.complete": ("F8",), "outbox.send": ("F9",)})
    assert slash_help("/redirect x", keymap).endswith("in the same request (also F7)")
    assert slash_help("/redirect x", Keymap()).endswith("(also Ctrl+R)")
    assert slash_help("/a", keymap).endswith("/attach   F8 completes")
    assert restored(Kept("x", [], "now"), keymap).why == "from last time: Esc Q, then F9 sends it"
    for command in COMMANDS.values():
        assert set(command.keys) <= set(ACTIONS)


def test_the_page_in_docs_is_the_table():
    page = keys_page.PAGE.read_text(encoding="utf-8")
    written, _, tables = page.partition(keys_page.BEGIN)
    assert tables == f"\n{keys_page.tables()}", "run: python -m tests.keys_page"
    example = written.partition("```toml\n")[2].partition("```")[0]
    assert len(from_table(tomllib.loads(example)["keys"]).changed) == 3


def test_keys_have_textuals_names():
    spoken = ("Ctrl+O", "Shift+→", ",", "]", "Alt+x", "F4", "Esc", "Ctrl+Shift+F5", "+")
    named = ("ctrl+o", "shift+right", "comma", "]", "alt+x", "f4", "escape", "ctrl+shift+f5", "+")
    assert tuple(map(textual_key, spoken)) == named
