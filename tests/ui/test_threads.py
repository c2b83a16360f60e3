"""The threads: the tree, a thread's own timeline and back, all in one, and messages linked both ways."""

import json

import pytest
from rich.cells import cell_len

from cma_tui.event import parse
from cma_tui.feed import fold_all
from cma_tui.report.threads import other_end, tree
from cma_tui.session.book import figures_of
from cma_tui.ui.screens.threads import Threads
from tests.stories.write import Log, preview_delta, preview_start
from tests.ui.play import Stage, playing


def delegation(analyst="analyst"):
    """The primary asks a child, the child asks a grandchild and a person, and answers."""
    log = Log()
    log.begin("Who knows?")
    log.thread_created("sthr_1", analyst)
    log.thread_status("running", "sthr_1", agent_name=analyst)
    log.sent("sthr_1", "Look at the logs")
    child = log.child("sthr_1")
    child.received("sthr_primary", "Look at the logs")
    start = child.start()
    log.wait(1)
    child.result(child.tool("grep"))
    child.end(start, fresh=100, out=10)
    child.thread_created("sthr_2", "reader")
    child.thread_status("running", "sthr_2", agent_name="reader")
    grand = log.child("sthr_2")
    start = grand.start()
    log.wait(1)
    grand.end(start, fresh=1000, out=10)
    grand.message("I have read it")
    grand.thread_idle(thread="sthr_2", agent_name="reader")
    child.tool("psql", "ask")
    child.message("Nothing in the logs")
    child.sent("sthr_primary", "LGTM")
    log.received("sthr_1", "LGTM")
    log.message("The analyst knows")
    return sorted([*log.events, *child.events, *grand.events], key=lambda event: event.at or 0)


def test_the_tree_says_who_works_for_whom_and_what_each_used():
    session = fold_all(delegation())
    branches = tree(session, figures_of(session).threads)
    assert [(branch.name, branch.depth, branch.status) for branch in branches] == [
        ("coder", 0, "needs an answer"),
        ("analyst", 1, "needs an answer"),
        ("reader", 2, "came to rest"),
    ]
    primary, analyst, reader = branches
    assert analyst.doing == "psql"
    assert reader.tokens == reader.subtree
    assert analyst.subtree == analyst.tokens + reader.tokens
    assert primary.subtree == (primary.tokens or 0) + analyst.subtree


def test_threads_that_name_one_another_as_parents_are_listed_once():
    session = fold_all(delegation())
    session.threads["sthr_1"].parent, session.threads["sthr_2"].parent = "sthr_2", "sthr_1"
    assert sorted(branch.name for branch in tree(session, {})) == ["analyst", "coder", "reader"]


def test_both_ends_of_a_message_lead_to_each_other():
    session = fold_all(delegation())
    ends = [index for index, item in enumerate(session.items) if "thread_message" in item.type]
    assert len(ends) == 4
    for index in ends:
        end = other_end(session, index)
        assert end in ends
        assert end != index
        assert other_end(session, end) == index
        assert session.items[end].thread != session.items[index].thread


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (200, 60)])
async def test_the_tree_at_any_width(size):
    async with playing(*delegation(), size=size) as play:
        await play.press("t")
        text = play.text()
        for said in ("2 threads beside the primary", "analyst", "reader", "needs an answer", "psql"):
            assert said in text
        assert all(len(line) <= size[0] for line in play.lines())


async def test_a_thread_has_a_timeline_of_its_own_and_esc_leads_back():
    async with playing(*delegation(), size=(100, 30)) as play:
        before = play.rows()
        await play.press("t", "j", "j", "enter")
        await play.settle()
        assert not isinstance(play.app.screen, Threads)
        assert "thread reader, Esc leaves" in play.text()
        assert "I have read it" in "\n".join(play.rows())
        assert "The analyst knows" not in "\n".join(play.rows())
        await play.press("escape")
        await play.settle()
        assert "Esc leaves" not in play.text()
        assert play.rows() == before


async def test_what_is_being_written_shows_where_it_will_be():
    waiting = [
        json.dumps({"type": "user.message", "id": "later", "content": "And then?", "processed_at": None})
    ]
    later = [parse(line.encode()) for line in waiting]
    written = [
        preview_start("said"),
        preview_delta("said", "The primary writes"),
        parse(preview_start("told").raw, stream="sthr_1"),
        parse(preview_delta("told", "The analyst writes").raw, stream="sthr_1"),
    ]
    log = delegation()
    async with playing(*log, *written, *later, size=(100, 40)) as play:

        def shown():
            rows = "\n".join(play.rows())
            return [said in rows for said in ("The primary writes", "The analyst writes", "And then?")]

        assert shown() == [True, False, True]
        await play.press("t", "j", "enter")
        await play.settle()
        assert shown() == [False, True, False]
        await play.press("t", "a")
        await play.settle()
        assert shown() == [True, True, True]


@pytest.mark.parametrize(
    ("name", "width", "shown"),
    [
        ("reader-of-evidence", 100, "reader-of-evidence"),
        ("証拠を読む人たち", 100, "証拠を読む人たち"),
        ("reader-of-evidence", 60, "reader-of…"),
    ],
)
async def test_all_threads_in_one_timeline_with_their_names(name, width, shown):
    async with playing(*delegation(name), size=(width, 40)) as play:
        await play.press("t", "a")
        await play.settle()
        starts = set()
        for who, said in (
            ("", "The analyst knows"),
            ("reader", "I have read it"),
            (shown, "Nothing in the logs"),
            (shown, "grep"),
        ):
            (row,) = (row for row in play.rows() if said in row)
            before = row.split(said)[0]
            assert before.split()[2:] == ([who] if who else [])
            starts.add(cell_len(before))
        assert len(starts) == 1, "what was said begins in one column"
        assert "all threads, Esc leaves" in play.text()


async def test_the_timeline_of_one_thread_does_not_repeat_its_name():
    async with playing(*delegation(), size=(100, 40)) as play:
        await play.press("t", "j", "enter")
        await play.settle()
        (row,) = (row for row in play.rows() if "grep" in row)
        assert "analyst" not in row


async def test_l_goes_to_the_other_end_of_a_message_and_back():
    async with playing(*delegation(), size=(100, 30)) as play:
        session = play.session
        sent = next(i for i, item in enumerate(session.items) if item.type.endswith("message_sent"))
        play.timeline.show_item(sent)
        await play.press("l")
        await play.settle()
        assert "thread analyst" in play.text()
        assert play.cursor == other_end(session, sent)
        await play.press("l")
        await play.settle()
        assert play.timeline.entries.thread is None
        assert play.cursor == sent


async def test_a_thread_that_is_looked_at_is_attached_to():
    class Attached(Stage):
        watched = ()

        async def hurry(self):
            pass

        async def watch_thread(self, thread):
            self.watched = (*self.watched, thread)

    stage = Attached(*delegation())
    async with playing(stage=stage, size=(100, 30)) as play:
        await play.press("t", "j", "enter")
        await play.until(lambda: stage.watched == ("sthr_1",))


async def test_a_bar_of_a_childs_work_leads_to_its_timeline():
    async with playing(*delegation(), size=(100, 30)) as play:
        await play.press("w")
        while "grep" not in play.lines()[-3]:
            await play.press("tab")
        await play.press("enter")
        await play.settle()
        assert play.timeline.entries.thread == "sthr_1"
        assert play.session.items[play.cursor].name == "grep"
