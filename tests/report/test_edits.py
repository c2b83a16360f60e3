"""Edits of files: recognised by their fields, shown as lines that come and go."""

from cma_tui.feed import fold_all
from cma_tui.report.detail import sections
from cma_tui.report.edits import edits
from tests.stories.write import Log


def test_an_edit_is_the_lines_that_go_and_come_among_some_that_stay():
    old = "\n".join(f"line {n}" for n in range(20))
    path, lines, rest = edits(
        {
            "command": "str_replace",
            "path": "a.py",
            "old_str": old,
            "new_str": old.replace("line 9", "line IX"),
        }
    )
    assert (path, rest) == ("a.py", {"command": "str_replace"})
    around = [f"  line {n}" for n in (6, 7, 8)], [f"  line {n}" for n in (10, 11, 12)]
    assert lines == [*around[0], "- line 9", "+ line IX", *around[1]]


def test_other_spellings_whole_files_and_several_edits_at_once():
    assert edits({"file_path": "a", "old_string": "x", "new_string": "y"})[1] == ["- x", "+ y"]
    assert edits({"file_path": "a", "content": "x\ny\n"})[1] == ["+ x", "+ y"]
    several = [{"old_text": "x", "new_text": ""}, {"old_str": "", "new_str": "z"}]
    assert edits({"path": "a", "edits": several})[1] == ["- x", "@@", "+ z"]
    for other in ({"path": "a"}, {"old_str": "x", "new_str": "y"}, None, [], {"path": 3, "content": "x"}):
        assert edits(other) is None


def test_long_texts_are_not_compared():
    lines = edits({"path": "a", "old_str": "x\n" * 5000, "new_str": "y\n" * 5000})[1]
    assert lines == ["- x"] * 5000 + ["+ y"] * 5000


def test_the_detail_of_an_edit_shows_it_with_its_result_and_nothing_dangerous():
    log = Log()
    log.begin()
    use = log.tool("edit", input={"path": "a\x1b[2J.py", "old_str": "was \x9b", "new_str": "is [b]now"})
    log.result(use, "done")
    session = fold_all(log.events)
    made = sections(session, session.tools[use])
    assert [(s.title, s.language) for s in made[:2]] == [("edit of a␛[2J.py", "diff"), ("result, 4 B", "")]
    assert made[0].shown == "- was <U+009B>\n+ is [b]now"
