"""The player over a feed, on a clock that only the test moves."""

import pytest

from cma_tui.event import parse, stamp_text
from cma_tui.feed import Feed
from cma_tui.player import Player
from cma_tui.session.fold import apply
from cma_tui.session.model import Change
from tests.ui.play import Stage, opening

START = 1_790_000_000.0


def events(*times):
    for number, at in enumerate(times):
        stamp = f',"processed_at":"{stamp_text(START + at)}"' if at is not None else ""
        yield parse(f'{{"type":"agent.message","id":"e{number}"{stamp}}}'.encode())


class Time:
    now = 0.0

    def __call__(self):
        return self.now


def played(*times, whole=True, **options):
    """A player of a log that has been read, and its clock."""
    feed, time = Feed(opening(Stage())), Time()
    player = Player(feed, clock=time, **options)
    for event in events(*times):
        apply(feed.session, event, Change())
    feed.finished = whole
    player.update(None)
    return player, time


def test_it_plays_by_the_logs_clock_and_stays_at_the_end():
    player, time = played(0, 1, 1.5, 1.500001, from_start=True)
    assert (player.step, player.due()) == (1, pytest.approx(1.0))
    time.now += 1
    player.update(None)
    assert (player.step, player.due()) == (2, pytest.approx(0.5))
    time.now += 0.6
    player.update(None)
    assert (player.step, player.ended, player.playing, player.due()) == (4, True, False, None)


@pytest.mark.parametrize(
    ("times", "options", "due"),
    [
        ((0, 600), {}, 2),
        ((0, 600), {"idle_limit": 60}, 60),
        ((0, 600), {"idle_limit": None}, 600),
        ((0, 600), {"speed": 4.0}, 0.5),
    ],
)
def test_waits(times, options, due):
    player, _ = played(*times, from_start=True, **options)
    assert player.due() == pytest.approx(due)


def test_steps_seeks_and_loops_both_ways():
    player, time = played(0, 1, 2, 3, 4, from_start=False)
    assert (player.step, player.rewound) == (5, False)
    player.step_event(-1)
    assert (player.step, len(player.session.events), player.rewound) == (4, 4, True)
    player.seek_share(0.5)
    assert len(player.session.events) == 3
    player.skip(-1)
    assert len(player.session.events) == 2
    for words, step in (("50%", 3), ("#4", 4), ("e1", 2), ("2s", 3), ("0:03", 4), ("turn 1", 1)):
        assert player.find(words) == step, words
    assert player.find("nothing such") is None
    player.loop = True
    player.seek(4)
    player.play()
    time.now += 2
    player.update(None)
    assert (player.step, player.playing) == (0, True)


def test_a_session_that_goes_on_is_rewound_and_caught_up_with():
    player, _ = played(0, 1, 2, whole=False)
    player.skip(-1)
    before = len(player.session.events)
    for event in list(events(0, 1, 2, 30))[3:]:
        apply(player.feed.session, event, Change())
    player.update(Change())
    assert (before, len(player.session.events), len(player.feed.session.events)) == (2, 2, 4)
    assert player.lag == pytest.approx(29)
    player.to_newest()
    assert player.session is player.feed.session
