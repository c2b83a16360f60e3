"""Owns token counts and list cost: what `span.model_request_end`, `session.usage` and the resources report.

Invariant: a session's usage is the sum of its threads' usage and its graders' usage, and never shrinks;
`list_cost` is that sum at list price plus running time, in whole cents.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

# US dollars per million tokens of claude-opus-5, and per hour of running time.
INPUT_PRICE, OUTPUT_PRICE, CACHE_READ_PRICE, CACHE_WRITE_PRICE = 5.0, 25.0, 0.5, 6.25
RUNNING_HOUR_PRICE = 0.08
SEARCH_PRICE = 0.01

_CHARACTERS_PER_TOKEN = 4
_SYSTEM_PROMPT_TOKENS = 7126
_UNCACHED_TOKENS = 2  # what is left outside the cache when all of the prompt before it is cached


def tokens(text: str) -> int:
    """About how many tokens a text has."""
    return max(1, len(text) // _CHARACTERS_PER_TOKEN)


@dataclass
class Usage:
    """Token counts that add up."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_input_tokens: int = 0
    cache_creation_input_tokens: int = 0
    web_searches: int = 0

    def add(self, other: Usage) -> None:
        """Count `other` in."""
        self.input_tokens += other.input_tokens
        self.output_tokens += other.output_tokens
        self.cache_read_input_tokens += other.cache_read_input_tokens
        self.cache_creation_input_tokens += other.cache_creation_input_tokens
        self.web_searches += other.web_searches

    def dollars(self) -> float:
        """List price of these tokens and searches."""
        per_million = (
            self.input_tokens * INPUT_PRICE
            + self.output_tokens * OUTPUT_PRICE
            + self.cache_read_input_tokens * CACHE_READ_PRICE
            + self.cache_creation_input_tokens * CACHE_WRITE_PRICE
        )
        return per_million / 1e6 + self.web_searches * SEARCH_PRICE

    def model_usage(self) -> dict[str, int]:
        """As spans report it: cache writes as one total."""
        return {
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "cache_read_input_tokens": self.cache_read_input_tokens,
            "cache_creation_input_tokens": self.cache_creation_input_tokens,
        }


def cents(usage: Usage, active_seconds: float) -> float:
    """List cost so far, in cents, not rounded."""
    return 100 * (usage.dollars() + active_seconds / 3600 * RUNNING_HOUR_PRICE)


def snapshot(usage: Usage, active_seconds: float) -> dict[str, Any]:
    """As sessions, threads and `session.usage` report it."""
    return {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cache_read_input_tokens": usage.cache_read_input_tokens,
        "cache_creation": {
            "ephemeral_5m_input_tokens": usage.cache_creation_input_tokens,
            "ephemeral_1h_input_tokens": 0,
        },
        "active_seconds": round(active_seconds, 3),
        "list_cost": {"amount": str(round(cents(usage, active_seconds))), "currency": "USD"},
        "server_tool_use": {"web_search_requests": usage.web_searches, "web_fetch_requests": 0},
    }


class Context:
    """One thread's model context: what the next request reads from the cache and what it adds to it."""

    def __init__(self) -> None:
        self._cached = 0
        self._fresh = _SYSTEM_PROMPT_TOKENS

    def read(self, text: str) -> None:
        """A message or a tool result arrived; the next request pays for it."""
        self._fresh += tokens(text)

    def grow(self, count: int) -> None:
        """So many tokens arrived at once, from files the script does not spell out."""
        self._fresh += count

    def request(self, output_tokens: int) -> Usage:
        """Account for one model request that wrote so many tokens."""
        usage = Usage(_UNCACHED_TOKENS, output_tokens, self._cached, self._fresh)
        self._cached += self._fresh + output_tokens
        self._fresh = 0
        return usage

    def compact(self, summary_tokens: int) -> None:
        """Only a summary is left, and nothing of it is cached."""
        self._cached, self._fresh = 0, _SYSTEM_PROMPT_TOKENS + summary_tokens
