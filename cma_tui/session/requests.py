"""The figures of one model request.

Owns what is told of each. Invariant: the requests of a turn add up to the turn's, and their shares of a cost
never to more than the cost.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from cma_tui.session.cost import Amount
from cma_tui.session.elapsed import micros
from cma_tui.session.model import ModelRequest, Session
from cma_tui.session.sums import Parts, request_us, timed

State = Literal["done", "failed", "running", "lost"]
"""`lost`: something shows that it must have ended, and nothing told how."""


class RequestFigures(NamedTuple):
    """One call of the model."""

    item: int
    """Its index in the session."""
    turn: int
    """The turn it is counted in, -1 when there is none."""
    thread: str | None
    state: State
    at: float | None
    length_us: int | None
    first_token_s: float | None
    """By our clock, where its text was previewed."""
    first_block_us: int | None
    """From its start to the stamp of its first whole block."""
    metered: bool
    """Whether it told its tokens."""
    input_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    output_tokens: int
    cost: Amount

    @property
    def prompt_tokens(self) -> int:
        """All tokens the model read: what filled its context."""
        return self.input_tokens + self.cache_read_tokens + self.cache_write_tokens

    @property
    def tokens_per_second(self) -> float | None:
        """Output tokens a second; None where its duration is not known."""
        if not self.metered or self.length_us is None or not timed(self.length_us):
            return None
        return self.output_tokens * 1_000_000 / self.length_us


def request_figures(session: Session, index: int, turn: int, parts: Parts, cost: Amount) -> RequestFigures:
    """The figures of a request, from what it adds to its turn's."""
    item = session.items[index]
    assert isinstance(item, ModelRequest)
    block = None
    if item.first_block_at is not None and item.at is not None:
        block = max(0, micros(item.first_block_at) - micros(item.at))
    state: State = (
        "failed" if item.is_error else "done" if item.end >= 0 else "lost" if item.closed else "running"
    )
    return RequestFigures(
        index,
        turn,
        item.thread,
        state,
        item.at,
        request_us(item) if item.end >= 0 else None,
        session.first_tokens.get(index),
        block,
        item.usage is not None,
        parts.get("input_tokens", 0),
        parts.get("cache_read_tokens", 0),
        parts.get("cache_write_tokens", 0),
        parts.get("output_tokens", 0),
        cost,
    )
