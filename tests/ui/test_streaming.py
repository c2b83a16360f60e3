"""A message while it is written: its lines stay where they are when it is there."""

from time import process_time

import pytest
from rich.style import Style

from cma_tui.ui.cells import wrap
from cma_tui.ui.widgets.markdown import MARKDOWN_CAP, is_markdown, markdown_console, set_markdown
from cma_tui.ui.widgets.streaming import Streaming
from tests.stories.write import Log, preview_delta, preview_start
from tests.ui.play import playing
from tests.ui.test_session_screen import conversation

ANSWER = """\
I looked at **three** places, and each of them tells the same story in its own words, at some length.

## What changed

- commit `9f2c1e` issues one query per line item
- the pool has 20 connections

  and each is held 40 times longer

1. Roll back.

2. Add a limit.

| metric | before | now |
|---|---|---|
| p99 | 212 ms | 2.1 s |

```python
def load(item):

    return db.one(item.id)
```

That is all.
"""
LONG = "\n\n".join(f"paragraph {n} with some **bold** words that go on for a while" for n in range(30))


HUGE = "\n\n".join(f"## Part {n}\n\n```python\nx = {n}\n\ny = **{n}\n```\n\n{LONG[:700]}" for n in range(30))
"""Longer than what is set as Markdown."""
ENDLESS = LONG * 40
"""Longer than what a row may hold."""


def console():
    return markdown_console(Style(), Style(), {})


def lines_of(segments):
    return ["".join(part.text for part in line).rstrip() for line in segments]


def whole(text):
    if is_markdown(text):
        return lines_of(set_markdown(text, 60, Style(), console()))
    return wrap(text, 60)


@pytest.mark.parametrize("size", [1, 7, 50])
@pytest.mark.parametrize(
    "text", [ANSWER, LONG, "plain\n\n\nwith gaps\n\nand an end", "one line"], ids=range(4)
)
def test_what_is_written_piece_by_piece_is_set_like_the_message(text, size):
    made = Streaming(60, Style(), console())
    shown = []
    for end in range(size, len(text) + size, size):
        shown = lines_of(made.lines(text[:end].strip("\n")))
    assert shown == whole(text.strip("\n"))


def test_a_message_of_any_length_is_set_as_it_was_while_it_was_written():
    assert len(HUGE) > MARKDOWN_CAP
    assert not is_markdown(HUGE)
    made = Streaming(60, Style(), console())
    for end in range(500, len(HUGE), 500):
        made.lines(HUGE[:end])
    shown = lines_of(made.lines(HUGE, whole=True))
    assert shown == lines_of(Streaming(60, Style(), console()).lines(HUGE, whole=True))
    assert "Part 2" in shown, "its beginning is Markdown"
    assert "## Part 29" in shown, "and its end as it was written"


def test_a_block_of_code_with_many_empty_lines_is_looked_through_once():
    code = "```\n" + "a\n\n" * 20_000
    begun = process_time()
    made = Streaming(60, Style(), console())
    for end in (20_000, 40_000, len(code)):
        made.lines(code[:end])
    assert process_time() - begun < 2.0


def test_blocks_that_have_ended_are_set_once(monkeypatch):
    from cma_tui.ui.widgets import streaming

    set_ = []
    made = Streaming(60, Style(), console())
    monkeypatch.setattr(
        streaming, "set_markdown", lambda text, *rest: set_.append(len(text)) or set_markdown(text, *rest)
    )
    for end in range(10, len(LONG), 10):
        made.lines(LONG[:end])
    assert max(set_) < 200, "a block, not the whole"


@pytest.mark.parametrize("text", [ANSWER, LONG, HUGE, ENDLESS], ids=["blocks", "long", "huge", "endless"])
@pytest.mark.parametrize("keys", [(), ("end", "k", "pageup", "j")], ids=["following", "reading in it"])
async def test_a_preview_becomes_its_message_without_a_jump(text, keys):
    log = Log()
    log.begin("Tell me")
    start = log.start()
    async with playing(*log.events, size=(80, 24)) as play:
        await play.give(preview_start("said"))
        step = max(40, len(text) // 12)
        for at in range(0, len(text), step):
            await play.give(preview_delta("said", text[at : at + step]))
        await play.press(*keys)
        await play.settle()
        before = play.rows()
        log.message(text, id="said")
        await play.give(log.events[-1])
        assert [row.replace(" ▏", "").rstrip()[19:] for row in before] == [row[19:] for row in play.rows()]
        log.end(start)
        await play.give(log.events[-1])
        after = play.rows()
        assert [row[19:] for row in after[1:]] == [row.replace(" ▏", "").rstrip()[19:] for row in before[1:]]


@pytest.mark.parametrize("text", [LONG, LONG.replace("*", "").replace("\n\n", "\n")], ids=["blocks", "plain"])
async def test_one_more_piece_makes_the_lines_that_it_changes(text):
    log = Log()
    log.begin("Tell me")
    async with playing(*log.events, preview_start("said"), preview_delta("said", text)) as play:
        strips = play.timeline._strips
        before = strips.of_tail(play.session, "preview", "said")
        await play.give(preview_delta("said", " and so on"))
        after = strips.of_tail(play.session, "preview", "said")
        made = [line.text for line in after if all(line is not other for other in before)]
        assert len(before) > 28
        assert len(made) < 4
        assert "and so on" in made[-1]


async def test_what_is_read_above_stays_while_a_message_is_written_fails_and_comes_again():
    log = conversation(8)
    async with playing(*log.events) as play:
        await play.press("g", "j", "j")
        before = play.rows()
        log.begin("More")
        start = log.start()
        await play.give(*log.events[-3:], preview_start("lost"), preview_delta("lost", LONG))
        assert play.rows() == before
        log.end(start, is_error=True)
        await play.give(log.events[-1])
        assert play.rows() == before
        assert not play.session.previews
        log.start()
        log.message(ANSWER, id="said")
        await play.give(
            log.events[-2], preview_start("said"), preview_delta("said", ANSWER[:99]), log.events[-1]
        )
        assert play.rows() == before


async def test_a_running_thought_shows_its_time(monkeypatch):
    from cma_tui.ui.widgets import strips

    now = [1_000.0]
    monkeypatch.setattr(strips, "now", lambda: now[0])
    log = Log()
    log.begin("Think")
    log.start()
    async with playing(*log.events) as play:
        await play.give(preview_start("thought", "agent.thinking", received_at=998.0))
        assert "2.0s" in next(row for row in play.rows() if "thinks" in row)
        now[0] += 3
        play.timeline.tick()
        await play.settle()
        assert "5.0s" in next(row for row in play.rows() if "thinks" in row)
