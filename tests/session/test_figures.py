"""Every figure against the naive calculator, and against itself: counted as it grows, and all at once."""

from __future__ import annotations

import json
import os
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cma_tui.event import Event, local, parse, stamp_text
from cma_tui.session.book import Book, figures_of
from cma_tui.session.elapsed import Split
from cma_tui.session.errors import turn_errors
from cma_tui.session.figures import ToolFigures
from cma_tui.session.fold import apply
from cma_tui.session.members import Agent
from cma_tui.session.model import Change, Session
from cma_tui.session.requests import RequestFigures
from cma_tui.session.sums import Sums
from tests.session.counting import work
from tests.session.look import fold, tally
from tests.session.naive import Naive
from tests.stories import orders, others, surprises
from tests.stories.recordings import NAMES, recording
from tests.stories.server import Story, stories
from tests.stories.write import Log, preview_delta, preview_start

SESSIONS = int(os.environ.get("CMA_TOP_SESSIONS", "200"))
"""How many sessions are drawn; `make soak` draws thousands."""


class Rates:
    """Prices that are easy to work out: billionths a token."""

    def cost(self, model, usage, at, /):
        return naive_price(
            usage.input_tokens,
            usage.output_tokens,
            usage.cache_read_input_tokens,
            usage.cache_creation_input_tokens,
            model,
        )

    def window(self, model, /):
        return 200_000


def naive_price(fresh, out, read, written, model=None):
    dear = {"claude-y": 2, "claude-z": 7}.get(model, 1)
    return dear * (5000 * fresh + 25000 * out + 500 * read + 6250 * written)


def told(module) -> dict[str, list[Event]]:
    """The stories of a module by name; of two streams, both by time."""
    found = {}
    for name, make in vars(module).items():
        if callable(make) and getattr(make, "__module__", "") == module.__name__ and name.islower():
            story = make()
            if isinstance(story, tuple):
                story = sorted([*story[0], *story[1]], key=lambda event: event.at or 0)
            found[name] = story
    return found


STORIES = {**told(orders), **told(others), **told(surprises), **{name: recording(name) for name in NAMES}}


def named(session: Session) -> Session:
    session.agent = session.agent if session.agents else Agent(model="claude-x")
    return session


def look(book: Book, session: Session) -> dict:
    """Every figure as plain values."""
    return {
        "turns": [(turn.parts, turn.split, book.cost(turn.index)) for turn in book.turns],
        "rest": [
            (t.prompt, t.peak, t.first_request, t.first_block_us, t.after, t.after_count, t.wall_us)
            for t in book.turns
        ],
        "total": book.total,
        "split": book.split,
        "cost": book.session_cost(),
        "tools": {
            k: (t.uses, t.errors, t.denied, t.estimate, t.waits, t.durations) for k, t in book.tools.items()
        },
        "threads": {k: v for k, v in book.threads.items() if v != Sums()},
        "types": book.error_types,
        "requests": [book.request(index) for index in book.requests],
        "marks": [book.at_least(turn) for turn in book.turns],
    }


def agrees(events: list[Event]) -> None:
    session = named(fold(events))
    book = figures_of(session, Rates())
    naive = Naive([(json.loads(e.raw), e.stream, e.received_at) for e in events], naive_price)
    assert len(book.turns) == len(naive.turns)
    for sums, index in [(book.total, None), *((turn, turn.index) for turn in book.turns)]:
        expected = naive.sums(index)
        assert {name: getattr(sums, name) for name in expected} == expected, index
    for turn in book.turns:
        wall = naive.wall(turn.index)
        assert turn.wall_us == (-1 if wall is None else wall)
        split = naive.split(turn.index)
        assert (turn.split._asdict() if turn.split is not None else None) == split
        block = None if turn.first_block_us < 0 else turn.first_block_us
        first = session.first_tokens.get(turn.first_request)
        assert (turn.prompt, turn.peak, first, block) == naive.one_turn(turn.index)
    charged = 0
    for turn in book.turns:  # of what is told for several turns together, each has its part
        cost, charged = naive.cost(turn.index), charged + (book.cost(turn.index).nano or 0)
        if cost is not None:
            assert charged == cost or turn.after_count
            charged = 0
    assert {k: tool_row(t) for k, t in book.tools.items()} == naive.tools()
    assert {k: tool_row(t) for k, t in book.servers.items()} == naive.servers()
    for thread, sums in book.threads.items():
        expected = naive.sums(thread=thread)
        assert {name: getattr(sums, name) for name in expected} == expected, thread
    assert [request_row(book.request(index)) for index in book.requests] == [r[:-1] for r in naive.rows()]
    for index, (*_, price) in zip(book.requests, naive.rows(), strict=True):
        one = book.request(index)
        if one.turn >= 0 and price is not None:
            whole, cost = naive.sums(one.turn)["estimate"], book.cost(one.turn).nano
            less = cost is not None and cost < whole
            price = price * cost // whole if less else price
        assert one.cost.nano == price
    assert (book.disconnects, book.gap_us) == naive.gaps()
    for turn in session.turns:
        assert sum(book.turns[turn.index].by_category.values()) == len(turn_errors(session, turn))
    adds_up(book, session, naive.elapsed())


def tool_row(tool: ToolFigures) -> tuple:
    return (tool.uses, tool.errors, tool.denied, tool.estimate, list(tool.waits), list(tool.durations))


def request_row(one: RequestFigures) -> tuple:
    numbers = (one.input_tokens, one.output_tokens, one.cache_read_tokens, one.cache_write_tokens)
    beside = (one.length_us, one.first_token_s, one.first_block_us)
    return (one.thread, one.turn, one.state, *beside, *numbers)


def requests_add_up(book: Book) -> None:
    """The requests of a turn are the turn; their parts of its cost are never more than it."""
    ones = [book.request(index) for index in book.requests]
    for sums, mine in [
        (book.total, ones),
        *((turn, [one for one in ones if one.turn == turn.index]) for turn in book.turns),
    ]:
        ended = [one for one in mine if one.state in ("done", "failed")]
        assert sums.model_requests == len(ended)
        assert sums.model_errors == sum(one.state == "failed" for one in ended)
        assert sums.model_us == sum(one.length_us or 0 for one in ended)
        for name in ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens"):
            assert getattr(sums, name) == sum(getattr(one, name) for one in mine)
    for turn in book.turns:
        cost = book.cost(turn.index).nano
        if cost is not None:
            assert sum(one.cost.nano or 0 for one in ones if one.turn == turn.index) <= cost


def adds_up(book: Book, session: Session, elapsed: int | None) -> None:
    outside = Sums()
    outside.add(book.total.parts)
    for turn in book.turns:
        outside.add({name: -number for name, number in Sums.parts.fget(turn).items()})
    assert all(number >= 0 for number in outside.parts.values() if number), (
        "no more in the turns than there is"
    )
    if session.turns and not session.threads:
        assert outside.model_requests == outside.tool_uses == outside.input_tokens == 0
    counted = tally(session)
    for name in (
        "model_requests",
        "model_errors",
        "tool_uses",
        "tool_errors",
        "confirmations",
        "errors",
        "compactions",
        "input_tokens",
        "output_tokens",
        "cache_read_tokens",
        "cache_write_tokens",
    ):
        assert getattr(book.total, name) == getattr(counted, name), name
    if book.split is not None:
        assert book.split.total == elapsed
        assert min(book.split) >= 0
    for turn in book.turns:
        assert min(turn.split or Split()) >= 0
        assert all(number >= 0 for name, number in turn.parts.items() if name != "saved")
        assert (book.cost(turn.index).nano or 0) >= 0
    requests_add_up(book)
    if session.turns:
        known = [book.cost(turn.index).nano for turn in book.turns]
        assert sum(cost or 0 for cost in known) == (book.session_cost().nano or 0)


@pytest.mark.parametrize("name", STORIES)
def test_a_story_agrees_with_the_naive_calculator(name):
    agrees(STORIES[name])


@settings(max_examples=SESSIONS, deadline=None)
@given(stories(), st.integers(0, 1 << 32))
def test_generated_sessions_agree_with_the_naive_calculator(story, seed):
    agrees(arriving(story, Random(seed)))


def arriving(story: Story, random: Random) -> list[Event]:
    """The story as a client gets it: messages that wait in the queue, previews, breaks, our clock at each."""
    events = story.everything
    early: dict[int, list[Event]] = {}
    for position, draft in story.drafts.values():
        first = next(n for n, event in enumerate(events) if event is story.history[position])
        stamped = next(n for n, event in enumerate(events) if event.key == draft.key)
        if random.random() < 0.7:
            early.setdefault(random.randint(min(first, stamped), stamped), []).append(draft)
    found, clock = [], 1_790_000_000.0
    for number, event in enumerate(events):
        come = [*early.get(number, ()), event]
        if random.random() < 0.1:
            come.insert(0, local("local.disconnected", {"number": number}))
            come.insert(1, local("local.connected", {"number": number}))
        if event.type == "agent.message":
            begins = [preview_start(event.key)] if random.random() < 0.8 else []
            come[-1:-1] = [*begins, preview_delta(event.key, "He"), preview_delta(event.key, "llo")]
        if random.random() < 0.1 and event.stream is None and event.at is not None:
            come.insert(0, changed(random.choice("xyz"), event.at, number))
        if random.random() < 0.1 and event.stream is not None:
            come.insert(0, described(event.stream, random.choice("xyz"), number))
        for one in come:
            clock += random.choice([0.0, 0.25, 3.5])
            arrived = clock if random.random() < 0.9 else None
            found.append(parse(one.raw, received_at=arrived, stream=one.stream))
    return found


def changed(model: str, at: float, number: int) -> Event:
    """The agent gets another model."""
    agent = {"id": "agent_1", "model": {"id": f"claude-{model}"}}
    told = {
        "id": f"changed-{number}",
        "processed_at": stamp_text(at),
        "type": "session.updated",
        "agent": agent,
    }
    return parse(json.dumps(told).encode())


def described(thread: str, model: str, number: int) -> Event:
    """The API tells a child thread's model."""
    agent = {"name": "helper", "model": {"id": f"claude-{model}"}}
    told = {"id": thread, "parent_thread_id": "sthr_p", "agent": agent}
    return local("local.threads", {"number": number, "threads": [told]})


def growing(events: list[Event], sizes: list[int], limit: int) -> None:
    """Counted change by change, whatever the size of the changes, it is the same as all at once."""
    session, book = named(Session()), Book(Rates())
    change, steps = Change(), 0
    for event in events:
        apply(session, event, change)
        steps += 1
        if steps >= sizes[len(session.events) % len(sizes)]:
            book.update(session, change, limit)
            change, steps = Change(), 0
    if not book.update(session, change, limit):
        while not book.update(session, Change(), limit):
            pass
    assert look(book, session) == look(figures_of(session, Rates()), session)


@pytest.mark.parametrize("name", STORIES)
def test_counted_as_it_grows(name):
    growing(STORIES[name], [1], 1000)
    growing(STORIES[name], [3, 1, 7], 2)


@settings(max_examples=SESSIONS // 2, deadline=None)
@given(
    stories(),
    st.integers(0, 1 << 32),
    st.lists(st.integers(1, 30), min_size=1, max_size=5),
    st.sampled_from([1, 5, 10_000]),
)
def test_generated_sessions_counted_as_they_grow(story, seed, sizes, limit):
    growing(arriving(story, Random(seed)), sizes, limit)


def most_at_once(turns: int) -> int:
    """The most work that one limited call does: first counting a session of so many turns, then once more."""
    log = Log()
    for _ in range(turns):
        log.begin("Hi")
        use = log.tool(permission="ask")
        log.idle("requires_action", use)
        log.confirm(use)
        log.running()
        log.result(use)
        log.answer()
        log.idle()
    session, book = fold(log.events), Book()
    found: list[int] = []

    def count() -> None:
        whole.append(book.update(session, Change(), limit=50))

    for _ in range(2):
        whole: list[bool] = [False]
        while not whole[-1]:
            found.append(work(count))
        book.price(Rates())  # everything is counted anew
    assert look(book, session) == look(figures_of(session, Rates()), session)
    return max(found)


def test_what_is_counted_at_once_is_bounded_however_long_the_session_is():
    assert most_at_once(600) < 1.3 * most_at_once(150)


def test_the_cost_can_be_asked_for_while_turns_are_not_counted_yet():
    log = Log()
    for number in range(1, 40):
        log.begin(f"ask {number}")
        log.answer()
        log.rest(cents=str(number))
    session = fold(log.events)
    book = Book()
    while not book.update(session, None, 5):
        assert book.session_cost().nano == 390_000_000, "what the server told"
        assert all(book.cost(turn.index) for turn in book.turns)
    assert book.session_cost().mark == "exact"
