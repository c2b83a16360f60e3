"""Exact figures of real sessions, as public test recordings hold them."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from cma_tui.session.fold import apply
from cma_tui.session.merge import merge
from cma_tui.session.model import Change, Session
from tests.session.look import fold, inputs, session_cost, tally, view, waiting_seconds, wall_seconds, watch
from tests.stories.recordings import NAMES, recording


@dataclass(frozen=True)
class Figures:
    events: int
    requests: int
    uses: int
    failed: int
    confirmations: int
    fresh: int
    out: int
    read: int
    written: int
    cost: float | None
    states: tuple[str, ...]
    legs: tuple[str, ...]
    primary: str
    key: str
    wall: float
    waiting: float = 0.0


ONE_LEG = ("end_turn",)
TWO_LEGS = ("requires_action", "end_turn")
PLAIN = ("running", "idle")
ASKED = ("running", "waiting", "running", "idle")

EXPECTED = {
    "braintrust-sdk-python/2026-05-25_sdk0.104": Figures(
        events=13,
        requests=2,
        uses=1,
        failed=0,
        confirmations=0,
        fresh=4500,
        out=106,
        read=0,
        written=0,
        cost=None,
        states=PLAIN,
        legs=ONE_LEG,
        primary="sthr_011bKs6e7QjzmWeoWfubY8ZT",
        key="sevt_01Cwtfy24k56EZwQExADd3jA",
        wall=5.695222,
    ),
    "braintrust-sdk-python/2026-08-17_sdk0.122": Figures(
        events=14,
        requests=2,
        uses=1,
        failed=0,
        confirmations=0,
        fresh=4525,
        out=131,
        read=0,
        written=0,
        cost=0.01,
        states=PLAIN,
        legs=ONE_LEG,
        primary="sthr_01Lw9Lx9CW2mkVWSZvzb9aNa",
        key="sevt_014yZQkRrCMdSJBy8Lbf96cy",
        wall=5.163803,
    ),
    "langsmith-sdk/builtin_tools": Figures(
        events=12,
        requests=2,
        uses=1,
        failed=0,
        confirmations=0,
        fresh=4,
        out=80,
        read=14_300,
        written=25,
        cost=None,
        states=PLAIN,
        legs=ONE_LEG,
        primary="sthr_019EELAZnKFJUYxagbUMmE52",
        key="sevt_01LFdQereQhv54Lrouh3eYEi",
        wall=5.537366,
    ),
    "langsmith-sdk/custom_tools": Figures(
        events=16,
        requests=2,
        uses=1,
        failed=0,
        confirmations=0,
        fresh=4,
        out=80,
        read=14_472,
        written=0,
        cost=None,
        states=ASKED,
        legs=TWO_LEGS,
        primary="sthr_01VoaiEV5NRV7TWe4tZgZPDd",
        key="sevt_01LpWxFghbGGXZVjme1TQrQM",
        wall=8.360292,
        waiting=0.638054,
    ),
    "langsmith-sdk/mcp_tools": Figures(
        events=19,
        requests=2,
        uses=1,
        failed=0,
        confirmations=1,
        fresh=4,
        out=435,
        read=7780,
        written=10_244,
        cost=None,
        states=ASKED,
        legs=TWO_LEGS,
        primary="sthr_01Qy9X6y3oYBTGUwFaQ3yUHN",
        key="sevt_01XqiQPW71Tu7YT9itaWxaoc",
        wall=13.08951,
        waiting=0.613976,
    ),
    "langsmith-sdk/mcp_tools_reject": Figures(
        events=24,
        requests=3,
        uses=2,
        failed=1,
        confirmations=1,
        fresh=6,
        out=314,
        read=15_730,
        written=18_067,
        cost=None,
        states=ASKED,
        legs=TWO_LEGS,
        primary="sthr_01NJYdmNyHKjhcbZGJKrrBkp",
        key="sevt_0138P2eXmdHowG6555SzufaM",
        wall=9.844607,
        waiting=0.598388,
    ),
}


def test_every_recording_has_its_figures():
    assert set(NAMES) == set(EXPECTED)


@pytest.mark.parametrize("name", NAMES)
def test_a_recording_has_exactly_these_figures(name):
    expected, watched = EXPECTED[name], watch(recording(name))
    session = watched.session
    counted = tally(session)
    (turn,) = session.turns
    assert len(session.events) == expected.events
    assert tally(session, turn) == counted
    assert (counted.model_requests, counted.model_errors) == (expected.requests, 0)
    assert (counted.tool_uses, counted.tool_errors) == (expected.uses, expected.failed)
    assert (counted.confirmations, counted.errors, counted.compactions) == (expected.confirmations, 0, 0)
    assert (counted.input_tokens, counted.output_tokens) == (expected.fresh, expected.out)
    assert (counted.cache_read_tokens, counted.cache_write_tokens) == (expected.read, expected.written)
    assert session_cost(session) == expected.cost
    assert (turn.key, turn.stop_reason, session.stop_reason) == (expected.key, "end_turn", "end_turn")
    assert (turn.ended, turn.interrupted, len(inputs(session, 0))) == (True, False, 1)
    assert tuple(watched.states) == expected.states
    assert tuple(leg.stop_reason for leg in turn.legs) == expected.legs
    assert wall_seconds(turn) == pytest.approx(expected.wall, abs=1e-4)
    assert waiting_seconds(turn) == pytest.approx(expected.waiting, abs=1e-4)
    assert session.primary == expected.primary
    assert not session.threads
    assert not session.unknown_types
    assert session.bad_frames == 0
    assert not session.pending
    assert not session.open_requests


@pytest.mark.parametrize("name", NAMES)
def test_a_recording_is_the_same_however_it_is_delivered(name):
    events = recording(name)
    whole = view(fold(events))
    for cut in range(len(events)):
        session = merge(fold(events[cut:]), events, Change())
        assert view(session) == whole
        session = merge(Session(), events[:cut], Change())
        for event in events:
            apply(session, event, Change())
        assert view(session) == whole
