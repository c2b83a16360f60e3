"""The help tells the truth: every key it names is bound, and the page in docs/ says the same."""

from pathlib import Path

from cma_tui.ui.keys import GROUPS
from cma_tui.ui.screens.overview import OverviewScreen
from cma_tui.ui.screens.playing import Playing
from cma_tui.ui.screens.session import SessionScreen
from cma_tui.ui.screens.viewing import Viewing
from cma_tui.ui.widgets.carrying import Carrying
from cma_tui.ui.widgets.composer import Composer
from cma_tui.ui.widgets.detail import Detail
from cma_tui.ui.widgets.reader import Reader
from cma_tui.ui.widgets.sessions import Rows
from cma_tui.ui.widgets.timeline import Timeline

_SPOKEN = {
    "↓": "down", "↑": "up", "PgDn": "pagedown", "PgUp": "pageup", "]": "right_square_bracket",
    "[": "left_square_bracket", "Enter": "enter", "Space": "space", "Esc": "escape", "!": "exclamation_mark",
    "?": "question_mark", ".": "full_stop", "+": "plus", "-": "minus", "F1": "f1", "Tab": "tab",
    "/": "slash", ":": "colon", "`": "grave_accent", ">": "greater_than_sign", "<": "less_than_sign",
    "'": "apostrophe", ",": "comma", "}": "right_curly_bracket", "{": "left_curly_bracket",
    "→": "right", "←": "left", "=": "equals_sign", "*": "asterisk",
    "Shift+→": "shift+right", "Shift+←": "shift+left",
}  # fmt: skip


def keys_of(*widgets):
    return {key for widget in widgets for binding in widget.BINDINGS for key in binding.key.split(",")}


def test_every_key_of_the_help_is_bound_where_it_says():
    bound = {
        "timeline": keys_of(Timeline),
        "find": keys_of(Reader),
        "take along": keys_of(Carrying),
        "detail": keys_of(Detail),
        # Enter is the composer's own, y and n are the approval bar's: both are tested where they live.
        "live": keys_of(SessionScreen, Playing, Composer)
        | {"enter", "then", "or", "y", "n", "r", "Space,", "X", "Y"},
        "replay": keys_of(Playing, SessionScreen),
        "all sessions": keys_of(OverviewScreen, Rows),
        "everywhere": keys_of(SessionScreen, Viewing) | {"ctrl+p"},
    }
    for group, rows in GROUPS:
        for keys, _ in rows:
            for key in keys.split():
                spoken = _SPOKEN.get(key, key.lower() if "+" in key and len(key) > 1 else key)
                assert spoken in bound[group], (group, key)


def test_the_page_in_docs_is_the_help():
    page = Path(__file__).parents[2].joinpath("docs/keys.md").read_text(encoding="utf-8")
    for group, rows in GROUPS:
        assert f"## {group}\n" in page
        for keys, does in rows:
            shown = "`` ` ``" if keys == "`" else f"`{keys}`"
            assert f"| {shown} | {does} |\n" in page
    assert page.count("\n| `") == sum(len(rows) for _, rows in GROUPS)
