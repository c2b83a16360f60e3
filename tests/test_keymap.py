"""The keys that a configuration file asks for: their names, and what is refused."""

import pytest

from cma_tui import cli
from cma_tui.checks import UnfitError
from cma_tui.keymap import DECIDING, DEFAULT, PLACES, Keymap, from_table, key_name, of_place
from cma_tui.keys import ACTIONS, SECTIONS, of_section
from cma_tui.settings import SettingsError, describe, load


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("z", "z"), ("G", "G"), ("]", "]"), (",", ","), ("+", "+"), ("é", "é"), ("Ctrl+O", "Ctrl+O"),
        ("ctrl+o", "Ctrl+O"), ("PgDn", "PgDn"), ("pagedown", "PgDn"), ("escape", "Esc"), ("Down", "↓"),
        ("↓", "↓"), ("Shift+Right", "Shift+→"), ("shift+ctrl+f5", "Ctrl+Shift+F5"), ("alt+x", "Alt+x"),
        ("space", "Space"), ("F12", "F12"),
    ],
)  # fmt: skip
def test_a_key_has_the_names_that_people_use(written, key):
    assert key_name(written) == key


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("foo", "names no key"), ("", "names no key"), (" ", "names no key"), ("hyper+x", "names no key"),
        ("Ctrl+Ctrl+x", "names no key"), ("Shift+g", "write the character"), ("Ctrl+I", "send as Tab"),
        ("Ctrl+.", "do not send"), ("Ctrl+", "names no key"), ("F30", "names no key"), ("\t", "names no key"),
    ],
)  # fmt: skip
def test_what_is_no_key_is_refused(written, why):
    with pytest.raises(UnfitError, match=why):
        key_name(written)


def test_every_default_key_is_a_name_of_a_key():
    for action in ACTIONS.values():
        assert [key_name(key) for key in action.keys] == list(action.keys)


def test_the_default_keys_written_out_are_the_default_keys():
    table = {name: list(action.keys) for name, action in ACTIONS.items() if name != "app.stop"}
    assert {name: from_table(table).of(name) for name in ACTIONS} == {
        name: DEFAULT.of(name) for name in ACTIONS
    }


def test_an_id_is_one_thing_and_every_section_is_somewhere():
    assert len(ACTIONS) == sum(len(list(section.actions())) for section in SECTIONS)
    assert {name for place in PLACES for name in of_place(place)} == set(ACTIONS)


@pytest.mark.parametrize(
    "table",
    [
        {"session.interrupt": "z"},
        {"session.interrupt": ["z", "Ctrl+X"]},
        {"session": {"interrupt": "z"}, "timeline": {"next-error": ["!"]}, "session.answer": "@"},
        {"timeline.next-error": "E", "timeline.previous-error": "e"},
        {"find.leave": "Backspace", "session.sessions": "Backspace"},
    ],
)
def test_keys_may_be_changed_swapped_and_shared_where_they_are_shared(table):
    changed = from_table(table).changed
    assert changed
    assert all(keys and isinstance(keys, tuple) for keys in changed.values())


@pytest.mark.parametrize(
    ("table", "why"),
    [
        ("z", "must be a table"),
        ({"session.interupt": "z"}, "no action 'session.interupt'; the nearest is session.interrupt"),
        ({"session": {"deep": {"interrupt": "z"}}}, "no action"),
        ({"session.interrupt": []}, "needs a key"),
        ({"session.interrupt": 7}, "needs a key"),
        ({"session.interrupt": ["z", 7]}, "needs a key"),
        ({"session.interrupt": "Umlaut"}, r"names no key: 'Umlaut' \(for session.interrupt\)"),
        ({"session.interrupt": "w"}, "'?w'? for both session.interrupt and view.waterfall"),
        ({"view.waterfall": "z", "session.interrupt": "z"}, "for both"),
        ({"timeline.next-error": "E"}, "for both timeline.next-error and timeline.previous-error"),
        ({"app.help": "w"}, "for both view.waterfall and app.help"),
        ({"app.stop": "z"}, "always leaves"),
        ({"composer.editor": "z"}, "it is written there"),
        ({"outline.open": "Space"}, "it is written there"),
        ({"player.play": "y"}, "for both"),
    ],
)
def test_what_would_be_two_things_or_none_is_refused(table, why):
    with pytest.raises(UnfitError, match=why):
        from_table(table)


@pytest.mark.parametrize("deciding", sorted(DECIDING))
def test_an_answer_always_needs_two_different_keys(deciding):
    """Whichever of the two is changed, and with every key that comes before."""
    decides, comes = ACTIONS[deciding].keys[0], ACTIONS["session.answer"].keys[0]
    for table in (
        {deciding: comes},
        {"session.answer": decides},
        {"session.answer": ["F5", decides]},
        {"session.answer": "z", deciding: "z"},
        {deciding: [decides, comes]},
    ):
        with pytest.raises(UnfitError, match="for both"):
            from_table(table)
    for key in ("Enter", "Space", "Esc", "F5", "Ctrl+Y", "→"):
        with pytest.raises(UnfitError, match="needs a character of its own"):
            from_table({deciding: key})
    others = {*of_section("approval"), *of_section("move")} - {deciding}
    for other in others:
        with pytest.raises(UnfitError, match=r"for both|of its own"):
            from_table({deciding: list(ACTIONS[other].keys)})


def test_the_summary_is_answered_by_another_key_than_opened_it():
    with pytest.raises(UnfitError, match="for both"):
        from_table({"approval.allow-marked": "y"})


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.setenv("CMA_TOP_CONFIG_DIR", str(tmp_path))

    def write(text):
        tmp_path.joinpath("config.toml").write_text(text, encoding="utf-8")
        return {"CMA_TOP_CONFIG_DIR": str(tmp_path)}

    return write


def test_the_config_file_has_them_and_print_config_shows_them(config, capsys):
    env = config('[keys]\n"session.interrupt" = "z"\nmove.down = ["F6", "Down"]\nfind.next = "Ctrl+N"\n')
    shown = {name: (value, origin) for name, value, origin in describe(load({}, env, None))}
    assert shown["keys"][0] == "session.interrupt: z, move.down: F6 ↓, find.next: Ctrl+N"
    assert shown["keys"][1].endswith("config.toml")
    assert cli.main(["--print-config"]) == 0
    assert "keys = session.interrupt: z, move.down: F6 ↓, find.next: Ctrl+N" in capsys.readouterr().out


def test_a_bad_table_ends_the_program_before_it_begins(config, capsys):
    env = config('[keys]\n"view.threads" = "w"\n')
    with pytest.raises(SettingsError, match=r"keys has 'w' for both view.waterfall and view.threads"):
        load({}, env, None)
    assert cli.main(["--print-config"]) == 2
    said = capsys.readouterr().err
    assert "view.threads" in said
    assert "config.toml" in said
    assert said.count("\n") == 1


def test_a_row_of_the_help_shows_the_first_of_each_then_the_second():
    row = next(section for section in SECTIONS if section.name == "move").rows[0]
    assert DEFAULT.row(row) == "j k  ↓ ↑"
    assert Keymap({"move.up": ("z",)}).row(row) == "j z  ↓"
    assert DEFAULT.row(row, frozenset({"move.up"})) == "k ↑"
