"""A JSON tree: what is unfolded and no more, any size and depth, paths and values."""

import json
from time import process_time

from hypothesis import given
from hypothesis import strategies as st

from cma_tui.event import decode
from cma_tui.report.tree import AT_ONCE, MOST, JsonTree

DOCUMENT = {"type": "agent.tool_use", "input": {"command": "ls", "odd name": [1, [2, "three"]]}, "none": None}


def shown(tree):
    return [f"{'  ' * node.depth}{node.name}: {node.summary}" for node in tree.rows]


def at(tree, name):
    return next(n for n, node in enumerate(tree.rows) if node.name == name)


def test_a_document_opens_with_what_is_right_below_its_root():
    tree = JsonTree([("use", DOCUMENT)])
    assert shown(tree) == [
        "use: {type, input, none}",
        '  type: "agent.tool_use"',
        "  input: {command, odd name}",
        "  none: null",
    ]


def test_rows_unfold_and_fold_and_the_cursor_goes_to_what_was_folded():
    tree = JsonTree([("use", DOCUMENT)])
    tree.unfold(at(tree, "input"))
    assert [node.name for node in tree.rows] == ["use", "type", "input", "command", "odd name", "none"]
    assert tree.fold(at(tree, "command")) == at(tree, "input")
    assert [node.name for node in tree.rows] == ["use", "type", "input", "none"]
    assert tree.unfold_all(0)
    assert [node.path() for node in tree.rows][4:] == [
        '.input["odd name"]',
        '.input["odd name"][0]',
        '.input["odd name"][1]',
        '.input["odd name"][1][0]',
        '.input["odd name"][1][1]',
        ".none",
    ]
    assert tree.fold_all(6) == 0
    assert len(tree.rows) == 4


def test_a_value_is_taken_along_as_it_is():
    tree = JsonTree([("use", DOCUMENT)])
    tree.unfold_all(0)
    assert tree.rows[at(tree, "command")].text() == "ls"
    assert json.loads(tree.rows[at(tree, "odd name")].text()) == [1, [2, "three"]]


def test_what_is_unfolded_is_so_in_the_documents_later_form():
    before = JsonTree([("use", DOCUMENT)])
    before.unfold(at(before, "input"))
    cursor = at(before, "odd name")
    after = JsonTree([("use", DOCUMENT), ("result", {"ok": True})])
    assert after.as_in(before, cursor) == cursor
    assert [node.name for node in after.rows][2:5] == ["input", "command", "odd name"]
    assert after.rows[-1].name == "ok", "a document that is new is open"


def test_a_large_document_opens_at_the_cost_of_what_is_seen():
    parts = [{"type": "text", "text": "x" * 80, "n": n} for n in range(100_000)]
    value = decode(json.dumps({"content": parts, "names": dict.fromkeys(map(str, range(3_000)), 0)}).encode())
    before = process_time()
    tree = JsonTree([("result", value)])
    tree.unfold(at(tree, "content"))
    assert process_time() - before < 0.5
    assert len(tree.rows) < 10 + AT_ONCE, "stretches, not 100,000 rows"
    stretch = tree.rows[at(tree, "content") + 2]
    assert (stretch.name, stretch.summary) == ("500 … 999", "500 more")
    tree.unfold(tree.rows.index(stretch))
    assert tree.rows[tree.rows.index(stretch) + 1].path() == ".content[500]"
    assert not tree.unfold_all(0)
    assert len(tree.rows) < MOST + 3 * AT_ONCE, "all is bounded"
    tree.fold_all(0)
    tree.unfold(at(tree, "names"))
    assert len(tree.rows) == 3 + 6


def test_any_depth_is_unfolded_row_by_row():
    value = 1
    for _ in range(50_000):
        value = [value]
    tree = JsonTree([("deep", value)])
    tree.unfold_all(0)
    assert len(tree.rows) > MOST
    assert tree.rows[-1].depth == len(tree.rows) - 1
    assert "…" in tree.rows[-1].path()
    tree.fold_all(len(tree.rows) - 1)
    assert len(tree.rows) == 2


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


@given(
    values,
    st.lists(st.tuples(st.sampled_from(["unfold", "fold", "unfold_all", "fold_all"]), st.integers(0, 50))),
)
def test_whatever_is_folded_every_row_stands_below_its_parent_once(value, acts):
    tree = JsonTree([("a", value), ("b", value)])
    for act, number in acts:
        getattr(tree, act)(number % len(tree.rows))
        for place, node in enumerate(tree.rows):
            if node.parent is not None:
                assert node.parent in tree.rows[:place]
                assert node.parent.open
        assert len({id(node) for node in tree.rows}) == len(tree.rows)
        assert sum(node.parent is None for node in tree.rows) == 2


@given(values, st.sampled_from([1, -1]))
def test_what_is_hidden_is_walked_in_order_and_each_can_be_revealed(value, by):
    whole = JsonTree([("a", [value])])
    whole.unfold_all(0)
    below = [node.path() for node in whole.rows[2:]]
    tree = JsonTree([("a", [value])])
    assert [node.path() for node in tree.hidden(1, by)] == below[::by]
    for path in below:
        tree = JsonTree([("a", [value])])
        node = next(node for node in tree.hidden(1, by) if node.path() == path)
        assert tree.rows[tree.reveal(1, node)].path() == path
