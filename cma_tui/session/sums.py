"""Counts that add up: of a request, a turn, a thread, the session.

Owns what one item adds. Invariant: everything here is a whole number, so that sums are exact and the order
in which things are counted does not show; times are microseconds, money is billionths of a dollar.
"""

from __future__ import annotations

from typing import Final

import msgspec

from cma_tui.content import plain_text
from cma_tui.event import ModelUsage
from cma_tui.session import errors
from cma_tui.session.cost import SEARCH, Prices
from cma_tui.session.elapsed import micros
from cma_tui.session.model import Evaluation, Failure, Item, ModelRequest, Session, ToolUse

Parts = dict[str, int]
"""What something adds, by the field of `Sums` that counts it."""

CATEGORIES = ("timeout", "api_error", "tool_error", "sandbox_error", "unknown")
"""What an error may be, in the order of `Sums.errors_by`."""


BATCH_US = 1000
"""A request that is shorter was stamped as a whole, once it was over: its duration is not known."""


class Sums(msgspec.Struct, gc=False):
    """What adds up."""

    model_requests: int = 0
    model_errors: int = 0
    tool_uses: int = 0
    tool_errors: int = 0
    denied: int = 0
    """Of the tool errors: uses that were forbidden, which is no failure."""
    confirmations: int = 0
    errors: int = 0
    """The server's `session.error`s."""
    retrying: int = 0
    """Of these: those after which it tries again."""
    rescheduled: int = 0
    interrupts: int = 0
    compactions: int = 0
    evaluations: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    grader_tokens: int = 0
    model_us: int = 0
    tool_us: int = 0
    unmetered: int = 0
    """Requests that ended well and told no tokens."""
    timed_tokens: int = 0
    """Output tokens of the requests whose duration is known."""
    timed_us: int = 0
    approvals: int = 0
    """Confirmations whose wait is known."""
    approval_us: int = 0
    queued: int = 0
    """Inputs of which we know how long they waited in the server's queue."""
    queue_us: int = 0
    priced: int = 0
    """Requests and graders that tell tokens and have a price."""
    unpriced: int = 0
    estimate: int = 0
    """What the priced ones and the web searches cost by list prices."""
    saved: int = 0
    """What they would have cost more without a cache; below zero where little was read from it."""
    timeouts: int = 0
    api_errors: int = 0
    tool_failures: int = 0
    sandbox_errors: int = 0
    unknown_errors: int = 0
    silent_errors: int = 0
    """Requests that failed in turns in which the server says nothing of an error."""

    @property
    def prompt_tokens(self) -> int:
        """All tokens the model read: fresh, from the cache and into it."""
        return self.input_tokens + self.cache_read_tokens + self.cache_write_tokens

    @property
    def cached_share(self) -> float | None:
        """How much of what the model read came from the cache, 0 to 1; None when it read nothing."""
        return self.cache_read_tokens / self.prompt_tokens if self.prompt_tokens else None

    @property
    def tokens_per_second(self) -> float | None:
        """Output tokens a second of the requests whose duration is known."""
        return self.timed_tokens * 1_000_000 / self.timed_us if self.timed_us else None

    @property
    def retries(self) -> int:
        """At least so often something was tried again: one failure may show in three ways."""
        return max(self.retrying, self.rescheduled)

    @property
    def by_category(self) -> dict[str, int]:
        """Everything that went wrong, by kind."""
        api = self.api_errors + self.silent_errors
        numbers = (self.timeouts, api, self.tool_failures, self.sandbox_errors, self.unknown_errors)
        return {name: number for name, number in zip(CATEGORIES, numbers, strict=True) if number}

    def add(self, parts: Parts) -> None:
        """Count what one item adds."""
        for name, number in parts.items():
            if number:
                setattr(self, name, getattr(self, name) + number)

    def take_in(self, other: Sums) -> None:
        """Count all that is counted in another."""
        for name in _COUNTS:
            number = getattr(other, name)
            if number:
                setattr(self, name, getattr(self, name) + number)

    def leave_out(self, other: Sums) -> None:
        """Count nothing of what is counted in another."""
        for name in _COUNTS:
            number = getattr(other, name)
            if number:
                setattr(self, name, getattr(self, name) - number)

    @property
    def parts(self) -> Parts:
        """All of it, to be counted elsewhere."""
        return {name: getattr(self, name) for name in _COUNTS}


_COUNTS: Final = Sums.__struct_fields__

BY_CATEGORY = dict(
    zip(
        CATEGORIES,
        ("timeouts", "api_errors", "tool_failures", "sandbox_errors", "unknown_errors"),
        strict=True,
    )
)
"""Where an error of each category is counted."""


def settled(item: Item) -> bool:
    """Whether all that the item adds is there: only then it is counted."""
    if isinstance(item, ToolUse):
        return item.result >= 0
    return item.end >= 0 if isinstance(item, ModelRequest | Evaluation) else True


def used(usage: ModelUsage) -> Parts:
    """What the tokens of a model request add."""
    return {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cache_read_tokens": usage.cache_read_input_tokens,
        "cache_write_tokens": usage.cache_creation_input_tokens,
    }


def of_request(item: ModelRequest, model: str | None, prices: Prices | None) -> Parts:
    """What one model request adds, once it has ended."""
    parts = {"model_requests": 1}
    if item.is_error:
        parts["model_errors"] = 1
    length = request_us(item)
    if length is not None:
        parts["model_us"] = length
    usage = item.usage
    if usage is not None:
        parts |= used(usage)
        if length is not None and timed(length):
            parts["timed_tokens"], parts["timed_us"] = usage.output_tokens, length
        _price(parts, usage, model, item.ended_at, prices)
    elif not item.is_error:
        parts["unmetered"] = parts["unpriced"] = 1
    return parts


def of_grader(item: Evaluation, model: str | None, prices: Prices | None) -> Parts:
    """What one evaluation of an outcome adds, once it has ended."""
    parts = {"evaluations": 1}
    usage = item.usage
    if usage is not None and (tokens := sum(getattr(usage, name) for name in usage.__struct_fields__)):
        parts["grader_tokens"] = tokens
        _price(parts, usage, model, item.ended_at, prices)
    else:
        parts["unpriced"] = 1  # a grader's work is charged, whether or not its tokens are told
    return parts


def of_use(use: ToolUse) -> Parts:
    """What one tool use adds as soon as it is there."""
    searched = use.kind == "builtin" and use.name == "web_search"
    return {"tool_uses": 1, "estimate": SEARCH} if searched else {"tool_uses": 1}


def of_confirmation(use: ToolUse) -> Parts:
    """What the confirmation of a tool use adds."""
    if use.confirmation is None:
        return {}
    wait = approval_us(use)
    return {"confirmations": 1} if wait is None else {"confirmations": 1, "approvals": 1, "approval_us": wait}


def of_result(session: Session, use: ToolUse) -> Parts:
    """What the result of a tool use adds."""
    parts = {"tool_us": tool_us(use) or 0}
    if not use.is_error:
        return parts
    parts["tool_errors"] = 1
    if errors.denied(use):
        parts["denied"] = 1
    else:
        parts[BY_CATEGORY[errors.tool_category(plain_text(session.events[use.result].content))]] = 1
    return parts


def of_failure(item: Failure) -> Parts:
    """What one `session.error` adds."""
    kind = BY_CATEGORY[errors.category(item.error_type, item.message)]
    return {"errors": 1, "retrying": int(item.retry == "retrying"), kind: 1}


def request_us(item: ModelRequest | Evaluation) -> int | None:
    """How long a request took, in microseconds; None when a stamp is missing."""
    if item.at is None or item.ended_at is None:
        return None
    return max(0, micros(item.ended_at) - micros(item.at))


def timed(us: int) -> bool:
    """Whether a request of that length had its start stamped when it began."""
    return us >= BATCH_US


def tool_us(use: ToolUse) -> int | None:
    """How long a tool took from its use, or from its approval, to its result, in microseconds."""
    started = use.at if use.confirmed_at is None else use.confirmed_at
    if started is None or use.result_at is None:
        return None
    return max(0, micros(use.result_at) - micros(started))


def approval_us(use: ToolUse) -> int | None:
    """How long a use waited for its confirmation, in microseconds; None when it had none."""
    if use.confirmed_at is None or use.at is None:
        return None
    return max(0, micros(use.confirmed_at) - micros(use.at))


def _price(
    parts: Parts, usage: ModelUsage, model: str | None, at: float | None, prices: Prices | None
) -> None:
    cost = prices.cost(model, usage, at) if prices is not None and model is not None else None
    if cost is None or prices is None or model is None:
        parts["unpriced"] = 1
        return
    parts["priced"], parts["estimate"] = 1, cost
    if usage.cache_read_input_tokens or usage.cache_creation_input_tokens:
        prompt = usage.input_tokens + usage.cache_read_input_tokens + usage.cache_creation_input_tokens
        bare = prices.cost(model, ModelUsage(prompt, usage.output_tokens, 0, 0), at)
        parts["saved"] = 0 if bare is None else bare - cost
